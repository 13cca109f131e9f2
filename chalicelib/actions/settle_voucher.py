"""Ends a voucher: used by one order, or cancelled back into points. Exactly once, whoever is first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chalicelib.actions import guessing
from chalicelib.actions.admission import Admitted, Call, enter, final_head, not_found
from chalicelib.actions.attempt import attempt
from chalicelib.actions.earn import used_by
from chalicelib.actions.gift_card import spending
from chalicelib.domain import points
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import day_of, local_day, milliseconds, moment_of
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import post
from chalicelib.domain.voucher import Settled, Voucher, require_usable
from chalicelib.store import entries, gift_cards, keys, members, stories, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, commit, load


class Held(msgspec.Struct, frozen=True):
    """A voucher and its end, if it has one."""

    voucher: Voucher
    settled: Settled | None
    program_id: str
    today: int
    replayed: bool = False
    balance: int | None = None
    """What a gift card has left (minor units); None for any other voucher."""
    order_id: str | None = None
    """The order that a gift card was just used for."""


def look_up(call: Call, code: str) -> Held:
    """The voucher of that code. Raises Refused ``voucher_not_found``."""
    sealed = vouchers.sealed_code(call.credential.program_id, code)
    _, held = _held(call, sealed)
    member_id = held.voucher.member_id
    if member_id is None:
        return held
    key = keys.head(call.credential.program_id, member_id)
    found = load([key])
    living = final_head(call.credential.program_id, members.head_of(found[key]) if key in found else None)
    if living is None or living.member_id == member_id:
        return held
    return replace(held, voucher=replace(held.voucher, member_id=living.member_id))  # it went with a merge


def _held(call: Call, sealed: str, more: Sequence[Key] = ()) -> tuple[Admitted, Held]:
    program_id = call.credential.program_id
    issued, end = keys.voucher(program_id, sealed), keys.voucher_settled(program_id, sealed)
    admitted = enter(call.credential, [issued, end, *guessing.asked(call), *more])
    guessing.require_patience(admitted, call)
    if issued not in admitted.found:
        guessing.missed(admitted, call)
        not_found("voucher")
    settled = admitted.found[end].document(Settled) if end in admitted.found else None
    today = local_day(call.now, admitted.program.time_zone)
    voucher = admitted.found[issued].document(Voucher)
    return admitted, Held(voucher, settled, program_id, today, balance=balance_of(voucher, admitted.found[issued]))


def balance_of(voucher: Voucher, row: Row) -> int | None:
    """What a gift card has left; None for any other voucher."""
    return int(row.n or 0) if voucher.voucher_kind == "gift_card" else None


def use(call: Call, code: str, order_id: str, amount: int | None) -> Held:
    """Binds a voucher to one order; takes ``amount`` minor units off a gift card, which keeps the rest.

    The same order again is answered as the first time. Raises Refused: ``voucher_settled`` (another order's, or
    cancelled), ``voucher_expired``, ``amount_required``, ``insufficient_balance``, ``amount_exceeds_order``,
    ``cause_conflict``.
    """
    sealed = vouchers.sealed_code(call.credential.program_id, code)

    def once() -> Held:
        order_key = keys.purchase(call.credential.program_id, order_id)
        program_id = call.credential.program_id
        order = [*stories.around(program_id, order_id), *gift_cards.slots(program_id, order_id)]
        more = [] if amount is None else order
        admitted, held = _held(call, sealed, more)
        if order_key in admitted.found and admitted.found[order_key].t == "ALIAS":
            # The same order by another name: what it paid must be found again when it is refunded.
            return use(call, code, str(admitted.found[order_key].m), amount)
        if held.voucher.voucher_kind == "gift_card":
            return _spend_once(call, admitted, held, sealed, order_id, amount)
        if held.settled is not None and held.settled.outcome == "used" and held.settled.order_id == order_id:
            return replace(held, replayed=True)
        require_usable(held.voucher, held.settled, held.today, None)
        end = used_by(held.voucher, order_id, call.now, admitted.booked_by)
        commit([vouchers.settled(admitted.program, sealed, end, chained=False)])
        return replace(held, settled=end)

    return attempt(once, gift_cards.slots(call.credential.program_id, order_id))


def _spend_once(call: Call, admitted: Admitted, held: Held, sealed: str, order_id: str, amount: int | None) -> Held:
    if amount is None:
        raise Refused("amount_required", "Say how much the gift card pays: send amount, in minor units.")
    if held.settled is not None and not _paid(admitted, sealed, order_id):
        require_usable(held.voucher, held.settled, held.today, None)  # before what it has left: it is ended, not empty
    spent, writes = spending(admitted, held.voucher, sealed, order_id, amount, call.now)
    if writes:
        require_usable(held.voucher, held.settled, held.today, None)
        booked = admitted.found.get(keys.purchase(admitted.program_id, order_id))
        if booked is not None and booked.t == "PURCHASE":
            writes.append(gift_cards.paid_for(booked))
        commit(writes)
    # As it was when it paid, however the card ended since.
    day = local_day(moment_of(spent.booked_ms), admitted.program.time_zone)
    return replace(held, settled=None, today=day, balance=spent.balance, order_id=order_id, replayed=not writes)


def _paid(admitted: Admitted, sealed: str, order_id: str) -> bool:
    slots = gift_cards.slots(admitted.program_id, order_id)
    return any(spent.sealed == sealed for spent in gift_cards.spends(admitted.found, slots))


def cancel(call: Call, code: str) -> Held:
    """Gives the points back, once; a second cancelling is answered as the first.

    Raises Refused: ``voucher_settled`` (used before), ``voucher_expired``.
    """
    sealed = vouchers.sealed_code(call.credential.program_id, code)
    ended = keys.voucher_settled(call.credential.program_id, sealed)
    return attempt(lambda: _cancel_once(call, sealed), [ended])


def _cancel_once(call: Call, sealed: str) -> Held:
    admitted, held = _held(call, sealed)
    voucher, program = held.voucher, admitted.program
    if held.settled is not None and held.settled.outcome == "cancelled":
        return replace(held, replayed=True)
    if held.settled is not None:
        raise Refused("voucher_settled", f"This voucher was {held.settled.outcome} before; it cannot be cancelled.")
    if held.balance is not None and held.balance != voucher.value:
        raise Refused("voucher_settled", "Orders were paid with this gift card; it cannot be cancelled.")
    if voucher.valid_until is not None and voucher.valid_until < held.today:
        raise Refused(
            "voucher_expired", f"This voucher could be used until {day_of(voucher.valid_until)}; nothing comes back."
        )
    end = Settled(
        kind="reverse",
        outcome="cancelled",
        points=-voucher.points,
        cause=("voucher", voucher.origin),
        reward_id=voucher.reward_id,
        member_id=voucher.member_id,
        reason=f"{voucher.name} cancelled",
        booked_by=admitted.booked_by,
        occurred_ms=milliseconds(call.now),
        booked_ms=milliseconds(call.now),
        program_version=admitted.version,
        amount=held.balance,
        issued_ms=voucher.occurred_ms,
        cost=voucher.cost,
    )
    writes = [] if held.balance is None else [gift_cards.empty(admitted.program_id, sealed, held.balance)]
    head_key = keys.head(admitted.program_id, voucher.member_id or "")
    found = load([head_key])
    head = final_head(admitted.program_id, members.head_of(found[head_key])) if head_key in found else None
    if head is not None:
        present, moved = advance(head, program, admitted.version, call.now, admitted.booked_by)
        present = points.give_back(present, -voucher.points, held.today)
        if voucher.limited and voucher.reward_id is not None:
            left = present.taken.get(voucher.reward_id, 0) - 1
            others = {reward: taken for reward, taken in present.taken.items() if reward != voucher.reward_id}
            present = replace(present, taken={**others, voucher.reward_id: left} if left > 0 else others)
        after, end = post(present, end)
        writes.append(members.move(admitted.program_id, head, after))
        writes.extend(entries.book(program, entry) for entry in moved)
    if voucher.stocked and voucher.reward_id is not None:
        writes.append(vouchers.return_stock(admitted.program_id, voucher.reward_id))
    commit([vouchers.settled(program, sealed, end, chained=head is not None), *writes])
    return replace(held, settled=end, balance=None if held.balance is None else 0)
