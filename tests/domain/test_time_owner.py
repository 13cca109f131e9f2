"""What an owner's change of the tiers does to those who hold one: never lower before its day, higher at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.time.life import LEVELS
from tests.time.scenarios import EARNED, KEEP, ONE, VISITS, Row, check_row, row

LIFE: dict[str, Any] = {"tiers": {"window": "lifetime"}}
RAISED = [{**level, "threshold": level["threshold"] * 10} for level in LEVELS]
LOWERED = [{**level, "threshold": level["threshold"] // 10} for level in LEVELS]
WITHOUT_GOLD = [level for level in LEVELS if level["id"] != "gold"]

ROWS = [
    row(
        "thresholds raised: held to the window's end, then assessed by the new ones",
        ONE,
        """2026-03-10 buy a 500
           2026-05-01 rules
           2027-03-31 run""",
        "gold 2027-03-31",
        500,
        then={"tiers": {"downgrade": "one_level", "levels": RAISED}},
    ),
    row(
        "thresholds raised, after the window's end",
        EARNED,
        """2026-03-10 buy a 500
           2026-05-01 rules
           2026-12-01 buy b 999
           2027-04-01 run""",
        "bronze",
        1499,
        then={"tiers": {"downgrade": "to_earned", "levels": RAISED}},
    ),
    row(
        "thresholds lowered: lifted by the walk",
        ONE,
        """2026-03-10 buy a 60
           2026-05-01 rules""",
        "gold 2027-05-31",
        60,
        then={"tiers": {"downgrade": "one_level", "levels": LOWERED}},
        told="bronze>gold",
    ),
    row(
        "a level is no more: held as the next higher one, to the same day",
        ONE,
        """2026-03-10 buy a 500
           2026-05-01 rules""",
        "platinum 2027-03-31",
        500,
        then={"tiers": {"downgrade": "one_level", "levels": WITHOUT_GOLD}},
        told="bronze>gold gold>platinum",
    ),
    row(
        "from spend to visits: counted anew, the tier kept to its day",
        ONE,
        """2026-03-10 buy a 500
           2026-03-11 buy b 1
           2026-05-01 rules
           2027-04-01 run""",
        "silver 2028-03-31",
        501,
        then={"tiers": {**VISITS["tiers"], "downgrade": "one_level"}},
    ),
    row(
        "from spend to visits: many small purchases lift at once",
        ONE,
        """2026-03-10 buy a 1
           2026-03-11 buy b 1
           2026-03-12 buy c 1
           2026-03-13 buy d 1
           2026-05-01 rules""",
        "gold 2027-05-31",
        4,
        then=VISITS,
    ),
    row(
        "tiers are introduced: what was bought before counts",
        {},
        """2026-03-10 buy a 500
           2026-05-01 rules""",
        "gold 2027-05-31",
        500,
        then=ONE,
        told="None>bronze bronze>gold",
    ),
    row(
        "what is counted anew knows of refunds",
        {},
        """2026-03-10 buy a 500
           2026-03-11 refund a 1
           2026-05-01 rules""",
        "silver 2027-05-31",
        499,
        then=ONE,
    ),
    row(
        "from never to one level: a window begins with the change",
        KEEP,
        """2026-03-10 buy a 500
           2028-05-10 rules
           2029-05-31 run""",
        "gold 2029-05-31",
        500,
        then=ONE,
    ),
    row(
        "from twelve months to a lifetime: held, and at its day for ever",
        ONE,
        """2026-03-10 buy a 500
           2026-05-10 rules
           2040-01-01 run""",
        "gold",
        500,
        then=LIFE,
    ),
    row(
        "tiers are given up: held to the window's end",
        ONE,
        """2026-03-10 buy a 500
           2026-05-10 rules
           2027-03-31 run""",
        "gold 2027-03-31",
        500,
        then={},
    ),
    row(
        "tiers are given up, after the window's end",
        ONE,
        """2026-03-10 buy a 500
           2026-05-10 rules
           2027-04-01 run""",
        None,
        500,
        then={},
        told="bronze>gold gold>None",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_an_owners_change_keeps_every_tier_to_its_day(row: Row) -> None:
    check_row(row)
