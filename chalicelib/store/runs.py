"""The record of a schedule's run: each worker's part is put once, and the run is the sum of its parts.

And the members whom a run could not move, each with the reason, until a later run can.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chalicelib.store import keys
from chalicelib.store.table import Row, Write, connection, encode, load, put_new

KEPT_DAYS = 90
DAY_SECONDS = 86_400


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one worker did in one go. ``units`` are write units; ``last`` tells that its slice is finished.

    Of a page of the due index: ``places`` are those that are being moved, none any more when it is done; ``through`` is
    where it ends, ``handed`` that another task has what follows.
    """

    due: int = 0
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    units: int = 0
    last: bool = False
    places: list[str] = []
    through: str | None = None
    handed: bool = False


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it began: its schedule, as of when it runs, and how many slices it was cut into (milliseconds)."""

    name: str
    as_of_ms: int
    begun_ms: int
    slices: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A run so far: ``slices`` of which ``finished``; ``seconds`` of work added up over the workers."""

    run_id: str
    name: str
    as_of_ms: int
    due: int
    done: int
    failed: int
    seconds: float
    units: int
    slices: int
    finished: int


def begun(run_id: str, what: Begun) -> Write:
    """Notes a run; fails where it was noted before."""
    return put_new(Row(*keys.run(run_id), t="RUN", d=encode(what), ttl=_until(what.begun_ms)))


def part(run_id: str, name: str, done: Part, now_ms: int) -> Write:
    """Adds a worker's part; fails where it was told before."""
    return put_new(Row(*keys.run_part(run_id, name), t="PART", d=encode(done), ttl=_until(now_ms)))


def part_again(run_id: str, name: str, done: Part, now_ms: int) -> Write:
    """A worker's part in the place of what was told of it before."""
    return Write(Row(*keys.run_part(run_id, name), t="PART", d=encode(done), ttl=_until(now_ms)))


def noted(run_id: str, name: str) -> Part | None:
    key = keys.run_part(run_id, name)
    row = load([key]).get(key)
    return None if row is None else row.document(Part)


def _until(now_ms: int) -> int:
    return now_ms // 1000 + KEPT_DAYS * DAY_SECONDS


def record(run_id: str) -> Record | None:
    """The run as far as it has come; None where there is none of this id."""
    connection()
    pk, sk = keys.run(run_id)
    began: Begun | None = None
    parts = []
    query: Any = Row.query(pk, consistent_read=True)
    for row in query:
        if row.sk == sk:
            began = row.document(Begun)
        else:
            parts.append(row.document(Part))
    if began is None:
        return None
    return Record(
        run_id=run_id,
        name=began.name,
        as_of_ms=began.as_of_ms,
        due=sum(part.due for part in parts),
        done=sum(part.done for part in parts),
        failed=sum(part.failed for part in parts),
        seconds=round(sum(part.seconds for part in parts), 3),
        units=sum(part.units for part in parts),
        slices=began.slices,
        finished=sum(part.last for part in parts),
    )


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """Why a member could not be moved: the kind of fault and where, never what was being handled."""

    member_id: str
    reason: str
    run_id: str
    at_ms: int


def set_aside(program_id: str, aside: Aside) -> Write:
    """Remembers the latest failure of a member. They stay due, so every later run tries again."""
    return Write(Row(*keys.set_aside(program_id, aside.member_id), t="ASIDE", d=encode(aside), ttl=_until(aside.at_ms)))


def those_aside(program_id: str, after: str | None, limit: int) -> list[Aside]:
    """Members whose last attempt failed, by id."""
    connection()
    pk, _ = keys.set_aside(program_id, "")
    condition = None if after is None else Row.sk > after
    query: Any = Row.query(pk, condition, limit=limit)
    return [row.document(Aside) for row in query]


def taken_up_again(program_id: str, member_id: str) -> Write:
    """A member who was moved after all."""
    return Write(Row(*keys.set_aside(program_id, member_id), t="ASIDE"), delete=True)
