"""What each of Stripe's events comes to, in the shapes of its old and new API versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chalicelib.payments import facts, stripe
from chalicelib.payments.facts import Fact, Ignored, Line, Paid, Unbookable
from tests.payments.senders import sample

PI, CH = "pi_3SGh4kB7Tq9nXyLw1c0RrT5u", "ch_3SGh4kB7Tq9nXyLw1oYq2Zb8"
CS = "cs_live_a1Vx9QeD2rK7mUuJ4tB0sYcNfGhWzPq3Lo8"
SUBSCRIPTION, INVOICE, PRICE = (
    "sub_1SGiPlB7Tq9nXyLwQ2v5Nw8E",
    "in_1SGiPlB7Tq9nXyLwY7b1Ka0D",
    "price_1SGaPlusB7Tq9nXyLwM0nthly",
)
MEMBER = "m_7b1c9e2f40a5d683"


def told(name: str, **settings: object) -> list[Fact]:
    return stripe.translate(sample("stripe", name), {}, settings)


def changed(name: str, settings: dict[str, object] | None = None, /, **fields: Any) -> list[Fact]:
    """The sample with some fields of its object replaced; ``metadata__order_id`` reaches inside."""
    event = json.loads(sample("stripe", name))
    for path, value in fields.items():
        *way, last = path.split("__")
        here = event["data"]["object"]
        for step in way:
            here = here[step]
        here[last] = value
    return stripe.translate(json.dumps(event).encode(), {}, settings or {})


def paid(name: str) -> Paid:
    (fact,) = told(name)
    assert isinstance(fact, Paid)
    return fact


def one(told: list[Fact]) -> Any:
    (fact,) = told
    return fact


def test_a_charge_tells_the_sum_and_the_payer_and_no_more() -> None:
    assert paid("charge.succeeded") == Paid(
        provider="stripe",
        event="charge.succeeded",
        event_id="evt_3SGh4kB7Tq9nXyLw1Ex00001",
        told_at=datetime(2025, 10, 1, 10, 0, 1, tzinfo=UTC),
        payment_id=PI,
        order_id=PI,
        aliases=(CH,),
        total_minor=5988,
        currency="EUR",
        occurred_at=datetime(2025, 10, 1, 10, 0, 1, tzinfo=UTC),
        customer_id="cus_TBq7Zk2LwXy0Pa",
        email="aino.virtanen@example.com",
        payment_fingerprint="Xt5EWLLDS7FJjR1c",
        detail=facts.TOTAL,
    )


def test_a_checkout_session_tells_the_shops_own_ids_and_what_of_the_sum_is_no_goods() -> None:
    session = paid("checkout.session.completed")
    assert (session.order_id, session.member_id, session.ids) == ("A-10427", MEMBER, ("A-10427", PI, CS))
    assert (session.total_minor, session.tax_minor, session.delivery_minor) == (5988, 998, 490)
    assert session.detail == facts.GOODS


def test_discounted_lines_without_tax_add_up_to_the_goods() -> None:
    session = paid("checkout.session.completed.line_items")
    assert session.items == (
        Line(sku="BEANS-1KG", name="House beans, 1 kg", category="coffee-beans", quantity=1, amount_minor=2700),
        Line(sku="price_1SGcupB7Tq9nXyLw", name="Stoneware mug", category="mugs", quantity=2, amount_minor=1800),
    )
    goods = session.total_minor - session.tax_minor - session.delivery_minor
    assert sum(line.amount_minor for line in session.items) == goods
    assert session.detail == facts.LINES


def test_a_list_of_lines_that_goes_on_elsewhere_is_not_taken_for_all_lines() -> None:
    session = one(changed("checkout.session.completed.line_items", line_items__has_more=True))
    assert (session.items, session.detail) == ((), facts.GOODS)


def test_delivery_whose_price_includes_tax_is_not_counted_twice() -> None:
    shipping = {"amount_subtotal": 588, "amount_tax": 98, "amount_total": 588, "shipping_rate": "shr_1"}
    session = one(changed("checkout.session.completed", shipping_cost=shipping, total_details__amount_shipping=588))
    assert session.delivery_minor == 490


def test_every_telling_of_one_payment_shares_the_payment_intents_id() -> None:
    names = (
        "checkout.session.completed",
        "payment_intent.succeeded",
        "payment_intent.succeeded.2022-08-01",
        "charge.succeeded",
        "charge.refunded",
        "refund.created",
        "charge.dispute.created",
    )
    for name in names:
        for fact in told(name):
            assert isinstance(fact, facts.OfPayment) and fact.payment_id == PI and PI in fact.ids


def test_an_intent_knows_its_charge_in_the_old_shape_and_in_the_new() -> None:
    new, old = paid("payment_intent.succeeded"), paid("payment_intent.succeeded.2022-08-01")
    assert new.aliases == old.aliases == (CH,)
    assert (new.total_minor, new.email, new.payment_fingerprint) == (5988, None, None)
    assert (old.total_minor, old.email, old.payment_fingerprint) == (
        5988,
        "aino.virtanen@example.com",
        "Xt5EWLLDS7FJjR1c",
    )


def test_the_shops_own_names_on_an_intent_are_taken() -> None:
    intent = one(changed("payment_intent.succeeded", metadata={"order_id": "A-1", "member_id": "m_1"}))
    assert (intent.order_id, intent.member_id, intent.ids) == ("A-1", "m_1", ("A-1", PI, CH))


@pytest.mark.parametrize("bad", ["#1001", "two words", "", "x" * 129, 7.5, None, ["A-1"], "A-1\n"])
def test_a_name_that_cannot_be_an_order_id_names_nothing_and_the_sale_still_books(bad: object) -> None:
    assert one(changed("charge.succeeded", metadata={"order_id": bad})).order_id == PI


def test_a_charge_without_an_intent_goes_by_its_own_id() -> None:
    charge = one(changed("charge.succeeded", payment_intent=None))
    assert charge.ids == (CH,)


def test_an_expanded_object_is_read_as_its_id() -> None:
    charge = one(changed("charge.succeeded", payment_intent={"id": PI, "object": "payment_intent"}))
    assert charge.payment_id == PI


def test_tax_and_delivery_that_the_shop_notes_on_a_payment_do_not_earn() -> None:
    charge = one(changed("charge.succeeded", metadata={"tax": "998", "delivery": "490"}))
    assert (charge.tax_minor, charge.delivery_minor, charge.detail) == (998, 490, facts.GOODS)
    charge = one(changed("charge.succeeded", metadata={"tax": "998", "delivery": "free"}))
    assert (charge.tax_minor, charge.delivery_minor, charge.detail) == (998, 0, facts.PART)


def test_an_intents_own_tax_shipping_and_tip_do_not_earn() -> None:
    details = {"tax": {"total_tax_amount": 900}, "shipping": {"amount": 400}, "tip": {"amount": 100}}
    intent = one(changed("payment_intent.succeeded", amount_details=details))
    assert (intent.tax_minor, intent.delivery_minor, intent.detail) == (900, 500, facts.GOODS)
    intent = one(changed("payment_intent.succeeded", amount_details={"tip": {"amount": 100}}))
    assert (intent.delivery_minor, intent.detail) == (100, facts.PART)


def test_what_is_authorised_is_paid_when_it_is_captured_and_only_that_much() -> None:
    assert one(changed("charge.succeeded", captured=False, amount_captured=0)).reason == "not_captured_yet"
    captured = paid("charge.captured")
    assert (captured.order_id, captured.total_minor) == ("A-10428", 3500)


def test_a_bank_debit_is_paid_when_it_succeeds_not_when_the_session_completes() -> None:
    assert one(told("checkout.session.completed.unpaid")).reason == "not_paid_yet"
    late = paid("checkout.session.async_payment_succeeded")
    assert (late.order_id, late.payment_id, late.total_minor) == ("A-10431", "pi_3SGq7cB7Tq9nXyLw1SepaDbt", 5988)
    failed = one(told("checkout.session.async_payment_failed"))
    assert isinstance(failed, facts.PaymentFailed) and failed.payment_id == late.payment_id


def test_a_session_that_a_voucher_paid_whole_is_a_purchase_of_nothing() -> None:
    free = one(
        changed(
            "checkout.session.completed",
            payment_intent=None,
            payment_status="no_payment_required",
            amount_total=0,
            shipping_cost=None,
            total_details={"amount_discount": 5000, "amount_shipping": 0, "amount_tax": 0},
        )
    )
    assert (free.total_minor, free.ids) == (0, ("A-10427", CS))


def test_sessions_that_take_no_payment_of_their_own_are_no_purchases() -> None:
    assert one(changed("checkout.session.completed", mode="setup")).reason == "no_payment"
    buyer = one(told("checkout.session.completed.subscription"))
    assert isinstance(buyer, facts.BuyerMet)
    assert (buyer.customer_id, buyer.member_id) == ("cus_TBq7Zk2LwXy0Pa", MEMBER)


def test_a_refunded_charge_tells_the_sum_and_carries_its_purchase() -> None:
    fact = one(told("charge.refunded"))
    assert isinstance(fact, facts.RefundedInAll)
    assert (fact.refunded_minor, fact.currency) == (1200, "EUR")
    assert fact.purchase is not None and fact.purchase.total_minor == 5988
    assert fact.purchase.occurred_at == datetime(2025, 10, 1, 10, tzinfo=UTC)
    assert fact.occurred_at == datetime(2025, 10, 2, 10, 0, 1, tzinfo=UTC)


def test_an_old_charge_lists_its_refunds_and_the_new_one_tells_the_same_sum() -> None:
    *named, in_all = told("charge.refunded.2022-08-01")
    assert [(fact.refund_id, fact.amount_minor, fact.shop_refund_id) for fact in named] == [  # type: ignore[union-attr]  # told apart just above
        ("re_3SGh4kB7Tq9nXyLw1Rf0002", 588, "R-77"),
        ("re_3SGh4kB7Tq9nXyLw1Rf0001", 1200, None),
    ]
    new = one(told("charge.refunded.again"))
    assert isinstance(in_all, facts.RefundedInAll) and in_all.refunded_minor == new.refunded_minor == 1788
    assert in_all.purchase is not None and in_all.purchase.ids == new.purchase.ids


def test_what_was_never_captured_is_not_refunded_though_stripe_lists_it_so() -> None:
    fact = one(changed("charge.refunded", amount=6988, amount_captured=5988, amount_refunded=1000))
    assert isinstance(fact, Ignored) and fact.reason == "nothing_refunded"
    fact = one(changed("charge.refunded", amount=6988, amount_captured=5988, amount_refunded=1200))
    assert fact.refunded_minor == 200


def test_a_refund_names_itself_and_its_payment() -> None:
    for name in ("refund.created", "refund.updated"):
        fact = one(told(name))
        assert isinstance(fact, facts.Refunded)
        assert (fact.refund_id, fact.amount_minor, fact.purchase) == ("re_3SGh4kB7Tq9nXyLw1Rf0001", 1200, None)
    assert one(changed("refund.created", metadata={"refund_id": "R-9"})).shop_refund_id == "R-9"


def test_a_failed_or_cancelled_refund_is_taken_back_whichever_event_says_so() -> None:
    assert isinstance(one(told("refund.failed")), facts.RefundFailed)
    assert isinstance(one(changed("refund.updated", status="canceled")), facts.RefundFailed)
    assert isinstance(one(changed("refund.updated", status="pending")), facts.Refunded)


def test_a_dispute_holds_until_it_is_closed_and_only_a_lost_one_takes() -> None:
    opened = one(told("charge.dispute.created"))
    assert isinstance(opened, facts.DisputeOpened) and opened.amount_minor == 5988
    for name, won in (("charge.dispute.closed", True), ("charge.dispute.closed.lost", False)):
        closed = one(told(name))
        assert isinstance(closed, facts.DisputeClosed)
        assert (closed.dispute_id, closed.won) == (opened.dispute_id, won)
    assert one(changed("charge.dispute.closed", status="warning_closed")).won
    assert isinstance(one(changed("charge.dispute.closed", status="needs_response")), Unbookable)


def test_a_paid_invoice_says_until_when_a_plan_is_paid_in_both_shapes() -> None:
    new, old = one(told("invoice.paid")), one(told("invoice.paid.2024-06-20"))
    for fact in (new, old):
        assert isinstance(fact, facts.PlanPaid)
        assert (fact.subscription_id, fact.invoice_id, fact.price_ids) == (SUBSCRIPTION, INVOICE, (PRICE,))
        assert (fact.member_id, fact.amount_minor) == (MEMBER, 900)
        assert fact.paid_until == datetime(2025, 11, 1, 10, tzinfo=UTC)
    assert old.payment_ids == ("pi_3SGiPlB7Tq9nXyLw0FeePaym", "ch_3SGiPlB7Tq9nXyLw0FeeChrg")


def test_where_the_invoice_no_longer_names_its_payment_another_event_joins_them() -> None:
    joined = one(told("invoice_payment.paid"))
    assert isinstance(joined, facts.InvoiceSettled)
    assert (joined.invoice_id, joined.payment_id) == (INVOICE, "pi_3SGiPlB7Tq9nXyLw0FeePaym")
    listed = {"data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]}
    assert one(changed("invoice.paid", payments=listed)).payment_ids == ("pi_1",)


def test_an_invoice_of_no_subscription_is_left_to_its_payment() -> None:
    assert one(changed("invoice.paid", parent=None)).reason == "no_subscription"


def test_an_unpaid_invoice_is_no_end_yet() -> None:
    fact = one(told("invoice.payment_failed"))
    assert isinstance(fact, facts.PlanPaymentFailed) and fact.subscription_id == SUBSCRIPTION


def test_a_subscription_tells_how_it_stands_in_both_shapes() -> None:
    for name in ("customer.subscription.updated", "customer.subscription.updated.2024-06-20"):
        fact = one(told(name))
        assert isinstance(fact, facts.PlanChanged)
        assert (fact.subscription_id, fact.price_ids, fact.status) == (SUBSCRIPTION, (PRICE,), "active")
        assert fact.period_end == datetime(2025, 11, 1, 10, tzinfo=UTC)
    leaving = one(told("customer.subscription.updated.cancel_at_period_end"))
    assert leaving.cancel_at_period_end and leaving.cancel_at == datetime(2025, 11, 1, 10, tzinfo=UTC)
    ended = one(told("customer.subscription.deleted"))
    assert isinstance(ended, facts.PlanEnded) and ended.ended_at == datetime(2025, 11, 1, 10, tzinfo=UTC)


def test_of_two_tellings_of_a_subscription_in_one_second_the_update_is_the_newer() -> None:
    created, updated = one(told("customer.subscription.created")), one(told("customer.subscription.updated"))
    assert created.told_at == updated.told_at
    assert msgspec.structs.replace(created, event_id="evt_z").newness < updated.newness
    later = one(told("customer.subscription.updated.past_due"))
    assert updated.newness < later.newness


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("krw", 12000, 12000), ("bhd", 1250, 1250), ("huf", 150000, 150000), ("isk", 50000, 500), ("mga", 500, 50000)],
)
def test_stripes_smallest_unit_becomes_the_currencys_own(currency: str, amount: int, minor: int) -> None:
    fact = one(changed("charge.succeeded", currency=currency, amount=amount, amount_captured=amount))
    assert (fact.total_minor, fact.currency) == (minor, currency.upper())


def test_half_a_krona_is_set_aside_instead_of_rounded() -> None:
    assert one(changed("charge.succeeded", currency="isk", amount_captured=50050)).reason == "bad_amount"


def test_events_of_the_other_mode_or_another_account_are_set_aside() -> None:
    fact = one(told("charge.succeeded", livemode=False))
    assert isinstance(fact, Unbookable)
    assert (fact.reason, fact.ids) == ("livemode_mismatch", (PI, CH))
    assert isinstance(one(told("charge.succeeded", livemode=True, account="acct_1")), Paid)
    event = json.loads(sample("stripe", "charge.succeeded")) | {"account": "acct_2"}
    body = json.dumps(event).encode()
    assert one(stripe.translate(body, {}, {"account": "acct_1"})).reason == "account_mismatch"
    assert isinstance(one(stripe.translate(body, {}, {"account": "acct_2"})), Paid)


def test_what_is_not_understood_is_counted_by_its_name() -> None:
    fact = one(stripe.translate(b'{"id": "evt_1", "type": "payout.paid", "data": {"object": {}}}', {}, {}))
    assert isinstance(fact, Ignored) and (fact.event, fact.reason) == ("payout.paid", "unknown_event")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"amount_captured": -1}, "bad_amount"),
        ({"amount_captured": 59.88}, "bad_amount"),
        ({"amount_captured": "5988"}, "bad_amount"),
        ({"amount_captured": True}, "bad_amount"),
        ({"amount_captured": 10**13}, "bad_amount"),
        ({"amount_captured": 10**40}, "bad_amount"),
        ({"currency": "xyz"}, "unknown_currency"),
        ({"currency": None}, "unknown_currency"),
        ({"id": None, "payment_intent": None}, "missing_id"),
        ({"billing_details": []}, "malformed"),
        ({"metadata": {"tax": "6000"}}, "bad_amount"),
    ],
)
def test_what_can_never_be_booked_says_why(fields: dict[str, object], reason: str) -> None:
    fact = one(changed("charge.succeeded", **fields))
    assert isinstance(fact, Unbookable) and fact.reason == reason and fact.detail.endswith(".")
