"""Deciding a sale: the points it earns, the stamps, the tier it reaches, the vouchers that full cards give."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from chalicelib.domain import plan, points, referral, tiers
from chalicelib.domain.calendar import day_number, local_day, milliseconds
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program, StampCard
from chalicelib.domain.purchase import Basis, Purchase, Sale, Stamped, basis_of
from chalicelib.domain.voucher import Voucher, issue

CAP_DAYS = 10
"""Shopping days whose daily cap is kept apart. A purchase told later than that shares the cap of its booking day."""
MOST_VOUCHERS = 40
"""Vouchers that one purchase may issue or use: a transaction holds 100 items and all of them go into one."""
FUTURE = timedelta(minutes=5)


class Earned(msgspec.Struct, frozen=True):
    """What a sale decided: the head after it, the purchase entry, and the vouchers that full cards issued."""

    head: Head
    purchase: Purchase
    vouchers: tuple[Voucher, ...]


def occurred(sale: Sale, now: datetime) -> datetime:
    """When the sale happened; Refused when it lies in the future by more than clocks may differ."""
    if sale.occurred_at is None:
        return now
    if sale.occurred_at > now + FUTURE:
        raise Refused("occurred_in_future", "occurred_at lies more than 5 minutes in the future; send the sale's time.")
    return sale.occurred_at


def require_currency(program: Program, sale: Sale) -> None:
    if sale.currency != program.currency:
        raise Refused("currency_mismatch", f"This program counts in {program.currency}; convert before sending.")


def as_guest(program: Program, version: int, sale: Sale, *, order_id: str, now: datetime, booked_by: str) -> Purchase:
    """A sale to nobody known: recorded, earning nothing until somebody claims it."""
    purchase = _recorded(program, version, sale, order_id, now, booked_by)
    return replace(purchase, basis=basis_of(program, sale, occurred(sale, now), None, None))


def _recorded(program: Program, version: int, sale: Sale, order_id: str, now: datetime, booked_by: str) -> Purchase:
    require_currency(program, sale)
    return Purchase(
        kind="earn",
        cause=("order", order_id),
        order_id=order_id,
        amount=sale.total,
        booked_by=booked_by,
        occurred_ms=milliseconds(occurred(sale, now)),
        booked_ms=milliseconds(now),
        program_version=version,
        total=sale.total,
        currency=sale.currency,
        delivery=sale.delivery,
        tax=sale.tax,
        lines=sale.lines,
    )


def earn(
    head: Head,
    program: Program,
    version: int,
    sale: Sale,
    *,
    order_id: str,
    now: datetime,
    booked_by: str,
    refunded: int = 0,
    disputed: int = 0,
) -> Earned:
    """A member's sale. The tier held before it sets the rate; the tier that it reaches counts from the next one.

    ``refunded`` minor units went back already, where a guest's purchase is claimed later; ``disputed`` ones are held
    by a dispute, which holds points alone. After the day on which a closing program stops earning, a sale is recorded
    and brings nothing.
    """
    purchase = _recorded(program, version, sale, order_id, now, booked_by)
    at = occurred(sale, now)
    today, day = local_day(now, program.time_zone), local_day(at, program.time_zone)
    head = tiers.adopt(head, program.tiers)
    tier = head.tier.id if head.tier else None
    held = plan.on(head, program, day)
    basis = basis_of(program, sale, at, tier, held and held[0]) if earns_on(program, day) else Basis()
    gone = min(sale.total, refunded + disputed)
    head, granted = _capped(head, program, day, today, basis.deserved(sale.total, gone))
    lot = points.lot_for(program.expiry, day)
    available_on = day + program.earning.pending_days
    waits = granted > 0 and available_on > today
    head = points.touch(head, program.expiry, day)
    head = points.hold(head, granted, lot, available_on) if waits else points.grant(head, granted, lot)
    head = replace(head, purchases=head.purchases + 1, first_purchase_on=_first(head, day))
    head, change = tiers.promote(_counted(head, program, basis, sale.total, refunded, granted, day), program.tiers, day)
    head, stamps = _stamped(head, program, sale, refunded) if earns_on(program, day) else (head, ())
    purchase = replace(
        purchase,
        points=granted,
        status="pending" if waits else "posted",
        available_on=available_on if waits else None,
        expires_on=points.last_day(head, lot) if granted else None,
        basis=basis,
        lot=lot,
        tier=tier,
        plan=held and held[0],
        tier_change=change,
        stamps=stamps,
    )
    head, purchase = post(referral.qualify(head, program, purchase, gone), purchase)
    vouchers = []
    for stamped in stamps:
        for number in range(stamped.completed):
            head, voucher = post(head, prize(program, version, stamped, purchase, number, today))
            vouchers.append(voucher)
    return Earned(head, purchase, tuple(vouchers))


def earns_on(program: Program, day: int) -> bool:
    """Whether the program still gives points and stamps on a day; one that is being closed stops at its date."""
    return program.close is None or day <= day_number(program.close.last_earn_on)


def _first(head: Head, day: int) -> int:
    return day if head.first_purchase_on is None else min(day, head.first_purchase_on)


def _capped(head: Head, program: Program, day: int, today: int, deserved: int) -> tuple[Head, int]:
    """The points that the daily cap leaves, counted on the shop's day of the sale."""
    cap = program.earning.daily_cap
    if cap is None or deserved == 0:
        return head, deserved
    days = head.days
    if day not in days and len(days) >= CAP_DAYS and day < min(days):
        day = today
    granted = min(deserved, max(0, cap - days.get(day, 0)))
    kept = sorted({**days, day: days.get(day, 0) + granted}.items())[-CAP_DAYS:]
    return replace(head, days=dict(kept)), granted


def _counted(head: Head, program: Program, basis: Basis, total: int, refunded: int, granted: int, day: int) -> Head:
    if program.tiers is None:
        return head
    visits = 0 if refunded and refunded == total else 1
    amount = {"spend": basis.spent(total, refunded), "points": granted, "visits": visits}[program.tiers.basis]
    return tiers.count(head, program.tiers, day, amount)


def stamps_of(card: StampCard, sale: Sale) -> int:
    """Stamps that a sale puts on a card: the quantity of its categories' lines, or one for the visit.

    A card without categories takes every line; without lines the sale is one item.
    """
    if not sale.lines:
        return 0 if card.categories else 1
    fitting = [line for line in sale.lines if not card.categories or line.category in card.categories]
    return sum(line.quantity for line in fitting) if card.per == "item" else min(1, len(fitting))


def _stamped(head: Head, program: Program, sale: Sale, refunded: int) -> tuple[Head, tuple[Stamped, ...]]:
    stamps, rows = dict(head.stamps), []
    for card in program.stamp_cards:
        given = stamps_of(card, sale)
        if given == 0:
            continue
        kept = given * (sale.total - refunded) // sale.total if refunded else given
        count = stamps.get(card.id, 0) + kept
        completed = max(0, count) // card.required
        stamps[card.id] = count - completed * card.required
        rows.append(Stamped(card.id, given, card.required, completed))
    if sum(row.completed for row in rows) > MOST_VOUCHERS:
        raise Refused(
            "too_many_vouchers", f"One purchase can fill at most {MOST_VOUCHERS} cards; split it into several orders."
        )
    return replace(head, stamps=stamps), tuple(rows)


def stamp_origin(order_id: str, card_id: str, number: int) -> str:
    """The cause of a full card's voucher, from which its code is derived."""
    return f"card/{card_id}/{number}/{order_id}"


def prize_of(program: Program, origin: str) -> str | None:
    """The reward of a full card's voucher, by its cause; None where the program has no such card any more."""
    card_id = origin.split("/")[1]
    return next((card.reward_id for card in program.stamp_cards if card.id == card_id), None)


def prize(program: Program, version: int, stamped: Stamped, purchase: Purchase, number: int, today: int) -> Voucher:
    """The voucher of a full card: the ``number``-th that this purchase's stamps completed, counted from 0."""
    card = next(card for card in program.stamp_cards if card.id == stamped.card_id)
    reward = program.reward(card.reward_id)
    assert reward is not None  # the document's own check refuses a card whose reward is missing
    order_id = str(purchase.order_id)
    return issue(
        reward,
        origin=stamp_origin(order_id, card.id, number),
        day=today,
        cause=("stamp_card", f"{card.id}/{order_id}/{number}"),
        booked_by=purchase.booked_by,
        now_ms=purchase.booked_ms,
        program_version=version,
        currency=program.currency,
        card_id=card.id,
        order_id=order_id,
    )
