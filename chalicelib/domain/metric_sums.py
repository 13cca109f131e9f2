"""The sums by day that reports add up: purchases, sales, points, rewards, tiers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import date
from operator import add

import msgspec

from chalicelib.domain.calendar import day_number, day_of
from chalicelib.domain.metric_facts import COUNTERS, REWARD, Facts

Day = dict[str, int]
_DAYS = 366


class Sums(msgspec.Struct, array_like=True):
    """One year of one slice, or all that a report reads, added up. Days are day numbers; ``years`` has a number for
    each day of a year, of each counter that is not always zero, so that slices add up in one call a counter."""

    years: dict[int, dict[str, list[int]]]
    rewards: dict[str, dict[int, list[int]]]
    lots: dict[int, list[int]]
    tiers: dict[str, dict[int, list[int]]]
    moves: dict[str, dict[int, int]]

    @classmethod
    def of(cls, facts: Facts) -> Sums:
        return cls(
            _by_counter(facts.days),
            {reward: _ordered(days) for reward, days in sorted(facts.rewards.items())},
            _ordered(facts.lots),
            {tier: _ordered(days) for tier, days in sorted(facts.tiers.items())},
            {move: dict(sorted(days.items())) for move, days in sorted(facts.moves.items())},
        )

    def packed(self) -> bytes:
        return zlib.compress(msgspec.msgpack.encode(self), 6)

    @classmethod
    def read(cls, blobs: Iterable[bytes]) -> Sums:
        """All slices and years together."""
        total = cls({}, {}, {}, {}, {})
        for blob in blobs:
            more = msgspec.msgpack.decode(zlib.decompress(blob), type=cls)
            for year, counters in more.years.items():
                known = total.years.setdefault(year, {})
                for name, column in counters.items():
                    known[name] = list(map(add, known[name], column)) if name in known else column
            for reward, rows in more.rewards.items():
                _add(total.rewards.setdefault(reward, {}), rows)
            _add(total.lots, more.lots)
            for tier, rows in more.tiers.items():
                _add(total.tiers.setdefault(tier, {}), rows)
            for move, counts in more.moves.items():
                mine = total.moves.setdefault(move, {})
                for day, count in counts.items():
                    mine[day] = mine.get(day, 0) + count
        return total

    def between(self, first: int, last: int) -> Day:
        """Every counter, summed over the days from ``first`` to ``last``."""
        total = dict.fromkeys(COUNTERS, 0)
        for year, counters in self.years.items():
            base = day_number(date(year, 1, 1))
            low, high = max(0, first - base), max(0, last - base + 1)
            for name, column in counters.items():
                total[name] += sum(column[low:high])
        return total

    def reward_between(self, reward: str, first: int, last: int) -> Day:
        return dict(zip(REWARD, _total(self.rewards.get(reward, {}), first, last, len(REWARD)), strict=True))

    def tier_between(self, tier: str, first: int, last: int) -> tuple[int, int]:
        """Purchases and sales."""
        purchases, sales = _total(self.tiers.get(tier, {}), first, last, 2)
        return purchases, sales

    def moved_between(self, first: int, last: int) -> Iterator[tuple[str, str, int]]:
        """Changes of tier: from, to (either may be empty), how many."""
        for move, days in sorted(self.moves.items()):
            count = sum(many for day, many in days.items() if first <= day <= last)
            if count:
                before, _, after = move.partition(">")
                yield before, after, count


def _by_counter(days: dict[int, list[int]]) -> dict[int, dict[str, list[int]]]:
    years: dict[int, dict[str, list[int]]] = {}
    for day, row in sorted(days.items()):
        year = day_of(day).year
        at = day - day_number(date(year, 1, 1))
        for name, number in zip(COUNTERS, row, strict=True):
            if number:
                years.setdefault(year, {}).setdefault(name, [0] * _DAYS)[at] = number
    return {year: dict(sorted(counters.items())) for year, counters in years.items()}


def _ordered(days: dict[int, list[int]]) -> dict[int, list[int]]:
    return {day: row for day, row in sorted(days.items()) if any(row)}


def _add(total: dict[int, list[int]], more: dict[int, list[int]]) -> None:
    for key, row in more.items():
        known = total.get(key)
        total[key] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]


def _total(days: dict[int, list[int]], first: int, last: int, width: int) -> list[int]:
    rows = [row for day, row in days.items() if first <= day <= last]
    return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * width
