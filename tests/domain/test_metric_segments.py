"""Groups of customers and what is bought together, on a dozen buyers whose thirds are found by counting."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.metric_baskets import Baskets
from chalicelib.domain.metric_facts import Facts, merged
from chalicelib.domain.metric_report import Rate
from chalicelib.domain.metric_segments import GROUPS, PAIRS, baskets, segments
from tests.domain.bought import D, Days, book, claims, orders
from tests.domain.june import day

FIRST, LAST = D - 100, D + 20
BEFORE = {FIRST - 50: (1, 1000)}
"""An earlier purchase, by which nobody is new."""
BUYERS: dict[str, Days] = {
    # Nine bought in the window, so thirds begin at the fourth and at the seventh of each order.
    "a": {FIRST: (1, 10)},  # the least of all: its first day is the window's, more than 90 days ago
    "b": {**BEFORE, D - 90: (6, 20)},  # often, but long ago
    "c": {**BEFORE, D - 89: (2, 800)},  # much, but long ago
    "d": {**BEFORE, D: (3, 30)},
    "e": {LAST - 89: (1, 40), D + 1: (2, 20)},  # first bought in the last ninety days, by one
    "f": {LAST - 90: (1, 40), D + 2: (2, 100, 80)},  # and not, by one
    "g": {**BEFORE, D + 3: (4, 900, 100), LAST + 1: (9, 9000)},
    "h": {D + 4: (5, 300)},  # new, yet often: that counts more
    "i": {LAST: (1, 700)},  # new, and much
    "lost": BEFORE,
    "lost-too": {FIRST - 1: (4, 4000)},
    "b-next": {LAST + 1: (1, 100)},  # nobody's customer yet
}
# Recency: a b c | d e f | g h i.  Frequency: 1 1 2 | 3 3 3 | 4 5 6, spend: 10 20 30 | 60 60 300 | 700 800 800.


def group(name: str, customers: int, purchases: int, sales: int) -> dict[str, Any]:
    return {
        "group": name,
        "customers": customers,
        "share_of_customers": Rate(customers / 11, customers, 11),
        "purchases": purchases,
        "sales": sales,
        "share_of_sales": Rate(sales / 2780, sales, 2780),
    }


def test_every_customer_is_in_one_group_by_thirds_of_the_windows_customers() -> None:
    told = segments(book(BUYERS), FIRST, LAST)
    assert told.rows == [
        group("champions", 1, 4, 800),  # g: 3 3 3
        group("loyal", 1, 5, 300),  # h: 3 3 2
        group("big_spenders", 0, 0, 0),
        group("new", 2, 4, 760),  # e: 2 2 2, i: 3 1 3
        group("regular", 2, 6, 90),  # d: 2 2 1, f: 2 2 2
        group("at_risk", 2, 8, 820),  # b: 1 3 1, c: 1 1 3
        group("drifting", 1, 1, 10),  # a: 1 1 1
        group("lapsed", 2, 0, 0),
    ]
    limits = {"last_purchase": ["2026-06-01", "2026-06-04"], "purchases": [3, 4], "sales": [60, 700]}
    cells = [
        (3, 3, 3, 1, 800),
        (3, 3, 2, 1, 300),
        (3, 1, 3, 1, 700),
        (2, 2, 2, 2, 120),
        (2, 2, 1, 1, 30),
        (1, 3, 1, 1, 20),
        (1, 1, 3, 1, 800),
        (1, 1, 1, 1, 10),
    ]
    names = ("recency", "frequency", "spend", "customers", "sales")
    assert told.figures == {
        "customers": 11,
        "sales": 2780,
        "limits": limits,
        "cells": [dict(zip(names, cell, strict=True)) for cell in cells],
    }
    assert told.notes == []


def test_who_is_not_new_and_spends_much_in_few_purchases_is_a_big_spender() -> None:
    buyers: dict[str, Days] = {
        "much": {**BEFORE, D: (1, 500)},
        "often": {**BEFORE, D: (5, 50)},
        "old": {**BEFORE, D - 1: (2, 60)},
    }
    told = segments(book(buyers), FIRST, LAST)
    # Of three, thirds begin at the second and the third: recency D and D, purchases 2 and 5, sales 60 and 500.
    found = {row["group"]: (row["customers"], row["purchases"], row["sales"]) for row in told.rows if row["customers"]}
    assert found == {"big_spenders": (1, 1, 500), "loyal": (1, 5, 50), "drifting": (1, 2, 60)}


def test_who_buys_often_and_much_is_loyal_until_recent_too() -> None:
    buyers: dict[str, Days] = {
        "best": {**BEFORE, D - 1: (9, 900)},
        "last": {**BEFORE, D: (1, 1)},
        "first": {**BEFORE, D - 2: (1, 1)},
    }
    found = {row["group"]: row["sales"] for row in segments(book(buyers), FIRST, LAST).rows if row["purchases"]}
    assert found == {"loyal": 900, "regular": 1, "drifting": 1}


def test_a_shop_without_customers_has_groups_without_anybody() -> None:
    told = segments(book({}), FIRST, LAST)
    empty = {"customers": 0, "share_of_customers": Rate(None, 0, 0), "purchases": 0}
    assert told.rows == [{"group": name, **empty, "sales": 0, "share_of_sales": Rate(None, 0, 0)} for name in GROUPS]
    limits: dict[str, list[int]] = {"last_purchase": [], "purchases": [], "sales": []}
    assert told.figures == {"customers": 0, "sales": 0, "limits": limits, "cells": []}


def year_of(*facts: Facts) -> Baskets:
    return Baskets.of(merged(facts))


NAMES = ("have", "then", "baskets", "support", "confidence", "lift")
NOTES = ["Counted by whole months; only lines with a category count."]


def test_baskets_of_years_and_slices_add_up_over_the_whole_months_of_the_window() -> None:
    slices = [
        (2024, year_of(orders(("2024-12-15", "old", "xy")))),
        (
            2025,
            year_of(
                orders(("2025-10-31", "ann", "d"), ("2025-11-01", "ann", "ab"), ("2025-12-31", "bob", "ab")),
                claims(("2025-12-24", "dan", "e")),  # in no basket of its own
            ),
        ),
        (2025, year_of(orders(("2025-11-20", "guest", "bc")))),  # ann, as a guest
        (2026, year_of(orders(("2026-01-01", "cy", "a"), ("2026-02-28", None, "ab"), ("2026-03-01", "new", "xy")))),
        (2027, year_of(orders(("2027-01-15", "new", "xy")))),
    ]
    told = baskets(book(baskets=slices, aliases={"guest": "ann"}), day("2025-11-15"), day("2026-02-10"))
    rows = [
        ("a", "b", 3, Rate(3 / 5, 3, 5), Rate(3 / 4, 3, 4), 3 * 5 / 16),
        ("b", "a", 3, Rate(3 / 5, 3, 5), Rate(3 / 4, 3, 4), 3 * 5 / 16),
        ("b", "c", 1, Rate(1 / 5, 1, 5), Rate(1 / 4, 1, 4), 5 / 4),
        ("c", "b", 1, Rate(1 / 5, 1, 5), Rate(1.0, 1, 1), 5 / 4),
    ]
    assert told.rows == [dict(zip(NAMES, row, strict=True)) for row in rows]
    # ann bought a, b and c, bob a and b, cy a, dan none of those that are told.
    categories = [("a", 4, 3), ("b", 4, 2), ("c", 1, 1)]
    assert told.figures == {
        "months": {"from": "2025-11-01", "to": "2026-02-28"},
        "baskets": 5,
        "customers": 4,
        "categories": [
            {
                "category": name,
                "baskets": Rate(many / 5, many, 5),
                "customers": Rate(who / 4, who, 4),
                "never_bought": 4 - who,
            }
            for name, many, who in categories
        ],
    }
    assert told.notes == NOTES


@pytest.mark.parametrize(
    ("first", "last", "counted"),
    [
        ("2025-01-31", "2025-01-31", 1),
        ("2025-12-01", "2025-12-01", 2),
        ("2025-02-01", "2025-11-30", 4),
        ("2025-12-31", "2026-01-01", 2 + 8),
        ("2024-12-31", "2026-01-01", 16 + 1 + 4 + 2 + 8),
        ("2026-02-01", "2026-02-28", 0),
    ],
)
def test_a_window_takes_the_months_that_it_touches_of_each_year(first: str, last: str, counted: int) -> None:
    def year(*months: tuple[str, int]) -> Baskets:
        return year_of(orders(*[(f"{month}-15", "ann", "a") for month, many in months for _ in range(many)]))

    slices = [
        (2024, year(("2024-12", 16))),
        (2025, year(("2025-01", 1), ("2025-06", 4), ("2025-12", 2))),
        (2026, year(("2026-01", 8))),
    ]
    told = baskets(book(baskets=slices), day(first), day(last))
    assert told.figures["baskets"] == counted
    assert told.figures["customers"] == (1 if counted else 0)
    assert [one["category"] for one in told.figures["categories"]] == (["a"] if counted else [])


def test_the_two_hundred_pairs_in_most_baskets_are_told_those_of_earlier_names_first() -> None:
    letters = "abcdefghijklmnopqrstu"  # 210 pairs
    bought = orders(("2026-06-15", None, letters), ("2026-06-15", None, "tu"))
    told = baskets(book(baskets=[(2026, year_of(bought))]), D, D)
    assert len(told.rows) == 2 * PAIRS
    pairs = [(row["have"], row["then"], row["baskets"]) for row in told.rows[::2]]
    assert pairs[:3] == [("t", "u", 2), ("a", "b", 1), ("a", "c", 1)]
    # Left out are the last ten of those in one basket: p and u, four of q, three of r, two of s.
    assert pairs[-1] == ("p", "t", 1)
    assert [one["category"] for one in told.figures["categories"]] == ["t", "u", *letters[:-2]]


def test_what_is_equally_often_bought_is_told_by_name_whichever_slice_it_came_from() -> None:
    later, earlier = (year_of(orders(("2026-06-15", None, pair))) for pair in ("xy", "ab"))
    told = baskets(book(baskets=[(2026, later), (2026, earlier)]), D, D)
    assert [row["have"] + row["then"] for row in told.rows] == ["ab", "ba", "xy", "yx"]
    assert [one["category"] for one in told.figures["categories"]] == ["a", "b", "x", "y"]
