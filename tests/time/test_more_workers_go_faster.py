"""The work is cut so that no worker waits for another: the more of them, the sooner a run is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from chalicelib.domain.calendar import local_day
from chalicelib.store import keys, members, runs, table
from tests.time import costs
from tests.time.engine_world import engine_world
from tests.time.life import rules
from tests.time.world import World

NOW = datetime(2026, 6, 15, 3, tzinfo=UTC)
SLICE = 2
LATENCY = 0.05
"""Seconds that a request to the table takes here; all else is short beside it."""


def seconds(workers: int) -> float:
    """A run over SLICE members in each slice, by so many workers at once."""
    with engine_world(rules(), NOW) as made:
        today = local_day(NOW, made.program.time_zone)
        costs.put([members.head_row(made.program.program_id, costs.waiting_for_release(n, today)) for n in spread()])
        run_id = made.begin(NOW)
        threads = [threading.Thread(target=work_off, args=(made,)) for _ in range(workers)]
        with on_the_way():
            begun = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.monotonic() - begun
        record = runs.record(run_id)
        assert record is not None
        assert (record.done, record.failed, record.finished) == (16 * SLICE, 0, 16)
        return took


def spread() -> list[int]:
    """Numbers of members, SLICE for each slice."""
    found: dict[int, list[int]] = {}
    for number in range(1_000):
        of_slice = found.setdefault(keys.shard(f"m{number:06d}"), [])
        if len(of_slice) < SLICE:
            of_slice.append(number)
    assert len(found) == 16
    return [number for of_slice in found.values() for number in of_slice]


@contextmanager
def on_the_way() -> Iterator[None]:
    """Each request takes its time; the engine itself answers one at a time."""
    events, one_at_a_time = table.connection().client.meta.events, threading.Lock()

    def leave(**_: object) -> None:
        time.sleep(LATENCY)
        one_at_a_time.acquire()

    def arrive(**_: object) -> None:
        one_at_a_time.release()

    events.register_first("before-send.dynamodb", leave, unique_id="leave")
    events.register_first("response-received.dynamodb", arrive, unique_id="arrive")
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb", leave, unique_id="leave")
        events.unregister("response-received.dynamodb", arrive, unique_id="arrive")


def work_off(made: World) -> None:
    while made.waiting:
        made.work()


def test_four_workers_take_less_than_half_of_the_time_of_one() -> None:
    assert seconds(4) < seconds(1) / 2
