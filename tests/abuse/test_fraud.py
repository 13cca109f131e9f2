"""Each rule of docs/abuse.md as somebody would try to break it: round after round, and nothing is gained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.actions.settle_referral import settle_referral
from tests.moments import at
from tests.people.people import balance, brought, days_later, merged, operators_call, referrals, sold
from tests.shop import Shop, beside, opened, program

START = "2026-06-01T10:00:00+00:00"


def café(**changes: Any) -> dict[str, Any]:
    document = program(**changes)
    return {**document, "enrolment": changes.get("enrolment", {"mode": "open", "welcome_points": 50})}


@pytest.fixture(scope="module")
def table() -> Iterator[None]:
    with at(START), opened(café()):
        yield


@pytest.fixture
def shop(table: None) -> Iterator[Shop]:
    """A café of its own for each test, on one table."""
    with at(START):
        yield beside(café())


def coffees(count: int) -> list[dict[str, Any]]:
    return [{"sku": "latte", "category": "coffee", "quantity": count, "amount": 100 * count}]


def bonuses(shop: Shop, member_id: str, kind: str) -> list[int]:
    return [row["points"] for row in shop.ledger(member_id) if row["cause"]["type"] == kind and row["points"]]


def test_referring_oneself_brings_nothing_however_the_second_account_is_dressed(shop: Shop) -> None:
    ann = shop.enrol(email="ann.lee@gmail.com", phone="+36301234567")
    shop.buy("mine", 2000, ann, payment_fingerprint="card-1")
    had = shop.available(ann)
    own = [
        brought(shop, ann, email="a.n.n.lee+shop@googlemail.com"),
        brought(shop, ann, email="x@example.net", phone="06 (30) 123-4567"),
        brought(shop, ann, email="y@example.net"),
    ]
    for number, friend in enumerate(own):
        shop.buy(f"own-{number}", 2000, friend, payment_fingerprint="card-1")
    with at(days_later(40)):
        for friend in own:
            settle_referral(operators_call(shop), friend)
        told = referrals(shop, ann)["items"]
        assert {(one["state"], one["reason"]) for one in told} == {
            ("refused", "same_email"),
            ("refused", "same_phone"),
            ("refused", "same_payment"),
        }
        assert shop.available(ann) == had
        assert [bonuses(shop, friend, "referral") for friend in own] == [[], [], []]


def test_a_ring_of_friends_cannot_be_closed(shop: Shop) -> None:
    """Who is a member already is brought by nobody, so every chain of referrals ends somewhere."""
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann, email="bob@example.net")
    cid = brought(shop, bob, email="cid@example.org")
    again = shop.call(
        "POST", "/members", {"email": "ann@example.com", "referral_code": shop.member(cid)["referral_code"]}
    )
    assert (again.status, again["member_id"]) == (200, ann)
    for number, member_id in enumerate((ann, bob, cid)):
        shop.buy(f"o-{number}", 2000, member_id)
    with at(days_later(40)):
        for member_id in (ann, bob, cid):
            settle_referral(operators_call(shop), member_id)
        assert [bonuses(shop, one, "referral") for one in (ann, bob, cid)] == [[150], [75, 150], [75]]
        assert referrals(shop, cid)["items"] == []


def test_friends_who_only_split_the_minimum_bring_nothing(shop: Shop) -> None:
    """A referral asks for one purchase of the minimum; many small ones, and one that goes back, are none."""
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann, email="bob@example.net")
    for number in range(6):
        shop.buy(f"split-{number}", 1499, bob)
    shop.buy("back", 1500, bob)
    shop.refund("back", "r", 1500)
    with at(days_later(60)):
        settle_referral(operators_call(shop), bob)
        assert bonuses(shop, bob, "referral") == bonuses(shop, ann, "referral") == []


def test_splitting_an_order_never_earns_more(shop: Shop) -> None:
    whole, split = shop.enrol(email="whole@example.com"), shop.enrol(email="split@example.com")
    shop.buy("whole", 9_999, whole)
    for number in range(100):
        shop.buy(f"part-{number}", 99 if number else 198, split)
    assert shop.available(split) == 50 + 1 < shop.available(whole) == 50 + 99


def test_splitting_an_order_does_not_lift_the_daily_cap(shop: Shop) -> None:
    one, many = shop.enrol(email="one@example.com"), shop.enrol(email="many@example.com")
    shop.buy("one", 90_000, one)
    for number in range(9):
        shop.buy(f"many-{number}", 10_000, many)
    assert shop.available(one) == shop.available(many) == 50 + 500


def test_buying_redeeming_and_giving_the_goods_back_leaves_a_debt_each_time(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o-0", 20_000, ann)
    assert shop.redeem(ann, "five-off", "k-0").status == 201
    shop.refund("o-0", "r", 20_000)
    assert shop.available(ann) == -150
    with at(days_later(1)):
        shop.buy("o-1", 20_000, ann)
        assert shop.redeem(ann, "five-off", "k-1").code == "insufficient_points"
        shop.refund("o-1", "r", 20_000)
    assert shop.available(ann) == -150
    assert shop.differences() == []


def test_a_gift_card_is_no_way_to_cash_nor_to_points_twice(shop: Shop) -> None:
    """Paid with a card and given back: the card first, and the points go back with the purchase. Round after round."""
    ann = shop.enrol(email="ann@example.com")
    card = {"sku": "card", "category": "gift-card", "quantity": 1, "amount": 3000}
    assert shop.buy("card", 3000, ann, items=[card])["points"] == 0
    code = sold(shop, 3000)
    for number in range(3):
        order = f"o-{number}"
        assert shop.buy(order, 3000, ann, voucher_codes=[code])["points"] == 30
        assert balance(shop, code) == 0
        shop.refund(order, "half", 1500)
        shop.refund(order, "rest", 1500)
        assert balance(shop, code) == 3000
        assert shop.refund(order, "more", 1).code == "refund_exceeds_purchase"
        assert shop.available(ann) == 50


def test_stamps_are_not_farmed_by_giving_back(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    for number in range(4):
        bought = shop.buy(f"o-{number}", 1000, ann, items=coffees(10))
        code = bought["vouchers_issued"][0]["code"]
        shop.refund(f"o-{number}", "r", 1000)
        assert shop.call("GET", f"/vouchers/{code}")["status"] == "cancelled"
    used = shop.buy("used", 1000, ann, items=coffees(10))["vouchers_issued"][0]["code"]
    shop.call("POST", f"/vouchers/{used}/use", {"order_id": "free"})
    shop.refund("used", "r", 1000)
    assert shop.member(ann)["stamps"][0]["stamps"] == -10
    assert shop.buy("next", 1000, ann, items=coffees(10))["vouchers_issued"] == [], (
        "the free coffee is worked off first"
    )


def test_checking_in_again_and_again_earns_once_a_day(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    for number in range(20):
        shop.call("POST", f"/members/{ann}/check-ins", {}, idem=f"k-{number}")
    assert bonuses(shop, ann, "check_in") == [2]
    with at("2026-06-01T20:59:59+00:00"):
        assert shop.call("POST", f"/members/{ann}/check-ins", {}, idem="late").code == "check_in_limit"
    with at("2026-06-01T21:00:00+00:00"):  # midnight in Helsinki
        assert shop.call("POST", f"/members/{ann}/check-ins", {}, idem="next").status == 201
    assert bonuses(shop, ann, "check_in") == [2, 2]


def test_a_birthday_that_moves_every_month_comes_once_a_year(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    for month in range(24):
        year, number = 2026 + (5 + month) // 12, (5 + month) % 12 + 1
        with at(f"{year}-{number:02d}-03T10:00:00+00:00"):
            shop.call("PATCH", f"/members/{ann}", {"birthday": f"1990-{number:02d}-03"})
            shop.call("PATCH", f"/members/{ann}", {"birthday": f"1991-{number:02d}-04"})
        with at(f"{year}-{number:02d}-05T10:00:00+00:00"):
            shop.adjust(ann, 1, f"look-{month}")
    paid = [row["occurred_at"] for row in shop.ledger(ann) if row["cause"]["type"] == "birthday" and row["points"]]
    assert bonuses(shop, ann, "birthday") == [100] * len(paid)
    assert [moment[:4] for moment in paid] == ["2026", "2027", "2028"]
    days = sorted(date.fromisoformat(moment[:10]) for moment in paid)
    assert min(later - earlier for earlier, later in pairwise(days)) >= timedelta(days=300)


def test_joining_leaving_and_joining_again_is_welcomed_once(shop: Shop) -> None:
    welcomes = []
    for number in range(5):
        with at(days_later(7 * number)):
            ann = shop.enrol(email="ann@example.com", phone="+36301234567")
            welcomes.append(shop.available(ann))
            assert shop.call("DELETE", f"/members/{ann}", key=shop.owner).status == 204
    assert welcomes == [50, 0, 0, 0, 0]
    with at(days_later(40)):
        assert shop.available(shop.enrol(email="other@example.com", phone="+36301234567")) == 0
        assert shop.available(shop.enrol(email="ANN@example.com")) == 0


def test_two_accounts_merged_have_the_limits_of_one(shop: Shop) -> None:
    ann, old = shop.enrol(email="ann@example.com"), shop.enrol(email="old@example.com")
    shop.buy("a", 40_000, ann)
    shop.buy("b", 40_000, old)
    for one in (ann, old):
        shop.call("POST", f"/members/{one}/check-ins", {}, idem="k")
        shop.adjust(one, 2000, "k")
    assert shop.redeem(old, "barista-evening", "k").status == 201
    merged(shop, ann, old)
    assert shop.buy("c", 40_000, ann)["points"] == 0, "both together had 800 of today's 500"
    assert shop.call("POST", f"/members/{ann}/check-ins", {}, idem="more").code == "check_in_limit"
    assert shop.redeem(ann, "barista-evening", "more").code == "limit_reached"


def test_staff_do_not_choose_a_rule_by_dating_a_sale_back(table: None) -> None:
    """The day of a sale decides its multiplier, its cap and its expiry; staff may name one of the last month."""
    limits = {**program()["staff"], "backdate_days": 31}
    with at(START):
        dated_back(beside(café(staff=limits)))


def dated_back(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    sale = {"total": 1000, "currency": "EUR", "member_id": ann}
    old = {"order_id": "old", "occurred_at": "2026-04-30T10:00:00Z", **sale}
    assert shop.call("POST", "/purchases", old, key=shop.staff).code == "backdated_too_far"
    late = {"order_id": "late", "occurred_at": "2026-05-01T10:00:00Z", **sale}
    assert shop.call("POST", "/purchases", late, key=shop.staff).status == 201
    assert shop.call("POST", "/purchases", old, key=shop.owner).status == 201, "the owner may"
    joined = {"email": "bob@example.com", "enrolled_at": "2026-04-30T10:00:00Z"}
    assert shop.call("POST", "/members", joined, key=shop.staff).code == "backdated_too_far"
    assert shop.call("POST", "/members", joined).status == 201, "the storefront moves its members over"


def test_a_sale_that_is_dated_back_lives_no_longer_and_lifts_no_cap(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("today", 60_000, ann)
    assert shop.buy("more", 60_000, ann)["points"] == 0
    before = [shop.buy(f"back-{day}", 60_000, ann, occurred_at="2026-05-20T10:00:00Z")["points"] for day in range(3)]
    assert before == [500, 0, 0], "the cap is that of the day that was named"
    lots = {row["expires_on"]: row["points"] for row in shop.member(ann)["expiring"]}
    assert lots == {"2027-05-31": 500, "2027-06-30": 550}
