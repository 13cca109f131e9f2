"""The replay's independent computation, held to cases worked out by hand from the contract's rules."""

from __future__ import annotations

import ast
import copy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.local.replay import expected, plan, receipts
from infra.local.replay.expected import Account
from infra.local.replay.receipts import Basket, Line, Receipt

JOINED = date(2017, 1, 10)
PROGRAM: dict[str, Any] = {
    "enrolment": {"welcome_points": 0},
    "earning": {
        "points": 1,
        "per_amount": 100,
        "pending_days": 0,
        "excluded_categories": ["fuel"],
        "multipliers": [
            {"percent": 150, "starts_on": "2017-02-01", "ends_on": "2017-02-28"},
            {"percent": 200, "categories": ["greens"]},
        ],
        "daily_cap": 1000,
    },
    "expiry": {"months": 1},
    "tiers": {
        "levels": [
            {"id": "one", "threshold": 0},
            {"id": "two", "threshold": 10_000, "percent": 110},
            {"id": "three", "threshold": 50_000, "percent": 200},
        ]
    },
    "stamp_cards": [{"id": "loaves", "categories": ["bread"], "per": "item", "required": 3, "reward_id": "loaf"}],
    "rewards": [{"id": "loaf", "points": 40, "valid_days": 10}, {"id": "once", "points": 10, "per_member": 1}],
}


def account(**earning: Any) -> Account:
    program = copy.deepcopy(PROGRAM)
    program["earning"] |= earning
    return Account(program, JOINED)


def receipt(*lines: tuple[str | None, int], coupons: int = 0, quantity: int = 1, **told: Any) -> Receipt:
    rows = tuple(Line("sku", department, quantity, cents) for department, cents in lines)
    return Receipt(Basket(1, 1, datetime(2017, 1, 10, tzinfo=UTC), rows, coupons), **{"delivery": 0, "tax": 0, **told})


def test_tax_and_delivery_are_paid_and_earn_nothing() -> None:
    bought = account().buy("a", receipt((None, 1_050), delivery=399, tax=70), JOINED)
    assert (bought.total, bought.granted) == (1_519, 10)


def test_a_discount_is_spread_over_the_lines_and_excluded_ones_earn_nothing() -> None:
    # 30.00 listed, 20.00 paid: two thirds of each line. 2/3 x 18.00 earns; 2/3 x 12.00 of fuel does not.
    bought = account().buy("a", receipt((None, 1_800), ("fuel", 1_200), coupons=600, voucher=400), JOINED)
    assert (bought.total, bought.granted, bought.spent) == (2_000, 12, 1_200)


def test_of_several_multipliers_the_highest_counts_and_their_days_are_inside() -> None:
    greens_and_more = receipt(("greens", 1_000), (None, 1_000))
    assert account().buy("a", greens_and_more, date(2017, 1, 31)).granted == 20 + 10
    assert account().buy("a", greens_and_more, date(2017, 2, 1)).granted == 20 + 15
    assert account().buy("a", greens_and_more, date(2017, 2, 28)).granted == 20 + 15
    assert account().buy("a", greens_and_more, date(2017, 3, 1)).granted == 20 + 10


def test_points_are_rounded_once_and_down() -> None:
    assert account().buy("a", receipt((None, 50), (None, 50), (None, 99)), JOINED).granted == 1


def test_a_receipt_told_without_lines_earns_by_its_goods() -> None:
    assert account().buy("a", receipt(("fuel", 900), ("greens", 200), itemised=False, tax=1), JOINED).granted == 11


def test_a_reached_tier_counts_from_the_next_purchase() -> None:
    member = account()
    assert member.buy("a", receipt((None, 10_000)), JOINED).granted == 100
    assert member.tier_id == "two"
    assert member.buy("b", receipt((None, 10_000)), JOINED).granted == 110


def test_a_refund_of_what_lifted_the_tier_falls_back_to_what_was_held_and_of_later_ones_waits() -> None:
    member = account()
    member.buy("a", receipt((None, 10_000)), JOINED)
    member.buy("b", receipt((None, 40_000)), JOINED + timedelta(days=1))
    member.buy("c", receipt((None, 1_000)), JOINED + timedelta(days=2))
    member.refund("b", 500)  # 505.00 are left of what three needs, 500.00
    member.refund("c", 1_000)  # 495.00 are left, and this was bought after the lift
    assert member.tier_id == "three"
    member.refund("b", 1)
    assert member.tier_id == "two"


def test_the_daily_cap_counts_by_day_and_a_refund_takes_from_the_granted_points_only() -> None:
    member = account(daily_cap=100)
    assert member.buy("a", receipt((None, 8_000)), JOINED).granted == 80
    capped = member.buy("b", receipt((None, 4_000)), JOINED)
    assert capped.granted == 20
    assert member.buy("c", receipt((None, 4_000)), JOINED + timedelta(days=1)).granted == 44  # by now in tier two
    member.refund("b", 1_000)
    assert capped.points == 20
    member.refund("b", 1_500)
    assert capped.points == 15


def test_pending_points_wait_and_a_refund_before_takes_from_them() -> None:
    member = account(pending_days=3)
    member.buy("a", receipt((None, 5_000)), JOINED)
    assert (member.available(JOINED), member.pending(JOINED)) == (0, 50)
    member.refund("a", 1_000)
    assert (member.available(JOINED), member.pending(JOINED)) == (0, 40)
    later = JOINED + timedelta(days=3)
    assert (member.available(later), member.pending(later)) == (40, 0)


def test_the_soonest_points_are_spent_first_and_the_rest_of_them_lapse() -> None:
    member = account()
    member.buy("a", receipt((None, 6_000)), JOINED)
    member.redeem("loaf", JOINED)
    member.buy("b", receipt((None, 1_000)), date(2017, 2, 3))
    assert member.available(date(2017, 2, 28)) == 20 + 15
    assert member.available(date(2017, 3, 1)) == 15
    assert member.available(date(2017, 4, 1)) == 0


def test_a_refund_after_the_lapse_takes_lapsed_points_first_and_the_rest_is_a_debt() -> None:
    member = account()
    member.buy("a", receipt((None, 6_000)), JOINED)
    member.redeem("loaf", JOINED)
    day = date(2017, 3, 1)
    member.refund("a", 1_500)
    assert member.available(day) == 0
    member.refund("a", 4_500)
    assert member.available(day) == -40


def test_refunds_in_any_split_end_at_exactly_nothing() -> None:
    for parts in ([6_000], [1, 5_999], [1_999, 2_001, 2_000]):
        member = account()
        member.buy("a", receipt((None, 6_000)), JOINED)
        for cents in parts:
            member.refund("a", cents)
        assert (member.available(JOINED), member.stamps["loaves"]) == (0, 0)


def test_a_full_card_gives_its_voucher_and_a_refund_takes_it_back_unless_it_was_used() -> None:
    for used, left in ((False, 1), (True, -2)):
        member = account()
        bought = member.buy("a", receipt(("bread", 400), ("bread", 400), quantity=2), JOINED)
        assert (bought.stamps, member.stamps["loaves"]) == ({"loaves": 4}, 1)
        voucher = bought.vouchers["loaves"][0]
        if used:
            voucher.status = "used"
        member.refund("a", 600)  # of 4 stamps, a quarter stays
        assert member.stamps["loaves"] == left
        assert voucher.status == ("used" if used else "cancelled")


def test_a_limit_for_each_member_is_kept_and_a_cancelled_reward_does_not_count() -> None:
    member = account()
    member.buy("a", receipt((None, 3_000)), JOINED)
    voucher = member.redeem("once", JOINED)
    assert member.takeable(JOINED) == set()
    member.cancel(voucher, JOINED)
    assert (member.takeable(JOINED), member.available(JOINED)) == ({"once"}, 30)


def test_a_voucher_is_expired_on_the_day_after_its_last() -> None:
    voucher = account().redeem("loaf", JOINED)
    assert voucher.status_on(JOINED + timedelta(days=10)) == "issued"
    assert voucher.status_on(JOINED + timedelta(days=11)) == "expired"


def test_one_seed_plans_one_fate() -> None:
    basket = receipt((None, 3_000)).basket
    assert plan.plan(basket, 7) == plan.plan(basket, 7)
    assert len({plan.plan(basket, seed) for seed in range(20)}) > 1


def test_the_computation_shares_no_code_with_the_app() -> None:
    for module in (expected, receipts):
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        assert {name for name in imported if name.startswith(("chalicelib", "app", "infra"))} <= {
            "infra.local.replay.receipts"
        }
