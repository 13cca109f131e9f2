"""What each of Square's events comes to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.payments import facts, square
from chalicelib.payments.facts import Fact, Paid, Unbookable
from tests.payments.senders import sample

PAYMENT = "hYy9pRFVxpDsO1FB05SunFWUe9JZY"


def told(name: str, headers: dict[str, str] | None = None, **settings: object) -> list[Fact]:
    return square.translate(sample("square", name), headers or {}, settings)


def changed(name: str, **fields: object) -> list[Fact]:
    event = json.loads(sample("square", name))
    (kind,) = event["data"]["object"]
    event["data"]["object"][kind] |= fields
    return square.translate(json.dumps(event).encode(), {}, {})


def one(told: list[Fact]) -> Any:
    (fact,) = told
    return fact


def test_a_payment_is_paid_when_it_is_completed_whichever_event_says_so() -> None:
    assert one(told("payment.created")).reason == "not_paid_yet"
    paid = one(told("payment.updated"))
    assert isinstance(paid, Paid)
    assert (paid.payment_id, paid.order_id, paid.total_minor, paid.currency) == (PAYMENT, "POS-5521", 2150, "USD")
    assert (paid.customer_id, paid.email) == ("W92WH6P11H4Z77CTET0RNTGFW8", "sam.rivera@example.com")
    assert paid.payment_fingerprint is not None and paid.payment_fingerprint.startswith("sq-1-")
    assert one(changed("payment.created", status="COMPLETED")).total_minor == 2150


def test_a_tip_is_no_goods() -> None:
    paid = one(told("payment.updated"))
    assert (paid.delivery_minor, paid.detail) == (300, facts.PART)
    untipped = one(changed("payment.updated", tip_money=None))
    assert (untipped.delivery_minor, untipped.detail) == (0, facts.TOTAL)


def test_two_payments_of_one_square_order_are_two_sales() -> None:
    first = one(changed("payment.updated", reference_id=None))
    second = one(changed("payment.updated", reference_id=None, id="anotherPayment"))
    assert not set(first.ids) & set(second.ids)


def test_every_telling_of_a_payment_says_the_same_time() -> None:
    paid, in_all = told("payment.updated.refunded")
    assert isinstance(paid, Paid) and isinstance(in_all, facts.RefundedInAll)
    assert paid.occurred_at == one(told("payment.updated")).occurred_at
    assert (in_all.refunded_minor, in_all.purchase) == (650, paid)
    assert in_all.occurred_at == datetime(2025, 10, 2, 9, 11, 7, 1000, tzinfo=UTC)


def test_a_failed_payment_books_nothing() -> None:
    assert isinstance(one(told("payment.updated.failed")), facts.PaymentFailed)


def test_a_refund_names_itself_and_its_payment_and_may_fail() -> None:
    created, updated, failed = (one(told(f"refund.{name}")) for name in ("created", "updated", "updated.failed"))
    assert isinstance(created, facts.Refunded) and isinstance(updated, facts.Refunded)
    assert (created.refund_id, created.amount_minor) == (updated.refund_id, 650)
    assert created.payment_id == PAYMENT
    assert isinstance(failed, facts.RefundFailed) and failed.amount_minor == 200


def test_money_given_back_without_a_payment_belongs_to_no_sale() -> None:
    assert one(changed("refund.created", payment_id=None)).reason == "no_payment"


def test_an_orders_events_hold_no_amounts_and_are_left_to_its_payments() -> None:
    assert {one(told(name)).reason for name in ("order.created", "order.updated")} == {"told_by_payments"}


def test_the_sandbox_and_other_merchants_are_set_aside() -> None:
    sandbox = {"square-environment": "Sandbox"}
    assert one(told("payment.updated", sandbox, livemode=True)).reason == "livemode_mismatch"
    assert isinstance(one(told("payment.updated", sandbox, livemode=False)), Paid)
    assert isinstance(one(told("payment.updated", livemode=True)), Paid)
    assert one(told("payment.updated", account="M2")).reason == "account_mismatch"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"total_money": {"amount": 21.5, "currency": "USD"}}, "bad_amount"),
        ({"total_money": {"amount": -1, "currency": "USD"}}, "bad_amount"),
        ({"total_money": {"amount": 2150, "currency": "ZZZ"}}, "unknown_currency"),
        ({"tip_money": {"amount": 300, "currency": "CAD"}}, "malformed"),
        ({"tip_money": {"amount": 3000, "currency": "USD"}}, "bad_amount"),
        ({"id": ""}, "missing_id"),
        ({"card_details": "VISA"}, "malformed"),
    ],
)
def test_what_can_never_be_booked_says_why(fields: dict[str, object], reason: str) -> None:
    fact = one(changed("payment.updated", **fields))
    assert isinstance(fact, Unbookable) and fact.reason == reason and fact.ids == (PAYMENT,)
