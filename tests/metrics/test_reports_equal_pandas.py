"""Reports on customers against pandas, over what the shop's own books say was done: counts and money exactly, rates
to 1e-9. A sample of the grocer's households; all of them and the whole year with ``make metrics-proof``."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import combinations, pairwise
from typing import Any

import pandas as pd
import pytest

from tests.metrics.books import BUSY, WHOLE, WINDOWS, Books, Window, close, inside, months_of, same


def shares(told: Any, orders: pd.DataFrame) -> bool:
    members, guests = orders[orders["member"]], orders[~orders["member"]]
    return bool(
        same(told["by_count"], len(members), len(orders))
        and same(told["by_sales"], members["total"].sum(), orders["total"].sum())
        and (told["member_purchases"], told["guest_purchases"]) == (len(members), len(guests))
        and (told["member_sales"], told["guest_sales"]) == (members["total"].sum(), guests["total"].sum())
    )


@pytest.mark.parametrize("window", WINDOWS)
def test_participation(books: Books, window: Window) -> None:
    told = books.ask("participation", window)
    orders, refunds = books.orders(window), books.frame("refunds", window)
    figures = told["figures"]
    assert shares(figures, orders)
    for who, chosen in (("member", True), ("guest", False)):
        back = refunds[refunds["member"] == chosen]["amount"].sum()
        assert figures[f"{who}_net_sales"] == orders[orders["member"] == chosen]["total"].sum() - back
    assert (figures["refunds"], figures["refunded"]) == (len(refunds), refunds["amount"].sum())
    assert figures["anonymous_purchases"] == (~orders["known"]).sum()
    assert figures["anonymous_sales"] == orders[~orders["known"]]["total"].sum()
    rows = {row["month"]: row for row in told["rows"]}
    assert list(rows) == [name for name, _ in months_of(window)]
    for name, month in months_of(window):
        assert shares(rows[name], books.orders(month)), name


STEPS = {"1": (1, 1), "2": (2, 2), "3": (3, 3), "4-5": (4, 5), "6-10": (6, 10), "11-20": (11, 20), "21+": (21, 10**9)}


@pytest.mark.parametrize("window", WINDOWS)
def test_repeat(books: Books, window: Window) -> None:
    told = books.ask("repeat", window)
    orders, members = books.orders(window, known=True), books.members(window[1])
    theirs = orders["household"].isin(members)
    for name, chosen in (("all", orders), ("members", orders[theirs]), ("others", orders[~theirs])):
        days = chosen.groupby("household")["day"].agg(["size", "min", "max"])
        span = sum((last - first).days for first, last in zip(days["min"], days["max"], strict=True))
        counts, figures = days["size"], told["figures"][name]
        assert (figures["customers"], figures["purchases"]) == (len(counts), counts.sum())
        assert same(figures["repeat_rate"], (counts >= 2).sum(), len(counts))
        assert same(figures["purchases_per_customer"], counts.sum(), len(counts))
        assert same(figures["days_between_purchases"], span, counts.sum() - len(counts))
        for row in told["rows"]:
            low, high = STEPS[row["purchases"]]
            assert row[name] == ((counts >= low) & (counts <= high)).sum(), (name, row)


@pytest.mark.parametrize("window", BUSY)
def test_retention_by_cohort(books: Books, window: Window) -> None:
    told = books.ask("retention", window)
    orders = books.orders(known=True)
    orders = orders[orders["day"] <= window[1]]
    months = orders["day"].map(_month)
    bought = months.groupby(orders["household"]).agg(set)
    firsts = orders.groupby("household")["day"].min()
    joins = books.frame("joins").set_index("household")["day"]
    for basis, began in (("customers", firsts), ("members", joins)):
        began = began[(began >= window[0]) & (began <= window[1])].map(_month)
        expected = {}
        for month, households in began.groupby(began):
            name = f"{month // 12}-{month % 12 + 1:02d}"
            for later in range(_month(window[1]) - month + 1):
                active = sum(month + later in bought.get(one, ()) for one in households.index)
                expected[name, later] = (len(households), active)
        rows = {(row["cohort"], row["month"]): row for row in told["rows"] if row["basis"] == basis}
        assert set(rows) == set(expected)
        for key, (size, active) in expected.items():
            assert (rows[key]["size"], rows[key]["active"]) == (size, active), (basis, key)
            assert same(rows[key]["rate"], active, size), (basis, key)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def customers(books: Books, until: date) -> set[int]:
    """Who bought in the 90 days up to a day."""
    return set(books.orders((until - timedelta(days=89), until), known=True)["household"])


@pytest.mark.parametrize("window", BUSY)
def test_the_periods_retention_rate(books: Books, window: Window) -> None:
    told = books.ask("retention", window)["figures"]
    start, end = customers(books, window[0] - timedelta(days=1)), customers(books, window[1])
    firsts = books.orders(known=True).groupby("household")["day"].min()
    new = {household for household in end if firsts[household] >= window[0]}
    assert (told["customers_at_start"], told["customers_at_end"], told["new"]) == (len(start), len(end), len(new))
    assert (told["kept"], told["won_back"]) == (len(start & end), len(end - start - new))
    assert same(told["retention_rate"], len(end) - len(new), len(start))
    assert same(told["kept_rate"], len(start & end), len(start))


@pytest.mark.parametrize("window", BUSY)
def test_activity(books: Books, window: Window) -> None:
    told = books.ask("activity", window)
    orders = books.orders(known=True)
    orders = orders[orders["day"] <= window[1]]
    changes: dict[str, list[date]] = {"new": [], "lapsed": [], "won_back": []}
    for days in orders.groupby("household")["day"].agg(lambda each: sorted(set(each))):
        changes["new"].append(days[0])
        for before, after in pairwise(days):
            if (after - before).days > 90:
                changes["lapsed"].append(before + timedelta(days=90))
                changes["won_back"].append(after)
        if (window[1] - days[-1]).days >= 90:
            changes["lapsed"].append(days[-1] + timedelta(days=90))
    for row, (name, (low, high)) in zip(told["rows"], months_of(window), strict=True):
        assert row["month"] == name
        for what, days in changes.items():
            assert row[what] == sum(low <= day <= high for day in days), (name, what)
        assert row["active_at_end"] == len(customers(books, high)), name
    figures = told["figures"]
    for what, days in changes.items():
        assert figures[what] == sum(window[0] <= day <= window[1] for day in days), what
    assert figures["active_customers"] == len(customers(books, window[1]))
    acted = books.frame("acts", (window[1] - timedelta(days=89), window[1]))
    members = books.members(window[1])
    assert figures["members"] == len(members)
    assert same(figures["active_rate"], len(set(acted["household"]) & members), len(members))


def net(books: Books, window: Window) -> pd.DataFrame:
    """By household that bought in a window: purchases, sales and margin less what went back, in the window."""
    orders, refunds = books.orders(window, known=True), books.frame("refunds", window)
    refunds = refunds[refunds["known"]]
    bought = orders.groupby("household")[["total", "costed", "cost"]].sum()
    back = refunds.groupby("household")[["amount", "costed", "cost"]].sum().reindex(bought.index).fillna(0)
    back = back.astype("int64")
    return pd.DataFrame(
        {
            "purchases": orders.groupby("household").size(),
            "sales": bought["total"] - back["amount"],
            "margin": bought["costed"] - back["costed"] - bought["cost"] + back["cost"],
        }
    )


@pytest.mark.parametrize("window", WINDOWS)
def test_top_customers(books: Books, window: Window) -> None:
    told = books.ask("top-customers", window)
    each = net(books, window)
    best = math.ceil(len(each) / 5)
    by_sales, by_margin = (each.sort_values(what, ascending=False) for what in ("sales", "margin"))
    figures = told["figures"]
    assert (figures["customers"], figures["top_customers"]) == (len(each), best)
    assert same(figures["top_share_of_sales"], by_sales["sales"].head(best).sum(), each["sales"].sum())
    assert same(figures["top_share_of_margin"], by_margin["margin"].head(best).sum(), each["margin"].sum())
    for row in told["rows"]:
        low, high = ((row["decile"] - 1) * len(each) // 10, row["decile"] * len(each) // 10)
        assert (row["customers"], row["sales"]) == (high - low, by_sales["sales"].iloc[low:high].sum())
        assert same(row["share_of_sales"], row["sales"], each["sales"].sum())
    for what in ("purchases", "margin"):
        assert sum(row[what] for row in told["rows"]) == each[what].sum()
    assert sum(row["members"] for row in told["rows"]) == len(set(each.index) & books.members(window[1]))
    joins = books.frame("joins")
    names = dict(zip(joins["member"], joins["household"], strict=True))
    assert [one["sales"] for one in figures["best"]] == by_sales["sales"].head(20).tolist()
    for one in figures["best"]:
        if one["member_id"] is not None:
            mine = each.loc[names[one["member_id"]]]
            assert (one["purchases"], one["sales"], one["margin"]) == tuple(mine), one


GROUPS = ("champions", "loyal", "big_spenders", "new", "regular", "at_risk", "drifting", "lapsed")


def group_of(row: Any) -> str:
    """A customer's group by three scores of 1 to 3, as the page on the report tells it."""
    if row.recency == 1:
        return "at_risk" if 3 in (row.frequency, row.spend) else "drifting"
    if row.new and row.frequency < 3:
        return "new"
    if row.frequency == 3:
        return "champions" if (row.recency, row.spend) == (3, 3) else "loyal"
    return "big_spenders" if row.spend == 3 else "regular"


@pytest.mark.parametrize("window", BUSY)
def test_segments(books: Books, window: Window) -> None:
    told = books.ask("segments", window)
    seen = books.orders(known=True)
    seen = seen[seen["day"] <= window[1]].groupby("household")["day"].agg(["min", "max"])
    each = net(books, window)
    each["last"] = seen["max"].map(lambda day: day.toordinal())
    each["new"] = seen["min"] > window[1] - timedelta(days=90)
    for score, column in (("recency", "last"), ("frequency", "purchases"), ("spend", "sales")):
        ordered = sorted(each[column])
        cuts = [ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]]
        each[score] = 1 + (each[column] >= cuts[0]).astype(int) + (each[column] >= cuts[1]).astype(int)
        limits = told["figures"]["limits"][{"recency": "last_purchase", "frequency": "purchases"}.get(score, "sales")]
        assert limits == ([date.fromordinal(cut).isoformat() for cut in cuts] if score == "recency" else cuts)
    each["group"] = [group_of(row) for row in each.itertuples()]
    lapsed = int((seen["max"] < window[0]).sum())
    assert told["figures"]["customers"] == len(each) + lapsed
    assert told["figures"]["sales"] == each["sales"].sum()
    assert [row["group"] for row in told["rows"]] == list(GROUPS)
    for row in told["rows"]:
        mine = each[each["group"] == row["group"]]
        many = lapsed if row["group"] == "lapsed" else len(mine)
        assert same(row["share_of_customers"], many, len(each) + lapsed), row
        assert (row["purchases"], row["sales"]) == (mine["purchases"].sum(), mine["sales"].sum()), row
        assert same(row["share_of_sales"], mine["sales"].sum(), each["sales"].sum())
    cells = each.groupby(["recency", "frequency", "spend"])["sales"].agg(["size", "sum"])
    listed = {(one["recency"], one["frequency"], one["spend"]): one for one in told["figures"]["cells"]}
    assert {key: (one["customers"], one["sales"]) for key, one in listed.items()} == {
        key: (row["size"], row["sum"]) for key, row in cells.iterrows()
    }


@pytest.mark.parametrize("window", [WHOLE, (date(2017, 2, 10), date(2017, 3, 3))])
def test_baskets(books: Books, window: Window) -> None:
    told = books.ask("baskets", window)
    months = months_of((window[0].replace(day=1), (pd.Timestamp(window[1]) + pd.offsets.MonthEnd(0)).date()))
    whole = (months[0][1][0], months[-1][1][1])
    assert told["figures"]["months"] == {"from": whole[0].isoformat(), "to": whole[1].isoformat()}
    orders = inside(books.orders(), whole)
    orders = orders[orders["categories"].map(len) > 0]
    singles: dict[str, int] = {}
    pairs: dict[tuple[str, str], int] = {}
    for categories in orders["categories"]:
        for one in categories:
            singles[one] = singles.get(one, 0) + 1
        for pair in combinations(categories, 2):
            pairs[pair] = pairs.get(pair, 0) + 1
    assert told["figures"]["baskets"] == len(orders)
    rows = {(row["have"], row["then"]): row for row in told["rows"]}
    most = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:200]
    assert len(rows) == 2 * len(most)
    for (one, other), many in most:
        for have, then in ((one, other), (other, one)):
            row = rows[have, then]
            assert row["baskets"] == many and same(row["support"], many, len(orders))
            assert same(row["confidence"], many, singles[have])
            assert close(row["lift"], (many / singles[have]) / (singles[then] / len(orders)))
    known = orders[orders["known"]]
    buyers = known.explode("categories").groupby("categories")["household"].nunique()
    everybody = known["household"].nunique()
    assert told["figures"]["customers"] == everybody
    assert {row["category"] for row in told["figures"]["categories"]} == set(singles)
    for row in told["figures"]["categories"]:
        assert same(row["baskets"], singles[row["category"]], len(orders))
        assert same(row["customers"], buyers.get(row["category"], 0), everybody)
        assert row["never_bought"] == everybody - buyers.get(row["category"], 0)
