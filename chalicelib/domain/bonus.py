"""Points that no sale brings: welcome, check-ins, and what staff correct by hand."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain import points, tiers
from chalicelib.domain.calendar import day_number, local_day, milliseconds
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import Head, Tier
from chalicelib.domain.program import Program


def give(
    head: Head,
    program: Program,
    version: int,
    amount: int,
    *,
    cause: tuple[str, str],
    reason: str,
    now: datetime,
    booked_by: str,
    occurred_at: datetime | None = None,
    fingerprint: str = "",
    by_itself: bool = False,
) -> tuple[Head, Entry]:
    """Grants ``amount`` points at once, under the program's expiry; they count towards a tier that counts points.

    What comes ``by_itself``, such as a birthday's, is no sign of life: it does not keep idle points from lapsing.
    """
    at = occurred_at or now
    day = local_day(at, program.time_zone)
    lot = points.lot_for(program.expiry, day)
    head = tiers.adopt(head, program.tiers)
    if by_itself:
        head = points.start_idling(points.grant(head, amount, lot), program.expiry, day)
    else:
        head = points.grant(points.touch(head, program.expiry, day), amount, lot)
    change = None
    if program.tiers is not None and program.tiers.basis == "points":
        head, change = tiers.promote(tiers.count(head, program.tiers, day, amount), program.tiers, day)
    return post(
        head,
        Entry(
            kind="bonus",
            points=amount,
            expires_on=points.last_day(head, lot) if amount else None,
            cause=cause,
            reason=reason,
            booked_by=booked_by,
            occurred_ms=milliseconds(at),
            booked_ms=milliseconds(now),
            fingerprint=fingerprint,
            program_version=version,
            tier_change=change,
        ),
    )


def ground_tier(program: Program, day: int) -> Tier | None:
    """The level that asks for nothing, which everybody holds from enrolment on."""
    if program.tiers is None or program.tiers.levels[0].threshold > 0:
        return None
    return Tier(program.tiers.levels[0].id, day)


def check_in(
    head: Head,
    program: Program,
    version: int,
    *,
    cause: tuple[str, str],
    now: datetime,
    booked_by: str,
    fingerprint: str,
) -> tuple[Head, Entry]:
    """A visit without a purchase: points or a stamp, so many times a day of the program's time zone at most.

    A stamp never fills the card: the last one is earned by buying.
    """
    rule = program.earning.check_in
    if rule is None:
        raise Refused("check_in_not_offered", "This program rewards no check-ins; the owner can add earning.check_in.")
    today = local_day(now, program.time_zone)
    if program.close is not None and today > day_number(program.close.last_earn_on):
        raise Refused("program_closed", f"This program stopped earning after {program.close.last_earn_on}.")
    day, count = head.check_ins
    # Where another worker's clock was past midnight already, this visit is of that day too, or the limit would be had
    # again.
    today = max(today, day)
    count = count if day == today else 0
    if count >= rule.per_day:
        times = "once" if count == 1 else f"{count} times"
        raise Refused("check_in_limit", f"Checked in {times} today already; try again tomorrow.", limit=rule.per_day)
    head = replace(head, check_ins=(today, count + 1))
    reason = "Check-in"
    if rule.card_id is not None:
        card = next(card for card in program.stamp_cards if card.id == rule.card_id)
        stamps = head.stamps.get(card.id, 0) + 1
        if stamps >= card.required:
            raise Refused(
                "stamp_card_waits", "The last stamp of a card is earned by a purchase; buy something to fill it."
            )
        head = replace(head, stamps={**head.stamps, card.id: stamps})
        reason = f"Check-in: a stamp on {card.name}"
    return give(
        head,
        program,
        version,
        rule.points,
        cause=cause,
        reason=reason,
        now=now,
        booked_by=booked_by,
        fingerprint=fingerprint,
    )


def adjust(
    head: Head,
    program: Program,
    version: int,
    amount: int,
    reason: str,
    *,
    cause: tuple[str, str],
    now: datetime,
    booked_by: str,
    fingerprint: str,
) -> tuple[Head, Entry]:
    """A correction by hand. Adds like any earning, takes like any spending, and never takes below zero."""
    today = local_day(now, program.time_zone)
    has = points.available(head)
    if amount < 0 and has + amount < 0:
        raise Refused(
            "insufficient_points",
            f"{has} points are available; take away at most that.",
            available=has,
            required=-amount,
        )
    lot = points.lot_for(program.expiry, today)
    head = tiers.adopt(head, program.tiers)
    head = (
        points.grant(points.touch(head, program.expiry, today), amount, lot)
        if amount > 0
        else points.spend(head, -amount)
    )
    return post(
        head,
        Entry(
            kind="adjust",
            points=amount,
            expires_on=points.last_day(head, lot) if amount > 0 else None,
            cause=cause,
            reason=reason,
            booked_by=booked_by,
            occurred_ms=milliseconds(now),
            booked_ms=milliseconds(now),
            fingerprint=fingerprint,
            program_version=version,
        ),
    )
