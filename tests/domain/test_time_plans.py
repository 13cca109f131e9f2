"""When a paid plan is over: told once, on the day after the last that was paid, unless it was paid again by then."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain import merging
from chalicelib.domain.advance import next_date
from chalicelib.domain.calendar import day_of
from tests.time.life import Life, rules
from tests.time.scenarios import Row, check_row, row

CLUBS: dict[str, Any] = {
    "plans": [
        {"id": "club", "name": "Club", "percent": 200, "provider_prices": {"stripe": ["price_club"]}},
        {"id": "patron", "name": "Patron", "percent": 300, "provider_prices": {"stripe": ["price_patron"]}},
    ]
}

ROWS = [
    row(
        "held through its last day",
        CLUBS,
        """2026-05-01 paid club 2026-05-31
           2026-05-31T23:59 buy a 100""",
        None,
        200,
        told="",
    ),
    row(
        "over at midnight, and its percent with it",
        CLUBS,
        """2026-05-01 paid club 2026-05-31
           2026-06-01T00:00 buy a 100""",
        None,
        100,
        told="club-2026-05-31",
    ),
    row(
        "paid again in time it goes on",
        CLUBS,
        """2026-05-01 paid club 2026-05-31
           2026-05-31 paid club 2026-06-30
           2026-06-30T23:59 run""",
        None,
        0,
        told="",
    ),
    row(
        "paid again too late it ends twice",
        CLUBS,
        """2026-05-01 paid club 2026-05-31
           2026-06-03 paid club 2026-06-30
           2026-06-10 buy a 100
           2026-09-01 run""",
        None,
        200,
        told="club-2026-05-31 club-2026-06-30",
    ),
    row(
        "told late of what is over already",
        CLUBS,
        """2026-06-10 paid club 2026-05-31
           2026-06-11 run""",
        None,
        0,
        told="club-2026-05-31",
    ),
    row(
        "while another subscription pays for the same plan nothing ends",
        CLUBS,
        """2026-05-01 paid club 2026-05-31 s
           2026-05-01 paid club 2026-06-30 t
           2026-07-01 run""",
        None,
        0,
        told="club-2026-06-30",
    ),
    row(
        "two plans end on one day, each is told",
        CLUBS,
        """2026-05-01 paid club 2026-05-31 s
           2026-05-01 paid patron 2026-05-31 t
           2026-06-01 run""",
        None,
        0,
        told="club-2026-05-31 patron-2026-05-31",
    ),
    Row(
        name="a plan that the owner gave up ends untold",
        program=CLUBS,
        then={},
        history="""2026-05-01 paid club 2026-05-31
                   2026-05-10 rules
                   2026-06-01 run""",
        balance="0",
        told="",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_plan_is_held_as_long_as_it_was_paid(row: Row) -> None:
    check_row(row)


def test_the_next_date_is_the_day_after_the_last_one_paid() -> None:
    life = Life(rules(**CLUBS), "2026-01-05")
    assert next_date(life.head) is None
    life.live("2026-05-01 paid club 2026-05-31")
    assert day_of(next_date(life.head) or 0).isoformat() == "2026-06-01"
    life.live("2026-06-01T00:00 run")
    assert next_date(life.head) is None, "told, and nothing is due until it is paid again"


def test_two_accounts_that_become_one_are_not_told_again_of_plans_that_were_over() -> None:
    told, other = (Life(rules(**CLUBS), "2026-01-05") for _ in range(2))
    for life in (told, other):
        life.live("2026-05-01 paid club 2026-05-31" if life is told else "2026-05-01 paid patron 2026-07-31 t")
        life.live("2026-06-02 run")
    now = told.moment("2026-06-03")
    for source, target in ((told, other), (other, told)):
        one = merging.merge(
            source.head, target.head, told.program, 1, cause=("merge", "k"), fingerprint="f", now=now, booked_by="test"
        ).target
        assert day_of(next_date(one) or 0).isoformat() == "2026-08-01", "only the plan that is still held"
