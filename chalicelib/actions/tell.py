"""Books what was told of a sale: folds it into the sale's story and moves the ledger to what the story says now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter
from chalicelib.actions.attempt import attempt
from chalicelib.actions.news import News, Noted
from chalicelib.actions.restate import Desk
from chalicelib.domain import story as stories
from chalicelib.domain.calendar import milliseconds, moment_of
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Head
from chalicelib.domain.purchase import IMPORTED, Purchase, Refund
from chalicelib.domain.story import Story, Telling
from chalicelib.store import entries, gift_cards, keys
from chalicelib.store import stories as kept
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, Write

FUTURE_MS = 5 * 60_000


class Told(msgspec.Struct, frozen=True):
    """A telling booked: what became of it, the purchase as it stands (None while it waits), the refund's entry."""

    noted: Noted
    purchase: Purchase | None
    refund: Refund | None


def tell(call: Call, news: News) -> Noted:
    """Raises Unavailable; whatever the program's rules refuse is set aside."""
    try:
        return attempt(lambda: _once(call, news)).noted
    except Refused as refusal:
        return Noted("set_aside", refusal.code)


def _require_left(story: Story) -> None:
    """What the shop itself asked back fits into the sale; what a provider tells is never refused for that."""
    assert story.best is not None
    others = sum(one.amount for one in story.returns.values() if one.by_shop and not one.failed)
    if others > story.best.total:
        left = story.best.total - story.refunded
        raise Refused("refund_exceeds_purchase", f"{left} minor units of this purchase are left to refund.", left=left)


def _once(call: Call, news: News) -> Told:
    program_id = call.credential.program_id
    admitted = enter(call.credential, items_of(program_id, news))
    return told(call, admitted, news)


def items_of(program_id: str, news: News) -> list[Key]:
    asked = [key for name in news.ids for key in kept.around(program_id, name)]
    if news.member_id is not None:
        asked.append(keys.head(program_id, news.member_id))
    asked.extend(keys.identity(program_id, *one) for one in (news.customer, news.email) if one is not None)
    if news.invoice_id is not None:
        asked.append(keys.invoice(program_id, news.provider, news.invoice_id))
    if news.refund_id is not None:
        asked.extend(keys.refund(program_id, name, news.refund_id) for name in news.ids)
    return asked


class _Sale:
    """One sale's items as they were read: its booking, if any, and its story so far."""

    def __init__(self, found: dict[Key, Row], program_id: str, order_id: str) -> None:
        self.order_id = order_id
        self.row = found.get(keys.purchase(program_id, order_id))
        self.story_row = found.get(keys.story(program_id, order_id))
        self.claimed = keys.claimed(program_id, order_id) in found
        booked = self.row is not None and self.row.t == "PURCHASE"
        # Items are read each for itself: whoever claimed or told something in between is not overlooked.
        if booked and self.row is not None and self.claimed != (self.row.m is not None):
            raise Lost
        if self.row is not None and self.row.t == "WAITING" and self.story_row is None:
            raise Lost
        self.purchase = kept.standing(found, program_id, order_id) if booked else None
        story = kept.story_of(self.story_row)
        if story is None and self.purchase is not None:
            refunds = entries.refunds_of(program_id, order_id) if self.refunded else []
            story = kept.opened(order_id, self.purchase, refunds)
        self.story = story or Story(order_id=order_id)

    @property
    def refunded(self) -> int:
        return 0 if self.row is None else int(self.row.n or 0)

    @property
    def flag(self) -> int:
        return 0 if self.row is None else int(self.row.v or 0)

    @property
    def by_shop(self) -> bool:
        """Whether the shop itself told this sale: then it keeps this name."""
        return self.story.best is not None and self.story.best.detail == stories.SHOP


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What only the shop's own telling of a sale brings along."""

    fingerprint: str
    vouchers_used: tuple[str, ...] = ()
    writes: tuple[Write, ...] = ()
    owner: str | None = None
    paid_by_cards: int = 0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that the shop asks for by its own id."""

    amount: int
    fingerprint: str


def told(call: Call, admitted: Admitted, news: News, *, shop: Shop | None = None, asked: Asked | None = None) -> Told:
    """Books one telling in one transaction. Raises Lost, Unavailable, and Refused with what is wrong with it."""
    program_id = admitted.program_id
    desk = Desk(call, admitted, items_of(program_id, news))
    sales = _sales(desk, news)
    home = _home(sales, news)
    if shop is not None and home.flag == kept.BY_SHOP:
        raise Lost  # the shop told it elsewhere just now: that is its answer, or what this one conflicts with
    story = home.story
    for other in sales:
        if other is not home:
            _require_one(desk, home, other, shop)
            story = stories.joined(story, other.story)
    _require_same(desk, home, story, news, shop)
    fee = _is_fee(desk, news)
    story = news.folded(replace(story, fee=story.fee or fee))
    if asked is not None:
        _require_left(story)
    if news.invoice_id is not None:
        desk.writes.extend(kept.settles(desk.found, program_id, news.provider, news.invoice_id, news.payment_id))
    desk.writes.extend(
        kept.name(program_id, name, home.order_id)
        for name in news.ids
        if name != home.order_id and keys.purchase(program_id, name) not in desk.found
    )
    for other in sales:
        if other is not home:
            _absorb(desk, other, home.order_id)
    refund = None
    if story.best is None:
        if home.row is None:
            desk.writes.append(kept.wait(program_id, home.order_id))
            desk.moved = True
    else:
        story, refund = _settled(desk, home, story, news, shop, asked)
    if story != home.story or desk.writes:
        desk.writes.append(kept.put(program_id, story, home.story_row))
        desk.commit(() if shop is None else shop.writes)
    return Told(Noted("booked" if desk.moved else "known"), desk.purchase, refund)


def _sales(desk: Desk, news: News) -> list[_Sale]:
    """Every sale that one of the ids leads to, each once; loads what the ids only point at."""
    program_id, found = desk.program_id, desk.found
    places: list[str] = []
    waiting = list(news.ids)
    seen = set(waiting)
    while waiting:
        name = waiting.pop(0)
        row = found.get(keys.purchase(program_id, name))
        story = kept.story_of(found.get(keys.story(program_id, name)))
        leads_to = row.m if row is not None and row.t == "ALIAS" else story.part_of if story is not None else None
        if leads_to is None:
            if row is not None and name not in places:
                places.append(name)
        elif leads_to not in seen:
            seen.add(leads_to)
            more = kept.around(program_id, leads_to)
            if news.refund_id is not None:
                more.append(keys.refund(program_id, leads_to, news.refund_id))
            desk.fetch(more)
            waiting.append(leads_to)
    return [_Sale(found, program_id, name) for name in places or [news.order_id]]


def _home(sales: list[_Sale], news: News) -> _Sale:
    """Which of several sales that are one the others become part of: the shop's own, else a booked one."""
    own = news.order_id != news.payment_id

    def rank(sale: _Sale) -> tuple[bool, bool, bool, str]:
        return not sale.by_shop, sale.purchase is None, not (own and sale.order_id == news.order_id), sale.order_id

    return min(sales, key=rank)


def _require_one(desk: Desk, home: _Sale, other: _Sale, shop: Shop | None) -> None:
    if home.by_shop and other.by_shop:
        raise Refused("cause_conflict", "This telling joins two orders that the shop booked apart.")
    mine, theirs = home.story.best, other.story.best
    if mine is not None and theirs is not None and not _agree(desk, home, mine, theirs, shop):
        raise Refused("cause_conflict", "This telling joins two sales of different totals.")


def _agree(desk: Desk, home: _Sale, one: Telling, other: Telling, shop: Shop | None) -> bool:
    """Whether two tellings may be of one sale. The provider collects what gift cards left to pay; the shop's total
    holds what they paid, and the shop's telling is always the greater."""
    if one.currency != other.currency:
        return False
    if one.total == other.total:
        return True
    if (one.detail == stories.SHOP) == (other.detail == stories.SHOP):
        return False
    greater, less = (one, other) if one.detail == stories.SHOP else (other, one)
    slots = gift_cards.slots(desk.program_id, home.order_id)
    desk.fetch(slots)
    paid = gift_cards.paid(desk.found, slots) + (0 if shop is None else shop.paid_by_cards)
    return greater.total - less.total == paid


def _require_same(desk: Desk, home: _Sale, story: Story, news: News, shop: Shop | None) -> None:
    """The telling agrees with what is booked. Raises Refused: ``currency_mismatch``, ``cause_conflict``."""
    program, telling = desk.admitted.program, news.telling
    if news.currency is not None and news.currency != program.currency:
        raise Refused("currency_mismatch", f"This program counts in {program.currency}; convert before sending.")
    if telling is None:
        return
    if telling.occurred_ms is not None and telling.occurred_ms > milliseconds(desk.now) + FUTURE_MS:
        raise Refused("occurred_in_future", "occurred_at lies more than 5 minutes in the future; send the sale's time.")
    if story.best is not None and not _agree(desk, home, story.best, telling, shop):
        raise Refused("cause_conflict", "This order id was booked with other content; use a new id for another sale.")


def _is_fee(desk: Desk, news: News) -> bool:
    """Whether the payment settles a plan's invoice, which was told before it."""
    if news.invoice_id is None:
        return news.fee
    row = desk.found.get(keys.invoice(desk.program_id, news.provider, news.invoice_id))
    return news.fee or (row is not None and row.v is not None)


def _absorb(desk: Desk, other: _Sale, home_id: str) -> None:
    """A sale that was booked a second time under another of its names goes back whole; its story lives on at home."""
    number = other.story.told
    if other.purchase is not None and other.row is not None:
        desk.stand(other.order_id, other.purchase, other.refunded, other.story.held)
        desk.number = number
        desk.give_back(other.purchase.total, 0, name=None, reason=f"Booked twice: it is the same sale as {home_id}")
        desk.writes.append(
            kept.move(other.row, other.purchase.total, max(kept.TOLD, other.flag), other.story_row, None)
        )
        number = desk.number
    if other.story_row is not None or other.purchase is not None:
        gone = replace(other.story, part_of=home_id, held=0, told=number)
        desk.writes.append(kept.put(desk.program_id, gone, other.story_row))


def _settled(
    desk: Desk, home: _Sale, story: Story, news: News, shop: Shop | None, asked: Asked | None
) -> tuple[Story, Refund | None]:
    """Moves the ledger to what the story says now: the sale's first booking, or what differs since."""
    assert story.best is not None
    desk.number, desk.asked = home.story.told, home.story.asked
    known, head = _buyer(desk, home, story, shop)
    sale, owner = story.best.sale, None if head is None else head.member_id
    first: Purchase | None = None
    claimed_by = None
    if home.purchase is None:
        at = None if story.best.occurred_ms is None else moment_of(story.best.occurred_ms)
        marks: dict[str, Any] = {"told_by": news.provider, "payment": story.payment}
        if owner is None:
            marks["buyer"] = news.buyer
        first = desk.open(home.order_id, replace(sale, occurred_at=at), owner, fee=story.fee, marks=marks)
    else:
        desk.stand(home.order_id, home.purchase, home.refunded, home.story.held)
        if story.fee:
            if home.purchase.member_id is not None:
                desk.hand_over(None, sale, claimed=home.claimed, reason="A plan's fee earns nothing")
        elif home.purchase.told_by != IMPORTED:  # history never earns, whoever tells it again
            desk.retell(sale)
            if owner is not None:
                reason = "It became known whose purchase it is"
                claimed_by = desk.hand_over(owner, sale, claimed=home.claimed, reason=reason)
    refund = desk.give_back(
        story.refunded,
        story.disputed,
        name=_free_name(desk, home, news),
        occurred_at=moment_of(news.at_ms),
        asked=None if asked is None else asked.amount,
        fingerprint="" if asked is None else asked.fingerprint,
    )
    purchase = desk.purchase
    assert purchase is not None
    if shop is not None:
        purchase = replace(purchase, fingerprint=shop.fingerprint, vouchers_used=shop.vouchers_used)
        desk.purchase = purchase
        story = replace(story, shop=purchase)
        desk.moved = True
    flag = max(home.flag, kept.TOLD if shop is None else kept.BY_SHOP)
    if first is not None:
        waiting = home.row is not None
        desk.writes.append(kept.book(desk.admitted.program, first, story.refunded, flag, home.story_row, waiting))
    elif home.row is not None and (desk.moved or flag != home.flag):
        desk.writes.append(kept.move(home.row, story.refunded, flag, home.story_row, claimed_by))
    booked = first or home.purchase
    now = purchase if purchase != booked or story.now is not None else None
    if head is not None:
        story = replace(story, known=min(known, story.known))
    return replace(story, now=now, held=story.disputed, told=desk.number, asked=desk.asked), refund


def _free_name(desk: Desk, home: _Sale, news: News) -> str | None:
    """The refund's own id, unless an entry has it already."""
    if news.refund_id is None or keys.refund(desk.program_id, home.order_id, news.refund_id) in desk.found:
        return None
    return news.refund_id


def _buyer(desk: Desk, home: _Sale, story: Story, shop: Shop | None) -> tuple[int, Head | None]:
    """Who should have the sale and how surely that is known; None where it stays with whom it is."""
    if shop is not None:
        return stories.SHOP_NAMED, None if shop.owner is None else desk.head(shop.owner)
    owner = None if home.purchase is None else home.purchase.member_id
    told_more = (story.member_ids, story.customers, story.emails) != (
        home.story.member_ids,
        home.story.customers,
        home.story.emails,
    )
    by_hand = home.claimed and (home.story.now is None or home.story.now.member_id is None)
    if owner is not None and (story.known == stories.SHOP_NAMED or by_hand or not told_more):
        return stories.NOBODY, None
    for known, head in _candidates(desk, story):
        return (known, head) if owner is None or known < story.known else (stories.NOBODY, None)
    return stories.NOBODY, None


def _candidates(desk: Desk, story: Story) -> Iterator[tuple[int, Head]]:
    """Members whom the tellings name, the surest first."""
    program_id = desk.program_id
    desk.fetch(
        [
            *(keys.head(program_id, member_id) for member_id in story.member_ids),
            *(keys.identity(program_id, *one) for one in (*story.customers, *story.emails)),
        ]
    )
    for member_id in story.member_ids:
        head = desk.head(member_id)
        if head is not None:
            yield stories.SHOP_NAMED, head
    for known, group in ((stories.CUSTOMER, story.customers), (stories.EMAIL, story.emails)):
        for one in group:
            row = desk.found.get(keys.identity(program_id, *one))
            head = None if row is None else desk.head(str(row.m))
            if head is not None:
                yield known, head
