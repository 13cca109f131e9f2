"""The record of a run tells everything once, wherever its workers were killed and however often they came again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.actions import advance_member, walk
from chalicelib.store import keys, runs
from chalicelib.triggers import queue
from tests.time.test_the_walk import SHOP, START, Killed, populated
from tests.time.world import World

DUE = START + timedelta(days=25)
"""Everybody has points to release by then, some a birthday, and two vouchers end."""


class Unhurried:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class Hasty:
    """A function's context whose time is over after every second question."""

    def __init__(self) -> None:
        self.asked = 0

    def get_remaining_time_in_millis(self) -> int:
        self.asked += 1
        return 300_000 if self.asked % 2 else 4_000


@contextmanager
def crowded() -> Iterator[World]:
    """All members in one slice, three to a page, and one of them cannot be moved."""
    real = advance_member.advance

    def broken(head: Any, *rest: Any) -> Any:
        if head.member_id == "m2":
            raise RuntimeError
        return real(head, *rest)

    with (
        patch.object(keys, "shard", lambda _: 3),
        patch.object(walk, "PAGE", 3),
        patch.object(advance_member, "advance", broken),
        populated() as made,
    ):
        yield made


def told(run_id: str) -> tuple[int, ...]:
    record = runs.record(run_id)
    assert record is not None
    return record.due, record.done, record.failed, record.finished, record.slices


def worked_off(made: World, context: Any, dies_at: int = 0, after: bool = False) -> tuple[str, int]:
    """A run as of DUE, whose worker dies at the write of a number (0: never). Answers the run and its writes."""
    run_id = made.begin(DUE)
    real, written = made.memory.write, 0

    def write(writes: Any) -> None:
        nonlocal written
        written += 1
        if written == dies_at and not after:
            raise Killed
        real(writes)
        if written == dies_at:
            raise Killed

    with patch.object(made.memory, "write", write):
        redelivered(made, context)
    return run_id, written


def redelivered(made: World, context: Any) -> None:
    """Works off what waits; a task whose worker was killed comes again, as the queue brings back what nobody said was
    done."""
    while made.waiting:
        task = made.waiting[0]
        try:
            made.work(context)
        except Killed:
            made.waiting.append(task)


@pytest.mark.parametrize("context", [Unhurried, Hasty])
@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_a_worker_killed_at_any_write_takes_nothing_from_the_record(context: Any, after: bool) -> None:
    with crowded() as made:
        run_id, writes = worked_off(made, context())
        clean, state = told(run_id), made.state()
    assert clean == (8, 7, 1, 16, 16)
    assert writes > 20
    for dies_at in range(1, writes + 1):
        with crowded() as made:
            run_id, _ = worked_off(made, context(), dies_at, after)
            assert told(run_id) == clean, f"killed at write {dies_at}"
            assert made.state() == state, f"killed at write {dies_at}"


def test_a_worker_stops_before_its_time_is_over_and_another_goes_on() -> None:
    goes = []
    real = walk.walk_slice

    def counted(piece: walk.Piece, has_time: walk.HasTime) -> walk.Walked:
        goes.append(piece.go)
        return real(piece, has_time)

    with crowded() as made, patch.object(walk, "walk_slice", counted):
        run_id, _ = worked_off(made, Hasty())
        assert told(run_id) == (8, 7, 1, 16, 16)
    assert max(goes) >= 3, "the slice was handed on, and again"


def test_a_worker_killed_between_handing_on_and_saying_so_hands_on_the_same() -> None:
    real = queue.send
    sent: list[list[queue.Task]] = []

    with crowded() as made:
        run_id = made.begin(DUE)

        def send(tasks: list[queue.Task]) -> None:
            made.waiting.extend(tasks)
            sent.append(tasks)
            if len(sent) == 1:
                raise Killed

        with patch.object(queue, "send", send):
            redelivered(made, Hasty())
        assert sent[0] in sent[1:], "the same task, twice"
        assert told(run_id) == (8, 7, 1, 16, 16)
    assert queue.send is real


def test_a_task_delivered_again_after_it_was_done_writes_nothing() -> None:
    with crowded() as made:
        run_id = made.begin(DUE)
        again = list(made.waiting)
        while made.waiting:
            made.work()
        state, commits = made.state(), made.memory.commits
        made.waiting.extend(again)
        while made.waiting:
            made.work()
        assert (made.state(), made.memory.commits) == (state, commits)
        assert told(run_id) == (8, 7, 1, 16, 16)


def test_while_a_page_is_being_moved_the_record_says_so() -> None:
    seen: list[tuple[int, ...]] = []
    real = walk._move
    with crowded() as made:
        run_id = made.begin(DUE)

        def moving(*given: Any) -> None:
            seen.append(told(run_id))
            real(*given)

        with patch.object(walk, "_move", moving):
            while made.waiting:
                made.work()
    assert [one[:2] for one in seen] == [(3, 0)] * 3 + [(6, 2)] * 3 + [(8, 5)] * 2, "one of the first page failed"


def test_who_is_not_due_yet_further_west_is_read_once_and_moved_when_their_day_begins() -> None:
    """Their program once, not their heads: a page of them costs the index alone."""
    asked: list[list[keys.Key]] = []
    real = walk.load
    with crowded() as made:
        midnight = datetime(2026, 1, 15, tzinfo=UTC) - timedelta(hours=2)

        def load(wanted: Any) -> Any:
            asked.append(list(wanted))
            return real(asked[-1])

        with patch.object(walk, "load", load):
            record = made.run(midnight - timedelta(seconds=1))
        assert (record.due, len(asked)) == (0, 1), "six members on two pages, the first of them read"
        assert made.run(midnight).due == 6
        assert SHOP.time_zone == "Europe/Helsinki"
