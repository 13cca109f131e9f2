"""Tiers by calendar year and for a lifetime."""

from __future__ import annotations

from typing import Any

import pytest

from tests.time.scenarios import Row, check_row, row

YEARS: dict[str, Any] = {"tiers": {"window": "calendar_year", "downgrade": "to_earned"}}
YEARS_GRACE: dict[str, Any] = {"tiers": {"window": "calendar_year", "downgrade": "to_earned", "grace_days": 31}}
LIFE: dict[str, Any] = {"tiers": {"window": "lifetime"}}

ROWS = [
    row(
        "calendar years: held to the end of the next",
        YEARS,
        """2026-06-10 buy a 500
           2027-12-31T23:59 run""",
        "gold 2027-12-31",
        500,
    ),
    row(
        "calendar years: assessed on the year before",
        YEARS,
        """2026-06-10 buy a 500
           2027-02-01 buy b 120
           2028-01-01T00:00 run""",
        "silver 2028-12-31",
        620,
        told="bronze>gold gold>silver",
    ),
    row(
        "calendar years: earned again in the second",
        YEARS,
        """2026-06-10 buy a 500
           2027-06-10 buy b 500
           2028-01-01 run""",
        "gold 2028-12-31",
        1000,
        told="bronze>gold gold=gold",
    ),
    row(
        "calendar years do not add up over midnight of New Year",
        YEARS,
        """2026-12-31T23:59 buy a 400
           2027-01-01T00:00 buy b 100""",
        "silver 2027-12-31",
        500,
    ),
    row(
        "calendar years add up to midnight of New Year",
        YEARS,
        """2026-01-06T00:00 buy a 400
           2026-12-31T23:59 buy b 100""",
        "gold 2027-12-31",
        500,
    ),
    row(
        "calendar years: rescued on the last day of grace by the running year",
        YEARS_GRACE,
        """2026-06-10 buy a 500
           2028-01-31T23:59 buy b 500
           2028-02-01 run""",
        "gold 2030-01-31",
        1000,
        told="bronze>gold gold=gold",
    ),
    row(
        "calendar years: after the grace it falls",
        YEARS_GRACE,
        """2026-06-10 buy a 500
           2028-01-31 run
           2028-02-01T00:00 run""",
        "bronze",
        500,
    ),
    row(
        "a lifetime adds up and never ends",
        LIFE,
        """2026-03-10 buy a 250
           2031-03-10 buy b 250
           2045-01-01 run""",
        "gold",
        500,
    ),
    row(
        "a lifetime's refund years later",
        LIFE,
        """2026-03-10 buy a 250
           2031-03-10 buy b 250
           2032-01-01 refund a 1""",
        "silver",
        499,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_year_or_a_lifetime_is_counted_as_one(row: Row) -> None:
    check_row(row)
