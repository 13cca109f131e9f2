"""A report: its question and formula, its window, its figures each with what it was divided from, and its table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from chalicelib.domain.calendar import day_number, day_of, end_of_month
from chalicelib.domain.metric_baskets import Baskets
from chalicelib.domain.metric_histories import Histories
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_sums import Sums
from chalicelib.domain.program import Program

LAPSED_DAYS = 90
"""A customer who did not buy, or a member who did not earn or redeem, for so many days is no longer active."""


class Rate(msgspec.Struct, frozen=True):
    """A fraction with what it is made of; no value where there is nothing to divide by."""

    value: float | None
    numerator: int
    denominator: int


def rate(numerator: int, denominator: int) -> Rate:
    return Rate(numerator / denominator if denominator else None, numerator, denominator)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All that reports read. ``options`` are what the owner asked for beside the window."""

    program: Program
    sums: Sums
    people: People
    histories: Histories
    baskets: list[tuple[int, Baskets]]
    """By year and slice."""
    options: dict[str, int] = {}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a report found: ``rows`` is its table, every row with the same columns."""

    figures: dict[str, Any]
    rows: list[dict[str, Any]]
    notes: list[str] = []


def months(first: int, last: int) -> Iterator[tuple[str, int, int]]:
    """The calendar months of a window: name (``2026-03``), first and last day inside the window."""
    day = first
    while day <= last:
        end = min(last, day_number(end_of_month(day_of(day))))
        yield day_of(day).isoformat()[:7], day, end
        day = end + 1


def month_index(day: int) -> int:
    """Months since year 0, for differences between months."""
    on = day_of(day)
    return on.year * 12 + on.month - 1


def month_name(index: int) -> str:
    return date(index // 12, index % 12 + 1, 1).isoformat()[:7]
