"""What becomes of a provider's event: its facts as what the ledger takes, booked, or set aside with a reason.

Every identity goes on as a keyed hash: what is kept of a telling names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.actions import subscribe
from chalicelib.actions.admission import Call
from chalicelib.actions.news import News, Noted, sealed, sealed_payment
from chalicelib.actions.set_aside import set_aside, take_off
from chalicelib.actions.subscribe import PlanNews
from chalicelib.actions.tell import tell
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.plan import PlanStory, State
from chalicelib.domain.purchase import Line
from chalicelib.domain.story import Return, Telling
from chalicelib.payments import facts, registry
from chalicelib.payments.facts import Fact, OfPayment, OfPlan, Paid
from chalicelib.store import asides, members


class Settles(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A payment that settled an invoice."""

    provider: str
    invoice_id: str
    payment_id: str
    at_ms: int


class OfSale(msgspec.Struct, frozen=True, tag=True):
    news: News


class OfSubscription(msgspec.Struct, frozen=True, tag=True):
    news: PlanNews


Step = OfSale | OfSubscription | Settles


def hear(call: Call, name: str, raw: bytes, headers: Mapping[str, str], bound: Mapping[str, object]) -> Noted:
    """Books a verified event. What cannot be booked is set aside, once. Raises Unavailable: then send it again."""
    provider = registry.provider(name)
    told = provider.translate(raw, headers, bound)
    kept = {header: headers[header] for header in provider.KEPT_HEADERS if header in headers}
    return book(call, told, raw, milliseconds(call.now), kept)


def book(call: Call, told: Sequence[Fact], raw: bytes, now_ms: int, headers: Mapping[str, str] | None = None) -> Noted:
    """Books facts, one after the other. ``raw`` names what is set aside, and is kept where it was not understood."""
    program_id = call.credential.program_id
    noted = Noted("ignored")
    refused: list[Step] = []
    for fact in told:
        if isinstance(fact, facts.Unbookable):
            content = asides.sealed(program_id, raw, dict(headers or {}))
            _put_aside(call, fact, raw, fact.reason, fact.detail, fact.ids, content=content)
            noted = worse(noted, Noted("set_aside", fact.reason))
            continue
        if isinstance(fact, Paid | facts.BuyerMet) and fact.member_id is not None and fact.customer_id is not None:
            subscribe.learn(call, fact.provider, fact.customer_id, fact.member_id)
        for step in steps(program_id, fact, now_ms):
            done = take(call, step)
            noted = worse(noted, done)
            if done.outcome == "set_aside":
                refused.append(step)
    if refused:
        ids = tuple(name for step in refused if isinstance(step, OfSale) for name in step.news.ids)
        _put_aside(call, told[0], raw, noted.reason, "", tuple(dict.fromkeys(ids)), steps=refused)
    return noted


def again(call: Call, aside_id: str, aside: asides.Aside, bound: Mapping[str, object]) -> Noted:
    """Tries a set-aside event again; booked now, it is no longer set aside."""
    program_id = call.credential.program_id
    if aside.sealed is not None:
        raw, headers = asides.unsealed(program_id, aside.sealed)
        noted = hear(call, aside.provider, raw, headers, bound)
    else:
        noted = Noted("known")
        for text in aside.told:
            noted = worse(noted, take(call, msgspec.json.decode(text, type=Step)))
    if noted.outcome != "set_aside":
        take_off(program_id, aside_id)
    return noted


def worse(one: Noted, other: Noted) -> Noted:
    """One answer for all that an event told: what the owner must look at comes first."""
    order = ("set_aside", "booked", "known", "ignored")
    return min(one, other, key=lambda noted: order.index(noted.outcome))


def _put_aside(
    call: Call,
    fact: Fact,
    raw: bytes,
    reason: str,
    detail: str,
    ids: tuple[str, ...],
    *,
    content: str | None = None,
    steps: list[Step] | None = None,
) -> None:
    program_id = call.credential.program_id
    told_ms = None if fact.told_at is None else milliseconds(fact.told_at)
    aside = asides.Aside(
        provider=fact.provider,
        event=fact.event,
        event_id=fact.event_id,
        reason=reason,
        detail=detail,
        ids=ids,
        told_ms=told_ms,
        aside_ms=milliseconds(call.now),
        told=tuple(msgspec.Raw(msgspec.json.encode(step)) for step in steps or ()),
        sealed=content,
    )
    set_aside(program_id, asides.id_of(program_id, fact.provider, told_ms, raw), aside)


def take(call: Call, step: Step) -> Noted:
    """Books one step of an event."""
    if isinstance(step, Settles):
        return subscribe.settle_invoice(call, step.provider, step.invoice_id, step.payment_id, step.at_ms)
    if isinstance(step, OfSubscription):
        return subscribe.subscribe(call, step.news)
    return tell(call, step.news)


def steps(program_id: str, fact: Fact, now_ms: int) -> list[Step]:
    """What a fact asks the ledger to do, in order; nothing where it is of no interest."""
    if isinstance(fact, facts.InvoiceSettled):
        at_ms = _ms(fact.told_at, now_ms)
        return [Settles(provider=fact.provider, invoice_id=fact.invoice_id, payment_id=fact.payment_id, at_ms=at_ms)]
    if isinstance(fact, OfPlan | facts.BuyerMet):
        return [OfSubscription(_plan_news(program_id, fact, now_ms))]
    return [OfSale(news) for news in news_of(program_id, fact, now_ms)]


def _plan_news(program_id: str, fact: OfPlan | facts.BuyerMet, now_ms: int) -> PlanNews:
    customer = None if fact.customer_id is None else sealed(program_id, fact.provider, fact.customer_id)
    story = PlanStory(
        subscription_id="",
        member_ids=() if fact.member_id is None else (fact.member_id,),
        customers=() if customer is None else (customer,),
        emails=() if fact.email is None else (sealed(program_id, "email", fact.email),),
    )
    about: dict[str, Any] = {
        "provider": fact.provider,
        "at_ms": _ms(fact.told_at, now_ms),
        "customer": customer,
    }
    if isinstance(fact, facts.BuyerMet):
        return PlanNews(**about, story=story)
    newness = (0.0, False, 0.0, "")
    if isinstance(fact, facts.PlanChanged):
        newness = fact.newness
    story = replace(story, subscription_id=fact.subscription_id, prices=fact.price_ids, priced=newness)
    if isinstance(fact, facts.PlanPaid):
        paid = replace(story, paid_until_ms=milliseconds(fact.paid_until))
        return PlanNews(**about, story=paid, invoice_id=fact.invoice_id, payment_ids=fact.payment_ids)
    if isinstance(fact, facts.PlanEnded):
        return PlanNews(**about, story=replace(story, ended_ms=_ms(fact.ended_at or fact.told_at, now_ms)))
    if isinstance(fact, facts.PlanPaymentFailed):
        return PlanNews(**about, story=replace(story, failed_ms=_ms(fact.occurred_at or fact.told_at, now_ms)))
    assert isinstance(fact, facts.PlanChanged)  # the last of a subscription's facts
    stop = fact.cancel_at or (fact.period_end if fact.cancel_at_period_end else None)
    state = State(
        newness,
        fact.status,
        None if fact.period_end is None else milliseconds(fact.period_end),
        None if stop is None else milliseconds(stop),
    )
    return PlanNews(**about, story=replace(story, state=state))


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
    )


def _ms(moment: datetime | None, now_ms: int) -> int:
    return now_ms if moment is None else milliseconds(moment)
