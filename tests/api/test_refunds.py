"""Refunds over HTTP: any number, any order, before or after the points were spent, down to exactly zero."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from chalicelib.domain.voucher import Settled
from chalicelib.store.table import Row
from tests.moments import at
from tests.shop import Shop, beside, opened, program


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at("2026-06-01T12:00:00Z"):
        yield shop


def coffee(quantity: int, amount: int = 1000) -> list[dict[str, Any]]:
    return [{"sku": "c", "category": "coffee", "quantity": quantity, "amount": amount}]


def test_a_refund_takes_back_what_is_no_longer_deserved(café: Shop) -> None:
    ann = café.enrol(email="part@example.com")
    café.buy("part", 1050, ann)
    answer = café.refund("part", "r1", 100)
    assert answer.status == 201
    assert (answer["points"], answer["points_status"], answer["refunded"]) == (-1, "posted", 100)
    assert answer["balance_after"] == 59
    assert (answer["order_id"], answer["member_id"], answer["currency"]) == ("part", ann, "EUR")
    entry = café.ledger(ann)[-1]
    assert (entry["kind"], entry["points"], entry["order_id"], entry["amount"]) == ("refund", -1, "part", 100)


def test_refunds_in_any_order_end_at_the_same_balance_and_all_of_them_at_zero(café: Shop) -> None:
    ends = []
    for number, split in enumerate(permutations([1, 349, 649])):
        ann = café.enrol(email=f"split{number}@example.com")
        café.buy(f"split{number}", 999, ann)
        for part, amount in enumerate(split):
            assert café.refund(f"split{number}", f"r{part}", amount).status == 201
        ends.append(café.available(ann))
    assert set(ends) == {50}


def test_one_refund_and_many_of_the_same_sum_end_alike(café: Shop) -> None:
    ann, bob = café.enrol(email="one@example.com"), café.enrol(email="many@example.com")
    café.buy("one", 1234, ann)
    café.buy("many", 1234, bob)
    café.refund("one", "r", 700)
    for part in range(10):
        café.refund("many", f"r{part}", 70)
    assert café.available(ann) == café.available(bob) == 50 + 5


def test_more_than_is_left_is_refused_with_what_is_left(café: Shop) -> None:
    ann = café.enrol(email="left@example.com")
    café.buy("left", 1000, ann)
    café.refund("left", "r1", 400)
    answer = café.refund("left", "r2", 601)
    assert (answer.status, answer.code, answer["left"]) == (422, "refund_exceeds_purchase", 600)
    assert café.refund("left", "r3", 600).status == 201
    assert café.refund("left", "r4", 1).code == "refund_exceeds_purchase"
    assert café.available(ann) == 50


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_is_of_something(café: Shop, amount: int) -> None:
    café.buy(f"nothing{amount}", 1000)
    answer = café.refund(f"nothing{amount}", "r", amount)
    assert (answer.status, answer["errors"][0]["pointer"]) == (400, "/amount")


def test_a_refund_of_an_unknown_purchase_is_refused(café: Shop) -> None:
    answer = café.refund("never", "r", 1)
    assert (answer.status, answer.code) == (404, "purchase_not_found")


def test_a_refund_may_not_lie_in_the_future(café: Shop) -> None:
    café.buy("future", 1000)
    body = {"refund_id": "r", "amount": 1, "occurred_at": "2026-06-01T12:05:01Z"}
    assert café.call("POST", "/purchases/future/refunds", body).code == "occurred_in_future"


def test_a_refund_after_spending_leaves_a_debt_that_the_next_earning_pays(café: Shop) -> None:
    ann = café.enrol(email="debt@example.com")
    café.buy("debt", 15000, ann)
    assert café.redeem(ann, "five-off", "k").status == 201
    assert café.available(ann) == 0
    assert café.refund("debt", "r", 10000)["balance_after"] == -100
    assert café.redeem(ann, "free-coffee", "k2").code == "insufficient_points"
    café.buy("debt2", 13000, ann)
    assert café.available(ann) == 30
    assert café.differences() == []


def test_a_refund_of_capped_points_takes_only_what_the_rest_no_longer_covers(café: Shop) -> None:
    ann = café.enrol(email="cap@example.com")
    assert café.buy("cap", 80_000, ann)["points"] == 500
    assert café.refund("cap", "r1", 20_000)["points"] == 0
    assert café.refund("cap", "r2", 10_000)["points"] == 0
    assert café.refund("cap", "r3", 10_000)["points"] == -100
    assert café.refund("cap", "r4", 40_000)["points"] == -400
    assert café.available(ann) == 50


def test_pending_points_are_taken_from_pending() -> None:
    shop = beside(program(earning={**program()["earning"], "pending_days": 14}))
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o", 1000, ann)
    answer = shop.refund("o", "r", 350)
    assert (answer["points"], answer["points_status"], answer["balance_after"]) == (-4, "pending", 50)
    assert shop.member(ann)["points"] == {"available": 50, "pending": 6, "lifetime": 50}
    with at("2026-06-20T12:00:00Z"):
        assert shop.member(ann)["points"] == {"available": 56, "pending": 0, "lifetime": 56}
        assert shop.refund("o", "r2", 650)["points"] == -6
        assert shop.available(ann) == 50
    kinds = [(row["kind"], row["points"], row["status"]) for row in shop.ledger(ann)[1:]]
    assert kinds == [
        ("earn", 10, "pending"),
        ("refund", -4, "pending"),
        ("release", 6, "posted"),
        ("refund", -6, "posted"),
    ]
    assert shop.differences() == []


def test_pending_points_refunded_whole_are_never_released() -> None:
    shop = beside(program(earning={**program()["earning"], "pending_days": 14}))
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o", 1000, ann)
    shop.refund("o", "r", 1000)
    with at("2026-06-20T12:00:00Z"):
        shop.buy("o2", 100, ann)
        assert shop.available(ann) == 50
        assert "release" not in {row["kind"] for row in shop.ledger(ann)}
    assert shop.differences() == []


def test_a_refund_after_the_points_lapsed_takes_only_what_had_not(café: Shop) -> None:
    shop = beside(program(expiry={"policy": "rolling", "months": 1}, enrolment={"welcome_points": 0}))
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o", 1000, ann)
    shop.adjust(ann, -4, "k")
    with at("2026-08-01T12:00:00Z"):
        assert shop.available(ann) == 0
        # Four of the ten were spent, six lapsed: the refund takes the four as a debt, not the six again.
        assert shop.refund("o", "r", 1000)["balance_after"] == -4
        assert [row["kind"] for row in shop.ledger(ann)] == ["earn", "adjust", "expire", "refund"]
    assert shop.differences() == []


def test_stamps_go_back_and_the_voucher_they_completed_is_cancelled(café: Shop) -> None:
    ann = café.enrol(email="stamps@example.com")
    code = café.buy("stamps", 1200, ann, items=coffee(12))["vouchers_issued"][0]["code"]
    first = café.refund("stamps", "r1", 100)
    assert first["stamps"] == [{"card_id": "coffee", "stamps": -1}]
    assert first["vouchers_cancelled"] == []
    assert café.member(ann)["stamps"][0]["stamps"] == 1
    whole = café.refund("stamps", "r2", 1100)
    assert whole["vouchers_cancelled"] == [code]
    assert café.member(ann)["stamps"][0]["stamps"] == 0
    assert café.call("GET", f"/vouchers/{code}")["status"] == "cancelled"
    ends = [row.document(Settled) for row in Row.scan() if row.t == "SETTLED"]
    assert [end.reward_id for end in ends if end.outcome == "cancelled" and end.order_id == first["order_id"]] == [
        "free-coffee"
    ], "or no report counts it"
    assert café.call("POST", f"/vouchers/{code}/use", {"order_id": "x"}).code == "voucher_settled"


def test_a_card_goes_below_zero_when_its_voucher_was_used(café: Shop) -> None:
    ann = café.enrol(email="used@example.com")
    code = café.buy("used", 1000, ann, items=coffee(10))["vouchers_issued"][0]["code"]
    assert café.call("POST", f"/vouchers/{code}/use", {"order_id": "x"}).status == 201
    assert café.refund("used", "r", 1000)["vouchers_cancelled"] == []
    assert café.member(ann)["stamps"][0]["stamps"] == -10
    assert café.buy("used2", 1000, ann, items=coffee(19))["vouchers_issued"] == []
    assert len(café.buy("used3", 1000, ann, items=coffee(1))["vouchers_issued"]) == 1


def test_a_refund_takes_the_tier_that_the_purchase_reached() -> None:
    shop = beside(program("boutique", enrolment={"mode": "open"}))
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o", 50_000, ann)
    assert shop.member(ann)["tier"]["id"] == "gold"
    answer = shop.refund("o", "r", 1)
    assert answer["tier_change"] == {"from": "gold", "to": "silver"}
    assert shop.member(ann)["tier"]["id"] == "silver"
    assert shop.member(ann)["tier"]["progress"] == 49_999


def test_a_guests_purchase_is_refunded_too(café: Shop) -> None:
    café.buy("guest", 1000)
    answer = café.refund("guest", "r", 300)
    assert (answer.status, answer["member_id"], answer["points"], answer["balance_after"]) == (201, None, 0, None)
    assert café.call("GET", "/purchases/guest")["refunded"] == 300


def test_the_same_refund_id_of_two_orders_is_two_causes(café: Shop) -> None:
    ann = café.enrol(email="two@example.com")
    café.buy("two-a", 1000, ann)
    café.buy("two-b", 1000, ann)
    assert [café.refund(order, "r", 1000).status for order in ("two-a", "two-b")] == [201, 201]
    assert café.available(ann) == 50


def test_a_refund_uses_the_percentages_that_the_purchase_had(café: Shop) -> None:
    with at("2026-11-25T12:00:00Z"):
        ann = café.enrol(email="week@example.com")
        assert café.buy("week", 1000, ann, items=[{**coffee(1)[0], "category": "pastry"}])["points"] == 20
    with at("2026-12-10T12:00:00Z"):
        assert café.refund("week", "r", 500)["points"] == -10
