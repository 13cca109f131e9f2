"""Any order and repetition of one payment's events ends in the same points, purchase and proof."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.payments.till import Till, charge, dispute, line, refund, session
from tests.shop import Shop, opened, program

STAMPS = [
    {"id": "coffee", "name": "Coffee", "categories": [], "per": "item", "required": 3, "reward_id": "free-coffee"}
]
TIERS = {
    "basis": "spend",
    "window": "rolling_year",
    "levels": [
        {"id": "plain", "name": "Plain", "threshold": 0, "percent": 100},
        {"id": "gold", "name": "Gold", "threshold": 9_000, "percent": 150},
    ],
}


def end(till: Till, member_id: str, order_id: str) -> dict[str, Any]:
    """What anybody can see of the sale and of its member."""
    shop = till.shop
    member = shop.member(member_id)
    purchase = shop.call("GET", f"/purchases/{order_id}").body
    vouchers = shop.call("GET", f"/members/{member_id}/vouchers")["items"]
    return {
        "points": member["points"],
        "stamps": [row["stamps"] for row in member["stamps"]],
        "tier": member["tier"] and (member["tier"]["id"], member["tier"]["progress"]),
        "vouchers": sum(row["status"] == "issued" for row in vouchers),
        "own": purchase["member_id"] == member_id,
        **{name: purchase.get(name) for name in ("total", "refunded", "points", "currency")},
    }


def deliver(till: Till, told: Sequence[dict[str, Any]]) -> None:
    for one in told:
        assert till.outcome(one) in ("booked", "known")


def test_every_order_of_paid_two_refunds_and_a_won_dispute_ends_the_same(shop: Shop) -> None:
    till = Till(shop)
    ends = []
    for number, order in enumerate(itertools.permutations(range(5))):
        ann = shop.enrol(email=f"ann{number}@example.com")
        sale = f"pi_{number}"
        told = [
            charge(sale, 10_000, metadata={"member_id": ann}),
            refund(sale, f"re_a{number}", 1_000),
            refund(sale, f"re_b{number}", 2_500),
            dispute("created", sale, f"dp_{number}", 4_000),
            dispute("closed", sale, f"dp_{number}", 4_000, status="won"),
        ]
        deliver(till, [told[place] for place in order])
        if number % 6 == 0:
            deliver(till, random.Random(number).choices(told, k=4))
        ends.append(end(till, ann, sale))
    assert all(one == ends[0] for one in ends)
    assert (len(ends), ends[0]["refunded"], ends[0]["points"], ends[0]["own"]) == (120, 3_500, 65, True)
    assert shop.differences() == []


def test_a_charge_without_tax_and_a_session_with_it_come_to_the_same_in_either_order_refunded_or_not() -> None:
    with opened(program(stamp_cards=STAMPS, tiers=TIERS)) as shop:
        till = Till(shop)
        ends = []
        for number, order in enumerate(itertools.permutations(range(4))):
            ann = shop.enrol(email=f"ann{number}@example.com")
            sale, name = f"pi_{number}", f"A-{number}"
            lines = {"data": [line("BEANS", 5_000, "beans", 2), line("MUG", 4_000, "mugs", 2)]}
            told = [
                charge(sale, 12_000, billing_details={"email": f"ann{number}@example.com"}),
                session(
                    sale,
                    12_000,
                    tax=2_000,
                    shipping=1_000,
                    line_items=lines,
                    metadata={"order_id": name, "member_id": ann},
                ),
                refund(sale, f"re_{number}", 3_000),
                charge(sale, 12_000, "charge.refunded", amount_refunded=3_000),
            ]
            deliver(till, [told[place] for place in order])
            deliver(till, random.Random(number).choices(told, k=2))
            ends.append(end(till, ann, name))
        assert all(one == ends[0] for one in ends), [one for one in ends if one != ends[0]][:2]
        assert (ends[0]["refunded"], ends[0]["points"], ends[0]["stamps"], ends[0]["vouchers"]) == (3_000, 67, [0], 1)
        assert shop.differences() == []


def test_the_shops_own_telling_decides_whether_it_comes_before_or_after_the_providers(shop: Shop) -> None:
    till = Till(shop)
    ends = []
    for number, order in enumerate(itertools.permutations(range(4))):
        ann = shop.enrol(email=f"ann{number}@example.com")
        sale, name = f"pi_{number}", f"A-{number}"

        def buy(name: str = name, ann: str = ann) -> None:
            items = [
                {"sku": "BEANS", "quantity": 1, "amount": 8_000},
                {"sku": "CARD", "category": "gift-card", "quantity": 1, "amount": 2_000},
            ]
            reply = shop.buy(name, 12_000, ann, tax=1_500, delivery=500, items=items)
            assert reply.status == 201 and reply["points"] == 80
            again = shop.buy(name, 12_000, ann, tax=1_500, delivery=500, items=items)
            assert again.status == 200 and again.body == reply.body
            assert shop.buy(name, 12_000, ann).code == "cause_conflict"

        told: list[Any] = [
            buy,
            charge(sale, 12_000),
            session(sale, 12_000, tax=1_500, metadata={"order_id": name}),
            refund(sale, f"re_{number}", 6_000, metadata={"order_id": name}),
        ]
        for place in order:
            if place == 0:
                buy()
            else:
                deliver(till, [told[place]])
        ends.append(end(till, ann, name))
    assert all(one == ends[0] for one in ends), [one for one in ends if one != ends[0]][:2]
    assert (ends[0]["refunded"], ends[0]["points"]) == (6_000, 40)
    assert shop.differences() == []


def test_a_refund_told_by_the_shop_and_by_the_provider_is_the_same_money_in_either_order(shop: Shop) -> None:
    till = Till(shop)
    for number, order in enumerate(itertools.permutations(range(3))):
        ann = shop.enrol(email=f"ann{number}@example.com")
        name, sale = f"A-{number}", f"pi_{number}"
        shop.buy(name, 10_000, ann)
        deliver(till, [charge(sale, 10_000, metadata={"order_id": name})])
        for place in order:
            if place == 0:
                assert shop.refund(name, f"R-{number}", 4_000).status == 201
                again = shop.refund(name, f"R-{number}", 4_000)
                assert (again.status, again["amount"]) == (200, 4_000)
            elif place == 1:
                deliver(till, [refund(sale, f"re_{number}", 4_000)])
            else:
                deliver(
                    till, [charge(sale, 10_000, "charge.refunded", amount_refunded=4_000, metadata={"order_id": name})]
                )
        assert shop.call("GET", f"/purchases/{name}")["refunded"] == 4_000
        assert shop.available(ann) == 50 + 60
    assert shop.differences() == []


def test_a_refund_that_failed_is_undone_and_stays_so(shop: Shop) -> None:
    till = Till(shop)
    for number, order in enumerate(itertools.permutations(range(3))):
        ann = shop.enrol(email=f"ann{number}@example.com")
        sale = f"pi_{number}"
        told = [
            charge(sale, 10_000, metadata={"member_id": ann}),
            refund(sale, f"re_{number}", 4_000),
            refund(sale, f"re_{number}", 4_000, "refund.failed", status="failed"),
        ]
        deliver(till, [told[place] for place in order])
        assert end(till, ann, sale)["refunded"] == 0
        deliver(till, told[::-1])
        assert end(till, ann, sale)["refunded"] == 0
        assert shop.available(ann) == 150
    assert shop.differences() == []


def test_a_lost_dispute_takes_what_a_refund_would_whether_or_not_its_opening_was_heard(shop: Shop) -> None:
    till = Till(shop)
    for number, places in enumerate([(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 0), (0, 2)]):
        ann = shop.enrol(email=f"ann{number}@example.com")
        sale = f"pi_{number}"
        told = [
            charge(sale, 10_000, metadata={"member_id": ann}),
            dispute("created", sale, f"dp_{number}", 10_000),
            dispute("closed", sale, f"dp_{number}", 10_000, status="lost"),
        ]
        deliver(till, [told[place] for place in places])
        assert (shop.available(ann), end(till, ann, sale)["refunded"]) == (50, 10_000)
    assert shop.differences() == []


@pytest.mark.parametrize("refunded", [0, 100])
@pytest.mark.parametrize(("status", "stamps"), [("won", 6), ("lost", 0)])
def test_a_receipt_that_is_claimed_while_disputed_holds_points_alone(status: str, stamps: int, refunded: int) -> None:
    visits = {"basis": "visits", "window": "lifetime", "levels": [{"id": "a", "name": "A", "threshold": 1}]}
    with opened(program(tiers=visits, enrolment={"mode": "open"})) as shop:
        till, ann = Till(shop), shop.enrol(email="ann@example.com")
        shop.buy("pi_1", 600, items=[{"sku": "c", "category": "coffee", "quantity": 6, "amount": 600}])
        if refunded:
            shop.refund("pi_1", "before", refunded)
            stamps = stamps and 5
        deliver(till, [dispute("created", "pi_1", "dp_1", 600)])
        claimed = shop.call("POST", "/purchases/pi_1/claim", {"member_id": ann})
        held = shop.member(ann)
        assert (claimed.status, claimed["points"], held["points"]["available"]) == (201, 0, 0)
        assert (held["tier"]["progress"], held["stamps"][0]["stamps"]) == (1, 5 if refunded else 6)
        assert claimed["stamps"][0]["stamps"] == held["stamps"][0]["stamps"]
        deliver(till, [dispute("closed", "pi_1", "dp_1", 600, status=status)])
        ended = shop.member(ann)
        assert (ended["tier"]["progress"], ended["stamps"][0]["stamps"]) == (1 if status == "won" else 0, stamps)
        assert shop.call("GET", "/purchases/pi_1")["stamps"][0]["stamps"] == stamps
        assert shop.differences() == []


def test_an_open_dispute_holds_its_points_and_a_won_one_returns_them(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    deliver(till, [charge("pi_1", 10_000, metadata={"member_id": ann})])
    deliver(till, [dispute("created", "pi_1", "dp_1", 4_000)])
    assert shop.available(ann) == 50 + 60
    deliver(till, [dispute("closed", "pi_1", "dp_1", 4_000, status="won")])
    assert shop.available(ann) == 50 + 100
    assert [row["kind"] for row in shop.ledger(ann)] == ["bonus", "earn", "refund", "reverse"]


def test_a_sale_booked_twice_under_two_names_earns_once_when_a_telling_joins_them(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    shop.buy("A-1", 10_000, ann)
    deliver(till, [charge("pi_1", 10_000, billing_details={"email": "ann@example.com"})])
    assert shop.available(ann) == 50 + 200
    deliver(till, [refund("pi_1", "re_1", 2_000)])
    deliver(till, [session("pi_1", 10_000, metadata={"order_id": "A-1"})])
    assert shop.available(ann) == 50 + 80
    for name in ("A-1", "pi_1", "ch_pi_1"):
        assert shop.call("GET", f"/purchases/{name}")["refunded"] == 2_000
    deliver(till, [refund("pi_1", "re_2", 8_000)])
    assert shop.available(ann) == 50
    assert shop.differences() == []


@pytest.mark.parametrize("first", ["charge", "session"])
def test_a_telling_that_knows_the_buyer_claims_what_was_booked_for_a_guest(shop: Shop, first: str) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    told = [charge("pi_1", 10_000), refund("pi_1", "re_1", 5_000), session("pi_1", 10_000, metadata={"member_id": ann})]
    deliver(till, told if first == "charge" else told[::-1])
    assert end(till, ann, "pi_1")["own"]
    assert shop.available(ann) == 50 + 50
    assert shop.differences() == []


def test_the_shops_word_on_who_bought_wins_over_an_email(shop: Shop) -> None:
    till = Till(shop)
    for number, order in enumerate(((0, 1), (1, 0))):
        ann, bob = shop.enrol(email=f"ann{number}@example.com"), shop.enrol(email=f"bob{number}@example.com")
        told = [
            charge(f"pi_{number}", 10_000, billing_details={"email": f"bob{number}@example.com"}),
            session(f"pi_{number}", 10_000, metadata={"member_id": ann}),
        ]
        deliver(till, [told[place] for place in order])
        assert (shop.available(ann), shop.available(bob)) == (150, 50)
    assert shop.differences() == []


def test_a_guests_receipt_that_a_provider_told_is_claimed_by_what_the_richest_telling_knew(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    deliver(till, [charge("pi_1", 10_000), session("pi_1", 10_000, tax=2_000), refund("pi_1", "re_1", 5_000)])
    assert shop.call("POST", "/purchases/pi_1/claim", {"member_id": ann})["points"] == 40
    bob = shop.enrol(email="bob@example.com")
    deliver(till, [charge("pi_1", 10_000, billing_details={"email": "bob@example.com"})])
    assert (shop.available(ann), shop.available(bob)) == (50 + 40, 50)
    deliver(till, [refund("pi_1", "re_2", 5_000)])
    assert shop.available(ann) == 50
    assert shop.differences() == []


def test_a_sale_that_waits_for_its_payment_is_no_purchase_yet(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    deliver(till, [refund("pi_1", "re_1", 5_000, metadata={"order_id": "A-1"})])
    assert shop.call("GET", "/purchases/A-1").code == "purchase_not_found"
    assert shop.refund("A-1", "R-1", 100).code == "purchase_not_found"
    assert shop.call("POST", "/purchases/A-1/claim", {"member_id": ann}).code == "purchase_not_found"
    assert shop.buy("A-1", 10_000, ann).status == 201
    assert shop.available(ann) == 50 + 50
