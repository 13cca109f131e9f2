"""A member on a day in June, and what time writes of them: what tests of time and of an owner's change begin with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.domain.calendar import day_number, milliseconds
from chalicelib.domain.history import Event
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from tests.domain.sales import MS, shop

LEVELS = [{"id": "silver", "name": "Silver", "threshold": 100}, {"id": "gold", "name": "Gold", "threshold": 500}]
TIERS: dict[str, Any] = {"basis": "spend", "grace_days": 3, "levels": LEVELS}


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


TENTH = day("2026-06-10")
MIDNIGHT = milliseconds(datetime(2026, 6, 9, 22, tzinfo=UTC))
"""The tenth begins two hours earlier where this shop is."""
ANN = Head(member_id="m1", enrolled_ms=milliseconds(datetime(2024, 3, 1, tzinfo=UTC)), version=4, sequence=7)


def berlin(**changes: Any) -> Program:
    return shop(**{"time_zone": "Europe/Berlin", "tiers": None, **changes})


def entry(kind: Any, points: int, cause: tuple[str, str], reason: str, **more: Any) -> Entry:
    booked = {"booked_by": "schedule", "booked_ms": MS, "occurred_ms": MIDNIGHT, "program_version": 9}
    told = {"kind": kind, "points": points, "cause": cause, "reason": reason, "member_id": "m1", "sequence": 8}
    return Entry(**{**booked, **told, **more})


def event(what: Any, cause: str, reason: str, **more: Any) -> Event:
    booked = {"booked_by": "schedule", "booked_ms": MS, "occurred_ms": MIDNIGHT, "program_version": 9}
    told = {"what": what, "cause": (what, cause), "reason": reason, "member_id": "m1", "sequence": 7}
    return Event(**{**booked, **told, **more})
