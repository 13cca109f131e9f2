"""Birthdays and anniversaries: once a year, on the shop's own day, and no oftener by changing the date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import yearly
from chalicelib.domain.calendar import day_number, day_of
from chalicelib.domain.member import Head
from tests.time.life import Life, rules
from tests.time.scenarios import Row, check_row

GIFT: dict[str, Any] = {"earning": {"birthday_points": 100}}
YEARLY: dict[str, Any] = {"earning": {"anniversary_points": 50}}

ROWS = [
    Row(
        name="a birthday brings its points",
        program=GIFT,
        birthday="1990-05-01",
        history="2026-05-01T00:00 run",
        balance="100",
        ledger="bonus+100",
    ),
    Row(
        name="not a minute before",
        program=GIFT,
        birthday="1990-05-01",
        history="2026-04-30T23:59 run",
        balance="0",
    ),
    Row(
        name="once a year, also when a run is years late",
        program=GIFT,
        birthday="1990-05-01",
        history="2029-05-01 run",
        balance="400",
    ),
    Row(
        name="on the day of joining",
        program=GIFT,
        birthday="1990-01-05",
        history="2026-01-05T13:00 run",
        balance="100",
    ),
    Row(
        name="29 February in a common year is the 28th",
        program=GIFT,
        birthday="2000-02-29",
        history="2026-02-28T00:00 run",
        balance="100",
    ),
    Row(
        name="29 February in a leap year is itself",
        program=GIFT,
        birthday="2000-02-29",
        joined="2027-06-01",
        history="""2028-02-28T23:59 run
                   2028-02-29T00:00 run""",
        balance="100",
        ledger="bonus+100",
    ),
    Row(
        name="29 February over five years",
        program=GIFT,
        birthday="2000-02-29",
        history="2030-03-01 run",
        balance="500",
    ),
    Row(
        name="29 February, kept on the 28th for years, is not forgotten",
        program=GIFT,
        birthday="2000-02-29",
        history="""2027-03-01 run
                   2028-02-28T23:59 run""",
        balance="200",
    ),
    Row(
        name="28 February stays the 28th in a leap year",
        program=GIFT,
        birthday="2001-02-28",
        joined="2027-06-01",
        history="2028-02-28T00:00 run",
        balance="100",
    ),
    Row(
        name="the shop's own day",
        program={**GIFT, "time_zone": "Pacific/Auckland"},
        birthday="1990-05-01",
        history="2026-05-01T00:00 run",
        balance="100",
    ),
    Row(
        name="a date changed every month is paid once a year",
        program=GIFT,
        birthday="1990-02-01",
        history="""2026-02-02 run
                   2026-02-10 born 1990-03-01
                   2026-03-02 run
                   2026-03-10 born 1990-04-01
                   2026-04-02 run
                   2026-12-20 born 1990-12-21
                   2026-12-31 run""",
        balance="100",
        ledger="bonus+100",
    ),
    Row(
        name="paid in December, changed to January: not three weeks later",
        program=GIFT,
        birthday="1990-12-20",
        history="""2026-12-21 run
                   2026-12-22 born 1990-01-05
                   2027-12-31 run""",
        balance="100",
    ),
    Row(
        name="a corrected date is paid a year later",
        program=GIFT,
        birthday="1990-05-01",
        history="""2026-05-02 run
                   2026-05-03 born 1990-05-11
                   2027-05-11 run""",
        balance="200",
    ),
    Row(
        name="a birthday told later counts from then on",
        program=GIFT,
        history="""2026-05-02 born 1990-05-01
                   2026-12-31 run
                   2027-05-01 run""",
        balance="100",
    ),
    Row(
        name="an anniversary of joining",
        program=YEARLY,
        history="""2027-01-04T23:59 run
                   2027-01-05T00:00 run""",
        balance="50",
        ledger="bonus+50",
    ),
    Row(
        name="no anniversary on the day of joining",
        program=YEARLY,
        history="2026-12-31 run",
        balance="0",
    ),
    Row(
        name="who joined on a leap day",
        program=YEARLY,
        joined="2028-02-29",
        history="""2029-02-28T00:00 run
                   2032-02-29T00:00 run""",
        balance="200",
    ),
    Row(
        name="gifts introduced later begin with the next day",
        program={},
        then={"earning": {"birthday_points": 100, "anniversary_points": 50}},
        birthday="1990-05-01",
        history="""2027-06-01 rules
                   2028-01-04 run
                   2028-05-01 run""",
        balance="150",
    ),
    Row(
        name="gifts that are given up end",
        program={"earning": {"birthday_points": 100, "anniversary_points": 50}},
        then={},
        birthday="1990-05-01",
        history="""2026-02-01 rules
                   2030-01-01 run""",
        balance="0",
        ledger="",
    ),
    Row(
        name="a birthday's points lift a tier that counts points",
        program={**GIFT, "tiers": {"basis": "points"}},
        birthday="1990-05-01",
        history="2026-05-01 run",
        balance="100",
        tier="silver 2027-05-31",
        told="bronze>silver",
    ),
    Row(
        name="on one day: released, lapsed, celebrated and lowered",
        program={
            "earning": {"pending_days": 10, "birthday_points": 100},
            "expiry": {"policy": "rolling", "months": 3},
            "tiers": {"downgrade": "one_level"},
        },
        birthday="1990-04-01",
        joined="2026-03-01",
        history="""2026-03-10 buy a 600
                   2026-12-15 buy b 20
                   2027-03-22 buy c 30
                   2027-04-01 run""",
        balance="130",
        tier="silver 2028-03-31",
        ledger=(
            "earn+600? release+600 bonus+100 expire-600 expire-100 earn+20? release+20 earn+30? expire-20 release+30 "
            "bonus+100"
        ),
        told="bronze>gold gold>silver",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_year_brings_what_it_should(row: Row) -> None:
    check_row(row)


def test_a_birthday_leaves_no_trace_of_the_year_of_birth_and_erasing_none_at_all() -> None:
    life = Life(rules(**GIFT), "2026-01-05", "1990-05-01")
    life.live("2026-05-02 run")
    head = life.head
    assert day_of(head.birthday_on or 0).isoformat() == "2027-05-01"
    gone = yearly.forgotten(head)
    assert (gone.birthday_on, gone.birthday_paid, gone.leap_birthday) == (None, 0, False)
    assert "05-01" not in str([entry.cause for entry in life.entries]), "the ledger outlives the person"


def _day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def test_two_accounts_that_become_one_celebrate_once() -> None:
    paid = Head(
        member_id="a",
        enrolled_ms=0,
        birthday_on=_day("2027-05-01"),
        birthday_paid=_day("2026-05-01"),
        anniversary_on=_day("2027-03-01"),
    )
    unpaid = Head(member_id="b", enrolled_ms=-1, birthday_on=_day("2026-06-01"), anniversary_on=_day("2026-09-01"))
    for target, source in ((paid, unpaid), (unpaid, paid)):
        one = yearly.together(target, source)
        assert one.birthday_on is not None and one.birthday_on >= _day("2027-01-01")
        assert one.birthday_paid == _day("2026-05-01")
        assert one.anniversary_on == _day("2027-09-01"), "of who joined first, not in the year that was paid"


def test_a_merged_account_without_a_birthday_takes_over_the_others() -> None:
    target = Head(member_id="a", enrolled_ms=0)
    source = replace(target, member_id="b", birthday_on=_day("2028-02-29"), leap_birthday=True)
    one = yearly.together(target, source)
    assert (one.birthday_on, one.leap_birthday) == (_day("2028-02-29"), True)
