"""Simulated shops whose true effect is known: how often the interval holds it, and how often chance is called proof."""

from __future__ import annotations

import os
import random
from statistics import NormalDist

import pytest

from chalicelib.domain import metric_worth
from chalicelib.domain.metric_effect import Estimate, chosen, difference, quantile
from chalicelib.domain.metric_facts import Joining
from chalicelib.domain.metric_histories import Histories, packed
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_report import Book
from chalicelib.domain.metric_sums import Sums
from chalicelib.domain.metric_worth import WINDOW_DAYS
from chalicelib.domain.program_rules import check
from tests.shop import program

PROVING = os.environ.get("REGULARS_PROOF") == "year"
SHOPS = 1_000 if PROVING else 120
LEAST, MOST = (0.93, 0.97) if PROVING else (0.90, 0.99)
"""A thousand shops tell 93 % from 95 %; a few in every test run tell that something broke."""
MEMBERS, OTHERS = 60, 80
DAYS = 365
EVERY = 10
PROGRAM = check(program())


def simulated(chance: random.Random, effect: float) -> Estimate:
    """One shop over a year: people of very different habits, a season, good customers joining first; members buy
    ``effect`` more on average, in minor units per 30 days, from the day on which they joined."""
    season = [1 + 0.5 * (day > DAYS // 2) + 0.3 * (day % 28 < 14) for day in range(DAYS)]
    people: dict[str, list[int]] = {}
    joined: dict[str, int] = {}
    base = 17_167  # 1 January 2017
    for number in range(MEMBERS + OTHERS):
        member = number < MEMBERS
        habit = chance.lognormvariate(0.3 if member else 0.0, 0.8)
        day_of_joining = chance.randrange(WINDOW_DAYS + EVERY, DAYS - WINDOW_DAYS)
        name = f"{'m' if member else 'g'}{number}"
        if member:
            joined[name] = base + day_of_joining
        rows = people[name] = []
        for day in range(chance.randrange(EVERY), DAYS, EVERY):
            mean = habit * season[day] * 1_000
            amount = mean * chance.expovariate(1.0)
            if member and day > day_of_joining:
                amount += effect * EVERY / 30 * 2 * chance.random()
            rows += [base + day, 1, round(amount), 0, 0, 0, 1]
    histories = Histories([packed(2017, people)], lambda name: name)
    book = Book(
        program=PROGRAM,
        sums=Sums({}, {}, {}, {}, {}),
        people=People({name: Joining(day) for name, day in joined.items()}, {}, {}, {}, {}),
        histories=histories,
        baskets=[],
    )
    compared = metric_worth._compared(book, base, base + DAYS - 1, WINDOW_DAYS)
    assert len(compared.members) > MEMBERS * 0.8 and len(compared.others) > OTHERS * 0.8
    estimate = difference(*metric_worth._changes(book, compared, WINDOW_DAYS, (metric_worth._SPEND,))[0])
    assert estimate is not None
    return estimate


@pytest.fixture(scope="module")
def without_effect() -> list[Estimate]:
    chance = random.Random(20260101)
    return [simulated(chance, 0.0) for _ in range(SHOPS)]


def covered(estimates: list[Estimate], truth: float) -> float:
    held = 0
    for estimate in estimates:
        low, high = estimate.interval(0.95)
        held += low <= truth <= high
    print(f"the 95 % interval holds {truth:,.0f} in {held} of {len(estimates)} shops")
    return held / len(estimates)


def test_the_interval_covers_a_true_effect_in_93_to_97_of_100_shops() -> None:
    chance = random.Random(20260102)
    truth = 1_500.0
    estimates = [simulated(chance, truth) for _ in range(SHOPS)]
    assert LEAST <= covered(estimates, truth) <= MOST
    assert covered(estimates, 0.0) < 0.9, "an interval that holds everything proves nothing"


def test_the_interval_covers_no_effect_in_93_to_97_of_100_shops(without_effect: list[Estimate]) -> None:
    assert LEAST <= covered(without_effect, 0.0) <= MOST


def test_without_an_effect_there_is_no_proof_in_at_least_95_of_100_shops(without_effect: list[Estimate]) -> None:
    unproved = sum(estimate.proved() == "no proof" for estimate in without_effect)
    print(f"no proof in {unproved} of {SHOPS} shops without an effect")
    assert unproved / SHOPS >= 0.95


def test_a_large_effect_is_proved() -> None:
    chance = random.Random(20260103)
    assert sum(simulated(chance, 6_000.0).proved() == "more" for _ in range(20)) >= 19


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [(0.95, 1, 12.7062), (0.95, 10, 2.2281), (0.95, 11, 2.2010), (0.95, 30, 2.0423), (0.95, 120, 1.9799),
     (0.98, 5, 3.3649), (0.98, 12, 2.6810), (0.98, 60, 2.3901)],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(confidence: float, freedom: float, expected: float) -> None:
    assert quantile(confidence, freedom) == pytest.approx(expected, abs=2e-3)
    assert quantile(confidence, 1e9) == pytest.approx(NormalDist().inv_cdf(0.5 + confidence / 2), abs=1e-6)


def test_few_people_give_no_interval() -> None:
    assert difference([(1.0, 1.0)] * 19, [(1.0, 2.0)] * 100) is None
    assert difference([(1.0, 1.0)] * 100, [(1.0, 2.0)] * 19) is None


def test_who_begins_to_buy_and_joins_at_once_is_no_effect() -> None:
    members = [("old", 0, 200), ("new", 195, 200), ("begins and joins", 200, 200)]
    found = chosen(members, [("regular", 5), ("newcomer", 150)], 90)
    assert (found.members, found.others) == ({"old": 200}, ["regular"])
