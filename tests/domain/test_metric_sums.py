"""The sums by day of several years and slices, as they are stored and as reports ask for them."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from chalicelib.domain.metric_facts import COUNTERS, Facts
from chalicelib.domain.metric_sums import Sums
from tests.domain.buyers import counted
from tests.domain.june import day

NEW_YEAR, EVE = day("2024-01-01"), day("2024-12-31")
NO_REWARD = [0] * 8


def column(**days: int) -> list[int]:
    """A year's column of a counter: ``d0`` is 1 January."""
    return [days.get(f"d{at}", 0) for at in range(366)]


def sums() -> Sums:
    return Sums.of(
        Facts(
            days={
                EVE + 1: counted(earned=7),
                EVE: counted(redeemed=5, earned=3),
                NEW_YEAR + 1: counted(earned=2),
                NEW_YEAR: counted(earned=1),
                NEW_YEAR + 9: counted(),
            },
            rewards={"s": {3: [1] * 8, 2: NO_REWARD}, "r": {3: [2, 0, 0, 0, 0, 0, 0, 1], 1: [3, 4, 5, 6, 7, 8, 9, 10]}},
            lots={9: [0, 1], 8: [1, 0], 7: [0, 0]},
            tiers={"two": {2: [1, 0]}, "one": {2: [1, 10], 1: [2, 20], 3: [0, 0]}},
            moves={"one>two": {2: 1, 1: 2}, ">one": {1: 4}},
        )
    )


def test_sums_are_columns_of_a_year_in_order_without_what_is_nothing() -> None:
    made = sums()
    assert made == Sums(
        {
            2024: {"earned": column(d0=1, d1=2, d365=3), "redeemed": column(d365=5)},
            2025: {"earned": column(d0=7)},
        },
        {"r": {1: [3, 4, 5, 6, 7, 8, 9, 10], 3: [2, 0, 0, 0, 0, 0, 0, 1]}, "s": {3: [1] * 8}},
        {8: [1, 0], 9: [0, 1]},
        {"one": {1: [2, 20], 2: [1, 10]}, "two": {2: [1, 0]}},
        {">one": {1: 4}, "one>two": {1: 2, 2: 1}},
    )
    ordered = [list(made.years[2024]), list(made.rewards), list(made.rewards["r"]), list(made.lots), list(made.tiers)]
    assert ordered == [["earned", "redeemed"], ["r", "s"], [1, 3], [8, 9], ["one", "two"]]
    assert [list(made.moves), list(made.moves["one>two"]), list(made.tiers["one"])] == [
        [">one", "one>two"],
        [1, 2],
        [1, 2],
    ]
    assert list(made.years) == [2024, 2025]


def test_counters_are_stored_by_name_and_years_in_order() -> None:
    made = Sums.of(Facts(days={EVE: counted(pending=1, bonus=1, transferred=1)}))
    assert list(made.years[2024]) == ["bonus", "pending", "transferred"]


def test_slices_and_years_add_up_whatever_they_have() -> None:
    other = Sums.of(
        Facts(
            days={NEW_YEAR: counted(earned=10, bonus=1), day("2023-12-31"): counted(earned=100)},
            rewards={"r": {1: [1] * 8, 2: [2] * 8}, "t": {1: [9] * 8}},
            lots={9: [5, 5], 10: [6, 6]},
            tiers={"one": {1: [1, 1], 5: [5, 5]}, "three": {1: [1, 1]}},
            moves={">one": {1: 1, 7: 2}, "two>": {1: 3}},
        )
    )
    assert Sums.read([sums().packed(), other.packed()]) == Sums(
        {
            2024: {"earned": column(d0=11, d1=2, d365=3), "redeemed": column(d365=5), "bonus": column(d0=1)},
            2025: {"earned": column(d0=7)},
            2023: {"earned": column(d364=100)},
        },
        {
            "r": {1: [4, 5, 6, 7, 8, 9, 10, 11], 3: [2, 0, 0, 0, 0, 0, 0, 1], 2: [2] * 8},
            "s": {3: [1] * 8},
            "t": {1: [9] * 8},
        },
        {8: [1, 0], 9: [5, 6], 10: [6, 6]},
        {"one": {1: [3, 21], 2: [1, 10], 5: [5, 5]}, "two": {2: [1, 0]}, "three": {1: [1, 1]}},
        {">one": {1: 5, 7: 2}, "one>two": {1: 2, 2: 1}, "two>": {1: 3}},
    )
    assert Sums.read([]) == Sums({}, {}, {}, {}, {})


def test_sums_are_stored_as_they_are_and_equal_ones_in_equal_bytes() -> None:
    made = sums()
    assert msgspec.msgpack.decode(zlib.decompress(made.packed()), type=Sums) == made
    here, there = ({"r": {1: [1] * 8}, "s": {2: [2] * 8}}, {"s": {2: [2] * 8}, "r": {1: [1] * 8}})
    assert Sums.of(Facts(rewards=here)).packed() == Sums.of(Facts(rewards=there)).packed()


@pytest.mark.parametrize(
    ("first", "last", "earned", "redeemed"),
    [
        (NEW_YEAR, NEW_YEAR, 1, 0),
        (NEW_YEAR - 1, NEW_YEAR - 1, 0, 0),
        (NEW_YEAR - 400, NEW_YEAR + 1, 3, 0),
        (NEW_YEAR + 1, EVE - 1, 2, 0),
        (EVE, EVE, 3, 5),
        (EVE, EVE + 1, 10, 5),
        (EVE + 1, EVE + 400, 7, 0),
        (EVE + 2, EVE + 400, 0, 0),
        (NEW_YEAR, EVE + 1, 13, 5),
        (-(10**9), 10**9, 13, 5),
    ],
)
def test_counters_are_summed_from_the_first_day_to_the_last(first: int, last: int, earned: int, redeemed: int) -> None:
    expected = {**dict.fromkeys(COUNTERS, 0), "earned": earned, "redeemed": redeemed}
    assert sums().between(first, last) == expected


def test_a_rewards_sums_are_told_by_name() -> None:
    names = ("issued", "points", "cost_issued", "used", "cost_used", "cancelled", "expired", "days_to_use")
    made = sums()
    assert made.reward_between("r", 1, 3) == dict(zip(names, (5, 4, 5, 6, 7, 8, 9, 11), strict=True))
    assert made.reward_between("r", 1, 2) == dict(zip(names, (3, 4, 5, 6, 7, 8, 9, 10), strict=True))
    assert made.reward_between("r", 2, 3) == dict(zip(names, (2, 0, 0, 0, 0, 0, 0, 1), strict=True))
    assert made.reward_between("r", 2, 2) == made.reward_between("none", 1, 3) == dict.fromkeys(names, 0)


def test_a_tiers_purchases_and_sales_are_those_of_the_days_asked_for() -> None:
    made = sums()
    found = [made.tier_between("one", first, last) for first, last in ((1, 2), (1, 1), (2, 2), (3, 9))]
    assert found == [(3, 30), (2, 20), (1, 10), (0, 0)]
    assert made.tier_between("none", 1, 2) == (0, 0)


def test_moves_are_told_from_where_to_where_if_there_were_any() -> None:
    made = sums()
    assert list(made.moved_between(1, 2)) == [("", "one", 4), ("one", "two", 3)]
    assert list(made.moved_between(2, 2)) == [("one", "two", 1)]
    assert list(made.moved_between(1, 1)) == [("", "one", 4), ("one", "two", 2)]
    assert list(made.moved_between(3, 9)) == []
    made.moves["0>x"] = {1: 1}
    assert [before for before, _, _ in made.moved_between(1, 1)] == ["0", "", "one"]


def test_sums_of_another_width_are_refused_and_never_cut() -> None:
    short, long = Sums({}, {}, {1: [1]}, {}, {}).packed(), Sums({}, {}, {1: [1, 2]}, {}, {}).packed()
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is longer"):
        Sums.read([short, long])
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter"):
        Sums.of(Facts(days={1: counted()[:-1]}))
    uneven = Sums({}, {"r": {1: [1], 2: [1, 2]}, "s": {1: [1]}}, {}, {}, {})
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is longer"):
        uneven.reward_between("r", 1, 2)
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter"):
        uneven.reward_between("s", 1, 1)
