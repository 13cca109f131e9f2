"""Books made by hand: who bought what on which day, who joined, what the shop's sums are; what reports' tests read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from chalicelib.domain.calendar import day_of
from chalicelib.domain.metric_baskets import Baskets
from chalicelib.domain.metric_facts import COUNTERS, HISTORY, REWARD, Facts, Joining, Order
from chalicelib.domain.metric_histories import Histories, packed
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_report import Book
from chalicelib.domain.metric_sums import Sums
from tests.domain.june import day
from tests.domain.sales import shop

D = day("2026-06-01")
Days = Mapping[int, tuple[int, ...]]
"""By day: purchases, sales, and what of it was refunded."""


def histories(buyers: Mapping[str, Days], people: People) -> Histories:
    by_year: dict[int, dict[str, list[int]]] = {}
    for name, days in buyers.items():
        for on, row in days.items():
            rows = by_year.setdefault(day_of(on).year, {}).setdefault(name, [])
            rows.extend((on, *row, *[0] * (len(HISTORY) - len(row))))
    return Histories([packed(year, rows) for year, rows in sorted(by_year.items())], people.who)


def sums(days: Mapping[int, Mapping[str, int]], rewards: Mapping[str, Mapping[int, int]]) -> Sums:
    """Counters by day; of each reward what those used on a day cost."""
    told = {on: [row.get(name, 0) for name in COUNTERS] for on, row in days.items()}
    costs = {
        reward: {on: [cost if name == "cost_used" else 0 for name in REWARD] for on, cost in by_day.items()}
        for reward, by_day in rewards.items()
    }
    return Sums.of(Facts(days=told, rewards=costs))


def book(
    buyers: Mapping[str, Days] | None = None,
    joined: Mapping[str, int] | None = None,
    *,
    aliases: dict[str, str] | None = None,
    days: Mapping[int, Mapping[str, int]] | None = None,
    rewards: Mapping[str, Mapping[int, int]] | None = None,
    baskets: Iterable[tuple[int, Baskets]] = (),
    options: dict[str, int] | None = None,
) -> Book:
    joins = {name: Joining(on) for name, on in (joined or {}).items()}
    people = People(joins, aliases or {}, {}, {}, {})
    return Book(
        program=shop(),
        sums=sums(days or {}, rewards or {}),
        people=people,
        histories=histories(buyers or {}, people),
        baskets=list(baskets),
        options=options or {},
    )


def orders(*told: tuple[str, str | None, str]) -> Facts:
    """Orders: day, buyer, and a letter for the category of each line; a dash is a line without one."""
    return Facts(orders=_by_day(told))


def claims(*told: tuple[str, str | None, str]) -> Facts:
    """Orders that a member claimed, as ``orders``."""
    return Facts(claims=_by_day(told))


def _by_day(told: Iterable[tuple[str, str | None, str]]) -> dict[int, list[msgspec.Raw]]:
    days: dict[int, list[msgspec.Raw]] = {}
    for on, buyer, letters in told:
        lines: dict[str | None, list[Any]] = {None if one == "-" else one: [1, 100, None] for one in letters}
        order = Order(day(on) * 86_400_000, buyer, 100 * len(letters), 0, 0, lines)
        days.setdefault(day(on), []).append(msgspec.Raw(msgspec.msgpack.encode(order)))
    return days
