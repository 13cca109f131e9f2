"""Keeps paid plans: who holds one and until when, from what providers tell of subscriptions, invoices and customers."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, final_head
from chalicelib.actions.attempt import attempt
from chalicelib.actions.news import News, Noted
from chalicelib.actions.tell import tell
from chalicelib.domain import plan as plans
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day
from chalicelib.domain.member import Head
from chalicelib.domain.plan import CustomerStory, PlanStory
from chalicelib.store import entries, keys, members
from chalicelib.store import stories as kept
from chalicelib.store.keys import Key
from chalicelib.store.sealing import mac
from chalicelib.store.table import Row, Write, commit, encode, load, put_new


class PlanNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One telling of a subscription, given as a story of its own; without a subscription, of a customer alone.

    ``customer`` is (kind, keyed hash). ``invoice_id`` is the invoice that was paid, ``payment_ids`` what settled it.
    """

    provider: str
    at_ms: int
    story: PlanStory
    customer: tuple[str, str] | None = None
    invoice_id: str | None = None
    payment_ids: tuple[str, ...] = ()


def subscribe(call: Call, news: PlanNews) -> Noted:
    """Raises Unavailable. A subscription to nothing that the program calls a plan is kept in mind and ignored."""
    noted, others = attempt(lambda: _once(call, news))
    for subscription_id in others:
        again = replace(news, story=PlanStory(subscription_id=subscription_id), invoice_id=None, payment_ids=())
        noted = _more(noted, attempt(lambda again=again: _once(call, again))[0])  # type: ignore[misc]  # a bound default
    if news.invoice_id is not None:
        noted = _more(noted, _fees(call, news.provider, news.invoice_id, news.payment_ids, True, news.at_ms))
    return noted


def settle_invoice(call: Call, provider: str, invoice_id: str, payment_id: str, at_ms: int) -> Noted:
    """Joins an invoice with a payment that settled it: a plan's fee earns nothing."""
    return _fees(call, provider, invoice_id, (payment_id,), False, at_ms)


def _more(one: Noted, other: Noted) -> Noted:
    order = ("set_aside", "booked", "known", "ignored")
    return min(one, other, key=lambda noted: order.index(noted.outcome))


def _fees(
    call: Call, provider: str, invoice_id: str, payment_ids: tuple[str, ...], plans_own: bool, at_ms: int
) -> Noted:
    program_id = call.credential.program_id

    def once() -> tuple[bool, list[str]]:
        key = keys.invoice(program_id, provider, invoice_id)
        row = load([key]).get(key)
        known = kept.payments_of(row)
        is_plans = plans_own or (row is not None and row.v is not None)
        payments = sorted({*known, *payment_ids})
        if payments != known or row is None or (is_plans and row.v is None):
            commit([kept.invoice_write(key, row, payments, is_plans)])
        return is_plans, payments

    is_plans, payments = attempt(once)
    noted = Noted("known")
    for payment_id in payments if is_plans else ():
        fee = News(
            provider=provider, order_id=payment_id, payment_id=payment_id, ids=(payment_id,), at_ms=at_ms, fee=True
        )
        noted = _more(noted, tell(call, fee))
    return noted


def _once(call: Call, news: PlanNews) -> tuple[Noted, tuple[str, ...]]:
    """Answers also the customer's subscriptions that this telling may concern beside its own."""
    program_id = call.credential.program_id
    plan_key = keys.plan(program_id, news.provider, news.story.subscription_id or "-")
    customer_key = None if news.customer is None else keys.customer(program_id, news.provider, news.customer[1])
    asked = [plan_key, *([] if customer_key is None else [customer_key]), *_who(program_id, news.story)]
    admitted = enter(call.credential, asked)
    found = dict(admitted.found)
    writes: list[Write] = []
    customer = CustomerStory()
    if customer_key is not None:
        row = found.get(customer_key)
        before = CustomerStory() if row is None else row.document(CustomerStory)
        customer = plans.met(before, news.story)
        if customer != before:
            writes.append(_keep(customer_key, row, encode(customer)))
    if not news.story.subscription_id:
        if writes:
            commit(writes)
        return Noted("booked" if writes else "known"), customer.subscriptions if writes else ()
    row = found.get(plan_key)
    old = PlanStory(subscription_id=news.story.subscription_id) if row is None else row.document(PlanStory)
    story = plans.folded(old, news.story)
    story = plans.folded(story, PlanStory(subscription_id="", member_ids=customer.member_ids, emails=customer.emails))
    found.update(load([key for key in _who(program_id, story) if key not in found]) if _who(program_id, story) else {})
    owner = _owner(found, program_id, story)
    plan = plans.plan_of(admitted.program, news.provider, story.prices)
    story = replace(story, owner=None if owner is None else owner.member_id)
    name = mac("plan", program_id, news.provider, story.subscription_id)[:8]
    last = None if plan is None else plans.until(story, plan, admitted.program.time_zone)
    moved = []
    if owner is not None:
        moved.append((owner, name, None if plan is None else plan.id, last))
    if old.owner is not None and (owner is None or owner.member_id != old.owner):
        former = _member(found, program_id, old.owner)
        if former is not None and (owner is None or former.member_id != owner.member_id):
            moved.append((former, name, None, None))
    changed = [write for one in moved for write in _move(call, admitted, *one)]
    writes.extend(changed)
    if story != old or row is None:
        writes.append(_keep(plan_key, row, encode(story)))
    if writes:
        commit(writes)
    if plan is None:
        return Noted("ignored", "no_plan"), ()
    return Noted("booked" if writes else "known"), ()


def _move(call: Call, admitted: Admitted, head: Head, name: str, plan_id: str | None, last: int | None) -> list[Write]:
    today = local_day(call.now, admitted.program.time_zone)
    if plans.held(head, name, plan_id, last, today) == head:
        return []
    present, made = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
    after = plans.held(present, name, plan_id, last, today)
    return [
        members.move(admitted.program_id, head, after),
        *(entries.book(admitted.program, entry) for entry in made),
    ]


def _keep(key: Key, seen: Row | None, text: str) -> Write:
    version = 0 if seen is None else int(seen.v or 0)
    row = Row(*key, t="STORY", v=version + 1, d=text)
    return put_new(row) if seen is None else Write(row, Row.v == version)


def _who(program_id: str, story: PlanStory) -> list[Key]:
    return [
        *(keys.head(program_id, member_id) for member_id in story.member_ids),
        *(keys.identity(program_id, *one) for one in (*story.customers, *story.emails)),
    ]


def _member(found: dict[Key, Row], program_id: str, member_id: str) -> Head | None:
    key = keys.head(program_id, member_id)
    if key not in found:
        found.update(load([key]))
    return None if key not in found else final_head(program_id, members.head_of(found[key]))


def _owner(found: dict[Key, Row], program_id: str, story: PlanStory) -> Head | None:
    """Whose subscription it is: by the shop's word, else by the provider's customer, else by email."""
    named = list(story.member_ids)
    for one in (*story.customers, *story.emails):
        row = found.get(keys.identity(program_id, *one))
        if row is not None:
            named.append(str(row.m))
    for member_id in named:
        head = _member(found, program_id, member_id)
        if head is not None:
            return head
    return None


def learn(call: Call, provider: str, customer_id: str, member_id: str) -> None:
    """Remembers that a provider's customer is this member, as the shop itself said; erasing the member forgets it."""
    program_id = call.credential.program_id
    identity_key = members.identity_key(program_id, provider, customer_id)

    def once() -> None:
        key, contact_key = keys.head(program_id, member_id), keys.contact(program_id, member_id)
        found = load([key, contact_key, identity_key])
        head = None if key not in found else members.head_of(found[key])
        if head is None or head.status != "active" or contact_key not in found or identity_key in found:
            return
        row = found[contact_key]
        contact = members.contact_of(row)
        known = replace(contact, also=(*contact.also, (provider, customer_id)))
        version = int(row.v or 0)
        commit(
            [
                Write(members.contact_row(program_id, member_id, known, version + 1), Row.v == version),
                put_new(members.identity(program_id, provider, customer_id, member_id)),
            ]
        )

    attempt(once)
