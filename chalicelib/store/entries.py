"""Ledger entries: purchases, refunds and all other causes, each put once; a member's statement; the journal."""

from __future__ import annotations

from pynamodb.expressions.condition import Condition

from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.history import Event, Made
from chalicelib.domain.ledger import Entry
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, connection, encode, put_new


def entry_row(program: Program, key: Key, kind: str, entry: Entry, *, chained: bool = True) -> Row:
    """An entry's row with its places in the indexes. ``chained`` entries stand in their member's statement,
    once they have a place in the chain."""
    program_id = program.program_id
    day = local_day(moment_of(entry.booked_ms), program.time_zone)
    buyer = entry.member_id or (entry.buyer if isinstance(entry, Purchase | Refund) else None) or entry.cause[1]
    jpk, jsk = keys.journal(program_id, day, buyer, entry.booked_ms, f"{key[0]}#{key[1]}".partition("#")[2])
    row = Row(*key, t=kind, d=encode(entry), jpk=jpk, jsk=jsk)
    if chained and entry.member_id is not None and entry.sequence:
        row.spk, row.ssk = keys.statement_of_member(program_id, entry.member_id, entry.sequence)
    elif isinstance(entry, Purchase) and entry.member_id is None and entry.buyer is not None:
        row.spk, row.ssk = keys.statement_of_buyer(
            program_id, entry.buyer, f"{entry.occurred_ms:013d}", str(entry.order_id)
        )
    return row


def book(program: Program, entry: Made) -> Write:
    """Any entry but a purchase, a refund or a voucher, under its cause; an event beside the chain."""
    if isinstance(entry, Event):
        return put_new(_event_row(program, entry))
    return put_new(entry_row(program, keys.cause(program.program_id, *entry.cause), "ENTRY", entry))


def _event_row(program: Program, event: Event) -> Row:
    program_id = program.program_id
    key = keys.event(program_id, *event.cause)
    day = local_day(moment_of(event.booked_ms), program.time_zone)
    what = f"{key[0]}#{key[1]}".partition("#")[2]
    jpk, jsk = keys.journal(program_id, day, event.member_id, event.booked_ms, what)
    spk, ssk = keys.history_of_member(program_id, event.member_id, event.booked_ms, f"{event.sequence:010d}#{what}")
    return Row(*key, t="EVENT", d=encode(event), jpk=jpk, jsk=jsk, spk=spk, ssk=ssk)


def book_purchase(program: Program, purchase: Purchase) -> Write:
    row = entry_row(program, keys.purchase(program.program_id, str(purchase.order_id)), "PURCHASE", purchase)
    row.n = 0  # what has been refunded: its only mutable field, compared by the next refund
    return put_new(row)


def alias(program_id: str, other_id: str, order_id: str) -> Write:
    """Another name of the same sale: it can never be booked again under that one."""
    return put_new(Row(*keys.purchase(program_id, other_id), t="ALIAS", m=order_id))


def book_refund(program: Program, refund: Refund) -> Write:
    key = keys.refund(program.program_id, str(refund.order_id), refund.refund_id)
    return put_new(entry_row(program, key, "REFUND", refund))


def unpaid_since(row: Row) -> Condition:
    """That no gift card paid for a booked purchase since it was read: what goes back to cards rests on it."""
    return Row.g.does_not_exist() if row.g is None else Row.g == int(row.g)


def raise_refunded(row: Row, refunded: int, *, claimed: bool) -> Write:
    """Moves a purchase's refunded total on; fails where another refund, a gift card, a claim or a provider came in
    between."""
    as_seen = (Row.n == int(row.n or 0)) & unpaid_since(row) & Row.v.does_not_exist()
    as_seen &= Row.m.exists() if claimed else Row.m.does_not_exist()
    return Write(Row(*row.key), as_seen, actions=(Row.n.set(refunded),))


def claim_purchase(program: Program, claim: Purchase, seen: Row) -> list[Write]:
    """Gives a guest's purchase to a member, once; fails where it was claimed, refunded, disputed or told in more detail
    since it was read."""
    program_id, order_id = program.program_id, str(claim.order_id)
    unmoved = Row.s.does_not_exist() if seen.s is None else Row.s == int(seen.s)
    unclaimed = (Row.n == int(seen.n or 0)) & Row.m.does_not_exist() & unmoved
    return [
        Write(Row(*seen.key), unclaimed, actions=(Row.m.set(str(claim.member_id)),)),
        put_new(entry_row(program, keys.claimed(program_id, order_id), "CLAIM", claim)),
    ]


def bought_as_guest(program_id: str, buyer: str, since_ms: int, limit: int) -> list[str]:
    """Order ids of what a guest bought since a moment, oldest first: candidates for a claim, not yet decided."""
    connection()
    spk, _ = keys.statement_of_buyer(program_id, buyer, "", "")
    rows = Row.statement.query(spk, Row.ssk >= f"{since_ms:013d}", limit=limit)
    return [row.ssk.partition("#")[2] for row in rows]


def refunds_of(program_id: str, order_id: str) -> list[Refund]:
    """Every refund of one purchase, in the order of their ids, read consistently."""
    connection()
    pk, _ = keys.purchase(program_id, order_id)
    rows = Row.query(pk, Row.sk.startswith("REFUND#"), consistent_read=True)
    return [row.document(Refund) for row in rows]


def statement(program_id: str, member_id: str, before: int | None, limit: int, kind: str | None = None) -> list[Row]:
    """A member's entries, newest first, from below sequence ``before``; of one type of item where asked."""
    connection()
    spk, _ = keys.statement_of_member(program_id, member_id, 0)
    condition = None if before is None else Row.ssk < f"{before:010d}"
    return list(
        Row.statement.query(
            spk,
            condition,
            filter_condition=None if kind is None else Row.t == kind,
            scan_index_forward=False,
            limit=limit,
        )
    )


def entry_of(row: Row) -> Entry:
    """Any entry, as the ledger shows it."""
    return row.document(Entry)


def journal_page(program_id: str, day: int, slice_number: int, after: str | None, limit: int) -> list[Row]:
    """What was booked on a day in one slice of buyers, in the order of booking, after a place in it."""
    connection()
    jpk = keys.journal_slice(program_id, day, slice_number)
    condition = None if after is None else Row.jsk > after
    return list(Row.journal.query(jpk, condition, limit=limit))
