"""What a due run costs, counted from its requests: so many members due among so many held.

``python -m tests.time.costs`` prints the long form of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from app import app
from chalicelib.domain import points
from chalicelib.domain.calendar import local_day
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Head
from chalicelib.store import members, table
from chalicelib.store.table import Row
from chalicelib.triggers import queue
from infra.local import tasks
from tests.metering import Bill, metered
from tests.shop import Shop, opened, program

NOW = datetime(2026, 6, 15, 3, tzinfo=UTC)
AT_ONCE = 25


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
    """A shop with ``held`` members, of whom ``due`` have points to be released today and the rest in a year."""
    rules = program(enrolment={"mode": "open"}, expiry={"policy": "none"}, tiers=None, referral=None)
    with opened(rules) as made:
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
        client.batch_write_item(RequestItems={"regulars": batch})


def run(held: int, due: int) -> Cost:
    """A run of the schedule as of today, to its end."""
    waiting: list[queue.Task] = []
    with shop(held, due) as made, patch.object(queue, "send", waiting.extend):
        with metered(table.connection().client) as bill:
            app.handler_map["due"](tasks.schedule_event(NOW), tasks.context("due"))
            while waiting:
                body = msgspec.json.encode(waiting.pop(0)).decode()
                message = {"MessageId": "1", "ReceiptHandle": "1", "Body": body}
                answer = app.handler_map["work"](tasks.queue_event([message]), tasks.context("work"))
                assert answer["batchItemFailures"] == []
        released = [row.document(Entry) for row in Row.scan() if row.t == "ENTRY"]
        assert len(released) == due, f"{made.program_id}: every member due was moved, once"
    return Cost(held, due, bill)


def main() -> None:
    print(f"{'held':>8} {'due':>6} {'requests':>9} {'a member':>9} {'units':>7} {'a member':>9}")
    for held in (2_000, 20_000, 100_000):
        cost = run(held, 1_000)
        print(
            f"{held:>8} {cost.due:>6} {cost.requests:>9} {cost.requests / cost.due:>9.2f} {cost.units:>7} "
            f"{cost.units_a_member:>9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
