"""The head fits into one write unit for life: three years of shopping, under several programs, in the real encoding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.domain import earning, points, refunding
from chalicelib.domain.advance import advance, begin
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import Head, Referral
from chalicelib.domain.program import Program
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Line, Sale
from chalicelib.store import members
from tests.metering import KILOBYTE, as_sent, size
from tests.shop import program

TIERS = {
    "basis": "spend",
    "window": "rolling_year",
    "grace_days": 30,
    "levels": [
        {"id": "silver", "name": "Silver", "threshold": 0},
        {"id": "gold", "name": "Gold", "threshold": 50_000, "percent": 125},
        {"id": "platinum", "name": "Platinum", "threshold": 200_000, "percent": 150},
    ],
}
LIVES: dict[str, dict[str, Any]] = {
    "rolling over 12 months": {"expiry": {"policy": "rolling", "months": 12, "notice_days": 30}},
    "rolling over 36 months": {"expiry": {"policy": "rolling", "months": 36, "notice_days": 30}},
    "a date in the calendar": {"expiry": {"policy": "calendar", "month": 12, "day": 31, "after_years": 1}},
    "inactivity": {"expiry": {"policy": "inactivity", "months": 6, "notice_days": 30}},
    "tiers over a rolling year": {"expiry": {"policy": "rolling", "months": 12}, "tiers": TIERS, "pending_days": 14},
    "tiers over a rolling year, 36 months": {
        "expiry": {"policy": "rolling", "months": 36, "notice_days": 30},
        "tiers": TIERS,
        "pending_days": 14,
    },
}
START = datetime(2026, 1, 5, 10, tzinfo=UTC)
STAFF: dict[str, Any] = {"booked_by": "key:abcdefgh"}


class Shopper(msgspec.Struct, frozen=True):
    """Comes every so many days, spends so many minor units and more, and takes rewards or lets the points lapse."""

    every_days: int
    spends: int
    redeems: bool


SHOPPERS = {
    "weekly": Shopper(7, 9_870, True),
    "daily": Shopper(1, 450, True),
    "daily, saving, in a currency of large numbers": Shopper(1, 2_990_000, False),
}


@pytest.mark.parametrize("shopper", SHOPPERS)
@pytest.mark.parametrize("life", LIVES)
def test_the_head_stays_under_a_kilobyte_for_36_months(life: str, shopper: str) -> None:
    rules, who = _rules(**LIVES[life]), SHOPPERS[shopper]
    largest = 0
    head = _joined(rules)
    for visit in range(1096 // who.every_days):
        head = _visit(head, rules, who, visit, START + timedelta(days=visit * who.every_days))
        largest = max(largest, _bytes(head, rules))
    assert head.purchases > 150
    assert largest < KILOBYTE, f"{largest} bytes"


def _rules(**parts: Any) -> Program:
    document = program(**{name: part for name, part in parts.items() if name != "pending_days"})
    document["earning"] = {**document["earning"], "daily_cap": 1_000_000, "anniversary_points": 50}
    document["earning"]["pending_days"] = parts.get("pending_days", 0)
    return check(document)


def _joined(rules: Program) -> Head:
    head = Head(
        member_id="m0123456789abcdef",
        enrolled_ms=milliseconds(START),
        referral=Referral("m0123456789abcdeg", "paid"),
        referrals_paid=(2026, 10),
        taken={reward.id: 3 for reward in rules.rewards},
    )
    return begin(head, rules, "1984-02-29", local_day(START, rules.time_zone))


def _visit(head: Head, rules: Program, who: Shopper, visit: int, now: datetime) -> Head:
    """What a day in the shop does: a purchase, often a reward, at times a refund of a part of it."""
    head, _ = advance(head, rules, 1, now, "schedule")
    amount = who.spends + 31 * (visit % 150)
    sale = Sale(total=amount, currency="EUR", lines=(Line("latte", "coffee", 1 + visit % 3, amount),))
    done = earning.earn(head, rules, 1, sale, order_id=f"o{visit}", now=now, **STAFF)
    head = done.head
    today = local_day(now, rules.time_zone)
    if who.redeems and visit % 5 == 4 and points.available(head) > 500:
        head = points.touch(points.spend(head, 500), rules.expiry, today)
        moment = milliseconds(now)
        head, _ = post(head, Entry(kind="redeem", cause=("redemption", "x"), occurred_ms=moment, booked_ms=moment))
    if visit % 7 == 6:
        back = refunding.refund_of(done.purchase, 0, 400, refund_id="r", occurred_at=now, now=now, **STAFF)
        refunded = refunding.refund(head, rules, done.purchase, back, frozenset()).head
        assert refunded is not None
        head = refunded
    return head


def _bytes(head: Head, rules: Program) -> int:
    return size(as_sent(members.head_row(rules.program_id, head).serialize()))
