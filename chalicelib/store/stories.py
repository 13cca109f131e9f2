"""What was told of sales: one working item beside a purchase, and names that wait for their purchase.

An id of a sale is one item under the purchase's key: the ``PURCHASE`` itself, an ``ALIAS`` that names it, or, while no
payment was told yet, ``WAITING``. So whoever books under any of the names meets what was told before.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.domain import story as stories
from chalicelib.domain.ledger import Entry
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.story import Story
from chalicelib.store import keys
from chalicelib.store.entries import entry_row, unpaid_since
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, Write, encode, load, put_new

TOLD, BY_SHOP = 1, 2
"""On a purchase (``v``): providers told of it; the shop told it too, after a provider had booked it."""


def around(program_id: str, order_id: str) -> list[Key]:
    """The items that together say how a purchase stands."""
    return [keys.purchase(program_id, order_id), keys.story(program_id, order_id), keys.claimed(program_id, order_id)]


def story_of(row: Row | None) -> Story | None:
    return None if row is None else row.document(Story)


def standing(found: dict[Key, Row], program_id: str, order_id: str) -> Purchase:
    """A booked purchase as it stands: as providers' tellings left it, else as it was claimed, else as first booked."""
    story = story_of(found.get(keys.story(program_id, order_id)))
    claim = found.get(keys.claimed(program_id, order_id))
    if story is not None and story.now is not None and (claim is None or story.now.member_id is not None):
        return story.now
    return (claim or found[keys.purchase(program_id, order_id)]).document(Purchase)


class Stands(msgspec.Struct, frozen=True):
    """A booked purchase as it stands: minor units that went back, and those that a dispute holds."""

    purchase: Purchase
    refunded: int
    held: int


def stands(found: dict[Key, Row], program_id: str, order_id: str) -> Stands | None:
    """The purchase that an id leads to, of the items ``around`` it; None where none is booked."""
    row = found.get(keys.purchase(program_id, order_id))
    story = story_of(found.get(keys.story(program_id, order_id)))
    leads_to = row.m if row is not None and row.t == "ALIAS" else None if story is None else story.part_of
    if leads_to is not None:
        return stands(load(around(program_id, leads_to)), program_id, leads_to)
    if row is None or row.t != "PURCHASE":
        return None
    held = 0 if story is None else story.held
    return Stands(standing(found, program_id, order_id), int(row.n or 0), held)


def as_answered(program_id: str, row: Row) -> Purchase:
    """A booked purchase as the shop was answered: where a provider told it first, as the shop's telling left it."""
    purchase = row.document(Purchase)
    if row.v != BY_SHOP:
        return purchase
    key = keys.story(program_id, str(purchase.order_id))
    story = story_of(load([key]).get(key))
    return purchase if story is None or story.shop is None else replace(story.shop, told_by=None)


def version(seen: Row | None) -> int:
    """How often a story was told on; 0 where there is none."""
    return 0 if seen is None else int(seen.v or 0)


def require_together(purchase: Row, story: Row | None) -> None:
    """Raises Lost where the story was read before the telling that moved the purchase: a batch is read item by item."""
    if version(story) < int(purchase.s or 0):
        raise Lost


def put(program_id: str, story: Story, seen: Row | None) -> Write:
    """Keeps a story; fails where another telling came in between."""
    row = Row(*keys.story(program_id, story.order_id), t="STORY", v=version(seen) + 1, d=encode(story))
    return put_new(row) if seen is None else Write(row, Row.v == version(seen))


def wait(program_id: str, order_id: str) -> Write:
    """Takes a name for a sale that no payment was told of yet."""
    return put_new(Row(*keys.purchase(program_id, order_id), t="WAITING"))


def name(program_id: str, other_id: str, order_id: str) -> Write:
    """One more name of the same sale."""
    return put_new(Row(*keys.purchase(program_id, other_id), t="ALIAS", m=order_id))


def book(program: Program, purchase: Purchase, refunded: int, told: int, story: Row | None, waiting: bool) -> Write:
    """The first booking of a sale that a provider told, or had told something of. ``story`` is it as it was read."""
    row = entry_row(program, keys.purchase(program.program_id, str(purchase.order_id)), "PURCHASE", purchase)
    row.n, row.v, row.s = refunded, told, version(story) + 1
    return Write(row, Row.t == "WAITING") if waiting else put_new(row)


def move(row: Row, refunded: int, told: int, story: Row | None, claimed_by: str | None) -> Write:
    """Moves a booked purchase on; fails where a refund, a card, a claim or another telling came in between."""
    as_seen = (Row.n == int(row.n or 0)) & unpaid_since(row)
    as_seen &= Row.m.does_not_exist() if row.m is None else Row.m == row.m
    as_seen &= Row.v.does_not_exist() if row.v is None else Row.v == int(row.v)
    actions: list[Any] = [Row.n.set(refunded), Row.v.set(told), Row.s.set(version(story) + 1)]
    if claimed_by is not None:
        actions.append(Row.m.set(claimed_by))
    return Write(Row(*row.key), as_seen, actions=tuple(actions))


def claim(program: Program, made: Purchase) -> Write:
    """What a purchase earns for the member who turns out to have made it, in place of nobody."""
    return put_new(entry_row(program, keys.claimed(program.program_id, str(made.order_id)), "CLAIM", made))


def correct(program: Program, entry: Entry, order_id: str, number: int) -> Write:
    return put_new(entry_row(program, keys.correction(program.program_id, order_id, number), "ENTRY", entry))


def opened(order_id: str, purchase: Purchase, refunds: list[Any]) -> Story:
    """The story of a purchase that the shop booked before any provider told of it."""
    told = Story(order_id=order_id, ids=(order_id,))
    telling = stories.Telling(
        purchase.total,
        purchase.currency,
        purchase.tax,
        purchase.delivery,
        stories.SHOP,
        purchase.lines,
        purchase.occurred_ms,
    )
    told = stories.told(told, telling, None)
    for refund in refunds:
        made = stories.Return(refund.amount or 0, refund.occurred_ms, by_shop=True)
        told = stories.returned(told, refund.refund_id, made)
        told = replace(told, asked=told.asked + made.amount)
    named = purchase.member_id is not None
    return replace(told, known=stories.SHOP_NAMED if named else stories.NOBODY)


def settles(found: dict[Key, Row], program_id: str, provider: str, invoice_id: str, payment_id: str) -> list[Write]:
    """Notes that a payment settles an invoice (``d``: its payments; ``v``: set once it is known to be a plan's)."""
    key = keys.invoice(program_id, provider, invoice_id)
    row = found.get(key)
    known = payments_of(row)
    if payment_id in known:
        return []
    return [invoice_write(key, row, sorted({*known, payment_id}), row is not None and row.v is not None)]


def payments_of(row: Row | None) -> list[str]:
    return [] if row is None else row.document(list[str])


def invoice_write(key: Key, seen: Row | None, payments: list[str], plans: bool) -> Write:
    """Keeps an invoice as it is known now; fails where another telling came in between."""
    row = Row(*key, t="INVOICE", d=encode(payments), v=1 if plans else None)
    if seen is None:
        return put_new(row)
    return Write(row, (Row.d == seen.d) & (Row.v.does_not_exist() if seen.v is None else Row.v == int(seen.v)))
