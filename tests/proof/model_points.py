"""Points of one member, plainly: what was earned by its last day, what is held back, what was spent, what lapsed.

``available = Σ earned - Σ spent - Σ lost``. What lapses after a day is ``max(0, Σ earned up to it - spent - lost)``:
the soonest to end is spent first. Nothing here comes from the service's code.
"""

from __future__ import annotations

from calendar import monthrange
from copy import deepcopy
from datetime import date, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)


def end_of_month(day: date, months: int = 0) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, monthrange(year, month + 1)[1])


class Happened(NamedTuple):
    """What time did: points that lapsed (negative) or became available."""

    kind: str
    points: int


class Points:
    """``through`` is the latest day that was looked at: every day before it is over."""

    def __init__(self) -> None:
        self.earned: dict[date, int] = {}
        self.held: dict[date, dict[date, int]] = {}
        self.lost: dict[date, int] = {}
        self.spent = 0
        self.lifetime = 0
        self.through = date.min

    @property
    def available(self) -> int:
        return sum(self.earned.values()) - self.spent - sum(self.lost.values())

    @property
    def pending(self) -> int:
        return sum(sum(lots.values()) for lots in self.held.values())

    def on(self, today: date) -> Points:
        """As they are on a day, without moving these."""
        twin = deepcopy(self)
        twin.advance(today)
        return twin

    def advance(self, today: date) -> list[tuple[Happened, int]]:
        """Lets time pass to the beginning of a day; what happened, each with the balance after it."""
        happened: list[tuple[Happened, int]] = []
        # What was held longer than it lasts is released and lapses on the same day, so days are gone through in order.
        while True:
            ends = [last + DAY for last in self.earned if last < today and self._would_lose(last)]
            days = ends + [day for day in self.held if day <= today]
            if not days:
                break
            day = min(days)
            self._lapse(day, happened)
            lots = self.held.pop(day, {})
            for last, points in lots.items():
                self.grant(points, last)
            if sum(lots.values()):
                happened.append((Happened("release", sum(lots.values())), self.available))
            self._lapse(day, happened)
        self.through = max(self.through, today)
        return happened

    def _would_lose(self, last: date) -> int:
        upto = sum(points for end, points in self.earned.items() if end <= last)
        return max(0, upto - self.spent - sum(self.lost.values()))

    def _lapse(self, day: date, happened: list[tuple[Happened, int]]) -> None:
        ended = [last for last in self.earned if last < day]
        if ended and (lost := self._would_lose(day - DAY)):
            self.lost[day - DAY] = self.lost.get(day - DAY, 0) + lost
            happened.append((Happened("expire", -lost), self.available))

    def grant(self, points: int, last: date) -> None:
        self.earned[last] = self.earned.get(last, 0) + points
        self.lifetime += points

    def hold(self, points: int, last: date, until: date) -> None:
        lots = self.held.setdefault(until, {})
        lots[last] = lots.get(last, 0) + points

    @property
    def _charged(self) -> int:
        """What of the spending was charged to points whose day is over, less what of those had lapsed."""
        return sum(points for last, points in self.earned.items() if last < self.through) - sum(self.lost.values())

    def give_back(self, points: int, today: date) -> None:
        """Undoes a spending; what was taken from points that are over now lives to the end of the month."""
        undone = min(points, self.spent - self._charged)
        self.spent -= undone
        if points > undone:
            last = end_of_month(today)
            self.earned[last] = self.earned.get(last, 0) + points - undone

    def take_back(self, points: int, last: date, until: date | None) -> tuple[int, int]:
        """Takes points of a purchase back: from what is held of it, then from the balance. Answers both."""
        lots = self.held.get(until, {}) if until is not None else {}
        held = min(points, lots.get(last, 0))
        if held:
            assert until is not None
            lots[last] -= held
            lots = {end: left for end, left in lots.items() if left}
            if lots:
                self.held[until] = lots
            else:
                del self.held[until]
        rest = points - held
        before = self.available
        if rest:
            self.earned[last] = self.earned.get(last, 0) - rest
            if last < self.through:
                # Had they never been there, so much less would have lapsed, then and after.
                left = rest
                for day in sorted(day for day in self.lost if day >= last):
                    less = min(left, self.lost[day])
                    self.lost[day] -= less
                    left -= less
            self.lifetime -= before - self.available
        return held, before - self.available

    def join(self, other: Points) -> None:
        """Takes all of another's in; the other has none left."""
        for mine, theirs in ((self.earned, other.earned), (self.lost, other.lost)):
            for day, points in theirs.items():
                mine[day] = mine.get(day, 0) + points
        for until, lots in other.held.items():
            for last, points in lots.items():
                self.hold(points, last, until)
        self.spent += other.spent
        self.lifetime += other.lifetime
        self.through = max(self.through, other.through)
        other.__init__()  # type: ignore[misc]  # as new

    def expiring(self) -> list[tuple[int, date]]:
        """Each last day with what will lapse after it if nothing more is spent."""
        spent = self.spent - self._charged
        rows = []
        for last in sorted(last for last in self.earned if last >= self.through):
            left = max(0, self.earned[last] - spent)
            spent = max(0, spent - self.earned[last])
            if left:
                rows.append((left, last))
        return rows
