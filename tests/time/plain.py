"""Tiers and expiry computed again, plainly, from a member's statement alone: whole sums each time, no counters.

Written from the rules in docs/time.md, not from the code: nothing of the domain is called. One minor unit is one
point. Days are ``date``; a statement's line is what the member or the shop did, in the order of its booking.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

DAY = timedelta(days=1)


def months_on(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


@dataclass
class Grant:
    """Points that came on a day. ``last`` is the last day on which they can be used; ``idle`` waits for silence."""

    day: date
    points: int
    usable: date
    last: date | None = None
    idle: bool = False
    order: str | None = None
    closed: bool = False


@dataclass
class Held:
    level: int
    until: date | None
    reached: date
    since: date


@dataclass
class Plain:
    """A member, by the statement so far. ``program`` is the document; levels are named by their places."""

    program: dict[str, Any]
    joined: date
    grants: list[Grant] = field(default_factory=list)
    spent: list[tuple[date, int]] = field(default_factory=list)
    closings: list[tuple[date, list[Grant]]] = field(default_factory=list)
    bought: dict[str, tuple[date, int]] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)
    given: list[tuple[date, int]] = field(default_factory=list)
    active_on: date | None = None
    held: Held | None = None
    before: Held | None = None

    def __post_init__(self) -> None:
        if self.program["tiers"] and self.levels[0] == 0:
            self.held = Held(0, None, self.joined, self.joined)

    # --- points

    def balance(self, today: date) -> int:
        here = sum(grant.points for grant in self.grants if grant.usable <= today)
        return here - sum(points for _, points in self.spent) - self.expired()

    def pending(self, today: date) -> int:
        return sum(grant.points for grant in self.grants if grant.usable > today)

    def expired(self) -> int:
        """What lapsed in all: at each closing whatever of the closed grants nobody had spent or lost by then."""
        lost, closed = 0, 0
        for day, grants in self.closings:
            closed += sum(grant.points for grant in grants)
            spent = sum(points for when, points in self.spent if when < day)
            lost += max(0, closed - spent - lost)
        return lost

    def morning(self, today: date) -> None:
        """What the night brought."""
        silent = self.active_on is not None and months_on(self.active_on, self.months) < today
        open_grants = [grant for grant in self.grants if not grant.closed and grant.usable <= today]
        self.close(
            today,
            [one for one in open_grants if one.usable < today and (self.over(one, today) or (one.idle and silent))],
        )
        if any(one.idle and one.usable == today for one in open_grants) and (silent or self.active_on is None):
            self.active_on = today  # what is released after a silence begins another
        self.close(today, [one for one in open_grants if one.usable == today and self.over(one, today)])
        if self.held is not None and self.held.until is not None and self.held.until < today:
            self.assess(today)

    def over(self, grant: Grant, today: date) -> bool:
        return grant.last is not None and grant.last < today

    def close(self, today: date, grants: list[Grant]) -> None:
        for grant in grants:
            grant.closed = True
        if grants:
            self.closings.append((today, grants))

    @property
    def months(self) -> int:
        return int(self.program["expiry"].get("months") or 0)

    def grant(self, day: date, points: int, usable: date, order: str | None = None) -> None:
        policy = self.program["expiry"]
        made = Grant(day, points, usable, order=order)
        if policy["policy"] == "rolling":
            made.last = end_of_month(months_on(day.replace(day=1), self.months))
        elif policy["policy"] == "calendar":
            years = policy["after_years"]
            made.last = date(day.year + years, policy["month"], policy["day"])
            if made.last < day:
                made.last = made.last.replace(year=made.last.year + 1)
        made.idle = policy["policy"] == "inactivity"
        self.grants.append(made)

    # --- the statement

    def earn(self, today: date, order: str, amount: int) -> None:
        pending = self.program["earning"].get("pending_days", 0)
        self.grant(today, amount, today + timedelta(days=pending), order)
        self.active_on = today
        self.bought[order], self.back[order] = (today, amount), 0
        self.climb(today)

    def redeem(self, today: date, points: int) -> None:
        self.spent.append((today, points))
        self.active_on = today

    def refund(self, today: date, order: str, amount: int) -> None:
        grant = next(grant for grant in self.grants if grant.order == order)
        counted = self.sum_to(self.held.reached) if self.held else 0
        grant.points -= amount
        self.back[order] += amount
        self.fall(today, self.bought[order][0], counted)

    # --- tiers

    @property
    def levels(self) -> list[int]:
        return [level["threshold"] for level in self.program["tiers"]["levels"]]

    def counts(self) -> list[tuple[date, int]]:
        basis = self.program["tiers"]["basis"]
        if basis == "visits":
            return [(day, 1) for order, (day, amount) in self.bought.items() if self.back[order] < amount]
        return [(day, amount - self.back[order]) for order, (day, amount) in self.bought.items()] + self.given

    def sum_to(self, end: date) -> int:
        """The basis in the window that ends on a day."""
        window = self.program["tiers"]["window"]
        if window == "lifetime":
            return sum(amount for _, amount in self.counts())
        if window == "calendar_year":
            return sum(amount for day, amount in self.counts() if day.year == end.year)
        return sum(amount for day, amount in self.counts() if months_on(end, -12) < day <= end)

    def level(self, amount: int) -> int:
        return max((place for place, threshold in enumerate(self.levels) if amount >= threshold), default=-1)

    def hold(self, level: int, reached: date, since: date) -> Held | None:
        if level < 0:
            return None
        tiers = self.program["tiers"]
        until = None
        if tiers["window"] != "lifetime" and tiers["downgrade"] != "never" and self.levels[level] > 0:
            if tiers["window"] == "rolling_year":
                end = end_of_month(months_on(reached.replace(day=1), 12))
            else:
                end = date(reached.year + 1, 12, 31)
            until = end + timedelta(days=tiers.get("grace_days", 0))
        return Held(level, until, reached, since)

    def place(self) -> int:
        return self.held.level if self.held else -1

    def climb(self, today: date) -> None:
        if self.program["tiers"] and (level := self.level(self.sum_to(today))) > self.place():
            self.before, self.held = self.held, self.hold(level, today, today)

    def assess(self, today: date) -> None:
        assert self.held is not None
        last = today - DAY
        ends = [last] if self.program["tiers"]["window"] == "rolling_year" else [date(today.year - 1, 12, 31), last]
        level, reached = max((self.level(self.sum_to(end)), end) for end in ends)
        floor = self.place() - 1 if self.program["tiers"]["downgrade"] == "one_level" else -1
        after = max(level, floor)
        self.held = self.hold(after, reached, self.held.since if after == self.place() else today)
        self.before = None

    def fall(self, today: date, bought: date, counted: int) -> None:
        """After a refund: ``counted`` is what the window that earned the tier held before it."""
        if self.held is None or bought > self.held.reached or self.level(counted) < self.place():
            return
        days = [day for day, amount in self.counts() if amount]
        ends = [self.held.reached, max([*days, self.held.reached])]
        level, reached = max((self.level(self.sum_to(end)), end) for end in ends)
        if level >= self.place():
            return
        before = self.before
        if before is not None and (before.until is None or before.until >= today) and before.level >= level:
            self.held = before
        else:
            self.held = self.hold(level, reached, today)
        self.before = None
