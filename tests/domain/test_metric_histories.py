"""Who bought when, packed by year and read again: every sum and every day of few buyers, and where a window cuts."""

from __future__ import annotations

import sys
import zlib

import msgspec
import pytest

from chalicelib.domain import metric_histories
from chalicelib.domain.metric_histories import ACTIVE, COST, COSTED, PURCHASES, REFUNDED, SALES, Columns, Histories
from chalicelib.domain.metric_histories import History as Stretches
from tests.domain.buyers import Rows, flat, people, years
from tests.domain.june import day

Told = list[tuple[int, list[int]]]


def unpacked(blob: bytes) -> Columns:
    return msgspec.msgpack.decode(zlib.decompress(blob), type=Columns)


def read(buyers: dict[str, Rows], aliases: dict[str, str] | None = None) -> dict[str, Stretches]:
    return Histories(years(buyers), people(aliases=aliases).who).by_buyer


def one(*rows: tuple[object, ...]) -> Stretches:
    return read({"ann": list(rows), "abe": [("2024-06-01", 50, 50)], "bob": [("2026-06-01", 60, 60)]})["ann"]


def rows(history: Stretches) -> list[Told]:
    return [
        [(one.base + one.days[at], [column[at] for column in one.columns]) for at in range(one.start, one.end)]
        for one in history
    ]


def test_a_year_is_packed_by_buyer_and_day_and_days_that_add_up_to_nothing_are_left_out() -> None:
    buyers = {
        "bob": flat([("2026-01-03", 1, 200), ("2026-01-01", 2, 300, 4, 5, 6, 7), ("2026-01-03", 1, 100)]),
        "ann": flat([("2026-12-31", 1, 40000)]),
        "abe": flat([("2026-02-01", 1, 100), ("2026-02-01", -1, -100)]),
    }
    assert unpacked(metric_histories.packed(2026, buyers)) == Columns(
        2026,
        ["abe", "ann", "bob"],
        ("b", bytes([0, 1, 3])),
        ("h", b"\x6c\x01" + b"\x00\x00" + b"\x02\x00"),
        [
            ("b", bytes([1, 2, 2])),
            ("i", b"\x40\x9c\x00\x00" + b"\x2c\x01\x00\x00" + b"\x2c\x01\x00\x00"),
            ("b", bytes([0, 4, 0])),
            ("b", bytes([0, 5, 0])),
            ("b", bytes([0, 6, 0])),
            ("b", bytes([0, 7, 0])),
        ],
    )
    assert metric_histories.packed(2026, dict(reversed(buyers.items()))) == metric_histories.packed(2026, buyers)


def test_a_year_without_buyers_is_empty() -> None:
    empty = ("b", b"")
    assert unpacked(metric_histories.packed(2026, {})) == Columns(2026, [], empty, empty, [empty] * 6)


@pytest.mark.parametrize(
    ("number", "letter"),
    [
        (127, "b"),
        (128, "h"),
        (-128, "b"),
        (-129, "h"),
        (32_767, "h"),
        (32_768, "i"),
        (-32_769, "i"),
        (2**31 - 1, "i"),
        (2**31, "q"),
        (-(2**31) - 1, "q"),
        (2**63 - 1, "q"),
        (-(2**63), "q"),
    ],
)
def test_a_column_is_as_narrow_as_its_numbers_allow(number: int, letter: str) -> None:
    blob = metric_histories.packed(2026, {"ann": flat([("2026-01-01", 1, number)])})
    assert unpacked(blob).columns[SALES][0] == letter
    assert rows(Histories([blob], str).by_buyer["ann"]) == [[(day("2026-01-01"), [1, number, 0, 0, 0, 0])]]


def test_a_number_beyond_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError) as raised:
        metric_histories.packed(2026, {"ann": flat([("2026-01-01", 1, 2**63)])})
    assert str(raised.value) == "A day's sum of one buyer is beyond 64 bits: 9223372036854775808"


def test_what_is_stored_is_the_same_on_a_machine_that_counts_from_the_big_end(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"little": "big", "big": "little"}[sys.byteorder]
    monkeypatch.setattr(sys, "byteorder", there)
    blob = metric_histories.packed(2026, {"ann": flat([("2026-01-01", 1, 258)])})
    swapped = unpacked(blob).columns[SALES][1]
    assert swapped == (b"\x01\x02" if there == "big" else b"\x02\x01")
    assert rows(Histories([blob], str).by_buyer["ann"])[0][0][1][SALES] == 258


def test_every_buyers_years_are_read_in_their_order() -> None:
    buyers: dict[str, Rows] = {
        "ann": [("2025-12-31", 1, 10), ("2026-01-01", 2, 20), ("2026-01-02", 3, 30)],
        "bob": [("2026-05-01", 4, 40)],
        "cid": [("2026-05-01", 0)],
        "dot": [("2026-05-02", 5, 50)],
    }
    found = {name: rows(history) for name, history in read(buyers).items()}
    assert found == {
        "ann": [
            [(day("2025-12-31"), [1, 10, 0, 0, 0, 0])],
            [(day("2026-01-01"), [2, 20, 0, 0, 0, 0]), (day("2026-01-02"), [3, 30, 0, 0, 0, 0])],
        ],
        "bob": [[(day("2026-05-01"), [4, 40, 0, 0, 0, 0])]],
        "dot": [[(day("2026-05-02"), [5, 50, 0, 0, 0, 0])]],
    }
    backwards = Histories(reversed(years(buyers)), str).by_buyer
    assert rows(backwards["ann"]) == found["ann"]


def test_what_was_bought_as_a_guest_is_added_to_the_member_day_by_day() -> None:
    buyers: dict[str, Rows] = {
        "ann": [("2025-03-01", 1, 5), ("2026-01-02", 1, 10, 1, 2, 3, 4), ("2026-01-05", 1, 1)],
        "guest": [("2026-01-02", 2, 20, 10, 20, 30, 40), ("2026-01-01", 1, 7), ("2026-01-05", -1, -1)],
        "other": [("2026-01-02", 1, 70_000), ("2026-12-31", 1, 8)],
    }
    found = read(buyers, {"guest": "ann", "other": "guest"})
    assert {name: rows(history) for name, history in found.items()} == {
        "ann": [
            [(day("2025-03-01"), [1, 5, 0, 0, 0, 0])],
            [
                (day("2026-01-01"), [1, 7, 0, 0, 0, 0]),
                (day("2026-01-02"), [4, 70_030, 11, 22, 33, 44]),
                (day("2026-12-31"), [1, 8, 0, 0, 0, 0]),
            ],
        ]
    }


def test_rows_of_one_year_under_two_names_become_one_stretch() -> None:
    buyers: dict[str, Rows] = {"ann": [("2026-01-02", 1, 10)], "guest": [("2026-01-01", -1, -7)]}
    assert [rows(history) for history in read(buyers, {"guest": "ann"}).values()] == [
        [[(day("2026-01-01"), [-1, -7, 0, 0, 0, 0]), (day("2026-01-02"), [1, 10, 0, 0, 0, 0])]]
    ]


def test_rows_of_another_width_are_refused_and_not_cut_short() -> None:
    with pytest.raises(ValueError, match="shorter"):
        metric_histories.packed(2026, {"ann": [day("2026-01-01"), 1, 2, 3, 4, 5]})
    whole = unpacked(metric_histories.packed(2026, {"ann": flat([("2026-01-01", 1)])}))
    torn = zlib.compress(msgspec.msgpack.encode(msgspec.structs.replace(whole, buyers=["ann", "bob"])))
    with pytest.raises(ValueError, match="shorter"):
        Histories([torn], str)


ANN = one(
    ("2024-12-31", 1, 100, 10, 5, 3, 1),
    ("2026-01-01", 2, 200, 20, 50, 30, 0),
    ("2026-12-31", 4, 400, 40, 500, 300, 1),
)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2024-01-01", "2026-12-31", [7, 700, 70, 555, 333, 2]),
        ("2024-12-31", "2026-01-01", [3, 300, 30, 55, 33, 1]),
        ("2024-12-31", "2024-12-31", [1, 100, 10, 5, 3, 1]),
        ("2025-01-01", "2025-12-31", [0, 0, 0, 0, 0, 0]),
        ("2026-01-01", "2026-01-01", [2, 200, 20, 50, 30, 0]),
        ("2026-01-02", "2026-12-30", [0, 0, 0, 0, 0, 0]),
        ("2026-12-31", "2027-01-01", [4, 400, 40, 500, 300, 1]),
        ("2027-01-01", "2027-01-01", [0, 0, 0, 0, 0, 0]),
        ("2020-01-01", "2024-12-30", [0, 0, 0, 0, 0, 0]),
    ],
)
def test_sums_hold_both_ends_of_the_window(first: str, last: str, expected: list[int]) -> None:
    window = day(first), day(last)
    assert metric_histories.sums(ANN, *window) == expected
    columns = (PURCHASES, SALES, REFUNDED, COSTED, COST, ACTIVE)
    assert [metric_histories.sum_of(ANN, column, *window) for column in columns] == expected
    assert metric_histories.net_sales(ANN, *window) == expected[1] - expected[2]


def test_a_sum_over_several_days_of_a_year_adds_each() -> None:
    ann = one(("2026-03-01", 1, 1), ("2026-03-02", 1, 10), ("2026-03-03", 1, 100), ("2026-03-04", 1, 1000))
    assert metric_histories.sum_of(ann, SALES, day("2026-03-02"), day("2026-03-03")) == 110
    assert metric_histories.sums(ann, day("2026-03-02"), day("2026-03-03")) == [2, 110, 0, 0, 0, 0]


def test_days_are_those_above_zero_up_to_the_last_asked_for() -> None:
    ann = one(("2024-12-31", 1), ("2026-01-01", -1), ("2026-01-02", 0, 5), ("2026-01-03", 2), ("2026-01-04", 1))
    until = [list(metric_histories.days_with(ann, PURCHASES, day(text))) for text in ("2024-12-30", "2026-01-03")]
    assert until == [[], [day("2024-12-31"), day("2026-01-03")]]
    assert list(metric_histories.days_with(ann, SALES, day("2026-12-31"))) == [day("2026-01-02")]


def test_the_first_and_the_last_day_of_a_window_are_in_it() -> None:
    ann = one(("2024-12-31", 1), ("2026-01-01", -1), ("2026-01-02", 0, 5), ("2026-01-03", 2), ("2026-01-04", 1))

    def first(since: str, until: str) -> int | None:
        return metric_histories.first_day(ann, PURCHASES, day(since), day(until))

    def last(until: str) -> int | None:
        return metric_histories.last_day(ann, PURCHASES, day(until))

    assert first("2024-12-31", "2026-01-04") == day("2024-12-31")
    assert first("2025-01-01", "2026-01-04") == day("2026-01-03")
    assert first("2026-01-04", "2026-01-04") == day("2026-01-04")
    assert first("2025-01-01", "2026-01-02") is None
    assert last("2026-12-31") == last("2026-01-04") == day("2026-01-04")
    assert last("2026-01-03") == day("2026-01-03")
    assert last("2026-01-02") == day("2024-12-31")
    assert last("2024-12-30") is None
    assert metric_histories.last_day(ann, SALES, day("2026-01-02")) == day("2026-01-02")
    assert metric_histories.last_day(ann, SALES, day("2026-01-03")) == day("2026-01-02")


def silences(until: str, *bought: tuple[object, ...]) -> tuple[int, int, list[tuple[int, int]]] | None:
    return metric_histories.silences(one(*bought), PURCHASES, day(until), 10)


def test_a_silence_is_longer_than_so_many_days() -> None:
    exact = silences("2026-12-31", ("2026-01-01", 1), ("2026-01-11", 1), ("2026-01-21", 1))
    assert exact == (day("2026-01-01"), day("2026-01-21"), [])
    longer = silences("2026-12-31", ("2026-01-01", 1), ("2026-01-12", 1), ("2026-01-13", 1), ("2026-01-30", 1))
    around = [(day("2026-01-01"), day("2026-01-12")), (day("2026-01-13"), day("2026-01-30"))]
    assert longer == (day("2026-01-01"), day("2026-01-30"), around)


def test_who_follows_in_the_same_year_breaks_no_silence() -> None:
    bob: Rows = [("2026-01-02", 1), ("2026-01-03", 1), ("2026-01-04", 1)]
    ann = read({"ann": [("2026-01-01", 1), ("2026-03-01", 1)], "bob": bob})["ann"]
    around = day("2026-01-01"), day("2026-03-01")
    assert metric_histories.silences(ann, PURCHASES, day("2026-12-31"), 10) == (*around, [around])


def test_a_silence_may_reach_over_the_turn_of_years() -> None:
    exact = silences("2026-12-31", ("2025-12-22", 1), ("2026-01-01", 1))
    assert exact == (day("2025-12-22"), day("2026-01-01"), [])
    longer = silences("2026-12-31", ("2024-12-30", 1), ("2024-12-31", 1), ("2026-01-01", 1), ("2026-01-02", 1))
    assert longer == (day("2024-12-30"), day("2026-01-02"), [(day("2024-12-31"), day("2026-01-01"))])


def test_days_without_a_purchase_and_days_after_the_last_break_no_silence() -> None:
    bought = [("2025-06-01", 0, 5), ("2026-01-01", 1), ("2026-01-08", 0, 5), ("2026-01-09", -1), ("2026-01-15", 1)]
    told = silences("2026-01-15", *bought, ("2026-01-16", 1))
    assert told == (day("2026-01-01"), day("2026-01-15"), [(day("2026-01-01"), day("2026-01-15"))])
    assert silences("2025-12-31", *bought) is None
    assert silences("2026-01-14", *bought) == (day("2026-01-01"), day("2026-01-01"), [])


def test_months_are_those_with_a_day_above_zero_in_the_window() -> None:
    ann = one(
        ("2024-02-29", 1),
        ("2024-03-01", 1),
        ("2024-12-31", 1),
        ("2026-01-01", 1),
        ("2026-01-31", 1),
        ("2026-02-27", 0, 5),
        ("2026-03-01", 1),
        ("2026-03-31", 1),
        ("2026-12-01", 1),
    )

    def months(since: str, until: str) -> list[int]:
        return metric_histories.months_with(ann, PURCHASES, day(since), day(until))

    year, later = 2024 * 12 - 1, 2026 * 12 - 1
    assert months("2024-01-01", "2026-12-31") == [year + 2, year + 3, year + 12, later + 1, later + 3, later + 12]
    assert months("2024-03-01", "2024-12-30") == [year + 3]
    assert months("2024-12-31", "2026-01-01") == [year + 12, later + 1]
    assert months("2026-01-31", "2026-02-28") == [later + 1]
    assert months("2026-02-01", "2026-02-28") == []
    assert months("2026-03-31", "2026-03-31") == [later + 3]
