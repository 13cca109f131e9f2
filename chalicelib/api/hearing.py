"""From a provider's facts to what the ledger takes, with every identity as a keyed hash: nothing personal goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.actions.tell import News, sealed, sealed_payment
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.purchase import Line
from chalicelib.domain.story import Return, Telling
from chalicelib.payments import facts
from chalicelib.payments.facts import Fact, OfPayment, Paid
from chalicelib.store import members


def news_of(program_id: str, fact: Fact, now_ms: int) -> list[News]:
    """What a fact of a payment tells; nothing where it books nothing. A refund may carry its purchase: that first."""
    if isinstance(fact, Paid):
        return [_paid(program_id, fact, now_ms)]
    if not isinstance(fact, OfPayment) or isinstance(fact, facts.PaymentFailed):
        return []
    about: dict[str, Any] = _about(fact, now_ms)
    if isinstance(fact, facts.Refunded):
        one = Return(fact.amount_minor, _ms(fact.occurred_at, now_ms), by_provider=True)
        refund_id = fact.shop_refund_id or fact.refund_id
        return [
            *_carried(program_id, fact.purchase, now_ms),
            News(**about, currency=fact.currency, returns=((refund_id, one),), refund_id=refund_id),
        ]
    if isinstance(fact, facts.RefundedInAll):
        total = (_ms(fact.occurred_at, now_ms), fact.refunded_minor)
        return [*_carried(program_id, fact.purchase, now_ms), News(**about, currency=fact.currency, total=total)]
    if isinstance(fact, facts.RefundFailed):
        failed = Return(
            fact.amount_minor,
            None if fact.made_at is None else milliseconds(fact.made_at),
            failed=True,
            failed_ms=None if fact.failed_at is None else milliseconds(fact.failed_at),
            by_provider=True,
        )
        refund_id = fact.shop_refund_id or fact.refund_id
        return [News(**about, currency=fact.currency, returns=((refund_id, failed),))]
    if isinstance(fact, facts.DisputeOpened):
        return [News(**about, currency=fact.currency, dispute=(fact.dispute_id, fact.amount_minor, "open"))]
    state = "won" if fact.won else "lost"
    return [News(**about, currency=fact.currency, dispute=(fact.dispute_id, fact.amount_minor, state))]


def _about(fact: OfPayment, now_ms: int) -> dict[str, Any]:
    return {
        "provider": fact.provider,
        "order_id": fact.order_id,
        "payment_id": fact.payment_id,
        "ids": fact.ids,
        "at_ms": _ms(fact.told_at, now_ms),
    }


def _carried(program_id: str, paid: Paid | None, now_ms: int) -> list[News]:
    return [] if paid is None else [_paid(program_id, paid, now_ms)]


def _paid(program_id: str, paid: Paid, now_ms: int) -> News:
    telling = Telling(
        paid.total_minor,
        paid.currency,
        paid.tax_minor,
        paid.delivery_minor,
        paid.detail,
        tuple(Line(line.sku, line.category, line.quantity, line.amount_minor) for line in paid.items),
        None if paid.occurred_at is None else milliseconds(paid.occurred_at),
        paid.provider,
    )
    known = next(
        ((kind, value) for kind, value in (("email", paid.email), (paid.provider, paid.customer_id)) if value), None
    )
    return News(
        **_about(paid, now_ms),
        currency=paid.currency,
        telling=telling,
        member_id=paid.member_id,
        customer=None if paid.customer_id is None else sealed(program_id, paid.provider, paid.customer_id),
        email=None if paid.email is None else sealed(program_id, "email", paid.email),
        payment=None if paid.payment_fingerprint is None else sealed_payment(program_id, paid.payment_fingerprint),
        invoice_id=paid.invoice_id,
        buyer=None if known is None else members.buyer_of(program_id, *known),
        customer_id=paid.customer_id,
    )


def _ms(moment: datetime | None, now_ms: int) -> int:
    return now_ms if moment is None else milliseconds(moment)
