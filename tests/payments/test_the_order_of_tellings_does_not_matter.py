"""From what the facts carry, any permutation and repetition of one sale's events can end in one state."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.payments import facts, registry
from chalicelib.payments.facts import Fact, Line, Paid, PlanChanged
from tests.payments.one_sale import fold
from tests.payments.senders import EVENTS, sample, told_in_headers


def told(provider: str, name: str) -> list[Fact]:
    headers = told_in_headers(EVENTS / provider / f"{name}.json") | {"x-shopify-triggered-at": "2025-10-06T08:00:02Z"}
    return registry.provider(provider).translate(sample(provider, name), headers, {})


STOREFRONT = Paid(
    provider="storefront",
    event="purchase",
    payment_id="A-10427",
    order_id="A-10427",
    total_minor=5988,
    currency="EUR",
    tax_minor=998,
    delivery_minor=490,
    items=(Line(sku="BEANS-1KG", quantity=1, amount_minor=2700), Line(sku="MUG", quantity=2, amount_minor=1800)),
    detail=facts.LINES,
)
"""The storefront's own call: it knows the order and nothing of Stripe's ids."""

STRIPE_SALE = [
    [STOREFRONT],
    *(
        told("stripe", name)
        for name in (
            "checkout.session.completed",
            "checkout.session.completed.line_items",
            "payment_intent.succeeded",
            "payment_intent.succeeded.2022-08-01",
            "charge.succeeded",
            "charge.refunded",
            "charge.refunded.again",
            "charge.refunded.2022-08-01",
            "refund.created",
            "refund.updated",
            "refund.failed",
            "charge.dispute.created",
            "charge.dispute.closed",
        )
    ),
]

STRIPE_END = {
    "order_id": "A-10427",
    "total": 5988,
    "currency": "EUR",
    "goods": 4500,
    "lines": 2,
    "member_id": "m_7b1c9e2f40a5d683",
    "customer_id": "cus_TBq7Zk2LwXy0Pa",
    "fingerprint": "Xt5EWLLDS7FJjR1c",
    "refunded": 1788,
    "held": 0,
    "lost": 0,
}


def test_every_permutation_of_paid_two_refunds_and_a_dispute_that_is_won_ends_the_same() -> None:
    five = [
        told("stripe", name)
        for name in (
            "charge.succeeded",
            "refund.created",
            "charge.refunded.again",
            "charge.dispute.created",
            "charge.dispute.closed",
        )
    ]
    ends = [fold(fact for event in order for fact in event) for order in permutations(five)]
    assert len(ends) == 120 and all(end == ends[0] for end in ends)
    (sale,) = ends[0]
    assert (sale["total"], sale["refunded"], sale["held"], sale["lost"]) == (5988, 1788, 0, 0)


@given(st.permutations(STRIPE_SALE), st.lists(st.sampled_from(STRIPE_SALE), max_size=12))
def test_one_sale_told_by_everyone_in_any_order_and_again_is_one_sale(
    order: list[list[Fact]], again: list[list[Fact]]
) -> None:
    assert fold(fact for event in [*order, *again] for fact in event) == [STRIPE_END]


def test_a_lost_dispute_is_lost_whether_or_not_its_opening_was_heard() -> None:
    paid, opened, lost = (
        told("stripe", name)[0] for name in ("charge.succeeded", "charge.dispute.created", "charge.dispute.closed.lost")
    )
    for order in ([paid, opened, lost], [lost, paid, opened], [opened, lost, paid], [lost, paid]):
        (sale,) = fold(order)
        assert (sale["held"], sale["lost"]) == (0, 5988)
    (sale,) = fold([opened, paid])
    assert (sale["held"], sale["lost"]) == (5988, 0)


def test_a_refund_that_comes_first_books_its_purchase_or_waits_for_it() -> None:
    (carried,) = fold(told("stripe", "charge.refunded"))
    assert (carried["total"], carried["refunded"]) == (5988, 1200)
    (bare,) = fold(told("stripe", "refund.created"))
    assert bare == {"waiting": True, "refunded": 1200, "held": 0, "lost": 0}


def test_a_total_that_counted_a_refund_which_failed_later_counts_it_no_more() -> None:
    names = ("charge.succeeded", "charge.refunded", "refund.created")
    charge, total, made = (told("stripe", name)[0] for name in names)
    event = json.loads(sample("stripe", "refund.failed"))
    event["data"]["object"] |= json.loads(sample("stripe", "refund.created"))["data"]["object"] | {"status": "failed"}
    (failed,) = registry.provider("stripe").translate(json.dumps(event).encode(), {}, {})
    for order in permutations([charge, total, made, failed]):
        (sale,) = fold(order)
        assert sale["refunded"] == 0


@pytest.mark.parametrize(
    ("provider", "names", "end"),
    [
        (
            "square",
            ["payment.created", "payment.updated", "payment.updated.refunded", "refund.created", "refund.updated"],
            {"order_id": "POS-5521", "total": 2150, "goods": 1850, "refunded": 650},
        ),
        (
            "shopify",
            ["orders.paid", "refunds.create", "orders.cancelled"],
            {"order_id": "5780249968812", "total": 20925, "goods": 17240, "refunded": 20925, "lines": 3},
        ),
        (
            "shopify",
            ["orders.paid", "refunds.create", "refunds.create.restock_only"],
            {"order_id": "5780249968812", "total": 20925, "refunded": 4500},
        ),
        (
            "standard",
            ["payment.paid", "payment.refunded", "payment.dispute_opened", "payment.dispute_closed"],
            {"order_id": "WEB-7001", "total": 12500, "goods": 11000, "refunded": 3000, "held": 0, "lines": 2},
        ),
        (
            "standard",
            ["payment.paid", "payment.refunded", "payment.refund_failed", "payment.dispute_opened"],
            {"order_id": "WEB-7001", "total": 12500, "refunded": 0, "held": 12500},
        ),
    ],
)
def test_every_other_providers_events_end_the_same_in_every_order(
    provider: str, names: list[str], end: dict[str, object]
) -> None:
    events = [told(provider, name) for name in names]
    for order in permutations(events):
        for repeated in (list(order), [*order, *order], [event for event in order for _ in range(2)]):
            (sale,) = fold(fact for event in repeated for fact in event)
            assert {name: sale[name] for name in end} == end


@given(
    st.permutations(
        [
            told("stripe", f"customer.subscription.{name}")[0]
            for name in ("created", "updated", "updated.2024-06-20", "updated.cancel_at_period_end", "updated.past_due")
        ]
    )
)
def test_the_newest_telling_of_a_plan_is_the_same_in_every_order(order: list[Fact]) -> None:
    changes = [fact for fact in order if isinstance(fact, PlanChanged)]
    assert len(changes) == 5 and len({change.newness for change in changes}) == 5
    assert max(changes, key=lambda change: change.newness).status == "past_due"
