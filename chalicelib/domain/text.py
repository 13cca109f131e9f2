"""Kinds of text that come from outside, as types: one pattern validates a request and stands in the OpenAPI schema.

Every pattern ends in ``$(?!\\n)``: ``$`` alone also matches before a final newline, and would let that newline in.
``must`` completes the sentence "Must be ..." of a fault (see ``reading``).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

_INVISIBLE = (
    r"\x7f-\x9f"  # DEL and the C1 controls
    r"\u2028\u2029"  # line and paragraph separators: they end a line in places that do not expect it
    r"\u202a-\u202e\u2066-\u2069"  # bidirectional overrides and isolates: they make text read as something else
    r"\ud800-\udfff"  # lone surrogates cannot be stored as UTF-8
    r"\ufeff\ufffe\uffff"
)
_PRINTABLE = rf"[^\x00-\x1f{_INVISIBLE}]"
_PRINTABLE_OR_BREAK = rf"[^\x00-\x08\x0b\x0c\x0e-\x1f{_INVISIBLE}]"
# A first character that is not a space, found without backtracking, so a hostile string costs one pass.
_LABEL = rf"^ *[^\s\x00-\x1f{_INVISIBLE}]{_PRINTABLE}*$(?!\n)"

ExternalId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._:@+/=-]{1,128}$(?!\n)",
        extra={"must": "1 to 128 characters of A-Z a-z 0-9 . _ : @ + / = -"},
    ),
]
"""An id that somebody else made: an order's, a refund's, a customer's."""

IdempotencyKey = Annotated[
    str, Meta(pattern=r"^[!-~]{1,128}$(?!\n)", extra={"must": "1 to 128 visible ASCII characters"})
]

Identifier = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$(?!\n)",
        extra={"must": "1 to 64 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"},
    ),
]
"""An id that the owner chose inside the program document."""

Label = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=_LABEL,
        extra={"must": "1 to 120 printable characters on one line, not only spaces"},
    ),
]
"""Short text shown to people. No control characters, and none that turn the direction of what follows."""

Paragraph = Annotated[
    str,
    Meta(
        max_length=2_000,
        pattern=rf"^{_PRINTABLE_OR_BREAK}*$(?!\n)",
        extra={"must": "at most 2000 printable characters; line breaks and tabs are fine inside"},
    ),
]
"""Longer text shown to people, over several lines."""
