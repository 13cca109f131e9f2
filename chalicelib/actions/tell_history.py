"""Tells what a member went through, newest first: entries and events in one line, page by page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.actions.admission import Call, enter, not_found
from chalicelib.domain.errors import Refused
from chalicelib.domain.history import Event, told_as
from chalicelib.domain.ledger import Entry
from chalicelib.domain.voucher import Settled
from chalicelib.store import entries, histories, keys

READ_AT_ONCE = 100
READ_AT_MOST = 1_000
"""Entries looked through for one page: purchases are in the ledger, and a page may hold less than was asked for."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``change`` is (tier before, tier after); days are day numbers."""

    what: str
    reason: str
    points: int = 0
    change: tuple[str | None, str | None] | None = None
    until: int | None = None
    expires_on: int | None = None
    order_id: str | None = None
    occurred_ms: int
    booked_ms: int


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended, in the entries (a sequence) and beside them (a place in the index)."""

    sequence: int | None = None
    beside: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


_Found = tuple[tuple[int, int, int], _Place, Passage | None]
"""When (newest last), where the next page would begin, and what to tell (None: an entry that is no history)."""


def tell_history(call: Call, member_id: str, cursor: str | None, limit: int) -> tuple[list[Passage], str | None]:
    """Raises Refused ``member_not_found``, ``invalid_cursor``."""
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, member_id)])
    if admitted.head(member_id) is None:
        not_found("member")
    place = _read(cursor)
    rows, all_read = _entries(program_id, member_id, place, limit)
    beside = _beside(program_id, member_id, place, limit)
    found = sorted([*rows, *beside], key=lambda one: one[0], reverse=True)
    if not all_read:
        # What is older than the oldest entry read may belong between entries of the next page.
        found = [one for one in found if one[0] >= rows[-1][0]]
    told: list[Passage] = []
    for at, (_, where, passage) in enumerate(found):
        place = _Place(where.sequence or place.sequence, where.beside or place.beside)
        if passage is not None:
            told.append(passage)
        if len(told) == limit:
            more = at + 1 < len(found) or not all_read or len(beside) == limit
            return told, _written(place) if more else None
    return told, None if all_read and len(beside) < limit else _written(place)


def _entries(program_id: str, member_id: str, place: _Place, limit: int) -> tuple[list[_Found], bool]:
    found: list[_Found] = []
    before, told = place.sequence, 0
    while told < limit and len(found) < READ_AT_MOST:
        page = entries.statement(program_id, member_id, before, READ_AT_ONCE)
        for row in page:
            entry = row.document(Entry)
            passage = _of_entry(entry)
            told += passage is not None
            found.append(((entry.booked_ms, entry.sequence, 1), _Place(sequence=entry.sequence), passage))
            before = entry.sequence
        if len(page) < READ_AT_ONCE:
            return found, True
    return found, False


def _of_entry(entry: Entry) -> Passage | None:
    what = told_as(entry)
    if what is None:
        return None
    return Passage(
        what=what,
        reason=entry.reason or ("Reached by a purchase" if entry.kind == "earn" else "Lost by a refund"),
        points=0 if what == "tier" else entry.points,
        change=entry.tier_change,
        expires_on=entry.expires_on,
        order_id=entry.order_id,
        occurred_ms=entry.occurred_ms,
        booked_ms=entry.booked_ms,
    )


def _beside(program_id: str, member_id: str, place: _Place, limit: int) -> list[_Found]:
    found: list[_Found] = []
    for row in histories.page(program_id, member_id, place.beside, limit):
        where = _Place(beside=row.ssk)
        if row.t == "SETTLED":
            end = row.document(Settled)
            passage = Passage(
                what="voucher_expired", reason=end.reason, occurred_ms=end.occurred_ms, booked_ms=end.booked_ms
            )
            found.append(((end.booked_ms, 0, 0), where, passage))
        else:
            event = row.document(Event)
            passage = Passage(
                what=event.what,
                reason=event.reason,
                points=event.points,
                change=event.tier_change,
                until=event.until,
                expires_on=event.expires_on,
                occurred_ms=event.occurred_ms,
                booked_ms=event.booked_ms,
            )
            found.append(((event.booked_ms, event.sequence, 2), where, passage))
    return found


def _written(place: _Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read(cursor: str | None) -> _Place:
    if cursor is None:
        return _Place()
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Place)
    except ValueError:
        raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged, or begin again.") from None
