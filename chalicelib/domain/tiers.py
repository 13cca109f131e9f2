"""Tiers: what counts towards one, which level a sum reaches, and how long a level is held.

The basis is counted by day on the head. A member who shops on many days has neighbouring days merged into the
later one, so the head stays small and nothing is ever counted for a shorter time than the window promises.
"""

from __future__ import annotations

import itertools
from datetime import date

from msgspec.structs import replace

from chalicelib.domain.calendar import add_months, day_number, day_of, end_of_month
from chalicelib.domain.member import Head, Tier
from chalicelib.domain.program import Level, Tiers

BUCKETS = 40
"""Days with purchases that the head keeps apart."""


def bucket(tiers: Tiers, day: int) -> int:
    """Where a day's amount is counted: the day itself, its year's last day, or one place for a lifetime."""
    if tiers.window == "rolling_year":
        return day
    return day_number(date(day_of(day).year, 12, 31)) if tiers.window == "calendar_year" else 0


def count(head: Head, tiers: Tiers | None, day: int, amount: int) -> Head:
    """Adds (or, negative, takes back) so much of the basis on a day."""
    if tiers is None or amount == 0:
        return head
    at = bucket(tiers, day)
    window = dict(head.window)
    if amount < 0 and at not in window:
        # The day was merged into a later one: that is where its amount stands.
        at = min((key for key in window if key > at), default=at)
    window[at] = window.get(at, 0) + amount
    if not window[at]:
        del window[at]
    return replace(head, window=_merged(_recent(window, tiers)))


def _recent(window: dict[int, int], tiers: Tiers) -> dict[int, int]:
    if tiers.window == "lifetime" or not window:
        return window
    # Two years and the grace before the latest day are the furthest that any assessment looks back.
    oldest = day_number(add_months(day_of(max(window)), -24)) - tiers.grace_days
    return {day: amount for day, amount in window.items() if day >= oldest}


def _merged(window: dict[int, int]) -> dict[int, int]:
    while len(window) > BUCKETS:
        days = sorted(window)
        _, first, second = min((later - earlier, earlier, later) for earlier, later in itertools.pairwise(days))
        window[second] += window.pop(first)
    return window


def total(head: Head, tiers: Tiers, on: int) -> int:
    """The basis inside the window that ends on a day (that day included)."""
    if tiers.window == "lifetime":
        return sum(head.window.values())
    if tiers.window == "calendar_year":
        return head.window.get(bucket(tiers, on), 0)
    first = day_number(add_months(day_of(on), -12))
    return sum(amount for day, amount in head.window.items() if first < day <= on)


def level_reached(tiers: Tiers, amount: int) -> Level | None:
    """The highest level whose threshold the amount reaches; exactly met is reached."""
    reached = None
    for level in tiers.levels:
        if amount >= level.threshold:
            reached = level
    return reached


def rank(tiers: Tiers, level_id: str | None) -> int:
    """A level's place from the lowest (0); -1 for none."""
    return next((place for place, level in enumerate(tiers.levels) if level.id == level_id), -1)


def held_until(tiers: Tiers, level: Level, since: int) -> int | None:
    """The last day on which a level reached on a day is held, grace included; None where no window ends it."""
    if tiers.window == "lifetime" or level.threshold == 0:
        return None
    day = day_of(since)
    end = end_of_month(day, 12) if tiers.window == "rolling_year" else date(day.year + 1, 12, 31)
    return day_number(end) + tiers.grace_days


def latest_day(head: Head, day: int) -> int:
    """The day on which a member's sum is looked at: a late purchase counts together with what came after it."""
    return max(day, max(head.window, default=day))


def promote(head: Head, tiers: Tiers | None, day: int) -> tuple[Head, tuple[str | None, str] | None]:
    """Lifts the member to the level that the sum reaches, if it is higher; answers the change (from, to)."""
    if tiers is None:
        return head, None
    on = latest_day(head, day) if tiers.window == "rolling_year" else day
    level = level_reached(tiers, total(head, tiers, on))
    present = head.tier.id if head.tier else None
    if level is None or rank(tiers, level.id) <= rank(tiers, present):
        return head, None
    tier = Tier(level.id, on, held_until(tiers, level, on))
    return replace(head, tier=tier, tier_before=head.tier), (present, level.id)


def demote_after_refund(
    head: Head, tiers: Tiers | None, purchased_on: int, today: int
) -> tuple[Head, tuple[str | None, str | None] | None]:
    """A refund of a purchase that helped to reach the present tier is assessed at once.

    The member falls to what the sum still reaches, or to what was held before the lift if that is higher and its
    time has not passed. A refund of anything bought after the lift waits for the window's end.
    """
    if tiers is None or head.tier is None or purchased_on > head.tier.since:
        return head, None
    held = rank(tiers, head.tier.id)
    on = latest_day(head, head.tier.since) if tiers.window == "rolling_year" else head.tier.since
    level = level_reached(tiers, total(head, tiers, on))
    if held < 0 or (level is not None and rank(tiers, level.id) >= held):
        return head, None
    before = head.tier_before
    if before is not None and (before.until is None or before.until >= today):
        if level is None or rank(tiers, before.id) >= rank(tiers, level.id):
            return replace(head, tier=before, tier_before=None), (head.tier.id, before.id)
    fallen = None if level is None else Tier(level.id, today, held_until(tiers, level, today))
    return replace(head, tier=fallen, tier_before=None), (head.tier.id, fallen.id if fallen else None)
