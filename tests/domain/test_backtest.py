"""A program tried on a handful of past orders: every figure as it is worked out on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.backtest import EVERY, Past, run
from chalicelib.domain.metric_report import Rate
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Line, Sale
from tests.domain.sales import shop

CAKE = {"id": "cake", "name": "Cake", "kind": "free_product", "value": 500, "cost": 200, "points": 100}


def bakery(**reward: Any) -> Program:
    """A point for each euro, ten for joining, a cake that costs two euros for a hundred."""
    return shop(
        enrolment={"mode": "open", "welcome_points": 10},
        earning={"points": 1, "per_amount": 100},
        expiry={"policy": "none"},
        rewards=[{**CAKE, **reward}],
        stamp_cards=[],
        tiers=None,
        referral=None,
    )


def order(buyer: str | None, day: int, total: int) -> Past:
    half = (Line("a", "coffee", 1, total, total // 2),)
    moment = datetime(2026, 1, day, 12, tzinfo=UTC)
    return Past(buyer, f"{buyer}-{day}", Sale(total=total, currency="EUR", occurred_at=moment, lines=half))


ORDERS = [order("ann", 1, 5000), order("bo", 2, 5000), order("ann", 4, 10_000), order(None, 5, 5000)]


def test_every_figure_of_a_small_shop_is_as_worked_out_by_hand() -> None:
    found = run(bakery(), ORDERS)
    assert (found.orders, found.sales, found.customers) == (4, 25_000, 2)
    assert (found.unknown_orders, found.unknown_sales) == (1, 5000)
    assert (found.points, found.bonus_points, found.expired_points, found.outstanding_points) == (200, 20, 0, 120)
    assert found.reward == {"reward_id": "cake", "name": "Cake"}
    assert (found.rewards_taken, found.stamp_rewards, found.tiers) == (1, 0, [])
    assert found.reached_first_reward == Rate(0.5, 1, 2)
    assert found.visits_to_first_reward == {"mean": 2.0, "median": 2.0, "most": 2.0}
    assert found.days_to_first_reward == {"mean": 3.0, "median": 3.0, "most": 3.0}
    assert (found.cost_of_rewards, found.cost_of_points_left, found.cost) == (200, 240, 440)
    assert found.cost_of_sales == Rate(440 / 25_000, 440, 25_000)
    assert found.margin == Rate(0.5, 12_500, 25_000)
    assert found.break_even_lift == 440 / 12_060
    assert found.best == [
        {"customer": "ann", "sales": 15_000, "cost": 200, "points_left": 60},
        {"customer": "bo", "sales": 5000, "cost": 0, "points_left": 60},
    ]


def test_tenths_of_two_customers_hold_them_in_the_fifth_and_the_tenth() -> None:
    rows = run(bakery(), ORDERS).gains
    nobody = {"customers": 0, "sales": 0, "cost": 0, "share_of_cost": Rate(0.0, 0, 200)}
    expected = [{"decile": n, **nobody, "cost_of_sales": Rate(None, 0, 0)} for n in range(1, 11)]
    ann = {"customers": 1, "sales": 15_000, "cost": 200, "share_of_cost": Rate(1.0, 200, 200)}
    expected[4] = {"decile": 5, **ann, "cost_of_sales": Rate(200 / 15_000, 200, 15_000)}
    bo = {"customers": 1, "sales": 5000, "cost": 0, "share_of_cost": Rate(0.0, 0, 200)}
    expected[9] = {"decile": 10, **bo, "cost_of_sales": Rate(0.0, 0, 5000)}
    assert rows == expected


def test_a_reward_is_taken_as_often_as_the_points_its_member_and_its_stock_allow() -> None:
    both = [order("ann", 1, 29_000), order("bo", 2, 29_000)]
    for limits, taken, left in (({}, 6, 0), ({"per_member": 1}, 2, 400), ({"stock": 4}, 4, 200)):
        found = run(bakery(**limits), both)
        assert (found.rewards_taken, found.outstanding_points, found.cost_of_rewards) == (taken, left, 200 * taken)


def test_an_empty_shop_assumes_a_margin_and_divides_by_nothing() -> None:
    found = run(bakery(), [])
    assert (found.orders, found.customers, found.cost, found.best) == (0, 0, 0, [])
    assert found.margin.denominator == 100
    assert found.margin.value == found.margin.numerator / 100
    assert (found.break_even_lift, found.visits_to_first_reward, found.days_to_first_reward) == (None, None, None)


def test_progress_is_told_at_every_two_thousandth_order_and_orders_of_the_known_are_watched() -> None:
    told: list[int] = []
    seen: list[tuple[str, int]] = []
    run(bakery(), [order(None, 1, 100)] * (EVERY + 1), progress=told.append)
    run(bakery(), ORDERS, watch=lambda past, points: seen.append((past.order_id, points)))
    assert told == [2000]
    assert seen == [("ann-1", 50), ("bo-2", 50), ("ann-4", 100)]
