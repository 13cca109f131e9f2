"""Whoever acts on a member whose date has passed commits first what time owes, in the same transaction, so no run that
is late lets anybody spend what lapsed, or wait for what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import app
from chalicelib.store import table
from tests.metering import Bill, metered
from tests.moments import at
from tests.shop import Shop, opened, program

JANUARY = "2026-01-10T12:00:00+00:00"
LEVELS = [
    {"id": "basic", "name": "Basic", "threshold": 0},
    {"id": "gold", "name": "Gold", "threshold": 500, "percent": 200},
]
RULES: dict[str, Any] = {
    "enrolment": {"mode": "open"},
    "earning": {"points": 1, "per_amount": 1},
    "expiry": {"policy": "rolling", "months": 1, "notice_days": 10},
    "tiers": {"basis": "spend", "levels": LEVELS},
    "rewards": [{"id": "tea", "name": "Tea", "kind": "free_product", "value": 200, "cost": 50, "points": 100}],
    "referral": None,
    "stamp_cards": [],
}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(JANUARY), opened(program(**RULES)) as made:
        yield made


def booked(bill: Bill) -> list[str]:
    """What stood in the one transaction, by the type of its cause or item."""
    assert bill.operations.count("TransactWriteItems") == 1
    charged = [charge.key for charge in bill.charges if "#MEMBER#" not in charge.key and "KEY#" not in charge.key]
    return sorted(key.split("#")[3] if "#CAUSE#" in key else key.rpartition(" ")[2] for key in charged)


def test_points_that_lapsed_cannot_be_spent_though_no_run_was_made(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("a", 400, ann)
    with at("2026-02-28T21:59:59+00:00"):
        assert shop.member(ann)["points"]["available"] == 400
        assert shop.redeem(ann, "tea", "last-minute").status == 201
    with at("2026-02-28T22:00:00+00:00"):  # midnight in Helsinki
        assert shop.member(ann)["points"]["available"] == 0
        refused = shop.redeem(ann, "tea", "late")
        assert (refused.status, refused.code) == (422, "insufficient_points"), refused.body
        assert [entry["kind"] for entry in shop.ledger(ann)] == ["earn", "redeem"], "a refusal commits nothing"


def test_a_purchase_after_the_date_books_the_lapse_and_itself_in_one_transaction(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("a", 400, ann)
    with at("2026-03-05T12:00:00+00:00"):
        shop.member(ann)  # a key's first use of a day is noted in a transaction of its own
        with metered(table.connection().client) as bill:
            shop.buy("b", 30, ann)
        assert shop.available(ann) == 30
    assert booked(bill) == ["PURCHASE", "expiry", "notice"]
    ledger = shop.ledger(ann)
    assert [(entry["kind"], entry["points"]) for entry in ledger] == [("earn", 400), ("expire", -400), ("earn", 30)]
    assert ledger[1]["occurred_at"] == "2026-02-28T22:00:00Z", "on its own day, whenever it was told"
    assert shop.differences() == []


def test_points_whose_day_has_come_can_be_spent_though_no_run_was_made() -> None:
    rules = {**RULES, "earning": {**RULES["earning"], "pending_days": 14}, "expiry": {"policy": "none"}}
    with at(JANUARY), opened(program(**rules)) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.buy("a", 100, ann)
        with at("2026-01-23T21:59:59+00:00"):
            assert shop.redeem(ann, "tea", "early").code == "insufficient_points"
        with at("2026-01-23T22:00:00+00:00"), metered(table.connection().client) as bill:
            assert shop.redeem(ann, "tea", "k").status == 201
        assert booked(bill) == ["ISSUED", "release"]
        assert [entry["kind"] for entry in shop.ledger(ann)] == ["earn", "release", "redeem"]


def test_a_tier_whose_window_ended_earns_no_more_though_no_run_was_made(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("a", 500, ann)
    with at("2027-01-31T12:00:00+00:00"):
        assert shop.buy("b", 10, ann)["points"] == 20
    with at("2027-02-01T12:00:00+00:00"):
        shop.member(ann)
        with metered(table.connection().client) as bill:
            assert shop.buy("c", 10, ann)["points"] == 10
    assert "tier" in booked(bill)
    assert shop.member(ann)["tier"]["id"] == "basic"


def test_every_date_on_which_points_will_lapse_is_shown_before_and_after_the_run(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    for month in range(1, 4):
        with at(f"2026-0{month}-15T12:00:00+00:00"):
            shop.buy(f"o{month}", 100 * month, ann)
            if month == 2:
                both = [{"points": 100, "expires_on": "2026-02-28"}, {"points": 200, "expires_on": "2026-03-31"}]
                assert shop.member(ann)["expiring"] == both
    with at("2026-03-15T12:00:00+00:00"):
        both = [{"points": 200, "expires_on": "2026-03-31"}, {"points": 300, "expires_on": "2026-04-30"}]
        assert shop.member(ann)["expiring"] == both


def test_a_run_as_of_any_moment_can_be_asked_for_on_one_machine_and_nowhere_else() -> None:
    assert not [route for route in app.routes if "_local" in route]
