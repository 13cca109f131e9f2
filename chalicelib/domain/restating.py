"""What a purchase is worth as it stands, and moving a member from what it was worth to what it is worth now.

A refund, a refund that failed, a dispute, a richer telling of the sale and another buyer are all such a move. It is
one entry; the purchase's own entry is never touched.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.domain import earning, points, tiers
from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Purchase, Refund, Sale, Stamped, basis_of
from chalicelib.domain.voucher import Voucher

EntryT = TypeVar("EntryT", bound=Entry)


class Standing(msgspec.Struct, frozen=True):
    """A purchase with what went back and what a dispute holds, in minor units. ``purchase`` None: nobody's yet."""

    purchase: Purchase | None
    refunded: int = 0
    held: int = 0

    @property
    def points(self) -> int:
        """A dispute holds points alone; stamps, tier and visits follow what really went back."""
        if self.purchase is None:
            return 0
        return self.purchase.points_after(min(self.purchase.total, self.refunded + self.held))

    def counted(self, program: Program) -> int:
        """What it adds to the basis of the program's tiers."""
        purchase = self.purchase
        if purchase is None or program.tiers is None:
            return 0
        if program.tiers.basis == "points":
            return purchase.points_after(self.refunded)
        if program.tiers.basis == "visits":
            return self.visits
        return purchase.basis.spent(purchase.total, self.refunded)

    @property
    def visits(self) -> int:
        if self.purchase is None:
            return 0
        return 0 if self.refunded and self.refunded == self.purchase.total else 1

    def stamps(self, card_id: str) -> int:
        rows = self.purchase.stamps if self.purchase else ()
        return sum(
            self.purchase.stamps_after(row, self.refunded) for row in rows if self.purchase and row.card_id == card_id
        )


class Restated(msgspec.Struct, frozen=True):
    """The head after the move, its entry, the purchase with the cards that it filled by now, and their vouchers."""

    head: Head
    entry: Entry
    purchase: Purchase | None
    issued: tuple[Voucher, ...]
    cancelled: tuple[str, ...]


def reread(head: Head, program: Program, purchase: Purchase, sale: Sale, now: datetime) -> tuple[Head, Purchase]:
    """A member's purchase as a richer telling of the sale has it, with the percentages that it was booked with.

    The head's daily cap counts the new points in place of the old. ``program`` is the version it was booked under.
    """
    at = moment_of(purchase.occurred_ms)
    today, day = local_day(now, program.time_zone), local_day(at, program.time_zone)
    earns = earning.earns_on(program, day)
    basis = basis_of(program, sale, at, purchase.tier, purchase.plan) if earns else Basis()
    granted = basis.deserved(sale.total, 0)
    cap = program.earning.daily_cap
    if cap is not None:
        others = max(0, head.days.get(day, purchase.points) - purchase.points)
        granted = min(granted, max(0, cap - others))
        if day in head.days:
            head = replace(head, days={**head.days, day: others + granted})
    fields: dict[str, Any] = {}
    if purchase.points == 0 and granted:
        lot = points.lot_for(program.expiry, day)
        head = points.touch(head, program.expiry, day)
        waits = day + program.earning.pending_days > today
        fields = {
            "lot": lot,
            "status": "pending" if waits else "posted",
            "available_on": day + program.earning.pending_days if waits else None,
            "expires_on": points.last_day(head, lot),
        }
    return head, replace(retold(purchase, sale), basis=basis, points=granted, gone=(0, 0), **fields)


def retold(purchase: Purchase, sale: Sale) -> Purchase:
    """A purchase with another telling's total, tax, delivery and lines."""
    return replace(purchase, total=sale.total, tax=sale.tax, delivery=sale.delivery, lines=sale.lines)


def restate(
    head: Head,
    program: Program,
    before: Standing,
    after: Standing,
    entry: EntryT,
    *,
    unused: frozenset[str],
) -> tuple[Restated, EntryT]:
    """Moves a member from one standing of a purchase to another and posts ``entry`` with what that moved.

    ``unused`` are the origins of this purchase's card vouchers that nobody used yet. Taking back follows the refund
    rule: pending points first, then the balance, which may fall below zero.
    """
    ours = after.purchase or before.purchase
    assert ours is not None
    today = local_day(moment_of(entry.booked_ms), program.time_zone)
    day = local_day(moment_of(ours.occurred_ms), program.time_zone)
    head, held, moved = _points(head, ours, after.points - before.points, day, today)
    head, change = _tier(head, program, after.counted(program) - before.counted(program), day, today)
    known = head.first_purchase_on
    first = (day if known is None else min(day, known)) if after.visits else known
    head = replace(head, purchases=head.purchases + after.visits - before.visits, first_purchase_on=first)
    head, stamps, purchase, cancelled = _stamps(head, before, after, unused)
    fields: dict[str, Any] = {
        # An entry that moved only what is pending never counts; one that moved the balance says by how much.
        "points": moved if moved else -held,
        "status": "pending" if held and not moved else "posted",
        "held": held,
        "tier_change": change,
    }
    if isinstance(entry, Refund):
        taken = tuple((card, -count) for card, count in stamps if count)
        fields |= {"stamps": taken, "cancelled": cancelled}
    head, posted = post(head, replace(entry, **fields))
    issued = []
    if purchase is not None and after.purchase is not None:
        for row in purchase.stamps:
            first = next((old.completed for old in after.purchase.stamps if old.card_id == row.card_id), 0)
            for number in range(first, row.completed):
                made = earning.prize(program, entry.program_version, row, ours, number, today)
                head, voucher = post(head, replace(made, booked_ms=entry.booked_ms, booked_by=entry.booked_by))
                issued.append(voucher)
    return Restated(head, posted, purchase, tuple(issued), cancelled), posted


def _tier(
    head: Head, program: Program, delta: int, day: int, today: int
) -> tuple[Head, tuple[str | None, str | None] | None]:
    earlier = head
    head = tiers.count(head, program.tiers, day, delta)
    if delta < 0:
        return tiers.demote_after_refund(head, program.tiers, day, earlier, today)
    return tiers.promote(head, program.tiers, day) if delta else (head, None)


def _points(head: Head, ours: Purchase, delta: int, day: int, today: int) -> tuple[Head, int, int]:
    """Answers the head, what left pending (negative: joined it), and by how much the balance moved."""
    if delta < 0:
        head, held, taken = points.claw_back(
            head,
            -delta,
            lot=ours.lot,
            available_on=ours.available_on,
            earned_on=day,
            # A merged account's sequence says nothing about this chain: its points came along while they could be used.
            sequence=ours.sequence if ours.member_id == head.member_id else head.sequence,
            today=today,
        )
        return head, held, -taken
    if ours.available_on is not None and ours.available_on > today:
        return points.hold(head, delta, ours.lot, ours.available_on), -delta, 0
    return points.grant(head, delta, ours.lot), 0, delta


def _stamps(
    head: Head, before: Standing, after: Standing, unused: frozenset[str]
) -> tuple[Head, list[tuple[str, int]], Purchase | None, tuple[str, ...]]:
    """Stamps put on or taken off; a card that is filled issues a voucher, an unused one may be cancelled."""
    counts, rows, moved, cancelled = dict(head.stamps), [], [], []
    cards = {row.card_id: row for standing in (before, after) if standing.purchase for row in standing.purchase.stamps}
    old = {row.card_id: row.completed for row in before.purchase.stamps} if before.purchase else {}
    for card_id, row in cards.items():
        delta = after.stamps(card_id) - before.stamps(card_id)
        count, completed = counts.get(card_id, 0) + delta, max(row.completed, old.get(card_id, 0))
        order_id = str((after.purchase or before.purchase).order_id)  # type: ignore[union-attr]  # a row is of one
        for number in reversed(range(completed)):
            origin = earning.stamp_origin(order_id, card_id, number)
            if delta < 0 and count < 0 and origin in unused:
                cancelled.append(origin)
                count += row.required
        if delta > 0 and after.purchase is not None:
            filled = max(0, count) // row.required
            count, completed = count - filled * row.required, completed + filled
        counts[card_id] = count
        rows.append(Stamped(card_id, row.stamps, row.required, completed))
        moved.append((card_id, delta))
    purchase = None if after.purchase is None else replace(after.purchase, stamps=tuple(rows))
    return replace(head, stamps=counts), moved, purchase, tuple(cancelled)


def stamped(program: Program, purchase: Purchase, sale: Sale) -> Purchase:
    """A purchase with the stamps that a richer telling of the sale puts on, and what it completed before."""
    rows = []
    for card in program.stamp_cards:
        known = next((row for row in purchase.stamps if row.card_id == card.id), None)
        given = earning.stamps_of(card, sale)
        if given or known:
            rows.append(
                Stamped(card.id, given, known.required if known else card.required, known.completed if known else 0)
            )
    gone = {card.id for card in program.stamp_cards}
    rows.extend(row for row in purchase.stamps if row.card_id not in gone)
    return replace(purchase, stamps=tuple(rows))
