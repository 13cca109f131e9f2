"""before-after and worth-it against numpy: whom to compare, what changed, its interval, and what that is worth."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.metrics import grocer
from tests.metrics.books import WHOLE, Books, Window, close, same
from tests.metrics.test_program_reports_equal_pandas import priced
from tests.metrics.test_reports_equal_pandas import customers, net

ORIGIN = date(2016, 6, 1)
SPAN = 1_000
DAYS = grocer.SIZE.days
OTHER: Window = (date(2017, 2, 20), WHOLE[1] - timedelta(days=20))
Matrix = np.ndarray[Any, Any]


class Compared(msgspec.Struct, frozen=True):
    """Before and after per 30 days, a row a person: members, and others over the same dates."""

    members: Matrix
    others: Matrix


def number(day: date) -> int:
    return (day - ORIGIN).days


def matrix(books: Books, measure: str, households: list[int], last: date) -> Matrix:
    """Running sums by day, a row a household; column d is all before day d."""
    rows = {household: at for at, household in enumerate(households)}
    daily = np.zeros((len(households), SPAN))
    orders = books.orders(known=True)
    for household, day, total in zip(orders["household"], orders["day"], orders["total"], strict=True):
        if household in rows:
            daily[rows[household], number(day)] += total if measure == "sales" else 1
    if measure == "sales":
        back = books.frame("refunds")
        back = back[back["known"]]
        for household, day, amount in zip(back["household"], back["day"], back["amount"], strict=True):
            if household in rows:
                daily[rows[household], number(day)] -= amount
    return np.concatenate([np.zeros((len(households), 1)), daily.cumsum(axis=1)], axis=1)


def chosen(books: Books, window: Window, days: int) -> tuple[dict[int, int], list[int]]:
    """Members with the day of joining, and others: all customers before the first window begins, most of both."""
    orders = books.orders(known=True)
    firsts = orders[orders["day"] <= window[1]].groupby("household")["day"].min().map(number)
    joins = books.frame("joins").set_index("household")["day"]
    joined = joins[(joins >= window[0]) & (joins <= window[1] - timedelta(days=days))].map(number)
    members = {one: day for one, day in joined.items() if one in firsts and firsts[one] < day - days}
    others = [one for one in firsts.index if one not in joins.index]
    best: tuple[float, dict[int, int], list[int]] = (0.0, {}, [])
    for begin in sorted({day - days for day in members.values()}):
        ours = {one: day for one, day in members.items() if firsts[one] < begin <= day - days}
        theirs = [one for one in others if firsts[one] < begin]
        size = len(ours) * len(theirs) / (len(ours) + len(theirs)) if ours and theirs else 0.0
        if size > best[0]:
            best = (size, ours, theirs)
    return best[1], best[2]


def compared(books: Books, window: Window, days: int, measure: str) -> Compared:
    members, others = chosen(books, window, days)
    own, theirs = (matrix(books, measure, list(group), window[1]) for group in (members, others))
    before = [own[at, day] - own[at, day - days] for at, day in enumerate(members.values())]
    after = [own[at, day + days + 1] - own[at, day + 1] for at, day in enumerate(members.values())]
    dates = np.array(list(members.values()), dtype=int)
    others_before = (theirs[:, dates] - theirs[:, dates - days]).mean(axis=1)
    others_after = (theirs[:, dates + days + 1] - theirs[:, dates + 1]).mean(axis=1)
    scale = 30 / days
    return Compared(np.array([before, after]).T * scale, np.array([others_before, others_after]).T * scale)


def students_t(confidence: float, freedom: float) -> float:
    """By adding up the density, not by a series."""
    grid = np.linspace(0.0, 60.0, 600_001)
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log - (freedom + 1) / 2 * np.log1p(grid**2 / freedom))
    mass = np.concatenate([[0.0], ((density[1:] + density[:-1]) / 2 * np.diff(grid)).cumsum()])
    return float(np.interp(confidence / 2, mass, grid))


def effect(found: Compared) -> tuple[float, float, float] | None:
    """The difference of differences, its standard error and degrees of freedom."""
    if min(len(found.members), len(found.others)) < 20:
        return None
    (was, became), (others_was, others_became) = found.members.mean(axis=0), found.others.mean(axis=0)
    trend = others_became / others_was
    own = np.var(found.members[:, 1] - trend * found.members[:, 0], ddof=1) / len(found.members)
    theirs = np.var(found.others[:, 1] - trend * found.others[:, 0], ddof=1) / len(found.others)
    theirs *= (was / others_was) ** 2
    below = own**2 / (len(found.members) - 1) + theirs**2 / (len(found.others) - 1)
    return became - trend * was, math.sqrt(own + theirs), (own + theirs) ** 2 / below


def agrees(told: Any, expected: tuple[float, float, float] | None) -> bool:
    if told is None or expected is None:
        return told is expected
    value, error, freedom = expected
    reach = students_t(0.95, freedom) * error
    sure = students_t(0.98, freedom) * error
    word = "more" if value - sure > 0 else "less" if value + sure < 0 else "no proof"
    ends = (told["low"] - (value - reach), told["high"] - (value + reach))
    return close(told["value"], value) and max(map(abs, ends)) < 1e-3 * reach and told["proof"] == word


@pytest.mark.parametrize("window", [WHOLE, OTHER])
@pytest.mark.parametrize("days", [DAYS, DAYS // 2])
def test_before_after(books: Books, window: Window, days: int) -> None:
    told = books.ask("before-after", window, days=days)
    figures = told["figures"]
    members, others = chosen(books, window, days)
    assert (figures["members_compared"], figures["others_compared"]) == (len(members), len(others))
    for measure in ("purchases", "sales"):
        found = compared(books, window, days, measure)
        assert agrees(figures["effect"][measure], effect(found)), (figures["effect"][measure], effect(found))
        rows = {row["group"]: row for row in told["rows"] if row["measure"] == f"{measure}_per_30_days"}
        for group, people in (("members", found.members), ("others", found.others)):
            before, after = people.mean(axis=0)
            row = rows[group]
            assert row["people"] == len(people)
            assert close(row["before"], before) and close(row["after"], after)
            assert close(row["change"], after - before) and close(row["growth"], after / before)


def test_there_is_an_interval_to_compare(books: Books) -> None:
    assert books.ask("before-after", WHOLE, days=DAYS)["figures"]["effect"]["sales"] is not None


@pytest.mark.parametrize("window", [WHOLE, OTHER])
def test_worth_it(books: Books, window: Window) -> None:
    told = books.ask("worth-it", window, days=DAYS, running_cost=25_000, message_cost=1_500)
    figures, orders, refunds = told["figures"], books.orders(window), books.frame("refunds", window)
    sales = int(orders["total"].sum() - refunds["amount"].sum())
    costed = int(orders["costed"].sum() - refunds["costed"].sum())
    cost = int(orders["cost"].sum() - refunds["cost"].sum())
    share = (costed - cost) / costed
    members = orders[orders["member"]]["total"].sum() - refunds[refunds["member"]]["amount"].sum()
    assert (figures["sales"], figures["member_sales"]) == (sales, members)
    assert same(figures["margin_rate"], costed - cost, costed)
    assert figures["margin"] == round(sales * share)
    used = books.ended(window)
    rewards, _ = priced(used[used["outcome"] == "used"])
    assert figures["cost_of_rewards"] == rewards
    assert figures["costs"] == rewards + 25_000 + 1_500
    joins = books.frame("joins")
    held = sum((window[1] - max(window[0], day)).days + 1 for day in joins["day"] if day <= window[1])
    assert figures["member_days"] == held
    expected = effect(compared(books, window, DAYS, "sales"))
    assert agrees(figures["effect_per_member_per_30_days"], expected)
    gained = figures["incremental"]
    assert len(figures["verdict"]["sentences"]) == 2
    if expected is None:
        assert (gained, figures["return"], figures["verdict"]["word"]) == (None, None, "keep")
        return
    assert close(gained["sales"], expected[0] * held / 30)
    assert close(gained["margin"], expected[0] * held / 30 * share)
    each = figures["effect_per_member_per_30_days"]
    for end in ("low", "high"):
        assert close(gained[f"margin_{end}"], each[end] * held / 30 * share)
        assert close(figures["return"][end], (each[end] * held / 30 * share - figures["costs"]) / figures["costs"])
    assert close(figures["return"]["value"], (gained["margin"] - figures["costs"]) / figures["costs"])
    assert figures["verdict"]["word"] == verdict(gained, each["proof"], figures["costs"])


def verdict(gained: Any, proof: str, costs: int) -> str:
    """Never more certain than the interval: change what is not proved, stop what is proved to lose, keep the rest
    unless all of the interval is below what it costs."""
    if proof == "less":
        return "stop"
    if proof == "no proof" or gained["margin_high"] < costs:
        return "change"
    return "keep"


@pytest.mark.parametrize("window", [WHOLE, OTHER])
def test_what_a_retention_gain_would_bring(books: Books, window: Window) -> None:
    told = books.ask("worth-it", window, days=DAYS)
    share = told["figures"]["margin_rate"]["value"]
    start = customers(books, window[0] - timedelta(days=1))
    stayed = start & customers(books, window[1])
    each = net(books, window)["sales"].reindex(sorted(stayed)).fillna(0)
    bought = int(each.sum()) - _gone(books, window, stayed - set(net(books, window).index))
    mean = bought / len(stayed) if stayed else None
    assert [row["points_of_retention"] for row in told["rows"]] == [1, 2, 3, 4, 5]
    for row in told["rows"]:
        more = len(start) * row["points_of_retention"] / 100
        assert row["customers_at_start"] == len(start) and close(row["more_customers"], more)
        assert close(row["sales_of_one_who_stays"], mean)
        assert close(row["more_sales"], None if mean is None else mean * more)
        assert close(row["more_margin"], None if mean is None else mean * more * share)


def _gone(books: Books, window: Window, households: set[int]) -> int:
    """What went back in a window to those who bought nothing in it."""
    refunds = books.frame("refunds", window)
    return int(refunds[refunds["known"] & refunds["household"].isin(households)]["amount"].sum())
