"""A voucher's fields, when it can be used, what keeps a member from a reward, and what goes back to gift cards."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import voucher
from chalicelib.domain.calendar import day_number
from chalicelib.domain.errors import Refused
from chalicelib.domain.program import Reward
from chalicelib.domain.voucher import Settled, Spent, Voucher

TODAY = day_number(date(2026, 6, 15))
REWARD = Reward(
    id="r", name="R", kind="amount_off", value=500, cost=400, points=90, valid_days=30, minimum_purchase=1000
)
MADE: dict[str, Any] = {
    "origin": "redemption/x",
    "day": TODAY,
    "cause": ("redemption", "x"),
    "booked_by": "key:k",
    "now_ms": 5,
    "program_version": 4,
    "currency": "EUR",
    "points": 90,
    "fingerprint": "f",
}
ISSUED = Voucher(
    kind="redeem",
    points=-90,
    cause=("redemption", "x"),
    reason="R",
    booked_by="key:k",
    occurred_ms=5,
    booked_ms=5,
    fingerprint="f",
    program_version=4,
    reward_id="r",
    name="R",
    voucher_kind="amount_off",
    value=500,
    cost=400,
    valid_until=TODAY + 30,
    minimum_purchase=1000,
    origin="redemption/x",
    currency="EUR",
)


def test_a_voucher_is_what_its_reward_was() -> None:
    assert voucher.issue(REWARD, **MADE) == ISSUED
    endless = replace(REWARD, valid_days=None)
    assert voucher.issue(endless, **MADE).valid_until is None
    counted = replace(REWARD, stock=3, per_member=2)
    assert voucher.issue(counted, **MADE) == replace(ISSUED, stocked=True, limited=True)
    assert voucher.issue(replace(REWARD, stock=0), **MADE) == replace(ISSUED, stocked=True)
    by_card = {**MADE, "points": 0, "card_id": "c", "order_id": "o"}
    assert voucher.issue(counted, **by_card) == replace(ISSUED, kind="bonus", points=0, card_id="c", order_id="o")
    assert voucher.issue(REWARD, **{name: value for name, value in MADE.items() if name != "fingerprint"}) == replace(
        ISSUED, fingerprint=""
    )


def test_a_sold_gift_card_is_nobodys_and_is_worth_what_was_paid() -> None:
    told = {name: MADE[name] for name in ("origin", "cause", "booked_by", "now_ms", "program_version", "currency")}
    assert voucher.sell(2500, fingerprint="f", **told) == replace(
        ISSUED,
        kind="bonus",
        points=0,
        amount=2500,
        reason="Gift card",
        name="Gift card",
        reward_id=None,
        voucher_kind="gift_card",
        value=2500,
        cost=2500,
        valid_until=None,
        minimum_purchase=0,
    )


def test_a_gift_card_pays_what_it_has() -> None:
    voucher.require_covered(500, 500)
    with pytest.raises(Refused) as refusal:
        voucher.require_covered(499, 500)
    assert (refusal.value.code, refusal.value.facts) == ("insufficient_balance", {"balance": 499, "required": 500})
    assert refusal.value.detail == "This gift card has 499 minor units left; take at most that from it."


def spent(amount: int, *, in_total: bool = True, before: int = 0) -> Spent:
    return Spent(
        kind="redeem",
        cause=("gift_card_spent", "x"),
        amount=amount,
        occurred_ms=0,
        booked_ms=0,
        sealed="s",
        balance=0,
        in_total=in_total,
        refunded_before=before,
    )


@pytest.mark.parametrize(
    ("spends", "refunded", "asked", "backs"),
    [
        ([], 500, 500, []),
        ([spent(300)], 0, 0, [0]),
        ([spent(300)], 200, 200, [200]),
        ([spent(300)], 300, 300, [300]),
        ([spent(300)], 900, 900, [300]),
        ([spent(300)], 900, 100, [100]),
        ([spent(300), spent(200)], 350, 350, [300, 50]),
        ([spent(300), spent(200)], 1000, 1000, [300, 200]),
        ([spent(300, before=400)], 400, 400, [0]),
        ([spent(300, before=400)], 500, 500, [100]),
        ([spent(300, before=400), spent(100, before=100)], 750, 750, [300, 50]),
        ([spent(300, in_total=False)], 0, 0, [0]),
        ([spent(300, in_total=False)], 500, 0, [150]),
        ([spent(300, in_total=False)], 1000, 0, [300]),
        ([spent(300, in_total=False, before=500)], 500, 0, [0]),
        ([spent(300, in_total=False, before=500)], 400, 0, [0]),
        ([spent(300, in_total=False, before=500)], 750, 0, [150]),
        ([spent(301, in_total=False)], 333, 0, [100]),
        ([spent(300, in_total=False), spent(200)], 500, 200, [150, 200]),
    ],
)
def test_a_refund_puts_back_what_cards_paid(spends: list[Spent], refunded: int, asked: int, backs: list[int]) -> None:
    assert voucher.returned(spends, 1000, refunded, asked) == backs


def ended(outcome: Any) -> Settled:
    return Settled(kind="redeem", cause=("voucher", "x"), outcome=outcome, occurred_ms=0, booked_ms=0)


@pytest.mark.parametrize(
    ("made", "settled", "today", "total", "code", "detail"),
    [
        (
            ISSUED,
            ended("used"),
            TODAY,
            None,
            "voucher_settled",
            "was used before; it cannot be used again.",
        ),
        (ISSUED, None, TODAY + 31, None, "voucher_expired", "could be used until 2026-07-15; take it off the order."),
        (ISSUED, None, TODAY, 499, "minimum_purchase_not_reached", "needs a purchase of at least 1000 minor units."),
        (
            replace(ISSUED, voucher_kind="percent_off"),
            None,
            TODAY,
            999,
            "minimum_purchase_not_reached",
            "at least 1000",
        ),
    ],
)
def test_a_voucher_that_cannot_be_used_says_why(
    made: Voucher, settled: Settled | None, today: int, total: int | None, code: str, detail: str
) -> None:
    with pytest.raises(Refused) as refusal:
        voucher.require_usable(made, settled, today, total)
    assert (refusal.value.code, detail in refusal.value.detail) == (code, True)
    if code == "minimum_purchase_not_reached":
        assert refusal.value.facts == {"required": 1000}


@pytest.mark.parametrize(
    ("made", "today", "total"),
    [
        (ISSUED, TODAY + 30, None),
        (ISSUED, TODAY, 500),
        (replace(ISSUED, voucher_kind="free_product"), TODAY, 1000),
        (replace(ISSUED, minimum_purchase=0), TODAY, 0),
        (replace(ISSUED, valid_until=None), TODAY + 9999, None),
    ],
)
def test_a_voucher_is_good_to_its_last_day(made: Voucher, today: int, total: int | None) -> None:
    voucher.require_usable(made, None, today, total)


FREE: dict[str, Any] = {
    "available": 90,
    "taken": 0,
    "tier_rank": 0,
    "minimum_rank": None,
    "stock_taken": 0,
    "today": TODAY,
    "closed_on": None,
}
FULL = replace(
    REWARD, starts_on=date(2026, 6, 15), ends_on=date(2026, 6, 15), stock=2, per_member=2, minimum_tier="gold"
)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"taken": 1, "stock_taken": 1, "tier_rank": 1, "minimum_rank": 1, "closed_on": date(2026, 6, 15)}, []),
        ({"available": 89}, [("insufficient_points", {"available": 89, "required": 90})]),
        ({"taken": 2}, [("limit_reached", {"taken": 2})]),
        ({"stock_taken": 2}, [("out_of_stock", {})]),
        ({"tier_rank": 0, "minimum_rank": 1}, [("tier_too_low", {"tier": "gold"})]),
        ({"today": TODAY - 1}, [("reward_not_available", {})]),
        ({"today": TODAY + 1}, [("reward_not_available", {})]),
        ({"closed_on": date(2026, 6, 14)}, [("program_closed", {})]),
    ],
)
def test_everything_that_keeps_a_member_from_a_reward_is_told(changes: dict[str, Any], found: list[Any]) -> None:
    refusals = voucher.obstacles(FULL, **{**FREE, **changes})
    assert [(one.code, one.facts) for one in refusals] == found


def test_the_most_final_obstacle_comes_first_and_each_says_what_to_do() -> None:
    every = {**FREE, "available": 1, "taken": 9, "stock_taken": 9, "minimum_rank": 1, "closed_on": date(2026, 6, 1)}
    assert [one.detail for one in voucher.obstacles(FULL, **{**every, "today": TODAY - 1})] == [
        "Rewards could be taken until 2026-06-01.",
        "This reward can be taken from 2026-06-15 on.",
        "This reward is gone; choose another one.",
        "A member can take this reward 2 times at most.",
        "This reward needs the tier gold or higher.",
        "This reward costs 90 points and 1 are available.",
    ]
    late = voucher.obstacles(FULL, **{**FREE, "today": TODAY + 1})
    assert [one.detail for one in late] == ["This reward could be taken until 2026-06-15."]
