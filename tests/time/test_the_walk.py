"""The walk of what is due: whenever, however often and however broken it runs, the end is the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.actions import advance_member, redeem, settle_voucher, walk
from chalicelib.domain.advance import next_date
from chalicelib.domain.calendar import day_of
from chalicelib.domain.program_rules import check
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import keys, runs
from chalicelib.store.sealing import voucher_code
from chalicelib.store.table import Row
from tests.shop import program
from tests.time.life import LEVELS
from tests.time.world import World, nights, world

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
NIGHTS = 130
SHOP = check(
    program(
        enrolment={"mode": "open", "welcome_points": 30},
        earning={"points": 1, "per_amount": 1, "pending_days": 5, "birthday_points": 40, "anniversary_points": 20},
        expiry={"policy": "rolling", "months": 1, "notice_days": 10},
        tiers={"basis": "spend", "levels": LEVELS, "downgrade": "one_level"},
        rewards=[
            {
                "id": "tea",
                "name": "Tea",
                "kind": "free_product",
                "value": 200,
                "cost": 50,
                "points": 10,
                "valid_days": 20,
            }
        ],
        stamp_cards=[],
        referral=None,
    )
)


def populate(made: World) -> None:
    """Members with something to release, to announce, to lapse, to celebrate; and vouchers nobody uses."""
    for number in range(6):
        made.now = START
        member_id = made.enrol(f"m{number}", birthday=f"1990-02-{10 + number}" if number % 2 else None)
        for order in range(number + 1):
            made.now = START + timedelta(minutes=order)
            made.buy(member_id, 90 * (order + 1), f"{member_id}-{order}")
        if number % 3 == 0:
            redeem.redeem(made.call(), member_id, "tea", f"tea-{number}")


@contextmanager
def populated() -> Iterator[World]:
    with world(SHOP, START) as made:
        populate(made)
        yield made


def ended(live: Callable[[World], object]) -> dict[str, Any]:
    with populated() as made:
        live(made)
        made.run(nights(START, NIGHTS)[-1])
        assert not made.waiting
        return made.state()


@pytest.fixture(scope="module")
def clean() -> dict[str, Any]:
    """The state after one clean run in each night."""
    state = ended(lambda made: [made.run(night) for night in nights(START, NIGHTS)])
    kinds = {text.split()[0] for text in state if not text.startswith("(")}
    assert {"notice", "tier", "ENTRY", "SETTLED"} - {"tier"} <= kinds
    assert sum(entry[0] == "expire" for entry in state.values() if isinstance(entry, tuple)) >= 6
    return state


def test_run_twice_every_night(clean: dict[str, Any]) -> None:
    assert ended(lambda made: [made.run(night) for night in nights(START, NIGHTS) for _ in range(2)]) == clean


def test_run_late_by_a_week_each_time(clean: dict[str, Any]) -> None:
    assert ended(lambda made: [made.run(night) for night in nights(START, NIGHTS)[::7]]) == clean


def test_run_once_in_all_those_months(clean: dict[str, Any]) -> None:
    assert ended(lambda made: None) == clean


def test_run_out_of_order(clean: dict[str, Any]) -> None:
    shuffled = nights(START, NIGHTS)
    random.Random(4).shuffle(shuffled)
    assert ended(lambda made: [made.run(night) for night in shuffled]) == clean


def test_two_runs_that_overlap_member_by_member(clean: dict[str, Any]) -> None:
    def overlapping(made: World) -> None:
        real, inside = walk.load, False
        for night in nights(START, NIGHTS)[::3]:
            inside = False

            def load(wanted: Any, night: datetime = night) -> Any:
                nonlocal inside
                found = real(wanted)
                if not inside:
                    inside = True  # another run of the same night goes by between this one's reading and its writing
                    made.run(night)
                return found

            waiting = made.begin(night)
            with patch.object(walk, "load", load):
                while made.waiting:
                    made.work()
            record = runs.record(waiting)
            assert record is not None and record.failed == 0

    assert ended(overlapping) == clean


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_write(clean: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    killed = 0

    def dying(made: World) -> None:
        nonlocal killed
        real = made.memory.write
        for night in nights(START, NIGHTS)[::2]:
            left = chance.randrange(1, 40)

            def write(writes: Any) -> None:
                nonlocal left
                left -= 1
                if left == 0 and chance.random() < 0.5:
                    raise Killed  # before the write reached the table
                real(writes)
                if left == 0:
                    raise Killed  # after it did, and before anybody heard

            with patch.object(made.memory, "write", write):
                try:
                    made.run(night)
                except Killed:
                    killed += 1
                    made.waiting.clear()

    assert ended(dying) == clean
    assert killed > 10


def test_a_member_that_cannot_be_moved_is_set_aside_and_the_rest_go_on() -> None:
    with populated() as made:
        real = advance_member.advance

        def broken(head: Any, *rest: Any) -> Any:
            if head.member_id == "m2":
                raise RuntimeError("ann@example.com must never stand in a record")
            return real(head, *rest)

        with patch.object(advance_member, "advance", broken):
            record = made.run(START + timedelta(days=5))
        assert (record.due, record.done, record.failed) == (6, 5, 1)
        (aside,) = runs.those_aside(SHOP.program_id, None, 10)
        assert aside.member_id == "m2"
        assert aside.reason.startswith("RuntimeError at test_the_walk.py") and "example" not in aside.reason
        record = made.run(START + timedelta(days=6))
        assert (record.due, record.done, record.failed) == (1, 1, 0)
        assert runs.those_aside(SHOP.program_id, None, 10) == [], "moved after all"


def test_the_trouble_of_one_slice_stops_no_other() -> None:
    with populated() as made:
        shards = {keys.shard(f"m{number}") for number in range(6)}
        troubled = keys.shard("m1")
        real = walk.walk_slice

        def broken(piece: walk.Piece, has_time: walk.HasTime) -> walk.Walked:
            if piece.shard == troubled and made.failed_tasks < 2:
                raise RuntimeError
            return real(piece, has_time)

        with patch.object(walk, "walk_slice", broken):
            record = made.run(START + timedelta(days=5))
        assert made.failed_tasks == 2
        assert len(shards) > 1
        assert (record.done, record.failed, record.finished) == (6, 0, 16), "it came again, and was worked off"


def test_nobody_is_moved_before_midnight_in_the_programs_own_zone() -> None:
    with populated() as made:
        due_on = datetime(2026, 1, 15, tzinfo=UTC) - timedelta(hours=2)  # midnight in Helsinki
        assert made.run(due_on - timedelta(seconds=1)).due == 0
        assert made.run(due_on).done == 6


def test_an_unused_voucher_ends_and_a_used_one_only_leaves_the_index() -> None:
    with populated() as made:
        program_id = SHOP.program_id
        rows = [Row(**item) for item in made.memory.items.values() if item.get("t") == "VOUCHER"]
        assert len(rows) == 2
        code = voucher_code(program_id, rows[0].document(Voucher).origin)
        settle_voucher.use(made.call(), code, "order-1", None)
        made.run(START + timedelta(days=25))
        after = [Row(**item) for item in made.memory.items.values() if item.get("t") == "VOUCHER"]
        assert all(row.dpk is None for row in after), "nothing is due any more"
        ends = [Row(**item).document(Settled) for item in made.memory.items.values() if item.get("t") == "SETTLED"]
        assert sorted(end.outcome for end in ends) == ["expired", "used"]


def test_the_head_says_when_it_is_due_next_and_only_then_is_it_in_the_index() -> None:
    with populated() as made:
        made.run(START + timedelta(days=5))
        for number in range(6):
            head = made.head(f"m{number}")
            item = made.memory.items[keys.head(SHOP.program_id, head.member_id)]
            day = next_date(head)
            assert day is not None and item["dsk"] == f"{day_of(day)}#{SHOP.program_id}#{head.member_id}"
