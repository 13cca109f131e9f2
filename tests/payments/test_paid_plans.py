"""Paid membership: held while it is paid, with grace, to the end of what was paid; its fee earns nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.payments.till import Till, charge, event
from tests.shop import opened, program

DAY = 86_400
PLAN = {"id": "club", "name": "Club", "percent": 200, "grace_days": 5, "provider_prices": {"stripe": ["price_club"]}}


@pytest.fixture
def till() -> Iterator[Till]:
    with opened(program(plans=[PLAN])) as shop:
        yield Till(shop)


def seconds(days: float) -> int:
    return int(time.time() + days * DAY)


def day(days: float) -> str:
    """The shop's date so many days from now."""
    return datetime.fromtimestamp(seconds(days), ZoneInfo("Europe/Helsinki")).date().isoformat()


def subscription(kind: str, status: str = "active", ends: float = 30, at: float = 0, **fields: Any) -> dict[str, Any]:
    thing = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": status,
        "current_period_end": seconds(ends),
        "items": {"data": [{"id": "si_1", "price": {"id": "price_club"}}]},
        "metadata": {},
        **fields,
    }
    return event(f"customer.subscription.{kind}", thing, seconds(at))


def invoice(
    kind: str = "paid", ends: float = 30, invoice_id: str = "in_1", at: float = 0, **fields: Any
) -> dict[str, Any]:
    line = {"id": "il_1", "price": {"id": "price_club"}, "period": {"start": seconds(ends - 30), "end": seconds(ends)}}
    thing = {
        "id": invoice_id,
        "object": "invoice",
        "customer": "cus_1",
        "subscription": "sub_1",
        "amount_paid": 990,
        "currency": "eur",
        "lines": {"data": [line]},
        "status_transitions": {"paid_at": seconds(at)},
        **fields,
    }
    return event(f"invoice.{kind}", thing, seconds(at))


def met(member_id: str | None = None, email: str | None = None) -> dict[str, Any]:
    thing: dict[str, Any] = {"id": "cs_sub", "object": "checkout.session", "mode": "subscription", "customer": "cus_1"}
    thing |= {"metadata": {"member_id": member_id} if member_id else {}, "customer_details": {"email": email}}
    return event("checkout.session.completed", {**thing, "payment_status": "paid"})


def plan(till: Till, member_id: str) -> Any:
    held = till.shop.member(member_id)["plan"]
    return held and (held["id"], held["until"])


def deliver(till: Till, *told: dict[str, Any]) -> None:
    for one in told:
        assert till.outcome(one) in ("booked", "known")


def test_a_plan_is_held_while_it_is_paid_and_its_percent_applies(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    deliver(till, met(ann), subscription("created"), invoice())
    assert plan(till, ann) == ("club", day(30))
    bought = till.shop.buy("A-1", 1_000, ann)
    assert bought["points"] == 20
    assert [row["points"] for row in bought["explanation"] if row["rule"] == "plan"] == [10]


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_the_customer_the_subscription_and_the_invoice_may_be_told_in_any_order(
    till: Till, order: tuple[int, ...]
) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    told = [met(email="ann@example.com"), subscription("created"), invoice()]
    deliver(till, *(told[place] for place in order), *told)
    assert plan(till, ann) == ("club", day(30))


def test_a_failed_payment_leaves_grace_and_a_later_one_resumes(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    deliver(till, met(ann), subscription("created", ends=2, at=-28), invoice(ends=2, at=-28))
    assert plan(till, ann) == ("club", day(2))
    late = [
        subscription("updated", "past_due", ends=32, at=0.01),
        invoice("payment_failed", ends=32, invoice_id="in_2", at=0.01),
    ]
    for told in (late, late[::-1]):
        deliver(till, *told)
        assert plan(till, ann) == ("club", day(7))
    deliver(till, subscription("updated", ends=32, at=0.02), invoice(ends=32, invoice_id="in_2", at=0.02))
    assert plan(till, ann) == ("club", day(32))
    deliver(till, *late)
    assert plan(till, ann) == ("club", day(32))


def test_a_plan_whose_grace_is_over_is_held_no_more(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    deliver(till, met(ann), invoice(ends=-6, at=-36), subscription("updated", "past_due", ends=24, at=-6))
    assert plan(till, ann) is None
    assert till.shop.buy("A-1", 1_000, ann)["points"] == 10


def test_cancelled_at_the_periods_end_it_lasts_to_that_end_and_cancelled_at_once_it_ends(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    deliver(till, met(ann), subscription("created", ends=10, at=-20), invoice(ends=10, at=-20))
    deliver(till, subscription("updated", ends=10, at=-1, cancel_at_period_end=True))
    assert plan(till, ann) == ("club", day(10))
    deliver(till, subscription("deleted", "canceled", ends=10, at=-0.5, ended_at=seconds(-2)))
    assert plan(till, ann) is None
    deliver(till, subscription("updated", ends=10, at=-1))
    assert plan(till, ann) is None


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_a_plans_fee_earns_nothing_whichever_of_its_events_comes_first(till: Till, order: tuple[int, ...]) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    settled = event(
        "invoice_payment.paid",
        {"id": "inpay_1", "invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_fee"}},
    )
    told = [charge("pi_fee", 990, metadata={"member_id": ann}), invoice(), settled]
    deliver(till, *(told[place] for place in order), *told)
    assert till.shop.available(ann) == 50
    assert till.shop.call("GET", "/purchases/pi_fee")["points"] == 0
    assert till.shop.differences() == []


def test_a_subscription_to_something_that_is_no_plan_is_ignored(till: Till) -> None:
    items = {"data": [{"id": "si_1", "price": {"id": "price_newspaper"}}]}
    assert till.outcome(subscription("created", items=items)) == "ignored"


def test_the_customer_whom_the_shop_named_is_known_by_their_id_later_and_forgotten_with_them(till: Till) -> None:
    ann = till.shop.enrol(email="ann@example.com")
    deliver(till, charge("pi_1", 1_000, customer="cus_9", metadata={"member_id": ann}))
    deliver(till, charge("pi_2", 1_000, customer="cus_9"))
    assert till.shop.available(ann) == 50 + 20
    assert till.shop.call("DELETE", f"/members/{ann}", key=till.shop.owner).status == 204
    deliver(till, charge("pi_3", 1_000, customer="cus_9"))
    assert till.shop.call("GET", "/purchases/pi_3")["member_id"] is None
