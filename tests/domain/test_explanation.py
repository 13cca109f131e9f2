"""Why a purchase earned what it did: every step in the words that people read, and points that add up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.explanation import Reason, explain
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Line, Purchase, Sale, basis_of
from tests.domain.sales import BOUGHT, SOLD, shop

PLANS = [{"id": "x", "name": "X"}, {"id": "club", "name": "The Club", "percent": 110}]


def bought(
    program: Program, lines: tuple[Line, ...], total: int, tier: str | None = None, plan: str | None = None
) -> Purchase:
    sale = Sale(total=total, currency="EUR", lines=lines)
    basis = basis_of(program, sale, SOLD, tier, plan)
    earned = basis.deserved(total, 0) if total else 0
    about = {"delivery": 0, "tax": 0, "total": total, "lines": lines, "basis": basis, "points": earned}
    return replace(BOUGHT, tier=tier, plan=plan, **about)


def told(program: Program, purchase: Purchase) -> list[tuple[str, str, int]]:
    rows = explain(program, purchase)
    assert sum(row.points for row in rows) == purchase.points
    return [(row.rule, row.detail, row.points) for row in rows]


def test_every_step_of_the_rule_is_told_in_its_order() -> None:
    program = shop(plans=PLANS)
    lines = (Line("cake", "cake", 1, 1000), Line("card", "gift", 1, 500), Line("tea", None, 2, 333))
    assert told(program, bought(program, lines, 1500, "two", "club")) == [
        ("earn", "cake: 10.00 EUR, 3 points for each 1.00 EUR, 1500 of 1833 counted after discounts", 24),
        ("multiplier", "cake: M at 200 %", 25),
        ("excluded", "card: 5.00 EUR in gift earns nothing", 0),
        ("earn", "tea: 3.33 EUR, 3 points for each 1.00 EUR, 1500 of 1833 counted after discounts", 8),
        ("tier", "Two earns at 120 %", 11),
        ("plan", "The Club earns at 110 %", 7),
    ]


def test_points_are_rounded_once_so_a_step_may_gain_the_cent_of_another() -> None:
    program = shop(earning={"points": 1})
    lines = (Line("a", None, 1, 60), Line("b", None, 1, 60), Line("c", None, 1, 60))
    rate = "0.60 EUR, 1 point for each 1.00 EUR"
    assert told(program, bought(program, lines, 180)) == [
        ("earn", f"a: {rate}", 0),
        ("earn", f"b: {rate}", 1),
        ("earn", f"c: {rate}", 0),
    ]


def test_a_sale_without_lines_is_one_of_goods() -> None:
    program = shop(earning={"points": 2, "per_amount": 150}, currency="JPY")
    assert told(program, bought(program, (), 450)) == [("earn", "Goods: 450 JPY, 2 points for each 150 JPY", 6)]


def test_delivery_and_tax_are_no_goods() -> None:
    program = shop()
    sale = Sale(total=1000, currency="EUR", delivery=60, tax=40)
    purchase = replace(BOUGHT, lines=(), basis=basis_of(program, sale, SOLD, None, None), points=27)
    assert told(program, purchase) == [("earn", "Goods: 9.00 EUR, 3 points for each 1.00 EUR", 27)]


def test_a_multiplier_counts_on_the_shops_day_of_the_sale() -> None:
    """22:30 in London on the 19th is the 20th in Berlin, on which half points begin."""
    late = milliseconds(datetime.fromisoformat("2026-06-19T23:30+01:00"))
    basis = {"London": 100, "Berlin": 50}
    for city, percent in basis.items():
        program = shop(time_zone=f"Europe/{city}")
        counted = Basis(1000 * percent, 1000, 1000, 1000, points=3, per_amount=100)
        line = (Line("tea", None, 1, 1000),)
        sold = {"occurred_ms": late, "lines": line, "basis": counted, "points": 30 * percent // 100}
        halved = [("multiplier", "tea: O at 50 %", -15)] if percent == 50 else []
        assert told(program, replace(BOUGHT, delivery=0, tax=0, **sold)) == [
            ("earn", "tea: 10.00 EUR, 3 points for each 1.00 EUR", 30),
            *halved,
        ]


def test_a_days_cap_takes_the_rest() -> None:
    program = shop(earning={"points": 3, "daily_cap": 20})
    purchase = replace(bought(program, (Line("tea", None, 1, 1000),), 1000), points=20)
    assert told(program, purchase)[1:] == [("daily_cap", "A day earns at most 20 points", -10)]


def test_what_had_gone_back_or_was_disputed_when_it_was_claimed_is_told_apart() -> None:
    program = shop(earning={"points": 3, "daily_cap": 10})
    purchase = replace(bought(program, (Line("tea", None, 1, 1000),), 1000), gone=(300, 250), points=10)
    assert told(program, purchase)[1:] == [
        ("refund", "3.00 EUR of 10.00 EUR went back before it was claimed", -9),
        ("dispute", "2.50 EUR of 10.00 EUR was disputed when it was claimed", -8),
        ("daily_cap", "A day earns at most 10 points", -3),
    ]
    # Each share rounds where it begins: 10 of 10.00, 8 of 8.90, and 8 of 8.40 still.
    one = shop(earning={"points": 1})
    small = replace(bought(one, (Line("tea", None, 1, 1000),), 1000), gone=(110, 50), points=8)
    assert [points for _, _, points in told(one, small)] == [10, -2, 0]


@pytest.mark.parametrize("percent", [99, 101])
def test_what_a_level_or_a_plan_changes_is_told_however_little(percent: int) -> None:
    extra = percent - 100
    levels = [{"id": "one", "name": "One", "threshold": 0, "percent": percent}]
    program = shop(tiers={"basis": "spend", "levels": levels}, plans=[{"id": "p", "name": "P", "percent": percent}])
    line = (Line("tea", None, 1, 1_000_000),)
    rate = ("earn", "tea: 10000.00 EUR, 3 points for each 1.00 EUR", 30_000)
    at_level = ("tier", f"One earns at {percent} %", 300 * extra)
    assert told(program, bought(program, line, 1_000_000, "one")) == [rate, at_level]
    in_plan = ("plan", f"P earns at {percent} %", 300 * extra)
    assert told(program, bought(program, line, 1_000_000, None, "p")) == [rate, in_plan]


def test_a_millionth_short_of_a_point_is_none() -> None:
    """1.11 × 1.17 × 0.77 of one is 0.999999."""
    program = shop(
        earning={"points": 1, "per_amount": 1, "multipliers": [{"id": "m", "name": "M", "percent": 111}]},
        tiers={"basis": "spend", "levels": [{"id": "one", "name": "One", "threshold": 0, "percent": 117}]},
        plans=[{"id": "p", "name": "P", "percent": 77}],
    )
    rows = told(program, bought(program, (Line("", None, 1, 1),), 1, "one", "p"))
    assert [points for _, _, points in rows] == [1, 0, 0, -1]


@pytest.mark.parametrize("without", [{"tiers": None}, {}])
def test_a_level_and_a_plan_that_are_gone_are_yours(without: dict[str, Any]) -> None:
    then = Basis(100_000, 1000, 1000, 1000, 120, 150, 1, 100)
    lines = (Line("tea", None, 1, 1000),)
    sold = {"delivery": 0, "tax": 0, "lines": lines, "basis": then, "points": 18, "tier": "old", "plan": "old"}
    assert told(shop(**without), replace(BOUGHT, **sold))[1:] == [
        ("tier", "Your tier earns at 120 %", 2),
        ("plan", "Your plan earns at 150 %", 6),
    ]


def test_a_guests_sale_and_one_without_goods_say_so() -> None:
    guest = "Nobody was named, so nothing is earned until a member claims this purchase."
    assert explain(shop(), replace(BOUGHT, member_id=None)) == [Reason("guest", guest, 0)]
    nothing = replace(BOUGHT, lines=(), total=100, basis=Basis(), points=0)
    assert explain(shop(), nothing) == [Reason("no_goods", "Nothing in this purchase can earn.", 0)]


def test_a_single_cent_of_goods_is_explained() -> None:
    program = shop()
    assert told(program, bought(program, (Line("", None, 1, 1),), 1)) == [
        ("earn", "Goods: 0.01 EUR, 3 points for each 1.00 EUR", 0)
    ]
