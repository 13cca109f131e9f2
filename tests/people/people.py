"""Shops and people for these tests: a café and a boutique that anybody may join, friends, and a friend's settling."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chalicelib import clock
from chalicelib.actions.admission import Call, Credential
from chalicelib.actions.settle_referral import Outcome, settle_referral
from tests.moments import at
from tests.shop import Reply, Shop, program

START = "2026-06-01T10:00:00+00:00"


def days_later(days: int, since: str = START) -> str:
    return (datetime.fromisoformat(since) + timedelta(days=days)).isoformat()


def cafe(**changes: Any) -> dict[str, Any]:
    """The corner café without points that time or joining brings, so that a test sees its own alone."""
    document = program(**changes)
    if "enrolment" not in changes:
        document["enrolment"] = {"mode": "open"}
    return document


def boutique(**changes: Any) -> dict[str, Any]:
    return program("boutique", **{"enrolment": {"mode": "open"}, **changes})


def operators_call(shop: Shop) -> Call:
    """A call as the schedule makes it."""
    credential = Credential(program_id=shop.program_id, agent="schedule", roles=frozenset({"owner"}))
    return Call(credential=credential, now=clock.now())


def settle(shop: Shop, friend_id: str, days: int = 14) -> Outcome:
    """Tries to settle a friend's referral so many days after the start."""
    with at(days_later(days)):
        return settle_referral(operators_call(shop), friend_id)


def brought(shop: Shop, advocate_id: str, **fields: Any) -> str:
    """A friend who enrolls with an advocate's code."""
    code = shop.member(advocate_id)["referral_code"]
    return shop.enrol(**{"email": "friend@example.org", "referral_code": code, **fields})


def referrals(shop: Shop, advocate_id: str) -> Reply:
    return shop.call("GET", f"/members/{advocate_id}/referrals", key=shop.staff)


def merged(shop: Shop, target_id: str, source_id: str, idem: str = "merge") -> Reply:
    return shop.call("POST", f"/members/{target_id}/merge", {"from_member_id": source_id}, key=shop.staff, idem=idem)


def claimed(shop: Shop, order_id: str, member_id: str, key: str = "") -> Reply:
    return shop.call("POST", f"/purchases/{order_id}/claim", {"member_id": member_id}, key=key)


def sold(shop: Shop, amount: int, idem: str = "card", **fields: Any) -> str:
    """The code of a gift card that was paid for."""
    answer = shop.call("POST", "/gift-cards", {"amount": amount, **fields}, idem=idem)
    assert answer.status in (200, 201), answer.body
    return str(answer["code"])


def spent(shop: Shop, code: str, order_id: str, amount: int | None) -> Reply:
    body = {"order_id": order_id} if amount is None else {"order_id": order_id, "amount": amount}
    return shop.call("POST", f"/vouchers/{code}/use", body)


def balance(shop: Shop, code: str) -> int:
    return int(shop.call("GET", f"/vouchers/{code}")["balance"])


def vouchers_of(shop: Shop, member_id: str) -> list[Any]:
    items: list[Any] = shop.call("GET", f"/members/{member_id}/vouchers?limit=100")["items"]
    return items
