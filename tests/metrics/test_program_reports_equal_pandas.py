"""Reports on what the program gives against pandas: over the ledger as the owner downloads it, and over the shop's own
books. A sample of the grocer's households; the whole year with ``make metrics-proof``."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

import pandas as pd
import pytest

from tests.metrics.books import BUSY, WHOLE, WINDOWS, Books, Window, close, inside, months_of, same
from tests.moments import at

BEGINNING = date(1970, 1, 1)


def flow(entries: pd.DataFrame) -> dict[str, int]:
    """Points by kind, each as a positive number, and what all of it changes."""
    sums = entries.groupby("kind")["points"].sum()

    def of(kind: str) -> int:
        return int(sums.get(kind, 0))

    return {
        "issued": of("earn") + of("bonus"),
        "for_purchases": of("earn"),
        "bonuses": of("bonus"),
        "adjusted": 0,
        "redeemed": -of("redeem"),
        "given_back": of("reverse"),
        "taken_back": -of("refund"),
        "expired": -of("expire"),
        "change": int(entries["points"].sum()),
    }


@pytest.mark.parametrize("window", WINDOWS)
def test_points_issued_redeemed_expired_and_outstanding(books: Books, window: Window) -> None:
    told = books.ask("points", window)
    figures, ledger = told["figures"], books.frame("ledger")
    assert (ledger["status"] == "posted").all()
    whole = flow(inside(ledger, window))
    assert {name: figures[name] for name in whole} == whole
    assert same(figures["redemption_rate"], whole["redeemed"] - whole["given_back"], whole["issued"])
    assert figures["outstanding"] == inside(ledger, (BEGINNING, window[1]))["points"].sum()
    members, vouchers = books.members(window[1]), books.frame("vouchers", (BEGINNING, window[1]))
    assert same(figures["members_who_redeemed"], vouchers["household"].nunique(), len(members))
    rows = {row["month"]: row for row in told["rows"]}
    for name, month in months_of(window):
        assert rows[name] == {"month": name, **flow(inside(ledger, month))}


def test_enough_happened_to_prove_something(books: Books) -> None:
    whole = flow(books.frame("ledger"))
    assert all(whole[name] > 0 for name in ("issued", "redeemed", "given_back", "taken_back", "expired"))


@pytest.mark.parametrize("window", WINDOWS)
def test_breakage_and_what_points_may_still_cost(books: Books, window: Window) -> None:
    figures = books.ask("points", window)["figures"]
    ledger = books.frame("ledger")
    ledger = ledger[ledger["day"].map(lambda day: day.year) <= window[1].year]
    dated = ledger[ledger["kind"].isin(["earn", "bonus"]) & ledger["expires_on"].notna()]
    issued = dated.groupby("expires_on")["points"].sum()
    lapsed = ledger[ledger["kind"] == "expire"]
    expired = -lapsed.groupby(lapsed["day"].map(lambda day: (day - timedelta(days=1)).isoformat()))["points"].sum()
    cohorts = pd.DataFrame({"issued": issued, "expired": expired}).fillna(0).astype("int64")
    listed = {row["usable_until"]: row for row in figures["cohorts"]}
    assert set(listed) == set(cohorts.index)
    for day, cohort in cohorts.iterrows():
        row = listed[day]
        assert (row["issued"], row["expired"]) == (cohort["issued"], cohort["expired"])
        over = date.fromisoformat(str(day)) < window[1]
        assert same(row["breakage"], cohort["expired"], cohort["issued"]) if over else row["breakage"] is None
    ended = cohorts.loc[[day for day in cohorts.index if date.fromisoformat(day) < window[1]]]
    broken, of = int(ended["expired"].sum()), int(ended["issued"].sum())
    assert same(figures["breakage"], broken, of)
    vouchers = books.frame("vouchers", (BEGINNING, window[1]))
    if len(vouchers):
        cost, points = priced(vouchers)
        assert same(figures["cost_per_point"], cost, points)
        expected = Fraction(of - broken, of) if of else 1
        assert figures["liability"] == ceil(int(figures["outstanding"]) * Fraction(cost, points) * expected)


PRICES = {"loaf": (45, 110), "tea": (90, 300)}


def priced(vouchers: pd.DataFrame) -> tuple[int, int]:
    """What vouchers cost the shop, and the points they cost the members."""
    counts = vouchers["reward"].value_counts()
    return (
        int(sum(counts.get(reward, 0) * cost for reward, (_, cost) in PRICES.items())),
        int(sum(counts.get(reward, 0) * points for reward, (points, _) in PRICES.items())),
    )


@pytest.mark.parametrize("window", WINDOWS)
def test_rewards(books: Books, window: Window) -> None:
    told = books.ask("rewards", window)
    issued, ended, members = books.frame("vouchers", window), books.ended(window), books.members(window[1])
    rows = {row["reward_id"]: row for row in told["rows"]}
    assert set(rows) == set(PRICES)
    for reward, (points, cost) in PRICES.items():
        row, taken, done = rows[reward], issued[issued["reward"] == reward], ended[ended["reward"] == reward]
        used, cancelled = done[done["outcome"] == "used"], done[done["outcome"] == "cancelled"]
        assert (row["issued"], row["points"], row["cost_issued"]) == tuple(len(taken) * n for n in (1, points, cost))
        assert (row["used"], row["cost_used"]) == (len(used), len(used) * cost)
        assert (row["cancelled"], row["expired"]) == (len(cancelled), 0)
        assert same(row["used_rate"], len(used), len(taken))
        days = sum((last - first).days for first, last in zip(used["issued_on"], used["day"], strict=True))
        assert same(row["days_to_use"], days, len(used))
        assert same(row["members"], taken["household"].nunique(), len(members))
    for name, figure in told["figures"].items():
        assert figure == sum(row[name] for row in rows.values()), name


@pytest.mark.parametrize("window", WINDOWS)
def test_tiers(books: Books, window: Window) -> None:
    told = books.ask("tiers", window)
    until, within = books.frame("moves", (BEGINNING, window[1])), books.frame("moves", window)
    orders = books.orders(window)
    orders = orders[orders["member"]]
    rows = {row["tier"]: row for row in told["rows"]}
    assert set(rows) == {"shopper", "regular"}
    for tier, row in rows.items():
        assert row["members"] == (until["to"] == tier).sum() - (until["from"] == tier).sum()
        assert (row["came"], row["left"]) == ((within["to"] == tier).sum(), (within["from"] == tier).sum())
        mine = orders[orders["tier"] == tier]
        assert (row["purchases"], row["sales"]) == (len(mine), mine["total"].sum())
        assert same(row["share_of_sales"], mine["total"].sum(), orders["total"].sum())
    assert told["figures"]["members"] == len(books.members(window[1]))
    assert told["figures"]["sales"] == orders["total"].sum()
    counts = within.fillna("").groupby(["from", "to"]).size()
    moves = {(one["from"] or "", one["to"] or ""): one["members"] for one in told["figures"]["moves"]}
    assert moves == dict(counts.items())


def test_tiers_and_points_are_those_that_the_members_have(books: Books) -> None:
    beyond = (WHOLE[0], date(2018, 12, 31))
    told = {row["tier"]: row["members"] for row in books.ask("tiers", beyond)["rows"]}
    with at(books.lived.until.isoformat()):
        members = [books.shop.member(row["member"]) for row in books.lived.joins]
    ledger = books.frame("ledger").groupby("member_id")["points"].sum()
    assert {one["member_id"]: one["points"]["available"] for one in members} == ledger.to_dict()
    held = pd.Series([one["tier"]["id"] for one in members]).value_counts()
    assert told == {tier: held.get(tier, 0) for tier in told}
    assert min(told.values()) > 0, "one tier proves nothing"


@pytest.mark.parametrize("window", BUSY)
def test_referrals(books: Books, window: Window) -> None:
    told = books.ask("referrals", window)
    joins = books.frame("joins", window)
    orders, refunds = books.orders((BEGINNING, window[1]), known=True), books.frame("refunds", (BEGINNING, window[1]))
    bought = orders.groupby("household")
    back = refunds[refunds["known"]].groupby("household")
    each: list[dict[str, Any]] = []
    for one in joins.itertuples():
        mine = bought.get_group(one.household) if one.household in bought.groups else orders.head(0)
        gone = back.get_group(one.household) if one.household in back.groups else refunds.head(0)
        mine, gone = mine[mine["day"] >= one.day], gone[gone["day"] >= one.day]
        sales = int(mine["total"].sum() - gone["amount"].sum())
        days = (window[1] - one.day).days + 1
        by = None if pd.isna(one.advocate) else int(one.advocate)
        each.append({"by": by, "bought": len(mine) > 0, "purchases": len(mine), "sales": sales, "days": days})
    for row in told["rows"]:
        mine_ = [one for one in each if (one["by"] is not None) == (row["group"] == "referred")]
        sums = {name: sum(one[name] for one in mine_) for name in ("bought", "purchases", "sales", "days")}
        assert row["joined"] == len(mine_) and same(row["bought"], sums["bought"], len(mine_))
        assert (row["purchases"], row["sales"], row["member_days"]) == tuple(
            sums[name] for name in ("purchases", "sales", "days")
        )
        for what in ("purchases", "sales"):
            told_rate = row[f"{what}_per_30_days"]
            assert close(told_rate["value"], sums[what] * 30 / sums["days"] if sums["days"] else None)
            assert (told_rate["numerator"], told_rate["denominator"]) == (sums[what] * 30, sums["days"])
    friends = [one for one in each if one["by"] is not None]
    figures = told["figures"]
    assert figures["joined_by_referral"] == len(friends)
    assert figures["of_them_bought"] == sum(one["bought"] for one in friends)
    assert figures["advocates"] == len({one["by"] for one in friends})
    paid = inside(books.frame("ledger"), window)
    paid = paid[paid["cause"] == "referral"]
    assert figures["referrals_paid"] == paid["cause_id"].map(lambda cause: cause.rpartition("/")[0]).nunique()
    assert figures["points_paid"] == paid["points"].sum()
    names = books.frame("joins").set_index("household")["member"]
    by_advocate = pd.DataFrame(friends, columns=["by", "bought", "purchases", "sales", "days"]).groupby("by")
    for best in figures["best_advocates"]:
        mine = by_advocate.get_group(int(names[names == best["member_id"]].index[0]))
        assert (best["joined"], best["bought"], best["sales"]) == (len(mine), mine["bought"].sum(), mine["sales"].sum())


def test_somebody_was_referred_and_paid_for(books: Books) -> None:
    figures = books.ask("referrals", WHOLE)["figures"]
    assert figures["joined_by_referral"] > 0 and figures["referrals_paid"] > 0
