"""Books a refund of a purchase, in any number and order, down to exactly nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.actions import gift_card
from chalicelib.actions.admission import Admitted, Call, enter, final_head, not_found
from chalicelib.actions.attempt import attempt
from chalicelib.domain import earning, refunding
from chalicelib.domain.advance import advance
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.voucher import Settled
from chalicelib.store import entries, gift_cards, keys, members, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, commit, load


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Money going back: ``amount`` minor units of one purchase."""

    order_id: str
    refund_id: str
    amount: int
    fingerprint: str
    occurred_at: datetime | None = None


class Refunded(msgspec.Struct, frozen=True):
    refund: Refund
    program: Program
    replayed: bool


def refund(call: Call, request: Return) -> Refunded:
    """Raises Refused: ``purchase_not_found``, ``refund_exceeds_purchase``, ``cause_conflict``,
    ``occurred_in_future``."""
    if request.occurred_at is not None and request.occurred_at > call.now + earning.FUTURE:
        raise Refused(
            "occurred_in_future", "occurred_at lies more than 5 minutes in the future; send the refund's time."
        )
    return _named(call, request, request.order_id)


def _named(call: Call, request: Return, order_id: str) -> Refunded:
    """By one of the sale's names."""
    cause = keys.refund(call.credential.program_id, order_id, request.refund_id)
    return attempt(lambda: _once(call, request, order_id), [cause])


def _once(call: Call, request: Return, order_id: str) -> Refunded:
    program_id = call.credential.program_id
    purchase_key, refund_key = keys.purchase(program_id, order_id), keys.refund(program_id, order_id, request.refund_id)
    claim_key = keys.claimed(program_id, order_id)
    admitted = enter(call.credential, [purchase_key, refund_key, claim_key])
    row = admitted.found.get(purchase_key)
    if row is None or row.t == "WAITING":
        not_found("purchase")
    if row.t == "ALIAS":
        return _named(call, request, row.m)
    if refund_key in admitted.found:
        known = admitted.found[refund_key].document(Refund)
        # A provider told this refund before the shop did: then its amount is all that there is to agree on.
        agrees = known.fingerprint == "" and known.amount == request.amount
        if known.fingerprint != request.fingerprint and not agrees:
            raise Refused("cause_conflict", "This refund id was booked with other content; use a new id for another.")
        return Refunded(known, admitted.program, True)
    if int(row.v or 0):
        # Payment providers tell of this sale too, so its story decides what goes back.
        from chalicelib.actions import tell_by_shop

        return Refunded(tell_by_shop.back_by_shop(call, request, order_id), admitted.program, False)
    purchase, seen = (admitted.found.get(claim_key) or row).document(Purchase), int(row.n or 0)
    entry = replace(
        refunding.refund_of(
            purchase,
            seen,
            request.amount,
            refund_id=request.refund_id,
            occurred_at=request.occurred_at or call.now,
            now=call.now,
            booked_by=admitted.booked_by,
        ),
        fingerprint=request.fingerprint,
    )
    now = entry.refunded
    head, unused, spends = _loaded(admitted, purchase)
    cards = gift_card.put_back(spends, program_id, purchase, (seen, seen), (now, now))
    entry = replace(entry, cards=tuple(cards))
    writes = [entries.raise_refunded(row, entry.refunded, claimed=claim_key in admitted.found)]
    writes.extend(gift_cards.put_back(program_id, sealed, back) for sealed, back in cards)
    if head is not None:
        more, entry = _taken_back(call, admitted, head, purchase, entry, unused)
        writes.extend(more)
    commit([*writes, entries.book_refund(admitted.program, entry)])
    return Refunded(entry, admitted.program, False)


def _loaded(admitted: Admitted, purchase: Purchase) -> tuple[Head | None, frozenset[str], dict[Key, Row]]:
    """The member as they are now, which vouchers of this purchase's stamps nobody used, and what gift cards paid: in
    one round trip.

    After the purchase was read, and not with it: items of one batch are read each for itself, so a card's payment might
    be missed that the purchase, read a moment later, counts already.
    """
    program_id = admitted.program_id
    slots = gift_cards.slots(program_id, str(purchase.order_id))
    if purchase.member_id is None:
        return None, frozenset(), load(slots)
    head_key = keys.head(program_id, purchase.member_id)
    ends = {
        origin: keys.voucher_settled(program_id, vouchers.sealed_origin(program_id, origin))
        for stamped in purchase.stamps
        for number in range(stamped.completed)
        for origin in (earning.stamp_origin(str(purchase.order_id), stamped.card_id, number),)
    }
    found = load([head_key, *ends.values(), *slots])
    head = final_head(program_id, members.head_of(found[head_key])) if head_key in found else None
    return head, frozenset(origin for origin, key in ends.items() if key not in found), found


def _taken_back(
    call: Call, admitted: Admitted, head: Head, purchase: Purchase, entry: Refund, unused: frozenset[str]
) -> tuple[list[Write], Refund]:
    program, version = admitted.program, admitted.version
    clock: dict[str, Any] = {"now": call.now, "booked_by": admitted.booked_by}
    present, moved = advance(head, program, version, **clock)
    done = refunding.refund(present, program, purchase, entry, unused)
    assert done.head is not None
    after, late = advance(done.head, program, version, **clock)
    writes = [members.move(admitted.program_id, head, after)]
    writes.extend(entries.book(program, made) for made in (*moved, *late))
    for origin in done.cancelled:
        end = Settled(
            kind="reverse",
            outcome="cancelled",
            cause=("voucher", origin),
            order_id=purchase.order_id,
            reward_id=earning.prize_of(program, origin),
            member_id=head.member_id,
            reason="The stamps that completed it were refunded",
            booked_by=admitted.booked_by,
            occurred_ms=done.refund.occurred_ms,
            booked_ms=done.refund.booked_ms,
        )
        writes.append(
            vouchers.settled(program, vouchers.sealed_origin(admitted.program_id, origin), end, chained=False)
        )
    return writes, done.refund
