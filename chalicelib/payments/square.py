"""Square: HMAC-SHA256 over the notification's address and body; payments and refunds, whole in every event.

Shapes: https://developer.squareup.com/reference/square/webhooks and /objects/Payment, /objects/PaymentRefund.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.payments import facts, payload, signing
from chalicelib.payments.facts import Fact, Paid
from chalicelib.payments.payload import Document, branch, identity
from chalicelib.payments.telling import Telling, apart, coherent, require_bound, tell

PROVIDER = "square"
KEPT_HEADERS = ("square-environment",)


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, url: str) -> None:
    """``x-square-hmacsha256-signature``: base64 of HMAC-SHA256 over ``url`` + body. The scheme has no timestamp."""
    given = signing.header(headers, "x-square-hmacsha256-signature")
    expected = [base64.b64encode(signing.sha256(key.encode(), url.encode(), raw)) for key in secrets if key]
    signing.require_match(expected, [given])


def translate(raw: bytes, headers: Mapping[str, str], settings: Mapping[str, object]) -> list[Fact]:
    """The facts of one event. ``settings``: ``livemode`` and ``account`` (merchant id) bind it where set."""

    def content(telling: Telling, event: Document) -> list[Fact]:
        translation = _EVENTS.get(telling.event)
        if translation is None:
            return telling.ignored("told_by_payments" if telling.event.startswith("order.") else "unknown_event")
        live = {"production": True, "sandbox": False}.get(headers.get("square-environment", "").lower())
        require_bound(settings, live=live, account=event.get("merchant_id"))
        return translation(telling, branch(event, "data", "object"))

    return tell(PROVIDER, raw, _frame, content)


def _frame(event: Document) -> Telling:
    data = event.get("data")
    thing = identity(data)
    return Telling(
        provider=PROVIDER,
        event=identity(event.get("type")) or "unknown",
        event_id=identity(event.get("event_id")),
        told_at=payload.legible_text_instant(event.get("created_at")),
        ids=(thing,) if thing else (),
    )


def _money(thing: Document, name: str, currency: str) -> int:
    """``{"amount", "currency"}`` in minor units; 0 where absent."""
    money = branch(thing, name)
    if not money:
        return 0
    if payload.currency(money.get("currency")) != currency:
        raise payload.Unreadable("malformed", f"{name} is in another currency than the payment.")
    return payload.minor_or_zero(money, "amount")


def _payment(telling: Telling, thing: Document) -> list[Fact]:
    """Each event holds the whole payment as it stood: that it is paid, and how much of it went back since."""
    payment = branch(thing, "payment")
    # The order is no alias: several payments may settle one order, and each is a payment of its own.
    named = telling.about(payload.required_id(payment, "id"), identity(payment.get("reference_id")))
    status = payload.word(payment, "status")
    if status in ("CANCELED", "FAILED"):
        return [facts.PaymentFailed(**named, reason=status.lower())]
    if status != "COMPLETED":
        return telling.ignored("not_paid_yet")
    total = branch(payment, "total_money") or branch(payment, "amount_money")
    currency = payload.currency(total.get("currency"))
    occurred_at = payload.legible_text_instant(payment.get("created_at"))
    tip = _money(payment, "tip_money", currency)
    paid = coherent(
        Paid(
            **named,
            **apart(None, tip or None),
            total_minor=payload.minor(total.get("amount"), "total_money"),
            currency=currency,
            occurred_at=occurred_at,
            customer_id=identity(payment.get("customer_id")),
            email=payload.email(payment.get("buyer_email_address")),
            payment_fingerprint=identity(branch(payment, "card_details", "card").get("fingerprint")),
        )
    )
    refunded = _money(payment, "refunded_money", currency)
    if not refunded:
        return [paid]
    in_all: dict[str, Any] = named | {"refunded_minor": refunded, "currency": currency}
    moment = payload.legible_text_instant(payment.get("updated_at")) or telling.told_at
    return [paid, facts.RefundedInAll(**in_all, occurred_at=moment, purchase=paid)]


def _refund(telling: Telling, thing: Document) -> list[Fact]:
    refund = branch(thing, "refund")
    payment_id = identity(refund.get("payment_id"))
    if payment_id is None:
        return telling.ignored("no_payment")  # money given back without a payment here belongs to no sale
    money = branch(refund, "amount_money")
    fields = telling.about(payment_id, None) | {
        "refund_id": payload.required_id(refund, "id"),
        "amount_minor": payload.minor(money.get("amount"), "amount_money"),
        "currency": payload.currency(money.get("currency")),
    }
    made_at = payload.legible_text_instant(refund.get("created_at"))
    if refund.get("status") in ("FAILED", "REJECTED"):
        failed_at = payload.legible_text_instant(refund.get("updated_at")) or telling.told_at
        return [facts.RefundFailed(**fields, made_at=made_at, failed_at=failed_at)]
    return [facts.Refunded(**fields, occurred_at=made_at)]


_EVENTS = {
    "payment.created": _payment,
    "payment.updated": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
}
