"""Books a sale: for a member, or as a guest's; with the vouchers it uses and those that its stamps complete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.actions import guessing
from chalicelib.actions.admission import Admitted, Call, enter, final_head, require_staff_cap, require_staff_recent
from chalicelib.actions.attempt import attempt
from chalicelib.actions.gift_card import pay_with
from chalicelib.domain import earning
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Head
from chalicelib.domain.purchase import Purchase, Sale
from chalicelib.domain.voucher import Settled, Voucher, require_usable
from chalicelib.store import entries, gift_cards, keys, members, programs, stories, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.sealing import mac
from chalicelib.store.table import Row, Write, commit, load


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A sale to book, and everything that may name its buyer.

    ``aliases`` are other ids of the same sale.
    """

    order_id: str
    sale: Sale
    fingerprint: str
    member_id: str | None = None
    identities: tuple[tuple[str, str], ...] = ()
    voucher_codes: tuple[str, ...] = ()
    payment_fingerprint: str | None = None
    aliases: tuple[str, ...] = ()


class Booked(msgspec.Struct, frozen=True):
    """A booked purchase with all that its answer needs: the vouchers it issued, and its own program version."""

    purchase: Purchase
    issued: tuple[Voucher, ...]
    written: programs.Written
    replayed: bool
    refunded: int = 0


def earn(call: Call, order: Order) -> Booked:
    """Raises Refused: ``currency_mismatch``, ``occurred_in_future``, ``staff_cap_exceeded``, ``cause_conflict``,
    ``voucher_unknown`` and what ``require_usable`` and ``require_open`` raise. Safe to ask again, forever."""
    return attempt(lambda: _once(call, order), [keys.purchase(call.credential.program_id, order.order_id)])


def _once(call: Call, order: Order) -> Booked:
    program_id = call.credential.program_id
    names = (order.order_id, *order.aliases)
    asked: list[Key] = [keys.purchase(program_id, name) for name in names]
    if order.member_id is not None:
        asked.append(keys.head(program_id, order.member_id))
    asked.extend(members.identity_key(program_id, kind, value) for kind, value in order.identities)
    sealed = [vouchers.sealed_code(program_id, code) for code in order.voucher_codes]
    asked.extend(keys.voucher(program_id, one) for one in sealed)
    asked.extend(keys.voucher_settled(program_id, one) for one in sealed)
    if sealed:
        asked.extend([*gift_cards.slots(program_id, order.order_id), *guessing.asked(call)])
    admitted = enter(call.credential, asked)
    known = existing(admitted, names)
    if known is not None and not _told_elsewhere(known):
        return _again(admitted, order, known)
    require_staff_cap(admitted, order.sale.total)
    require_staff_recent(admitted, order.sale.occurred_at, call.now)
    earning.require_currency(admitted.program, order.sale)
    used = _used(call, admitted, order, sealed)
    head = buyer(admitted, order.member_id, order.identities)
    if known is not None:
        # A provider told of this sale before the shop did: rare enough to import only then.
        from chalicelib.actions import tell_by_shop

        purchase = tell_by_shop.by_shop(call, order, used, None if head is None else head.member_id)
        return recall(admitted, purchase, 0, False)
    aliases = [entries.alias(program_id, name, order.order_id) for name in order.aliases]
    common: dict[str, Any] = {"order_id": order.order_id, "now": call.now, "booked_by": admitted.booked_by}
    if head is None:
        purchase = _marked(
            earning.as_guest(admitted.program, admitted.version, order.sale, **common), admitted, order, guest=True
        )
        commit([entries.book_purchase(admitted.program, purchase), *used, *aliases])
        return Booked(purchase, (), admitted.written, False)
    present, moved = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
    done = earning.earn(present, admitted.program, admitted.version, order.sale, **common)
    purchase = _marked(done.purchase, admitted, order, guest=False)
    after, late = advance(done.head, admitted.program, admitted.version, call.now, admitted.booked_by)
    commit(
        [
            entries.book_purchase(admitted.program, purchase),
            members.move(program_id, head, after),
            *(vouchers.issued(admitted.program, voucher) for voucher in done.vouchers),
            *(entries.book(admitted.program, entry) for entry in (*moved, *late)),
            *used,
            *aliases,
        ]
    )
    return Booked(purchase, done.vouchers, admitted.written, False)


def existing(admitted: Admitted, names: tuple[str, ...]) -> Row | None:
    """The purchase already booked under any of the sale's names."""
    for name in names:
        row = admitted.found.get(keys.purchase(admitted.program_id, name))
        if row is not None and row.t == "ALIAS":
            key = keys.purchase(admitted.program_id, row.m)
            row = load([key]).get(key)
        if row is not None:
            return row
    return None


def _told_elsewhere(row: Row) -> bool:
    """Whether payment providers told of this sale, and the shop tells it for the first time now."""
    if row.v == stories.BY_SHOP:
        return False
    return row.t == "WAITING" or (row.v is not None and row.document(Purchase).told_by is not None)


def _again(admitted: Admitted, order: Order, row: Row) -> Booked:
    """The first answer, for the same sale told again; a conflict, for another one under its name."""
    purchase = stories.as_answered(admitted.program_id, row)
    agrees = purchase.total == order.sale.total and purchase.currency == order.sale.currency
    # History from before the program was told in another form: then the money is all that there is to agree on.
    if (purchase.fingerprint != order.fingerprint) if purchase.told_by is None else not agrees:
        raise Refused("cause_conflict", "This order id was booked with other content; use a new id for another sale.")
    return recall(admitted, purchase, int(row.n or 0), True)


def recall(admitted: Admitted, purchase: Purchase, refunded: int, replayed: bool) -> Booked:
    """A purchase booked before, with the vouchers it issued and the program version that it was booked under."""
    program_id = admitted.program_id
    origins = [
        earning.stamp_origin(str(purchase.order_id), stamped.card_id, number)
        for stamped in purchase.stamps
        for number in range(stamped.completed)
    ]
    asked = [keys.voucher(program_id, vouchers.sealed_origin(program_id, origin)) for origin in origins]
    version = keys.program_version(program_id, purchase.program_version)
    if purchase.program_version != admitted.version:
        asked.append(version)
    found = load(asked) if asked else {}
    written = programs.written(found.pop(version)) if version in found else admitted.written
    issued = tuple(found[key].document(Voucher) for key in asked if key in found)
    return Booked(purchase, issued, written, replayed, refunded)


def _used(call: Call, admitted: Admitted, order: Order, sealed: list[str]) -> list[Write]:
    """The vouchers that the sale uses, settled in its own transaction; a voucher used for this very order is fine."""
    if len(set(sealed)) > earning.MOST_VOUCHERS:
        raise Refused("too_many_vouchers", f"One purchase can use at most {earning.MOST_VOUCHERS} vouchers.")
    if sealed:
        guessing.require_patience(admitted, call)
    today = local_day(call.now, admitted.program.time_zone)
    writes: list[Write] = []
    cards = []
    for one in dict.fromkeys(sealed):
        row = admitted.found.get(keys.voucher(admitted.program_id, one))
        if row is None:
            guessing.missed(admitted, call)
            raise Refused("voucher_unknown", "One of the voucher codes is unknown; take it off the order.")
        end = admitted.found.get(keys.voucher_settled(admitted.program_id, one))
        settled = None if end is None else end.document(Settled)
        if settled is not None and settled.outcome == "used" and settled.order_id == order.order_id:
            continue
        voucher = row.document(Voucher)
        if voucher.voucher_kind == "gift_card":
            cards.append(one)
            continue
        require_usable(voucher, settled, today, order.sale.total)
        writes.append(
            vouchers.settled(
                admitted.program, one, used_by(voucher, order.order_id, call.now, admitted.booked_by), chained=False
            )
        )
    return [*writes, *pay_with(admitted, cards, order.order_id, order.sale.total, today, call.now)]


def used_by(voucher: Voucher, order_id: str, now: datetime, booked_by: str) -> Settled:
    """The end of a voucher that an order used."""
    return Settled(
        kind="redeem",
        outcome="used",
        cause=("voucher", voucher.origin),
        order_id=order_id,
        reward_id=voucher.reward_id,
        member_id=voucher.member_id,
        booked_by=booked_by,
        occurred_ms=milliseconds(now),
        booked_ms=milliseconds(now),
        issued_ms=voucher.occurred_ms,
        cost=voucher.cost,
    )


def buyer(admitted: Admitted, member_id: str | None, identities: tuple[tuple[str, str], ...]) -> Head | None:
    """The member whose sale it is: by id, else by the first identity that is known; None for a guest."""
    program_id = admitted.program_id
    if member_id is not None:
        head = final_head(program_id, admitted.head(member_id))
        if head is not None:
            return head
    for kind, value in identities:
        row = admitted.found.get(members.identity_key(program_id, kind, value))
        if row is not None:
            key = keys.head(program_id, row.m)
            found = load([key])
            head = final_head(program_id, members.head_of(found[key]) if key in found else None)
            if head is not None:
                return head
    return None


def _marked(purchase: Purchase, admitted: Admitted, order: Order, *, guest: bool) -> Purchase:
    """Adds what says who bought, without naming them: a guest's key for a later claim, and the card that paid."""
    program_id = admitted.program_id
    guest_key = next((members.buyer_of(program_id, kind, value) for kind, value in order.identities), None)
    paid_by = order.payment_fingerprint
    return replace(
        purchase,
        fingerprint=order.fingerprint,
        buyer=guest_key if guest else None,
        payment=None if paid_by is None else mac("payment", program_id, paid_by)[:13],
        vouchers_used=tuple(vouchers.sealed_code(program_id, code)[:13] for code in order.voucher_codes),
    )
