"""What each of Shopify's topics comes to: decimal texts made minor units exactly, goods told apart from the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.payments import facts, shopify
from chalicelib.payments.facts import Fact, Line, Paid, Unbookable
from tests.payments.senders import sample

ORDER = "5780249968812"
BARE: dict[str, object] = {"total_tax": "0", "shipping_lines": [], "line_items": [], "total_tip_received": None}


def told(name: str, shop: str = "boutique.example.com", **settings: object) -> list[Fact]:
    return changed(name, shop, settings)


def changed(
    name: str, shop: str = "boutique.example.com", settings: dict[str, object] | None = None, /, **fields: object
) -> list[Fact]:
    body = json.loads(sample("shopify", name)) | fields
    headers = {"x-shopify-topic": "/".join(name.split(".")[:2]), "x-shopify-shop-domain": shop}
    return shopify.translate(json.dumps(body).encode(), headers, settings or {})


def one(told: list[Fact]) -> Any:
    (fact,) = told
    return fact


def test_a_paid_order_tells_its_goods_by_line_with_product_types_as_categories() -> None:
    paid = one(told("orders.paid"))
    assert isinstance(paid, Paid)
    assert (paid.ids, paid.member_id) == ((ORDER, f"gid://shopify/Order/{ORDER}"), "m_2c8f0b7e91d4a365")
    assert (paid.total_minor, paid.currency, paid.detail) == (20925, "EUR", facts.LINES)
    assert paid.items == (
        Line(sku="DRESS-LINEN-M", name="Linen dress", category="Dresses", quantity=1, amount_minor=8640),
        Line(sku="44100000000002", name="Wool scarf", category="Accessories", quantity=2, amount_minor=3600),
        Line(sku="44100000000003", name="Gift card", category="gift-card", quantity=1, amount_minor=5000),
    )
    assert paid.occurred_at == datetime(2025, 10, 3, 12, 21, 6, tzinfo=UTC)


def test_tax_and_delivery_are_told_apart_once_though_prices_include_tax() -> None:
    paid = one(told("orders.paid"))
    assert (paid.tax_minor, paid.delivery_minor) == (3185, 500)
    goods = paid.total_minor - paid.tax_minor - paid.delivery_minor
    assert sum(line.amount_minor for line in paid.items) == goods


def test_prices_without_tax_are_taken_as_they_stand() -> None:
    paid = one(changed("orders.paid", taxes_included=False, total_price="241.10"))
    assert [line.amount_minor for line in paid.items] == [10800, 4500, 5000]
    assert paid.delivery_minor == 625
    assert sum(line.amount_minor for line in paid.items) == paid.total_minor - paid.tax_minor - paid.delivery_minor


def test_free_delivery_a_tip_and_duties() -> None:
    order = json.loads(sample("shopify", "orders.paid"))
    free = order["shipping_lines"][0] | {"discount_allocations": [{"amount": "6.25"}], "tax_lines": []}
    paid = one(changed("orders.paid", shipping_lines=[free]))
    assert paid.delivery_minor == 0
    paid = one(changed("orders.paid", total_tip_received="10.00", total_price="219.25"))
    assert paid.delivery_minor == 1500
    paid = one(changed("orders.paid", original_total_duties_set={"shop_money": {"amount": "4.00"}}))
    assert paid.tax_minor == 3585


def test_the_shops_own_order_id_stands_in_the_orders_notes() -> None:
    paid = one(changed("orders.paid", note_attributes=[{"name": "order_id", "value": "WEB-9"}]))
    assert (paid.order_id, paid.member_id, paid.payment_id) == ("WEB-9", None, ORDER)


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [
        ("KRW", "12000", 12000),
        ("KRW", "12000.00", 12000),
        ("BHD", "1.250", 1250),
        ("EUR", "0.1", 10),
        ("EUR", "7", 700),
    ],
)
def test_a_decimal_text_becomes_minor_units_exactly(currency: str, price: str, minor: int) -> None:
    assert one(changed("orders.paid", currency=currency, total_price=price, **BARE)).total_minor == minor


@pytest.mark.parametrize(
    "price", ["12.345", "-1.00", "1e3", "1,00", " 1.00", "", "NaN", "9" * 14, 12.5, 12, None, "١٢.٥٠"]
)
def test_an_amount_that_is_no_decimal_of_its_currency_is_set_aside(price: object) -> None:
    fact = one(changed("orders.paid", total_price=price, **BARE))
    assert isinstance(fact, Unbookable) and fact.reason == "bad_amount" and ORDER in fact.ids


def test_a_refund_is_the_money_that_went_back() -> None:
    refund = one(told("refunds.create"))
    assert isinstance(refund, facts.Refunded)
    assert (refund.payment_id, refund.refund_id, refund.amount_minor) == (ORDER, "991100220033", 4500)
    moved = json.loads(sample("shopify", "refunds.create"))["transactions"][0]
    several = [moved, moved | {"amount": "1.50"}, moved | {"status": "failure"}, moved | {"kind": "void"}]
    assert one(changed("refunds.create", transactions=several)).amount_minor == 4650


def test_goods_taken_back_without_money_are_no_refund() -> None:
    assert one(told("refunds.create.restock_only")).reason == "nothing_refunded"


def test_a_refund_in_two_currencies_is_set_aside() -> None:
    moved = json.loads(sample("shopify", "refunds.create"))["transactions"][0]
    fact = one(changed("refunds.create", transactions=[moved, moved | {"currency": "DKK"}]))
    assert fact.reason == "malformed"


def test_a_cancelled_order_is_given_back_whole_and_carries_its_purchase() -> None:
    cancelled, paid = one(told("orders.cancelled")), one(told("orders.paid"))
    assert isinstance(cancelled, facts.RefundedInAll)
    assert cancelled.refunded_minor == paid.total_minor == 20925
    assert cancelled.purchase is not None
    assert (cancelled.purchase.ids, cancelled.purchase.items) == (paid.ids, paid.items)


def test_an_order_that_was_never_paid_is_no_purchase_and_no_refund() -> None:
    assert one(told("orders.cancelled.never_paid")).reason == "never_paid"
    assert one(changed("orders.paid", financial_status="pending")).reason == "not_paid_yet"


def test_a_paid_order_sent_under_the_topic_of_cancelling_takes_nothing_back() -> None:
    """The topic stands in a header that is not signed, so it must not be able to turn one event into another."""
    body = sample("shopify", "orders.paid")
    for topic in ("orders/cancelled", "refunds/create"):
        fact = one(shopify.translate(body, {"x-shopify-topic": topic}, {}))
        assert isinstance(fact, Unbookable | facts.Ignored)


def test_test_orders_and_other_shops_are_set_aside() -> None:
    assert one(changed("orders.paid", "b.example.com", {"livemode": True}, test=True)).reason == "livemode_mismatch"
    assert one(told("orders.paid", account="other.example.com")).reason == "account_mismatch"
    assert isinstance(one(told("orders.paid", livemode=True, account="boutique.example.com")), Paid)


def test_topics_of_no_interest_are_counted() -> None:
    fact = one(shopify.translate(b"{}", {"x-shopify-topic": "products/update"}, {}))
    assert (fact.event, fact.reason) == ("products/update", "unknown_event")
    assert one(shopify.translate(b"{}", {}, {})).reason == "unknown_event"
