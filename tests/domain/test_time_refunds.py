"""What a refund does to a tier: at once where it takes what had earned it, else at the window's end."""

from __future__ import annotations

import pytest

from tests.time.scenarios import ONE, Row, check_row, row

ROWS = [
    row(
        "a refund of the purchase that lifted is assessed at once",
        ONE,
        """2026-03-10 buy a 500
           2026-03-20 refund a 500""",
        "bronze",
        0,
        told="bronze>gold gold>bronze",
    ),
    row(
        "a refund down to exactly the threshold",
        ONE,
        """2026-03-10 buy a 700
           2026-03-20 refund a 200""",
        "gold 2027-03-31",
        500,
    ),
    row(
        "a refund one below it",
        ONE,
        """2026-03-10 buy a 700
           2026-03-20 refund a 201""",
        "silver 2027-03-31",
        499,
        told="bronze>gold gold>silver",
    ),
    row(
        "a refund falls back to the tier held before the lift",
        ONE,
        """2026-03-10 buy a 150
           2026-06-10 buy b 400
           2026-06-20 refund b 400""",
        "silver 2027-03-31",
        150,
        told="bronze>silver silver>gold gold>silver",
    ),
    row(
        "a refund of something bought after the lift waits for the window's end",
        ONE,
        """2026-03-10 buy a 500
           2026-06-10 buy b 300
           2026-06-20 refund b 300
           2027-03-31 run""",
        "gold 2027-03-31",
        500,
    ),
    row(
        "what was bought after the lift carries the tier when the lift is refunded",
        ONE,
        """2026-03-10 buy a 500
           2026-06-10 buy b 500
           2026-06-20 refund a 500""",
        "gold 2027-03-31",
        500,
    ),
    row(
        "a purchase that was refunded whole does not lengthen what a refund leaves",
        ONE,
        """2026-03-10 buy a 2000
           2026-06-10 buy b 2000
           2026-06-25 refund b 2000
           2026-07-15 refund a 1000""",
        "gold 2027-03-31",
        1000,
        told="bronze>platinum platinum>gold",
    ),
    row(
        "a refund of what renewed the tier is assessed at once too",
        ONE,
        """2026-03-10 buy a 500
           2026-12-10 buy b 500
           2027-04-02 refund b 500""",
        "bronze",
        500,
        told="bronze>gold gold=gold gold>bronze",
    ),
    row(
        "a refund takes nothing from a tier held by one level's mercy",
        ONE,
        """2026-03-10 buy a 500
           2026-12-10 buy b 50
           2027-04-02 refund b 50""",
        "silver 2028-03-31",
        500,
    ),
    row(
        "a refund of something from before the window changes nothing in it",
        ONE,
        """2026-03-10 buy a 2000
           2026-03-20 buy b 2000
           2026-12-01 buy c 440
           2027-04-02 refund b 2000""",
        "gold 2028-03-31",
        2440,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_refund_takes_the_tier_that_it_had_bought(row: Row) -> None:
    check_row(row)
