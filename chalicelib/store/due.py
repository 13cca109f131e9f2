"""Whom time moves: the sparse index of what is due, by slice and day; and which programs await a new assessment."""

from __future__ import annotations

from datetime import date

import msgspec
from pynamodb.expressions.condition import Condition

from chalicelib.domain.calendar import day_number, day_of
from chalicelib.domain.program import Program
from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, connection


class Due(msgspec.Struct, frozen=True):
    """One thing that a day brings: a member to move, or a voucher to end. ``place`` is where it stands in the index."""

    place: str
    day: int
    program_id: str
    kind: str
    name: str
    """The member's id, or the voucher's sealed code."""

    @property
    def key(self) -> Key:
        if self.kind == "VOUCHER":
            return keys.voucher(self.program_id, self.name)
        return keys.head(self.program_id, self.name)


def page(shard: int, last_day: int, after: str | None, limit: int) -> list[Due]:
    """What is due in one slice up to a day (inclusive), oldest first, after a place. An index: it may lag a moment."""
    connection()
    dpk = keys.due_slice(shard)
    # The day after is the bound, for what stands on the last day sorts after the bare date.
    condition: Condition = Row.dsk < f"{day_of(last_day + 1)}"
    if after is not None:
        condition = Row.dsk.between(f"{after}\x00", f"{day_of(last_day + 1)}")
    rows = Row.due.query(dpk, condition, limit=limit, page_size=limit)
    return [standing(row.dsk) for row in rows]


def standing(place: str) -> Due:
    """What stands in a place of the index."""
    day, program_id, rest = place.split("#", 2)
    kind, _, name = rest.rpartition("#")
    return Due(place, day_number(date.fromisoformat(day)), program_id, kind or "MEMBER", name)


def mark_program(program: Program, version: int, day: int) -> Write:
    """Every member of the program is to be assessed again, under this version; the walk ends the mark."""
    dpk, dsk = keys.due_program(program.program_id, day)
    return Write(Row(*keys.assessment(program.program_id), t="ASSESS", v=version, dpk=dpk, dsk=dsk))


def unmark_program(program_id: str, version: int) -> Write:
    """Fails where the owner changed the program again meanwhile: then another walk is due."""
    return Write(Row(*keys.assessment(program_id), t="ASSESS"), Row.v == version, delete=True)


def marked_programs() -> list[str]:
    connection()
    return [row.dsk.partition("#")[2] for row in Row.due.query(keys.DUE_PROGRAMS)]
