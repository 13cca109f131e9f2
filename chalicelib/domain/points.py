"""What a member's points can do: be granted, held, released, spent, given back, clawed back, lapse.

Each function takes a head and answers a new one. Days are day numbers in the program's time zone. Lots are counted
by the last day on which they can be used, and consumption is one number charged to the soonest lot first, so no
movement rewrites another's lots.
"""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from chalicelib.domain.calendar import add_months, day_number, day_of, end_of_month, in_year
from chalicelib.domain.member import IDLE, NEVER, Head
from chalicelib.domain.program import Expiry

CLAW_BACK_DAYS = 731
"""How long a lapsed lot is remembered. A refund later than two years after its points lapsed takes none."""


def available(head: Head) -> int:
    """Points that can be spent now; negative is a debt that the next earning pays."""
    return sum(head.lots.values()) - head.spent


def pending(head: Head) -> int:
    return sum(sum(lots.values()) for lots in head.pending.values())


def lot_for(expiry: Expiry, day: int) -> int:
    """The lot that points earned on ``day`` join: the last day on which they can be used, NEVER or IDLE."""
    earned = day_of(day)
    if expiry.policy == "rolling":
        return day_number(end_of_month(earned, expiry.months or 12))
    if expiry.policy == "calendar":
        return day_number(_calendar_end(expiry, earned))
    return IDLE if expiry.policy == "inactivity" else NEVER


def _calendar_end(expiry: Expiry, earned: date) -> date:
    years = 1 if expiry.after_years is None else expiry.after_years
    end = in_year(earned.year + years, expiry.month or 12, expiry.day or 31)
    # With after_years 0 the date may already lie behind the earning: the promise is then the next year's date.
    return end if end >= earned else in_year(earned.year + years + 1, expiry.month or 12, expiry.day or 31)


def touch(head: Head, expiry: Expiry, day: int) -> Head:
    """An earn or a redemption moves the day on which idle points lapse, never nearer (a promise made holds).

    Points earned under another promise of idle months keep the longer one, also when the policy is another by now.
    """
    promised = head.idle_months if IDLE in head.lots or any(IDLE in lots for lots in head.pending.values()) else 0
    months = max(promised, (expiry.months or 12) if expiry.policy == "inactivity" else 0)
    if months == 0:
        return head
    on = day_number(add_months(day_of(day), months))
    if head.idle_on is not None and head.idle_on >= on:
        on = head.idle_on
    return replace(head, idle_on=on, idle_months=months)


def start_idling(head: Head, expiry: Expiry, day: int) -> Head:
    """Idle points that came by themselves (a release, a birthday) after a silence begin one of their own."""
    if IDLE not in head.lots or (head.idle_on is not None and head.idle_on >= day):
        return head
    months = max(head.idle_months, (expiry.months or 12) if expiry.policy == "inactivity" else 0)
    return head if months == 0 else replace(head, idle_on=day_number(add_months(day_of(day), months)))


def last_day(head: Head, lot: int) -> int | None:
    """The last day on which a lot can be used; None for never."""
    if lot == IDLE:
        return head.idle_on
    return None if lot == NEVER else lot


def grant(head: Head, points: int, lot: int) -> Head:
    """Adds points that can be used at once."""
    if points == 0:
        return head
    return replace(head, lots=_added(head.lots, lot, points), lifetime=head.lifetime + points)


def hold(head: Head, points: int, lot: int, available_on: int) -> Head:
    """Adds points that become available on a later day."""
    if points == 0:
        return head
    lots = _added(head.pending.get(available_on, {}), lot, points)
    return replace(head, pending={**head.pending, available_on: lots})


def release(head: Head, available_on: int) -> tuple[Head, int]:
    """Moves what is held for that day into its lots; answers how many points."""
    held = head.pending.get(available_on, {})
    rest = {day: lots for day, lots in head.pending.items() if day != available_on}
    head = replace(head, pending=rest)
    for lot, points in held.items():
        head = grant(head, points, lot)
    return head, sum(held.values())


def spend(head: Head, points: int) -> Head:
    return replace(head, spent=head.spent + points)


def give_back(head: Head, points: int, day: int) -> Head:
    """Undoes a spending. Points whose day has passed meanwhile live to the end of the current month."""
    undone = min(points, head.spent)
    head = replace(head, spent=head.spent - undone)
    late = points - undone
    if late == 0:
        return head
    return replace(head, lots=_added(head.lots, day_number(end_of_month(day_of(day))), late))


def lapse(head: Head, last: int) -> tuple[Head, int]:
    """Ends every lot whose last day is ``last`` or earlier; answers the points lost.

    ``max(0, Σ earned[≤ last] - spent - expired)``: the soonest lots were spent first.
    """
    ended = {lot for lot in head.lots if (on := last_day(head, lot)) is not None and on <= last}
    total = sum(head.lots[lot] for lot in ended)
    lost = max(0, total - head.spent)
    lapsed = {day: points for day, points in head.lapsed.items() if day >= last - CLAW_BACK_DAYS and points}
    if lost:
        lapsed = _added(lapsed, last, lost)
    return replace(
        head,
        lots={lot: points for lot, points in head.lots.items() if lot not in ended},
        spent=head.spent - (total - lost),
        lapsed=lapsed,
        idle_on=None if head.idle_on is not None and head.idle_on <= last else head.idle_on,
        idle_lapsed_sequence=head.sequence + 1 if IDLE in ended else head.idle_lapsed_sequence,
        idle_lapsed_on=last + 1 if IDLE in ended else head.idle_lapsed_on,
    ), lost


def claw_back(
    head: Head, points: int, *, lot: int, available_on: int | None, earned_on: int, sequence: int, today: int
) -> tuple[Head, int, int]:
    """Takes a purchase's points back; answers the head, what came from pending, what left the balance.

    Where the lot has lapsed, the points that lapsed go first and only the rest is taken, so a refund before or
    after the lapse ends at the same balance. What is no longer there becomes a debt.
    """
    held = 0
    if available_on is not None:
        at = head.pending.get(available_on, {})
        held = min(points, at.get(lot, 0))
        if held:
            left = _added(at, lot, -held)
            kept = {day: lots for day, lots in head.pending.items() if day != available_on}
            head = replace(head, pending={**kept, available_on: left} if left else kept)
    taken = points - held
    if taken == 0:
        return head, held, 0
    if not _gone(head, lot, available_on, sequence):
        lots = _added(head.lots, lot, -taken)
        return replace(head, lots=lots, lifetime=head.lifetime - taken), held, taken
    since = earned_on if lot == IDLE else lot
    if since < today - CLAW_BACK_DAYS:
        return head, held, 0
    lapsed = dict(head.lapsed)
    for day in sorted(day for day in lapsed if day >= since):
        first = min(taken, lapsed[day])
        lapsed[day] -= first
        taken -= first
    lapsed = {day: left for day, left in lapsed.items() if left}
    return replace(head, lapsed=lapsed, spent=head.spent + taken, lifetime=head.lifetime - taken), held, taken


def _gone(head: Head, lot: int, available_on: int | None, sequence: int) -> bool:
    """Whether the points that a purchase brought have lapsed since."""
    if lot == NEVER:
        return False
    if lot != IDLE:
        return lot not in head.lots
    released_later = available_on is not None and available_on >= head.idle_lapsed_on
    return sequence < head.idle_lapsed_sequence and not released_later


def expiring(head: Head) -> list[tuple[int, int]]:
    """Every lot that a date will end, soonest first: (points left of it, last day on which it can be used)."""
    by_day: dict[int, int] = {}
    for lot, points in head.lots.items():
        on = last_day(head, lot)
        if on is not None:
            by_day[on] = by_day.get(on, 0) + points
    spent = head.spent
    rows = []
    for day in sorted(by_day):
        left = max(0, by_day[day] - spent)
        spent = max(0, spent - by_day[day])
        if left:
            rows.append((left, day))
    return rows


def _added(counts: dict[int, int], key: int, amount: int) -> dict[int, int]:
    total = counts.get(key, 0) + amount
    rest = {existing: value for existing, value in counts.items() if existing != key}
    return {**rest, key: total} if total else rest
