"""Purchases over HTTP: the points rule exactly, its explanation, and everything else that a sale decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.shop import Reply, Shop, beside, opened, program

DAY = "2026-11-25T12:00:00+02:00"  # inside the pastry week


def item(amount: int, category: str | None = None, quantity: int = 1, sku: str = "x") -> dict[str, Any]:
    return {"sku": sku, "category": category, "quantity": quantity, "amount": amount}


def earning(**changes: Any) -> dict[str, Any]:
    return {**program()["earning"], "daily_cap": None, **changes}


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    """The corner café without a daily cap; its tests use members and orders of their own."""
    with opened(program(earning=earning())) as shop, at(DAY):
        yield shop


_numbers = iter(range(10_000))


def sold(shop: Shop, total: int, *items: dict[str, Any], member_id: str | None = None, **fields: Any) -> Reply:
    """A purchase of a member's own, unless one is named; every explanation must add up."""
    number = next(_numbers)
    member = member_id or shop.enrol(email=f"m{number}@example.com")
    answer = shop.buy(f"order-{number}", total, member, items=list(items), **fields)
    if answer.status == 201:
        assert sum(row["points"] for row in answer["explanation"]) == answer["points"]
    return answer


@pytest.mark.parametrize(
    ("total", "fields", "items", "points"),
    [
        (199, {}, [], 1),
        (99, {}, [], 0),
        (0, {}, [], 0),
        (1000, {"delivery": 300, "tax": 101}, [], 5),
        (1000, {"delivery": 600, "tax": 500}, [], 0),
        (1000, {}, [item(1000, "food")], 10),
        # An order discount is spread over the lines: 900 of 1200 was paid.
        (900, {}, [item(600, "food"), item(600, "gift-card")], 4),
        # More than the lines was paid: only the lines count.
        (2000, {}, [item(1000, "food")], 10),
        # Lines of nothing count nothing, whatever was paid.
        (2000, {}, [item(0, "food")], 0),
        (2000, {}, [item(2000, "gift-card")], 0),
        # Pastry week doubles its own lines.
        (1000, {}, [item(500, "pastry"), item(500, "food")], 15),
        # One rounding: two lines of 50 are a whole point together.
        (100, {}, [item(50, "food"), item(50, "food")], 1),
        (199, {}, [item(99, "pastry"), item(100, None)], 2),
        # Spread and multiplier and rounding at once: (33×1 + 34×2) × 50/67 / 100.
        (50, {}, [item(33, "food"), item(34, "pastry")], 0),
        (10_000_000_000, {}, [], 100_000_000),
    ],
)
def test_the_points_rule_exactly(
    café: Shop, total: int, fields: dict[str, int], items: list[dict[str, Any]], points: int
) -> None:
    answer = sold(café, total, *items, **fields)
    assert (answer.status, answer["points"]) == (201, points)


def test_of_several_multipliers_on_a_line_the_highest_counts() -> None:
    multipliers = [
        {"id": "all", "name": "Everything", "percent": 150},
        {"id": "tea", "name": "Tea", "categories": ["tea"], "percent": 300},
        {"id": "tea-less", "name": "Tea less", "categories": ["tea"], "percent": 120},
        {"id": "over", "name": "Over", "percent": 900, "ends_on": "2026-11-24"},
        {"id": "coming", "name": "Coming", "percent": 900, "starts_on": "2026-11-26"},
    ]
    shop = beside(program(earning=earning(multipliers=multipliers)))
    with at(DAY):
        assert sold(shop, 1000, item(1000, "tea"))["points"] == 30
        assert sold(shop, 1000, item(1000, "milk"))["points"] == 15
        assert sold(shop, 1000)["points"] == 15
        lines = sold(shop, 2000, item(1000, "tea"), item(1000, "gift-card"))
        assert [(row["rule"], row["points"]) for row in lines["explanation"]] == [
            ("earn", 10),
            ("multiplier", 20),
            ("excluded", 0),
        ]


@pytest.mark.parametrize(
    ("moment", "points"),
    [
        ("2026-11-22T21:59:59Z", 10),  # Sunday 23:59 in Helsinki
        ("2026-11-22T22:00:00Z", 20),  # Monday there
        ("2026-11-29T21:59:59Z", 20),
        ("2026-11-29T22:00:00Z", 10),
    ],
)
def test_a_multiplier_runs_on_the_shops_days_and_by_the_day_of_the_sale(café: Shop, moment: str, points: int) -> None:
    with at("2026-12-10T12:00:00Z"):
        assert sold(café, 1000, item(1000, "pastry"), occurred_at=moment)["points"] == points


def test_a_tier_multiplies_from_the_purchase_after_the_one_that_reaches_it() -> None:
    boutique = program("boutique", enrolment={"mode": "open"}, earning={"points": 1, "per_amount": 100})
    shop = beside(boutique)
    ann = shop.enrol(email="ann@example.com")
    assert shop.member(ann)["tier"]["id"] == "silver"
    reaching = sold(shop, 50_000, member_id=ann)
    assert reaching["points"] == 500
    assert reaching["tier_change"] == {"from": "silver", "to": "gold"}
    faster = sold(shop, 50_099, member_id=ann)
    assert faster["points"] == 626  # floor(50099 × 125 ÷ 100 ÷ 100)
    assert [(row["rule"], row["points"]) for row in faster["explanation"]] == [("earn", 500), ("tier", 126)]
    assert shop.member(ann)["tier"]["progress"] == 100_099
    assert shop.member(ann)["tier"]["next"] == {"id": "platinum", "name": "Platinum", "remaining": 99_901}


def test_tier_and_plan_percent_multiply_and_are_rounded_once() -> None:
    from datetime import UTC, datetime

    from chalicelib.domain.explanation import explain
    from chalicelib.domain.program_rules import check
    from chalicelib.domain.purchase import Line, Purchase, Sale, basis_of

    document = check(program("boutique", earning={"points": 1, "per_amount": 100}))
    sale = Sale(total=333, currency="EUR", lines=(Line("a", None, 1, 333),))
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    basis = basis_of(document, sale, moment, "platinum", "cercle")
    assert basis.deserved(333, 0) == 5  # floor(3.33 × 1.5 × 1.2) = floor(5.994)
    booked = Purchase(
        kind="earn",
        cause=("order", "o"),
        points=5,
        occurred_ms=0,
        booked_ms=0,
        member_id="m",
        total=333,
        currency="EUR",
        lines=sale.lines,
        basis=basis,
        tier="platinum",
        plan="cercle",
    )
    assert [(row.rule, row.points) for row in explain(document, booked)] == [("earn", 3), ("tier", 1), ("plan", 1)]


def test_the_daily_cap_counts_the_shops_day_of_the_sale() -> None:
    shop = beside(program(earning=earning(daily_cap=10)))
    with at("2026-06-02T12:00:00Z"):
        ann = shop.enrol(email="ann@example.com")
        assert sold(shop, 700, member_id=ann, occurred_at="2026-06-01T20:59:00Z")["points"] == 7
        capped = sold(shop, 700, member_id=ann, occurred_at="2026-06-01T20:59:59Z")
        assert capped["points"] == 3
        assert capped["explanation"][-1] == {
            "rule": "daily_cap",
            "detail": "A day earns at most 10 points",
            "points": -4,
        }
        assert sold(shop, 700, member_id=ann, occurred_at="2026-06-01T00:00:00+03:00")["points"] == 0
        # 21:00 in UTC is midnight in Helsinki: another day.
        assert sold(shop, 700, member_id=ann, occurred_at="2026-06-01T21:00:00Z")["points"] == 7
        assert shop.available(ann) == 50 + 17


def test_pending_points_wait_and_are_released_by_time() -> None:
    boutique = program("boutique", enrolment={"mode": "open"}, stamp_cards=[], tiers=None, rewards=[])
    shop = beside(boutique)
    with at("2026-06-01T22:30:00Z"):  # 2 June in Budapest
        ann = shop.enrol(email="ann@example.com")
        answer = sold(shop, 1000, member_id=ann)
        assert (answer["points"], answer["points_status"], answer["available_on"]) == (50, "pending", "2026-06-16")
        assert shop.member(ann)["points"] == {"available": 0, "pending": 50, "lifetime": 0}
        entry = shop.ledger(ann)[-1]
        assert (entry["points"], entry["status"], entry["balance_after"]) == (50, "pending", 0)
    with at("2026-06-15T21:59:59Z"):
        assert shop.member(ann)["points"]["pending"] == 50
    with at("2026-06-15T22:00:00Z"):
        assert shop.member(ann)["points"] == {"available": 50, "pending": 0, "lifetime": 50}
        sold(shop, 100, member_id=ann)
    kinds = [(row["kind"], row["status"], row["points"], row["balance_after"]) for row in shop.ledger(ann)]
    assert kinds == [("earn", "pending", 50, 0), ("release", "posted", 50, 50), ("earn", "pending", 5, 50)]
    assert shop.differences() == []


def test_a_sale_told_after_its_waiting_time_is_available_at_once() -> None:
    shop = beside(program(earning=earning(pending_days=14)))
    with at("2026-06-20T12:00:00Z"):
        answer = sold(shop, 1000, occurred_at="2026-06-06T12:00:00Z")
        assert (answer["points"], answer["points_status"], answer["available_on"]) == (10, "posted", None)
        waiting = sold(shop, 1000, occurred_at="2026-06-07T12:00:00Z")
        assert (waiting["points_status"], waiting["available_on"]) == ("pending", "2026-06-21")


def test_nobody_found_is_a_guest_who_earns_nothing(café: Shop) -> None:
    answer = café.buy("guest-1", 1000, None, email="nobody@example.com", items=[item(1000, "coffee", 20)])
    assert answer.status == 201
    assert (answer["member_id"], answer["points"], answer["points_status"]) == (None, 0, "none")
    assert (answer["stamps"], answer["vouchers_issued"]) == ([], [])
    assert [row["rule"] for row in answer["explanation"]] == ["guest"]
    assert café.buy("guest-2", 1000).status == 201
    assert café.buy("guest-3", 1000, "mnobody").body["member_id"] is None


@pytest.mark.parametrize("named", [{"email": "FINDME@example.com"}, {"external_id": "find-me"}])
def test_the_buyer_is_found_by_email_or_external_id(café: Shop, named: dict[str, str]) -> None:
    ann = café.enrol(email="findme@example.com", external_id="find-me")
    assert café.buy(f"found-{next(iter(named))}", 1000, None, **named)["member_id"] == ann


def test_another_currency_is_refused(café: Shop) -> None:
    answer = café.call("POST", "/purchases", {"order_id": "c-1", "total": 1000, "currency": "USD"})
    assert (answer.status, answer.code) == (422, "currency_mismatch")
    assert café.call("GET", "/purchases/c-1").status == 404


def test_a_sale_may_lie_five_minutes_ahead_and_no_more(café: Shop) -> None:
    with at("2026-06-01T12:00:00Z"):
        assert café.buy("f-1", 100, occurred_at="2026-06-01T12:05:00Z").status == 201
        late = café.buy("f-2", 100, occurred_at="2026-06-01T12:05:01Z")
        assert (late.status, late.code) == (422, "occurred_in_future")


def test_staff_may_not_enter_more_than_the_programs_cap(café: Shop) -> None:
    body = {"order_id": "s-1", "total": 20_001, "currency": "EUR"}
    answer = café.call("POST", "/purchases", body, key=café.staff)
    assert (answer.status, answer.code) == (422, "staff_cap_exceeded")
    assert café.call("POST", "/purchases", {**body, "total": 20_000}, key=café.staff).status == 201
    assert café.call("POST", "/purchases", {**body, "order_id": "s-2"}, key=café.owner).status == 201


def test_stamps_count_items_and_a_full_card_gives_its_voucher_at_once(café: Shop) -> None:
    ann = café.enrol(email="stamps@example.com")
    first = sold(café, 900, item(900, "coffee", 9), member_id=ann)
    assert first["stamps"] == [{"card_id": "coffee", "name": "Coffee card", "stamps": 9}]
    assert first["vouchers_issued"] == []
    full = sold(café, 1300, item(1300, "coffee", 13), member_id=ann)
    assert len(full["vouchers_issued"]) == 2
    assert café.member(ann)["stamps"][0]["stamps"] == 2
    voucher = full["vouchers_issued"][0]
    assert (voucher["reward_id"], voucher["status"], voucher["points"]) == ("free-coffee", "issued", 0)
    assert voucher["expires_on"] == "2027-02-23"  # 90 days after 25 November
    assert café.call("GET", f"/vouchers/{voucher['code']}").body == voucher
    held = café.call("GET", f"/members/{ann}/vouchers")
    assert {one["code"] for one in held["items"]} == {one["code"] for one in full["vouchers_issued"]}
    assert café.differences() == []


def test_stamps_by_visit_count_once_however_many_items() -> None:
    card = {"id": "visits", "name": "Visits", "per": "visit", "required": 2, "reward_id": "free-coffee"}
    shop = beside(program(stamp_cards=[card]))
    with at(DAY):
        ann = shop.enrol(email="ann@example.com")
        one = sold(shop, 500, item(250, "coffee", 5), item(250, "food", 3), member_id=ann)
        assert one["stamps"] == [{"card_id": "visits", "name": "Visits", "stamps": 1}]
        assert len(sold(shop, 500, member_id=ann)["vouchers_issued"]) == 1


def test_more_full_cards_than_one_transaction_holds_are_refused_whole(café: Shop) -> None:
    ann = café.enrol(email="crowd@example.com")
    answer = sold(café, 1000, item(1000, "coffee", 410), member_id=ann)
    assert (answer.status, answer.code) == (422, "too_many_vouchers")
    assert café.available(ann) == 50
    assert len(sold(café, 1000, item(1000, "coffee", 400), member_id=ann)["vouchers_issued"]) == 40


def test_an_estimate_writes_nothing_and_equals_the_real_thing(café: Shop) -> None:
    ann = café.enrol(email="estimate@example.com")
    body = {
        "member_id": ann,
        "total": 2345,
        "delivery": 200,
        "tax": 33,
        "currency": "EUR",
        "items": [item(1500, "pastry"), item(800, "coffee", 12), item(100, "gift-card")],
    }
    before = café.member(ann), café.ledger(ann)
    guess = café.call("POST", "/purchases/estimate", body)
    assert guess.status == 200
    assert (café.member(ann), café.ledger(ann)) == before
    real = café.call("POST", "/purchases", {**body, "order_id": "estimated"})
    for field in ("member_id", "points", "points_status", "explanation", "stamps", "tier_change", "total", "currency"):
        assert guess[field] == real[field], field
    assert sum(row["points"] for row in guess["explanation"]) == guess["points"] > 0


def test_an_estimate_refuses_what_the_real_thing_would(café: Shop) -> None:
    assert café.call("POST", "/purchases/estimate", {"total": 1, "currency": "USD"}).code == "currency_mismatch"
    future = {"total": 1, "currency": "EUR", "occurred_at": "2030-01-01T00:00:00Z"}
    assert café.call("POST", "/purchases/estimate", future).code == "occurred_in_future"


def test_a_members_token_estimates_for_that_member_whoever_is_named(café: Shop) -> None:
    ann, bob = café.enrol(email="token-ann@example.com"), café.enrol(email="token-bob@example.com")
    token = café.call("POST", f"/members/{ann}/sessions")["token"]
    body = {"member_id": bob, "email": "token-bob@example.com", "total": 1000, "currency": "EUR"}
    assert café.call("POST", "/purchases/estimate", body, key=token)["member_id"] == ann


def test_reading_a_purchase_tells_the_present_with_its_refunds(café: Shop) -> None:
    ann = café.enrol(email="present@example.com")
    first = café.buy("p/1", 1000, ann)
    café.refund("p/1", "r1", 250)
    now = café.call("GET", "/purchases/p%2F1")
    assert (now["refunded"], now["points"], first["points"]) == (250, 7, 10)
    assert [row["refund_id"] for row in now["refunds"]] == ["r1"]
    assert sum(row["points"] for row in now["explanation"]) == now["points"]
    assert café.call("GET", "/purchases/never").code == "purchase_not_found"


def test_ids_may_hold_every_character_that_the_contract_allows(café: Shop) -> None:
    order = "AZaz09._:@+/=-"
    ann = café.enrol(email="signs@example.com")
    assert café.buy(order, 1000, ann).status == 201
    assert café.refund(order, order, 1000).status == 201
    assert café.buy("x" * 128, 100, ann).status == 201
    for wrong in ("", "x" * 129, "a#b", "a b", "é", "a\n", "a%b"):
        answer = café.buy(wrong, 100, ann)
        assert (answer.status, answer["errors"][0]["pointer"]) == (400, "/order_id"), wrong
