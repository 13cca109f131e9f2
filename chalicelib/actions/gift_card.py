"""Sells gift cards and spends them: over many orders, never below zero, and back again when an order is refunded."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chalicelib.actions.admission import Admitted, Call, enter, require_staff_cap
from chalicelib.actions.attempt import attempt
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import fingerprint
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.voucher import Settled, Spent, Voucher, require_covered, require_usable, returned, sell
from chalicelib.store import gift_cards, keys, stories, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.sealing import mac
from chalicelib.store.table import Row, Write, commit, load


class Sold(msgspec.Struct, frozen=True):
    voucher: Voucher
    replayed: bool


def sell_card(call: Call, amount: int, recipient_email: str | None, idempotency_key: str) -> Sold:
    """A paid gift card of ``amount`` minor units. It earns nothing: its money is paid for once, when it is spent.

    Raises Refused ``cause_conflict``, ``staff_cap_exceeded``: a card is money, as a purchase is.
    """
    program_id = call.credential.program_id
    origin = "gift_card/" + vouchers.cause_id(program_id, "gift_card", "", idempotency_key)
    # Keyed: an unkeyed hash of a recipient's address could be guessed.
    asked = mac("request", program_id, fingerprint([amount, recipient_email]))[:22]

    def once() -> Sold:
        sealed = vouchers.sealed_origin(program_id, origin)
        key = keys.voucher(program_id, sealed)
        admitted = enter(call.credential, [key])
        if key in admitted.found:
            known = admitted.found[key].document(Voucher)
            if known.fingerprint != asked:
                raise Refused("cause_conflict", "This Idempotency-Key sold another card; use a new key for each card.")
            return Sold(known, True)
        require_staff_cap(admitted, amount)
        card = sell(
            amount,
            origin=origin,
            cause=("gift_card", origin.partition("/")[2]),
            booked_by=admitted.booked_by,
            now_ms=milliseconds(call.now),
            program_version=admitted.version,
            currency=admitted.program.currency,
            fingerprint=asked,
        )
        writes = [vouchers.issued(admitted.program, card)]
        if recipient_email is not None:
            writes.append(gift_cards.address(program_id, sealed, recipient_email))
        commit(writes)
        return Sold(card, False)

    return attempt(once)


def spending(
    admitted: Admitted,
    voucher: Voucher,
    sealed: str,
    order_id: str,
    amount: int,
    now: datetime,
    total: int | None = None,
) -> tuple[Spent, list[Write]]:
    """Decides taking money off a card for an order; its writes are empty where it was taken for this order before.

    ``admitted`` has loaded the card, the order's slots and, where it was booked before, the items around the purchase.
    ``total`` is the order's, where the shop is just telling it. Raises Refused ``insufficient_balance``,
    ``cause_conflict`` (another amount for the same order), ``too_many_vouchers``, ``amount_exceeds_order``.
    """
    slots = gift_cards.slots(admitted.program_id, order_id)
    for spent in gift_cards.spends(admitted.found, slots):
        if spent.sealed == sealed:
            if spent.amount != amount:
                raise Refused("cause_conflict", f"This order took {spent.amount} minor units from the card before.")
            return spent, []
    free = next((number for number, key in enumerate(slots) if key not in admitted.found), None)
    if free is None:
        raise Refused("too_many_vouchers", f"An order can be paid with at most {len(slots)} gift cards.")
    balance = int(admitted.found[keys.voucher(admitted.program_id, sealed)].n or 0)
    require_covered(balance, amount)
    in_total = voucher.reward_id is None
    spent = Spent(
        kind="redeem",
        cause=("gift_card_spent", f"{order_id}/{voucher.origin}"),
        order_id=order_id,
        amount=amount,
        member_id=voucher.member_id,
        booked_by=admitted.booked_by,
        occurred_ms=milliseconds(now),
        booked_ms=milliseconds(now),
        program_version=admitted.version,
        sealed=sealed,
        balance=balance - amount,
        in_total=in_total,
        refunded_before=_require_room(admitted, order_id, amount, in_total, total),
    )
    return spent, gift_cards.spend(admitted.program, free, spent, balance)


def _require_room(admitted: Admitted, order_id: str, amount: int, in_total: bool, total: int | None) -> int:
    """Refuses to pay more than is left of an order booked before, since no refund could ever give that back; answers
    what of the order went back already (minor units). What a provider alone told is no total: cards paid beside it."""
    row = admitted.found.get(keys.purchase(admitted.program_id, order_id))
    if row is None or row.t != "PURCHASE":
        return 0
    asked = refunded = int(row.n or 0)
    if row.v is not None:
        key = keys.story(admitted.program_id, order_id)
        told = admitted.found.get(key) or load([key]).get(key)
        stories.require_together(row, told)
        story = stories.story_of(told)
        asked = refunded if story is None else story.asked
    if total is None:
        if row.document(Purchase).told_by is not None and row.v != stories.BY_SHOP:
            return asked if in_total else refunded
        total = stories.standing(admitted.found, admitted.program_id, order_id).total
    paid = _paid_in_total(admitted.found, gift_cards.slots(admitted.program_id, order_id), asked)
    left = total - refunded - paid
    if (in_total and amount > left) or (refunded and refunded == total):
        raise Refused(
            "amount_exceeds_order",
            f"{max(0, left)} minor units of this order are left to pay; take at most that from the card.",
            left=max(0, left),
        )
    return asked if in_total else refunded


def _paid_in_total(found: dict[Key, Row], slots: list[Key], asked: int) -> int:
    """What bought gift cards paid of an order's total, less what its refunds put back on them."""
    bought = [spent for spent in gift_cards.spends(found, slots) if spent.in_total]
    return sum(spent.amount or 0 for spent in bought) - sum(returned(bought, 0, 0, asked))


def pay_with(
    admitted: Admitted, sealed: list[str], order_id: str, total: int, today: int, now: datetime
) -> list[Write]:
    """The gift cards among a purchase's voucher codes: each bought one pays what it can of what is left to pay."""
    writes: list[Write] = []
    found = dict(admitted.found)
    slots = gift_cards.slots(admitted.program_id, order_id)
    before = {spent.sealed for spent in gift_cards.spends(found, slots)}
    left = total - _paid_in_total(found, slots, 0)
    for one in sealed:
        if one in before:
            continue
        row = found[keys.voucher(admitted.program_id, one)]
        voucher = row.document(Voucher)
        end = found.get(keys.voucher_settled(admitted.program_id, one))
        require_usable(voucher, None if end is None else end.document(Settled), today, total)
        if voucher.reward_id is not None:
            raise Refused(
                "amount_required",
                "Use this gift card with POST /v1/vouchers/{code}/use and the amount it pays: the total excludes it.",
            )
        amount = min(int(row.n or 0), left)
        if amount <= 0:
            raise Refused("insufficient_balance", "This gift card has nothing left to pay; take it off the order.")
        entered = msgspec.structs.replace(admitted, found=found)
        spent, more = spending(entered, voucher, one, order_id, amount, now, total)
        found[_slot_of(more)] = more[0].row
        left -= spent.amount or 0
        writes.extend(more)
    return writes


def _slot_of(writes: list[Write]) -> Key:
    return writes[0].row.key


def put_back(
    found: dict[Key, Row], program_id: str, purchase: Purchase, before: tuple[int, int], after: tuple[int, int]
) -> list[tuple[str, int]]:
    """What a refund returns to the gift cards that paid for the order: (card, minor units). ``before`` and ``after``
    are what went back, and what of it the shop asked back itself."""
    spends = gift_cards.spends(found, gift_cards.slots(program_id, str(purchase.order_id)))
    had, has = (returned(spends, purchase.total, *at) for at in (before, after))
    return [(spent.sealed, new - old) for spent, old, new in zip(spends, had, has, strict=True) if new != old]


def forget_recipient(call: Call, email: str) -> None:
    """Erases whom gift cards were meant for, of one email; a second time changes nothing."""
    admitted = enter(call.credential)
    for row in gift_cards.addressed_to(admitted.program_id, email):
        commit([gift_cards.forget_recipient(row)])
