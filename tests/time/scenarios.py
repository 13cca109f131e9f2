"""The shape of a scenario: a program, a history in lines, and what must stand at its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from chalicelib.domain.program import Program
from tests.time.life import LEVELS, Life, rules

ONE: dict[str, Any] = {"tiers": {"downgrade": "one_level"}}
"""Four levels by spend over a rolling year; at its end a member falls by one."""
EARNED: dict[str, Any] = {"tiers": {"downgrade": "to_earned"}}
KEEP: dict[str, Any] = {"tiers": {"downgrade": "never"}}
VISITS: dict[str, Any] = {
    "tiers": {
        "basis": "visits",
        "levels": [LEVELS[0], {**LEVELS[1], "threshold": 2}, {**LEVELS[2], "threshold": 4}],
    }
}
"""Two purchases for the second of three levels, four for the third."""
QUARTER: dict[str, Any] = {"expiry": {"policy": "rolling", "months": 3}}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """``ledger`` and ``told`` are compared where they are given. ``then`` is the program after the line ``rules``."""

    name: str
    program: dict[str, Any]
    history: str
    balance: str
    tier: str | None = None
    ledger: str | None = None
    told: str | None = None
    joined: str = "2026-01-05"
    birthday: str | None = None
    then: dict[str, Any] | None = None


def row(name: str, program: dict[str, Any], history: str, tier: str | None, balance: int, **more: Any) -> Row:
    return Row(name=name, program=program, history=history, tier=tier, balance=str(balance), **more)


def lived(row: Row, *, daily: bool = False) -> Life:
    """The life told by the row; ``daily`` with a run in each night between its lines."""
    life = Life(rules(**row.program), row.joined, row.birthday)
    then: Program | None = None if row.then is None else rules(**row.then)
    last = life.moment(row.joined)
    for line in (line.strip() for line in row.history.strip().splitlines()):
        now = life.moment(line.split()[0])
        night = last.replace(hour=3, minute=0, second=0) + timedelta(days=1)
        while daily and night < now:
            life.live(f"{night:%Y-%m-%dT%H:%M} run")
            night += timedelta(days=1)
        life.live(line, then)
        last = now
    return life


def check_row(row: Row) -> None:
    """The end of the history; and the same where every night had its run as where none had."""
    life = lived(row)
    assert life.balance() == row.balance
    assert life.tier() == row.tier
    if row.ledger is not None:
        assert life.ledger() == row.ledger
    if row.told is not None:
        assert life.told() == row.told
    nightly = lived(row, daily=True)
    assert (nightly.balance(), nightly.tier(), nightly.ledger()) == (life.balance(), life.tier(), life.ledger())
    assert nightly.told() == life.told()
    assert msgspec.structs.replace(nightly.head, version=0) == msgspec.structs.replace(life.head, version=0)
