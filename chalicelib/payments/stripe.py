"""Stripe: signature scheme v1, and events as every API version since 2017 tells them.

Shapes: https://docs.stripe.com/api/events and the changelog (refunds left the charge in 2022-11-15; invoice and
subscription fields moved in 2025-03-31.basil). Amounts are Stripe's smallest units, which are ISO 4217's except in
three currencies: https://docs.stripe.com/currencies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.payments import facts, payload, signing
from chalicelib.payments.facts import Fact, Line, Paid
from chalicelib.payments.payload import Document, Unreadable, branch, identity
from chalicelib.payments.telling import Telling, apart, coherent, require_bound, tell

PROVIDER = "stripe"
SIGNATURE_HEADERS = ("stripe-signature",)
KEPT_HEADERS: tuple[str, ...] = ()

_PART = re.compile(r"\s*([a-z0-9]{1,8})=([^,]{1,200})\s*")
_THEIR_DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe's smallest unit is not that of ISO 4217."""


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, url: str) -> None:
    """``Stripe-Signature: t=…,v1=…``: HMAC-SHA256 in hex over ``t.body``. Other schemes (v0) count for nothing."""
    parts = [_PART.fullmatch(part) for part in signing.header(headers, "stripe-signature").split(",")]
    pairs = [(part[1], part[2]) for part in parts if part is not None]
    times = [value for scheme, value in pairs if scheme == "t"]
    if len(times) != 1:
        raise signing.refusal()
    prefix = signing.fresh(times[0], now).encode() + b"."
    expected = [signing.sha256(secret.encode(), prefix, raw).hex().encode() for secret in secrets if secret]
    signing.require_match(expected, [value for scheme, value in pairs if scheme == "v1"])


def translate(raw: bytes, headers: Mapping[str, str], settings: Mapping[str, object]) -> list[Fact]:
    """The facts of one event. ``settings``: ``livemode`` (bool) and ``account`` bind it to the program where set."""

    def content(telling: Telling, event: Document) -> list[Fact]:
        translation = _EVENTS.get(telling.event)
        if translation is None:
            return telling.ignored("unknown_event")
        require_bound(settings, live=event.get("livemode"), account=event.get("account"))
        return translation(telling, branch(event, "data", "object"))

    return tell(PROVIDER, raw, _frame, content)


def _frame(event: Document) -> Telling:
    thing = event.get("data")
    thing = thing.get("object") if isinstance(thing, dict) else None
    thing = thing if isinstance(thing, dict) else {}
    ids = (identity(thing.get(name)) for name in ("payment_intent", "charge", "id"))
    return Telling(
        provider=PROVIDER,
        event=identity(event.get("type")) or "unknown",
        event_id=identity(event.get("id")),
        told_at=payload.legible_instant(event.get("created")),
        ids=tuple(dict.fromkeys(named for named in ids if named)),
    )


def _minor(thing: Document, name: str, currency: str, required: bool = True) -> int:
    """An amount of Stripe's, in minor units of ISO 4217."""
    value = thing.get(name)
    amount = 0 if value is None and not required else payload.minor(value, name)
    decimals = payload.decimals(currency)
    scaled, rest = divmod(amount * 10**decimals, 10 ** _THEIR_DECIMALS.get(currency, decimals))
    if rest:
        raise Unreadable("bad_amount", f"{name} is no whole amount of {currency}.")
    return payload.minor(scaled, name)


def _named(telling: Telling, thing: Document, payment_id: str, *aliases: object) -> dict[str, Any]:
    return telling.about(payment_id, identity(branch(thing, "metadata").get("order_id")), *aliases)


def _buyer(thing: Document, *emails: object) -> dict[str, Any]:
    return {
        "member_id": identity(branch(thing, "metadata").get("member_id")),
        "customer_id": identity(thing.get("customer")),
        "email": payload.email(*emails),
    }


def _apart(thing: Document, tax: int | None = None, delivery: int | None = None) -> dict[str, Any]:
    """Tax and delivery; where Stripe does not know them, from ``metadata.tax`` and ``.delivery`` (Stripe's units)."""
    metadata = branch(thing, "metadata")
    tax = payload.minor_of_digits(metadata.get("tax")) if tax is None else tax
    delivery = payload.minor_of_digits(metadata.get("delivery")) if delivery is None else delivery
    return apart(tax, delivery)


# Purchases


def _paid(telling: Telling, thing: Document, total: str, occurred_at: datetime | None, **known: Any) -> Paid:
    """``thing`` as a purchase of the amount in its field ``total``; ``known`` is what it tells in its own way."""
    currency = payload.currency(thing.get("currency"))
    return coherent(
        Paid(
            **known,
            total_minor=_minor(thing, total, currency),
            currency=currency,
            occurred_at=occurred_at or payload.legible_instant(thing.get("created")),
            invoice_id=identity(thing.get("invoice")),
        )
    )


def _session_completed(telling: Telling, session: Document) -> list[Fact]:
    if session.get("payment_status") == "unpaid" and session.get("mode") != "subscription":
        return telling.ignored("not_paid_yet")
    return _session_paid(telling, session)


def _session_paid(telling: Telling, session: Document) -> list[Fact]:
    mode = payload.word(session, "mode")
    buyer = _buyer(session, branch(session, "customer_details").get("email"), session.get("customer_email"))
    if mode == "subscription" and buyer["customer_id"]:
        return [facts.BuyerMet(**telling.fields(), **buyer)]
    if mode in ("subscription", "setup"):
        return telling.ignored("no_payment")
    session_id = payload.required_id(session, "id")
    named = _named(telling, session, identity(session.get("payment_intent")) or session_id, session_id)
    currency = payload.currency(session.get("currency"))
    lines = _lines(branch(session, "line_items"), currency)
    known = named | buyer | _apart(session, *_tax_and_delivery(session, currency)) | {"items": lines}
    if lines:
        known["detail"] = facts.LINES
    return [_paid(telling, session, "amount_total", telling.told_at, **known)]


def _tax_and_delivery(session: Document, currency: str) -> tuple[int | None, int | None]:
    details, shipping = branch(session, "total_details"), branch(session, "shipping_cost")
    tax = _minor(details, "amount_tax", currency, required=False) if details else None
    if shipping:  # without its own tax: that is in the tax already, and in the shipping where prices include tax
        whole = _minor(shipping, "amount_total", currency)
        return tax, payload.minor(whole - _minor(shipping, "amount_tax", currency, required=False), "shipping_cost")
    return tax, _minor(details, "amount_shipping", currency, required=False) if details else None


def _lines(listed: Document, currency: str) -> tuple[Line, ...]:
    """The lines, or none unless all are there: a line that is not listed would be taken to earn nothing."""
    if listed.get("has_more"):
        return ()
    return tuple(_line(row, currency) for row in payload.rows(listed, "data") if row.get("quantity") != 0)


def _line(row: Document, currency: str) -> Line:
    """After discounts, without tax. SKU and category: ``metadata`` of the price, else of its product where expanded."""
    price = branch(row, "price")
    product = price.get("product")
    noted = [branch(price, "metadata"), branch(product, "metadata") if isinstance(product, dict) else {}]
    net = _minor(row, "amount_total", currency) - _minor(row, "amount_tax", currency, required=False)
    skus = (identity(notes.get("sku")) for notes in noted)
    categories = (payload.label(notes.get("category")) for notes in noted)
    return Line(
        sku=next(filter(None, skus), None) or payload.required_id(price or row, "id"),
        name=payload.label(row.get("description")),
        category=next(filter(None, categories), None),
        quantity=1 if row.get("quantity") is None else payload.minor(row.get("quantity"), "quantity"),
        amount_minor=payload.minor(net, "amount_total"),
    )


def _session_failed(telling: Telling, session: Document) -> list[Fact]:
    payment_id = payload.required_id(session, "payment_intent", "id")
    named = _named(telling, session, payment_id, session.get("id"))
    return [facts.PaymentFailed(**named, reason="async_payment_failed")]


def _intent_succeeded(telling: Telling, intent: Document) -> list[Fact]:
    currency = payload.currency(intent.get("currency"))
    charges = payload.rows(branch(intent, "charges"), "data")  # listed before 2022-11-15
    charge: Document = next((row for row in charges if row.get("status") == "succeeded"), {})
    tax, shipping = branch(intent, "amount_details", "tax"), branch(intent, "amount_details", "shipping")
    split = _apart(
        intent,
        _minor(tax, "total_tax_amount", currency) if tax.get("total_tax_amount") is not None else None,
        _minor(shipping, "amount", currency) if shipping.get("amount") is not None else None,
    )
    tip = _minor(branch(intent, "amount_details", "tip"), "amount", currency, required=False)
    split |= {"delivery_minor": split["delivery_minor"] + tip, "detail": max(split["detail"], facts.PART if tip else 0)}
    payment_id = payload.required_id(intent, "id")
    known = (
        _named(telling, intent, payment_id, intent.get("latest_charge"), charge.get("id"))
        | _buyer(intent, intent.get("receipt_email"), branch(charge, "billing_details").get("email"))
        | split
        | {"payment_fingerprint": _fingerprint(charge)}
    )
    total = "amount" if intent.get("amount_received") is None else "amount_received"
    return [_paid(telling, intent, total, telling.told_at, **known)]


def _charge_succeeded(telling: Telling, charge: Document) -> list[Fact]:
    if charge.get("captured") is False:
        return telling.ignored("not_captured_yet")
    return [_charge_paid(telling, charge, telling.told_at)]


def _charge_paid(telling: Telling, charge: Document, occurred_at: datetime | None) -> Paid:
    known = (
        _named(telling, charge, payload.required_id(charge, "payment_intent", "id"), charge.get("id"))
        | _buyer(charge, branch(charge, "billing_details").get("email"), charge.get("receipt_email"))
        | _apart(charge)
        | {"payment_fingerprint": _fingerprint(charge)}
    )
    total = "amount" if charge.get("amount_captured") is None else "amount_captured"
    return _paid(telling, charge, total, occurred_at, **known)


def _fingerprint(charge: Document) -> str | None:
    """The card's or account's own, the same in every payment made with it."""
    details = branch(charge, "payment_method_details")
    return identity(branch(details, payload.word(details, "type") or "card").get("fingerprint"))


# Refunds and disputes


def _charge_refunded(telling: Telling, charge: Document) -> list[Fact]:
    """How much is refunded in all and, as versions before 2022-11-15 list them, by which refunds."""
    purchase = _charge_paid(telling, charge, payload.legible_instant(charge.get("created")))
    refunded = _minor(charge, "amount_refunded", purchase.currency)
    # What was authorised and never captured is told as refunded too, though it never was paid.
    never_taken = _minor(charge, "amount", purchase.currency) - purchase.total_minor
    refunded -= never_taken if 0 < never_taken <= refunded else 0
    listed = payload.rows(branch(charge, "refunds"), "data") if not never_taken else []
    told = [_refund_fact(telling, row, purchase) for row in listed]
    if refunded:
        in_all = telling.about(purchase.payment_id, purchase.order_id, *purchase.aliases) | {
            "refunded_minor": refunded,
            "currency": purchase.currency,
            "occurred_at": telling.told_at or purchase.occurred_at,
        }
        told.append(facts.RefundedInAll(**in_all, purchase=purchase))
    return told or telling.ignored("nothing_refunded")


def _refund(telling: Telling, refund: Document) -> list[Fact]:
    return [_refund_fact(telling, refund, None)]


def _refund_fact(telling: Telling, refund: Document, purchase: Paid | None) -> Fact:
    if purchase is None:
        payment_id = payload.required_id(refund, "payment_intent", "charge")
        named = _named(telling, refund, payment_id, refund.get("charge"))
    else:
        named = telling.about(purchase.payment_id, purchase.order_id, *purchase.aliases)
    currency = payload.currency(refund.get("currency"))
    fields = named | {
        "refund_id": payload.required_id(refund, "id"),
        "shop_refund_id": identity(branch(refund, "metadata").get("refund_id")),
        "amount_minor": _minor(refund, "amount", currency),
        "currency": currency,
    }
    made_at = payload.legible_instant(refund.get("created"))
    if refund.get("status") in ("failed", "canceled"):
        return facts.RefundFailed(**fields, made_at=made_at, failed_at=telling.told_at)
    return facts.Refunded(**fields, occurred_at=made_at or telling.told_at, purchase=purchase)


def _dispute(telling: Telling, dispute: Document) -> list[Fact]:
    """Only ``lost`` takes the money: an inquiry may also close without a dispute, or a dispute be prevented."""
    payment_id = payload.required_id(dispute, "payment_intent", "charge")
    currency = payload.currency(dispute.get("currency"))
    fields = _named(telling, dispute, payment_id, dispute.get("charge")) | {
        "dispute_id": payload.required_id(dispute, "id"),
        "amount_minor": _minor(dispute, "amount", currency),
        "currency": currency,
        "occurred_at": telling.told_at or payload.legible_instant(dispute.get("created")),
    }
    if telling.event == "charge.dispute.created":
        return [facts.DisputeOpened(**fields)]
    if dispute.get("status") not in ("won", "lost", "warning_closed", "prevented"):
        raise Unreadable("malformed", "A closed dispute is neither won nor lost.")
    return [facts.DisputeClosed(**fields, won=dispute.get("status") != "lost")]


# Paid plans


def _plan(telling: Telling, thing: Document, subscription_id: str, *notes: Document) -> dict[str, Any]:
    members = (identity(branch(note, "metadata").get("member_id")) for note in notes)
    return telling.fields() | {
        "subscription_id": subscription_id,
        "customer_id": identity(thing.get("customer")),
        "member_id": next(filter(None, members), None),
        "email": payload.email(thing.get("customer_email")),
    }


def _price_ids(rows: list[Document]) -> tuple[str, ...]:
    """The prices on a subscription's items or an invoice's lines; a line's moved in 2025-03-31."""
    told = (row.get("price") or branch(row, "pricing", "price_details").get("price") or row.get("plan") for row in rows)
    return tuple(dict.fromkeys(price for price in map(identity, told) if price))


def _invoice(telling: Telling, invoice: Document) -> list[Fact]:
    """An invoice of a subscription; any other invoice's sale is told by its payment."""
    moved = branch(invoice, "parent", "subscription_details")  # since 2025-03-31
    subscription_id = identity(invoice.get("subscription")) or identity(moved.get("subscription"))
    if subscription_id is None:
        return telling.ignored("no_subscription")
    lines = payload.rows(branch(invoice, "lines"), "data")
    paid_at = payload.legible_instant(branch(invoice, "status_transitions").get("paid_at"))
    plan = _plan(telling, invoice, subscription_id, moved, branch(invoice, "subscription_details"), invoice) | {
        "price_ids": _price_ids(lines),
        "invoice_id": payload.required_id(invoice, "id"),
        "occurred_at": paid_at or telling.told_at or payload.legible_instant(invoice.get("created")),
    }
    if telling.event == "invoice.payment_failed":
        return [facts.PlanPaymentFailed(**plan)]
    ends = [payload.instant(branch(line, "period").get("end"), "period.end") for line in lines if line.get("period")]
    settled = [branch(row, "payment") for row in payload.rows(branch(invoice, "payments"), "data")]
    payments = [thing.get(name) for thing in (invoice, *settled) for name in ("payment_intent", "charge")]
    currency = payload.currency(invoice.get("currency"))
    fact = facts.PlanPaid(
        **plan,
        paid_until=max(ends) if ends else payload.instant(invoice.get("period_end"), "period_end"),
        amount_minor=_minor(invoice, "amount_paid", currency),
        currency=currency,
        payment_ids=tuple(dict.fromkeys(paid for paid in map(identity, payments) if paid)),
    )
    return [fact]


def _invoice_settled(telling: Telling, settled: Document) -> list[Fact]:
    payment_id = payload.required_id(branch(settled, "payment"), "payment_intent", "charge")
    invoice_id = payload.required_id(settled, "invoice")
    return [facts.InvoiceSettled(**telling.fields(), invoice_id=invoice_id, payment_id=payment_id)]


def _subscription(telling: Telling, subscription: Document) -> list[Fact]:
    items = payload.rows(branch(subscription, "items"), "data")
    plan = _plan(telling, subscription, payload.required_id(subscription, "id"), subscription)
    plan["price_ids"] = _price_ids(items)
    status = payload.required_word(subscription, "status")
    if telling.event == "customer.subscription.deleted" or status in ("canceled", "incomplete_expired"):
        ended_at = payload.legible_instant(subscription.get("ended_at")) or telling.told_at
        return [facts.PlanEnded(**plan, ended_at=ended_at)]
    told = (payload.legible_instant(thing.get("current_period_end")) for thing in (subscription, *items))
    period_end = max(filter(None, told), default=None)  # it moved to the items in 2025-03-31
    fact = facts.PlanChanged(
        **plan,
        status=status,
        period_end=period_end,
        cancel_at_period_end=subscription.get("cancel_at_period_end") is True,
        cancel_at=payload.legible_instant(subscription.get("cancel_at")),
    )
    return [fact]


_Translation = Callable[[Telling, Document], list[Fact]]

_EVENTS: dict[str, _Translation] = {
    "checkout.session.completed": _session_completed,
    "checkout.session.async_payment_succeeded": _session_paid,
    "checkout.session.async_payment_failed": _session_failed,
    "payment_intent.succeeded": _intent_succeeded,
    "charge.succeeded": _charge_succeeded,
    "charge.captured": _charge_succeeded,
    "charge.refunded": _charge_refunded,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.closed": _dispute,
    "invoice.paid": _invoice,
    "invoice.payment_failed": _invoice,
    "invoice_payment.paid": _invoice_settled,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
}
