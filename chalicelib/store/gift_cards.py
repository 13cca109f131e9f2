"""Gift cards: the balance beside the voucher, what each order took from it, and whom a card was meant for."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.program import Program
from chalicelib.domain.voucher import Spent
from chalicelib.store import keys
from chalicelib.store.entries import entry_row, unpaid_since
from chalicelib.store.keys import Key
from chalicelib.store.members import normal
from chalicelib.store.sealing import mac
from chalicelib.store.table import Row, Write, connection, encode, put_new

CARDS_AN_ORDER = 4
"""Gift cards that one order may be paid with."""


def slots(program_id: str, order_id: str) -> list[Key]:
    return [keys.card_spent(program_id, order_id, slot) for slot in range(CARDS_AN_ORDER)]


def spends(found: dict[Key, Row], slots_of_order: list[Key]) -> list[Spent]:
    """What an order's gift cards paid, of the items loaded."""
    return [found[key].document(Spent) for key in slots_of_order if key in found]


def paid(found: dict[Key, Row], slots_of_order: list[Key]) -> int:
    """What bought gift cards paid of an order's total (minor units): a payment provider collected the rest."""
    return sum(spent.amount or 0 for spent in spends(found, slots_of_order) if spent.in_total)


def paid_for(row: Row) -> Write:
    """Counts one more card on a booked purchase; fails where a refund or another card came in between."""
    as_seen = (Row.n == int(row.n or 0)) & unpaid_since(row)
    return Write(Row(*row.key), as_seen, actions=(Row.g.set(int(row.g or 0) + 1),))


def spend(program: Program, slot: int, spent: Spent, seen: int) -> list[Write]:
    """Takes money off a card for an order; fails where the card moved, or the slot was taken, since it was read."""
    key = keys.card_spent(program.program_id, str(spent.order_id), slot)
    card = Row(*keys.voucher(program.program_id, spent.sealed))
    return [
        put_new(entry_row(program, key, "SPEND", spent, chained=False)),
        Write(card, Row.n == seen, actions=(Row.n.set(spent.balance),)),
    ]


def put_back(program_id: str, sealed: str, amount: int) -> Write:
    """Money of a refunded order returns to its card."""
    return Write(Row(*keys.voucher(program_id, sealed)), Row.n >= 0, actions=(Row.n.add(amount),))


def empty(program_id: str, sealed: str, seen: int) -> Write:
    """Ends a card's balance; fails where anything was spent since it was read."""
    return Write(Row(*keys.voucher(program_id, sealed)), Row.n == seen, actions=(Row.n.set(0),))


def _sealed_email(program_id: str, email: str) -> str:
    return mac("recipient", program_id, normal("email", email))


def address(program_id: str, sealed: str, email: str) -> Write:
    """Whom a card is meant for: personal data of its own, apart from the card."""
    key = keys.recipient(program_id, _sealed_email(program_id, email), sealed)
    return Write(Row(*key, t="RECIPIENT", d=encode({"email": email})))


def addressed_to(program_id: str, email: str) -> list[Row]:
    """The cards meant for an email's owner."""
    connection()
    pk, _ = keys.recipient(program_id, _sealed_email(program_id, email), "")
    query: Any = Row.query(pk, consistent_read=True)
    return list(query)


def forget_recipient(row: Row) -> Write:
    return Write(Row(row.pk, row.sk, t="RECIPIENT"), delete=True)
