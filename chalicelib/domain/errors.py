"""Every refusal of the product, each with its stable code.

Three kinds, by what the caller can do about it:

* ``Invalid``  - the request itself is wrong; every fault is listed at its JSON pointer.
* ``Refused``  - the request is well-formed, the program's rules or the present state refuse it.
* ``Unavailable`` - nothing was decided; ask again.

``api/errors.py`` maps each code to its HTTP status; a code that it does not list fails a test.
"""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a document: where (RFC 6901 pointer) and what to do about it."""

    pointer: str
    detail: str


class DomainError(Exception):
    """The root of the tree. ``code`` is stable; ``detail`` tells the caller what to do."""

    def __init__(self, code: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.facts = facts


class Invalid(DomainError):
    """A document with faults. Nothing was changed."""

    def __init__(self, faults: list[Fault], code: str = "invalid_request") -> None:
        listed = "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults[:3])
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        super().__init__(code, f"{listed}{more}")
        self.faults = faults


class Refused(DomainError):
    """The rules or the present state say no. Nothing was changed."""


class Unavailable(DomainError):
    """Contention or an outage: nothing was decided, the same call may be sent again."""

    def __init__(self, detail: str = "Too busy to decide now; nothing was changed. Send the same call again.") -> None:
        super().__init__("unavailable", detail)
