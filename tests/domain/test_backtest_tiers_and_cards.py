"""A program with tiers, a stamp card and points that lapse, tried on past orders counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.domain.advice import Advice, advise
from chalicelib.domain.backtest import Past, run
from chalicelib.domain.metric_report import Rate
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Line, Sale
from tests.domain.test_backtest import bakery, order

MUFFIN = {"id": "muffin", "name": "Muffin", "kind": "free_product", "value": 300, "cost": 150, "points": 0}
CAKE = {"id": "cake", "name": "Cake", "kind": "free_product", "value": 500, "cost": 201, "points": 100}
LEVELS = [
    {"id": "basic", "name": "Basic", "threshold": 0},
    {"id": "silver", "name": "Silver", "threshold": 10_000},
    {"id": "gold", "name": "Gold", "threshold": 20_000},
]
TIERS = {"basis": "spend", "window": "lifetime", "levels": LEVELS}


def altered(program: Program, **changes: Any) -> Program:
    return msgspec.convert({**msgspec.to_builtins(program), **changes}, Program)


def card_shop() -> Program:
    """The bakery with a muffin for every third visit and three tiers by what was spent."""
    card = {"id": "c", "name": "C", "per": "visit", "required": 3, "reward_id": "muffin"}
    return altered(bakery(), stamp_cards=[card], rewards=[CAKE, {**MUFFIN, "per_member": 1}], tiers=TIERS)


def sold(buyer: str | None, on: str, total: int) -> Past:
    half = (Line("a", "coffee", 1, total, total // 2),)
    moment = datetime.fromisoformat(on).replace(hour=12, tzinfo=UTC)
    return Past(buyer, f"{buyer}-{on}", Sale(total=total, currency="EUR", occurred_at=moment, lines=half))


VISITS = [
    *(order("ann", day, 1000) for day in range(1, 7)),
    *(order("bo", day, 4000) for day in (7, 8, 10)),
    order("cy", 11, 25_000),
    order(None, 12, 700),
    order(None, 13, 300),
]


def test_cards_tiers_and_points_of_a_shop_add_up_to_one_answer() -> None:
    """Ann fills two cards; Bo a card, and a cake at the same visit; Cy takes two cakes of one order."""
    found = run(card_shop(), VISITS)
    assert (found.orders, found.sales, found.customers) == (12, 44_000, 3)
    assert (found.unknown_orders, found.unknown_sales) == (2, 1000)
    assert (found.points, found.bonus_points, found.expired_points, found.outstanding_points) == (430, 30, 0, 160)
    assert (found.rewards_taken, found.stamp_rewards) == (3, 3)
    assert found.reached_first_reward == Rate(1.0, 3, 3)
    assert found.visits_to_first_reward == {"mean": 7 / 3, "median": 3.0, "most": 3.0}
    assert found.days_to_first_reward == {"mean": 5 / 3, "median": 2.0, "most": 3.0}
    # 3 cakes and 3 muffins; 160 points left at 2.01 each are 321.6, which is paid in whole cents
    assert (found.cost_of_rewards, found.cost_of_points_left, found.cost) == (1053, 322, 1375)
    assert found.break_even_lift == 1375 / 20_625
    assert found.best == [
        {"customer": "cy", "sales": 25_000, "cost": 402, "points_left": 60},
        {"customer": "bo", "sales": 12_000, "cost": 351, "points_left": 30},
        {"customer": "ann", "sales": 6000, "cost": 300, "points_left": 70},
    ]
    assert [(row["decile"], row["cost"]) for row in found.gains if row["customers"]] == [(4, 402), (7, 351), (10, 300)]


def test_a_tier_tells_who_holds_it_and_who_ever_reached_it() -> None:
    third = Rate(1 / 3, 1, 3)
    assert run(card_shop(), VISITS).tiers == [
        {"tier": "basic", "name": "Basic", "customers": third, "ever_reached": Rate(1.0, 3, 3)},
        {"tier": "silver", "name": "Silver", "customers": third, "ever_reached": Rate(2 / 3, 2, 3)},
        {"tier": "gold", "name": "Gold", "customers": third, "ever_reached": third},
    ]


def test_nobody_holds_a_tier_where_the_lowest_asks_for_spending() -> None:
    program = altered(bakery(), tiers={**TIERS, "levels": LEVELS[1:]})
    rows = run(program, [order("ann", 1, 5000), order("bo", 2, 10_000), order("cy", 3, 10_000)]).tiers
    both, none = Rate(2 / 3, 2, 3), Rate(0.0, 0, 3)
    assert [(row["customers"], row["ever_reached"]) for row in rows] == [(both, both), (none, none)]


def test_points_lapse_and_anniversaries_are_given_on_their_days() -> None:
    """Ann's 60 and Bo's 30 lapse after a month; each has 5 for the year, and Ann 30 of the last order."""
    earns = {"points": 1, "per_amount": 100, "anniversary_points": 5}
    program = altered(bakery(), expiry={"policy": "rolling", "months": 1}, earning=earns)
    past = [sold("ann", "2025-01-10", 5000), sold("bo", "2025-01-20", 2000), sold("ann", "2026-02-01", 3000)]
    found = run(program, past)
    assert (found.points, found.bonus_points, found.expired_points, found.outstanding_points) == (100, 30, 90, 40)


def test_points_that_wait_are_owed_and_a_taken_reward_keeps_idle_ones_alive() -> None:
    earns = {"points": 1, "per_amount": 100, "pending_days": 3}
    waiting = run(altered(bakery(), earning=earns), [order("ann", 1, 29_000)])
    assert (waiting.outstanding_points, waiting.rewards_taken) == (300, 0)
    assert waiting.best[0]["points_left"] == 300
    idle = run(altered(bakery(), expiry={"policy": "inactivity", "months": 1}), [order("ann", 1, 15_000)])
    assert (idle.outstanding_points, idle.rewards_taken, idle.expired_points) == (60, 1, 0)


def test_a_program_without_a_reward_for_points_gives_none() -> None:
    found = run(altered(bakery(), rewards=[]), [order("ann", 1, 29_000)])
    assert (found.reward, found.rewards_taken, found.cost, found.outstanding_points) == (None, 0, 0, 300)


def test_a_limit_of_two_for_each_member_holds_over_several_orders() -> None:
    found = run(bakery(per_member=2), [order("ann", day, 10_000) for day in (1, 2, 3)])
    assert (found.rewards_taken, found.best[0]["cost"], found.outstanding_points) == (2, 400, 110)


def test_buyers_of_the_same_are_in_the_order_of_their_names_and_ten_are_shown() -> None:
    """The one cake in stock goes to Bo, who came first; Ann bought as much and stands before him."""
    found = run(bakery(stock=1), [order("bo", 1, 10_000), order("ann", 2, 10_000)])
    assert [(row["decile"], row["cost"]) for row in found.gains if row["customers"]] == [(5, 0), (10, 200)]
    assert [row["customer"] for row in found.best] == ["bo", "ann"]
    names = [row["customer"] for row in run(bakery(), [order(name, 1, 100) for name in "lkjihgfedcba"]).best]
    assert names == list("abcdefghij")


@pytest.mark.parametrize(
    ("silver", "customers", "places"), [(0, 50, [1, 2]), (1, 50, [2]), (1, 51, [1, 2]), (0, 49, []), (2, 101, [1, 2])]
)
def test_a_tier_that_fewer_than_two_in_a_hundred_reach_is_advised_against(
    silver: int, customers: int, places: list[int]
) -> None:
    """Of 50, 1 is exactly two in a hundred; below 50 customers nothing is said."""
    past = [order(f"n{number}", 1, 10_000 if number < silver else 100) for number in range(customers)]
    told = [one for one in run(card_shop(), past).advice if one.code == "tier_out_of_reach"]
    assert told == [
        Advice(
            "tier_out_of_reach",
            f"/tiers/levels/{place}/threshold",
            f"{LEVELS[place]['name']} would have been reached by {silver if place == 1 else 0} of {customers} "
            "customers: lower its threshold, or leave it out.",
        )
        for place in places
    ]


def test_the_rules_are_judged_by_the_average_the_pace_and_the_margin_of_the_orders() -> None:
    """Eight orders in three months of customers: Ann's two (46 days), and one of Bo, who came on the last day."""
    referral = {"advocate_points": 10_000, "friend_points": 10_000, "minimum_purchase": 1000}
    program = altered(bakery(points=5000), referral=referral)
    past = [*(order("ann", day, 4000) for day in range(1, 7)), sold("ann", "2026-02-16", 4000)]
    past.append(sold("bo", "2026-02-16", 4007))
    told = run(program, past).advice
    assert told == advise(program, 4000, purchases_per_month=3, margin_percent=50)
    assert {"first_reward_far", "no_reward_in_a_month", "referral_pays_too_much"} <= {one.code for one in told}
    assert any("3 purchases a month" in one.detail for one in told)
    assert any("a margin of 50 %" in one.detail for one in told)


def test_without_orders_and_costs_the_rules_are_judged_by_what_is_assumed() -> None:
    referral = {"advocate_points": 10_000, "friend_points": 10_000, "minimum_purchase": 1000}
    program = altered(bakery(points=5000), referral=referral)
    assert run(program, []).advice == advise(program)
    bare = Sale(total=4000, currency="EUR", occurred_at=datetime(2026, 1, 1, 12, tzinfo=UTC))
    rare = [Past("ann", "1", bare), sold("bo", "2026-12-01", 4000)]
    found = run(program, rare[:1])
    assert found.advice == advise(program, 4000, purchases_per_month=1)
    assert found.margin == Rate(0.4, 40, 100)
    assert run(program, rare).advice == advise(program, 4000, purchases_per_month=1, margin_percent=50)


def test_a_program_that_closes_is_tried_as_if_it_went_on() -> None:
    close = {"last_earn_on": "2025-01-01", "last_redeem_on": "2025-02-01"}
    assert run(altered(bakery(), close=close), [order("ann", 1, 5000)]).points == 50


def test_every_two_thousandth_order_is_told_and_the_number_is_the_orders() -> None:
    told: list[int] = []
    run(bakery(), [order(None, 1, 100)] * 4000, progress=told.append)
    run(bakery(), [order(None, 1, 100)] * 1999, progress=told.append)
    assert told == [2000, 4000]


def test_the_lowest_tier_is_held_from_the_first_order_on_and_sets_its_rate() -> None:
    program = altered(bakery(), tiers={**TIERS, "levels": [{**LEVELS[0], "percent": 200}, *LEVELS[1:]]})
    found = run(program, [order("ann", 1, 1000), order("bo", 2, 1000)])
    assert (found.points, found.tiers[0]["ever_reached"]) == (40, Rate(1.0, 2, 2))


def test_a_tier_that_was_lost_was_reached_once() -> None:
    """Gold is held for a year after it was reached; the year from then on does not reach it again."""
    program = altered(bakery(), tiers={**TIERS, "window": "rolling_year"})
    rows = run(program, [sold("ann", "2025-01-10", 25_000), sold("ann", "2026-06-01", 100)]).tiers
    assert [(row["customers"].numerator, row["ever_reached"].numerator) for row in rows] == [(1, 1), (0, 1), (0, 1)]


@pytest.mark.parametrize(("paid", "margin", "lift"), [(4000, 0, None), (0, 100, 100 / 3900)])
def test_a_shop_that_keeps_nothing_or_everything_of_its_sales_has_that_margin(
    paid: int, margin: int, lift: float | None
) -> None:
    """Fifty points at two cents each are left to pay, of sales of forty euros."""
    referral = {"advocate_points": 200_000, "friend_points": 1, "minimum_purchase": 1000}
    program = altered(bakery(), referral=referral)
    cost = (Line("a", "coffee", 1, 4000, paid),)
    sale = Sale(total=4000, currency="EUR", occurred_at=datetime(2026, 1, 1, 12, tzinfo=UTC), lines=cost)
    found = run(program, [Past("ann", "1", sale)])
    assert (found.break_even_lift, found.cost) == (lift, 100)
    assert found.advice == advise(program, 4000, purchases_per_month=1, margin_percent=margin)
    assert any(f"a margin of {margin} %" in one.detail for one in found.advice)


def test_a_margin_that_is_one_cent_more_than_the_cost_can_still_pay() -> None:
    """Ten points of welcome cost 20; 42 cents of sales at half keep 21."""
    assert run(bakery(), [order("ann", 1, 42)]).break_even_lift == 20.0
