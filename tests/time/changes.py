"""What one change of one due member costs in the walk: its share of a page's reading, and its own transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.domain.calendar import day_number, milliseconds, start_of
from chalicelib.domain.member import Head, Tier
from chalicelib.store import members
from tests.moments import at
from tests.shop import Shop, program
from tests.time import costs
from tests.time.engine_world import on_engine
from tests.time.life import LEVELS

ZONE = "Europe/Helsinki"
DAY = day_number(date(2026, 6, 15))
"""On which everything below is due."""
RULES: dict[str, Any] = {
    "enrolment": {"mode": "open"},
    "earning": {"points": 1, "per_amount": 1, "birthday_points": 40, "anniversary_points": 20},
    "expiry": {"policy": "rolling", "months": 12, "notice_days": 30},
    "tiers": {"basis": "spend", "levels": LEVELS},
    "plans": [{"id": "club", "name": "Club", "percent": 200}],
    "stamp_cards": [],
    "referral": None,
    "rewards": [
        {"id": "tea", "name": "Tea", "kind": "free_product", "value": 200, "cost": 50, "points": 10, "valid_days": 20},
        {"id": "card", "name": "Card", "kind": "gift_card", "value": 500, "cost": 500, "points": 10, "valid_days": 21},
    ],
}
JOINED = milliseconds(start_of(DAY - 400, ZONE))
PLAIN = Head(member_id="m", enrolled_ms=JOINED, version=1, counts="sr", lots={0: 500})
LEFT = {DAY + 200: 100}
"""Points that lapse later, so the member stays in the index: what moves an entry is the dearer case."""


def heads() -> dict[str, Head]:
    """A member for each thing that a day can bring, with something else due later."""
    later = replace(PLAIN, lots={**PLAIN.lots, **LEFT})
    silver = Tier("silver", DAY - 380, DAY - 1, 100, DAY - 380)
    return {
        "points are released": replace(later, pending={DAY: {DAY + 300: 100}}),
        "points lapse": replace(later, lots={**later.lots, DAY - 1: 100}),
        "notice is given": replace(later, lots={**later.lots, DAY + 30: 100}, notice_days=30),
        "a tier's window ends, lower": replace(later, tier=silver),
        "a tier's window ends, held on": replace(later, tier=silver, window={DAY - 9: 100}),
        "a birthday": replace(later, birthday_on=DAY),
        "an anniversary": replace(later, anniversary_on=DAY),
        "a plan is over": replace(later, plans={"s": ("club", DAY - 1)}),
    }


class Change(msgspec.Struct, frozen=True):
    """One change of one member, and what it took: reading them, and their own writes."""

    name: str
    round_trips: int
    units: int


def measured() -> Iterator[Change]:
    """Each change by itself, in a run of the schedule in which nothing else is due."""
    with on_engine():
        shop = Shop(program(**RULES))
        for number, (name, head) in enumerate(heads().items()):
            costs.put([members.head_row(shop.program_id, replace(head, member_id=f"m{number}"))])
            yield alone(name, DAY)
        with at(start_of(DAY, ZONE).isoformat()):
            member_id = shop.enrol(email="ann@example.com")
            shop.adjust(member_id, 100, "grant")
            for reward in RULES["rewards"]:
                assert shop.redeem(member_id, reward["id"], reward["id"]).status == 201
        yield alone("a voucher ends", DAY + 20 + 1)
        yield alone("a gift card ends", DAY + 21 + 1)


def alone(name: str, day: int) -> Change:
    bill = costs.walked(start_of(day, ZONE) + timedelta(hours=3))
    own = [charge for charge in bill.charges if "RUN#" not in charge.key]
    assert own, f"{name}: something was due"
    trips = sum(operation in ("BatchGetItem", "TransactWriteItems", "UpdateItem") for operation in bill.operations)
    return Change(name, trips, sum(charge.table + charge.index for charge in own))
