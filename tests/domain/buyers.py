"""A book of few buyers, members and days, as reports read it: what the tests of reports on people begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.metric_facts import COUNTERS, HISTORY, Facts, Joining
from chalicelib.domain.metric_histories import Histories, packed
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_report import Book
from chalicelib.domain.metric_sums import Sums
from tests.domain.june import day
from tests.domain.sales import shop

Rows = list[tuple[Any, ...]]
"""A date, then what HISTORY names, as far as it is not nothing."""


def flat(rows: Rows) -> list[int]:
    """Rows as ``Facts`` hold them."""
    return [number for text, *numbers in rows for number in (day(text), *numbers, *[0] * (len(HISTORY) - len(numbers)))]


def years(buyers: Mapping[str, Rows]) -> list[bytes]:
    """What is stored of buyers, a blob a year."""
    found: dict[int, dict[str, list[int]]] = {}
    for name, rows in buyers.items():
        for row in rows:
            found.setdefault(int(row[0][:4]), {}).setdefault(name, []).extend(flat([row]))
    return [packed(year, found[year]) for year in sorted(found)]


def people(joins: Mapping[str, str] | None = None, aliases: dict[str, str] | None = None) -> People:
    return People({name: Joining(day(text)) for name, text in (joins or {}).items()}, aliases or {}, {}, {}, {})


def counted(**counters: int) -> list[int]:
    return [counters.get(name, 0) for name in COUNTERS]


def book(
    buyers: Mapping[str, Rows] | None = None,
    joins: Mapping[str, str] | None = None,
    days: Mapping[str, list[int]] | None = None,
) -> Book:
    known = people(joins)
    return Book(
        program=shop(),
        sums=Sums.of(Facts(days={day(text): row for text, row in (days or {}).items()})),
        people=known,
        histories=Histories(years(buyers or {}), known.who),
        baskets=[],
    )
