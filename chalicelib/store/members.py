"""Members: the head, the contact, the identities that find them, and the directory by name."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec

from chalicelib.domain.advance import next_date
from chalicelib.domain.member import Contact, Head
from chalicelib.store import heads, keys
from chalicelib.store.keys import Key
from chalicelib.store.sealing import mac, read_code
from chalicelib.store.table import Row, Write, connection, encode, put_new


def normal(kind: str, value: str) -> str:
    """The form in which identities are compared; what was given is kept as given.

    An email is compared without case and in Unicode's composed form; a phone number by its digits and leading plus
    (00 counts as plus); printed codes as a person may type them; all else to the letter.
    """
    if kind == "email":
        return unicodedata.normalize("NFC", value.strip()).casefold()
    if kind == "phone":
        digits = "".join(letter for letter in value if letter.isdecimal() or letter == "+")
        return "+" + digits[2:] if digits.startswith("00") else digits
    if kind in ("card", "referral"):
        return read_code(value)
    return value


def identity_key(program_id: str, kind: str, value: str) -> Key:
    return keys.identity(program_id, kind, mac("identity", program_id, kind, normal(kind, value)))


def buyer_of(program_id: str, kind: str, value: str) -> str:
    """What a guest's purchases are grouped by until they join: nothing of the identity can be read from it."""
    return mac("buyer", program_id, kind, normal(kind, value))


def identity(program_id: str, kind: str, value: str, member_id: str) -> Row:
    return Row(*identity_key(program_id, kind, value), t="ID", m=member_id)


def head_of(row: Row) -> Head:
    return heads.decode(row.h)


def contact_of(row: Row) -> Contact:
    return row.document(Contact)


def head_row(program_id: str, head: Head) -> Row:
    """The head whole, with the next day on which time moves the member, if any."""
    attributes: dict[str, Any] = {}
    day = next_date(head)
    if day is not None:
        attributes["dpk"], attributes["dsk"] = keys.due(program_id, head.member_id, day)
    return Row(*keys.head(program_id, head.member_id), t="HEAD", v=head.version, h=heads.encode(head), **attributes)


def move(program_id: str, before: Head, after: Head) -> Write:
    """Rewrites a head; fails where anything else moved it since it was read."""
    return Write(
        head_row(program_id, msgspec.structs.replace(after, version=before.version + 1)), Row.v == before.version
    )


def contact_row(program_id: str, member_id: str, contact: Contact, version: int) -> Row:
    npk, nsk = keys.directory(program_id, contact.name, member_id)
    return Row(*keys.contact(program_id, member_id), t="CONTACT", v=version, d=encode(contact), npk=npk, nsk=nsk)


def create(program_id: str, head: Head, contact: Contact, identities: list[tuple[str, str]]) -> list[Write]:
    """A new member: fails where the id or any identity is taken."""
    return [
        put_new(head_row(program_id, msgspec.structs.replace(head, version=1))),
        put_new(contact_row(program_id, head.member_id, contact, 1)),
        *(put_new(identity(program_id, kind, value, head.member_id)) for kind, value in identities),
    ]


def directory_page(program_id: str, start: str, after: str | None, limit: int) -> tuple[list[str], str | None]:
    """Ids of members whose folded name begins with ``start``, by name, and where the next page begins."""
    beginning = keys.fold(start)
    if start.strip() and not beginning:
        return [], None  # nothing of it is left to search by, and the database takes no empty beginning
    connection()
    npk, _ = keys.directory(program_id, None, "")
    found = Row.directory.query(
        npk,
        Row.nsk.startswith(beginning) if beginning else None,
        limit=limit,
        page_size=limit,
        last_evaluated_key=None if after is None else _resume(program_id, npk, after),
    )
    places = [row.nsk for row in found]
    more = found.last_evaluated_key
    return [place.rpartition("#")[2] for place in places], places[-1] if more and places else None


def _resume(program_id: str, npk: str, nsk: str) -> dict[str, dict[str, str]]:
    pk, sk = keys.contact(program_id, nsk.rpartition("#")[2])
    return {"npk": {"S": npk}, "nsk": {"S": nsk}, "pk": {"S": pk}, "sk": {"S": sk}}
