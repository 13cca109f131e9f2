"""Every report against pandas, over what a shop's own books say was done: counts and money exactly, rates to 1e-9."""

from __future__ import annotations

import math
from datetime import date
from itertools import combinations
from typing import Any

import pandas as pd
import pytest

from tests.metrics.counting import report
from tests.metrics.grocer import Lived
from tests.shop import Shop

WINDOWS = [
    (date(2017, 1, 1), date(2017, 4, 30)),
    (date(2017, 2, 9), date(2017, 3, 17)),
    (date(2017, 3, 5), date(2017, 3, 5)),
    (date(2016, 1, 1), date(2016, 1, 31)),
]
Books = tuple[Shop, Lived]


def asked(books: Books, name: str, window: tuple[date, date]) -> Any:
    return report(books[0], name, **{"from": window[0], "to": window[1]})


def inside(frame: pd.DataFrame, window: tuple[date, date]) -> pd.DataFrame:
    return frame[(frame["day"] >= window[0]) & (frame["day"] <= window[1])]


def known(books: Books) -> pd.DataFrame:
    orders = books[1].frame("orders")
    return orders[orders["known"]]


def same(told: Any, numerator: float, denominator: float) -> bool:
    """A rate as it should be told: exact parts, and their quotient."""
    if (told["numerator"], told["denominator"]) != (numerator, denominator):
        return False
    if denominator == 0:
        return told["value"] is None
    return math.isclose(told["value"], numerator / denominator, rel_tol=0, abs_tol=1e-9)


@pytest.mark.parametrize("window", WINDOWS)
def test_participation(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "participation", window)["figures"]
    orders, refunds = (inside(grocers_months[1].frame(what), window) for what in ("orders", "refunds"))
    members = orders[orders["member"]]
    assert same(told["by_count"], len(members), len(orders))
    assert same(told["by_sales"], members["total"].sum(), orders["total"].sum())
    assert told["member_net_sales"] == members["total"].sum() - refunds[refunds["member"]]["amount"].sum()
    assert (told["refunds"], told["refunded"]) == (len(refunds), refunds["amount"].sum())
    assert told["anonymous_purchases"] == (~orders["known"]).sum()
    assert told["anonymous_sales"] == orders[~orders["known"]]["total"].sum()


def test_participation_by_month_adds_up_to_the_window(grocers_months: Books) -> None:
    told = asked(grocers_months, "participation", WINDOWS[0])
    for column in ("member_purchases", "guest_purchases", "member_sales", "guest_sales"):
        assert sum(row[column] for row in told["rows"]) == told["figures"][column]
    assert [row["month"] for row in told["rows"]] == ["2017-01", "2017-02", "2017-03", "2017-04"]


@pytest.mark.parametrize("window", WINDOWS)
def test_repeat(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "repeat", window)
    orders = inside(known(grocers_months), window)
    counts = orders.groupby("household").size()
    spans = orders.groupby("household")["day"].agg(lambda days: (max(days) - min(days)).days)
    figures = told["figures"]["all"]
    assert same(figures["repeat_rate"], (counts >= 2).sum(), len(counts))
    assert same(figures["purchases_per_customer"], counts.sum(), len(counts))
    assert same(figures["days_between_purchases"], spans.sum(), counts.sum() - len(counts))
    joined = grocers_months[1].frame("joins")
    members = set(joined[joined["day"] <= window[1]]["household"])
    assert told["figures"]["members"]["customers"] == len(set(counts.index) & members)
    assert sum(row["all"] for row in told["rows"]) == len(counts)
    assert next(row["all"] for row in told["rows"] if row["purchases"] == "1") == (counts == 1).sum()


@pytest.mark.parametrize("window", WINDOWS[:3])
def test_retention_by_cohort(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "retention", window)
    orders = known(grocers_months)
    orders = orders[orders["day"] <= window[1]]
    firsts = orders.groupby("household")["day"].min()
    joins = grocers_months[1].frame("joins").groupby("household")["day"].min()
    for basis, began in (("customers", firsts), ("members", joins)):
        began = began[(began >= window[0]) & (began <= window[1])]
        expected = {}
        for household, day in began.items():
            mine = orders[orders["household"] == household]
            bought = {(on.year - day.year) * 12 + on.month - day.month for on in mine["day"]}
            months = (window[1].year - day.year) * 12 + window[1].month - day.month
            for month in range(months + 1):
                key = (f"{day:%Y-%m}", month)
                size, active = expected.get(key, (0, 0))
                expected[key] = (size + 1, active + (month in bought))
        rows = {(row["cohort"], row["month"]): row for row in told["rows"] if row["basis"] == basis}
        assert set(rows) == set(expected)
        for key, (size, active) in expected.items():
            assert same(rows[key]["rate"], active, size), (basis, key)


@pytest.mark.parametrize("window", WINDOWS[:3])
def test_the_periods_retention_rate(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "retention", window)["figures"]
    orders = known(grocers_months)

    def customers(until: date) -> set[int]:
        since = until - pd.Timedelta(days=90)
        return set(orders[(orders["day"] > since) & (orders["day"] <= until)]["household"])

    start, end = customers(window[0] - pd.Timedelta(days=1)), customers(window[1])
    firsts = orders.groupby("household")["day"].min()
    new = {household for household in end if firsts[household] >= window[0]}
    assert same(told["retention_rate"], len(end) - len(new), len(start))
    assert same(told["kept_rate"], len(start & end), len(start))


@pytest.mark.parametrize("window", WINDOWS[:3])
def test_activity(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "activity", window)["figures"]
    lived = grocers_months[1]
    orders, acts = known(grocers_months), lived.frame("points")
    firsts = orders.groupby("household")["day"].min()
    assert told["new"] == ((firsts >= window[0]) & (firsts <= window[1])).sum()
    since = window[1] - pd.Timedelta(days=90)
    assert (
        told["active_customers"]
        == orders[(orders["day"] > since) & (orders["day"] <= window[1])]["household"].nunique()
    )
    acted = acts[acts["kind"].isin(["earn", "redeem"]) & (acts["day"] > since) & (acts["day"] <= window[1])]
    members = lived.frame("joins")
    members = set(members[members["day"] <= window[1]]["household"])
    assert same(told["active_rate"], len(set(acted["household"]) & members), len(members))


@pytest.mark.parametrize("window", WINDOWS)
def test_top_customers(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "top-customers", window)
    orders, refunds = inside(known(grocers_months), window), grocers_months[1].frame("refunds")
    refunds = inside(refunds[refunds["known"]], window)
    sales = orders.groupby("household")["total"].sum()
    back = refunds.groupby("household")["amount"].sum().reindex(sales.index).fillna(0).astype("int64")
    net = (sales - back).sort_values(ascending=False)
    best = math.ceil(len(net) / 5)
    assert same(told["figures"]["top_share_of_sales"], net.head(best).sum(), net.sum())
    assert told["figures"]["customers"] == len(net)
    assert [row["sales"] for row in told["rows"]] == [
        net.iloc[tenth * len(net) // 10 : (tenth + 1) * len(net) // 10].sum() for tenth in range(10)
    ]


@pytest.mark.parametrize("window", WINDOWS[:2])
def test_margin_is_what_the_lines_cost_less(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "worth-it", window)["figures"]["margin_rate"]
    orders, refunds = (inside(grocers_months[1].frame(what), window) for what in ("orders", "refunds"))
    whole = grocers_months[1].frame("orders").set_index("order")
    costed = orders["total"].sum() - refunds["amount"].sum()
    cost = orders["cost"].sum()
    for row in refunds.itertuples():
        total, spent = int(whole.loc[row.order, "total"]), int(whole.loc[row.order, "cost"])
        cost -= spent - spent * (total - row.amount) // total
    assert same(told, costed - cost, costed)


@pytest.mark.parametrize("window", WINDOWS)
def test_points(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "points", window)["figures"]
    all_points = grocers_months[1].frame("points")
    points = inside(all_points, window)
    by_kind = points.groupby("kind")["points"].sum()
    issued = int(by_kind.get("earn", 0) + by_kind.get("bonus", 0))
    assert (told["issued"], told["redeemed"]) == (issued, -by_kind.get("redeem", 0))
    assert told["taken_back"] == -by_kind.get("refund", 0)
    assert same(told["redemption_rate"], -by_kind.get("redeem", 0), issued)
    redeemers = all_points[(all_points["kind"] == "redeem") & (all_points["day"] <= window[1])]["household"].nunique()
    joins = grocers_months[1].frame("joins")
    assert same(told["members_who_redeemed"], redeemers, (joins["day"] <= window[1]).sum())


def test_outstanding_points_are_what_the_members_have(grocers_months: Books) -> None:
    shop, lived = grocers_months
    told = asked(grocers_months, "points", (date(2017, 1, 1), date(2017, 12, 31)))["figures"]
    ledgers = [shop.ledger(row["member"]) for row in lived.joins]
    assert told["outstanding"] == sum(
        entry["points"] for chain in ledgers for entry in chain if entry["status"] == "posted"
    )
    assert told["expired"] == -sum(entry["points"] for chain in ledgers for entry in chain if entry["kind"] == "expire")
    assert told["expired"] > 0, "nothing expired, so nothing was proved"


@pytest.mark.parametrize("window", WINDOWS)
def test_rewards(grocers_months: Books, window: tuple[date, date]) -> None:
    told = {row["reward_id"]: row for row in asked(grocers_months, "rewards", window)["rows"]}
    vouchers = inside(grocers_months[1].frame("vouchers"), window)
    used = int(vouchers["used"].sum())
    loaf = told["loaf"]
    assert (loaf["issued"], loaf["points"], loaf["cost_issued"]) == (
        len(vouchers),
        45 * len(vouchers),
        110 * len(vouchers),
    )
    assert (loaf["used"], loaf["cost_used"]) == (used, 110 * used)
    joins = grocers_months[1].frame("joins")
    assert same(loaf["members"], vouchers["household"].nunique(), (joins["day"] <= window[1]).sum())
    assert told["tea"]["issued"] == 0


@pytest.mark.parametrize("window", WINDOWS[:2])
def test_segments_hold_every_customer_and_all_their_sales(grocers_months: Books, window: tuple[date, date]) -> None:
    told = asked(grocers_months, "segments", window)
    orders, refunds = known(grocers_months), grocers_months[1].frame("refunds")
    seen = orders[orders["day"] <= window[1]]
    lapsed = seen.groupby("household")["day"].max() < window[0]
    rows = {row["group"]: row for row in told["rows"]}
    assert rows["lapsed"]["customers"] == lapsed.sum()
    assert sum(row["customers"] for row in rows.values()) == seen["household"].nunique()
    mine = inside(orders, window)
    back = inside(refunds[refunds["known"] & refunds["household"].isin(mine["household"])], window)
    assert told["figures"]["sales"] == mine["total"].sum() - back["amount"].sum()
    counts = mine.groupby("household").size()
    third = sorted(counts)[2 * len(counts) // 3]
    frequent = sum(cell["customers"] for cell in told["figures"]["cells"] if cell["frequency"] == 3)
    assert frequent == (counts >= third).sum()


def test_baskets(grocers_months: Books) -> None:
    told = asked(grocers_months, "baskets", (date(2017, 2, 10), date(2017, 3, 3)))
    assert told["figures"]["months"] == {"from": "2017-02-01", "to": "2017-03-31"}
    orders = inside(grocers_months[1].frame("orders"), (date(2017, 2, 1), date(2017, 3, 31)))
    singles: dict[str, int] = {}
    pairs: dict[tuple[str, str], int] = {}
    for categories in orders["categories"]:
        for one in categories:
            singles[one] = singles.get(one, 0) + 1
        for pair in combinations(categories, 2):
            pairs[pair] = pairs.get(pair, 0) + 1
    assert told["figures"]["baskets"] == len(orders)
    rows = {(row["have"], row["then"]): row for row in told["rows"]}
    for (one, other), many in sorted(pairs.items(), key=lambda pair: -pair[1])[:50]:
        row = rows[one, other]
        assert same(row["support"], many, len(orders))
        assert same(row["confidence"], many, singles[one])
        assert math.isclose(row["lift"], many * len(orders) / singles[one] / singles[other], rel_tol=1e-9)
    buyers = orders[orders["known"]].explode("categories").groupby("categories")["household"].nunique()
    everybody = orders[orders["known"]]["household"].nunique()
    for row in told["figures"]["categories"]:
        assert same(row["customers"], buyers.get(row["category"], 0), everybody)


def test_tiers(grocers_months: Books) -> None:
    shop, lived = grocers_months
    told = {row["tier"]: row for row in asked(grocers_months, "tiers", (date(2017, 1, 1), date(2017, 12, 31)))["rows"]}
    held = pd.Series([shop.member(row["member"])["tier"]["id"] for row in lived.joins]).value_counts()
    assert {tier: row["members"] for tier, row in told.items()} == {tier: held.get(tier, 0) for tier in told}
    assert told["regular"]["members"] > 0 and told["shopper"]["members"] > 0, "one tier proves nothing"
    orders = lived.frame("orders")
    assert sum(row["sales"] for row in told.values()) == orders[orders["member"]]["total"].sum()
    assert sum(row["purchases"] for row in told.values()) == orders["member"].sum()
