"""Folds the journal into rollups: a slice of buyers, day by day as they were booked, written by the day it occurred.

Anything may run twice, in any order and side by side: what a booked day adds stands apart and is replaced whole, and a
rollup is always the sum of all that stands, written only over the version before which all of it was read.
"""

from __future__ import annotations

import gc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from chalicelib.actions.admission import final_head
from chalicelib.actions.attempt import attempt
from chalicelib.actions.claim import buyer_keys
from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.metric import Fold
from chalicelib.domain.metric_baskets import Baskets
from chalicelib.domain.metric_facts import Facts, merged
from chalicelib.domain.metric_figures import Figures
from chalicelib.domain.metric_histories import packed
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_sums import Sums
from chalicelib.store import entries, keys, members, programs, rollups
from chalicelib.store.table import Row, load

CHUNK_DAYS = 31
"""Booked days that are folded before the rollups are written: what a run that is stopped has to do again."""
SETTLING = timedelta(minutes=15)
"""After midnight a transaction of yesterday's may still be on its way, and the journal's index behind the table."""
BATCH = 100
LEVEL = 1
"""Of compression: a few more bytes for a third of the processor time."""


class Folded(msgspec.Struct, frozen=True):
    """What folding a slice did: booked days and rows read, years written, and whether nothing is left to do."""

    days: int
    rows: int
    years: list[int]
    finished: bool


def programs_to_fold(as_of: datetime, *, everything: bool) -> list[str]:
    """Programs for which a day has ended since they were folded; all, where all are wanted."""
    listed = programs.all_programs()
    if everything:
        return listed
    found = load([keys.program(one) for one in listed]) if listed else {}
    due = []
    for program_id in listed:
        row = found.get(keys.program(program_id))
        if row is None:
            continue
        today = local_day(as_of, programs.written(row).program.time_zone)
        state = rollups.folded(program_id)
        if len(state) < keys.SHARDS or min(through for through, _ in state.values()) < today:
            due.append(program_id)
    return due


def fold_until(
    program_id: str, slice_number: int, as_of: datetime, now: datetime, has_time: Callable[[], bool] = lambda: True
) -> Folded:
    """Folds a slice up to the day of ``as_of`` for the shop; raises KeyError where there is no such program."""
    key = keys.program(program_id)
    written = programs.written(load([key])[key])
    return fold(written, slice_number, local_day(as_of, written.program.time_zone), now, has_time)


def fold(
    written: programs.Written, slice_number: int, day: int, now: datetime, has_time: Callable[[], bool] = lambda: True
) -> Folded:
    """Folds what a slice booked up to ``day``, from where it was left; for a day before that, just that day.

    ``now`` is the real time: on days that ended SETTLING before it nothing more is booked, so the next run begins
    after them.
    """
    program_id, zone = written.program.program_id, written.program.time_zone
    through, complete = rollups.folded(program_id).get(slice_number, (0, 0))
    created = local_day(moment_of(written.created_ms), zone)
    first = begun = day if day <= complete or day < created else max(created, complete + 1)
    rows, years = 0, set[int]()
    while first <= day and (first == begun or has_time()):
        last = min(day, first + CHUNK_DAYS - 1)
        touched = set[int]()
        for booked in range(first, last + 1):
            count, more = fold_day(program_id, zone, slice_number, booked)
            rows += count
            touched |= more
        for year in sorted(touched):
            roll_up(program_id, slice_number, year)
        years |= touched
        through, complete = max(through, last), max(complete, min(last, local_day(now - SETTLING, zone) - 1))
        rollups.set_folded(program_id, slice_number, through, complete)
        first = last + 1
    return Folded(first - begun, rows, sorted(years), first > day)


def fold_day(program_id: str, zone: str, slice_number: int, booked_day: int) -> tuple[int, set[int]]:
    """Writes what one booked day of a slice adds to each year; answers the rows read and the years.

    The days on which somebody joined who was merged or erased on this one are written anew, too.
    """
    made = _folded(program_id, zone, slice_number, booked_day)
    if made is None:
        return 0, set()
    years = set(made.facts)
    for day in _days_of_joining(program_id, zone, made.changed) - {booked_day}:
        again = _folded(program_id, zone, slice_number, day)
        years |= set() if again is None else set(again.facts)
    return made.rows, years


def _folded(program_id: str, zone: str, slice_number: int, booked_day: int) -> Fold | None:
    """Writes what a booked day adds; None where nothing was booked."""
    made = Fold(zone)
    with _uncollected():
        for kind, document in rollups.journal(program_id, booked_day, slice_number):
            made.add(kind, document)
            made.rows += 1
    if not made.rows:
        return None
    _recognise(program_id, made)
    for year, facts in made.facts.items():
        data = zlib.compress(msgspec.msgpack.encode(facts), LEVEL)
        rollups.write_facts(program_id, year, slice_number, booked_day, data)
    return made


def _days_of_joining(program_id: str, zone: str, names: list[str]) -> set[int]:
    """The days on which members' joining was booked."""
    found = set()
    for start in range(0, len(names), BATCH):
        asked = [keys.cause(program_id, "welcome", name) for name in names[start : start + BATCH]]
        found |= {local_day(moment_of(entries.entry_of(row).booked_ms), zone) for row in load(asked).values()}
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector, which would walk all that was folded again and again: nothing there is a cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _recognise(program_id: str, made: Fold) -> None:
    """Finds who of those who joined bought as a guest before, by the identities of the account that they are now.

    Once a person is erased nothing says so any more, and nothing may: their purchases as a guest are a stranger's.
    """
    for start in range(0, len(made.joined), BATCH):
        some = {keys.contact(program_id, one): one for one in made.joined[start : start + BATCH]}
        found = load(some)
        for key, name in some.items():
            row = found.get(key) or _contact_now(program_id, name)
            for buyer in [] if row is None else buyer_keys(program_id, members.contact_of(row)):
                if entries.bought_as_guest(program_id, buyer, 0, 1):
                    made.alias(buyer, name)


def _contact_now(program_id: str, name: str) -> Row | None:
    """The contact of the account into which a member was merged."""
    key = keys.head(program_id, name)
    row = load([key]).get(key)
    head = None if row is None else final_head(program_id, members.head_of(row))
    if head is None:
        return None
    contact = keys.contact(program_id, head.member_id)
    return load([contact]).get(contact)


def roll_up(program_id: str, slice_number: int, year: int) -> None:
    """Writes a slice's rollups of a year anew from what its booked days add."""

    def once() -> None:
        seen = {what: rollups.version(program_id, what, year, slice_number) for what in KINDS}
        total = merged(
            msgspec.msgpack.decode(zlib.decompress(data), type=Facts)
            for data in rollups.facts(program_id, year, slice_number)
        )
        for what, data in rolled(year, total).items():
            rollups.replace(program_id, what, year, slice_number, data, seen[what])

    attempt(once)


KINDS = ("SUMS", "BUYERS", "PEOPLE", "BASKETS", "FIGURES", "ORDERS")


def rolled(year: int, facts: Facts) -> dict[str, bytes]:
    """The rollups of one year and slice, each as the reports read it."""
    return {
        "SUMS": Sums.of(facts).packed(),
        "BUYERS": packed(year, facts.buyers),
        "PEOPLE": People.of(facts).packed(),
        "ORDERS": zlib.compress(msgspec.msgpack.encode(_ordered(facts.orders)), LEVEL),
        "FIGURES": Figures.of(facts).packed(),
        "BASKETS": zlib.compress(msgspec.msgpack.encode(Baskets.of(facts)), LEVEL),
    }


def _ordered(by_day: dict[int, list[msgspec.Raw]]) -> dict[int, list[msgspec.Raw]]:
    """Equal orders in equal bytes, whatever order they came in."""
    return {day: sorted(orders, key=bytes) for day, orders in sorted(by_day.items())}
