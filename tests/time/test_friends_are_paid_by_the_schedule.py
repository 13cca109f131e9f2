"""A referral is settled by the schedule's event through queue and worker: both sides, once, capped, never a refunded
one and never one's own second account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from chalicelib.actions import settle_referral
from chalicelib.store import keys, runs, table
from chalicelib.store.table import Lost
from tests.moments import at
from tests.people.people import START, brought, cafe
from tests.shop import Shop, opened
from tests.time.costs import walked

RULE = {"advocate_points": 150, "friend_points": 75, "minimum_purchase": 1500, "settle_days": 14, "yearly_cap": 2}
SETTLED = datetime.fromisoformat(START) + timedelta(days=14)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(cafe(referral=RULE, expiry={"policy": "none"})) as made:
        yield made


def night(now: datetime) -> list[str]:
    """What a run as of a moment sent."""
    with at(now.isoformat()):
        return walked(now).operations


def friends(shop: Shop, advocate_id: str) -> list[tuple[str, str | None]]:
    with at(SETTLED.isoformat()):
        items = shop.call("GET", f"/members/{advocate_id}/referrals", key=shop.staff)["items"]
    return sorted((one["state"], one["reason"] or "") for one in items)


def test_both_sides_are_paid_once_by_the_run_of_the_day_on_which_it_settles(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 1500, bob)
    night(SETTLED - timedelta(days=1))
    assert (shop.available(ann), shop.available(bob)) == (0, 15)
    for late in (0, 0, 1, 40):
        night(SETTLED + timedelta(days=late))
        assert (shop.available(ann), shop.available(bob)) == (150, 15 + 75)
    assert [entry["kind"] for entry in shop.ledger(ann)] == ["bonus"]
    assert shop.ledger(ann)[0]["booked_by"] == "schedule:due"
    assert shop.differences() == []
    history = shop.call("GET", f"/members/{bob}/history")["items"]
    assert [item["what"] for item in history] == ["referral"]


def test_beyond_the_cap_only_the_friend_is_paid_in_whatever_slices_they_stand(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    brought_by = [brought(shop, ann, email=f"friend{number}@example.org") for number in range(4)]
    for number, friend in enumerate(brought_by):
        shop.buy(f"o{number}", 1500, friend)
    night(SETTLED)
    assert shop.available(ann) == 2 * 150
    assert [shop.available(friend) for friend in brought_by] == [15 + 75] * 4
    assert friends(shop, ann) == [("paid", "")] * 2 + [("paid", "yearly_cap")] * 2
    assert shop.differences() == []


def test_nothing_is_paid_for_what_was_refunded_nor_for_ones_own_second_account(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com", phone="+36301234567")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    shop.refund("o1", "r", 501)
    second = brought(shop, ann, email="second@example.org")
    shop.buy("o2", 2000, second)
    token = shop.call("POST", f"/members/{second}/sessions")["token"]
    assert shop.call("PATCH", "/me", {"phone": "0036 30 1234567"}, key=token).status == 200
    night(SETTLED)
    assert friends(shop, ann) == [("joined", ""), ("refused", "same_phone")], "the refunded one may still buy"
    assert (shop.available(ann), shop.available(bob), shop.available(second)) == (0, 14, 20)


def test_a_worker_that_loses_a_race_or_dies_pays_both_sides_or_neither(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 1500, bob)
    real, tries = settle_referral.commit, 0

    def losing(writes: list[table.Write]) -> None:
        nonlocal tries
        tries += 1
        assert {write.row.pk for write in writes} >= {keys.head(shop.program_id, one)[0] for one in (ann, bob)}
        if tries == 1:
            raise Lost
        real(writes)

    with patch.object(settle_referral, "commit", losing):
        night(SETTLED)
    assert tries == 2
    assert (shop.available(ann), shop.available(bob)) == (150, 15 + 75)
    assert runs.those_aside(shop.program_id, None, 10) == []
