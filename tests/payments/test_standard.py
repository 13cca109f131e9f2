"""What our own body says, and what it tells its sender to correct."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.payments import facts, standard
from chalicelib.payments.facts import Fact, Line, Paid, Unbookable
from tests.payments.senders import sample


def changed(name: str, settings: dict[str, object] | None = None, /, **fields: object) -> list[Fact]:
    event = json.loads(sample("standard", name))
    event["data"] |= fields
    return standard.translate(json.dumps(event).encode(), {"webhook-id": "msg_1"}, settings or {})


def one(told: list[Fact]) -> Any:
    (fact,) = told
    return fact


def test_a_payment_is_told_in_the_words_of_our_own_api() -> None:
    paid = one(changed("payment.paid"))
    assert isinstance(paid, Paid)
    assert (paid.ids, paid.event_id) == (("WEB-7001", "pay-20251001-0007"), "msg_1")
    assert (paid.total_minor, paid.tax_minor, paid.delivery_minor, paid.currency) == (12500, 1500, 0, "KRW")
    assert paid.items == (
        Line(sku="AMERICANO", name="아메리카노", category="coffee", quantity=2, amount_minor=8000),
        Line(sku="CAKE-1", name="케이크", category="cake", quantity=1, amount_minor=3000),
    )
    assert paid.occurred_at == datetime(2025, 10, 1, 10, tzinfo=UTC)
    assert (paid.member_id, paid.customer_id, paid.payment_fingerprint) == (
        "m_7b1c9e2f40a5d683",
        "cust-88",
        "card-5f0c",
    )


def test_what_is_not_said_is_not_guessed() -> None:
    bare = {"type": "payment.paid", "data": {"payment_id": "p1", "total": 5, "currency": "EUR"}}
    paid = one(standard.translate(json.dumps(bare).encode(), {}, {}))
    assert (paid.order_id, paid.occurred_at, paid.detail, paid.items) == ("p1", None, facts.TOTAL, ())
    assert one(changed("payment.paid", items=None)).detail == facts.GOODS
    assert one(changed("payment.paid", items=None, delivery=None)).detail == facts.PART


def test_a_voucher_may_have_paid_more_than_the_goods_as_in_our_own_api() -> None:
    paid = one(changed("payment.paid", total=1000))
    assert (paid.total_minor, paid.tax_minor) == (1000, 1500)


def test_a_refund_may_be_told_by_id_in_all_or_both() -> None:
    by_id, in_all = changed("payment.refunded")
    assert isinstance(by_id, facts.Refunded) and isinstance(in_all, facts.RefundedInAll)
    assert (by_id.refund_id, by_id.amount_minor, in_all.refunded_minor) == ("rf-1", 3000, 3000)
    assert by_id.purchase is not None and by_id.purchase.total_minor == 12500
    assert by_id.purchase.payment_id == "pay-20251001-0007"
    assert isinstance(one(changed("payment.refunded", refunded_total=None)), facts.Refunded)
    assert isinstance(one(changed("payment.refunded", refund_id=None)), facts.RefundedInAll)
    assert one(changed("payment.refunded", refund_id=None, refunded_total=None)).reason == "missing_id"


def test_a_refund_that_failed_and_disputes() -> None:
    assert isinstance(one(changed("payment.refund_failed")), facts.RefundFailed)
    assert isinstance(one(changed("payment.dispute_opened")), facts.DisputeOpened)
    assert one(changed("payment.dispute_closed")).won
    assert not one(changed("payment.dispute_closed", outcome="lost")).won


def test_other_modes_and_accounts_are_set_aside_where_they_are_told() -> None:
    assert one(changed("payment.paid", {"livemode": False})).reason == "livemode_mismatch"
    assert one(changed("payment.paid", {"account": "shop-2"})).reason == "account_mismatch"
    assert isinstance(one(changed("payment.paid", {"account": "shop-2"}, account=None)), Paid)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"order_id": "#1"}, "missing_id"),
        ({"payment_id": None}, "missing_id"),
        ({"member_id": "two words"}, "missing_id"),
        ({"total": 12.5}, "bad_amount"),
        ({"total": "12500"}, "bad_amount"),
        ({"tax": -1}, "bad_amount"),
        ({"currency": "EURO"}, "unknown_currency"),
        ({"occurred_at": "2025-10-01T10:00:00"}, "bad_time"),
        ({"occurred_at": 1759312800}, "bad_time"),
        ({"items": [{"sku": "A", "quantity": 1.5, "amount": 1}]}, "bad_amount"),
        ({"items": {"sku": "A"}}, "malformed"),
        ({"items": [{"sku": "A", "quantity": 1, "amount": 1}] * 1001}, "malformed"),
    ],
)
def test_what_can_never_be_booked_says_why(fields: dict[str, object], reason: str) -> None:
    fact = one(changed("payment.paid", **fields))
    assert isinstance(fact, Unbookable) and fact.reason == reason
