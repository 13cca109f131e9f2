"""Tiers and expiry recomputed plainly from the statement alone agree with the domain, day by day over three years.

``python -m tests.time.agreement 5000`` lives the long form.
"""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from chalicelib.domain import tiers
from chalicelib.domain.calendar import add_months, day_number, day_of
from chalicelib.domain.member import Head
from tests.time.agreement import compare
from tests.time.life import rules

MEMBERS = 150
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, MEMBERS, AT_ONCE))
def test_random_members_are_where_a_plain_recomputation_says(first: int) -> None:
    assert sum(compare(seed) for seed in range(first, first + AT_ONCE)) > AT_ONCE


@pytest.mark.parametrize("seed", range(5))
def test_whoever_shops_every_day_never_counts_for_less_than_their_window(seed: int) -> None:
    """The head keeps forty stretches apart, each counted on its last day: longer, never shorter."""
    chance = random.Random(seed)
    rule = rules(tiers={}).tiers
    assert rule is not None
    head = replace(Head(member_id="m", enrolled_ms=0), counts=tiers.counting(rule))
    start = 20_000
    bought: dict[int, int] = {}
    widest = 0
    for day in range(start, start + 900):
        if chance.random() < 0.8:
            bought[day] = chance.randint(1, 50)
            head = tiers.count(head, rule, day, bought[day])
        first = day_number(add_months(day_of(day), -12))
        exact = sum(amount for on, amount in bought.items() if first < on <= day)
        longer = sum(amount for on, amount in bought.items() if first - 20 < on <= day)
        assert exact <= tiers.total(head, rule, day) <= longer
        widest = max(widest, tiers.total(head, rule, day) - exact)
        assert len(head.window) <= tiers.BUCKETS
    assert widest > 0, "then nothing was merged and this showed nothing"
