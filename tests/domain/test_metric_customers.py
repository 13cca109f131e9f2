"""Reports on people who buy, of shops small enough to count by hand: every figure and every row."""

from __future__ import annotations

from typing import Any

from chalicelib.domain import metric_customers
from chalicelib.domain.metric_report import Rate, Told
from tests.domain.buyers import Rows, book, counted
from tests.domain.june import day

FIRST, LAST = day("2026-01-10"), day("2026-03-15")
NOTHING = Rate(None, 0, 0)
NEVER = "Margin is known only for lines that were sent with their cost."


def test_participation_is_members_purchases_and_sales_of_all_in_the_window_and_by_month() -> None:
    outside = counted(member_purchases=70, member_sales=7000, guest_purchases=80, guest_sales=8000, member_refunded=9)
    days = {
        "2026-01-29": outside,
        "2026-01-30": counted(
            member_purchases=2,
            member_sales=300,
            member_refunds=1,
            member_refunded=50,
            guest_purchases=1,
            guest_sales=100,
            anonymous_purchases=1,
            anonymous_sales=100,
        ),
        "2026-02-02": counted(
            member_purchases=1,
            member_sales=200,
            guest_purchases=2,
            guest_sales=900,
            guest_refunds=2,
            guest_refunded=30,
            anonymous_purchases=1,
            anonymous_sales=150,
        ),
        "2026-02-03": outside,
    }
    told = metric_customers.participation(book(days=days), day("2026-01-30"), day("2026-02-02"))
    numbers = {"member_purchases": 3, "guest_purchases": 3, "member_sales": 500, "guest_sales": 1000}
    assert told.figures == {
        "by_count": Rate(0.5, 3, 6),
        "by_sales": Rate(500 / 1500, 500, 1500),
        **numbers,
        "member_net_sales": 450,
        "guest_net_sales": 970,
        "refunds": 3,
        "refunded": 80,
        "anonymous_purchases": 2,
        "anonymous_sales": 250,
    }
    january = {"month": "2026-01", "by_count": Rate(2 / 3, 2, 3), "by_sales": Rate(0.75, 300, 400)}
    february = {"month": "2026-02", "by_count": Rate(1 / 3, 1, 3), "by_sales": Rate(200 / 1100, 200, 1100)}
    assert told.rows == [
        {**january, "member_purchases": 2, "guest_purchases": 1, "member_sales": 300, "guest_sales": 100},
        {**february, "member_purchases": 1, "guest_purchases": 2, "member_sales": 200, "guest_sales": 900},
    ]
    assert told.notes == []


BUYERS: dict[str, Rows] = {
    "ann": [("2026-01-15", 1), ("2026-02-03", 1), ("2026-03-15", 1)],
    "bob": [("2026-01-10", 1), ("2026-01-20", 1), ("2026-03-01", 1)],
    "cid": [("2026-01-09", 1), ("2026-02-10", 1)],
    "gus": [("2026-03-16", 1)],
    "hal": [("2025-12-31", 1), ("2026-03-02", 1)],
    "ida": [("2026-02-28", 0, 0, 50), ("2026-03-03", 1)],
    "jan": [("2026-01-01", 1)],
    "kim": [("2025-10-11", 1), ("2026-02-14", 1)],
    "lee": [("2025-10-12", 1)],
    "max": [("2026-01-09", 1)],
    "ned": [("2026-01-05", 1)],
}
JOINS = {
    "ann": "2026-02-20",
    "dot": "2026-03-15",
    "eve": "2026-01-09",
    "fay": "2026-01-10",
    "gus": "2026-03-16",
    "hal": "2026-01-31",
    "jan": "2026-01-12",
}


def test_retention_follows_cohorts_of_customers_and_of_members_month_by_month() -> None:
    told = metric_customers.retention(book(BUYERS, JOINS), FIRST, LAST)
    assert [tuple(row.values()) for row in told.rows] == [
        ("customers", "2026-01", 2, 0, 2, Rate(1.0, 2, 2)),
        ("customers", "2026-01", 2, 1, 1, Rate(0.5, 1, 2)),
        ("customers", "2026-01", 2, 2, 2, Rate(1.0, 2, 2)),
        ("customers", "2026-03", 1, 0, 1, Rate(1.0, 1, 1)),
        ("members", "2026-01", 3, 0, 1, Rate(1 / 3, 1, 3)),
        ("members", "2026-01", 3, 1, 0, Rate(0.0, 0, 3)),
        ("members", "2026-01", 3, 2, 1, Rate(1 / 3, 1, 3)),
        ("members", "2026-02", 1, 0, 1, Rate(1.0, 1, 1)),
        ("members", "2026-02", 1, 1, 1, Rate(1.0, 1, 1)),
        ("members", "2026-03", 1, 0, 0, Rate(0.0, 0, 1)),
    ]
    assert list(told.rows[0]) == ["basis", "cohort", "size", "month", "active", "rate"]
    assert told.figures == {
        "customers_at_start": 6,  # cid, hal, jan, lee, max, ned
        "customers_at_end": 9,  # ann, bob, cid, hal, ida, jan, kim, max, ned
        "new": 3,  # ann, bob, ida
        "won_back": 1,  # kim
        "kept": 5,
        "retention_rate": Rate(1.0, 6, 6),
        "kept_rate": Rate(5 / 6, 5, 6),
    }
    assert told.notes == ["The last month is not over."]


def test_retention_up_to_a_months_last_day_says_nothing_of_it() -> None:
    told = metric_customers.retention(book(), FIRST, day("2026-03-31"))
    counts = ("customers_at_start", "customers_at_end", "new", "won_back", "kept")
    figures = {**dict.fromkeys(counts, 0), "retention_rate": NOTHING, "kept_rate": NOTHING}
    assert told == Told(figures=figures, rows=[], notes=[])


def test_cohorts_reach_over_the_turn_of_a_year() -> None:
    buyers: dict[str, Rows] = {"ann": [("2025-12-01", 1), ("2026-01-31", 1)]}
    told = metric_customers.retention(book(buyers), day("2025-12-01"), day("2026-01-31"))
    assert [(row["cohort"], row["month"], row["active"]) for row in told.rows] == [("2025-12", 0, 1), ("2025-12", 1, 1)]
    assert told.notes == []


def test_who_bought_ninety_days_ago_is_no_customer_any_more() -> None:
    buyers: dict[str, Rows] = {"ann": [("2026-01-01", 1)]}
    shop = book(buyers)
    assert metric_customers.customers_on(shop, day("2025-12-31")) == set()
    assert metric_customers.customers_on(shop, day("2026-01-01")) == {"ann"}
    assert metric_customers.customers_on(shop, day("2026-03-31")) == {"ann"}
    assert metric_customers.customers_on(shop, day("2026-04-01")) == set()


def told_group(customers: int, purchases: int, again: int, span: int) -> dict[str, Any]:
    return {
        "customers": customers,
        "purchases": purchases,
        "repeat_rate": Rate(again / customers, again, customers),
        "purchases_per_customer": Rate(purchases / customers, purchases, customers),
        "days_between_purchases": Rate(span / (purchases - customers), span, purchases - customers),
    }


def test_repeat_counts_purchases_by_customer_and_the_days_from_first_to_last() -> None:
    buyers: dict[str, Rows] = {
        "abe": [("2026-01-09", 1), ("2026-03-16", 1)],
        "ann": [("2026-01-10", 1), ("2026-03-15", 1)],  # 64 days
        "bob": [("2026-01-09", 4), ("2026-01-20", 1), ("2026-03-16", 5)],
        "cid": [("2026-02-01", 3)],
        "dot": [("2026-02-01", 4)],
        "eve": [("2026-02-01", 2), ("2026-02-11", 3)],
        "fay": [("2026-02-01", 6)],
        "gus": [("2026-01-11", 5), ("2026-02-01", 5)],  # 21 days
        "hal": [("2026-02-01", 11)],
        "ida": [("2026-02-01", 20)],
        "jan": [("2026-02-01", 21)],
        "kim": [("2026-02-01", 22)],
        "nia": [("2026-02-02", 1), ("2026-02-03", 1)],
        "oli": [("2026-03-01", 1)],
        "pam": [("2026-02-01", 1), ("2026-02-05", -1)],
    }
    joins = dict.fromkeys(("ann", "dot", "hal", "jan"), "2025-05-05") | {"gus": "2026-03-15", "kim": "2026-03-16"}
    told = metric_customers.repeat(book(buyers, joins), FIRST, LAST)
    assert told.figures == {
        "all": told_group(13, 108, 11, 96),
        "members": told_group(5, 48, 5, 85),
        "others": told_group(8, 60, 6, 11),
    }
    assert [tuple(row.values()) for row in told.rows] == [
        ("1", 2, 0, 2),
        ("2", 2, 1, 1),
        ("3", 1, 0, 1),
        ("4-5", 2, 1, 1),
        ("6-10", 2, 1, 1),
        ("11-20", 2, 1, 1),
        ("21+", 2, 1, 1),
    ]
    assert list(told.rows[0]) == ["purchases", "all", "members", "others"]


def test_where_nobody_bought_nothing_was_repeated() -> None:
    none = {
        "customers": 0,
        "purchases": 0,
        "repeat_rate": NOTHING,
        "purchases_per_customer": NOTHING,
        "days_between_purchases": NOTHING,
    }
    told = metric_customers.repeat(book(), FIRST, LAST)
    assert told.figures == {"all": none, "members": none, "others": none}
    assert [sum(row[group] for row in told.rows) for group in ("all", "members", "others")] == [0, 0, 0]


def test_activity_counts_who_is_new_who_lapses_and_who_is_won_back() -> None:
    buyers: dict[str, Rows] = {
        "abe": [("2026-05-11", 1)],
        "ann": [("2025-12-01", 1), ("2026-04-10", 1, 0, 0, 0, 0, 1)],
        "bob": [("2025-10-01", 1), ("2026-02-27", 1)],
        "cid": [("2026-03-01", 1)],
        "dot": [("2026-05-10", 1, 0, 0, 0, 0, 1)],
        "eve": [("2026-02-09", 1, 0, 0, 0, 0, 1)],
        "fay": [("2026-02-10", 1, 0, 0, 0, 0, 1)],
        "hal": [("2025-12-01", 1), ("2026-03-01", 1)],
        "ida": [("2026-01-01", 1), ("2026-04-01", 1)],
        "jan": [("2026-01-01", 1), ("2026-04-02", 1)],
        "lou": [("2026-03-01", 1)],
    }
    joins = dict.fromkeys(("ann", "cid", "eve", "zoe"), "2026-01-01") | {"fay": "2026-05-10", "dot": "2026-05-11"}
    told = metric_customers.activity(book(buyers, joins), day("2026-03-01"), day("2026-05-10"))
    assert told.rows == [
        {"month": "2026-03", "new": 2, "lapsed": 1, "won_back": 0, "active_at_end": 8},
        {"month": "2026-04", "new": 0, "lapsed": 1, "won_back": 2, "active_at_end": 9},
        {"month": "2026-05", "new": 1, "lapsed": 1, "won_back": 0, "active_at_end": 9},
    ]
    assert told.figures == {
        "new": 3,
        "lapsed": 3,
        "won_back": 2,
        "active_customers": 9,
        "members": 5,
        "active_rate": Rate(0.4, 2, 5),  # ann and fay
    }


def test_nobody_is_active_where_nobody_is() -> None:
    told = metric_customers.activity(book(), day("2026-03-01"), day("2026-03-01"))
    assert told.rows == [{"month": "2026-03", "new": 0, "lapsed": 0, "won_back": 0, "active_at_end": 0}]
    figures = {"new": 0, "lapsed": 0, "won_back": 0, "active_customers": 0, "members": 0, "active_rate": NOTHING}
    assert told.figures == figures


BEST: dict[str, Rows] = {
    "0": [("2026-01-09", 9, 9000), ("2026-02-01", 0, 0, 50), ("2026-03-16", 9, 9000)],
    "z": [("2026-01-10", 1, 1000)],
    "b": [("2026-02-01", 1, 500, 100, 500, 200), ("2026-03-15", 1, 400)],
    "c": [("2026-02-01", 1, 800)],
    "d": [("2026-02-01", 1, 700, 0, 700, 100)],
    "e": [("2026-02-01", 1, 600, 0, 100, 60)],
    "f": [("2026-02-01", 1, 500)],
    "g": [("2026-02-01", 1, 400)],
    "h": [("2026-02-01", 1, 300)],
    "i": [("2026-02-01", 1, 200)],
    "j": [("2026-02-01", 1, 100)],
    "k": [("2026-02-01", 3, 50, 60, 10, 5)],
}


def test_top_customers_are_a_fifth_by_sales_and_a_fifth_by_margin_and_ten_tenths() -> None:
    joins = dict.fromkeys("bdk", "2025-05-05") | {"i": "2026-03-15", "j": "2026-03-16"}
    told = metric_customers.top_customers(book(BEST, joins), FIRST, LAST)
    best = [
        (None, 1, 1000, 0),
        ("b", 2, 800, 300),
        (None, 1, 800, 0),
        ("d", 1, 700, 600),
        (None, 1, 600, 40),
        (None, 1, 500, 0),
        (None, 1, 400, 0),
        (None, 1, 300, 0),
        ("i", 1, 200, 0),
        (None, 1, 100, 0),
        ("k", 3, -10, 5),
    ]
    names = ("member_id", "purchases", "sales", "margin")
    assert told.figures == {
        "customers": 11,
        "top_customers": 3,
        "top_share_of_sales": Rate(2600 / 5390, 2600, 5390),
        "top_share_of_margin": Rate(940 / 945, 940, 945),
        "best": [dict(zip(names, one, strict=True)) for one in best],
    }
    tenths = [(1, int(one[0] is not None), *one[1:]) for one in best[:9]] + [(2, 1, 4, 90, 5)]
    assert told.rows == [
        {
            "decile": number + 1,
            "customers": customers,
            "members": members,
            "purchases": purchases,
            "sales": sales,
            "share_of_sales": Rate(sales / 5390, sales, 5390),
            "margin": margin,
        }
        for number, (customers, members, purchases, sales, margin) in enumerate(tenths)
    ]
    assert told.notes == []


def test_of_many_customers_the_first_twenty_are_named_and_equals_stand_by_name() -> None:
    buyers: dict[str, Rows] = {f"n{number:02}": [("2026-02-01", 30 - number, 10)] for number in range(21)}
    joins = dict.fromkeys(buyers, "2026-01-01")
    told = metric_customers.top_customers(book(buyers, joins), FIRST, LAST)
    assert [one["member_id"] for one in told.figures["best"]] == [f"n{number:02}" for number in range(20)]
    assert told.figures["top_customers"] == 5
    assert [row["customers"] for row in told.rows] == [2, 2, 2, 2, 2, 2, 2, 2, 2, 3]
    assert (told.figures["top_share_of_margin"], told.notes) == (NOTHING, [NEVER])


def test_a_share_of_the_smallest_margin_has_a_value() -> None:
    buyers: dict[str, Rows] = {"ann": [("2026-02-01", 1, 10, 0, 10, 9)]}
    told = metric_customers.top_customers(book(buyers), FIRST, LAST)
    assert (told.figures["top_share_of_margin"], told.notes) == (Rate(1.0, 1, 1), [])


def test_a_share_of_a_loss_has_no_value() -> None:
    buyers: dict[str, Rows] = {"ann": [("2026-02-01", 1, 10, 0, 10, 15)]}
    told = metric_customers.top_customers(book(buyers), FIRST, LAST)
    assert (told.figures["top_share_of_margin"], told.notes) == (Rate(None, -5, -5), [])


def test_a_shop_without_customers_has_no_best() -> None:
    told = metric_customers.top_customers(book(), FIRST, LAST)
    shares = {"top_share_of_sales": NOTHING, "top_share_of_margin": NOTHING}
    assert told.figures == {"customers": 0, "top_customers": 0, **shares, "best": []}
    empty = {"customers": 0, "members": 0, "purchases": 0, "sales": 0, "share_of_sales": NOTHING, "margin": 0}
    assert told.rows == [{"decile": number, **empty} for number in range(1, 11)]


def test_what_a_buyer_spent_is_net_of_what_went_back_in_the_window() -> None:
    shop = book({"ann": [("2026-01-10", 1, 700), ("2026-03-15", 0, 0, 200), ("2026-03-16", 1, 900)]})
    assert metric_customers.spent(shop, "ann", FIRST, LAST) == 500
    assert metric_customers.spent(shop, "bob", FIRST, LAST) == 0
