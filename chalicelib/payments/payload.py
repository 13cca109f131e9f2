"""Reads what a provider sent without trusting its shape: a value of a wrong type is ``Unreadable``, never a crash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from chalicelib.domain.money import exponent

Document = Mapping[str, Any]

LARGEST_MINOR = 1_000_000_000_000
"""The largest amount of a program (minor units); more is a fault of the sender."""

MOST_LINES = 1_000

_ID = re.compile(r"[A-Za-z0-9._:@+/=-]{1,128}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,189}")
_DECIMAL = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,6})?")
_DIGITS = re.compile(r"[0-9]{1,13}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


class Unreadable(Exception):
    """The payload cannot be booked as it stands; ``reason`` and ``detail`` are those of ``facts.Unbookable``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def parse(raw: bytes) -> Document:
    """The JSON object ``raw``. Raises ``Unreadable`` for anything else."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Unreadable("malformed", "The body is not JSON that can be read.") from error
    if not isinstance(document, dict):
        raise Unreadable("malformed", "The body is not a JSON object.")
    return document


def branch(document: Document, *path: str) -> Document:
    """The object at ``path``; empty where it, or anything on the way, is absent or null."""
    here: Any = document
    for name in path:
        here = here.get(name)
        if here is None:
            return {}
        if not isinstance(here, dict):
            raise Unreadable("malformed", f"{'.'.join(path)} is not an object.")
    return here  # type: ignore[no-any-return]  # JSON is Any; every step above was seen to be a dict


def rows(document: Document, name: str) -> list[Document]:
    """The list of objects at ``name``; empty where absent."""
    listed = document.get(name)
    if listed is None:
        return []
    if not isinstance(listed, list) or len(listed) > MOST_LINES or not all(isinstance(row, dict) for row in listed):
        raise Unreadable("malformed", f"{name} is not a list of at most {MOST_LINES} objects.")
    return listed


def word(document: Document, name: str) -> str | None:
    """A short text that the provider chose, such as a status; None where absent."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 256:
        raise Unreadable("malformed", f"{name} is not a short text.")
    return value


def required_word(document: Document, name: str) -> str:
    """A word of the provider's that is kept, so it has the form of an id."""
    found = document.get(name)
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise Unreadable("malformed", f"{name} is missing, or is no word that can be kept.")
    return found


def label(value: object) -> str | None:
    """Text for people, on one line, cut to 120 characters; None where there is none left."""
    if not isinstance(value, str):
        return None
    return _CONTROLS.sub(" ", value[:480]).strip()[:120] or None


def identity(value: object) -> str | None:
    """An id that somebody else made, given as such, as a number, or inside the object it names; None where unusable."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**20:
        return str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def required_id(document: Document, *names: str) -> str:
    """The first of ``names`` that holds an id."""
    for name in names:
        found = identity(document.get(name))
        if found is not None:
            return found
    raise Unreadable("missing_id", f"{' or '.join(names)} is missing, or is no id that can be kept.")


def email(*candidates: object) -> str | None:
    """The first that looks like an email address; one that does not identifies nobody, and the sale is still a sale."""
    for value in candidates:
        if isinstance(value, str) and _EMAIL.fullmatch(value.strip()):
            return value.strip()
    return None


def currency(value: object) -> str:
    """ISO 4217, upper case. Raises ``Unreadable`` (unknown_currency)."""
    code = value.upper() if isinstance(value, str) and len(value) == 3 else ""
    decimals(code)
    return code


def decimals(code: str) -> int:
    """How many decimals the minor unit of a known currency stands for."""
    try:
        return exponent(code)
    except (LookupError, ValueError) as error:
        raise Unreadable("unknown_currency", "The currency is none that is known.") from error


def minor(value: object, name: str) -> int:
    """A whole, non-negative amount in minor units. Raises ``Unreadable`` (bad_amount): floats and true are none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_MINOR:
        raise Unreadable("bad_amount", f"{name} is not a whole number of minor units from 0 to {LARGEST_MINOR}.")
    return value


def minor_or_zero(document: Document, name: str) -> int:
    value = document.get(name)
    return 0 if value is None else minor(value, name)


def minor_of_decimal(value: object, code: str, name: str) -> int:
    """A decimal text ("19.90") in minor units of ``code``, exactly; ``Unreadable`` where a part would be lost."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise Unreadable("bad_amount", f"{name} is not a decimal amount in a text, such as 19.90.")
    scaled = Decimal(value).scaleb(decimals(code))
    if scaled != scaled.to_integral_value():
        raise Unreadable("bad_amount", f"{name} has more decimals than {code} has.")
    return minor(int(scaled), name)


def minor_of_digits(value: object) -> int | None:
    """A whole amount written as digits, as metadata holds it; None where it is nothing of the kind."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) and int(value) <= LARGEST_MINOR else None


def instant(value: object, name: str) -> datetime:
    """Seconds since 1970, in UTC. Raises ``Unreadable`` (bad_time) outside the years 2000 to 2200."""
    if not isinstance(value, int) or isinstance(value, bool) or not 946_684_800 <= value < 7_258_118_400:
        raise Unreadable("bad_time", f"{name} is not a time in seconds since 1970.")
    return datetime.fromtimestamp(value, UTC)


def legible_instant(value: object) -> datetime | None:
    """The same, or None where there is no such time to be read and the caller has a better one."""
    try:
        return instant(value, "")
    except Unreadable:
        return None


def instant_of_text(value: object, name: str) -> datetime:
    """An RFC 3339 time with an offset, in UTC. Raises ``Unreadable`` (bad_time)."""
    try:
        told = datetime.fromisoformat(value if isinstance(value, str) and len(value) <= 40 else "")
        if told.tzinfo is not None and 2000 <= told.year < 2200:
            return told.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable("bad_time", f"{name} is not an RFC 3339 time with an offset.")


def legible_text_instant(value: object) -> datetime | None:
    """The same, or None where there is no such time to be read and the caller has a better one."""
    try:
        return instant_of_text(value, "")
    except Unreadable:
        return None
