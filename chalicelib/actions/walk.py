"""Walks what is due: one slice of the index, page by page, each member by a transaction of their own.

What is done leaves the index with the write that does it. So a walk may stop anywhere, run twice or overlap another,
and a member that cannot be moved is set aside with the reason while the rest go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.actions import keep_record
from chalicelib.actions.advance_member import SCHEDULE, advance_member
from chalicelib.actions.assess_member import assess_member
from chalicelib.actions.attempt import attempt
from chalicelib.actions.expire_voucher import expire_voucher
from chalicelib.domain.calendar import day_number, local_day, milliseconds
from chalicelib.domain.errors import DomainError, Unavailable
from chalicelib.store import due, keys, members, programs, runs
from chalicelib.store.due import Due
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, commit, load

PAGE = 40
"""Items read at once: with what belongs to them they fit one BatchGetItem of 100."""
EASTERNMOST = timedelta(hours=14)
"""Where the calendar is furthest ahead of UTC: no program's day begins earlier."""

HasTime = Callable[[], bool]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What one task asks for: a slice of the index as of a moment, from a place on. ``go`` counts how often it was
    handed on, ``noted_ms`` is when its pages are noted."""

    run_id: str
    shard: int
    as_of: datetime
    noted_ms: int
    go: int = 0
    cursor: str | None = None


class Walked(msgspec.Struct, frozen=True):
    """How many a worker set aside before its time was over, and from where another goes on (None: finished)."""

    failed: int
    following: str | None


class _Tally:
    def __init__(self, run_id: str, now: datetime) -> None:
        self.run_id, self.now_ms = run_id, milliseconds(now)
        self.due = self.done = self.failed = self.units = 0
        self.moved: dict[str, set[str]] = {}
        self._started = time.perf_counter()

    def part(self, **more: Any) -> runs.Part:
        seconds = round(time.perf_counter() - self._started, 3)
        return runs.Part(due=self.due, done=self.done, failed=self.failed, seconds=seconds, units=self.units, **more)

    def attempt(self, program_id: str, name: str, move: Callable[[], int]) -> None:
        """One member or voucher; whatever goes wrong with it stays with it, except that the database is away."""
        self.due += 1
        try:
            self.units += move()
        except Unavailable:
            raise
        except Exception as error:
            self.failed += 1
            aside = runs.Aside(member_id=name, reason=_reason(error), run_id=self.run_id, at_ms=self.now_ms)
            keep_record.set_aside(program_id, aside)
        else:
            self.done += 1
            self.moved.setdefault(program_id, set()).add(name)

    def settle_aside(self) -> None:
        """Takes back from those set aside whoever was moved after all."""
        for program_id, names in self.moved.items():
            keep_record.take_up_again(program_id, names)


def _reason(error: Exception) -> str:
    """The kind of fault and where: a message may quote what nobody should read in a record."""
    if isinstance(error, DomainError):
        return error.code
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"


def walk_slice(piece: Piece, has_time: HasTime) -> Walked:
    """Moves everybody in one slice who is due as of a moment, until done or out of time. Raises Unavailable.

    Each page is noted before anybody in it is moved, and again afterwards. So whoever takes up the task of a worker
    that died finds the page it was at, ends that one, and the record tells all of it once.
    """
    last_day = day_number((piece.as_of + EASTERNMOST).date())
    known: dict[str, programs.Written] = {}
    place, number, failed = piece.cursor, 0, 0
    while True:
        page = due.page(piece.shard, last_day, place, PAGE)
        items, found = _read(page, known, piece.as_of)
        last, through = len(page) < PAGE, page[-1].place if page else place
        if not items and not last:
            place = through  # a page of those whose day begins later, further west
            continue
        name = f"{piece.shard:02d}#{piece.go:06d}#{number:06d}"
        begun = runs.Part(due=len(items), places=[item.place for item in items], through=through, last=not items)
        before = keep_record.begin_page(piece.run_id, name, begun, piece.noted_ms)
        if before is not None:
            items, last, through = [due.standing(one) for one in before.places], before.last, before.through
            _, found = _read(items, {}, piece.as_of)
        if items:
            # A page that was begun is ended whole: nobody else would tell of those whom the dead worker had moved.
            tally = _worked_off(piece, items, found, has_time if before is None else lambda: True)
            handed = tally.due < len(items)
            through = items[tally.due - 1].place if handed else through
            done = tally.part(last=last and not handed, handed=handed, through=through)
            keep_record.end_page(piece.run_id, name, done, piece.noted_ms)
            failed += tally.failed
        else:
            handed = before is not None and before.handed
        if handed:
            return Walked(failed, through)
        if last:
            return Walked(failed, None)
        place, number = through, number + 1


def _read(page: list[Due], known: dict[str, programs.Written], as_of: datetime) -> tuple[list[Due], dict[Key, Row]]:
    """Who of a page is due where their shop is, with all that belongs to them. ``known`` programs are told apart
    without reading their members."""
    may_be = [item for item in page if item.program_id not in known or _is_due(item, known, as_of)]
    found = load(_wanted(may_be)) if may_be else {}
    for program_id in {item.program_id for item in may_be}:
        row = found.get(keys.program(program_id))
        if row is not None:
            known[program_id] = programs.written(row)
    return [item for item in may_be if item.program_id in known and _is_due(item, known, as_of)], found


def _is_due(item: Due, known: dict[str, programs.Written], as_of: datetime) -> bool:
    return item.day <= local_day(as_of, known[item.program_id].program.time_zone)


def _worked_off(piece: Piece, items: list[Due], found: dict[Key, Row], has_time: HasTime) -> _Tally:
    """One page, or as much of it as there is time for; never nothing."""
    tally = _Tally(piece.run_id, piece.as_of)
    for item in items:
        if tally.due and not has_time():
            break
        _move(tally, programs.written(found[keys.program(item.program_id)]), item, found, piece.as_of)
    tally.settle_aside()
    return tally


def _wanted(page: list[Due]) -> list[Key]:
    wanted = [keys.program(program_id) for program_id in dict.fromkeys(item.program_id for item in page)]
    for item in page:
        wanted.append(item.key)
        if item.kind == "VOUCHER":
            wanted.append(keys.voucher_settled(item.program_id, item.name))
    return wanted


def _move(tally: _Tally, written: programs.Written, item: Due, found: dict[Key, Row], now: datetime) -> None:
    def once(rows: dict[Key, Row]) -> int:
        row = rows.get(item.key)
        if row is None:
            return 0
        if item.kind == "VOUCHER":
            settled = rows.get(keys.voucher_settled(item.program_id, item.name))
            return expire_voucher(written, item.name, row, settled, now, SCHEDULE)
        return advance_member(written, members.head_of(row), now)

    def move() -> int:
        try:
            return once(found)  # as the page read it: one reading for forty
        except Lost:
            return attempt(lambda: once(load(_wanted([item]))))

    tally.attempt(item.program_id, item.name, move)


def walk_members(
    program_id: str, member_ids: list[str], now: datetime, run_id: str, has_time: HasTime
) -> tuple[runs.Part, str | None]:
    """Assesses these members under the program as it stands now; answers also the first one not reached."""
    tally = _Tally(run_id, now)
    for member_id in member_ids:
        if not has_time():
            return tally.part(), member_id

        def move(member_id: str = member_id) -> int:
            return assess_member(program_id, member_id, now, SCHEDULE)

        tally.attempt(program_id, member_id, move)
    tally.settle_aside()
    return tally.part(), None


def programs_to_assess() -> list[tuple[str, int]]:
    """Programs whose owner changed what members are assessed by, with the version that is to be assessed under."""
    marked = due.marked_programs()
    found = load([keys.assessment(program_id) for program_id in marked]) if marked else {}
    return [(key[0].partition("#")[2], int(row.v)) for key, row in found.items()]


def page_of_members(program_id: str, after: str | None, limit: int) -> tuple[list[str], str | None]:
    """Ids of a program's members by name, and the last of them where there are more. The cursor is a member's id, for
    a name has no business in a queue; where that member left meanwhile, the walk begins again, which does no harm."""
    place = None
    if after is not None:
        key = keys.contact(program_id, after)
        row = load([key]).get(key)
        place = None if row is None else keys.directory(program_id, members.contact_of(row).name, after)[1]
    ids, following = members.directory_page(program_id, "", place, limit)
    return ids, None if following is None else ids[-1]


def finish_assessment(program_id: str, version: int) -> None:
    """Every member of the program is on the way; where the owner changed it again meanwhile, the mark stays."""
    try:
        commit([due.unmark_program(program_id, version)])
    except Lost:
        return
