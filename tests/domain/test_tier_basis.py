"""What counts towards a tier, from the entries alone: by the day of each purchase, as the program asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import tier_basis
from chalicelib.domain.ledger import Entry
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.restating import Standing
from tests.domain.sales import BOUGHT, MS, SOLD_MS, TODAY, shop, shop_levels

GIFT = Entry(kind="bonus", points=40, cause=("welcome", "m1"), occurred_ms=SOLD_MS, booked_ms=MS)
BACK = Refund(
    kind="refund",
    cause=("refund", "r"),
    order_id="o-1",
    occurred_ms=MS,
    booked_ms=MS,
    refund_id="r",
    refunded=500,
    currency="EUR",
)
NEXT = replace(BOUGHT, order_id="o-2", cause=("order", "o-2"), occurred_ms=MS)


def rules(basis: str, **changes: Any) -> Program:
    return shop(tiers={"basis": basis, "levels": shop_levels()}, **changes)


@pytest.mark.parametrize(
    ("basis", "one", "half", "two"),
    [("spend", 630, 315, 630), ("points", 75, 57, 35), ("visits", 1, 1, 1)],
)
def test_each_purchase_counts_on_its_day_less_what_went_back(basis: str, one: int, half: int, two: int) -> None:
    adjusted = replace(GIFT, kind="adjust", points=1_000)
    bought: list[Entry] = [GIFT, adjusted, BOUGHT, NEXT]
    assert tier_basis.by_day(bought, rules(basis), {}) == {TODAY - 1: one, TODAY: two}
    assert tier_basis.by_day([*bought, BACK], rules(basis), {}) == {TODAY - 1: half, TODAY: two}
    same_day = [*bought[:-1], replace(NEXT, occurred_ms=SOLD_MS)]
    assert tier_basis.by_day(same_day, rules(basis), {}) == {TODAY - 1: one + two}


def test_gifts_of_one_day_add_up_and_an_empty_ledger_counts_nothing() -> None:
    assert tier_basis.by_day([GIFT, GIFT, replace(GIFT, occurred_ms=MS)], rules("points"), {}) == {
        TODAY - 1: 80,
        TODAY: 40,
    }
    assert tier_basis.by_day([GIFT], rules("spend"), {}) == tier_basis.by_day([], rules("points"), {}) == {}
    assert tier_basis.by_day([GIFT, BOUGHT], shop(tiers=None), {}) == {}


@pytest.mark.parametrize("order", [(500, 700), (700, 500)])
def test_the_greatest_sum_that_went_back_counts_in_whatever_order_refunds_are_read(order: tuple[int, int]) -> None:
    refunds = [replace(BACK, refunded=refunded) for refunded in order]
    for entries in ([BOUGHT, *refunds], [*refunds, BOUGHT]):
        assert tier_basis.by_day(entries, rules("spend"), {}) == {TODAY - 1: 189}
    assert tier_basis.by_day([BOUGHT, replace(BACK, refunded=0)], rules("spend"), {}) == {TODAY - 1: 630}
    whole = replace(BACK, refunded=1000)
    assert tier_basis.by_day([BOUGHT, whole], rules("visits"), {}) == {TODAY - 1: 0}


def test_a_refund_of_another_purchase_takes_nothing_from_this_one() -> None:
    other = replace(BACK, order_id="o-2", refunded=1000)
    assert tier_basis.by_day([BOUGHT, NEXT, other], rules("spend"), {}) == {TODAY - 1: 630, TODAY: 0}


@pytest.mark.parametrize(
    ("now", "counted"),
    [
        (Standing(None), {TODAY: 630}),
        (Standing(replace(BOUGHT, occurred_ms=MS), 500), {TODAY: 630 + 315}),
        (Standing(BOUGHT, 0, 500), {TODAY - 1: 630, TODAY: 630}),
    ],
)
def test_a_sale_that_corrections_moved_counts_as_it_stands(now: Standing, counted: dict[int, int]) -> None:
    assert tier_basis.by_day([BOUGHT, NEXT, BACK], rules("spend"), {"o-1": now}) == counted


def test_a_sale_that_came_from_somebody_else_counts_by_how_it_stands_alone() -> None:
    came: Purchase = replace(BOUGHT, order_id="o-3")
    assert tier_basis.by_day([], rules("spend"), {"o-3": Standing(came)}) == {TODAY - 1: 630}


def test_days_are_those_of_the_shop() -> None:
    far = rules("points", time_zone="Pacific/Kiritimati")
    assert tier_basis.by_day([GIFT, BOUGHT], far, {}) == {TODAY: 75}
