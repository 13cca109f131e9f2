"""Points that no sale brings, to the last field and word: gifts, check-ins, and corrections by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import bonus
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import IDLE, NEVER, Head, Tier
from chalicelib.domain.program import Program
from tests.domain.sales import MS, NOW, TODAY, shop

ANN = Head(member_id="m1", enrolled_ms=0, sequence=7)
CAUSE = ("bonus", "b-1")
BOOKED = {"booked_by": "key:k", "occurred_ms": MS, "booked_ms": MS, "member_id": "m1", "program_version": 4}
JULY = TODAY + 46
"""The last of July: so long do points of 15 June last that roll for a month."""
ROLLING = {"policy": "rolling", "months": 1}
IDLING = {"policy": "inactivity", "months": 2}
AUGUST = TODAY + 61
POINTS_TIERS = {
    "basis": "points",
    "levels": [{"id": "a", "name": "A", "threshold": 5}, {"id": "b", "name": "B", "threshold": 9}],
}


def plain(**changes: Any) -> Program:
    return shop(**{"tiers": None, **changes})


def give(head: Head, program: Program, amount: int, **more: Any) -> tuple[Head, Entry]:
    about = {"cause": CAUSE, "reason": "For you", "now": NOW, "booked_by": "key:k", **more}
    return bonus.give(head, program, 4, amount, **about)


def given(amount: int, **more: Any) -> Entry:
    told = {"kind": "bonus", "points": amount, "cause": CAUSE, "reason": "For you", "sequence": 8}
    return Entry(**{**BOOKED, **told, "balance_after": amount, **more})


def test_a_gift_is_there_at_once_and_says_until_when() -> None:
    after, entry = give(ANN, plain(expiry=ROLLING), 5, fingerprint="f")
    assert after == replace(ANN, lots={JULY: 5}, lifetime=5, sequence=8)
    assert entry == given(5, expires_on=JULY, fingerprint="f")
    assert give(ANN, plain(), 5) == (replace(ANN, lots={NEVER: 5}, lifetime=5, sequence=8), given(5))
    assert give(ANN, plain(expiry=ROLLING), 1)[1].expires_on == JULY


def test_a_gift_of_nothing_is_an_entry_without_a_last_day() -> None:
    assert give(ANN, plain(expiry=ROLLING), 0) == (replace(ANN, sequence=8), given(0))


def test_a_gift_lies_on_the_shops_day_on_which_it_happened() -> None:
    late = datetime(2026, 6, 30, 23, tzinfo=UTC)
    _, entry = give(ANN, plain(expiry=ROLLING, time_zone="Europe/Berlin"), 5, occurred_at=late)
    assert entry == given(5, expires_on=JULY + 31, occurred_ms=MS + (15 * 24 + 11) * 3_600_000)


def test_a_gift_keeps_idle_points_alive_unless_it_came_by_itself() -> None:
    head = replace(ANN, lots={IDLE: 1}, idle_on=TODAY + 9, idle_months=2)
    asked, entry = give(head, plain(expiry=IDLING), 5)
    assert asked == replace(head, lots={IDLE: 6}, lifetime=5, idle_on=AUGUST, sequence=8)
    assert entry == given(5, balance_after=6, expires_on=AUGUST)
    by_itself, entry = give(head, plain(expiry=IDLING), 5, by_itself=True)
    assert by_itself == replace(head, lots={IDLE: 6}, lifetime=5, sequence=8)
    assert entry == given(5, balance_after=6, expires_on=TODAY + 9)
    first, entry = give(ANN, plain(expiry=IDLING), 5, by_itself=True)
    assert (first.idle_on, entry.expires_on) == (AUGUST, AUGUST)


def test_a_gift_counts_towards_a_tier_of_points_and_of_nothing_else() -> None:
    after, entry = give(ANN, plain(tiers=POINTS_TIERS), 5)
    until = TODAY + 380  # the last of June, a year later
    counted = {"counts": "pr", "window": {TODAY: 5}, "tier": Tier("a", TODAY, until, 5, TODAY)}
    assert after == replace(ANN, lots={NEVER: 5}, lifetime=5, sequence=8, **counted)
    assert entry == given(5, tier_change=(None, "a"))
    spend, entry = give(ANN, plain(tiers={**POINTS_TIERS, "basis": "spend"}), 5)
    assert spend == replace(ANN, lots={NEVER: 5}, lifetime=5, sequence=8, counts="sr")
    assert entry == given(5)


def test_what_happened_earlier_counts_on_its_own_day() -> None:
    after, _ = give(ANN, plain(tiers=POINTS_TIERS), 5, occurred_at=NOW - timedelta(days=3))
    assert (after.window, after.tier and after.tier.since) == ({TODAY - 3: 5}, TODAY - 3)


@pytest.mark.parametrize(("threshold", "tier"), [(0, Tier("a", TODAY)), (1, None), (2, None)])
def test_only_a_level_that_asks_for_nothing_is_everybodys(threshold: int, tier: Tier | None) -> None:
    levels = [{"id": "a", "name": "A", "threshold": threshold}, {"id": "b", "name": "B", "threshold": 9}]
    assert bonus.ground_tier(plain(tiers={"basis": "spend", "levels": levels}), TODAY) == tier
    assert bonus.ground_tier(plain(), TODAY) is None


CARDS = [
    {"id": "other", "name": "Other", "required": 9, "reward_id": "r"},
    {"id": "c", "name": "Ten Coffees", "required": 3, "reward_id": "r"},
]


def visited(rule: dict[str, Any] | None, head: Head = ANN, **changes: Any) -> tuple[Head, Entry]:
    program = plain(earning={"check_in": rule}, stamp_cards=CARDS, **changes)
    return bonus.check_in(head, program, 4, cause=CAUSE, now=NOW, booked_by="key:k", fingerprint="f")


def test_a_visit_brings_its_points() -> None:
    after, entry = visited({"points": 2}, expiry=ROLLING)
    assert after == replace(ANN, check_ins=(TODAY, 1), lots={JULY: 2}, lifetime=2, sequence=8)
    assert entry == given(2, reason="Check-in", expires_on=JULY, fingerprint="f")


def test_a_visit_brings_a_stamp_on_its_card() -> None:
    rule = {"card_id": "c"}
    after, entry = visited(rule)
    assert after == replace(ANN, check_ins=(TODAY, 1), stamps={"c": 1}, sequence=8)
    assert entry == given(0, reason="Check-in: a stamp on Ten Coffees", fingerprint="f")
    head = replace(ANN, stamps={"other": 5, "c": 1})
    assert visited(rule, head)[0].stamps == {"other": 5, "c": 2}


def test_visits_are_counted_by_the_shops_day() -> None:
    rule = {"points": 2, "per_day": 2}
    assert visited(rule, replace(ANN, check_ins=(TODAY - 1, 2)))[0].check_ins == (TODAY, 1)
    assert visited(rule, replace(ANN, check_ins=(TODAY, 1)))[0].check_ins == (TODAY, 2)
    assert visited(rule, replace(ANN, check_ins=(TODAY + 1, 1)))[0].check_ins == (TODAY + 1, 2)
    assert visited(rule, time_zone="Pacific/Kiritimati")[0].check_ins == (TODAY + 1, 1)


@pytest.mark.parametrize(
    ("rule", "head", "close", "code", "detail", "facts"),
    [
        (
            None,
            ANN,
            None,
            "check_in_not_offered",
            "This program rewards no check-ins; the owner can add earning.check_in.",
            {},
        ),
        (
            {"points": 1},
            ANN,
            "2026-06-14",
            "program_closed",
            "This program stopped earning after 2026-06-14.",
            {},
        ),
        (
            {"points": 1},
            replace(ANN, check_ins=(TODAY, 1)),
            None,
            "check_in_limit",
            "Checked in once today already; try again tomorrow.",
            {"limit": 1},
        ),
        (
            {"points": 1, "per_day": 2},
            replace(ANN, check_ins=(TODAY + 1, 3)),
            None,
            "check_in_limit",
            "Checked in 3 times today already; try again tomorrow.",
            {"limit": 2},
        ),
        (
            {"card_id": "c"},
            replace(ANN, stamps={"c": 2}),
            None,
            "stamp_card_waits",
            "The last stamp of a card is earned by a purchase; buy something to fill it.",
            {},
        ),
    ],
)
def test_a_visit_that_brings_nothing_says_why(
    rule: dict[str, Any] | None, head: Head, close: str | None, code: str, detail: str, facts: dict[str, Any]
) -> None:
    ends = close and {"last_earn_on": close, "last_redeem_on": "2027-01-01"}
    with pytest.raises(Refused) as refused:
        visited(rule, head, close=ends)
    assert (refused.value.code, refused.value.detail, refused.value.facts) == (code, detail, facts)


def test_visits_are_rewarded_on_the_last_day_of_earning() -> None:
    assert visited({"points": 1}, close={"last_earn_on": "2026-06-15", "last_redeem_on": "2027-01-01"})[1].points == 1


def adjust(head: Head, amount: int, **changes: Any) -> tuple[Head, Entry]:
    about: dict[str, Any] = {"cause": CAUSE, "now": NOW, "booked_by": "key:k", "fingerprint": "f"}
    return bonus.adjust(head, plain(**changes), 4, amount, "A mistake", **about)


def adjusted(amount: int, balance: int, **more: Any) -> Entry:
    return given(amount, kind="adjust", reason="A mistake", fingerprint="f", balance_after=balance, **more)


def test_a_correction_adds_like_any_earning() -> None:
    after, entry = adjust(ANN, 5, expiry=ROLLING, tiers=POINTS_TIERS)
    assert after == replace(ANN, lots={JULY: 5}, lifetime=5, sequence=8, counts="pr")
    assert entry == adjusted(5, 5, expires_on=JULY)
    one = replace(ANN, lots={JULY: 1}, lifetime=1, sequence=8)
    assert adjust(ANN, 1, expiry=ROLLING) == (one, adjusted(1, 1, expires_on=JULY))
    idle, entry = adjust(replace(ANN, lots={IDLE: 1}, idle_on=TODAY + 9, idle_months=2), 5, expiry=IDLING)
    assert (idle.idle_on, entry) == (AUGUST, adjusted(5, 6, expires_on=AUGUST))


def test_a_correction_takes_like_any_spending_and_is_no_sign_of_life() -> None:
    head = replace(ANN, lots={IDLE: 8}, idle_on=TODAY + 9, idle_months=2, spent=1, lifetime=8)
    assert adjust(head, -3, expiry=IDLING) == (replace(head, spent=4, sequence=8), adjusted(-3, 4))
    assert adjust(head, -7, expiry=IDLING) == (replace(head, spent=8, sequence=8), adjusted(-7, 0))


def test_a_correction_of_nothing_touches_nothing() -> None:
    head = replace(ANN, lots={IDLE: 8}, idle_on=TODAY + 9, idle_months=2)
    assert adjust(head, 0, expiry=IDLING) == (replace(head, sequence=8), adjusted(0, 8))


@pytest.mark.parametrize("amount", [5, 0])
def test_a_debt_is_no_reason_to_refuse_what_takes_nothing(amount: int) -> None:
    head = replace(ANN, spent=8)
    assert adjust(head, amount)[1] == adjusted(amount, amount - 8)


def test_a_correction_never_takes_more_than_there_is() -> None:
    with pytest.raises(Refused) as refused:
        adjust(replace(ANN, lots={NEVER: 8}, spent=1), -8)
    assert refused.value.code == "insufficient_points"
    assert refused.value.detail == "7 points are available; take away at most that."
    assert refused.value.facts == {"available": 7, "required": 8}
