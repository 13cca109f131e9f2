"""Reports on groups: customers by recency, frequency and spend; what is bought together and never bought."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.calendar import day_number, day_of, end_of_month
from chalicelib.domain.metric_baskets import WIDE, places
from chalicelib.domain.metric_histories import PURCHASES, first_day, last_day, net_sales, sum_of
from chalicelib.domain.metric_report import LAPSED_DAYS, Book, Told, rate

GROUPS = ("champions", "loyal", "big_spenders", "new", "regular", "at_risk", "drifting", "lapsed")
_BEGINNING = -(10**9)
PAIRS = 200
"""Pairs that a report tells, those in most baskets first."""


def segments(book: Book, first: int, last: int) -> Told:
    """Customers in named groups by when they last bought, how often and for how much.

    Thirds: a score of 3 is at or above what two thirds of the window's customers reach, 2 at or above one third.
    """
    seen: list[tuple[int, int, int, bool]] = []
    lapsed = 0
    for history in book.histories.by_buyer.values():
        began, latest = first_day(history, PURCHASES, _BEGINNING, last), last_day(history, PURCHASES, last)
        if began is None or latest is None:
            continue
        if latest < first:
            lapsed += 1
            continue
        count = sum_of(history, PURCHASES, first, last)
        seen.append((latest, count, net_sales(history, first, last), began > last - LAPSED_DAYS))
    cuts = [_thirds(sorted(one[at] for one in seen)) for at in (0, 1, 2)]
    cells: dict[tuple[int, int, int], list[int]] = {}
    groups: dict[str, list[int]] = {name: [0, 0, 0] for name in GROUPS}
    groups["lapsed"][0] = lapsed
    for day, count, sales, is_new in seen:
        scores = (_score(day, cuts[0]), _score(count, cuts[1]), _score(sales, cuts[2]))
        for row in (cells.setdefault(scores, [0, 0, 0]), groups[_group(scores, is_new)]):
            row[0] += 1
            row[1] += count
            row[2] += sales
    customers, total = sum(row[0] for row in groups.values()), sum(row[2] for row in groups.values())
    rows = [
        {
            "group": name,
            "customers": row[0],
            "share_of_customers": rate(row[0], customers),
            "purchases": row[1],
            "sales": row[2],
            "share_of_sales": rate(row[2], total),
        }
        for name, row in groups.items()
    ]
    return Told(
        figures={
            "customers": customers,
            "sales": total,
            "limits": {
                "last_purchase": [day_of(day).isoformat() for day in cuts[0]] if seen else [],
                "purchases": list(cuts[1]) if seen else [],
                "sales": list(cuts[2]) if seen else [],
            },
            "cells": [
                {"recency": cell[0], "frequency": cell[1], "spend": cell[2], "customers": row[0], "sales": row[2]}
                for cell, row in sorted(cells.items(), reverse=True)
            ],
        },
        rows=rows,
    )


def _thirds(ordered: list[int]) -> tuple[int, int]:
    if not ordered:
        return 0, 0
    return ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]


def _score(value: int, cuts: tuple[int, int]) -> int:
    return 1 + (value >= cuts[0]) + (value >= cuts[1])


def _group(scores: tuple[int, int, int], is_new: bool) -> str:
    recency, frequency, spend = scores
    if recency == 1:
        return "at_risk" if frequency == 3 or spend == 3 else "drifting"
    if is_new and frequency < 3:
        return "new"
    if frequency == 3:
        return "champions" if recency == 3 and spend == 3 else "loyal"
    return "big_spenders" if spend == 3 else "regular"


def baskets(book: Book, first: int, last: int) -> Told:
    """Categories bought together, over the whole months that the window touches; and who never bought which."""
    begun = day_number(day_of(first).replace(day=1))
    ended = day_number(end_of_month(day_of(last)))
    counts: dict[str, int] = {}
    pairs: dict[tuple[str, str], int] = {}
    bought: dict[str, int] = {}
    index: dict[str, int] = {}
    total = 0
    low, high = day_of(begun), day_of(ended)
    for year, told in book.baskets:
        if not low.year <= year <= high.year:
            continue
        chosen = range(low.month if year == low.year else 1, (high.month if year == high.year else 12) + 1)
        total += sum(told.baskets.get(month, 0) for month in chosen)
        for name, many in zip(told.names, told.counted(chosen), strict=True):
            counts[name] = counts.get(name, 0) + many
        for code, many in zip(told.codes, told.paired(chosen), strict=True):
            pair = told.names[code // WIDE], told.names[code % WIDE]
            pairs[pair] = pairs.get(pair, 0) + many
        bits = [1 << index.setdefault(name, len(index)) for name in told.names]
        in_order = all(bit == 1 << at for at, bit in enumerate(bits))
        for buyer, mask in told.bought_in(chosen):
            who = book.people.who(buyer)
            bought[who] = bought.get(who, 0) | (mask if in_order else sum(bits[at] for at in places(mask)))
    counts = {name: many for name, many in counts.items() if many}
    pairs = {pair: many for pair, many in pairs.items() if many}
    buyers = {name: sum(mask >> at & 1 for mask in bought.values()) for name, at in index.items()}
    rows: list[dict[str, Any]] = []
    for (one, other), many in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:PAIRS]:
        lift = many * total / (counts[one] * counts[other])
        for have, then in ((one, other), (other, one)):
            rows.append(
                {
                    "have": have,
                    "then": then,
                    "baskets": many,
                    "support": rate(many, total),
                    "confidence": rate(many, counts[have]),
                    "lift": lift,
                }
            )
    return Told(
        figures={
            "months": {"from": day_of(begun).isoformat(), "to": day_of(ended).isoformat()},
            "baskets": total,
            "customers": len(bought),
            "categories": [
                {
                    "category": name,
                    "baskets": rate(many, total),
                    "customers": rate(buyers[name], len(bought)),
                    "never_bought": len(bought) - buyers[name],
                }
                for name, many in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            ],
        },
        rows=rows,
        notes=["Counted by whole months; only lines with a category count."],
    )
