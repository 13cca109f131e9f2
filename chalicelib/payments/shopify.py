"""Shopify: base64 HMAC of the raw body; orders and refunds with decimal amounts, the topic in a header.

Shapes: https://shopify.dev/docs/api/admin-rest/latest/resources/webhook, .../order and .../refund. Amounts are read
in the shop's own currency, never in the one shown to the buyer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.payments import facts, payload, signing
from chalicelib.payments.facts import Fact, Line, Paid
from chalicelib.payments.payload import Document, Unreadable, branch, identity
from chalicelib.payments.telling import Telling, coherent, require_bound, tell

PROVIDER = "shopify"
KEPT_HEADERS = ("x-shopify-topic", "x-shopify-shop-domain", "x-shopify-event-id", "x-shopify-triggered-at")

GIFT_CARD = "gift-card"
"""The category of a line that sells a gift card: its product type is whatever the shop called it."""


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, url: str) -> None:
    """``X-Shopify-Hmac-Sha256``: base64 of HMAC-SHA256 over the body. The scheme has no timestamp."""
    given = signing.header(headers, "x-shopify-hmac-sha256")
    expected = [base64.b64encode(signing.sha256(secret.encode(), raw)) for secret in secrets if secret]
    signing.require_match(expected, [given])


def translate(raw: bytes, headers: Mapping[str, str], settings: Mapping[str, object]) -> list[Fact]:
    """The facts of one event. ``settings``: ``livemode`` and ``account`` (shop domain) bind it where set."""

    def frame(thing: Document) -> Telling:
        ids = (identity(thing.get(name)) for name in ("order_id", "id"))
        return Telling(
            provider=PROVIDER,
            event=identity(headers.get("x-shopify-topic")) or "unknown",
            event_id=identity(headers.get("x-shopify-event-id")),
            told_at=payload.legible_text_instant(headers.get("x-shopify-triggered-at")),
            ids=tuple(dict.fromkeys(named for named in ids if named)),
        )

    def content(telling: Telling, thing: Document) -> list[Fact]:
        translation = _EVENTS.get(telling.event)
        if translation is None:
            return telling.ignored("unknown_event")
        test = thing.get("test")
        live = not test if isinstance(test, bool) else None
        require_bound(settings, live=live, account=headers.get("x-shopify-shop-domain"))
        return translation(telling, thing)

    return tell(PROVIDER, raw, frame, content)


def _amount(thing: Document, name: str, currency: str) -> int:
    """A decimal text in minor units; 0 where absent."""
    value = thing.get(name)
    return 0 if value is None else payload.minor_of_decimal(value, currency, name)


def _shop_money(thing: Document, name: str, currency: str) -> int:
    return _amount(branch(thing, name, "shop_money"), "amount", currency)


def _allocated(thing: Document, currency: str) -> int:
    return sum(_amount(row, "amount", currency) for row in payload.rows(thing, "discount_allocations"))


def _taxes(thing: Document, currency: str) -> int:
    return sum(_amount(row, "price", currency) for row in payload.rows(thing, "tax_lines"))


def _order(telling: Telling, order: Document) -> Paid:
    currency = payload.currency(order.get("currency"))
    notes = {payload.word(row, "name"): row.get("value") for row in payload.rows(order, "note_attributes")}
    payment_id = payload.required_id(order, "id")
    customer = branch(order, "customer")
    return coherent(
        Paid(
            **telling.about(payment_id, identity(notes.get("order_id")), order.get("admin_graphql_api_id")),
            total_minor=payload.minor_of_decimal(order.get("total_price"), currency, "total_price"),
            currency=currency,
            tax_minor=_amount(order, "total_tax", currency) + _shop_money(order, "original_total_duties_set", currency),
            delivery_minor=_delivery(order, currency) + _amount(order, "total_tip_received", currency),
            occurred_at=payload.legible_text_instant(order.get("processed_at"))
            or payload.legible_text_instant(order.get("created_at")),
            member_id=identity(notes.get("member_id")),
            customer_id=identity(customer.get("id")),
            email=payload.email(order.get("email"), order.get("contact_email"), customer.get("email")),
            items=_lines(order, currency),
            detail=facts.LINES,
        )
    )


def _delivery(order: Document, currency: str) -> int:
    """What shipping cost after discounts, without the tax inside it: ``total_tax`` holds that already."""
    whole = 0
    for row in payload.rows(order, "shipping_lines"):
        cost = _amount(row, "price", currency) - _allocated(row, currency)
        whole += cost - (_taxes(row, currency) if order.get("taxes_included") is True else 0)
    return payload.minor(whole, "shipping_lines")


def _lines(order: Document, currency: str) -> tuple[Line, ...]:
    lines = []
    for row in payload.rows(order, "line_items"):
        quantity = payload.minor(row.get("quantity"), "quantity")
        if quantity == 0 or row.get("tip") is not None:
            continue
        cost = _amount(row, "price", currency) * quantity - _allocated(row, currency)
        cost -= _taxes(row, currency) if order.get("taxes_included") is True else 0
        category = GIFT_CARD if row.get("gift_card") is True else payload.label(row.get("product_type"))
        lines.append(
            Line(
                sku=payload.required_id(row, "sku", "variant_id", "product_id", "id"),
                name=payload.label(row.get("name")) or payload.label(row.get("title")),
                category=category,
                quantity=quantity,
                amount_minor=payload.minor(cost, "line_items"),
            )
        )
    return tuple(lines)


def _paid(telling: Telling, order: Document) -> list[Fact]:
    if order.get("financial_status") not in _SETTLED:
        return telling.ignored("not_paid_yet")
    return [_order(telling, order)]


def _cancelled(telling: Telling, order: Document) -> list[Fact]:
    """A cancelled order is no purchase any more, whatever of its money has been given back by now."""
    if order.get("financial_status") not in _SETTLED:
        return telling.ignored("never_paid")
    if order.get("cancelled_at") is None:
        raise Unreadable("malformed", "A cancelled order does not say when it was cancelled.")
    purchase = _order(telling, order)
    fields: dict[str, Any] = telling.about(purchase.payment_id, purchase.order_id, *purchase.aliases)
    moment = payload.legible_text_instant(order.get("cancelled_at"))
    in_all = facts.RefundedInAll(
        **fields,
        refunded_minor=purchase.total_minor,
        currency=purchase.currency,
        occurred_at=moment,
        purchase=purchase,
    )
    return [in_all]


def _refunded(telling: Telling, refund: Document) -> list[Fact]:
    """The money that went back: goods taken back without money are no refund."""
    moved = [
        row
        for row in payload.rows(refund, "transactions")
        if row.get("kind") == "refund" and row.get("status") in ("success", "pending")
    ]
    if not moved:
        return telling.ignored("nothing_refunded")
    currency = payload.currency(moved[0].get("currency"))
    if any(payload.currency(row.get("currency")) != currency for row in moved):
        raise Unreadable("malformed", "The refund is in several currencies.")
    amounts = [payload.minor_of_decimal(row.get("amount"), currency, "amount") for row in moved]
    fact = facts.Refunded(
        **telling.about(payload.required_id(refund, "order_id"), None),
        refund_id=payload.required_id(refund, "id"),
        amount_minor=payload.minor(sum(amounts), "amount"),
        currency=currency,
        occurred_at=payload.legible_text_instant(refund.get("processed_at"))
        or payload.legible_text_instant(refund.get("created_at")),
    )
    return [fact]


_SETTLED = ("paid", "partially_refunded", "refunded")

_EVENTS = {"orders/paid": _paid, "orders/cancelled": _cancelled, "refunds/create": _refunded}
