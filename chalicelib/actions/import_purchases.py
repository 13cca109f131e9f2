"""Records purchases from before the program, as history: they count in reports and earn nothing, now or by a claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter
from chalicelib.domain.earning import FUTURE, as_guest
from chalicelib.domain.ledger import fingerprint
from chalicelib.domain.past_order import PastOrder, Read
from chalicelib.domain.purchase import IMPORTED, Basis, Purchase
from chalicelib.store import entries, keys, members
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, commit, load

BATCH = 50
"""Orders that go into one transaction; each brings one item."""
MOST_FAULTS = 1_000


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with one line of the file."""

    line: int
    detail: str


class Imported(msgspec.Struct):
    """``added`` now, ``known`` from before (the same order again); each faulty line with its number, the first
    thousand of them."""

    lines: int
    added: int
    known: int
    faulty: int
    faults: list[Fault]


def import_purchases(call: Call, orders: Iterator[Read]) -> Imported:
    """Adds what is new. The same file again adds nothing; a line that cannot be added stops no other."""
    admitted = enter(call.credential)
    done = Imported(0, 0, 0, 0, [])
    seen: dict[str, str] = {}
    while lines := list(islice(orders, BATCH)):
        done.lines += len(lines)
        batch = []
        for number, order in lines:
            fault = order if isinstance(order, str) else _refusal(call, admitted, order)
            if fault is not None or isinstance(order, str):
                _note(done, number, str(fault))
                continue
            asked = fingerprint(order)
            if order.order_id in seen:
                if seen[order.order_id] == asked:
                    done.known += 1
                else:
                    _note(done, number, "This order stands in the file before, with other content.")
                continue
            seen[order.order_id] = asked
            batch.append((number, order))
        if batch:
            _add(call, admitted, batch, done)
    return done


def _note(done: Imported, number: int, detail: str) -> None:
    done.faulty += 1
    if len(done.faults) < MOST_FAULTS:
        done.faults.append(Fault(number, detail))


def _refusal(call: Call, admitted: Admitted, order: PastOrder) -> str | None:
    if order.occurred_at > call.now + FUTURE:
        return "occurred_at lies in the future; send when the order was made."
    if order.currency not in (None, admitted.program.currency):
        return f"This program counts in {admitted.program.currency}; convert the order first."
    return None


def _add(call: Call, admitted: Admitted, batch: Sequence[tuple[int, PastOrder]], done: Imported) -> None:
    """A batch in one transaction; where somebody books one of them meanwhile, what is left of it one by one."""
    fresh = _unknown(call, admitted, batch, done)
    try:
        commit([entries.book_purchase(admitted.program, purchase) for _, purchase in fresh])
        done.added += len(fresh)
    except Lost:
        for number, purchase in fresh:
            try:
                commit([entries.book_purchase(admitted.program, purchase)])
                done.added += 1
            except Lost:
                _settle(admitted, number, purchase, done)


def _unknown(
    call: Call, admitted: Admitted, batch: Sequence[tuple[int, PastOrder]], done: Imported
) -> list[tuple[int, Purchase]]:
    """The orders that are not booked, with who bought them, read in one go."""
    program_id = admitted.program_id
    asked: list[Key] = [keys.purchase(program_id, order.order_id) for _, order in batch]
    for _, order in batch:
        asked.extend(members.identity_key(program_id, kind, value) for kind, value in order.identities())
        if order.member_id is not None:
            asked.append(keys.head(program_id, order.member_id))
    found = load(asked)
    fresh = []
    for number, order in batch:
        purchase = _history(call, admitted, order)
        row = found.get(keys.purchase(program_id, order.order_id))
        if row is not None:
            _meet(number, row, purchase, done)
            continue
        if order.member_id is not None and keys.head(program_id, order.member_id) not in found:
            _note(done, number, "There is no member of this member_id.")
            continue
        fresh.append((number, replace(purchase, buyer=_buyer(program_id, order, found))))
    return fresh


def _buyer(program_id: str, order: PastOrder, found: dict[Key, Row]) -> str | None:
    """The member, or else the key under which a guest's purchases are grouped until they join."""
    if order.member_id is not None:
        return order.member_id
    for kind, value in order.identities():
        row = found.get(members.identity_key(program_id, kind, value))
        if row is not None:
            return str(row.m)
    return next((members.buyer_of(program_id, kind, value) for kind, value in order.identities()), None)


def _history(call: Call, admitted: Admitted, order: PastOrder) -> Purchase:
    made = as_guest(
        admitted.program,
        admitted.version,
        order.sale(admitted.program.currency),
        order_id=order.order_id,
        now=call.now,
        booked_by=admitted.booked_by,
    )
    return replace(made, basis=Basis(), told_by=IMPORTED, reason="Before the program", fingerprint=fingerprint(order))


def _meet(number: int, row: Row, purchase: Purchase, done: Imported) -> None:
    """An order whose name is taken: by the same sale, by another name of one, or by a payment still to be told."""
    if row.t == "ALIAS":
        done.known += 1
        return
    if row.t == "WAITING":
        _note(done, number, "A payment provider told of this order; its payment will book it.")
        return
    booked = row.document(Purchase)
    if booked.total == purchase.total and booked.currency == purchase.currency:
        done.known += 1
    else:
        _note(done, number, "This order is booked with another total; it was left as it is.")


def _settle(admitted: Admitted, number: int, purchase: Purchase, done: Imported) -> None:
    key = keys.purchase(admitted.program_id, str(purchase.order_id))
    row = load([key]).get(key)
    if row is None:
        _note(done, number, "Too busy to add this one; send the file again.")
    else:
        _meet(number, row, purchase, done)
