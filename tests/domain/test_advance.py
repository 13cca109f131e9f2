"""What time writes of a member, to the last field and word: entries in the chain, events beside it, and the head."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import advance
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.history import Made
from chalicelib.domain.member import IDLE, MIXED, NEVER, Head, Referral, Tier
from chalicelib.domain.program import Program
from tests.domain.june import ANN, MIDNIGHT, TENTH, TIERS, berlin, day, entry, event
from tests.domain.sales import NOW, TODAY

PLAN = {"id": "club", "name": "The Club"}


def advanced(head: Head, program: Program, now: datetime = NOW) -> tuple[Head, list[Made]]:
    return advance.advance(head, program, 9, now, "schedule")


def test_points_that_waited_are_released_on_their_day() -> None:
    head = replace(ANN, pending={TENTH: {NEVER: 5}, TODAY + 1: {NEVER: 1}}, lots={NEVER: 2}, lifetime=2)
    after, made = advanced(head, berlin())
    release = entry("release", 5, ("release", "m1/2026-06-10/4.7"), "Points are available now", balance_after=7)
    assert made == [release]
    assert after == replace(head, pending={TODAY + 1: {NEVER: 1}}, lots={NEVER: 7}, lifetime=7, sequence=8)


def test_idle_points_that_are_released_begin_their_silence_on_that_day() -> None:
    head = replace(ANN, pending={TENTH: {IDLE: 5}}, idle_months=6)
    program = berlin(expiry={"policy": "inactivity", "months": 3})
    after, _ = advanced(head, program)
    assert after == replace(head, pending={}, lots={IDLE: 5}, lifetime=5, sequence=8, idle_on=day("2026-12-10"))
    new, _ = advanced(replace(head, idle_months=0), program)
    assert new.idle_on == day("2026-09-10")


def test_what_waited_longer_than_it_lasts_lapses_as_it_is_released() -> None:
    head = replace(ANN, pending={TENTH: {TENTH - 1: 5}})
    after, made = advanced(head, berlin())
    assert [(one.cause[0], one.points, one.sequence) for one in made] == [("release", 5, 8), ("expiry", -5, 9)]
    assert after == replace(head, pending={}, lifetime=5, lapsed={TENTH - 1: 5}, sequence=9)


def test_points_lapse_on_the_day_after_their_last_less_what_was_spent() -> None:
    head = replace(ANN, lots={TENTH - 1: 30, TODAY: 4}, spent=10, lifetime=34)
    after, made = advanced(head, berlin())
    reason = "Points could be used until 2026-06-09"
    assert made == [entry("expire", -20, ("expiry", "m1/2026-06-10/4.7"), reason, balance_after=4)]
    assert after == replace(head, lots={TODAY: 4}, spent=0, lapsed={TENTH - 1: 20}, sequence=8)


def test_a_lot_that_was_spent_ends_without_a_word() -> None:
    head = replace(ANN, lots={TENTH - 1: 30}, spent=30, lifetime=30)
    assert advanced(head, berlin()) == (replace(head, lots={}, spent=0), [])


def test_a_single_point_is_released_and_lapses_too() -> None:
    head = replace(ANN, pending={TENTH: {TENTH: 1}})
    assert [one.points for one in advanced(head, berlin())[1]] == [1, -1]


def test_points_that_will_lapse_are_announced_so_many_days_before() -> None:
    last = TENTH + 30
    head = replace(ANN, lots={last: 30, last + 40: 1}, spent=10, notice_days=30, noticed=(TENTH - 1, TENTH, TENTH + 5))
    after, made = advanced(head, berlin())
    reason = "20 points can be used until 2026-07-10"
    assert made == [event("notice", "m1/2026-07-10/4.7.0", reason, points=20, expires_on=last)]
    assert after == replace(head, noticed=(TENTH, TENTH + 5, last))
    assert advanced(after, berlin()) == (after, [])


def test_of_a_lot_that_is_all_spent_nobody_is_told() -> None:
    head = replace(ANN, lots={TENTH + 30: 10}, spent=10, notice_days=30)
    assert advanced(head, berlin()) == (replace(head, noticed=(TENTH + 30,)), [])


def test_idle_points_are_announced_by_the_day_on_which_they_lapse() -> None:
    head = replace(ANN, lots={IDLE: 3, NEVER: 9}, idle_on=TENTH + 30, notice_days=30)
    after, made = advanced(head, berlin())
    assert [(one.reason, one.points) for one in made] == [("3 points can be used until 2026-07-10", 3)]
    assert after == replace(head, noticed=(TENTH + 30,))


def test_a_single_point_is_announced_as_one() -> None:
    _, made = advanced(replace(ANN, lots={TENTH + 30: 1}, notice_days=30), berlin())
    assert [one.reason for one in made] == ["1 point can be used until 2026-07-10"]


def test_two_notices_of_one_day_stand_apart_in_the_history() -> None:
    head = replace(ANN, lots={TENTH + 30: 1, TENTH + 31: 2}, notice_days=31, pending={TENTH: {NEVER: 1}})
    _, made = advanced(head, berlin(), NOW.replace(day=10))
    assert [one.cause[1] for one in made] == ["m1/2026-07-10/4.7.0", "m1/2026-06-10/4.7", "m1/2026-07-11/4.8.2"]


@pytest.mark.parametrize(
    ("level", "spent", "after", "until", "reason"),
    [
        ("silver", 99, None, None, "The last window no longer reaches this tier"),
        ("silver", 100, "silver", "2027-07-03", "Earned again: held for another time"),
        ("silver", 500, "gold", "2027-07-03", "The last window reaches a higher tier"),
        ("gold", 500, "gold", "2027-07-03", "Earned again: held for another time"),
        ("gold", 499, "silver", "2027-07-03", "The last window no longer reaches gold"),
        ("gold", 0, None, None, "The last window no longer reaches this tier"),
    ],
)
def test_at_the_windows_end_the_history_says_why_a_tier_is_what_it_is(
    level: str, spent: int, after: str | None, until: str | None, reason: str
) -> None:
    head = replace(ANN, tier=Tier(level, 20000, TENTH - 1, 7, 8), counts="sr", window={TENTH - 100: spent})
    head = replace(head, tier_before=Tier("silver", 1))
    new, made = advanced(head, berlin(tiers=TIERS))
    last = None if until is None else day(until)
    assert made == [event("tier", "m1/2026-06-10/4.7.0", reason, tier_change=(level, after), until=last)]
    kept = 20000 if level == after else TENTH
    threshold = {"silver": 100, "gold": 500}.get(str(after), 0)
    held = None if after is None else Tier(after, kept, last, threshold, TENTH - 1)
    assert new == replace(head, tier=held, tier_before=None)


def test_a_tier_that_no_program_knows_any_more_ends_on_its_day() -> None:
    head = replace(ANN, tier=Tier("gold", 20000, TENTH - 1), tier_before=Tier("silver", 1))
    after, made = advanced(head, berlin())
    reason = "The program has no tiers any more"
    assert made == [event("tier", "m1/2026-06-10/4.7.0", reason, tier_change=("gold", None))]
    assert after == replace(head, tier=None, tier_before=None)


def test_a_tier_is_held_on_its_last_day_whatever_else_that_day_brings() -> None:
    head = replace(ANN, tier=Tier("gold", 20000, TENTH), counts="sr", pending={TENTH: {NEVER: 1}})
    after, made = advanced(head, berlin(tiers=TIERS), NOW.replace(day=10))
    assert [one.cause[0] for one in made] == ["release"]
    assert after.tier == head.tier


def test_a_tier_whose_basis_is_not_counted_waits_for_the_schedule() -> None:
    head = replace(ANN, tier=Tier("gold", 20000, TENTH - 1), counts="vr", pending={TENTH: {NEVER: 1}})
    after, made = advanced(head, berlin(tiers=TIERS))
    assert ([one.cause[0] for one in made], after.tier) == (["release"], head.tier)
    assert advance.next_date(after) == TENTH


def test_a_level_that_is_gone_is_held_as_the_next_and_the_history_says_so() -> None:
    head = replace(ANN, tier=Tier("bronze", 20000, TODAY + 9, 50, 8), counts="sr")
    after, made = advanced(head, berlin(tiers=TIERS))
    reason = "The level bronze is no more; silver is held in its place"
    begun = milliseconds(datetime(2026, 6, 14, 22, tzinfo=UTC))
    change = {"tier_change": ("bronze", "silver"), "until": TODAY + 9, "occurred_ms": begun}
    assert made == [event("tier", "m1/2026-06-15/4.7.0", reason, **change)]
    assert after == replace(head, tier=Tier("silver", 20000, TODAY + 9, 100, 8))


def test_a_plan_that_nothing_pays_any_more_ends_by_its_name() -> None:
    head = replace(ANN, plans={"s": ("club", TENTH - 1), "other": ("gone", TENTH - 1)})
    after, made = advanced(head, berlin(plans=[PLAN]))
    reason = "The Club was held until 2026-06-09"
    assert made == [event("plan", "m1/2026-06-10/4.7.0", reason, until=TENTH - 1)]
    assert after == replace(head, plans_told=TENTH)


@pytest.mark.parametrize("closes", ["2026-06-10", "2026-06-11", None])
def test_a_birthday_is_a_gift_of_its_year_that_names_no_day(closes: str | None) -> None:
    close = closes and {"last_earn_on": closes, "last_redeem_on": "2027-01-01"}
    program = berlin(earning={"birthday_points": 50}, expiry={"policy": "rolling", "months": 1}, close=close)
    head = replace(ANN, birthday_on=TENTH, leap_birthday=False)
    after, made = advanced(head, program)
    lot = day("2026-07-31")
    assert made == [
        entry("bonus", 50, ("birthday", "m1/2026"), "Happy birthday", balance_after=50, expires_on=lot),
    ]
    gift = {"lots": {lot: 50}, "lifetime": 50, "sequence": 8, "birthday_paid": TENTH}
    assert after == replace(head, birthday_on=day("2027-06-10"), **gift)


@pytest.mark.parametrize(
    ("joined", "reason"),
    [("2025-06-10", "1 year a member"), ("2024-06-10", "2 years a member"), ("2016-06-10", "10 years a member")],
)
def test_an_anniversary_says_how_many_years_it_has_been(joined: str, reason: str) -> None:
    head = replace(ANN, enrolled_ms=milliseconds(datetime.fromisoformat(f"{joined}T08:00Z")), anniversary_on=TENTH)
    after, made = advanced(head, berlin(earning={"anniversary_points": 1}))
    assert made == [entry("bonus", 1, ("anniversary", "m1/2026"), reason, balance_after=1)]
    gift = {"lots": {NEVER: 1}, "lifetime": 1, "sequence": 8}
    assert after == replace(head, anniversary_on=day("2027-06-10"), **gift)


@pytest.mark.parametrize(
    "changes",
    [{"close": {"last_earn_on": "2026-06-09", "last_redeem_on": "2027-01-01"}, "earning": None}, {"earning": {}}],
)
def test_where_nothing_is_given_any_more_no_day_of_the_year_is_awaited(changes: dict[str, Any]) -> None:
    both = {"birthday_points": 5, "anniversary_points": 5}
    program = berlin(**{**changes, "earning": both if changes["earning"] is None else {}})
    head = replace(ANN, birthday_on=TENTH, leap_birthday=True, anniversary_on=TENTH)
    assert advanced(head, program) == (replace(head, birthday_on=None, leap_birthday=False, anniversary_on=None), [])


def test_what_is_due_happens_day_by_day_whenever_it_is_told() -> None:
    head = replace(ANN, lots={TENTH: 7}, pending={TENTH - 3: {TENTH - 2: 5}}, birthday_on=TENTH - 1, lifetime=7)
    _, made = advanced(head, berlin(earning={"birthday_points": 2}))
    told = [(one.cause[0], one.occurred_ms - MIDNIGHT, one.sequence) for one in made]
    a_day = 86_400_000
    assert told == [("release", -3 * a_day, 8), ("expiry", -a_day, 9), ("birthday", -a_day, 10), ("expiry", a_day, 11)]


@pytest.mark.parametrize("status", ["merged", "erased"])
def test_time_does_nothing_to_who_is_no_member_any_more(status: Any) -> None:
    gone = replace(ANN, status=status, pending={TENTH: {NEVER: 1}}, tier=Tier("bronze", 1, TENTH))
    assert advanced(gone, berlin(tiers=TIERS)) == (gone, [])
    assert advance.next_date(gone) is None


def test_a_day_that_is_due_and_brings_nothing_is_an_error_and_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advance, "_on_day", lambda head, *_: head)
    with pytest.raises(RuntimeError, match=f"^day {TENTH} is due and brings nothing$"):
        advanced(replace(ANN, pending={TENTH: {NEVER: 1}}), berlin())


@pytest.mark.parametrize(
    ("changes", "on"),
    [
        ({}, None),
        ({"tier": Tier("gold", 1)}, None),
        ({"tier": Tier("gold", 1, TENTH)}, TENTH + 1),
        ({"lots": {NEVER: 5}}, None),
        ({"lots": {TENTH: 5, TENTH + 9: 1}}, TENTH + 1),
        ({"lots": {IDLE: 5}, "idle_on": TENTH}, TENTH + 1),
        ({"lots": {TENTH: 5}, "notice_days": 7}, TENTH - 7),
        ({"lots": {TENTH: 5}, "notice_days": 7, "noticed": (TENTH,)}, TENTH + 1),
        ({"pending": {TENTH: {NEVER: 1}}}, TENTH),
        ({"plans": {"s": ("club", TENTH)}}, TENTH + 1),
        ({"plans": {"s": ("club", TENTH)}, "plans_told": TENTH + 1}, None),
        ({"birthday_on": TENTH}, TENTH),
        ({"anniversary_on": TENTH}, TENTH),
        ({"referral": Referral("a", "settling", None, "o", TENTH)}, TENTH),
        ({"referral": Referral("a", "settling")}, None),
        ({"referral": Referral("a", "joined", None, "o", TENTH)}, None),
        ({"referral": Referral("a", "paid", None, "o", TENTH)}, None),
        ({"referral": Referral("a")}, None),
        ({"counts": MIXED, "pending": {TENTH: {NEVER: 1}}}, 0),
        ({"counts": "sr"}, None),
        ({"tier": Tier("gold", 1, TENTH), "birthday_on": TENTH + 3, "pending": {TENTH + 2: {0: 1}}}, TENTH + 1),
    ],
)
def test_the_next_date_is_the_earliest_day_that_brings_anything(changes: dict[str, Any], on: int | None) -> None:
    assert advance.next_date(replace(ANN, **changes)) == on
