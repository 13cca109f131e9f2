"""What joining changed: the same people before and after, beside people who did not join over the same dates.

Good customers join first, and what moves a shop's sales (a season, prices) moves large customers by more than small
ones. So the others' change is taken in proportion, at the members' own level: a difference of differences of
after - before × (others' after ÷ others' before). Members and others are different people, so the interval adds up
the variance of each (delta method, Welch's degrees of freedom).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import sqrt
from operator import mul
from statistics import NormalDist

import msgspec

from chalicelib.domain.metric_histories import History

LEAST = 20
"""Members, and non-joiners, below whom an interval would say more than is known."""

_EXACT = {
    0.95: (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139),
    0.98: (31.820516, 6.964557, 4.540703, 3.746947, 3.364930, 3.142668, 2.997952, 2.896459, 2.821438, 2.763769),
}


class Estimate(msgspec.Struct, frozen=True):
    """A mean difference with its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        reach = quantile(confidence, self.freedom) * self.error
        return self.value - reach, self.value + reach

    def proved(self) -> str:
        """``more``, ``less`` or ``no proof``. Judged at 98 %, so that chance is called an effect one time in fifty."""
        low, high = self.interval(0.98)
        return "more" if low > 0 else "less" if high < 0 else "no proof"


def quantile(confidence: float, freedom: float) -> float:
    """Student's t for a two-sided interval; ``confidence`` is 0.95 or 0.98."""
    whole = int(freedom)
    if whole <= 10:
        return _EXACT[confidence][max(1, whole) - 1]
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


Columns = tuple[tuple[int, int], ...]
"""Columns of a history, each with the sign with which it counts."""
Change = tuple[float, float]
"""One person's sum before and after, by the same measure."""


def difference(members: Sequence[Change], others: Sequence[Change]) -> Estimate | None:
    """What members changed beyond the others' change; None where either are fewer than LEAST, or others bought
    nothing before."""
    if len(members) < LEAST or len(others) < LEAST:
        return None
    before, after = _means(members)
    others_before, others_after = _means(others)
    if others_before <= 0:
        return None
    trend = others_after / others_before
    own = _variance_of_mean([became - trend * was for was, became in members])
    theirs = _variance_of_mean([became - trend * was for was, became in others]) * (before / others_before) ** 2
    below = own**2 / (len(members) - 1) + theirs**2 / (len(others) - 1)
    freedom = (own + theirs) ** 2 / below if below else len(members) + len(others) - 2
    return Estimate(after - trend * before, sqrt(own + theirs), freedom)


def _means(people: Sequence[Change]) -> Change:
    return sum(one[0] for one in people) / len(people), sum(one[1] for one in people) / len(people)


def _variance_of_mean(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)


def chosen(members: Sequence[tuple[str, int, int]], others: Sequence[tuple[str, int]], days: int) -> Chosen:
    """Whom to compare: on both sides only people who were customers already before the first window begins.

    Who begins to buy and joins at once would else look like an effect. ``members`` come with their first purchase and
    their joining, ``others`` with their first purchase (day numbers). The day that keeps most of both is taken; what
    anybody bought later plays no part in it.
    """
    kept = [(name, first, joined) for name, first, joined in members if first < joined - days]
    began, windows = sorted(first for _, first, _ in kept), sorted(joined - days for _, _, joined in kept)
    firsts = sorted(first for _, first in others)
    best, most = None, 0.0
    for begin in dict.fromkeys(windows):
        # Whoever's window begins earlier was a customer earlier still.
        ours, theirs = bisect_left(began, begin) - bisect_left(windows, begin), bisect_left(firsts, begin)
        size = ours * theirs / (ours + theirs) if ours and theirs else 0.0
        if size > most:
            best, most = begin, size
    if best is None:
        return Chosen({}, [])
    return Chosen(
        {name: joined for name, first, joined in kept if first < best <= joined - days},
        [name for name, first in others if first < best],
    )


class Chosen(msgspec.Struct, frozen=True):
    """The members compared with the day each joined, and those they are compared with."""

    members: dict[str, int]
    others: list[str]


class Weights:
    """How much of each day lies before, and after, the joining of the members compared: means over the members.

    The day of joining itself is on neither side: people join at the till, and that purchase is no effect.
    """

    def __init__(self, joined: Sequence[int], days: int) -> None:
        self.first = min(joined) - days
        self.last = max(joined) + days
        size = self.last - self.first + 1
        self.before, self.after = [0.0] * size, [0.0] * size
        share = 1 / len(joined)
        for weights, shift in ((self.before, -days), (self.after, 1)):
            steps = [0] * (size + 1)
            for day in joined:
                steps[day + shift - self.first] += 1
                steps[day + shift + days - self.first] -= 1
            running = 0
            for at in range(size):
                running += steps[at]
                weights[at] = running * share

    def of(self, history: History, measures: Sequence[Columns]) -> list[Change]:
        """A buyer's sums before and after by each measure: its columns with the sign that each has."""
        sums = [[0.0, 0.0] for _ in measures]
        for stretch in history:
            low, high = stretch.between(self.first, self.last)
            if low == high:
                continue
            shift = stretch.base - self.first
            days = [day + shift for day in stretch.days[low:high]]
            before, after = [self.before[day] for day in days], [self.after[day] for day in days]
            for both, columns in zip(sums, measures, strict=True):
                for column, sign in columns:
                    numbers = stretch.columns[column][low:high]
                    if sign > 0 or any(numbers):
                        both[0] += sign * sum(map(mul, before, numbers))
                        both[1] += sign * sum(map(mul, after, numbers))
        return [(before, after) for before, after in sums]
