"""A year of baskets, counted on paper: categories, pairs and buyers by month, and what is too rare for a name."""

from __future__ import annotations

from chalicelib.domain.metric_baskets import MOST, OTHER, Baskets, places
from chalicelib.domain.metric_facts import Facts, merged
from tests.domain.bought import claims, orders

SECOND = 65536
"""The second name is the first of a pair."""


def year() -> Baskets:
    bought = orders(
        ("2026-03-15", "ann", "ac"),
        ("2026-03-15", None, "ac"),
        ("2026-03-16", "bob", "bc-"),
        ("2026-04-15", "bob", "-"),
        ("2026-04-15", "ann", "cb"),
        ("2026-05-15", None, "-"),
    )
    # What was claimed is in no basket of its own, yet somebody's.
    return Baskets.of(merged([bought, claims(("2026-03-01", "eve", "b"), ("2026-06-01", "ann", "d"))]))


def test_a_year_counts_baskets_categories_pairs_and_buyers_by_month() -> None:
    assert year() == Baskets(
        names=["a", "b", "c", "d"],
        baskets={3: 3, 4: 1},
        counts={3: [2, 1, 3, 0], 4: [0, 1, 1, 0]},
        codes=[2, SECOND + 2],
        pairs={3: [2, 1], 4: [0, 1]},
        bought={
            "ann": bytes([0, 0, 0b0101, 0b0110, 0, 0b1000, 0, 0, 0, 0, 0, 0]),
            "bob": bytes([0, 0, 0b0110, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "eve": bytes([0, 0, 0b0010, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        },
    )
    assert list(year().bought) == ["ann", "bob", "eve"]


def test_months_add_up_and_those_without_baskets_count_nothing() -> None:
    told = year()
    assert told.counted(range(3, 5)) == [2, 2, 4, 0]
    assert told.counted(range(4, 13)) == [0, 1, 1, 0]
    assert told.counted(range(5, 13)) == [0, 0, 0, 0]
    assert told.paired(range(1, 5)) == [2, 2]
    assert told.paired(range(4, 5)) == [0, 1]
    assert told.paired(range(5, 13)) == [0, 0]


def test_what_each_bought_over_some_months_is_told_of_those_who_bought() -> None:
    told = year()
    assert list(told.bought_in(range(3, 5))) == [("ann", 0b0111), ("bob", 0b0110), ("eve", 0b0010)]
    assert list(told.bought_in(range(4, 7))) == [("ann", 0b1110)]
    assert list(told.bought_in(range(1, 3))) == []


def test_a_month_without_categories_hides_neither_later_months_nor_what_else_somebody_bought() -> None:
    told = Baskets.of(orders(("2026-05-01", "ann", "-"), ("2026-06-01", "ann", "a"), ("2026-06-02", "ann", "b")))
    assert (told.baskets, told.counts) == ({6: 2}, {6: [1, 1]})
    assert list(told.bought_in(range(6, 7))) == [("ann", 0b11)]


def test_a_year_without_orders_is_empty() -> None:
    assert Baskets.of(Facts()) == Baskets()
    assert Baskets().counted(range(1, 13)) == []


def test_the_places_of_a_mask_are_told_in_order() -> None:
    assert list(places(0b1000_0000_0101)) == [0, 2, 11]
    assert list(places(0)) == []


def letters(count: int) -> str:
    return "".join(chr(0x4E00 + at) for at in range(count))


def test_a_hundred_categories_keep_their_names() -> None:
    told = Baskets.of(orders(("2026-01-31", "ann", letters(MOST))))
    assert told.names == list(letters(100))
    assert told.width() == 13
    assert told.bought == {"ann": ((1 << 100) - 1).to_bytes(13, "little") + bytes(11 * 13)}


def test_of_more_than_a_hundred_the_rarest_share_a_name() -> None:
    usual = letters(100)[1:]
    bought = orders(
        ("2026-12-01", "ann", "!" + letters(100)),
        ("2026-12-01", None, "!" + usual),
        ("2026-12-31", "bob", "!" + usual[0]),
    )
    told = Baskets.of(bought)
    # The first letter is in one basket; of those in two the last by name has no place any more.
    assert told.names == ["!", OTHER, *usual[:98]]
    assert told.counts == {12: [3, 2, 3, *[2] * 97]}
    assert dict(told.bought_in(range(12, 13))) == {"ann": (1 << 100) - 1, "bob": 0b101}


def test_eight_categories_fit_a_byte_and_a_ninth_needs_another() -> None:
    widths = [Baskets.of(orders(("2026-01-31", "ann", letters(count)))).width() for count in (1, 8, 9, 16, 17)]
    assert widths == [1, 1, 2, 2, 3]
