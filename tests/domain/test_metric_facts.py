"""Facts of several booked days put together, and a buyer's rows and a refund's points as they are counted."""

from __future__ import annotations

import msgspec
import pytest

from chalicelib.domain.metric_facts import Facts, Joining, by_day, merged, new_facts
from chalicelib.domain.metric_rows import Movement, Return

ONE, TWO = msgspec.Raw(b"\x01"), msgspec.Raw(b"\x02")


def earlier() -> Facts:
    return Facts(
        days={1: [1, 2], 2: [3, 4]},
        buyers={"a": [1, 1, 2, 3, 4, 5, 6], "b": [7]},
        rewards={"r": {1: [1, 2]}, "s": {1: [3, 4]}},
        takes={"r": {"a": {1: 1}, "b": {1: 2}}},
        lots={5: [10, 20]},
        tiers={"one": {1: [1, 100]}},
        moves={">one": {1: 2}},
        joins={"a": Joining(1)},
        aliases={"g": "a"},
        merges={"x": {"merge": "a"}},
        paid={"f": {"friend": (1, 50)}},
        orders={1: [ONE]},
        claims={1: [TWO]},
    )


def later() -> Facts:
    return Facts(
        days={2: [10, 20], 3: [5, 6]},
        buyers={"a": [2, 1, 1, 1, 1, 1, 1], "c": [9]},
        rewards={"r": {1: [5, 6], 2: [7, 8]}, "t": {1: [9, 9]}},
        takes={"r": {"a": {1: 4, 2: 5}}, "s": {"c": {3: 1}}},
        lots={5: [1, 2], 6: [3, 4]},
        tiers={"one": {1: [2, 200], 2: [3, 300]}, "two": {1: [4, 400]}},
        moves={">one": {1: 3, 2: 4}, "one>": {1: 1}},
        joins={"b": Joining(2, "a", "one")},
        aliases={"h": "b"},
        merges={"x": {"merged": "b"}, "y": {"merge": "c"}},
        paid={"f": {"advocate": (2, 60)}, "e": {"friend": (3, 1)}},
        orders={1: [TWO], 2: [ONE]},
        claims={1: [ONE], 2: [TWO]},
    )


def test_facts_of_booked_days_add_up_to_those_of_the_year() -> None:
    whole = Facts(
        days={1: [1, 2], 2: [13, 24], 3: [5, 6]},
        buyers={"a": [1, 1, 2, 3, 4, 5, 6, 2, 1, 1, 1, 1, 1, 1], "b": [7], "c": [9]},
        rewards={"r": {1: [6, 8], 2: [7, 8]}, "s": {1: [3, 4]}, "t": {1: [9, 9]}},
        takes={"r": {"a": {1: 5, 2: 5}, "b": {1: 2}}, "s": {"c": {3: 1}}},
        lots={5: [11, 22], 6: [3, 4]},
        tiers={"one": {1: [3, 300], 2: [3, 300]}, "two": {1: [4, 400]}},
        moves={">one": {1: 5, 2: 4}, "one>": {1: 1}},
        joins={"a": Joining(1), "b": Joining(2, "a", "one")},
        aliases={"g": "a", "h": "b"},
        merges={"x": {"merge": "a", "merged": "b"}, "y": {"merge": "c"}},
        paid={"f": {"friend": (1, 50), "advocate": (2, 60)}, "e": {"friend": (3, 1)}},
        orders={1: [ONE, TWO], 2: [ONE]},
        claims={1: [TWO, ONE], 2: [TWO]},
    )
    assert merged([earlier(), later()]) == whole
    assert merged([]) == new_facts() == Facts({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})


def test_what_was_put_together_stays_as_it_was() -> None:
    first, second = earlier(), later()
    merged([first, second, later()])
    assert (first, second) == (earlier(), later())


def test_sums_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is longer"):
        merged([Facts(days={1: [1]}), Facts(days={1: [1, 2]})])
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is shorter"):
        by_day([1, 1, 1, 1, 1, 1, 1, 1, 2])


def test_a_buyers_rows_add_up_by_day() -> None:
    rows = [3, 1, 20, 300, 4000, 50000, 600000, 2, 1, 1, 1, 1, 1, 1, 3, 1, 2, 3, 4, 5, 6]
    assert by_day(rows) == {3: [2, 22, 303, 4004, 50005, 600006], 2: [1, 1, 1, 1, 1, 1]}
    assert by_day([]) == {}


def test_a_refund_moves_points_as_an_entry_does() -> None:
    back = Return(at=9, amount=300, points=-5, status="pending", held=2, member="m1", change=("one", None))
    assert back.movement() == Movement("refund", 9, ("refund", ""), -5, "pending", None, 2, "m1")
