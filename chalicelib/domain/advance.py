"""What time alone has done to a member: one pure function, committed by the schedule and by every action.

``advance`` answers the head as it is now and the entries that say why; ``next_date`` the earliest day on which time
will do something again, which is what the due index holds.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain import points
from chalicelib.domain.calendar import day_of, local_day, milliseconds, start_of
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program


def advance(head: Head, program: Program, version: int, now: datetime, booked_by: str) -> tuple[Head, list[Entry]]:
    """Everything that is due up to ``now``, in the order of its days; within a day, lapses before releases."""
    today = local_day(now, program.time_zone)
    entries: list[Entry] = []
    while (day := next_date(head)) is not None and day <= today:
        occurred_ms = milliseconds(start_of(day, program.time_zone))

        def entry(kind: str, amount: int, what: str, reason: str, at: int = occurred_ms, on: int = day) -> None:
            nonlocal head
            head, made = post(
                head,
                Entry(
                    kind=kind,  # type: ignore[arg-type]  # the two callers below pass literals
                    points=amount,
                    cause=(what, f"{head.member_id}/{day_of(on)}/{head.version}"),
                    reason=reason,
                    booked_by=booked_by,
                    occurred_ms=at,
                    booked_ms=milliseconds(now),
                    program_version=version,
                ),
            )
            entries.append(made)

        if any((on := points.last_day(head, lot)) is not None and on < day for lot in head.lots):
            head, lost = points.lapse(head, day - 1, today)
            if lost:
                entry("expire", -lost, "expiry", f"Points could be used until {day_of(day - 1)}")
        if day in head.pending:
            head, released = points.release(head, day)
            if released:
                entry("release", released, "release", "Points are available now")
    return head, entries


def next_date(head: Head) -> int | None:
    """The day number on which time alone changes this member next; None where nothing is awaited."""
    if head.status != "active":
        return None
    days = [day + 1 for lot in head.lots if (day := points.last_day(head, lot)) is not None]
    days.extend(head.pending)
    return min(days, default=None)
