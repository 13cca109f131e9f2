"""When the owner changes the rules, a walk assesses every member again, resumable, and keeps what was promised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from chalicelib.actions import merge, walk
from chalicelib.actions.assess_member import assess_member
from chalicelib.domain.calendar import day_of
from chalicelib.store import keys
from chalicelib.triggers import schedules
from tests.time.life import LEVELS, rules
from tests.time.scenarios import ONE
from tests.time.world import World, world

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
MEMBERS = 12
LOWERED = {
    "tiers": {"downgrade": "one_level", "levels": [{**one, "threshold": one["threshold"] // 10} for one in LEVELS]}
}


@contextmanager
def shop(**parts: Any) -> Iterator[World]:
    """Member m0 spent 10, m1 20, and so on."""
    with world(rules(**parts), START) as made:
        for number in range(MEMBERS):
            made.enrol(f"m{number}", birthday="1990-06-01" if number == 3 else None)
            made.buy(f"m{number}", 10 * (number + 1), f"o{number}")
        yield made


def levels(made: World) -> list[str | None]:
    heads = [made.head(f"m{number}") for number in range(MEMBERS)]
    return [head.tier.id if head.tier else None for head in heads]


def changed(made: World, after: dict[str, Any]) -> None:
    made.now = START + timedelta(days=1)
    made.change(rules(**after))


EXPECTED = ["silver"] * 4 + ["gold"] * 8


def test_every_member_is_assessed_by_the_next_run() -> None:
    with shop(**ONE) as made:
        assert levels(made) == ["bronze"] * 9 + ["silver"] * 3
        changed(made, LOWERED)
        assert levels(made) == ["bronze"] * 9 + ["silver"] * 3, "until the walk"
        made.run()
        assert levels(made) == EXPECTED
        assert keys.assessment(made.program.program_id) not in made.memory.items, "the walk is over"


def test_a_change_that_concerns_no_member_starts_no_walk() -> None:
    with shop(**ONE) as made:
        made.now = START + timedelta(days=1)
        made.change(msgspec.structs.replace(made.program, name="Another name"))
        assert keys.assessment(made.program.program_id) not in made.memory.items


def test_the_walk_goes_on_where_it_was_stopped() -> None:
    with (
        shop(**ONE) as made,
        patch.object(schedules, "MEMBERS_A_PAGE", 3),
        patch.object(schedules, "MEMBERS_A_TASK", 2),
    ):
        changed(made, LOWERED)

        class Hasty:
            asked = 0

            def get_remaining_time_in_millis(self) -> int:
                Hasty.asked += 1
                return 300_000 if Hasty.asked % 3 else 4_000

        made.begin()
        goes = 0
        while made.waiting:
            made.work(Hasty())
            goes += 1
        assert levels(made) == EXPECTED
        assert goes > 16 + 1 + 6


def test_a_walk_that_died_is_begun_again_by_the_next_run() -> None:
    with shop(**ONE) as made, patch.object(schedules, "MEMBERS_A_PAGE", 3):
        changed(made, LOWERED)
        made.begin()
        real, pages = walk.page_of_members, 0

        def dying(*asked: Any) -> Any:
            nonlocal pages
            pages += 1
            if pages == 2:
                raise RuntimeError("the worker died")
            return real(*asked)

        with patch.object(walk, "page_of_members", dying):
            while made.waiting and not made.failed_tasks:
                made.work()
        made.waiting.clear()  # as if its task had gone to the dead letters, and the first page's with it
        assert levels(made) != EXPECTED
        made.run(made.now + timedelta(hours=1))
        assert levels(made) == EXPECTED


def test_the_same_walk_twice_writes_nothing_the_second_time() -> None:
    with shop(**ONE) as made:
        changed(made, LOWERED)
        made.run()
        state = made.state()
        for number in range(MEMBERS):
            assert assess_member(made.program.program_id, f"m{number}", made.now, "test") == 0
        assert made.state() == state


def test_a_change_during_the_walk_is_walked_again() -> None:
    with shop(**ONE) as made:
        changed(made, LOWERED)
        made.begin()
        made.now += timedelta(minutes=1)
        made.change(rules(**ONE, expiry={"policy": "none", "notice_days": 5}))
        while made.waiting:
            made.work()
        assert keys.assessment(made.program.program_id) in made.memory.items, "the mark of the second change stays"
        made.run()
        assert keys.assessment(made.program.program_id) not in made.memory.items


def test_tiers_introduced_later_count_what_was_bought_and_what_is_bought_before_the_walk() -> None:
    with shop(tiers=None) as made:
        changed(made, ONE)
        made.buy("m0", 90, "late")
        assert levels(made) == [None] * MEMBERS
        made.run()
        assert levels(made) == ["silver"] + ["bronze"] * 8 + ["silver"] * 3


def test_a_tier_whose_window_ends_before_the_walk_waits_for_the_new_count() -> None:
    visits = [{**level, "threshold": number} for number, level in enumerate(LEVELS)]
    with shop(**ONE) as made:
        made.now = datetime(2027, 3, 31, 12, tzinfo=UTC)
        made.buy("m11", 1, "again")
        made.change(rules(tiers={"basis": "visits", "levels": visits, "downgrade": "to_earned"}))
        made.now = datetime(2027, 4, 1, 12, tzinfo=UTC)
        made.run()
        assert levels(made)[11] == "silver", "one visit in the last twelve months"


@pytest.mark.parametrize("given", [True, False])
def test_gifts_introduced_later_find_the_birthdays_that_were_told(given: bool) -> None:
    with shop(**ONE) as made:
        changed(made, {**ONE, "earning": {"birthday_points": 50 if given else 0}})
        made.run()
        on = made.head("m3").birthday_on
        assert (on is not None) == given
        assert on is None or day_of(on).isoformat() == "2026-06-01"


def test_accounts_that_counted_different_things_are_counted_anew_after_their_merge() -> None:
    visits = [{**level, "threshold": number} for number, level in enumerate(LEVELS)]
    with shop(**ONE) as made:
        changed(made, {"tiers": {"basis": "visits", "levels": visits}})
        assess_member(made.program.program_id, "m1", made.now, "test")  # the walk reached one of the two
        merge.merge(made.call(), "m1", "m2", "key")
        made.run()
        assert made.head("m1").counts == "vr"
        assert sum(made.head("m1").window.values()) == 2, "a visit of each account"
