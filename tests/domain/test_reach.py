"""How far the first reward is: by the shop's own figures, or by what is assumed in their place, in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from chalicelib.domain.program import Program, Reward
from chalicelib.domain.reach import (
    UNREACHABLE,
    Figures,
    figures_of,
    first_reward,
    open_to_all,
    points_of_purchase,
    purchases_by_points,
    purchases_to_reward,
    rate,
)
from tests.domain.sales import shop

LEVELS = [
    {"id": "one", "name": "One", "threshold": 0, "percent": 150},
    {"id": "two", "name": "Two", "threshold": 900, "percent": 175},
]
CARD = {"id": "c", "name": "C", "required": 4, "reward_id": "r"}
ASSUMED_PACE, ASSUMED_MARGIN = "an assumed 8 purchases a month", "an assumed margin of 40 %"


def reward(name: str, points: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "kind": "amount_off", "value": 500, "points": points, **more}


def plain(*rewards: dict[str, Any], earning: dict[str, Any] | None = None, **more: Any) -> Program:
    """A point for every 100 minor units, unless told otherwise; no tiers, no cards."""
    return shop(**{"earning": earning or {}, "tiers": None, "stamp_cards": [], "rewards": list(rewards), **more})


def spending(average: int | None) -> Figures:
    return Figures(average, "", 8, "", 40, "")


def names(placed: list[tuple[int, Reward]]) -> list[tuple[int, str]]:
    return [(place, one.id) for place, one in placed]


def test_the_shops_own_figures_are_named_as_such() -> None:
    assert figures_of(plain(), 1250, 3, 55) == Figures(
        average=1250,
        average_words="at the average purchase of 12.50 EUR",
        pace=3,
        pace_words="3 purchases a month",
        margin=55,
        margin_words="a margin of 55 %",
    )


def test_a_margin_of_nothing_is_a_figure_too() -> None:
    figures = figures_of(plain(), 1, 1, 0)
    assert (figures.margin, figures.margin_words) == (0, "a margin of 0 %")


@pytest.mark.parametrize("average", [None, 0])
def test_without_figures_the_referrals_minimum_is_an_average_purchase(average: int | None) -> None:
    program = plain(reward("a", 1, minimum_purchase=300), referral={"minimum_purchase": 2000})
    assert figures_of(program, average, 0, None) == Figures(
        average=2000,
        average_words="assuming that the referral's minimum purchase is an average one, 20.00 EUR",
        pace=8,
        pace_words=ASSUMED_PACE,
        margin=40,
        margin_words=ASSUMED_MARGIN,
    )


@pytest.mark.parametrize("referral", [None, {"minimum_purchase": 0}])
def test_else_the_smallest_minimum_purchase_of_a_reward_is(referral: dict[str, int] | None) -> None:
    minima = [reward("a", 1, minimum_purchase=400), reward("b", 1), reward("c", 1, minimum_purchase=300)]
    figures = figures_of(plain(*minima, referral=referral), None, None, None)
    words = "assuming that the smallest minimum purchase of a reward is an average one, 3.00 EUR"
    assert (figures.average, figures.average_words) == (300, words)


def test_where_nothing_says_what_a_purchase_is_no_average_is_assumed() -> None:
    assert figures_of(plain(reward("a", 1)), None, None, None) == Figures(None, "", 8, ASSUMED_PACE, 40, ASSUMED_MARGIN)


def test_the_smallest_referral_and_reward_minimum_count() -> None:
    assert figures_of(plain(referral={"minimum_purchase": 1}), None, None, None).average == 1
    assert figures_of(plain(reward("a", 1, minimum_purchase=1)), None, None, None).average == 1


def test_a_reward_for_points_is_open_where_there_is_stock_and_no_tier_is_asked_for() -> None:
    rewards = [
        reward("free", 0),
        reward("gone", 1, stock=0),
        reward("last", 1, stock=1),
        reward("any", 5),
        reward("tier", 5, minimum_tier="one"),
    ]
    assert names(open_to_all(plain(*rewards))) == [(2, "last"), (3, "any")]


def test_a_reward_of_the_lowest_tier_is_open_where_everybody_holds_it() -> None:
    rewards = [reward("any", 5), reward("low", 5, minimum_tier="one"), reward("high", 5, minimum_tier="two")]
    tiers: dict[str, Any] = {"basis": "spend", "levels": LEVELS}
    assert names(open_to_all(plain(*rewards, tiers=tiers))) == [(0, "any"), (1, "low")]
    tiers["levels"] = [{**LEVELS[0], "threshold": 1}, LEVELS[1]]
    assert names(open_to_all(plain(*rewards, tiers=tiers))) == [(0, "any")]


def test_the_first_reward_is_the_one_for_fewest_points() -> None:
    first = first_reward(plain(reward("a", 5), reward("b", 3), reward("c", 3), reward("d", 4)))
    assert first is not None
    assert (first[0], first[1].id) == (1, "b")
    assert first_reward(plain(reward("a", 0))) is None


def test_a_tier_multiplies_the_points_of_a_minor_unit() -> None:
    tiers: dict[str, Any] = {"basis": "spend", "levels": LEVELS}
    earning = {"points": 3, "per_amount": 200}
    assert rate(plain(earning=earning), None) == Fraction(3, 200)
    program = plain(earning=earning, tiers=tiers)
    assert rate(program, None) == Fraction(9, 400)
    assert rate(program, "one") == Fraction(9, 400)
    assert rate(program, "two") == Fraction(21, 800)
    assert rate(program, "gone") == Fraction(3, 200)
    tiers["levels"] = [{**LEVELS[0], "threshold": 1}, LEVELS[1]]
    assert rate(plain(earning=earning, tiers=tiers), None) == Fraction(3, 200)


@pytest.mark.parametrize(("average", "points"), [(None, 0), (0, 0), (99, 0), (100, 1), (199, 1), (200, 2)])
def test_a_purchase_earns_whole_points(average: int | None, points: int) -> None:
    assert points_of_purchase(plain(), spending(average)) == points
    assert points_of_purchase(plain(earning={"per_amount": 1}), spending(average)) == (average or 0)


@pytest.mark.parametrize(("cap", "points"), [(None, 10), (9, 9), (10, 10), (11, 10)])
def test_a_purchase_earns_no_more_than_a_days_cap(cap: int | None, points: int) -> None:
    assert points_of_purchase(plain(earning={"daily_cap": cap}), spending(1000)) == points


@pytest.mark.parametrize(
    ("points", "welcome", "purchases"),
    [(1, 0, 1), (10, 0, 1), (11, 0, 2), (30, 9, 3), (30, 29, 1), (30, 30, 0), (30, 31, 0)],
)
def test_purchases_fill_what_the_welcome_leaves_missing(points: int, welcome: int, purchases: int) -> None:
    program = plain(reward("a", points), enrolment={"welcome_points": welcome})
    assert purchases_by_points(program, spending(1000)) == purchases


def test_a_reward_given_by_the_welcome_needs_no_earning() -> None:
    program = plain(reward("a", 1), enrolment={"welcome_points": 1}, earning={"points": 0})
    assert purchases_by_points(program, spending(1000)) == 0


def test_where_a_purchase_earns_nothing_no_number_of_them_is_enough() -> None:
    assert purchases_by_points(plain(reward("a", 1)), spending(99)) == UNREACHABLE == 1_000_000_000_000


def test_without_a_reward_or_an_average_there_is_nothing_to_count() -> None:
    assert purchases_by_points(plain(), spending(1000)) is None
    assert purchases_by_points(plain(reward("a", 1)), spending(None)) is None


def test_the_shorter_way_counts_and_a_stamp_card_is_one() -> None:
    cards = [CARD, {**CARD, "id": "d", "required": 3}]
    free = reward("r", 0)
    assert purchases_to_reward(plain(free, stamp_cards=cards), spending(None)) == 3
    assert purchases_to_reward(plain(free, reward("a", 20), stamp_cards=cards), spending(1000)) == 2
    assert purchases_to_reward(plain(free, reward("a", 40), stamp_cards=cards), spending(1000)) == 3
    assert purchases_to_reward(plain(reward("a", 40)), spending(1000)) == 4
    assert purchases_to_reward(plain(free), spending(1000)) is None
