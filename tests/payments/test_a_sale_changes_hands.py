"""A sale that turns out to be another member's brings them what it would have brought from the first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.actions.assess_member import assess_member
from tests.payments.test_any_order_ends_the_same import STAMPS, TIERS
from tests.payments.till import Till, charge, session
from tests.people.people import referrals
from tests.shop import Shop, opened, program


def handed_over(shop: Shop, ann: str, amount: int = 10_000, changed: dict[str, Any] | None = None) -> str:
    """A sale told as Bob's and then as Ann's, with another program in between; answers who Bob is."""
    bob = shop.enrol(email="bob@example.com")
    till = Till(shop)
    assert till.outcome(charge("pi_1", amount, billing_details={"email": "bob@example.com"})) == "booked"
    if changed is not None:
        assert shop.call("PUT", "/program", {"version": 1, "program": changed}, key=shop.owner).status == 200
    assert till.outcome(session("pi_1", amount, metadata={"member_id": ann})) == "booked"
    return bob


def changes(shop: Shop, member_id: str) -> list[tuple[str, str]]:
    items = shop.call("GET", f"/members/{member_id}/history")["items"]
    return [(one["tier_change"]["from"], one["tier_change"]["to"]) for one in items if one["tier_change"]]


def test_the_program_that_it_was_booked_under_rules_it_for_whoever_bought_it() -> None:
    with opened(program(stamp_cards=[])) as shop:
        ann = shop.enrol(email="ann@example.com")
        handed_over(shop, ann, changed=program(stamp_cards=[{**STAMPS[0], "required": 1}]))
        assert [row["stamps"] for row in shop.member(ann)["stamps"]] == [0]
        assert shop.call("GET", f"/members/{ann}/vouchers")["items"] == []
        assert shop.differences() == []


def test_idle_points_that_arrive_begin_to_idle() -> None:
    rules: dict[str, Any] = {"enrolment": {"welcome_points": 0}, "expiry": {"policy": "inactivity", "months": 6}}
    with opened(program(**rules)) as shop:
        ann = shop.enrol(email="ann@example.com")
        handed_over(shop, ann)
        assert [row["points"] for row in shop.member(ann)["expiring"]] == [100]
        assert shop.call("GET", "/purchases/pi_1")["expires_on"] == shop.member(ann)["expiring"][0]["expires_on"]


def test_the_history_of_both_tells_the_tier_that_moved() -> None:
    with opened(program(tiers=TIERS)) as shop:
        ann = shop.enrol(email="ann@example.com")
        bob = handed_over(shop, ann)
        assert changes(shop, ann) == [("plain", "gold")]
        assert changes(shop, bob) == [("gold", "plain"), ("plain", "gold")]


def test_a_friends_purchase_counts_for_who_brought_them() -> None:
    rule = {"advocate_points": 50, "friend_points": 50, "minimum_purchase": 1_000, "settle_days": 14}
    with opened(program(referral=rule)) as shop:
        cleo = shop.enrol(email="cleo@example.com")
        ann = shop.enrol(email="ann@example.com", referral_code=shop.member(cleo)["referral_code"])
        handed_over(shop, ann)
        assert [friend["state"] for friend in referrals(shop, cleo)["items"]] == ["settling"]


def test_a_sale_that_came_before_tiers_did_is_counted_anew_too() -> None:
    with opened(program(tiers=None)) as shop:
        ann = shop.enrol(email="ann@example.com")
        handed_over(shop, ann)
        then = {"version": 1, "program": program(tiers=TIERS)}
        assert shop.call("PUT", "/program", then, key=shop.owner).status == 200
        shop.buy("A-2", 1_000, ann)
        assess_member(shop.program_id, ann, datetime.now(UTC), "test")
        assert shop.member(ann)["tier"]["progress"] == 11_000
