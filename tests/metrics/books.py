"""A shop and its own books, and how a report is asked and compared."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import msgspec
import pandas as pd

from tests.metrics import grocer
from tests.metrics.counting import report
from tests.metrics.grocer import Lived
from tests.shop import Shop

Window = tuple[date, date]
WHOLE: Window = (date(2017, 1, 1), grocer.LAST)
WINDOWS: list[Window] = [
    WHOLE,
    (date(2017, 2, 9), date(2017, 3, 17)),
    (date(2017, 3, 5), date(2017, 3, 5)),
    (date(2016, 1, 1), date(2016, 1, 31)),
]
if grocer.PROVING:
    WINDOWS.append((date(2017, 5, 20), date(2017, 9, 3)))
BUSY = [window for window in WINDOWS if window[0].year == 2017]


class Books(msgspec.Struct, frozen=True):
    """The service, and what the shop knows that it did."""

    shop: Shop
    lived: Lived

    def ask(self, name: str, window: Window, **options: int) -> Any:
        return report(self.shop, name, **{"from": window[0], "to": window[1], **options})

    def orders(self, window: Window | None = None, *, known: bool = False) -> pd.DataFrame:
        """Orders that occurred in a window; those of known customers alone where asked."""
        frame = self.lived.frame("orders")
        frame = frame[frame["known"]] if known else frame
        return frame if window is None else inside(frame, window)

    def frame(self, what: str, window: Window | None = None) -> pd.DataFrame:
        frame = self.lived.frame(what)
        return frame if window is None else inside(frame, window)

    def ended(self, window: Window) -> pd.DataFrame:
        """Vouchers that ended in a window, by the day on which they did."""
        frame = self.lived.frame("vouchers").dropna(subset=["ended"])
        ended = pd.to_datetime(frame["ended"], utc=True).dt.tz_convert(grocer.ZONE).dt.date
        return inside(frame.assign(issued_on=frame["day"], day=ended), window)

    def members(self, until: date) -> set[int]:
        joins = self.lived.frame("joins")
        return set(joins[joins["day"] <= until]["household"])


def inside(frame: pd.DataFrame, window: Window) -> pd.DataFrame:
    return frame[(frame["day"] >= window[0]) & (frame["day"] <= window[1])]


def same(told: Any, numerator: float, denominator: float) -> bool:
    """A rate as it should be told: exact parts, and their quotient to 1e-9."""
    if (told["numerator"], told["denominator"]) != (numerator, denominator):
        return False
    if denominator == 0:
        return told["value"] is None
    return math.isclose(told["value"], numerator / denominator, rel_tol=0, abs_tol=1e-9)


def close(told: float | None, expected: float | None) -> bool:
    """The same number to 1e-9 of its size."""
    if told is None or expected is None:
        return told is expected
    return math.isclose(told, expected, rel_tol=1e-9, abs_tol=1e-9)


def months_of(window: Window) -> list[tuple[str, Window]]:
    """The calendar months of a window, cut at its ends."""
    starts = pd.date_range(window[0].replace(day=1), window[1], freq="MS")
    return [
        (f"{start:%Y-%m}", (max(window[0], start.date()), min(window[1], (start + pd.offsets.MonthEnd()).date())))
        for start in starts
    ]
