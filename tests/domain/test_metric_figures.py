"""The figures that a program is judged by, of months counted by hand."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from chalicelib.domain.metric_facts import Facts
from chalicelib.domain.metric_figures import Figures, Shop
from tests.domain.buyers import counted, flat
from tests.domain.june import day

JANUARY = 2026 * 12


def test_months_hold_all_purchases_and_how_often_known_buyers_bought() -> None:
    facts = Facts(
        days={
            day("2026-02-01"): counted(
                member_purchases=1,
                member_sales=20,
                member_refunds=300,
                member_refunded=4000,
                member_costed=50_000,
                member_cost=600_000,
                guest_purchases=2,
                guest_sales=30,
                guest_refunds=500,
                guest_refunded=7000,
                guest_costed=11_000,
                guest_cost=130_000,
                anonymous_purchases=9,
                anonymous_sales=9,
            ),
            day("2026-01-31"): counted(member_purchases=3, member_sales=40),
            day("2026-01-01"): counted(guest_purchases=5, guest_sales=60, guest_costed=7, guest_cost=8),
        },
        buyers={
            "ann": flat([("2026-01-01", 2, 50), ("2026-01-31", 1, 10), ("2026-02-01", 4), ("2026-02-02", 0, 0, 5)]),
            "bob": flat([("2026-01-01", 6), ("2026-03-01", 1), ("2026-03-02", -1)]),
            "cid": flat([("2026-04-01", 1)]),
        },
    )
    figures = Figures.of(facts)
    assert list(figures.months.items()) == [
        (JANUARY, [8, 100, 7, 8, 9, 2]),
        (JANUARY + 1, [3, 50, 61_000, 730_000, 4, 1]),
        (JANUARY + 3, [0, 0, 0, 0, 1, 1]),
    ]
    assert msgspec.msgpack.decode(figures.packed(), type=Figures) == figures


def test_figures_of_slices_and_years_add_up_by_month() -> None:
    first = Figures({JANUARY: [1, 2, 3, 4, 5, 6], JANUARY + 1: [1, 1, 1, 1, 1, 1]})
    second = Figures({JANUARY: [10, 20, 30, 40, 50, 60], JANUARY - 1: [7, 7, 7, 7, 7, 7]})
    assert Figures.read([(2026, first.packed()), (2025, second.packed())]) == Figures(
        {JANUARY: [11, 22, 33, 44, 55, 66], JANUARY + 1: [1, 1, 1, 1, 1, 1], JANUARY - 1: [7, 7, 7, 7, 7, 7]}
    )
    assert Figures.read([]) == Figures({})


def test_rows_of_another_width_are_refused_and_not_cut_short() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Figures.of(Facts(buyers={"ann": [day("2026-01-01")]}))
    with pytest.raises(ValueError, match="shorter"):
        Figures.read([(2026, Figures({JANUARY: [1] * 5}).packed())])
    with pytest.raises(ValueError, match="shorter"):
        Figures({JANUARY: [40] * 6, JANUARY + 1: [40] * 5}).shop(date(2026, 2, 1))


def test_a_shop_is_judged_by_twelve_months_up_to_this_one() -> None:
    months = {
        JANUARY + 2: [10, 2000, 500, 299, 30, 12],  # March, this month
        JANUARY + 3: [900, 1, 1, 1, 1, 1],
        JANUARY - 9: [20, 1099, 500, 300, 10, 4],  # April of the year before
        JANUARY - 10: [900, 1, 1, 1, 1, 1],
    }
    for today in (date(2026, 3, 1), date(2026, 3, 31)):
        # 3,099 ÷ 30 purchases; 40 ÷ 16 rounds to the even 2; (1,000 - 599) ÷ 1,000
        assert Figures(months).shop(today) == Shop(103, 2, 40)


def test_an_average_of_less_than_thirty_purchases_is_chance() -> None:
    today = date(2026, 1, 1)
    assert Figures({}).shop(today) is None
    assert Figures({JANUARY: [29, 2900, 10, 5, 29, 1]}).shop(today) is None
    assert Figures({JANUARY: [30, 2900, 0, 0, 0, 0]}).shop(today) == Shop(96, 1, None)


def test_margin_and_pace_of_a_shop_that_knows_little() -> None:
    today = date(2026, 1, 1)
    assert Figures({JANUARY: [30, 300, 1, 0, 2, 5]}).shop(today) == Shop(10, 1, 100)
    assert Figures({JANUARY: [30, 300, 100, 150, 9, 1]}).shop(today) == Shop(10, 9, -50)
    assert Figures({JANUARY: [30, 300, -5, 0, 7, 2]}).shop(today) == Shop(10, 4, None)
