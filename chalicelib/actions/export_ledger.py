"""Reads the whole ledger, day by day and slice by slice, so that it can be kept elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.actions.admission import Call, enter
from chalicelib.domain.calendar import day_number, local_day, moment_of
from chalicelib.domain.errors import Fault, Invalid, Refused
from chalicelib.domain.ledger import Entry
from chalicelib.store import entries, keys

SLICES_A_PAGE = 160
"""Slices that one page looks through at most: ten quiet days."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins: a day (number), a slice of buyers, and what was read last in it."""

    day: int
    slice_number: int = 0
    after: Annotated[str, Meta(min_length=1, max_length=300)] | None = None


class Page(msgspec.Struct, frozen=True):
    """Entries in the order of their booking within each slice; ``following`` is None at the end."""

    entries: list[Entry]
    following: Place | None


def export_ledger(call: Call, first: date | None, last: date | None, place: Place | None, limit: int) -> Page:
    """A page of all entries booked from ``first`` to ``last`` (both included; the program's own days)."""
    written = enter(call.credential).written
    zone = written.program.time_zone
    begin = local_day(moment_of(written.created_ms), zone)
    begin = begin if first is None else max(begin, day_number(first))
    end = local_day(call.now, zone) if last is None else min(day_number(last), local_day(call.now, zone))
    if last is not None and first is not None and last < first:
        raise Invalid([Fault("/to", "Must not be before from.")])
    at = place or Place(begin)
    if (place is not None and not begin <= at.day <= end + 1) or not 0 <= at.slice_number < keys.SHARDS:
        raise Refused("invalid_cursor", "Send the Next-Cursor of the page before, with the same from and to.")
    found: list[Entry] = []
    for _ in range(SLICES_A_PAGE):
        if at.day > end:
            return Page(found, None)
        wanted = limit - len(found)
        rows = entries.journal_page(written.program.program_id, at.day, at.slice_number, at.after, wanted)
        found.extend(entries.entry_of(row) for row in rows if row.t != "EVENT")  # what moved no points is no entry
        if len(rows) == wanted:
            at = Place(at.day, at.slice_number, str(rows[-1].jsk))
            if len(found) == limit:
                return Page(found, at)
        else:
            more = at.slice_number + 1 < keys.SHARDS
            at = Place(at.day, at.slice_number + 1) if more else Place(at.day + 1)
    return Page(found, at)
