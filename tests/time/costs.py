"""What a due run costs, counted from its requests: so many members due among so many held.

``python -m tests.time.costs 2000 20000 100000`` prints the long form of it, on the embedded cloud.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from datetime import UTC, datetime
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from app import app
from chalicelib import settings
from chalicelib.domain import points
from chalicelib.domain.calendar import local_day
from chalicelib.domain.member import Head
from chalicelib.store import members, table
from chalicelib.store.table import Row
from chalicelib.telemetry import logger
from chalicelib.triggers import queue
from infra.local import tasks, template
from infra.local.cloud import started
from infra.local.table import create
from tests.metering import Bill, metered
from tests.shop import Shop, program
from tests.time.engine_world import on_engine

AT_ONCE = 25
NOW = datetime(2026, 6, 15, 3, tzinfo=UTC)


class Cost(msgspec.Struct, frozen=True):
    """One run: requests and units of everything it sent, and those of the members' own transactions."""

    held: int
    due: int
    bill: Bill

    @property
    def requests(self) -> int:
        return self.bill.round_trips

    @property
    def units(self) -> int:
        return self.bill.write_units

    @property
    def units_a_member(self) -> float:
        return sum(charge.table + charge.index for charge in self.bill.charges if "RUN#" not in charge.key) / self.due


@contextmanager
def shop(held: int, due: int) -> Iterator[Shop]:
    """A shop with ``held`` members, of whom ``due`` have points to be released today and the rest in a year.

    On the table that the settings name where it is the embedded cloud's, else on an engine in process.
    """
    rules = program(enrolment={"mode": "open"}, expiry={"policy": "none"}, tiers=None, referral=None)
    rules["program_id"] = f"held-{held}"
    with nullcontext() if settings.endpoint() else on_engine():
        made = Shop(rules)
        today = local_day(NOW, rules["time_zone"])
        heads = (waiting_for_release(number, today if number < due else today + 365) for number in range(held))
        put([members.head_row(made.program_id, head) for head in heads])
        yield made


def waiting_for_release(number: int, on: int) -> Head:
    head = replace(Head(member_id=f"m{number:06d}", enrolled_ms=0), version=1)
    return points.hold(head, 100, 0, on)


def put(rows: list[Row]) -> None:
    client = table.connection().client
    for start in range(0, len(rows), AT_ONCE):
        batch = [{"PutRequest": {"Item": row.serialize()}} for row in rows[start : start + AT_ONCE]]
        client.batch_write_item(RequestItems={settings.table_name(): batch})


def walked(now: datetime) -> Bill:
    """What a run of the schedule as of a moment sends, workers included."""
    waiting: list[queue.Task] = []
    with patch.object(queue, "send", waiting.extend), metered(table.connection().client) as bill:
        app.handler_map["due"](tasks.schedule_event(now), tasks.context("due"))
        while waiting:
            body = msgspec.json.encode(waiting.pop(0)).decode()
            message = {"MessageId": "1", "ReceiptHandle": "1", "Body": body}
            answer = app.handler_map["work"](tasks.queue_event([message]), tasks.context("work"))
            assert answer["batchItemFailures"] == []
    return bill


def run(held: int, due: int) -> Cost:
    """A run of the schedule as of NOW, to its end."""
    with shop(held, due) as made:
        bill = walked(NOW)
    released = sum("#CAUSE#release" in charge.key for charge in bill.charges)
    assert released == due, f"{made.program_id}: every member due was moved, once"
    return Cost(held, due, bill)


def measured(sizes: Sequence[int], due: int = 1_000) -> Iterator[Cost]:
    """Such a run in one shop after another of the embedded cloud, each shop on a table of its own."""
    with started() as cloud, patch.dict(os.environ, REGULARS_ENDPOINT=cloud.endpoint):
        for held in sizes:
            named = template.table(parameters={"TableName": f"held-{held}", "DeletionProtection": "false"})
            with (
                patch.dict(os.environ, REGULARS_TABLE=named.name),
                open(os.devnull, "w") as nothing,
                redirect_stdout(nothing),
            ):
                create(table.connection().client, named)
                cost = run(held, due)
                table.connection().client.delete_table(TableName=named.name)
            yield cost


def told(sizes: Sequence[int]) -> bool:
    """Prints the runs; answers whether all of them cost the same, give or take a tenth."""
    logger.setLevel("ERROR")
    print(f"{'members held':<16}{'due':>8}{'requests':>12}{'a member':>12}{'write units':>14}{'a member':>12}")
    runs = []
    for cost in measured(sizes):
        runs.append(cost)
        print(
            f"{cost.held:<16,}{cost.due:>8,}{cost.requests:>12,}{cost.requests / cost.due:>12.2f}"
            f"{cost.units:>14,}{cost.units / cost.due:>12.2f}",
            flush=True,
        )
    requests, units = [cost.requests for cost in runs], [cost.units for cost in runs]
    return max(requests) <= 1.1 * min(requests) and max(units) <= 1.1 * min(units)


if __name__ == "__main__":
    sys.exit(0 if told([int(size) for size in sys.argv[1:]]) else 1)
