"""The few figures of a shop that its program is judged by: average purchase, purchases a month, margin."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import msgspec

from chalicelib.domain.calendar import day_of
from chalicelib.domain.metric_facts import HISTORY, Facts

_LEAST = 30
"""Purchases below which an average is chance."""


class Shop(msgspec.Struct, frozen=True):
    """``average_purchase`` in minor units, ``purchases_per_month`` of a customer who buys, ``margin_percent`` or None
    where no cost is known."""

    average_purchase: int
    purchases_per_month: int
    margin_percent: int | None


class Figures(msgspec.Struct, array_like=True):
    """By month (year × 12 + month): purchases, sales, goods of known cost, that cost, known buyers' purchases, known
    buyers."""

    months: dict[int, list[int]]

    @classmethod
    def of(cls, facts: Facts) -> Figures:
        months: dict[int, list[int]] = {}
        for day, row in facts.days.items():
            of_month = months.setdefault(_month(day), [0] * 6)
            for at, column in enumerate((0, 1, 4, 5)):
                of_month[at] += row[column] + row[column + 6]
        width = 1 + len(HISTORY)
        for rows in facts.buyers.values():
            bought: dict[int, int] = {}
            for day, purchases in zip(rows[::width], rows[1::width], strict=True):
                if purchases:
                    bought[_month(day)] = bought.get(_month(day), 0) + purchases
            for month, count in bought.items():
                if count > 0:
                    of_month = months.setdefault(month, [0] * 6)
                    of_month[4] += count
                    of_month[5] += 1
        return cls(dict(sorted(months.items())))

    def packed(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def read(cls, blobs: Iterable[tuple[int, bytes]]) -> Figures:
        total = cls({})
        for _, blob in blobs:
            for month, row in msgspec.msgpack.decode(blob, type=cls).months.items():
                known = total.months.get(month, [0] * 6)
                total.months[month] = [a + b for a, b in zip(known, row, strict=True)]
        return total

    def shop(self, today: date) -> Shop | None:
        """Over the twelve months up to this one; None where there is too little to judge by."""
        last = today.year * 12 + today.month - 1
        rows = [row for month, row in self.months.items() if last - 12 < month <= last]
        purchases, sales, costed, cost, known, buyers = [sum(column) for column in zip(*rows, strict=True)] or [0] * 6
        if purchases < _LEAST:
            return None
        return Shop(
            average_purchase=sales // purchases,
            purchases_per_month=max(1, round(known / buyers)) if buyers else 1,
            margin_percent=(costed - cost) * 100 // costed if costed > 0 else None,
        )


@lru_cache(maxsize=4_000)
def _month(day: int) -> int:
    on = day_of(day)
    return on.year * 12 + on.month - 1
