"""What joining changed, on numbers that fit on paper: Student's t, the estimate, whom to compare, what a day weighs."""

from __future__ import annotations

from math import sqrt

import pytest

from chalicelib.domain.metric_effect import Chosen, Estimate, Weights, chosen, difference, quantile
from chalicelib.domain.metric_histories import PURCHASES, REFUNDED, SALES
from tests.domain.bought import D, book


@pytest.mark.parametrize(
    ("freedom", "at_95", "at_98"),
    [(0.4, 12.706205, 31.820516), (1, 12.706205, 31.820516), (2.9, 4.302653, 6.964557), (10.9, 2.228139, 2.763769)],
)
def test_up_to_ten_degrees_the_printed_table_is_used(freedom: float, at_95: float, at_98: float) -> None:
    assert (quantile(0.95, freedom), quantile(0.98, freedom)) == (at_95, at_98)


@pytest.mark.parametrize(
    ("freedom", "at_95", "at_98"),
    # Published tables of Student's t.
    [(11, 2.200985, 2.718079), (19, 2.093024, 2.539483), (30, 2.042272, 2.457262), (1000, 1.962339, 2.330083)],
)
def test_beyond_ten_degrees_the_series_meets_the_table(freedom: float, at_95: float, at_98: float) -> None:
    assert quantile(0.95, freedom) == pytest.approx(at_95, abs=2e-5)
    assert quantile(0.98, freedom) == pytest.approx(at_98, abs=1e-4)


def test_the_series_is_that_of_abramowitz_and_stegun_to_the_fourth_term() -> None:
    z, n = 1.959963984540054, 11.5  # 26.7.5
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    assert quantile(0.95, n) == pytest.approx(z + g1 / n + g2 / n**2 + g3 / n**3 + g4 / n**4, rel=1e-12)


def test_an_interval_reaches_as_far_as_t_times_the_error_on_both_sides() -> None:
    assert Estimate(100.0, 2.0, 2.0).interval(0.95) == (100 - 2 * 4.302653, 100 + 2 * 4.302653)


@pytest.mark.parametrize(
    ("value", "proof"),
    # 6.964557 is the reach at 98 %: what only 95 % would prove is no proof.
    [(7.0, "more"), (6.964557, "no proof"), (5.0, "no proof"), (-6.964557, "no proof"), (-7.0, "less")],
)
def test_an_effect_is_proved_where_the_interval_of_98_percent_leaves_out_nothing(value: float, proof: str) -> None:
    assert Estimate(value, 1.0, 2.0).proved() == proof


MEMBERS = [(5.0, 5.0), (7.0, 7.0)] * 10
OTHERS = [(1.0, 0.25), (3.0, 1.75)] * 12
"""Members: means 6 and 6. Others: means 2 and 1, so their trend is a half."""


def test_an_estimate_takes_the_others_trend_at_the_members_level_and_adds_up_both_variances() -> None:
    # Members' became - was/2: 2.5 and 3.5, each a half from the mean of 3: 20 x 0.25 / 19 / 20.
    # Others': -0.25 and 0.25: 24 x 0.0625 / 23 / 24, times (6 / 2) squared.
    own, theirs = 0.25 / 19, 0.0625 / 23 * 9
    freedom = (own + theirs) ** 2 / (own**2 / 19 + theirs**2 / 23)
    found = difference(MEMBERS, OTHERS)
    assert found is not None
    assert found.value == 6 - 6 / 2
    assert found.error == pytest.approx(sqrt(own + theirs), rel=1e-12)
    assert found.freedom == pytest.approx(freedom, rel=1e-12)


def test_twenty_of_each_are_enough_and_nineteen_of_either_are_not() -> None:
    assert difference(MEMBERS[:20], OTHERS[:20]) is not None
    assert difference(MEMBERS[:19], OTHERS) is None
    assert difference(MEMBERS, OTHERS[:19]) is None


def test_others_who_bought_nothing_before_have_no_trend() -> None:
    assert difference(MEMBERS, [(0.0, 1.0)] * 20) is None
    assert difference(MEMBERS, [(-1.0, 1.0)] * 20) is None
    assert difference([(1.0, 1.0)] * 20, [(0.5, 1.0)] * 20) == Estimate(-1.0, 0.0, 38)


def test_people_who_are_all_alike_leave_no_error_and_count_as_many_degrees_as_people_less_two() -> None:
    assert difference([(4.0, 6.0)] * 20, [(2.0, 1.0)] * 25) == Estimate(4.0, 0.0, 43)


def test_the_compared_bought_before_the_day_that_keeps_most_of_both() -> None:
    members = [
        ("first", 10, 50),  # window begins on 20
        ("alike", 19, 50),
        ("begins-to-buy", 20, 50),  # on the first day of the window: not before it
        ("later", 24, 60),  # window begins on 30: a customer by then, though not on 20
        ("later-too", 28, 60),
        ("late", 29, 61),
        ("too-late", 31, 61),  # its own window begins on 31
        ("on-the-day", 30, 70),  # a customer before its own window, but not before the 30th
    ]
    others = [("a", 19), ("b", 20), ("c", 29), ("d", 30), ("e", 31)]
    # From 20: 2 members, 1 other: 2 x 1 / 3. From 30: 3 x 3 / 6. From 31: 2 x 4 / 6. From 40: 1 x 5 / 6.
    assert chosen(members, others, 30) == Chosen({"later": 60, "later-too": 60, "late": 61}, ["a", "b", "c"])


def test_few_of_each_are_better_than_many_of_one_and_hardly_any_of_the_other() -> None:
    members = [*((f"early-{one}", 1, 50) for one in range(7)), *((f"late-{one}", 1, 60) for one in range(3))]
    others = [*((f"old-{one}", 10) for one in range(2)), *((f"young-{one}", 25) for one in range(4))]
    # From 20: 10 x 2 / 12. From 30: 3 x 6 / 9.
    late = {f"late-{one}": 60 for one in range(3)}
    assert chosen(members, others, 30) == Chosen(late, [name for name, _ in others])


def test_who_joined_before_buying_takes_nobody_elses_place() -> None:
    members = [("one", 25, 60), ("joined-first", 45, 50)]
    assert chosen(members, [("a", 5)], 30) == Chosen({"one": 60}, ["a"])


def test_of_two_days_that_keep_equally_many_the_earlier_is_taken() -> None:
    members = [("one", 1, 40), ("two", 2, 50)]
    assert chosen(members, [("a", 5)], 30) == Chosen({"one": 40, "two": 50}, ["a"])
    assert chosen([("one", 9, 40), ("two", 15, 50)], [("a", 5)], 30) == Chosen({"one": 40}, ["a"])


@pytest.mark.parametrize(
    ("members", "others"), [([], []), ([("one", 1, 40)], []), ([], [("a", 5)]), ([("one", 1, 40)], [("a", 10)])]
)
def test_nobody_is_compared_where_one_side_is_empty(
    members: list[tuple[str, int, int]], others: list[tuple[str, int]]
) -> None:
    assert chosen(members, others, 30) == Chosen({}, [])


def test_a_day_weighs_by_the_share_of_members_for_whom_it_lies_before_or_after_joining() -> None:
    weights = Weights([D, D, D, D + 2], 3)
    assert (weights.first, weights.last) == (D - 3, D + 5)
    # D-3 … D-1 lie before D; D-1 … D+1 before D+2. D+1 … D+3 lie after D; D+3 … D+5 after D+2.
    assert weights.before == [0.75, 0.75, 1.0, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0]
    assert weights.after == [0.0, 0.0, 0.0, 0.0, 0.75, 0.75, 1.0, 0.25, 0.25]


COUNT, SPEND = ((PURCHASES, 1),), ((SALES, 1), (REFUNDED, -1))


def test_a_buyers_days_count_by_their_weight_refunds_against_them() -> None:
    days = {
        D - 4: (9, 900),
        D - 3: (1, 100),  # before 0.75
        D - 1: (2, 300, 60),  # before 1
        D + 1: (4, 400, 40),  # before 0.25, after 0.75
        D + 5: (8, 800),  # after 0.25
        D + 6: (9, 900),
    }
    history = book({"ann": days}).histories.by_buyer["ann"]
    count, spend = Weights([D, D, D, D + 2], 3).of(history, (COUNT, SPEND))
    assert count == (0.75 + 2 + 1, 3.0 + 2)
    assert spend == (75.0 + 300 - 60 + 100 - 10, 300.0 - 30 + 200)


def test_a_year_outside_the_windows_is_passed_over_and_two_years_add_up() -> None:
    begins = D - 151  # 1 January
    days = {begins - 400: (5, 50), begins - 1: (1, 100), begins + 1: (2, 200, 20)}
    history = book({"ann": days}).histories.by_buyer["ann"]
    assert len(history) == 3
    assert Weights([begins], 2).of(history, (COUNT, SPEND)) == [(1.0, 2.0), (100.0, 180.0)]
