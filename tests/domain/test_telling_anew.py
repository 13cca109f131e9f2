"""A sale told anew: what it deserves under the promises that it was booked with, and the stamps it puts on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import restating
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.member import IDLE, NEVER, Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Line, Purchase, Sale, Stamped
from tests.domain.sales import ANN, BASIS, BOUGHT, NOW, SALE, SOLD, TODAY, shop

POOR = replace(BOUGHT, delivery=0, tax=0, lines=(), points=30, balance_after=30, stamps=())
EMPTY = replace(BOUGHT, points=0, basis=Basis(), lot=0, stamps=())


def again(purchase: Purchase, program: Program | None = None, head: Head = ANN) -> tuple[Head, Purchase]:
    return restating.reread(head, program or shop(), purchase, SALE, NOW)


def test_what_a_telling_says_takes_the_place_of_what_was_told_before() -> None:
    other = Sale(total=1, currency="EUR", tax=2, delivery=3, lines=(Line("x", None, 1, 4),), occurred_at=NOW)
    assert restating.retold(BOUGHT, other) == replace(BOUGHT, total=1, tax=2, delivery=3, lines=other.lines)


def test_a_richer_telling_deserves_what_the_rule_gives_for_it() -> None:
    head, rich = again(replace(POOR, status="pending", available_on=5, expires_on=6, lot=7))
    assert head == ANN
    assert rich == replace(
        BOUGHT, balance_after=30, stamps=(), status="pending", available_on=5, expires_on=6, lot=7
    ), "its lot and its wait stay as they were promised"
    plans = [{"id": "club", "name": "Club", "percent": 300}]
    two = replace(POOR, tier="two", plan="club")
    _, rich = again(two, shop(plans=plans))
    assert (rich.basis, rich.points) == (replace(BASIS, tier_percent=120, plan_percent=300), 126)


@pytest.mark.parametrize(("last", "points"), [("2026-06-13", 0), ("2026-06-14", 35), ("2026-06-15", 35)])
def test_nothing_is_deserved_after_the_last_day_of_earning(last: str, points: int) -> None:
    closing = shop(close={"last_earn_on": last, "last_redeem_on": "2027-01-01"})
    _, rich = again(POOR, closing)
    assert (rich.points, rich.basis) == (points, BASIS if points else Basis())
    assert rich.lines == SALE.lines


@pytest.mark.parametrize(
    ("cap", "days", "points", "after"),
    [
        (50, {TODAY - 1: 30, TODAY: 9}, 35, {TODAY - 1: 35, TODAY: 9}),
        (32, {TODAY - 1: 30}, 32, {TODAY - 1: 32}),
        (50, {TODAY - 1: 48}, 32, {TODAY - 1: 50}),
        (50, {TODAY - 1: 60}, 20, {TODAY - 1: 50}),
        (50, {TODAY - 1: 90}, 0, {TODAY - 1: 60}),
        (50, {TODAY - 1: 20}, 35, {TODAY - 1: 35}),
        (34, {}, 34, {}),
        (34, {TODAY: 9}, 34, {TODAY: 9}),
        (None, {TODAY - 1: 30}, 35, {TODAY - 1: 30}),
    ],
)
def test_the_daily_cap_counts_the_new_points_in_place_of_the_old(
    cap: int | None, days: dict[int, int], points: int, after: dict[int, int]
) -> None:
    program = shop(earning={"points": 3, "per_amount": 100, "daily_cap": cap, **without_bonus()})
    head, rich = again(POOR, program, replace(ANN, days=days))
    assert (rich.points, head.days) == (points, after)


def without_bonus() -> dict[str, Any]:
    earning = shop().earning
    return {"excluded_categories": earning.excluded_categories, "multipliers": earning.multipliers}


@pytest.mark.parametrize(
    ("pending_days", "status", "available_on"),
    [(0, "posted", None), (1, "posted", None), (2, "pending", TODAY + 1), (9, "pending", TODAY + 8)],
)
def test_what_earned_nothing_and_now_does_begins_to_wait_on_the_day_of_the_sale(
    pending_days: int, status: str, available_on: int | None
) -> None:
    program = shop(earning={"points": 3, "pending_days": pending_days}, expiry={"policy": "rolling", "months": 12})
    sold = replace(EMPTY, lot=3, status="pending", available_on=4, expires_on=5)
    _, rich = again(sold, program)
    end_of_june = TODAY + 15 + 365
    assert (rich.status, rich.available_on) == (status, available_on)
    assert (rich.lot, rich.expires_on, rich.points) == (end_of_june, end_of_june, 27)


def test_a_lot_is_that_of_the_day_of_the_sale() -> None:
    in_may = replace(EMPTY, occurred_ms=milliseconds(SOLD - timedelta(days=14)))
    _, rich = again(in_may, shop(expiry={"policy": "rolling", "months": 1}))
    assert (rich.lot, rich.expires_on) == (TODAY + 15, TODAY + 15)


def test_what_earns_nothing_still_has_no_lot() -> None:
    program = shop(earning={"points": 0}, expiry={"policy": "rolling", "months": 12})
    head, rich = again(replace(EMPTY, lot=NEVER, expires_on=5), program)
    assert (head, rich.points, rich.lot, rich.expires_on) == (ANN, 0, NEVER, 5)


def test_idle_points_that_come_anew_are_a_sign_of_life() -> None:
    program = shop(expiry={"policy": "inactivity", "months": 1})
    head, rich = again(EMPTY, program)
    assert (head.idle_on, head.idle_months, rich.lot, rich.expires_on) == (TODAY + 29, 1, IDLE, TODAY + 29)
    later = replace(ANN, idle_on=TODAY + 99)
    head, rich = again(EMPTY, program, later)
    assert (head.idle_on, rich.expires_on) == (TODAY + 99, TODAY + 99), "never nearer"


CARDS = [
    {"id": "c", "name": "C", "categories": ["cake"], "required": 4, "reward_id": "r"},
    {"id": "d", "name": "D", "categories": ["gift"], "required": 3, "reward_id": "r"},
    {"id": "e", "name": "E", "categories": ["tea"], "required": 2, "reward_id": "r"},
]


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        ((), (Stamped("c", 5, 4), Stamped("d", 1, 3))),
        (
            (Stamped("c", 2, 9, 1), Stamped("e", 7, 8, 3)),
            (Stamped("c", 5, 9, 1), Stamped("d", 1, 3), Stamped("e", 0, 8, 3)),
        ),
        ((Stamped("x", 1, 2, 1),), (Stamped("c", 5, 4), Stamped("d", 1, 3), Stamped("x", 1, 2, 1))),
    ],
)
def test_a_card_asks_for_what_it_asked_for_at_first_and_one_that_is_gone_stays_as_it_was(
    known: tuple[Stamped, ...], rows: tuple[Stamped, ...]
) -> None:
    before = replace(BOUGHT, stamps=known)
    assert restating.stamped(shop(stamp_cards=CARDS), before, SALE) == replace(before, stamps=rows)
