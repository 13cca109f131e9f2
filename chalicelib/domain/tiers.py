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
RECENT_DAYS = 400
"""Days older than these before the latest serve late refunds only, so they are merged first."""
KEPT_MONTHS = 26
"""A tier held for 13 months may rest on purchases of the 12 months before it was reached."""


def counting(tiers: Tiers) -> str:
    """What the head's window counts, and by what: sums of another basis or window say nothing about this one."""
    return tiers.basis[0] + tiers.window[0]


def adopt(head: Head, tiers: Tiers | None) -> Head:
    """Begins to count for a member who has nothing yet that should have been counted.

    Whoever bought before the owner changed what counts is counted anew from their entries (``recount``) and neither
    rises nor falls until then.
    """
    if tiers is None or head.counts == counting(tiers) or head.first_purchase_on is not None or head.window:
        return head
    if tiers.basis == "points" and (head.lifetime or head.pending):
        return head
    return replace(head, counts=counting(tiers))


def counted(head: Head, tiers: Tiers | None) -> bool:
    """Whether the window counts what these tiers ask for."""
    return tiers is not None and head.counts == counting(tiers)


def bucket(tiers: Tiers, day: int) -> int:
    """Where a day's amount is counted: the day itself, its year's last day, or one place for a lifetime."""
    if tiers.window == "rolling_year":
        return day
    return day_number(date(day_of(day).year, 12, 31)) if tiers.window == "calendar_year" else 0


def count(head: Head, tiers: Tiers | None, day: int, amount: int) -> Head:
    """Adds (or, negative, takes back) so much of the basis on a day."""
    if tiers is None or amount == 0 or not counted(head, tiers):
        return head
    at = bucket(tiers, day)
    window = dict(head.window)
    if amount < 0 and at not in window:
        if at < _oldest(window, tiers, at):
            return head  # so long ago that it is not counted any more
        # The day was merged into a later one: that is where its amount stands.
        at = min((key for key in window if key > at), default=at)
    window[at] = window.get(at, 0) + amount
    if not window[at]:
        del window[at]
    return replace(head, window=merged(_recent(window, tiers)))


def _oldest(window: dict[int, int], tiers: Tiers, day: int) -> int:
    """The first day that still counts."""
    latest = max(window, default=day)
    if tiers.window == "lifetime":
        return 0
    return day_number(add_months(day_of(latest), -KEPT_MONTHS)) - tiers.grace_days


def _recent(window: dict[int, int], tiers: Tiers) -> dict[int, int]:
    oldest = _oldest(window, tiers, 0)
    return {day: amount for day, amount in window.items() if day >= oldest}


def merged(window: dict[int, int]) -> dict[int, int]:
    """At most BUCKETS days: two neighbours become one, on the later day; first those of long ago, then those that
    leave the shortest stretch of days counted as one, so that no stretch grows for ever."""
    while len(window) > BUCKETS:
        days = sorted(window)
        recent = days[-1] - RECENT_DAYS
        _, _, first, second = min(
            (later > recent, later - (days[place - 1] if place else recent), earlier, later)
            for place, (earlier, later) in enumerate(itertools.pairwise(days))
        )
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


def held(tiers: Tiers, level: Level, reached: int, since: int) -> Tier:
    """A level held from ``since`` on, earned by the window that ends on ``reached``."""
    return Tier(level.id, since, held_until(tiers, level, reached), level.threshold, reached)


def held_until(tiers: Tiers, level: Level, reached: int) -> int | None:
    """The last day on which a level reached on a day is held, grace included; None where no window ends it."""
    if tiers.window == "lifetime" or tiers.downgrade == "never" or level.threshold == 0:
        return None
    day = day_of(reached)
    end = end_of_month(day, 12) if tiers.window == "rolling_year" else date(day.year + 1, 12, 31)
    return day_number(end) + tiers.grace_days


def latest_day(head: Head, day: int) -> int:
    """The day on which a member's sum is looked at: a late purchase counts together with what came after it."""
    return max(day, max(head.window, default=day))


def promote(head: Head, tiers: Tiers | None, day: int) -> tuple[Head, tuple[str | None, str] | None]:
    """Lifts the member to the level that the sum reaches, if it is higher; answers the change (from, to)."""
    if tiers is None or not counted(head, tiers):
        return head, None
    on = latest_day(head, day) if tiers.window == "rolling_year" else day
    level = level_reached(tiers, total(head, tiers, on))
    present = head.tier.id if head.tier else None
    if level is None or rank(tiers, level.id) <= rank(tiers, present):
        return head, None
    return replace(head, tier=held(tiers, level, on, on), tier_before=head.tier), (present, level.id)


def demote_after_refund(
    head: Head, tiers: Tiers | None, purchased_on: int, before: Head, today: int
) -> tuple[Head, tuple[str | None, str | None] | None]:
    """A refund of a purchase that helped to reach the present tier is assessed at once.

    ``before`` is the member before the purchase of ``purchased_on`` counted for less. Where the sum that earned the
    tier no longer does, the member falls to what it still reaches, or to what was held before the lift if that is
    higher and its time has not passed. A refund of anything bought after the lift waits for the window's end; so does
    a tier held by one level's mercy, which no sum had earned.
    """
    if tiers is None or head.tier is None or not counted(head, tiers):
        return head, None
    if purchased_on > (head.tier.reached or head.tier.since):
        return head, None
    on = head.tier.reached or head.tier.since
    place = rank(tiers, head.tier.id)
    had = level_reached(tiers, total(before, tiers, on))
    if place < 0 or had is None or rank(tiers, had.id) < place:
        return head, None
    # What was bought after the lift may reach the level by itself by now.
    on, level = _best(head, tiers, (on, latest_day(head, on)))
    if level is not None and rank(tiers, level.id) >= place:
        return head, None
    earlier = head.tier_before
    if earlier is not None and (earlier.until is None or earlier.until >= today):
        if level is None or rank(tiers, earlier.id) >= rank(tiers, level.id):
            return replace(head, tier=earlier, tier_before=None), (head.tier.id, earlier.id)
    fallen = None if level is None else held(tiers, level, on, today)
    return replace(head, tier=fallen, tier_before=None), (head.tier.id, fallen.id if fallen else None)


def assess(head: Head, tiers: Tiers, day: int) -> Head:
    """The tier from ``day`` on, after the last day on which the present one was held.

    Earned again, it is held for another time; else it falls by ``downgrade``. What the window reaches is never denied.
    """
    assert head.tier is not None
    on, level = _earned(head, tiers, day)
    place, earned = rank(tiers, head.tier.id), -1 if level is None else rank(tiers, level.id)
    kept = {"one_level": place - 1, "to_earned": -1, "never": place}[tiers.downgrade]
    target = max(kept, earned)
    if target < 0:
        return replace(head, tier=None, tier_before=None)
    since = head.tier.since if target == place else day
    return replace(head, tier=held(tiers, tiers.levels[target], on, since), tier_before=None)


def _earned(head: Head, tiers: Tiers, day: int) -> tuple[int, Level | None]:
    """The level that the window before ``day`` reaches, and that window's last day.

    Of calendar years the one before counts, and the running one, in which a purchase in the days of grace may have
    reached a level by itself.
    """
    if tiers.window != "calendar_year":
        return _best(head, tiers, (day - 1,))
    return _best(head, tiers, (day_number(date(day_of(day).year - 1, 12, 31)), day - 1))


def _best(head: Head, tiers: Tiers, ends: tuple[int, ...]) -> tuple[int, Level | None]:
    """The highest level that the windows ending on these days reach, and the latest of those that do."""
    found = [(on, level_reached(tiers, total(head, tiers, on))) for on in ends]
    return max(found, key=lambda one: (-1 if one[1] is None else rank(tiers, one[1].id), one[0]))


def renamed(head: Head, tiers: Tiers) -> Head:
    """A level that the program no longer has is held as the next higher one that it has, to the same day."""
    tier = head.tier
    if tier is None or rank(tiers, tier.id) >= 0:
        return head
    fitting = [level for level in tiers.levels if level.threshold >= tier.threshold] or tiers.levels[-1:]
    return replace(head, tier=Tier(fitting[0].id, tier.since, tier.until, fitting[0].threshold, tier.reached))


def recount(head: Head, tiers: Tiers, amounts: dict[int, int]) -> Head:
    """Counts anew, from the basis by day of the member's whole life (``tier_basis.by_day``)."""
    window: dict[int, int] = {}
    for day, amount in amounts.items():
        at = bucket(tiers, day)
        window[at] = window.get(at, 0) + amount
    window = merged(_recent({day: amount for day, amount in window.items() if amount}, tiers))
    return replace(head, window=window, counts=counting(tiers))
