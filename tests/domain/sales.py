"""One sale to one member, and everything that is written of it: what the tests of sales and refunds begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chalicelib.domain import earning
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.member import NEVER, Head, Tier
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Line, Purchase, Sale, Stamped
from chalicelib.domain.voucher import Voucher

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TODAY = 20619  # 2026-06-15 in days since 1970
SOLD = NOW - timedelta(days=1)
MS, SOLD_MS = milliseconds(NOW), milliseconds(SOLD)


def shop(**changes: Any) -> Program:
    document: dict[str, Any] = {
        "program_id": "p",
        "name": "P",
        "currency": "EUR",
        "time_zone": "UTC",
        "locales": ["en"],
        "earning": {
            "points": 3,
            "per_amount": 100,
            "excluded_categories": ["gift"],
            "multipliers": [
                {"id": "m", "name": "M", "categories": ["cake"], "percent": 200},
                {"id": "n", "name": "N", "categories": ["cake"], "percent": 150},
                {"id": "o", "name": "O", "percent": 50, "starts_on": "2026-06-20"},
                {"id": "q", "name": "Q", "percent": 900, "ends_on": "2026-06-13"},
            ],
        },
        "expiry": {"policy": "none"},
        "tiers": {
            "basis": "spend",
            "levels": [
                {"id": "one", "name": "One", "threshold": 0},
                {"id": "two", "name": "Two", "threshold": 900, "percent": 120},
            ],
        },
        "stamp_cards": [{"id": "c", "name": "C", "categories": ["cake"], "required": 4, "reward_id": "r"}],
        "rewards": [
            {"id": "r", "name": "R", "kind": "free_product", "value": 5, "cost": 2, "points": 9, "valid_days": 30}
        ],
        **changes,
    }
    return msgspec.convert(document, Program)


LINES = (Line("a", "cake", 5, 600, 200), Line("b", "gift", 1, 300), Line("c", None, 2, 100, 40))
SALE = Sale(total=1000, currency="EUR", delivery=60, tax=40, occurred_at=SOLD, lines=LINES)
ANN = Head(member_id="m1", enrolled_ms=0, tier=Tier("one", 20000), purchases=3, sequence=7)
BASIS = Basis(weighted=130_000, earning=700, spread=900, listed=1000, points=3, per_amount=100)


def sell(head: Head = ANN, program: Program | None = None, sale: Sale = SALE, **more: Any) -> earning.Earned:
    return earning.earn(head, program or shop(), 4, sale, order_id="o-1", now=NOW, booked_by="key:k", **more)


BOUGHT = Purchase(
    kind="earn",
    cause=("order", "o-1"),
    order_id="o-1",
    amount=1000,
    booked_by="key:k",
    occurred_ms=SOLD_MS,
    booked_ms=MS,
    program_version=4,
    total=1000,
    currency="EUR",
    delivery=60,
    tax=40,
    lines=LINES,
    points=35,
    lot=NEVER,
    basis=BASIS,
    stamps=(Stamped("c", 5, 4, 1),),
    tier="one",
    member_id="m1",
    sequence=8,
    balance_after=35,
)
PRIZE = Voucher(
    kind="bonus",
    cause=("stamp_card", "c/o-1/0"),
    order_id="o-1",
    reason="R",
    booked_by="key:k",
    occurred_ms=MS,
    booked_ms=MS,
    program_version=4,
    reward_id="r",
    name="R",
    voucher_kind="free_product",
    value=5,
    cost=2,
    valid_until=TODAY + 30,
    origin="card/c/0/o-1",
    card_id="c",
    currency="EUR",
    member_id="m1",
    sequence=9,
    balance_after=35,
)


def shop_levels() -> list[dict[str, Any]]:
    return [{"id": "one", "name": "One", "threshold": 0}, {"id": "two", "name": "Two", "threshold": 9000}]
