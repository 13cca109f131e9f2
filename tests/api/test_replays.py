"""Safe to retry, forever: the same call again is answered as the first time, field for field, whatever came after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.moments import at
from tests.shop import Reply, Shop, beside, opened, program

NOW = "2026-06-01T12:00:00Z"
LATER = "2031-06-01T12:00:00Z"

Doing = Callable[[Shop, str], Reply]


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at(NOW):
        yield shop


def _purchase(shop: Shop, ann: str) -> Reply:
    items = [
        {"sku": "c", "category": "coffee", "quantity": 12, "amount": 3600},
        {"sku": "p", "name": "Bun", "category": "pastry", "quantity": 1, "amount": 400, "cost": 100},
    ]
    return shop.buy("replayed", 4000, ann, items=items, delivery=100, tax=50, payment_fingerprint="card-1")


def _refund(shop: Shop, ann: str) -> Reply:
    return shop.refund("replayed", "back", 2600)


def _redemption(shop: Shop, ann: str) -> Reply:
    return shop.redeem(ann, "free-coffee", "idem-redeem")


def _adjustment(shop: Shop, ann: str) -> Reply:
    return shop.adjust(ann, 400, "idem-adjust")


def _check_in(shop: Shop, ann: str) -> Reply:
    return shop.call("POST", f"/members/{ann}/check-ins", idem="idem-check-in")


def _use(shop: Shop, ann: str) -> Reply:
    code = shop.redeem(ann, "free-coffee", "idem-redeem")["code"]
    return shop.call("POST", f"/vouchers/{code}/use", {"order_id": "used-by"})


CALLS: dict[str, Doing] = {
    "purchase": _purchase,
    "adjustment": _adjustment,
    "redemption": _redemption,
    "check-in": _check_in,
    "use": _use,
    "refund": _refund,
}


def _upheaval(shop: Shop, ann: str) -> None:
    """Everything that might change a first answer: another program, more bookings, refunds, an end of a voucher."""
    document = {
        **program(
            earning={"points": 7, "per_amount": 3, "daily_cap": 1, "check_in": None},
            expiry={"policy": "none"},
            stamp_cards=[],
            rewards=[],
            time_zone="Asia/Seoul",
        ),
        "program_id": shop.program_id,
        "name": "Renamed",
    }
    shop.buy("another", 5000, ann)
    shop.refund("replayed", "rest", 1400)
    assert shop.call("PUT", "/program", {"version": 1, "program": document}, key=shop.owner).status == 200
    shop.buy("third", 5000, ann)


def test_every_call_again_is_answered_as_the_first_time_field_for_field_years_later() -> None:
    shop = beside(program())
    ann = shop.enrol(email="ann@example.com")
    first = {name: call(shop, ann) for name, call in CALLS.items()}
    assert {name: reply.status for name, reply in first.items()} == dict.fromkeys(CALLS, 201)
    assert all("Idempotent-Replayed" not in reply.headers for reply in first.values())
    _upheaval(shop, ann)
    before = shop.ledger(ann)
    for moment in (NOW, LATER):
        with at(moment):
            for name, call in CALLS.items():
                again = call(shop, ann)
                assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true"), name
                assert again.body == first[name].body, name
                assert list(again.body) == list(first[name].body), name
    assert shop.ledger(ann) == before
    assert shop.differences() == []


def test_a_replay_by_another_key_of_the_program_is_answered_the_same(café: Shop) -> None:
    ann = café.enrol(email="keys@example.com")
    body = {"order_id": "keys", "total": 100, "currency": "EUR", "member_id": ann}
    first = café.call("POST", "/purchases", body, key=café.storefront)
    assert café.call("POST", "/purchases", body, key=café.staff).body == first.body


def test_a_guests_purchase_is_answered_as_a_guests_even_after_joining(café: Shop) -> None:
    with at("2026-05-01T12:00:00Z"):
        first = café.buy("guest", 1000, None, email="later@example.com")
    café.enrol(email="later@example.com")
    again = café.buy("guest", 1000, None, email="later@example.com")
    assert (again.status, again.body) == (200, first.body)


@pytest.mark.parametrize(
    "other",
    [
        {"total": 1001},
        {"delivery": 1},
        {"tax": 1},
        {"items": [{"sku": "a", "quantity": 1, "amount": 1000}]},
        {"occurred_at": "2026-06-01T11:00:00Z"},
        {"member_id": None, "email": "conflict@example.com"},
        {"voucher_codes": ["x"]},
        {"payment_fingerprint": "other"},
    ],
)
def test_the_same_order_with_other_content_is_a_conflict(café: Shop, other: dict[str, Any]) -> None:
    ann = café.enrol(email="conflict@example.com")
    body = {"order_id": "conflict", "total": 1000, "currency": "EUR", "member_id": ann}
    café.call("POST", "/purchases", body)
    before = café.ledger(ann)
    answer = café.call("POST", "/purchases", {**body, **other})
    assert (answer.status, answer.code) == (409, "cause_conflict")
    assert café.ledger(ann) == before


def test_the_same_content_written_in_another_order_is_the_same_call(café: Shop) -> None:
    body = {"order_id": "order-of-fields", "total": 1000, "currency": "EUR", "delivery": 0, "items": []}
    assert café.call("POST", "/purchases", body).status == 201
    turned = {"currency": "EUR", "total": 1000, "order_id": "order-of-fields"}
    assert café.call("POST", "/purchases", turned).status == 200


def test_the_same_moment_in_another_offset_is_the_same_call(café: Shop) -> None:
    body = {"order_id": "offsets", "total": 1000, "currency": "EUR", "occurred_at": "2026-06-01T13:00:00+02:00"}
    refund = {"refund_id": "r", "amount": 100, "occurred_at": "2026-06-01T11:30:00Z"}
    for path, sent, told in (
        ("/purchases", body, "2026-06-01T11:00:00.000Z"),
        ("/purchases/offsets/refunds", refund, "2026-06-01T14:30:00+03:00"),
    ):
        first = café.call("POST", path, sent)
        again = café.call("POST", path, {**sent, "occurred_at": told})
        assert (first.status, again.status, again.body) == (201, 200, first.body)
        other = café.call("POST", path, {**sent, "occurred_at": "2026-06-01T10:00:00Z"})
        assert (other.status, other.code) == (409, "cause_conflict")


def test_the_same_refund_with_other_content_is_a_conflict(café: Shop) -> None:
    ann = café.enrol(email="refund@example.com")
    café.buy("refund", 1000, ann)
    assert café.refund("refund", "r", 400).status == 201
    answer = café.refund("refund", "r", 401)
    assert (answer.status, answer.code) == (409, "cause_conflict")
    assert café.available(ann) == 56


def test_the_same_key_with_other_content_is_a_conflict(café: Shop) -> None:
    ann = café.enrol(email="key@example.com")
    café.adjust(ann, 400, "k")
    assert café.adjust(ann, 401, "k").code == "cause_conflict"
    body = {"points": 400, "reason": "another"}
    path = f"/members/{ann}/adjustments"
    assert café.call("POST", path, body, key=café.owner, idem="k").code == "cause_conflict"
    assert café.redeem(ann, "free-coffee", "k").status == 201
    assert café.redeem(ann, "five-off", "k").code == "cause_conflict"
    assert café.available(ann) == 330


def test_an_idempotency_key_is_scoped_to_program_call_and_member(café: Shop) -> None:
    other = beside(program())
    people = [(café, café.enrol(email="a@example.com")), (café, café.enrol(email="b@example.com"))]
    people.append((other, other.enrol(email="a@example.com")))
    for shop, member_id in people:
        assert shop.adjust(member_id, 100, "same").status == 201
        assert shop.redeem(member_id, "free-coffee", "same").status == 201
        assert shop.call("POST", f"/members/{member_id}/check-ins", idem="same").status == 201
        assert shop.available(member_id) == 32


def test_the_text_of_an_idempotency_key_is_stored_nowhere(café: Shop) -> None:
    from chalicelib.store.table import Row

    ann = café.enrol(email="nowhere@example.com")
    café.adjust(ann, 200, "a-secret-of-the-caller")
    café.redeem(ann, "free-coffee", "a-secret-of-the-caller")
    assert "a-secret-of-the-caller" not in " ".join(str(row.attribute_values) for row in Row.scan())


def test_a_refused_call_leaves_its_cause_free(café: Shop) -> None:
    ann = café.enrol(email="free@example.com")
    assert café.redeem(ann, "five-off", "k").code == "insufficient_points"
    café.adjust(ann, 150, "more")
    assert café.redeem(ann, "five-off", "k").status == 201
    assert café.buy("free", 1000, ann, currency="USD").code == "currency_mismatch"
    assert café.buy("free", 1000, ann).status == 201


def test_a_voucher_that_an_order_used_does_not_stop_that_orders_replay(café: Shop) -> None:
    ann = café.enrol(email="voucher@example.com")
    café.adjust(ann, 500, "k")
    code = café.redeem(ann, "five-off", "k")["code"]
    first = café.buy("with-voucher", 2000, ann, voucher_codes=[code])
    with at(LATER):
        again = café.buy("with-voucher", 2000, ann, voucher_codes=[code])
    assert (again.status, again.body) == (200, first.body)


def test_entries_are_booked_by_whoever_called_and_when(café: Shop) -> None:
    ann = café.enrol(email="who@example.com")
    café.buy("who", 100, ann, occurred_at="2026-05-30T10:00:00+03:00")
    entry = café.ledger(ann)[-1]
    keys = {row["key_id"]: row["role"] for row in café.call("GET", "/keys", key=café.owner)["items"]}
    kind, _, key_id = entry["booked_by"].partition(":")
    assert (kind, keys[key_id]) == ("key", "storefront")
    assert entry["occurred_at"] == "2026-05-30T07:00:00Z"
    assert datetime.fromisoformat(entry["booked_at"]) == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert entry["cause"] == {"type": "order", "id": "who"}
