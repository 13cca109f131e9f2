"""Stripe's main path over HTTP: one sale told by several events, and by the storefront, earns once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.store.table import Row
from tests.payments.senders import SECRET, sample
from tests.payments.till import Till
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
