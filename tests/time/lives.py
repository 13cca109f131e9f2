"""Random members over simulated years: what they and the shop do on each day, the same for a seed."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from tests.time.life import LEVELS

YEARS = 3
START = date(2026, 1, 1)
EXPIRIES: list[dict[str, Any]] = [
    {"policy": "none"},
    {"policy": "rolling", "months": 1},
    {"policy": "rolling", "months": 6},
    {"policy": "rolling", "months": 12},
    {"policy": "calendar", "month": 12, "day": 31, "after_years": 1},
    {"policy": "calendar", "month": 6, "day": 30, "after_years": 0},
    {"policy": "inactivity", "months": 1},
    {"policy": "inactivity", "months": 3},
]
BASES = {"spend": 1, "points": 1, "visits": 100}
"""By how much the levels' thresholds are divided."""


def a_program(chance: random.Random) -> dict[str, Any]:
    """Parts of a program document: expiry, days pending, and tiers or none."""
    tiers = None
    if chance.random() < 0.9:
        basis = chance.choice(list(BASES))
        lowest = chance.choice([0, 1])  # with a level for everybody, or without
        levels = [{**level, "threshold": level["threshold"] // BASES[basis]} for level in LEVELS[lowest:]]
        tiers = {
            "basis": basis,
            "window": chance.choice(["rolling_year", "rolling_year", "calendar_year", "lifetime"]),
            "downgrade": chance.choice(["one_level", "to_earned", "never"]),
            "grace_days": chance.choice([0, 0, 30, 100]),
            "levels": levels,
        }
    return {
        "expiry": chance.choice(EXPIRIES),
        "earning": {"pending_days": chance.choice([0, 0, 7, 30])},
        "tiers": tiers,
        "time_zone": chance.choice(["Europe/Budapest", "America/New_York", "Pacific/Auckland"]),
    }


def a_life(chance: random.Random) -> list[tuple[date, str, int]]:
    """What is tried on which day: (day, verb, how much); at most forty shopping days, some members in bursts."""
    days = YEARS * 365
    wanted = chance.randint(1, 40)
    centre = [chance.randrange(days) for _ in range(chance.randint(1, 4))]
    moves: list[tuple[date, str, int]] = []
    for _ in range(wanted):
        at = chance.randrange(days) if chance.random() < 0.5 else chance.choice(centre) + chance.randint(-20, 20)
        if moves and chance.random() < 0.3:  # a year later, give or take a day: where windows end
            at = (chance.choice(moves)[0] - START).days + chance.choice([364, 365, 366])
        day = START + timedelta(days=min(days - 1, max(0, at)))
        moves.append((day, "buy", chance.choice([5, 20, 50, 99, 100, 250, 400, 500, 900, 2000])))
        if chance.random() < 0.25:
            moves.append((day + timedelta(days=chance.randint(0, 60)), "refund", chance.choice([10, 50, 100])))
    for _ in range(chance.randint(0, 12)):
        moves.append((START + timedelta(days=chance.randrange(days)), "redeem", chance.choice([10, 50, 100])))
    return sorted(move for move in moves if move[0] < START + timedelta(days=days))
