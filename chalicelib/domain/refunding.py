"""Deciding a refund: what the purchase still deserves, and what its member therefore gives back."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.domain import points, tiers
from chalicelib.domain.calendar import local_day, milliseconds, moment_of
from chalicelib.domain.earning import stamp_origin
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund, costs


class Refunding(msgspec.Struct, frozen=True):
    """What a refund decided: the head after it (None for a guest's), the entry, the vouchers that it cancels."""

    head: Head | None
    refund: Refund
    cancelled: tuple[str, ...]


def refund_of(
    purchase: Purchase,
    refunded: int,
    amount: int,
    *,
    refund_id: str,
    occurred_at: datetime,
    now: datetime,
    booked_by: str,
) -> Refund:
    """The entry for ``amount`` minor units going back after ``refunded`` did. Refused when more than is left."""
    left = purchase.total - refunded
    if amount > left:
        raise Refused("refund_exceeds_purchase", f"{left} minor units of this purchase are left to refund.", left=left)
    costed, cost = costs(purchase.total, purchase.delivery, purchase.tax, purchase.lines)
    return Refund(
        kind="refund",
        cause=("refund", refund_id),
        order_id=purchase.order_id,
        amount=amount,
        booked_by=booked_by,
        occurred_ms=milliseconds(occurred_at),
        booked_ms=milliseconds(now),
        program_version=purchase.program_version,
        refund_id=refund_id,
        refunded=refunded + amount,
        currency=purchase.currency,
        goods=purchase.basis.spent(purchase.total, refunded) - purchase.basis.spent(purchase.total, refunded + amount),
        buyer=purchase.buyer if purchase.member_id is None else None,
        costed=_share(costed, purchase.total, refunded, amount),
        cost=_share(cost, purchase.total, refunded, amount),
    )


def _share(whole: int, total: int, refunded: int, amount: int) -> int:
    """What a refund takes of a sum that belongs to the whole purchase; all refunds together take exactly all of it."""
    return whole * (total - refunded) // total - whole * (total - refunded - amount) // total if total else 0


def refund(head: Head, program: Program, purchase: Purchase, entry: Refund, unused: frozenset[str]) -> Refunding:
    """Takes back from a member what a refund makes undeserved.

    The points end at ``min(granted, rule for what remains)``, so refunds in any number and order end alike; what was
    spent meanwhile becomes a debt. ``unused`` are the origins of this purchase's card vouchers that nobody used yet.
    """
    before, after = entry.refunded - (entry.amount or 0), entry.refunded
    today = local_day(moment_of(entry.booked_ms), program.time_zone)
    day = local_day(moment_of(purchase.occurred_ms), program.time_zone)
    owed = purchase.points_after(before) - purchase.points_after(after)
    head, held, taken = points.claw_back(
        head,
        owed,
        lot=purchase.lot,
        available_on=purchase.available_on,
        earned_on=day,
        # A merged account's sequence says nothing about this chain: its points came along while they could be used.
        sequence=purchase.sequence if purchase.member_id == head.member_id else head.sequence,
        today=today,
    )
    uncounted = _uncounted(program, purchase, before, after)
    earlier = head
    head = tiers.count(head, program.tiers, day, -uncounted)
    head, change = tiers.demote_after_refund(head, program.tiers, day, earlier, today)
    if after == purchase.total:
        head = replace(head, purchases=head.purchases - 1)
    head, stamps, cancelled = _unstamped(head, purchase, before, after, unused)
    head, entry = post(
        head,
        replace(
            entry,
            # An entry that took only from pending never counts; one that took from the balance says how much.
            points=-taken if taken else -held,
            status="pending" if held and not taken else "posted",
            held=held,
            stamps=stamps,
            cancelled=cancelled,
            tier_change=change,
        ),
    )
    return Refunding(head, entry, cancelled)


def _uncounted(program: Program, purchase: Purchase, before: int, after: int) -> int:
    """How much less of the tier's basis the purchase is worth."""
    if program.tiers is None:
        return 0
    if program.tiers.basis == "points":
        return purchase.points_after(before) - purchase.points_after(after)
    if program.tiers.basis == "visits":
        return 1 if after == purchase.total else 0
    return purchase.basis.spent(purchase.total, before) - purchase.basis.spent(purchase.total, after)


def _unstamped(
    head: Head, purchase: Purchase, before: int, after: int, unused: frozenset[str]
) -> tuple[Head, tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Takes stamps back; a card may go below zero, and an unused voucher that those stamps completed is cancelled."""
    counts, taken_by_card, cancelled = dict(head.stamps), [], []
    for stamped in purchase.stamps:
        taken = purchase.stamps_after(stamped, before) - purchase.stamps_after(stamped, after)
        if taken == 0:
            continue
        count = counts.get(stamped.card_id, 0) - taken
        for number in reversed(range(stamped.completed)):
            origin = stamp_origin(str(purchase.order_id), stamped.card_id, number)
            if count < 0 and origin in unused:
                cancelled.append(origin)
                count += stamped.required
        counts[stamped.card_id] = count
        taken_by_card.append((stamped.card_id, taken))
    return replace(head, stamps=counts), tuple(taken_by_card), tuple(cancelled)
