"""When pending points are released, and when members are told of points about to lapse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.time.scenarios import QUARTER, Row, check_row

PENDING: dict[str, Any] = {"earning": {"pending_days": 14}}
NOTICE: dict[str, Any] = {"expiry": {"policy": "rolling", "months": 12, "notice_days": 30}}

ROWS = [
    Row(
        name="pending points wait",
        program=PENDING,
        history="""2027-01-10 buy a 100
                   2027-01-23T23:59 run""",
        balance="0 +100",
        ledger="earn+100?",
    ),
    Row(
        name="pending points are released at midnight of their day",
        program=PENDING,
        history="""2027-01-10 buy a 100
                   2027-01-24T00:00 run""",
        balance="100",
        ledger="earn+100? release+100",
    ),
    Row(
        name="a refund before then takes them from pending",
        program=PENDING,
        history="""2027-01-10 buy a 100
                   2027-01-20 refund a 100
                   2027-01-30 run""",
        balance="0",
        ledger="earn+100? refund-100?",
    ),
    Row(
        name="a part refunded before then leaves the rest to release",
        program=PENDING,
        history="""2027-01-10 buy a 100
                   2027-01-20 refund a 30
                   2027-01-30 run""",
        balance="70",
        ledger="earn+100? refund-30? release+70",
    ),
    Row(
        name="two purchases of a day are released together, another day's apart",
        program=PENDING,
        history="""2027-01-10 buy a 100
                   2027-01-10T18:00 buy b 50
                   2027-01-11 buy c 25
                   2027-02-01 run""",
        balance="175",
        ledger="earn+100? earn+50? earn+25? release+150 release+25",
    ),
    Row(
        name="released on the day on which the clocks go forward",
        program={"earning": {"pending_days": 1}},
        history="""2027-03-27T23:30 buy a 100
                   2027-03-28T00:00 run""",
        balance="100",
    ),
    Row(
        name="not a minute before a midnight that the clocks skip",
        program={**PENDING, "time_zone": "Africa/Cairo"},
        history="""2026-04-10 buy a 100
                   2026-04-23T23:59 run""",
        balance="0 +100",
    ),
    Row(
        name="released with the first minute of a day that begins at one",
        program={**PENDING, "time_zone": "Africa/Cairo"},
        history="""2026-04-10 buy a 100
                   2026-04-24T01:00 run""",
        balance="100",
        ledger="earn+100? release+100",
    ),
    Row(
        name="released with the first of two midnights",
        program={**PENDING, "time_zone": "America/Havana"},
        history="""2026-10-18 buy a 100
                   2026-10-31T23:59 run
                   2026-11-01T00:00 run""",
        balance="100",
        ledger="earn+100? release+100",
    ),
    Row(
        name="released on the day on which the clocks go back",
        program={"earning": {"pending_days": 1}},
        history="""2027-10-30T23:59 buy a 100
                   2027-10-31T00:00 run""",
        balance="100",
    ),
    Row(
        name="the shop's own midnight decides, east of everybody",
        program={**QUARTER, "time_zone": "Pacific/Kiritimati"},
        history="""2027-01-31T23:59 buy a 100
                   2027-02-01T00:00 buy b 50
                   2027-05-01T00:00 run""",
        balance="50",
    ),
    Row(
        name="notice is given once, before",
        program=NOTICE,
        history="""2027-01-15 buy a 100
                   2028-01-01T00:00 run
                   2028-01-02 run
                   2028-01-31 run""",
        balance="100",
        told="notice100",
    ),
    Row(
        name="no notice a day before its day",
        program=NOTICE,
        history="""2027-01-15 buy a 100
                   2027-12-31T23:59 run""",
        balance="100",
        told="",
    ),
    Row(
        name="no notice of points that were spent",
        program=NOTICE,
        history="""2027-01-15 buy a 100
                   2027-12-01 redeem 100
                   2028-02-01 run""",
        balance="0",
        told="",
    ),
    Row(
        name="each lot has its own notice, of what is left of it",
        program=NOTICE,
        history="""2027-01-15 buy a 100
                   2027-02-15 buy b 40
                   2027-03-01 redeem 60
                   2028-02-20 run""",
        balance="40",
        ledger="earn+100 earn+40 redeem-60 expire-40",
        told="notice40 notice40",
    ),
    Row(
        name="a late run tells the notice before the lapse",
        program=NOTICE,
        history="""2027-01-15 buy a 100
                   2028-06-01 run""",
        balance="0",
        ledger="earn+100 expire-100",
        told="notice100",
    ),
    Row(
        name="a refund of points released after the silence takes them, not what had lapsed before",
        program={"expiry": {"policy": "inactivity", "months": 1}, "earning": {"pending_days": 30}},
        history="""2027-01-13 buy a 2000
                   2027-02-05 buy b 900
                   2027-03-12 refund b 90""",
        balance="810",
        ledger="earn+2000? earn+900? release+2000 expire-2000 release+900 refund-90",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_points_are_released_and_announced_on_their_day(row: Row) -> None:
    check_row(row)
