"""What a member went through, over HTTP: tiers with their reason, releases, expiries, notices, birthdays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.actions import walk
from chalicelib.domain.calendar import milliseconds
from tests.moments import at
from tests.shop import Shop, opened, program

LEVELS = [{"id": "basic", "name": "Basic", "threshold": 0}, {"id": "gold", "name": "Gold", "threshold": 500}]
RULES: dict[str, Any] = {
    "enrolment": {"mode": "open", "welcome_points": 5},
    "earning": {"points": 1, "per_amount": 1, "birthday_points": 40},
    "expiry": {"policy": "rolling", "months": 2, "notice_days": 10},
    "tiers": {"basis": "spend", "levels": LEVELS},
}


def due(moment: str) -> None:
    when = datetime.fromisoformat(moment).astimezone(UTC)
    with at(moment):
        for shard in range(16):
            piece = walk.Piece(run_id=f"run-{moment}", shard=shard, as_of=when, noted_ms=milliseconds(when))
            assert walk.walk_slice(piece, lambda: True).failed == 0


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with at("2026-01-05T12:00:00+00:00"), opened(program(**RULES)) as made:
        yield made


@pytest.fixture(scope="module")
def member(shop: Shop) -> str:
    """Bought, was refunded, had a birthday, and let everything lapse."""
    with at("2026-01-05T12:00:00+00:00"):
        member_id = shop.enrol(email="ann@example.com", birthday="1990-02-01")
        shop.buy("a", 600, member_id)
        shop.buy("b", 30, member_id)
    with at("2026-01-06T12:00:00+00:00"):
        shop.refund("a", "r", 400)
    due("2026-02-02T03:00:00+00:00")
    due("2026-03-23T03:00:00+00:00")
    due("2026-04-02T03:00:00+00:00")
    return member_id


def history(shop: Shop, member_id: str, query: str = "") -> Any:
    reply = shop.call("GET", f"/members/{member_id}/history{query}")
    assert reply.status == 200, reply.body
    return reply.body


def test_a_members_life_is_told_newest_first(shop: Shop, member: str) -> None:
    told = history(shop, member)
    assert [item["what"] for item in told["items"]] == [
        "expiry",
        "notice",
        "birthday",
        "tier",
        "tier",
        "welcome",
    ]
    assert told["next_cursor"] is None
    assert told["items"][0]["points"] == -235
    assert told["items"][1]["expires_on"] == "2026-03-31"
    assert told["items"][3]["tier_change"] == {"from": "gold", "to": "basic"}
    assert told["items"][3]["reason"] == "Lost by a refund"
    assert told["items"][4]["order_id"] == "a"


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_pages_tell_the_same_and_nothing_twice(shop: Shop, member: str, limit: int) -> None:
    items, cursor = [], ""
    for _ in range(20):
        page = history(shop, member, f"?limit={limit}{cursor}")
        assert len(page["items"]) <= limit
        items.extend(page["items"])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert items == history(shop, member)["items"]


def test_a_member_reads_their_own_and_nobody_elses(shop: Shop, member: str) -> None:
    with at("2026-04-03T12:00:00+00:00"):
        other = shop.enrol(email="bob@example.com")
        token = shop.call("POST", f"/members/{other}/sessions", {})["token"]
        assert [item["what"] for item in shop.call("GET", "/me/history", key=token)["items"]] == ["welcome"]
        assert shop.call("GET", f"/members/{member}/history", key=token).code == "forbidden"
    assert shop.call("GET", "/members/nobody/history").code == "member_not_found"


@pytest.mark.parametrize("cursor", ["x", "%00", "WzEsMl0", "W10", "!!"])
def test_a_cursor_that_was_never_given_is_refused_or_begins_again(shop: Shop, member: str, cursor: str) -> None:
    reply = shop.call("GET", f"/members/{member}/history?cursor={cursor}")
    assert reply.status in (200, 400), reply.body
    assert reply.status == 200 or reply.code in ("invalid_cursor", "invalid_request")


def test_the_ledger_stays_whole_beside_it(shop: Shop, member: str) -> None:
    assert shop.differences() == []
    assert [entry["kind"] for entry in shop.ledger(member)] == ["bonus", "earn", "earn", "refund", "bonus", "expire"]


def test_a_birthday_changed_by_its_member_is_not_paid_twice(shop: Shop) -> None:
    with at("2027-01-10T12:00:00+00:00"):
        member_id = shop.enrol(email="eve@example.com", birthday="1990-01-10")
    due("2027-01-10T15:00:00+00:00")
    for month in range(2, 8):
        with at(f"2027-{month:02d}-01T12:00:00+00:00"):
            reply = shop.call("PATCH", f"/members/{member_id}", {"birthday": f"1990-{month:02d}-02"})
            assert reply.status == 200, reply.body
        due(f"2027-{month:02d}-03T03:00:00+00:00")
    with at("2027-08-01T12:00:00+00:00"):
        assert [item["what"] for item in history(shop, member_id)["items"]].count("birthday") == 1
