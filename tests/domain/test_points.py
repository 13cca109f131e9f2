"""Points on a head, one movement at a time: every number of the head before and after."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from chalicelib.domain import points
from chalicelib.domain.calendar import day_number
from chalicelib.domain.member import IDLE, NEVER, Head
from chalicelib.domain.points import CLAW_BACK_DAYS
from chalicelib.domain.program import Expiry


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


TODAY = day("2026-06-15")
ANN = Head(member_id="m1", enrolled_ms=0)


@pytest.mark.parametrize(
    ("expiry", "earned", "lot"),
    [
        (Expiry(policy="none"), "2026-06-15", NEVER),
        (Expiry(policy="inactivity", months=6), "2026-06-15", IDLE),
        (Expiry(policy="rolling", months=6), "2026-06-15", day("2026-12-31")),
        (Expiry(policy="rolling"), "2026-06-15", day("2027-06-30")),
        (Expiry(policy="calendar"), "2026-06-15", day("2027-12-31")),
        (Expiry(policy="calendar", after_years=2), "2026-06-15", day("2028-12-31")),
        (Expiry(policy="calendar", after_years=0), "2026-06-15", day("2026-12-31")),
        (Expiry(policy="calendar", after_years=0, month=6, day=15), "2026-06-15", day("2026-06-15")),
        (Expiry(policy="calendar", after_years=0, month=6, day=14), "2026-06-15", day("2027-06-14")),
        (Expiry(policy="calendar", after_years=0, month=6), "2026-07-01", day("2027-06-30")),
        (Expiry(policy="calendar", after_years=0, day=5), "2026-12-06", day("2027-12-05")),
        (Expiry(policy="calendar", month=3, day=5), "2026-06-15", day("2027-03-05")),
    ],
)
def test_points_join_the_lot_of_their_promise(expiry: Expiry, earned: str, lot: int) -> None:
    assert points.lot_for(expiry, day(earned)) == lot


IDLING = replace(ANN, lots={IDLE: 10}, idle_on=day("2026-12-15"), idle_months=6)


@pytest.mark.parametrize(
    ("head", "expiry", "on", "months"),
    [
        (ANN, Expiry(policy="inactivity", months=6), "2026-12-15", 6),
        (ANN, Expiry(policy="inactivity"), "2027-06-15", 12),
        (ANN, Expiry(policy="none"), None, 0),
        (IDLING, Expiry(policy="none"), "2026-12-15", 6),
        (replace(IDLING, lots={}), Expiry(policy="none"), "2026-12-15", 6),
        (replace(IDLING, idle_on=day("2026-07-01")), Expiry(policy="none"), "2026-12-15", 6),
        (replace(IDLING, idle_on=None), Expiry(policy="inactivity", months=3), "2026-12-15", 6),
        (replace(IDLING, idle_on=None), Expiry(policy="inactivity", months=9), "2027-03-15", 9),
        (replace(IDLING, idle_on=None, lots={}), Expiry(policy="inactivity", months=3), "2026-09-15", 3),
        (replace(IDLING, idle_on=None, lots={}, pending={5: {IDLE: 1}}), Expiry(policy="none"), "2026-12-15", 6),
        (replace(IDLING, idle_on=None, lots={}, pending={5: {NEVER: 1}}), Expiry(policy="none"), None, 6),
        (replace(IDLING, idle_on=day("2030-01-01")), Expiry(policy="inactivity", months=6), "2030-01-01", 6),
        (replace(IDLING, idle_on=day("2026-12-15") - 1), Expiry(policy="inactivity", months=6), "2026-12-15", 6),
    ],
)
def test_a_sign_of_life_moves_the_day_of_idle_points_and_never_nearer(
    head: Head, expiry: Expiry, on: str | None, months: int
) -> None:
    after = points.touch(head, expiry, TODAY)
    assert after == replace(head, idle_on=None if on is None else day(on), idle_months=months)


@pytest.mark.parametrize(
    ("head", "expiry", "on"),
    [
        (replace(IDLING, idle_on=None), Expiry(policy="inactivity", months=3), "2026-12-15"),
        (replace(IDLING, idle_on=None, idle_months=0), Expiry(policy="inactivity", months=3), "2026-09-15"),
        (replace(IDLING, idle_on=None, idle_months=0), Expiry(policy="inactivity"), "2027-06-15"),
        (replace(IDLING, idle_on=None, idle_months=0), Expiry(policy="rolling", months=3), None),
        (replace(IDLING, idle_on=None, idle_months=2), Expiry(policy="none"), "2026-08-15"),
        (replace(IDLING, idle_on=TODAY), Expiry(policy="inactivity", months=3), "2026-06-15"),
        (replace(IDLING, idle_on=TODAY - 1), Expiry(policy="inactivity", months=3), "2026-12-15"),
        (replace(IDLING, lots={NEVER: 5}, idle_on=None), Expiry(policy="inactivity", months=3), None),
    ],
)
def test_points_that_came_by_themselves_begin_a_silence_where_none_runs(
    head: Head, expiry: Expiry, on: str | None
) -> None:
    after = points.start_idling(head, expiry, TODAY)
    assert after == replace(head, idle_on=None if on is None else day(on))


def test_granting_adds_to_the_lot_and_to_all_that_was_ever_earned() -> None:
    assert points.grant(ANN, 0, 9) is ANN
    once = points.grant(ANN, 1, 9)
    assert once == replace(ANN, lots={9: 1}, lifetime=1)
    assert points.grant(once, 5, 9) == replace(ANN, lots={9: 6}, lifetime=6)
    assert points.grant(once, 5, 8) == replace(ANN, lots={9: 1, 8: 5}, lifetime=6)


def test_holding_waits_and_a_release_moves_what_waited_for_that_day() -> None:
    assert points.hold(ANN, 0, 9, 100) is ANN
    held = points.hold(points.hold(points.hold(ANN, 1, 9, 100), 4, 9, 100), 7, 8, 101)
    assert held == replace(ANN, pending={100: {9: 5}, 101: {8: 7}})
    assert (points.pending(held), points.available(held)) == (12, 0)
    assert points.release(held, 100) == (replace(ANN, pending={101: {8: 7}}, lots={9: 5}, lifetime=5), 5)
    assert points.release(held, 99) == (held, 0)


def test_what_is_given_back_is_no_longer_spent_and_the_rest_lives_to_the_end_of_the_month() -> None:
    head = replace(ANN, lots={9: 50}, spent=10)
    assert points.spend(head, 5) == replace(head, spent=15)
    assert points.give_back(head, 4, TODAY) == replace(head, spent=6)
    assert points.give_back(head, 10, TODAY) == replace(head, spent=0)
    assert points.give_back(head, 11, TODAY) == replace(head, spent=0, lots={9: 50, day("2026-06-30"): 1})


def test_what_lapses_is_what_was_not_spent_of_the_lots_that_end() -> None:
    head = replace(ANN, lots={100: 30, 101: 20, 102: 5, NEVER: 7}, spent=40)
    assert points.lapse(head, 101) == (replace(head, lots={102: 5, NEVER: 7}, spent=0, lapsed={101: 10}), 10)
    assert points.lapse(head, 100) == (replace(head, lots={101: 20, 102: 5, NEVER: 7}, spent=10), 0)
    assert points.lapse(head, 99) == (head, 0)


def test_what_lapsed_is_remembered_for_two_years_and_no_longer() -> None:
    last = 2000
    head = replace(ANN, lapsed={last - CLAW_BACK_DAYS - 1: 1, last - CLAW_BACK_DAYS: 2, last - 1: 0, 1500: 3})
    assert points.lapse(head, last)[0].lapsed == {last - CLAW_BACK_DAYS: 2, 1500: 3}
    again = replace(ANN, lots={last: 4}, lapsed={last: 5})
    assert points.lapse(again, last)[0].lapsed == {last: 9}


def test_idle_points_lapse_on_their_day_and_the_chain_knows_where() -> None:
    head = replace(IDLING, idle_on=TODAY, sequence=7, lots={IDLE: 10, NEVER: 1})
    after, lost = points.lapse(head, TODAY)
    assert lost == 10
    assert after == replace(
        head, lots={NEVER: 1}, lapsed={TODAY: 10}, idle_on=None, idle_lapsed_sequence=8, idle_lapsed_on=TODAY + 1
    )
    early, _ = points.lapse(head, TODAY - 1)
    assert early == head
    empty = replace(head, lots={NEVER: 1})
    assert points.lapse(empty, TODAY) == (replace(empty, idle_on=None), 0)
    assert points.lapse(replace(empty, idle_on=TODAY + 1), TODAY) == (replace(empty, idle_on=TODAY + 1), 0)
    kept = replace(empty, idle_on=None, idle_lapsed_sequence=3, idle_lapsed_on=4)
    assert points.lapse(kept, TODAY) == (kept, 0)


def back(head: Head, amount: int, **of: int | None) -> tuple[Head, int, int]:
    asked = {"lot": 9, "available_on": None, "earned_on": 0, "sequence": 1, "today": 5, **of}
    return points.claw_back(head, amount, **asked)  # type: ignore[arg-type]  # the names are the function's own


def test_points_that_still_wait_are_taken_first_and_were_never_earned() -> None:
    head = replace(ANN, pending={100: {9: 10, 8: 1}, 101: {9: 3}}, lots={9: 4}, lifetime=4)
    assert back(head, 6, available_on=100) == (replace(head, pending={100: {9: 4, 8: 1}, 101: {9: 3}}), 6, 0)
    assert back(head, 10, available_on=100) == (replace(head, pending={100: {8: 1}, 101: {9: 3}}), 10, 0)
    alone = replace(head, pending={100: {9: 10}})
    assert back(alone, 10, available_on=100) == (replace(alone, pending={}), 10, 0)
    more = back(alone, 12, available_on=100)
    assert more == (replace(alone, pending={}, lots={9: 2}, lifetime=2), 10, 2)
    assert back(alone, 2, available_on=77) == (replace(alone, lots={9: 2}, lifetime=2), 0, 2)


def test_points_of_a_lot_that_is_there_are_taken_from_it_and_may_leave_a_debt() -> None:
    head = replace(ANN, lots={9: 4}, spent=4, lifetime=4)
    assert back(head, 3) == (replace(head, lots={9: 1}, lifetime=1), 0, 3)
    after, held, taken = back(head, 4)
    assert (after, held, taken) == (replace(head, lots={}, lifetime=0), 0, 4)
    assert points.available(after) == -4


def test_points_that_never_lapse_are_always_there() -> None:
    head = replace(ANN, lots={}, lifetime=4)
    assert back(head, 4, lot=NEVER) == (replace(head, lots={NEVER: -4}, lifetime=0), 0, 4)


def test_what_lapsed_pays_first_the_soonest_after_the_lots_day() -> None:
    head = replace(ANN, lapsed={8: 100, 9: 2, 12: 5, 20: 1}, lifetime=50, spent=1)
    assert back(head, 2) == (replace(head, lapsed={8: 100, 12: 5, 20: 1}), 0, 0)
    assert back(head, 4) == (replace(head, lapsed={8: 100, 12: 3, 20: 1}), 0, 0)
    assert back(head, 10) == (replace(head, lapsed={8: 100}, spent=3, lifetime=48), 0, 2)


def test_a_refund_two_years_after_the_lapse_takes_nothing() -> None:
    head = replace(ANN, lapsed={9: 1}, lifetime=5)
    assert back(head, 3, today=9 + CLAW_BACK_DAYS)[2] == 2
    assert back(head, 3, today=9 + CLAW_BACK_DAYS + 1) == (head, 0, 0)


def test_idle_points_have_lapsed_where_the_chain_says_so() -> None:
    """By the place in the chain, unless they were released after the lapse; what lapsed since the sale pays first."""
    head = replace(ANN, lots={IDLE: 5}, lapsed={30: 4}, lifetime=9, idle_lapsed_sequence=8, idle_lapsed_on=31)
    gone = {"lot": IDLE, "sequence": 7, "earned_on": 20, "today": 40}
    assert back(head, 4, **gone) == (replace(head, lapsed={}), 0, 0)
    assert back(head, 4, **{**gone, "earned_on": 31}) == (replace(head, spent=4, lifetime=5), 0, 4)
    assert back(head, 4, **{**gone, "sequence": 8}) == (replace(head, lots={IDLE: 1}, lifetime=5), 0, 4)
    assert back(head, 4, **{**gone, "available_on": 31}) == (replace(head, lots={IDLE: 1}, lifetime=5), 0, 4)
    assert back(head, 4, **{**gone, "available_on": 30}) == (replace(head, lapsed={}), 0, 0)
    late = {**gone, "today": 20 + CLAW_BACK_DAYS + 1}
    assert back(head, 4, **late) == (head, 0, 0)


def test_what_will_lapse_is_told_soonest_first_less_what_is_spent() -> None:
    head = replace(IDLING, lots={200: 3, 100: 10, IDLE: 4, NEVER: 9}, idle_on=150, spent=11)
    assert points.expiring(head) == [(3, 150), (3, 200)]
    same = replace(head, idle_on=200, spent=0)
    assert points.expiring(same) == [(10, 100), (7, 200)]
    assert points.expiring(replace(same, idle_on=None)) == [(10, 100), (3, 200)]
    assert points.last_day(head, IDLE) == 150
    assert (points.last_day(head, NEVER), points.last_day(head, 7)) == (None, 7)
