"""The year itself: day after day, every household's evening, on a service whose clock follows the baskets."""

from __future__ import annotations

import importlib
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from infra.local.replay.household import Household
from infra.local.replay.plan import Plan

WORKERS = 6
Progress = Callable[[str], None]


@dataclass
class Clock:
    """The app's time, set from here: points wait, lapse and expire in the replay when they did in the year.

    The app asks its own module for the time, at its edge only; that one function is replaced in this process.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def install(self) -> None:
        app_clock = importlib.import_module("chalicelib.clock")
        app_clock.now = lambda: self.now  # type: ignore[attr-defined]  # a module made at run time


@dataclass
class Year:
    """Plans by day and household; days are the shop's own, and end a second before midnight."""

    zone: ZoneInfo
    households: dict[int, Household]
    clock: Clock
    days: dict[date, dict[int, list[Plan]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, plan: Plan) -> None:
        basket = plan.receipt.basket
        self.days[basket.at.astimezone(self.zone).date()][basket.household].append(plan)

    def evening_of(self, day: date) -> datetime:
        return datetime.combine(day, clock_time(23, 59, 59), self.zone).astimezone(UTC)

    def live(self, scheduled: Callable[[datetime], None], progress: Progress) -> date:
        """Lives every day to the last one; answers that one. Households go side by side, each in its own order."""
        first, last = min(self.days), max(self.days)
        total = sum(len(plans) for households in self.days.values() for plans in households.values())
        told, started, shown = 0, time.monotonic(), 0.0
        with ThreadPoolExecutor(WORKERS) as pool:
            for number in range((last - first).days + 1):
                day = first + timedelta(days=number)
                self.clock.now = self.evening_of(day)
                plans = self.days.get(day, {})
                busy = [each for each in self.households.values() if each.number in plans or each.returns_on(day)]
                running = [pool.submit(each.evening, plans.get(each.number, []), day, self.clock.now) for each in busy]
                for each in running:
                    each.result()
                if day.day == 1 or day == last:
                    # Once a month is late for most: what time owes them, every call and every run makes good.
                    scheduled(self.clock.now)
                told += sum(len(each) for each in plans.values())
                passed = time.monotonic() - started
                if passed - shown > 2 or day == last:
                    shown = passed
                    progress(f"{day}  {told:>6,} of {total:,} baskets  {told / max(passed, 0.001):,.0f} a second")
        return last
