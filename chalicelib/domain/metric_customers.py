"""Reports on people who buy: participation, retention, repeat purchases, activity, the best customers."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from typing import Any

from chalicelib.domain.calendar import day_number, day_of, end_of_month
from chalicelib.domain.metric_histories import (
    ACTIVE,
    COST,
    COSTED,
    PURCHASES,
    REFUNDED,
    SALES,
    History,
    days_with,
    first_day,
    last_day,
    months_with,
    net_sales,
    silences,
    sum_of,
    sums,
)
from chalicelib.domain.metric_report import LAPSED_DAYS, Book, Rate, Told, month_index, month_name, months, rate
from chalicelib.domain.metric_sums import Day

TOP_LISTED = 20


def participation(book: Book, first: int, last: int) -> Told:
    """Member purchases ÷ all purchases, by count and by sales."""
    whole = book.sums.between(first, last)
    rows = [{"month": name, **_shares(book.sums.between(low, high))} for name, low, high in months(first, last)]
    return Told(
        figures={
            **_shares(whole),
            "member_net_sales": whole["member_sales"] - whole["member_refunded"],
            "guest_net_sales": whole["guest_sales"] - whole["guest_refunded"],
            "refunds": whole["member_refunds"] + whole["guest_refunds"],
            "refunded": whole["member_refunded"] + whole["guest_refunded"],
            "anonymous_purchases": whole["anonymous_purchases"],
            "anonymous_sales": whole["anonymous_sales"],
        },
        rows=rows,
    )


def _shares(day: Day) -> dict[str, Any]:
    return {
        "by_count": rate(day["member_purchases"], day["member_purchases"] + day["guest_purchases"]),
        "by_sales": rate(day["member_sales"], day["member_sales"] + day["guest_sales"]),
        "member_purchases": day["member_purchases"],
        "guest_purchases": day["guest_purchases"],
        "member_sales": day["member_sales"],
        "guest_sales": day["guest_sales"],
    }


def retention(book: Book, first: int, last: int) -> Told:
    """Cohorts by month: of the first purchase (customers), and of joining (members)."""
    begun, until = month_index(first), month_index(last)
    members = book.people.members(last)
    cohorts: dict[tuple[str, int], list[int]] = {}
    for basis, index in [(basis, index) for basis in ("customers", "members") for index in range(begun, until + 1)]:
        cohorts[basis, index] = [0] * (until - index + 2)
    since = day_number(date(begun // 12, begun % 12 + 1, 1))
    for buyer, history in book.histories.by_buyer.items():
        began = next(days_with(history, PURCHASES, last), None)
        joining = members.get(buyer)
        in_months = months_with(history, PURCHASES, since, last)
        for basis, day in (("customers", began), ("members", joining.day if joining else None)):
            if day is None or day < first:
                continue
            index = month_index(day)
            cohort = cohorts[basis, index]
            cohort[0] += 1
            for month in in_months[bisect_left(in_months, index) :]:
                cohort[month - index + 1] += 1
    for buyer, joining in members.items():
        if buyer not in book.histories.by_buyer and joining.day >= first:
            cohorts["members", month_index(joining.day)][0] += 1
    rows = [
        {
            "basis": basis,
            "cohort": month_name(index),
            "size": counts[0],
            "month": month,
            "active": counts[month + 1],
            "rate": rate(counts[month + 1], counts[0]),
        }
        for (basis, index), counts in cohorts.items()
        if counts[0]
        for month in range(len(counts) - 1)
    ]
    return Told(figures=_kept(book, first, last), rows=rows, notes=_partial(last))


def _partial(last: int) -> list[str]:
    return [] if day_number(end_of_month(day_of(last))) == last else ["The last month is not over."]


def customers_on(book: Book, day: int) -> set[str]:
    """Who bought in the LAPSED_DAYS up to a day."""
    found = set()
    for buyer, history in book.histories.by_buyer.items():
        last = last_day(history, PURCHASES, day)
        if last is not None and last > day - LAPSED_DAYS:
            found.add(buyer)
    return found


def _kept(book: Book, first: int, last: int) -> dict[str, Any]:
    """The period's retention rate: (customers at the end - new in the period) ÷ customers at the start."""
    start, end = customers_on(book, first - 1), customers_on(book, last)
    new = sum(1 for buyer in end if _first(book.histories.by_buyer[buyer], last) >= first)
    back = sum(1 for buyer in end if buyer not in start) - new
    return {
        "customers_at_start": len(start),
        "customers_at_end": len(end),
        "new": new,
        "won_back": back,
        "kept": len(start & end),
        "retention_rate": rate(len(end) - new, len(start)),
        "kept_rate": rate(len(start & end), len(start)),
    }


def _first(history: History, until: int) -> int:
    return next(days_with(history, PURCHASES, until), until + 1)


_STEPS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, None))


def repeat(book: Book, first: int, last: int) -> Told:
    """Who bought again, how many times, and how long it took."""
    members = book.people.members(last)
    groups = {"all": _Repeat(), "members": _Repeat(), "others": _Repeat()}
    for buyer, history in book.histories.by_buyer.items():
        count = sum_of(history, PURCHASES, first, last)
        if count < 1:
            continue
        begun, ended = first_day(history, PURCHASES, first, last), last_day(history, PURCHASES, last)
        span = ended - begun if begun is not None and ended is not None else 0
        for name in ("all", "members" if buyer in members else "others"):
            groups[name].add(count, span)
    rows = []
    for low, high in _STEPS:
        name = str(low) if low == high else f"{low}-{high}" if high else f"{low}+"
        row: dict[str, Any] = {"purchases": name}
        for group, found in groups.items():
            row[group] = sum(many for count, many in found.counts.items() if low <= count <= (high or count))
        rows.append(row)
    return Told(figures={name: group.told() for name, group in groups.items()}, rows=rows)


class _Repeat:
    """Purchases by customer, and the days from first to last."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.span = 0

    def add(self, count: int, span: int) -> None:
        self.counts[count] = self.counts.get(count, 0) + 1
        self.span += span

    def told(self) -> dict[str, Any]:
        customers = sum(self.counts.values())
        purchases = sum(count * many for count, many in self.counts.items())
        again = customers - self.counts.get(1, 0)
        return {
            "customers": customers,
            "purchases": purchases,
            "repeat_rate": rate(again, customers),
            "purchases_per_customer": rate(purchases, customers),
            "days_between_purchases": rate(self.span, purchases - customers),
        }


def activity(book: Book, first: int, last: int) -> Told:
    """Active, new, lapsed and won back customers, month by month; members who earned or redeemed lately."""
    changes: dict[str, dict[int, int]] = {"new": {}, "lapsed": {}, "won_back": {}}
    for history in book.histories.by_buyer.values():
        bought = silences(history, PURCHASES, last, LAPSED_DAYS)
        if bought is None:
            continue
        began, latest, gaps = bought
        _count(changes["new"], began)
        for before, after in gaps:
            _count(changes["lapsed"], before + LAPSED_DAYS)
            _count(changes["won_back"], after)
        if last - latest >= LAPSED_DAYS:
            _count(changes["lapsed"], latest + LAPSED_DAYS)
    active = sum(_signed(changes, day) for day in _days(changes) if day < first)
    rows = []
    for name, low, high in months(first, last):
        row: dict[str, Any] = {"month": name}
        for what, days in changes.items():
            row[what] = sum(many for day, many in days.items() if low <= day <= high)
        active += row["new"] + row["won_back"] - row["lapsed"]
        rows.append({**row, "active_at_end": active})
    total = {what: sum(row[what] for row in rows) for what in changes}
    return Told(figures={**total, "active_customers": active, **_active_members(book, last)}, rows=rows)


def _active_members(book: Book, last: int) -> dict[str, Any]:
    members = book.people.members(last)
    acted = 0
    for member in members:
        history = book.histories.by_buyer.get(member)
        day = last_day(history, ACTIVE, last) if history else None
        acted += day is not None and day > last - LAPSED_DAYS
    return {"members": len(members), "active_rate": rate(acted, len(members))}


def _count(days: dict[int, int], day: int) -> None:
    days[day] = days.get(day, 0) + 1


def _days(changes: dict[str, dict[int, int]]) -> set[int]:
    return {day for days in changes.values() for day in days}


def _signed(changes: dict[str, dict[int, int]], day: int) -> int:
    return changes["new"].get(day, 0) + changes["won_back"].get(day, 0) - changes["lapsed"].get(day, 0)


def top_customers(book: Book, first: int, last: int) -> Told:
    """The share of sales, and of margin, that the best customers bring; by tenths of all customers."""
    bought = []
    for buyer, history in book.histories.by_buyer.items():
        row = sums(history, first, last)
        if row[PURCHASES] > 0:
            bought.append((buyer, row[PURCHASES], row[SALES] - row[REFUNDED], row[COSTED] - row[COST]))
    members = book.people.members(last)
    best = -(-len(bought) // 5)
    by_sales = sorted(bought, key=lambda one: (-one[2], one[0]))
    by_margin = sorted(bought, key=lambda one: (-one[3], one[0]))
    sales, margin = sum(one[2] for one in bought), sum(one[3] for one in bought)
    rows = []
    for tenth in range(10):
        part = by_sales[tenth * len(bought) // 10 : (tenth + 1) * len(bought) // 10]
        rows.append(
            {
                "decile": tenth + 1,
                "customers": len(part),
                "members": sum(1 for one in part if one[0] in members),
                "purchases": sum(one[1] for one in part),
                "sales": sum(one[2] for one in part),
                "share_of_sales": rate(sum(one[2] for one in part), sales),
                "margin": sum(one[3] for one in part),
            }
        )
    figures: dict[str, Any] = {
        "customers": len(bought),
        "top_customers": best,
        "top_share_of_sales": rate(sum(one[2] for one in by_sales[:best]), sales),
        "top_share_of_margin": _margin_share(sum(one[3] for one in by_margin[:best]), margin),
        "best": [
            {"member_id": one[0] if one[0] in members else None, "purchases": one[1], "sales": one[2], "margin": one[3]}
            for one in by_sales[:TOP_LISTED]
        ],
    }
    notes = [] if margin else ["Margin is known only for lines that were sent with their cost."]
    return Told(figures=figures, rows=rows, notes=notes)


def _margin_share(best: int, all_of_it: int) -> Rate:
    return rate(best, all_of_it) if all_of_it > 0 else Rate(None, best, all_of_it)


def spent(book: Book, buyer: str, first: int, last: int) -> int:
    """Net sales of one buyer, 0 for one who never bought."""
    history = book.histories.by_buyer.get(buyer)
    return net_sales(history, first, last) if history else 0
