"""When points lapse: by month's end, by a date, by silence; and what was promised stays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.time.scenarios import QUARTER, Row, check_row

ROLLING: dict[str, Any] = {"expiry": {"policy": "rolling", "months": 12}}
CALENDAR: dict[str, Any] = {"expiry": {"policy": "calendar", "month": 12, "day": 31, "after_years": 1}}
IDLE: dict[str, Any] = {"expiry": {"policy": "inactivity", "months": 6}}
NEVER: dict[str, Any] = {"expiry": {"policy": "none"}}

ROWS = [
    Row(
        name="points of a February before a leap year live through the leap day",
        program=ROLLING,
        history="""2027-02-10 buy a 100
                   2028-02-29T23:59 run""",
        balance="100",
    ),
    Row(
        name="and lapse on the first of March",
        program=ROLLING,
        history="""2027-02-10 buy a 100
                   2028-03-01T00:00 run""",
        balance="0",
        ledger="earn+100 expire-100",
    ),
    Row(
        name="points of a leap day live to the 28th a year later",
        program=ROLLING,
        history="""2028-02-29 buy a 100
                   2029-02-28T23:59 redeem 30
                   2029-03-01 run""",
        balance="0",
        ledger="earn+100 redeem-30 expire-70",
    ),
    Row(
        name="a month of 31 to one of 30",
        program=QUARTER,
        history="""2027-01-31 buy a 100
                   2027-04-30T23:59 run""",
        balance="100",
    ),
    Row(
        name="a month of 31 to one of 30, a day later",
        program=QUARTER,
        history="""2027-01-31 buy a 100
                   2027-05-01T00:00 run""",
        balance="0",
    ),
    Row(
        name="the end of August and half a year is the leap day",
        program={"expiry": {"policy": "rolling", "months": 6}},
        history="""2027-08-31 buy a 100
                   2028-02-29 redeem 40
                   2028-03-01 run""",
        balance="0",
        ledger="earn+100 redeem-40 expire-60",
    ),
    Row(
        name="redeemed on their last day nothing lapses",
        program=QUARTER,
        history="""2027-01-31 buy a 100
                   2027-04-30T23:59:59 redeem 100
                   2027-05-01 run""",
        balance="0",
        ledger="earn+100 redeem-100",
    ),
    Row(
        name="a minute after their last day they cannot be redeemed, though no run was made",
        program=QUARTER,
        history="""2027-01-31 buy a 100
                   2027-05-01T00:00 cannot_redeem 1""",
        balance="0",
        ledger="earn+100 expire-100",
    ),
    Row(
        name="the soonest points are spent first",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-03-15 buy b 100
                   2027-03-20 redeem 120
                   2027-05-01 run""",
        balance="80",
        ledger="earn+100 earn+100 redeem-120",
    ),
    Row(
        name="what is left of the soonest lapses, the later stay",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-03-15 buy b 100
                   2027-03-20 redeem 70
                   2027-05-01 run""",
        balance="100",
        ledger="earn+100 earn+100 redeem-70 expire-30",
    ),
    Row(
        name="every lot has its own entry when a run is late by months",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-02-15 buy b 200
                   2027-03-15 buy c 300
                   2027-09-09 run""",
        balance="0",
        ledger="earn+100 earn+200 earn+300 expire-100 expire-200 expire-300",
    ),
    Row(
        name="a purchase after the lapse does not bring the lapsed back",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-05-03 buy b 10""",
        balance="10",
        ledger="earn+100 expire-100 earn+10",
    ),
    Row(
        name="a debt does not grow when the rest lapses",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-01-20 redeem 100
                   2027-02-15 refund a 100
                   2027-05-01 run""",
        balance="-100",
        ledger="earn+100 redeem-100 refund-100",
    ),
    Row(
        name="a refund of a purchase whose points lapsed takes nothing more",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-03-15 buy b 50
                   2027-05-02 refund a 100""",
        balance="50",
        ledger="earn+100 earn+50 expire-100 refund+0",
    ),
    Row(
        name="a refund of a purchase of which half was spent and half lapsed takes what was spent",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-01-16 redeem 50
                   2027-03-15 buy b 50
                   2027-05-02 refund a 100""",
        balance="0",
        ledger="earn+100 redeem-50 earn+50 expire-50 refund-50",
    ),
    Row(
        name="points given back after their day live to the end of the month",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-01-16 redeem 100
                   2027-05-10 cancel 100
                   2027-05-31T23:59 run""",
        balance="100",
        ledger="earn+100 redeem-100 reverse+100",
    ),
    Row(
        name="and lapse after it",
        program=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-01-16 redeem 100
                   2027-05-10 cancel 100
                   2027-06-01 run""",
        balance="0",
    ),
    Row(
        name="a shorter policy does not shorten what was promised",
        program=ROLLING,
        then=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-02-01 rules
                   2027-02-02 buy b 50
                   2027-06-01 run
                   2028-01-31 run""",
        balance="100",
        ledger="earn+100 earn+50 expire-50",
    ),
    Row(
        name="a longer policy lengthens nothing that was promised before",
        program=QUARTER,
        then=ROLLING,
        history="""2027-01-15 buy a 100
                   2027-02-01 rules
                   2027-02-02 buy b 50
                   2027-05-01 run""",
        balance="50",
        ledger="earn+100 earn+50 expire-100",
    ),
    Row(
        name="points that were promised for ever stay so",
        program=NEVER,
        then=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-02-01 rules
                   2027-02-02 buy b 50
                   2035-01-01 run""",
        balance="100",
    ),
    Row(
        name="from silence to months: activity still keeps the old points alive",
        program=IDLE,
        then=QUARTER,
        history="""2027-01-15 buy a 100
                   2027-02-01 rules
                   2027-06-30 buy b 50
                   2027-12-30 run""",
        balance="100",
        ledger="earn+100 earn+50 expire-50",
    ),
    Row(
        name="from twelve months of silence to six: the old points keep twelve",
        program={"expiry": {"policy": "inactivity", "months": 12}},
        then=IDLE,
        history="""2027-01-15 buy a 100
                   2027-02-01 rules
                   2027-03-01 redeem 10
                   2028-03-01 run""",
        balance="90",
    ),
    Row(
        name="calendar expiry, the last day",
        program=CALENDAR,
        history="""2026-03-01 buy a 100
                   2027-12-31T23:59 run""",
        balance="100",
    ),
    Row(
        name="calendar expiry, the day after",
        program=CALENDAR,
        history="""2026-03-01 buy a 100
                   2027-02-01 buy b 30
                   2028-01-01T00:00 run""",
        balance="30",
        ledger="earn+100 earn+30 expire-100",
    ),
    Row(
        name="calendar expiry over two years",
        program={"expiry": {"policy": "calendar", "month": 12, "day": 31, "after_years": 2}},
        history="""2026-06-01 buy a 100
                   2027-06-01 buy b 40
                   2028-06-01 redeem 30
                   2028-12-31 run
                   2029-01-01 run
                   2029-12-31 run""",
        balance="40",
        ledger="earn+100 earn+40 redeem-30 expire-70",
    ),
    Row(
        name="calendar expiry on a leap day, in a leap year",
        program={"expiry": {"policy": "calendar", "month": 2, "day": 29, "after_years": 1}},
        history="""2027-03-01 buy a 100
                   2028-02-29 run""",
        balance="100",
    ),
    Row(
        name="calendar expiry on a leap day, in a common year",
        program={"expiry": {"policy": "calendar", "month": 2, "day": 29, "after_years": 1}},
        history="""2026-03-01 buy a 100
                   2027-02-28 redeem 1
                   2027-03-01 run""",
        balance="0",
        ledger="earn+100 redeem-1 expire-99",
    ),
    Row(
        name="a date of the same year that lies behind means the next year's",
        program={"expiry": {"policy": "calendar", "month": 6, "day": 30, "after_years": 0}},
        history="""2027-06-30 buy a 100
                   2027-07-01 buy b 40
                   2028-06-30 run""",
        balance="40",
        ledger="earn+100 expire-100 earn+40",
    ),
    Row(
        name="silence, the last day",
        program=IDLE,
        history="""2027-01-31 buy a 100
                   2027-07-31T23:59 run""",
        balance="100",
    ),
    Row(
        name="silence, the day after takes everything",
        program=IDLE,
        history="""2026-12-01 buy z 5
                   2027-01-31 buy a 100
                   2027-08-01 run""",
        balance="0",
        ledger="earn+5 earn+100 expire-105",
    ),
    Row(
        name="silence broken by a redemption on the last day",
        program=IDLE,
        history="""2027-01-31 buy a 100
                   2027-07-31 redeem 10
                   2028-01-31 run""",
        balance="90",
        ledger="earn+100 redeem-10",
    ),
    Row(
        name="silence broken by a redemption, and then silence",
        program=IDLE,
        history="""2027-01-31 buy a 100
                   2027-07-31 redeem 10
                   2028-02-01 run""",
        balance="0",
        ledger="earn+100 redeem-10 expire-90",
    ),
    Row(
        name="silence broken by a purchase a day too late",
        program=IDLE,
        history="""2027-01-31 buy a 100
                   2027-08-01 buy b 7""",
        balance="7",
        ledger="earn+100 expire-100 earn+7",
    ),
    Row(
        name="half a year of silence from the end of August ends on the leap day",
        program=IDLE,
        history="""2027-08-31 buy a 100
                   2028-02-29 run
                   2028-03-01 run""",
        balance="0",
    ),
    Row(
        name="a birthday is no sign of life",
        program={**IDLE, "earning": {"birthday_points": 20}},
        birthday="1990-05-01",
        history="""2027-01-31 buy a 100
                   2027-05-02 run
                   2027-08-01 run""",
        balance="0",
        joined="2026-06-01",
        ledger="earn+100 bonus+20 expire-120",
    ),
    Row(
        name="points released after the silence lapse too, at its new end",
        program={"expiry": {"policy": "inactivity", "months": 1}, "earning": {"pending_days": 45}},
        history="""2027-01-10 buy a 100
                   2027-02-24 run
                   2027-03-24T23:59 redeem 10
                   2027-04-25 run""",
        balance="0",
        ledger="earn+100? release+100 redeem-10 expire-90",
    ),
    Row(
        name="what is released on the day after the silence is not taken with the rest",
        program={"expiry": {"policy": "inactivity", "months": 1}, "earning": {"pending_days": 32}},
        history="""2026-12-01 buy z 70
                   2027-01-10 buy a 100
                   2027-01-11 buy b 30
                   2027-02-12 run""",
        balance="30",
        ledger="earn+70? release+70 earn+100? earn+30? release+100 expire-170 release+30",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_points_come_and_go_by_the_calendar_as_promised(row: Row) -> None:
    check_row(row)
