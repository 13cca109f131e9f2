"""Referrals: both gain when a friend's first real purchase has settled, and nobody gains by bringing themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.actions.settle_referral import Outcome
from tests.moments import at
from tests.payments.senders import sample
from tests.payments.till import Till
from tests.people.people import START, brought, cafe, days_later, merged, referrals, settle
from tests.shop import Shop, opened


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(cafe()) as made:
        yield made


def told(shop: Shop, advocate_id: str) -> list[tuple[str, str | None]]:
    return [(friend["state"], friend["reason"]) for friend in referrals(shop, advocate_id)["items"]]


def test_both_are_paid_once_when_the_friends_purchase_has_settled(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com", name="Ann")
    bob = brought(shop, ann, name="Bob")
    assert told(shop, ann) == [("joined", None)]
    shop.buy("o1", 1500, bob)
    assert told(shop, ann) == [("settling", None)]
    assert referrals(shop, ann)["items"][0]["settles_on"] == "2026-06-15"
    assert settle(shop, bob, 13).state == "settling"
    assert shop.available(ann) == 0
    assert settle(shop, bob, 14).state == "paid"
    assert (shop.available(ann), shop.available(bob)) == (150, 15 + 75)
    assert settle(shop, bob, 20).state == "paid"
    assert settle(shop, bob, 400).state == "paid"
    assert (shop.available(ann), shop.available(bob)) == (150, 15 + 75)
    answer = referrals(shop, ann)
    assert (answer["paid_this_year"], answer["yearly_cap"]) == (1, 10)
    assert (answer["items"][0]["state"], answer["items"][0]["name"]) == ("paid", "Bob")
    assert shop.differences() == []


def test_a_member_sees_their_code_a_link_and_how_far_each_friend_is_but_not_who(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    brought(shop, ann, name="Bob")
    token = shop.call("POST", f"/members/{ann}/sessions")["token"]
    mine = shop.call("GET", "/me/referral", key=token)
    assert mine["code"] == shop.member(ann)["referral_code"]
    assert mine["link"].endswith(mine["code"])
    assert (mine["advocate_points"], mine["friend_points"]) == (150, 75)
    assert [(one["state"], one["name"], one["member_id"]) for one in mine["items"]] == [("joined", None, None)]


def test_a_purchase_below_the_minimum_starts_nothing(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 1499, bob)
    assert told(shop, ann) == [("joined", None)]
    shop.buy("o2", 1900, bob, delivery=300, tax=200)
    assert told(shop, ann) == [("joined", None)], "delivery and tax are no goods"
    shop.buy("o3", 3000, bob, items=[{"sku": "card", "category": "gift-card", "quantity": 1, "amount": 3000}])
    assert told(shop, ann) == [("joined", None)], "a gift card earns nothing, for an advocate neither"


def test_one_refunded_below_the_minimum_before_then_does_not_qualify_and_the_next_may(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    shop.refund("o1", "r", 501)
    assert settle(shop, bob).state == "joined"
    with at(days_later(20)):
        shop.buy("o2", 1500, bob)
    assert settle(shop, bob, 33).state == "settling"
    assert settle(shop, bob, 34).state == "paid"
    assert shop.available(ann) == 150


def test_a_purchase_that_was_made_while_the_refunded_one_settled_counts_as_the_next(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    with at(days_later(3)):
        shop.buy("o2", 2000, bob)
        shop.refund("o1", "r", 2000)
    assert settle(shop, bob, 14).state == "settling"
    assert referrals(shop, ann)["items"][0]["settles_on"] == "2026-06-18"
    assert settle(shop, bob, 17).state == "paid"
    assert shop.available(ann) == 150


def test_a_late_run_pays_for_the_next_purchase_at_once_where_that_has_settled_too(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    shop.buy("o2", 2000, bob)
    shop.refund("o1", "r", 2000)
    assert settle(shop, bob, 60).state == "paid"
    assert shop.available(ann) == 150


def test_a_refund_above_the_minimum_changes_nothing(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    shop.refund("o1", "r", 500)
    assert settle(shop, bob).state == "paid"


def test_beyond_the_yearly_cap_only_the_friend_is_paid_and_a_new_year_counts_anew() -> None:
    rule = {"advocate_points": 150, "friend_points": 75, "minimum_purchase": 1500, "settle_days": 14, "yearly_cap": 2}
    with at("2026-12-01T10:00:00+00:00"), opened(cafe(referral=rule)) as shop:
        ann = shop.enrol(email="ann@example.com")
        friends = [brought(shop, ann, email=f"friend{number}@example.org") for number in range(4)]
        for number, friend in enumerate(friends):
            shop.buy(f"o{number}", 1500, friend)
        outcomes = [settle(shop, friend, 200) for friend in friends[:3]]
        assert [(one.state, one.reason) for one in outcomes] == [("paid", None), ("paid", None), ("paid", "yearly_cap")]
        assert shop.available(ann) == 300
        assert [shop.available(friend) for friend in friends] == [90, 90, 90, 15]
        assert settle(shop, friends[3], 220).state == "paid"
        assert shop.available(ann) == 450
        assert shop.differences() == []


def test_an_advocate_who_left_is_not_paid_and_the_friend_is(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 1500, bob)
    assert shop.call("DELETE", f"/members/{ann}", key=shop.owner).status == 204
    outcome = settle(shop, bob)
    assert (outcome.state, outcome.reason) == ("paid", "advocate_left")
    assert shop.available(bob) == 90


def test_a_friend_who_left_is_told_as_refused(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 1500, bob)
    shop.call("DELETE", f"/members/{bob}", key=shop.owner)
    assert told(shop, ann) == [("refused", "friend_left")]


OWN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("same_email", {"email": "ann@example.com"}, {"email": "ann+me@example.com"}),
    ("same_email", {"email": "ann.smith@gmail.com"}, {"email": "An.nSmith@googlemail.com"}),
    ("same_email", {"email": "ann+one@example.com"}, {"email": "ANN+two@EXAMPLE.com"}),
    ("same_phone", {"email": "a@x.org", "phone": "+36 30 123 4567"}, {"email": "b@y.org", "phone": "06301234567"}),
    ("same_phone", {"email": "a@x.org", "phone": "+36301234567"}, {"email": "b@y.org", "phone": "36-30-123-4567"}),
]


@pytest.mark.parametrize(("reason", "advocate", "friend"), OWN)
def test_ones_own_second_account_is_refused_with_its_reason(
    shop: Shop, reason: str, advocate: dict[str, Any], friend: dict[str, Any]
) -> None:
    ann = shop.enrol(**advocate)
    second = brought(shop, ann, **friend)
    assert second != ann
    assert told(shop, ann) == [("refused", reason)]
    shop.buy("o1", 5000, second)
    assert settle(shop, second).state == "refused"
    assert shop.available(ann) == 0


def test_dots_tell_mailboxes_apart_where_the_provider_minds_them(shop: Shop) -> None:
    ann = shop.enrol(email="ann.smith@example.com")
    brought(shop, ann, email="annsmith@example.com")
    assert told(shop, ann) == [("joined", None)]


def test_a_phone_that_was_added_after_joining_is_seen_when_it_settles(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com", phone="+36301234567")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    token = shop.call("POST", f"/members/{bob}/sessions")["token"]
    assert shop.call("PATCH", "/me", {"phone": "0036 30 1234567"}, key=token).status == 200
    outcome = settle(shop, bob)
    assert (outcome.state, outcome.reason) == ("refused", "same_phone")


def test_the_same_payment_card_is_refused_whichever_purchase_it_paid(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("mine", 500, ann, payment_fingerprint="card-A")
    bob = brought(shop, ann)
    shop.buy("first", 2000, bob, payment_fingerprint="card-B")
    shop.buy("small", 100, bob, payment_fingerprint="card-A")
    outcome = settle(shop, bob)
    assert (outcome.state, outcome.reason) == ("refused", "same_payment")
    assert told(shop, ann) == [("refused", "same_payment")]


def test_somebody_who_bought_before_joining_is_refused(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("guest", 100, email="bob@example.org")
    bob = brought(shop, ann, email="bob@example.org")
    assert told(shop, ann) == [("refused", "bought_before")]
    shop.buy("o1", 5000, bob)
    assert settle(shop, bob).reason == "bought_before"


def test_a_receipt_of_a_day_before_joining_shows_a_buyer_and_ends_the_referral(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("receipt", 5000)
    with at(days_later(2)):
        bob = brought(shop, ann)
        assert shop.call("POST", "/purchases/receipt/claim", {"member_id": bob}).status == 201
    assert told(shop, ann) == [("refused", "bought_before")]


def test_a_ring_that_a_merge_closed_is_refused(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann, email="bob@example.org")
    cid = brought(shop, bob, email="cid@example.net")
    shop.buy("o1", 2000, cid)
    with at(days_later(1)):
        dan = brought(shop, cid, email="dan@example.io")
        eve = shop.enrol(email="eve@example.se")
        shop.buy("o2", 2000, dan)
    # Ann brought Bob, Bob Cid, Cid Dan, and Dan the account that turns out to be Ann's own first one.
    fay = brought(shop, dan, email="fay@example.fi", enrolled_at="2026-05-01T10:00:00Z")
    assert merged(shop, ann, fay).status == 201
    outcome = settle(shop, cid)
    assert (outcome.state, outcome.reason) == ("refused", "ring")
    assert shop.available(eve) == 0


def test_merging_the_friend_into_the_advocate_ends_the_referral_unpaid(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    with at(days_later(1)):
        bob = brought(shop, ann)
        shop.buy("o1", 2000, bob)
        merged(shop, ann, bob)
    outcome = settle(shop, bob, 30)
    assert (outcome.state, outcome.reason) == ("refused", "same_member")
    assert shop.available(ann) == 20


def test_a_friend_who_turns_out_to_be_a_member_already_is_refused(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.org")
    with at(days_later(1)):
        second = brought(shop, ann, email="second@example.net")
        shop.buy("o1", 2000, second)
        merged(shop, bob, second)
    assert told(shop, ann) == [("refused", "member_before")]
    assert settle(shop, second, 30).state == "refused"


def test_a_person_of_two_accounts_brought_by_two_advocates_is_paid_for_once(shop: Shop) -> None:
    ann, eve = shop.enrol(email="ann@example.com"), shop.enrol(email="eve@example.se")
    bob = brought(shop, ann, email="bob@example.org")
    with at(days_later(1)):
        second = brought(shop, eve, email="second@example.net")
        shop.buy("o2", 2000, second)
    assert settle(shop, second, 15).state == "paid"
    shop.buy("o1", 2000, bob)
    assert merged(shop, bob, second).status == 201
    assert settle(shop, bob, 40).state == "paid"
    assert (shop.available(ann), shop.available(eve)) == (0, 150)
    assert told(shop, ann) == [("refused", "member_before")]
    assert told(shop, eve) == [("paid", None)]
    assert shop.differences() == []


def test_the_friends_later_account_keeps_the_promise_and_the_advocates_later_account_is_paid(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    with at(days_later(1)):
        new_ann, new_bob = shop.enrol(email="new-ann@example.com"), shop.enrol(email="new-bob@example.com")
        merged(shop, new_ann, ann, "a")
        merged(shop, new_bob, bob, "b")
    assert told(shop, new_ann) == [("settling", None)]
    assert settle(shop, bob).state == "paid"
    assert (shop.available(new_ann), shop.available(new_bob)) == (150, 20 + 75)
    assert told(shop, new_ann) == [("paid", None)]
    assert shop.differences() == []


def test_what_was_promised_when_the_friend_bought_is_paid_after_the_owner_changed_it(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    document = cafe(referral=None)
    assert shop.call("PUT", "/program", {"version": 1, "program": document}, key=shop.owner).status == 200
    assert settle(shop, bob).state == "paid"
    assert (shop.available(ann), shop.available(bob)) == (150, 95)


def provider_event(name: str, **changes: Any) -> dict[str, Any]:
    """A sample of Stripe's, told now, with some fields of its object changed."""
    told: dict[str, Any] = json.loads(sample("stripe", name))
    told["created"] = int(time.time())
    told["data"]["object"].update({"created": told["created"], **changes})
    return told


def test_a_disputed_payment_waits_and_one_that_was_lost_pays_nobody() -> None:
    with opened(cafe()) as shop:
        till = Till(shop)
        ann = shop.enrol(email="ann@example.com")
        bob = brought(shop, ann)
        assert till.outcome(provider_event("charge.succeeded", metadata={"member_id": bob})) == "booked"
        assert told(shop, ann) == [("settling", None)]
        assert till.outcome(provider_event("charge.dispute.created")) == "booked"
        assert later(shop, bob, 15).state == "settling"
        assert shop.available(ann) == 0
        assert till.outcome(provider_event("charge.dispute.closed", status="lost")) == "booked"
        assert later(shop, bob, 15).state == "settling", "it is looked at again after a week"
        assert later(shop, bob, 23).state == "joined"
        assert (shop.available(ann), shop.available(bob)) == (0, 0)


def test_a_disputed_payment_that_was_won_pays_both() -> None:
    with opened(cafe()) as shop:
        till = Till(shop)
        ann = shop.enrol(email="ann@example.com")
        bob = brought(shop, ann)
        till.outcome(provider_event("charge.succeeded", metadata={"member_id": bob}))
        till.outcome(provider_event("charge.dispute.created"))
        assert later(shop, bob, 15).state == "settling"
        assert till.outcome(provider_event("charge.dispute.closed", status="won")) == "booked"
        assert later(shop, bob, 23).state == "paid"
        assert shop.available(ann) == 150
        assert shop.differences() == []


def later(shop: Shop, friend_id: str, days: int) -> Outcome:
    """Tries to settle so many days after the real present."""
    return settle(shop, friend_id, (datetime.now(UTC) - datetime.fromisoformat(START)).days + days)


def test_a_richer_telling_that_leaves_too_few_goods_does_not_qualify() -> None:
    with opened(cafe()) as shop:
        till = Till(shop)
        ann = shop.enrol(email="ann@example.com")
        bob = brought(shop, ann)
        till.outcome(provider_event("charge.succeeded", metadata={"member_id": bob, "order_id": "A-1"}))
        assert told(shop, ann) == [("settling", None)]
        answer = shop.buy("A-1", 5988, bob, delivery=4988)
        assert (answer.status, shop.call("GET", "/purchases/A-1")["points"]) == (201, 10)
        assert later(shop, bob, 16).state == "joined"
        assert shop.available(ann) == 0
