"""The days of the year that a member is awaited on, one change of the head at a time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import yearly
from chalicelib.domain.calendar import day_number, milliseconds
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from tests.domain.sales import TODAY, shop


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def joined(text: str) -> int:
    return milliseconds(datetime.fromisoformat(text))


ANN = Head(member_id="m1", enrolled_ms=0)


def gifts(birthday: int = 1, anniversary: int = 1, **changes: Any) -> Program:
    return shop(earning={"birthday_points": birthday, "anniversary_points": anniversary}, **changes)


@pytest.mark.parametrize(
    ("born", "paid", "today", "on"),
    [
        ("1990-06-15", None, "2026-06-15", "2026-06-15"),
        ("1990-06-14", None, "2026-06-15", "2027-06-14"),
        ("1990-12-31", None, "2026-06-15", "2026-12-31"),
        ("1992-02-29", None, "2026-06-15", "2027-02-28"),
        ("1992-02-29", None, "2027-06-15", "2028-02-29"),
        # the next birthday lies in another calendar year than the paid one, and 300 days after it
        ("1990-12-31", "2026-03-01", "2026-03-02", "2027-12-31"),
        ("1990-01-01", "2026-03-01", "2026-03-02", "2027-01-01"),
        ("1990-01-02", "2026-03-01", "2026-03-02", "2027-01-02"),
        ("1990-12-26", "2026-03-01", "2026-03-02", "2027-12-26"),
        ("1990-04-01", "2026-06-15", "2026-06-16", "2028-04-01"),
        ("1990-04-11", "2026-06-15", "2026-06-16", "2027-04-11"),
        ("1990-04-10", "2026-06-15", "2026-06-16", "2028-04-10"),
        ("1990-01-01", "2025-02-01", "2026-06-15", "2027-01-01"),
    ],
)
def test_a_birthday_is_awaited_from_the_day_that_one_may_be_paid_again(
    born: str, paid: str | None, today: str, on: str
) -> None:
    head = replace(ANN, birthday_paid=day(paid) if paid else 0)
    after = yearly.with_birthday(head, gifts(), born, day(today))
    assert after == replace(head, birthday_on=day(on), leap_birthday=born == "1992-02-29")


@pytest.mark.parametrize(("points", "born"), [(1, None), (0, "1992-02-29"), (0, None)])
def test_no_birthday_is_awaited_where_none_is_known_or_none_pays(points: int, born: str | None) -> None:
    head = replace(ANN, birthday_on=TODAY, leap_birthday=True, birthday_paid=TODAY - 365)
    none = replace(head, birthday_on=None, leap_birthday=False)
    assert yearly.with_birthday(head, gifts(points), born, TODAY) == none
    assert yearly.forgotten(head) == replace(none, birthday_paid=0)


@pytest.mark.parametrize(
    ("on", "leap", "following"),
    [
        ("2026-06-15", False, "2027-06-15"),
        ("2027-02-28", True, "2028-02-29"),
        ("2028-02-29", True, "2029-02-28"),
        ("2027-02-28", False, "2028-02-28"),
    ],
)
def test_after_a_birthday_the_next_is_a_year_later(on: str, leap: bool, following: str) -> None:
    head = replace(ANN, birthday_on=day(on), leap_birthday=leap, birthday_paid=7)
    after = replace(head, birthday_on=day(following))
    assert yearly.after_birthday(head, day(on), paid=True) == replace(after, birthday_paid=day(on))
    assert yearly.after_birthday(head, day(on), paid=False) == after


@pytest.mark.parametrize(
    ("enrolled", "today", "on"),
    [
        ("2025-06-15T12:00Z", "2026-06-14", "2026-06-15"),
        ("2025-06-15T12:00Z", "2026-06-15", "2026-06-15"),
        ("2025-06-15T12:00Z", "2026-06-16", "2027-06-15"),
        ("2025-06-14T22:30Z", "2026-06-14", "2026-06-15"),
        ("2026-06-15T12:00Z", "2026-06-15", "2027-06-15"),
        ("2026-06-15T12:00Z", "2026-06-01", "2027-06-15"),
        ("2024-02-29T12:00Z", "2026-06-01", "2027-02-28"),
        ("2024-02-29T12:00Z", "2027-06-01", "2028-02-29"),
    ],
)
def test_an_anniversary_is_awaited_from_the_day_after_joining(enrolled: str, today: str, on: str) -> None:
    head = replace(ANN, enrolled_ms=joined(enrolled))
    program = gifts(time_zone="Europe/Berlin")
    assert yearly.with_anniversary(head, program, day(today)) == replace(head, anniversary_on=day(on))


def test_no_anniversary_is_awaited_where_none_pays() -> None:
    head = replace(ANN, anniversary_on=TODAY)
    assert yearly.with_anniversary(head, gifts(anniversary=0), TODAY) == ANN


def test_after_an_anniversary_the_next_is_a_year_later() -> None:
    head = replace(ANN, enrolled_ms=joined("2025-06-15T12:00Z"), anniversary_on=TODAY)
    assert yearly.after_anniversary(head, gifts(), TODAY) == replace(head, anniversary_on=day("2027-06-15"))


BOB = Head(member_id="m2", enrolled_ms=1)


def test_of_two_accounts_the_one_that_stays_keeps_its_birthday() -> None:
    kept = replace(ANN, birthday_on=TODAY + 9)
    other = replace(BOB, birthday_on=TODAY + 5, leap_birthday=True)
    assert yearly.together(kept, other) == kept
    assert yearly.together(ANN, other) == replace(ANN, birthday_on=TODAY + 5, leap_birthday=True)


def test_a_birthday_that_either_account_had_this_year_is_not_had_again() -> None:
    kept = replace(ANN, birthday_on=day("2026-12-24"))
    paid = replace(BOB, birthday_paid=day("2026-01-01"))
    assert yearly.together(kept, paid) == replace(kept, birthday_on=day("2027-12-24"), birthday_paid=paid.birthday_paid)
    long_ago = replace(BOB, birthday_paid=day("2025-12-31"))
    assert yearly.together(kept, long_ago) == replace(kept, birthday_paid=long_ago.birthday_paid)


def test_of_two_anniversaries_the_first_joining_counts_in_the_later_year() -> None:
    mine = replace(ANN, enrolled_ms=5, anniversary_on=day("2026-12-24"))
    other = replace(BOB, enrolled_ms=9, anniversary_on=day("2027-01-03"))
    both = day("2027-12-24")
    assert yearly.together(mine, other) == replace(mine, anniversary_on=both)
    assert yearly.together(other, mine) == replace(other, anniversary_on=both)
    alone = replace(mine, anniversary_on=None)
    assert yearly.together(alone, other) == replace(mine, anniversary_on=other.anniversary_on)
    assert yearly.together(other, alone) == other
    assert yearly.together(mine, replace(other, anniversary_on=None)) == mine
