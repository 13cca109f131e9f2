"""The whole ledger leaves by pages: every entry exactly once, guests' and cards' too, by days of booking."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from chalicelib.store.table import Row
from tests.moments import at
from tests.people.people import START, brought, cafe, claimed, days_later, merged, settle, sold, spent
from tests.shop import Shop, opened, program


def pages(shop: Shop, query: str = "") -> list[list[Any]]:
    found, cursor = [], ""
    for _ in range(500):
        answer = shop.call("GET", f"/ledger/export?limit=7{query}{cursor}", key=shop.owner)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        found.append([json.loads(line) for line in answer.body.splitlines()])
        if "Next-Cursor" not in answer.headers:
            return found
        cursor = f"&cursor={answer.headers['Next-Cursor']}"
    raise AssertionError("the pages have no end")


def exported(shop: Shop, query: str = "") -> list[Any]:
    return [entry for page in pages(shop, query) for entry in page]


def lively(shop: Shop) -> None:
    """A fortnight in which everything happened that makes an entry."""
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("guest", 500)
    card = sold(shop, 3000)
    for number in range(12):
        with at(days_later(number % 5)):
            shop.buy(f"o{number}", 2000 + number, bob if number % 2 else ann)
    with at(days_later(6)):
        claimed(shop, "guest", ann)
        spent(shop, card, "o3", 700)
        shop.refund("o3", "r", 900)
        shop.adjust(ann, 300, "grant")
        code = shop.redeem(ann, "five-off", "k")["code"]
        shop.call("POST", f"/vouchers/{code}/cancel")
        used = shop.redeem(ann, "free-coffee", "k2")["code"]
        spent(shop, used, "o3", None)
        shop.call("POST", f"/members/{ann}/check-ins", idem="c")
    settle(shop, bob, 15)
    with at(days_later(16)):
        merged(shop, ann, bob)


def stored(shop: Shop) -> int:
    kinds = {"PURCHASE", "CLAIM", "REFUND", "ENTRY", "VOUCHER", "SETTLED", "SPEND"}
    return sum(1 for row in Row.scan() if row.t in kinds)


def test_every_entry_is_exported_exactly_once_in_pages_of_so_many() -> None:
    with at(START), opened(program()) as shop:
        lively(shop)
        with at(days_later(20)):
            told = pages(shop)
            entries = [entry for page in told for entry in page]
            assert len({(entry["member_id"], entry["entry_id"]) for entry in entries}) == len(entries)
            assert len(entries) == stored(shop)
            assert max(map(len, told)) == 7
            kinds = {entry["cause"]["type"] for entry in entries}
            assert kinds >= {"order", "claim", "gift_card", "gift_card_spent", "refund", "redemption", "voucher"}
            assert kinds >= {"welcome", "referral", "merge", "merged", "adjustment", "check_in"}
            posted: dict[str, int] = {}
            for entry in entries:
                if entry["member_id"] and entry["status"] == "posted":
                    posted[entry["member_id"]] = posted.get(entry["member_id"], 0) + entry["points"]
            assert posted == {member: shop.member(member)["points"]["available"] for member in posted}


def test_from_and_to_are_days_of_booking_both_included_and_parts_make_the_whole() -> None:
    with at(START), opened(program()) as shop:
        lively(shop)
        with at(days_later(20)):
            whole = exported(shop)
            first = exported(shop, "&to=2026-06-03")
            second = exported(shop, "&from=2026-06-04")
            assert [entry["booked_at"][:10] for entry in first if entry["booked_at"][:10] > "2026-06-03"] == []
            assert {entry["booked_at"][:10] for entry in exported(shop, "&from=2026-06-02&to=2026-06-02")} == {
                "2026-06-02"
            }
            assert first + second == whole
            assert exported(shop, "&from=2030-01-01") == []
            assert exported(shop, "&from=0001-01-01&to=2026-05-01") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-06-05&to=2026-06-01", "invalid_request"),
        ("from=yesterday", "invalid_request"),
        ("limit=1001", "invalid_request"),
        ("cursor=nonsense", "invalid_cursor"),
        ("cursor=" + urlsafe_b64encode(b"[-1000000000,0]").decode(), "invalid_cursor"),
        ("cursor=" + urlsafe_b64encode(b"[20605,99]").decode(), "invalid_cursor"),
    ],
)
def test_what_no_page_gave_is_refused(query: str, code: str) -> None:
    with at(START), opened(cafe()) as shop:
        assert shop.call("GET", f"/ledger/export?{query}", key=shop.owner).code == code
        assert shop.call("GET", f"/ledger/export?{query}", key=shop.staff).status == 403
