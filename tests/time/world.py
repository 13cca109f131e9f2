"""A program with its schedule, queue and workers on a table in memory: years of nights in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from app import app
from chalicelib.actions import earn, enrol, govern
from chalicelib.actions.admission import Call, Credential, enter
from chalicelib.domain.calendar import day_of
from chalicelib.domain.history import Event
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact, Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Sale
from chalicelib.store import due, entries, keys, members, runs, vouchers
from chalicelib.store.table import Row, Write
from chalicelib.triggers import queue
from infra.local import tasks
from tests.memory import Memory, remembered

Item = dict[str, Any]


class World:
    """One program; ``now`` is when it is. Tasks wait in ``waiting`` until a worker takes them."""

    def __init__(self, memory: Memory, program: Program, start: datetime) -> None:
        self.memory, self.program, self.now = memory, program, start
        self.waiting: list[queue.Task] = []
        self.failed_tasks = 0
        govern.create_program(program, key_id="k", key_secret="s", call=self.call())

    def call(self) -> Call:
        credential = Credential(program_id=self.program.program_id, agent="operator", roles=frozenset({"owner"}))
        return Call(credential=credential, now=self.now)

    def enrol(self, member_id: str, **contact: Any) -> str:
        given = Contact(email=f"{member_id}@example.com", **contact)
        return enrol.enrol(self.call(), enrol.Joining(contact=given), member_id).head.member_id

    def buy(self, member_id: str, total: int, order_id: str) -> None:
        sale = Sale(total=total, currency="EUR")
        earn.earn(self.call(), earn.Order(order_id=order_id, sale=sale, fingerprint=order_id, member_id=member_id))

    def change(self, then: Program) -> None:
        seen = enter(self.call().credential)
        govern.replace_program(self.call(), seen.version, then)
        self.program = then

    def run(self, as_of: datetime | None = None) -> runs.Record:
        """The schedule as of a moment, and the workers until nothing waits."""
        run_id = self.begin(as_of)
        while self.waiting:
            self.work()
        record = runs.record(run_id)
        assert record is not None
        return record

    def night(self) -> int:
        """A run where the index has anybody due, which is all that a run would find; answers how many it moved."""
        today = f"{self.now.astimezone(ZoneInfo(self.program.time_zone)):%Y-%m-%d}~"
        if not self.anybody_before(today):
            return 0
        record = self.run()
        assert record.failed == 0
        self.forget_runs()
        return record.done

    def anybody_before(self, place: str) -> bool:
        """Whether the due index holds anything before a place."""
        return any((item.get("dsk") or "~") < place for item in self.memory.items.values())

    def forget_runs(self) -> None:
        for key in [key for key in self.memory.items if key[0].startswith("RUN#")]:
            del self.memory.items[key]  # as its time to live would

    def begin(self, as_of: datetime | None = None) -> str:
        event = tasks.schedule_event(as_of or self.now)
        return str(app.handler_map["due"](event, tasks.context("due"))["run_id"])

    def work(self, context: Any = None) -> None:
        """One worker takes the task that waited longest; one that fails comes again later."""
        import msgspec

        task = self.waiting.pop(0)
        body = msgspec.json.encode(task).decode()
        message = {"MessageId": "1", "ReceiptHandle": "1", "Body": body}
        answer = app.handler_map["work"](tasks.queue_event([message]), context or tasks.context("work"))
        if answer["batchItemFailures"]:
            self.failed_tasks += 1
            self.waiting.append(task)

    def head(self, member_id: str) -> Head:
        return members.head_of(next(self.memory.rows([keys.head(self.program.program_id, member_id)])))

    def state(self) -> dict[str, Any]:
        """Everything that time decides, without what differs from run to run: versions, when it was booked, by whom."""
        found: dict[str, Any] = {}
        for key, item in self.memory.items.items():
            row = Row(**item)
            if row.t == "HEAD":
                found[str(key)] = replace(members.head_of(row), version=0)
            elif row.t == "EVENT":
                event = row.document(Event)
                found[f"{event.what} {event.member_id} {event.occurred_ms} {event.sequence}"] = replace(
                    event, cause=("", ""), booked_by="", booked_ms=0
                )
            elif row.t in ("ENTRY", "PURCHASE", "REFUND", "VOUCHER", "SETTLED") and row.d:
                entry = row.document(Entry)
                found[f"{row.t} {entry.member_id} {entry.sequence} {entry.kind} {entry.cause[1].partition('/')[0]}"] = (
                    entry.kind,
                    entry.points,
                    entry.status,
                    entry.balance_after,
                    entry.occurred_ms,
                    entry.reason,
                )
        return found


@contextmanager
def world(program: Program, start: datetime) -> Iterator[World]:
    """A world of its own, indexes included: what the store would ask an index is looked up in the items."""
    with remembered() as memory, ExitStack() as patched:

        def rows(test: Callable[[Item], bool], place: str) -> list[Row]:
            found = [item for item in memory.items.values() if item.get(place) is not None and test(item)]
            return [Row(**item) for item in sorted(found, key=lambda item: str(item[place]))]

        index: dict[str, list[str]] = {}
        seen = -1

        def page(shard: int, last_day: int, after: str | None, limit: int) -> list[due.Due]:
            nonlocal index, seen
            if seen != memory.commits:
                seen, index = memory.commits, {}
                for item in memory.items.values():
                    if item.get("dpk") is not None:
                        index.setdefault(item["dpk"], []).append(item["dsk"])
            bound = f"{day_of(last_day + 1)}"
            mine = [place for place in index.get(keys.due_slice(shard), []) if (after or "") < place < bound]
            return [due.standing(place) for place in sorted(mine)[:limit]]

        def statement(program_id: str, member_id: str, before: int | None, limit: int, kind: str = "") -> list[Row]:
            spk, _ = keys.statement_of_member(program_id, member_id, 0)
            mine = rows(lambda item: item.get("spk") == spk, "ssk")[::-1]
            return [row for row in mine if before is None or row.ssk < f"{before:010d}"][:limit]

        def directory(program_id: str, start: str, after: str | None, limit: int) -> tuple[list[str], str | None]:
            npk, _ = keys.directory(program_id, None, "")
            mine = [row.nsk for row in rows(lambda item: item.get("npk") == npk, "nsk") if row.nsk > (after or "")]
            places = mine[:limit]
            return [place.rpartition("#")[2] for place in places], places[-1] if len(mine) > limit else None

        def aside(program_id: str, after: str | None, limit: int) -> list[runs.Aside]:
            pk, _ = keys.set_aside(program_id, "")
            return [row.document(runs.Aside) for row in rows(lambda item: item["pk"] == pk, "sk")]

        def record(run_id: str) -> runs.Record | None:
            pk, _ = keys.run(run_id)
            with patch.object(Row, "query", lambda *_, **__: rows(lambda item: item["pk"] == pk, "sk")):
                return real_record(run_id)

        real_record = runs.record
        marked = "dpk"
        for room, name, function in (
            (due, "page", page),
            (due, "marked_programs", lambda: [
                row.dsk.partition("#")[2] for row in rows(lambda item: item["dpk"] == keys.DUE_PROGRAMS, marked)
            ]),
            (entries, "statement", statement),
            (members, "directory_page", directory),
            (runs, "those_aside", aside),
            (runs, "record", record),
            (runs, "connection", lambda: None),
            (vouchers, "note", lambda row, actions: memory.write([Write(row, actions=tuple(actions))])),
        ):  # fmt: skip
            patched.enter_context(patch.object(room, name, function))
        made = World(memory, program, start)
        patched.enter_context(patch.object(queue, "send", made.waiting.extend))
        yield made


def nights(first: datetime, count: int) -> list[datetime]:
    """Three in the morning UTC, night after night."""
    begin = first.astimezone(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
    return [begin + timedelta(days=number) for number in range(1, count + 1)]
