"""What one webhook costs: round trips and write units, counted from the requests."""

from __future__ import annotations

import pytest

from chalicelib.store import table
from tests.metering import Bill, metered
from tests.payments.till import Till, charge, refund, session
from tests.shop import Shop


@pytest.fixture
def till(shop: Shop) -> Till:
    """A provider that was heard this minute already."""
    till = Till(shop)
    till.outcome(charge("pi_0", 100))
    return till


def cost(till: Till, told: dict[str, object], outcome: str) -> Bill:
    with metered(table.connection().client) as bill:
        assert till.outcome(told) == outcome
    return bill


def test_a_sale_is_booked_in_three_round_trips_and_told_again_in_two(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    told = charge("pi_1", 10_000, metadata={"member_id": ann})
    first = cost(till, told, "booked")
    assert first.operations == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    again = cost(till, told, "known")
    assert again.operations == ["BatchGetItem", "BatchGetItem"]
    assert first.write_units <= 10


def test_a_refund_takes_five_round_trips_at_most(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    till.outcome(session("pi_1", 10_000, metadata={"order_id": "A-1", "member_id": ann}))
    bill = cost(till, refund("pi_1", "re_1", 1_000), "booked")
    assert bill.round_trips <= 5
    assert bill.write_units <= 12
