"""What an owner's change of the program writes of a member, to the last field and word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import advance
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.history import Made
from chalicelib.domain.member import NEVER, Head, Tier
from chalicelib.domain.program import Program
from tests.domain.june import ANN, LEVELS, TIERS, berlin, day, entry, event
from tests.domain.sales import MS, NOW, TODAY

MIDNIGHT = milliseconds(datetime(2026, 6, 14, 22, tzinfo=UTC))
WITH_GROUND = [{"id": "all", "name": "All", "threshold": 0}, *LEVELS]


def reassessed(
    head: Head, program: Program, birthday: str | None = None, amounts: dict[int, int] | None = None
) -> tuple[Head, list[Made]]:
    return advance.reassess(head, program, 9, birthday, amounts, NOW, "schedule")


def moved(reason: str, before: str | None, after: str | None, until: int | None, place: int = 0) -> Made:
    change = {"tier_change": (before, after), "until": until, "occurred_ms": MIDNIGHT}
    return event("tier", f"m1/2026-06-15/4.7.{place}", reason, **change)


def test_a_new_member_begins_with_all_that_dates_promise() -> None:
    gifts = {"birthday_points": 1, "anniversary_points": 1}
    program = berlin(tiers=TIERS, expiry={"policy": "rolling", "notice_days": 9}, earning=gifts)
    new = Head(member_id="m1", enrolled_ms=MS)
    promised = {"notice_days": 9, "counts": "sr", "anniversary_on": day("2027-06-15")}
    assert advance.begin(new, program, "1990-06-15", TODAY) == replace(new, birthday_on=TODAY, **promised)
    assert advance.begin(new, program, None, TODAY) == replace(new, **promised)
    assert advance.begin(new, berlin(), "1990-06-15", TODAY) == new


@pytest.mark.parametrize("before", [None, Tier("silver", 5)])
def test_without_tiers_only_what_was_promised_until_a_day_is_held(before: Tier | None) -> None:
    head = replace(ANN, tier=Tier("gold", 20000), tier_before=before, window={TODAY: 5}, counts="sr")
    nothing: dict[str, Any] = {"tier_before": None, "window": {}, "counts": None}
    assert reassessed(head, berlin()) == (replace(head, tier=None, **nothing), [])
    promised = replace(head, tier=Tier("gold", 20000, TODAY + 5))
    assert reassessed(promised, berlin()) == (replace(promised, **nothing), [])
    nobody = replace(head, tier=None)
    assert reassessed(nobody, berlin()) == (replace(nobody, **nothing), [])


def test_a_level_that_asks_for_nothing_is_everybodys_from_the_change_on() -> None:
    head = replace(ANN, counts="sr")
    after, made = reassessed(head, berlin(tiers={**TIERS, "levels": WITH_GROUND}))
    assert after == replace(head, tier=Tier("all", TODAY))
    assert made == [moved("Everybody holds this tier", None, "all", None)]
    assert reassessed(head, berlin(tiers=TIERS)) == (head, [])


def test_a_tier_without_an_end_gets_one_where_windows_end_now() -> None:
    head = replace(ANN, tier=Tier("gold", 20000, None, 500, 7), tier_before=Tier("silver", 5), counts="sr")
    after, made = reassessed(head, berlin(tiers=TIERS))
    until = day("2027-07-03")
    assert after == replace(head, tier=Tier("gold", 20000, until, 500, TODAY))
    reason = "The owner changed the tiers; this one is held until the new window ends"
    assert made == [moved(reason, "gold", "gold", until)]


def test_who_reaches_more_under_the_new_rules_is_lifted_at_once() -> None:
    head = replace(ANN, tier=Tier("silver", 20000, TODAY + 5, 100, 7), counts="sr", window={TODAY: 500})
    after, made = reassessed(head, berlin(tiers=TIERS))
    until = day("2027-07-03")
    assert after == replace(head, tier=Tier("gold", TODAY, until, 500, TODAY), tier_before=head.tier)
    reason = "The owner changed the tiers; the window reaches this one"
    assert made == [moved(reason, "silver", "gold", until)]


def test_what_is_counted_anew_lifts_and_is_told_after_the_ground_level() -> None:
    rules = berlin(tiers={**TIERS, "levels": WITH_GROUND})
    after, made = reassessed(replace(ANN, first_purchase_on=1), rules, None, {TODAY - 1: 60, TODAY: 40})
    until = day("2027-07-03")
    assert (after.window, after.counts) == ({TODAY - 1: 60, TODAY: 40}, "sr")
    assert (after.tier, after.tier_before) == (Tier("silver", TODAY, until, 100, TODAY), Tier("all", TODAY))
    assert made == [
        moved("Everybody holds this tier", None, "all", None),
        moved("The owner changed the tiers; the window reaches this one", "all", "silver", until, 1),
    ]


def test_without_tiers_there_is_nothing_to_count_anew() -> None:
    assert reassessed(ANN, berlin(), None, {TODAY: 40}) == (ANN, [])


def test_a_longer_notice_is_given_on_the_day_of_the_change() -> None:
    head = replace(ANN, lots={TODAY + 20: 5}, notice_days=7)
    after, made = reassessed(head, berlin(expiry={"policy": "rolling", "notice_days": 30}))
    assert after == replace(head, notice_days=30, noticed=(TODAY + 20,))
    assert [(one.reason, one.points) for one in made] == [("5 points can be used until 2026-07-05", 5)]


def test_no_notice_is_given_where_the_owner_took_it_away() -> None:
    head = replace(ANN, lots={TODAY + 20: 5}, notice_days=7)
    assert reassessed(head, berlin(expiry={"policy": "rolling"})) == (replace(head, notice_days=0), [])


@pytest.mark.parametrize(
    ("points", "awaited", "given", "after"),
    [
        (1, None, "1990-12-24", "2026-12-24"),
        (1, None, None, None),
        (0, None, "1990-12-24", None),
        (0, "2026-12-24", "1990-12-24", None),
        (1, "2026-12-24", None, None),
        (1, "2027-12-24", "1990-12-24", "2027-12-24"),
    ],
)
def test_a_birthday_is_awaited_where_one_is_given_and_pays(
    points: int, awaited: str | None, given: str | None, after: str | None
) -> None:
    """One that is awaited already stays where it is: this year's may have been paid."""
    head = replace(ANN, birthday_on=awaited and day(awaited))
    program = berlin(earning={"birthday_points": points})
    assert reassessed(head, program, given) == (replace(head, birthday_on=after and day(after)), [])


@pytest.mark.parametrize(
    ("points", "awaited", "after"),
    [(1, None, "2027-03-01"), (0, "2027-03-01", None), (0, None, None), (1, "2028-03-01", "2028-03-01")],
)
def test_an_anniversary_is_awaited_where_it_pays(points: int, awaited: str | None, after: str | None) -> None:
    head = replace(ANN, anniversary_on=awaited and day(awaited))
    program = berlin(earning={"anniversary_points": points})
    assert reassessed(head, program) == (replace(head, anniversary_on=after and day(after)), [])


def test_an_anniversary_on_the_day_of_the_change_is_given_that_day() -> None:
    head = replace(ANN, enrolled_ms=milliseconds(datetime(2025, 6, 15, tzinfo=UTC)))
    after, made = reassessed(head, berlin(earning={"anniversary_points": 3}))
    cause = ("anniversary", "m1/2026")
    gift = entry("bonus", 3, cause, "1 year a member", balance_after=3, occurred_ms=MIDNIGHT)
    assert made == [gift]
    assert after == replace(head, anniversary_on=day("2027-06-15"), lots={NEVER: 3}, lifetime=3, sequence=8)


GIFTS = {"points": 3, "per_amount": 100, "birthday_points": 5, "anniversary_points": 5}


@pytest.mark.parametrize(
    ("old", "new", "concerned"),
    [
        ({}, {}, False),
        ({"name": "Other"}, {"name": "New"}, False),
        ({}, {"tiers": TIERS}, True),
        ({"tiers": TIERS}, {"tiers": TIERS}, False),
        ({"expiry": {"policy": "rolling"}}, {"expiry": {"policy": "none"}}, False),
        ({"expiry": {"policy": "rolling"}}, {"expiry": {"policy": "rolling", "notice_days": 1}}, True),
        ({"earning": {}}, {"earning": {"points": 2}}, False),
        ({"earning": {}}, {"earning": {"birthday_points": 1}}, True),
        ({"earning": {"birthday_points": 1}}, {"earning": {}}, True),
        ({"earning": {"birthday_points": 1}}, {"earning": {"birthday_points": 2}}, False),
        ({"earning": {}}, {"earning": {"anniversary_points": 1}}, True),
        ({"earning": {"anniversary_points": 1}}, {"earning": {"anniversary_points": 2}}, False),
        ({"earning": GIFTS}, {"earning": {**GIFTS, "anniversary_points": 0}}, True),
        ({"tiers": TIERS, "earning": GIFTS}, {"earning": {"birthday_points": 1}}, True),
    ],
)
def test_members_are_assessed_anew_where_tiers_notices_or_gifts_change(
    old: dict[str, Any], new: dict[str, Any], concerned: bool
) -> None:
    assert advance.concerns_members(berlin(**old), berlin(**new)) is concerned
