"""How tiers are reached, held, kept, lowered and lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.time.scenarios import EARNED, KEEP, ONE, VISITS, Row, check_row, row

GRACE: dict[str, Any] = {"tiers": {"downgrade": "one_level", "grace_days": 30}}
POINTS: dict[str, Any] = {"tiers": {"basis": "points"}}


ROWS = [
    row("the threshold exactly met", ONE, "2026-03-10 buy a 500", "gold 2027-03-31", 500, told="bronze>gold"),
    row("one below the threshold", ONE, "2026-03-10 buy a 499", "silver 2027-03-31", 499),
    row("up by two levels at once", ONE, "2026-03-10 buy a 700", "gold 2027-03-31", 700, told="bronze>gold"),
    row("up by three levels at once", ONE, "2026-03-10 buy a 2000", "platinum 2027-03-31", 2000),
    row(
        "a year and a day are no year",
        ONE,
        """2026-04-01 buy a 400
           2027-04-01 buy b 100""",
        "silver 2027-04-30",
        500,
    ),
    row(
        "twelve months, both ends counted",
        ONE,
        """2026-04-02 buy a 400
           2027-04-01 buy b 100""",
        "gold 2028-04-30",
        500,
        told="bronze>silver silver>gold",
    ),
    row(
        "the window's edge at midnight, just inside",
        ONE,
        """2026-04-02T00:00 buy a 400
           2027-04-01T23:59:59 buy b 100""",
        "gold 2028-04-30",
        500,
    ),
    row(
        "the window's edge at midnight, just outside",
        ONE,
        """2026-04-01T23:59:59 buy a 400
           2027-04-01T00:00 buy b 100""",
        "silver 2027-04-30",
        500,
    ),
    row(
        "midnight is the shop's, not the server's",
        {**ONE, "time_zone": "America/New_York"},
        """2026-04-01T23:30 buy a 400
           2027-04-01T23:30 buy b 100""",
        "silver 2027-04-30",
        500,
    ),
    row(
        "the window over the days on which the clocks change",
        ONE,
        """2026-10-25T02:30 buy a 400
           2027-10-24T23:59 buy b 100""",
        "gold 2028-10-31",
        500,
    ),
    row(
        "held to the end of the twelfth month",
        ONE,
        """2026-03-10 buy a 500
           2027-03-31T23:59 run""",
        "gold 2027-03-31",
        500,
    ),
    row(
        "and lowered by one level at midnight",
        ONE,
        """2026-03-10 buy a 500
           2027-04-01T00:00 run""",
        "silver 2028-03-31",
        500,
        told="bronze>gold gold>silver",
    ),
    row(
        "lowered to what is earned",
        EARNED,
        """2026-03-10 buy a 500
           2027-04-01 run""",
        "bronze",
        500,
        told="bronze>gold gold>bronze",
    ),
    row(
        "lowered to what is earned, where that is something",
        EARNED,
        """2026-03-10 buy a 2500
           2026-12-10 buy b 150
           2027-04-01 run""",
        "silver 2028-03-31",
        2650,
        told="bronze>platinum platinum>silver",
    ),
    row(
        "one level down is not below what is earned",
        ONE,
        """2026-03-10 buy a 2500
           2026-12-10 buy b 600
           2027-04-01 run""",
        "gold 2028-03-31",
        3100,
    ),
    row(
        "never lowered",
        KEEP,
        """2026-03-10 buy a 500
           2035-04-01 run""",
        "gold",
        500,
        told="bronze>gold",
    ),
    row(
        "still earned: held for another twelve months",
        ONE,
        """2026-03-10 buy a 500
           2026-12-10 buy b 500
           2027-04-01 run""",
        "gold 2028-03-31",
        1000,
        told="bronze>gold gold=gold",
    ),
    row(
        "still earned by exactly the threshold, a day's purchase on the window's first day",
        ONE,
        """2026-03-10 buy a 500
           2026-04-01 buy b 500
           2027-04-01 run""",
        "gold 2028-03-31",
        1000,
    ),
    row(
        "not earned again by a purchase a day before the window",
        ONE,
        """2026-03-10 buy a 500
           2026-03-31 buy b 500
           2027-04-01 run""",
        "silver 2028-03-31",
        1000,
    ),
    row(
        "the purchase that lifted counts once for the time after it",
        ONE,
        """2026-03-31 buy a 500
           2027-04-01 run""",
        "silver 2028-03-31",
        500,
    ),
    row(
        "down a level each year",
        ONE,
        """2026-03-10 buy a 2000
           2027-04-01 run
           2028-04-01 run
           2029-04-01 run""",
        "bronze",
        2000,
        told="bronze>platinum platinum>gold gold>silver silver>bronze",
    ),
    row(
        "down a level each year, by one run that is years late",
        ONE,
        """2026-03-10 buy a 2000
           2029-04-05 run""",
        "bronze",
        2000,
        told="bronze>platinum platinum>gold gold>silver silver>bronze",
    ),
    row(
        "grace holds the tier thirty days longer",
        GRACE,
        """2026-03-10 buy a 500
           2027-04-30T23:59 run""",
        "gold 2027-04-30",
        500,
    ),
    row(
        "after the grace it falls",
        GRACE,
        """2026-03-10 buy a 500
           2027-05-01T00:00 run""",
        "silver 2028-05-30",
        500,
    ),
    row(
        "rescued on the last day of grace",
        GRACE,
        """2026-03-10 buy a 500
           2027-04-30T23:59 buy b 500
           2027-05-01 run""",
        "gold 2028-05-30",
        1000,
        told="bronze>gold gold=gold",
    ),
    row(
        "a day too late to be rescued: fallen, and lifted anew",
        GRACE,
        """2026-03-10 buy a 500
           2027-05-01T00:00 buy b 500""",
        "gold 2028-06-30",
        1000,
        told="bronze>gold gold>silver silver>gold",
    ),
    row(
        "reached on a leap day, held to the 28th",
        ONE,
        """2028-02-29 buy a 500
           2029-02-28T23:59 run""",
        "gold 2029-02-28",
        500,
    ),
    row(
        "reached in the February before a leap day, held through it",
        ONE,
        """2027-02-28 buy a 500
           2028-02-29 run""",
        "gold 2028-02-29",
        500,
    ),
    row(
        "reached on a 31st, held to a 30th never: the month is the same",
        ONE,
        """2026-01-31 buy a 500
           2027-01-31 run""",
        "gold 2027-01-31",
        500,
    ),
    row(
        "redeeming lowers nothing",
        POINTS,
        """2026-03-10 buy a 500
           2026-03-11 redeem 500
           2026-06-11 run""",
        "gold 2027-03-31",
        0,
        told="bronze>gold",
    ),
    row(
        "redeemed points count as earned when the window ends",
        POINTS,
        """2026-03-10 buy a 500
           2026-12-10 buy b 500
           2026-12-11 redeem 1000
           2027-04-01 run""",
        "gold 2028-03-31",
        0,
    ),
    row(
        "visits count purchases, however small",
        VISITS,
        """2026-03-10 buy a 1
           2026-03-10T13:00 buy b 1""",
        "silver 2027-03-31",
        2,
    ),
    row(
        "a visit refunded whole was none",
        VISITS,
        """2026-03-10 buy a 10
           2026-03-11 buy b 10
           2026-03-12 refund b 10""",
        "bronze",
        10,
    ),
    row(
        "a visit refunded in part stays one",
        VISITS,
        """2026-03-10 buy a 10
           2026-03-11 buy b 10
           2026-03-12 refund b 9""",
        "silver 2027-03-31",
        11,
    ),
    row(
        "a sale told late counts on its own day",
        ONE,
        """2026-03-10 buy a 400
           2026-05-10 buy b 100 2026-02-01T12:00""",
        "gold 2027-03-31",
        500,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_tier_is_held_as_long_as_it_was_promised(row: Row) -> None:
    check_row(row)
