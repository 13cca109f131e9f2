"""Nights: the schedule that moves what time moves, run twice at once, and its queue, which delivers when it likes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from typing import Any

from tests.proof.doing import Op, Telling
from tests.proof.line import Crash
from tests.proof.service import Service
from tests.proof.stage import Stage

REDELIVERED, OUT_OF_TIME = 0.12, 0.05


class _Context:
    """A worker's: sometimes its time is over before it began."""

    function_name = "work"

    def __init__(self, left_ms: int) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class Nights:
    """``due`` are schedules that are to be run; what they send waits in the service's ``tasks``."""

    def __init__(self, stage: Stage, service: Service) -> None:
        self.stage, self.service = stage, service
        self.due: list[datetime] = []
        self.met: Counter[str] = Counter()

    def fall(self, times: int) -> None:
        """The hour's schedule fires, and maybe once more before it is over."""
        self.due += [self.stage.now()] * times
        self.met["schedule overlapping another"] += max(0, times - 1)
        self.met["schedule late"] += times == 0

    def work(self, dice: random.Random, *, always: bool = False) -> bool:
        """Runs a schedule or works off a delivery, where there is one and the seed says so."""
        if self.due and (always or dice.random() < 0.2):
            return self._begin(self.due.pop())
        if self.service.tasks and (always or dice.random() < 0.25):
            return self._deliver(dice)
        return False

    def _begin(self, as_of: datetime) -> bool:
        event = _event(as_of, f"{self.stage.random.randrange(1 << 32):08x}")
        self._as(as_of)
        try:
            self.service.app.handler_map["due"](event, _Context(300_000))
        except (Crash, Exception):  # it fires again, as a rule that failed does
            self.due.append(as_of)
            self.met["schedule run again after a fault"] += 1
        self._done()
        return True

    def _deliver(self, dice: random.Random) -> bool:
        from msgspec import json

        from chalicelib.triggers.queue import Task

        tasks = self.service.tasks
        body = tasks.pop(dice.randrange(len(tasks)))
        if dice.random() < REDELIVERED:
            tasks.append(body)
            self.met["delivery repeated"] += 1
        late = dice.random() < OUT_OF_TIME
        self.met["worker out of time"] += late
        event = {"Records": [_record(body)]}
        self._as(json.decode(body, type=Task).as_of)
        try:
            answer: Any = self.service.app.handler_map["work"](event, _Context(0 if late else 300_000))
            failed = bool(answer["batchItemFailures"])
        except Crash:
            failed = True
        if failed:
            tasks.append(body)
            self.met["delivery come again after a fault"] += 1
        self._done()
        return True

    def run_to_the_end(self, name: str) -> None:
        """Runs another schedule, with nothing in its way: ``metrics`` for the reports, ``prove`` for the balances."""
        self.service.app.handler_map[name](_event(self.stage.now(), "00000000"), _Context(300_000))
        while self.service.tasks:
            record = _record(self.service.tasks.pop())
            answer: Any = self.service.app.handler_map["work"]({"Records": [record]}, _Context(300_000))
            assert not answer["batchItemFailures"], record

    def _as(self, as_of: datetime) -> None:
        actor = self.stage.actor
        assert actor is not None
        op = Op("work", "", "", "", "", None, {}, None, as_of=as_of)
        actor.doing, actor.now = Telling(op), None

    def _done(self) -> None:
        actor = self.stage.actor
        assert actor is not None
        actor.doing = None


def _event(as_of: datetime, name: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"{name}-0000",
        "account": "0",
        "region": "local",
        "time": as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [],
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "detail": {},
    }


def _record(body: str) -> dict[str, Any]:
    record = {"messageId": "1", "receiptHandle": "1", "body": body, "attributes": {}, "messageAttributes": {}}
    return {**record, "eventSource": "aws:sqs"}
