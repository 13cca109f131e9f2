"""What joining changed: the same people before and after, beside people who did not join over the same dates.

Each member's change is one number and so is each non-joiner's: their spending weighted by the very days on which the
members' windows lie. Both are independent people, so the interval is Welch's: it takes no effect of one on another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def difference(treated: Sequence[float], others: Sequence[float]) -> Estimate | None:
    """Mean of the treated less mean of the others; None where either are fewer than LEAST."""
    if len(treated) < LEAST or len(others) < LEAST:
        return None
    mean, other_mean = sum(treated) / len(treated), sum(others) / len(others)
    one = sum((value - mean) ** 2 for value in treated) / (len(treated) - 1) / len(treated)
    other = sum((value - other_mean) ** 2 for value in others) / (len(others) - 1) / len(others)
    error = sqrt(one + other)
    below = one**2 / (len(treated) - 1) + other**2 / (len(others) - 1)
    return Estimate(mean - other_mean, error, (one + other) ** 2 / below if below else len(treated) + len(others) - 2)


class Weights:
    """How much of each day lies before, and after, the joining of the members compared: means over the members."""

    def __init__(self, joined: Sequence[int], days: int) -> None:
        self.first = min(joined) - days
        self.last = max(joined) + days - 1
        size = self.last - self.first + 1
        self.before, self.after = [0.0] * size, [0.0] * size
        share = 1 / len(joined)
        for weights, shift in ((self.before, -days), (self.after, 0)):
            steps = [0] * (size + 1)
            for day in joined:
                steps[day + shift - self.first] += 1
                steps[day + shift + days - self.first] -= 1
            running = 0
            for at in range(size):
                running += steps[at]
                weights[at] = running * share

    def of(self, history: History, columns: Iterable[tuple[int, int]]) -> tuple[float, float]:
        """A buyer's sum before and after; ``columns`` with the sign that each has."""
        before = after = 0.0
        for stretch in history:
            low, high = stretch.between(self.first, self.last)
            if low == high:
                continue
            shift = stretch.base - self.first
            days = [day + shift for day in stretch.days[low:high]]
            for column, sign in columns:
                numbers = stretch.columns[column][low:high]
                if sign < 0 and not any(numbers):
                    continue
                before += sign * sum(map(mul, map(self.before.__getitem__, days), numbers))
                after += sign * sum(map(mul, map(self.after.__getitem__, days), numbers))
        return before, after
