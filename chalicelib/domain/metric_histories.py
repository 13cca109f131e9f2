"""Who bought when: each buyer's days of one year in columns, which three years of reports can read in a moment.

A report asks for sums between two days. Columns are machine integers, so a sum over a stretch of days is one call.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

import msgspec

from chalicelib.domain.calendar import day_number, day_of, end_of_month
from chalicelib.domain.metric_facts import HISTORY, by_day

PURCHASES, SALES, REFUNDED, COSTED, COST, ACTIVE = range(len(HISTORY))


class Columns(msgspec.Struct, array_like=True, frozen=True):
    """One year of one slice: ``ends`` is where each buyer's rows end; a column is its array's letter and its bytes."""

    year: int
    buyers: list[str]
    ends: tuple[str, bytes]
    days: tuple[str, bytes]
    """Days since 1 January."""
    columns: list[tuple[str, bytes]]


_LETTERS = ("b", "h", "i", "q")


def _stored(numbers: list[int]) -> tuple[str, bytes]:
    low, high = min(numbers, default=0), max(numbers, default=0)
    for letter in _LETTERS:
        half = 1 << (array(letter).itemsize * 8 - 1)
        if -half <= low and high < half:
            column = array(letter, numbers)
            if sys.byteorder == "big":
                column.byteswap()
            return letter, column.tobytes()
    raise OverflowError(f"A day's sum of one buyer is beyond 64 bits: {high}")


def _read(stored: tuple[str, bytes]) -> array[int]:
    column = array(stored[0])
    column.frombytes(stored[1])
    if sys.byteorder == "big":
        column.byteswap()
    return column


def packed(year: int, buyers: Mapping[str, list[int]]) -> bytes:
    """The year's rows by buyer and day, of rows as ``Facts`` hold them: equal sums are equal bytes."""
    base = day_number(date(year, 1, 1))
    ends: list[int] = []
    days: list[int] = []
    columns: list[list[int]] = [[] for _ in HISTORY]
    names = sorted(buyers)
    for name in names:
        for day, row in sorted(by_day(buyers[name]).items()):
            if any(row):
                days.append(day - base)
                for column, number in zip(columns, row, strict=True):
                    column.append(number)
        ends.append(len(days))
    told = Columns(year, names, _stored(ends), _stored(days), [_stored(column) for column in columns])
    return zlib.compress(msgspec.msgpack.encode(told), 6)


class Stretch:
    """A buyer's rows of one year."""

    __slots__ = ("base", "columns", "days", "end", "start")

    def __init__(self, base: int, days: array[int], columns: list[array[int]], start: int, end: int) -> None:
        self.base, self.days, self.columns, self.start, self.end = base, days, columns, start, end

    def between(self, first: int, last: int) -> tuple[int, int]:
        """The rows of days from ``first`` to ``last`` (day numbers, both included)."""
        base = self.base
        if last < base or first > base + 365:
            return self.start, self.start
        return (
            bisect_left(self.days, first - base, self.start, self.end),
            bisect_right(self.days, last - base, self.start, self.end),
        )


History = list[Stretch]
"""One buyer's stretches, oldest first."""


class Histories:
    """Every buyer's history, with what was bought as a guest, or as an account merged since, under who it is now."""

    def __init__(self, blobs: Iterable[bytes], who: Callable[[str], str]) -> None:
        self.by_buyer: dict[str, History] = {}
        blurred = set()
        for blob in blobs:
            told = _columns(blob)
            base = day_number(date(told.year, 1, 1))
            days, columns = _read(told.days), [_read(column) for column in told.columns]
            start = 0
            for name, end in zip(told.buyers, _read(told.ends), strict=True):
                if end > start:
                    buyer = who(name)
                    stretches = self.by_buyer.setdefault(buyer, [])
                    if stretches and stretches[-1].base == base:  # they come year by year
                        blurred.add(buyer)
                    stretches.append(Stretch(base, days, columns, start, end))
                start = end
        for buyer in blurred:
            self.by_buyer[buyer] = _joined(self.by_buyer[buyer])
        for stretches in self.by_buyer.values():
            stretches.sort(key=lambda stretch: stretch.base)


def sums(history: History, first: int, last: int) -> list[int]:
    """The sums of a buyer between two days, as HISTORY names them."""
    total = [0] * len(HISTORY)
    for stretch in history:
        low, high = stretch.between(first, last)
        if low < high:
            for at, column in enumerate(stretch.columns):
                total[at] += sum(column[low:high])
    return total


def sum_of(history: History, column: int, first: int, last: int) -> int:
    """One column's sum between two days."""
    total = 0
    for stretch in history:
        if stretch.base <= last and first <= stretch.base + 365:
            low, high = stretch.between(first, last)
            if low < high:
                total += sum(stretch.columns[column][low:high])
    return total


def net_sales(history: History, first: int, last: int) -> int:
    """Sales less refunds between two days, each on the day on which it occurred."""
    return sum_of(history, SALES, first, last) - sum_of(history, REFUNDED, first, last)


def days_with(history: History, column: int, until: int) -> Iterator[int]:
    """Days up to ``until`` on which a column is above zero, oldest first."""
    for stretch in history:
        _, high = stretch.between(stretch.base, until)
        numbers, days, base = stretch.columns[column], stretch.days, stretch.base
        for at in range(stretch.start, high):
            if numbers[at] > 0:
                yield base + days[at]


def _days_above_zero(stretch: Stretch, column: int, since: int, until: int) -> tuple[array[int], int, int]:
    """The days of a stretch, and from where to where they are in the window and the column above zero."""
    low, high = stretch.between(since, until)
    numbers = stretch.columns[column][low:high]
    if min(numbers, default=1) > 0:
        return stretch.days, low, high
    days = array("h", [day for day, many in zip(stretch.days[low:high], numbers, strict=True) if many > 0])
    return days, 0, len(days)


def silences(history: History, column: int, until: int, longest: int) -> tuple[int, int, list[tuple[int, int]]] | None:
    """The first and the last day up to ``until`` on which a column is above zero, and the two days around each
    silence longer than so many days; None where there is no such day. It looks at few of the days."""
    first, last, found = 0, None, list[tuple[int, int]]()
    for stretch in history:
        days, at, end = _days_above_zero(stretch, column, stretch.base, until)
        if at == end:
            continue
        base = stretch.base
        if last is None:
            first = base + days[at]
        elif base + days[at] - last > longest:
            found.append((last, base + days[at]))
        while at < end - 1:
            following = bisect_right(days, days[at] + longest, at + 1, end) - 1
            if following == at:
                following = at + 1
                found.append((base + days[at], base + days[following]))
            at = following
        last = base + days[end - 1]
    return None if last is None else (first, last, found)


def months_with(history: History, column: int, since: int, until: int) -> list[int]:
    """The months (since year 0, oldest first) in which a column is above zero, between two days."""
    found = []
    for stretch in history:
        days, at, end = _days_above_zero(stretch, column, since, until)
        for month, last in _months(stretch.base) if at < end else ():
            if at == end:
                break
            if days[at] <= last:
                found.append(month)
                at = bisect_right(days, last, at, end)
    return found


@lru_cache
def _months(base: int) -> list[tuple[int, int]]:
    """The months of a year that begins on ``base``, each with its last day in the year, from 0."""
    year = day_of(base).year
    ends = [day_number(end_of_month(date(year, month, 1))) - base for month in range(1, 13)]
    return [(year * 12 + month, end) for month, end in enumerate(ends)]


def first_day(history: History, column: int, since: int, until: int) -> int | None:
    """The first day of a window on which a column is above zero."""
    for stretch in history:
        low, high = stretch.between(since, until)
        numbers = stretch.columns[column]
        for at in range(low, high):
            if numbers[at] > 0:
                return stretch.base + stretch.days[at]
    return None


def last_day(history: History, column: int, until: int) -> int | None:
    """The last day up to ``until`` on which a column is above zero."""
    for stretch in reversed(history):
        low, high = stretch.between(stretch.base, until)
        numbers = stretch.columns[column]
        for at in range(high - 1, low - 1, -1):
            if numbers[at] > 0:
                return stretch.base + stretch.days[at]
    return None


def _columns(blob: bytes) -> Columns:
    return msgspec.msgpack.decode(zlib.decompress(blob), type=Columns)


def _joined(stretches: History) -> History:
    """One stretch a year, of several that hold rows of the same days."""
    years: dict[int, dict[int, list[int]]] = {}
    for stretch in stretches:
        days = years.setdefault(stretch.base, {})
        for at in range(stretch.start, stretch.end):
            row = [column[at] for column in stretch.columns]
            known = days.get(stretch.days[at])
            days[stretch.days[at]] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]
    made = []
    for base, days in years.items():
        kept = sorted((day, row) for day, row in days.items() if any(row))
        columns = [array("q", [row[at] for _, row in kept]) for at in range(len(HISTORY))]
        made.append(Stretch(base, array("h", [day for day, _ in kept]), columns, 0, len(kept)))
    return made
