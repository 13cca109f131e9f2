"""Stripe's main path over HTTP: one sale told by several events, and by the storefront, earns once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.store import providers
from chalicelib.store.table import Row
from tests.payments.senders import OTHER_SECRET, SECRET, sample
from tests.payments.till import Till, charge
from tests.shop import Shop


@pytest.fixture
def till(shop: Shop) -> Till:
    return Till(shop)


def event(name: str, **changes: Any) -> dict[str, Any]:
    """A sample of Stripe's, told today, with some fields of its object changed."""
    told: dict[str, Any] = json.loads(sample("stripe", name))
    told["created"] = int(time.time())
    told["data"]["object"].update({"created": told["created"], **changes})
    return told


def test_one_sale_told_by_three_events_earns_once_for_the_member_in_its_metadata(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    before = till.shop.available(ann)
    session = event("checkout.session.completed", metadata={"member_id": ann, "order_id": "A-1"})
    assert till.outcome(session) == "booked"
    assert till.outcome(event("payment_intent.succeeded")) == "known"
    assert till.outcome(event("charge.succeeded")) == "known"
    assert till.outcome(session) == "known"
    purchase = till.shop.call("GET", "/purchases/A-1").body
    assert purchase["member_id"] == ann
    assert purchase["points"] == till.shop.available(ann) - before > 0


def test_a_refund_told_by_how_much_went_back_in_all_is_taken_once(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    before = till.shop.available(ann)
    assert till.outcome(event("charge.succeeded", metadata={"member_id": ann})) == "booked"
    for name, outcome in (("charge.refunded", "booked"), ("charge.refunded", "known")):
        assert till.outcome(event(name)) == outcome
    purchase = till.shop.call("GET", f"/purchases/{event('charge.succeeded')['data']['object']['payment_intent']}").body
    assert purchase["refunded"] == 1200
    assert till.shop.available(ann) - before == purchase["points"] == (5988 - 1200) // 100


def test_a_booked_event_is_answered_so_even_where_that_it_was_heard_cannot_be_noted(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(providers, "note_heard", away)
    assert till.outcome(event("charge.succeeded")) == "booked"


def test_a_sale_of_nobody_known_is_a_guests(till: Till) -> None:
    assert till.outcome(event("payment_intent.succeeded")) == "booked"
    intent = event("payment_intent.succeeded")["data"]["object"]["id"]
    assert till.shop.call("GET", f"/purchases/{intent}").body["member_id"] is None


def test_a_total_in_another_currency_or_another_total_is_set_aside(till: Till) -> None:
    assert till.outcome(event("payment_intent.succeeded", currency="usd")) == "set_aside"
    assert till.outcome(event("payment_intent.succeeded")) == "booked"
    assert till.outcome(event("payment_intent.succeeded", amount_received=5000, amount=5000)) == "set_aside"


def test_secrets_are_kept_sealed_and_never_answered_and_only_the_owner_sets_them(till: Till) -> None:
    shop = till.shop
    listed = shop.call("GET", "/webhooks", key=shop.owner)
    assert [(row["provider"], row["secrets"]) for row in listed["items"]] == [("stripe", 1)]
    assert SECRET not in json.dumps(listed.body)
    stored = [str(item.attribute_values) for item in Row.scan()]
    assert stored and not [item for item in stored if SECRET in item]
    for key in (shop.storefront, shop.staff):
        assert shop.call("GET", "/webhooks", key=key).status == 403
        assert shop.call("PUT", "/webhooks/stripe", {"secrets": ["another-one"]}, key=key).status == 403
    assert (
        shop.call("PUT", "/webhooks/paypal", {"secrets": ["another-one"]}, key=shop.owner).code == "provider_not_found"
    )


def test_when_it_was_last_heard_is_told_and_what_is_of_no_interest_is_counted(till: Till) -> None:
    assert till.outcome(event("charge.succeeded", captured=False)) == "ignored"
    (row,) = till.shop.call("GET", "/webhooks", key=till.shop.owner)["items"]
    assert row["ignored"] == 1 and row["last_heard_at"] is not None


def test_what_is_set_aside_names_nobody_and_is_booked_when_it_is_replayed(till: Till) -> None:
    shop = till.shop
    told = charge("pi_1", 5_000, currency="usd", billing_details={"email": "ann@example.com"})
    assert till.outcome(told) == till.outcome(told) == "set_aside"
    (row,) = shop.call("GET", "/webhooks/set-aside", key=shop.owner)["items"]
    assert (row["reason"], row["provider"], row["expires_at"]) == ("currency_mismatch", "stripe", None)
    assert "pi_1" in row["ids"]
    assert shop.call("GET", "/webhooks", key=shop.owner)["items"][0]["set_aside"] == 1
    assert "ann@example.com" not in everything_stored()
    again = f"/webhooks/set-aside/{row['id']}/replay"
    assert shop.call("POST", again, key=shop.owner)["outcome"] == "set_aside"
    document = shop.call("GET", "/program", key=shop.owner).body
    changed = {"version": document["version"], "program": {**document["program"], "currency": "USD"}}
    assert shop.call("PUT", "/program", changed, key=shop.owner).status == 200
    for key in (shop.storefront, shop.staff):
        assert shop.call("POST", again, key=key).status == 403
    assert shop.call("POST", again, key=shop.owner)["outcome"] == "booked"
    assert shop.call("GET", "/purchases/pi_1")["total"] == 5_000
    assert shop.call("GET", "/webhooks/set-aside", key=shop.owner)["items"] == []
    assert shop.call("POST", again, key=shop.owner).code == "event_not_found"


def test_what_was_not_understood_is_kept_sealed_for_thirty_days_and_erasing_a_person_removes_it(till: Till) -> None:
    shop = till.shop
    ann = shop.enrol(email="ann@example.com")
    assert till.outcome(charge("pi_1", -5, billing_details={"email": "Ann@example.com"})) == "set_aside"
    assert till.outcome(charge("pi_2", -5, billing_details={"email": "bob@example.com"})) == "set_aside"
    assert "example.com" not in everything_stored(but_contacts=True)
    rows = shop.call("GET", "/webhooks/set-aside", key=shop.owner)["items"]
    assert {row["reason"] for row in rows} == {"bad_amount"} and all(row["expires_at"] for row in rows)
    assert shop.call("DELETE", f"/members/{ann}", key=shop.owner).status == 204
    (left,) = shop.call("GET", "/webhooks/set-aside", key=shop.owner)["items"]
    assert "pi_2" in left["ids"]


def test_a_test_event_for_a_live_program_is_set_aside_until_the_owner_says_otherwise(shop: Shop) -> None:
    till = Till(shop, livemode=False)
    assert till.outcome(charge("pi_1", 5_000)) == "set_aside"
    (row,) = shop.call("GET", "/webhooks/set-aside", key=shop.owner)["items"]
    assert row["reason"] == "livemode_mismatch"
    Till(shop, livemode=True)
    assert shop.call("POST", f"/webhooks/set-aside/{row['id']}/replay", key=shop.owner)["outcome"] == "booked"


def test_a_provider_whose_account_is_bound_takes_no_other(shop: Shop) -> None:
    till = Till(shop, account="acct_ours")
    assert till.outcome({**charge("pi_1", 5_000), "account": "acct_theirs"}) == "set_aside"
    assert till.outcome({**charge("pi_1", 5_000), "account": "acct_ours"}) == "booked"


def test_while_a_secret_is_rotated_both_are_taken_and_then_the_old_one_no_more(till: Till) -> None:
    shop = till.shop
    both = {"secrets": [SECRET, OTHER_SECRET]}
    assert shop.call("PUT", "/webhooks/stripe", both, key=shop.owner)["secrets"] == 2
    assert till.send(charge("pi_1", 500), secret=SECRET).status == 200
    assert till.send(charge("pi_1", 500), secret=OTHER_SECRET).status == 200
    shop.call("PUT", "/webhooks/stripe", {"secrets": [OTHER_SECRET]}, key=shop.owner)
    assert till.send(charge("pi_1", 500), secret=SECRET).code == "bad_signature"


def everything_stored(but_contacts: bool = False) -> str:
    rows = [row for row in Row.scan() if not (but_contacts and row.t in ("CONTACT", "RECIPIENT"))]
    return " ".join(str(row.attribute_values) for row in rows)
