"""The table's stream, as its watcher is given it: the changes of an hour in their order, some batches twice."""

from __future__ import annotations

import base64
import logging
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.proof.expressions import Item, changed
from tests.proof.line import Commit

BATCH = 100
REPEATED = 0.2


class Stream:
    """Keeps the last image of every item, for the stream tells what was before. ``alarms`` is what the watcher said."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.images: dict[tuple[str, str], Item] = {}
        self.records: list[dict[str, Any]] = []
        self.alarms: list[str] = []
        self.repeated = self.told = 0

    def take(self, commits: Iterable[Commit]) -> None:
        for commit in commits:
            for kind, part in commit.writes:
                key, after = self._after(kind, part)
                before = self.images.get(key)
                if after is None:
                    self.images.pop(key, None)
                else:
                    self.images[key] = after
                # What is new breaks no rule, and the function's filter holds it back.
                if before is not None and commit.doing is not None:
                    self._tell(before, after)

    def _after(self, kind: str, part: dict[str, Any]) -> tuple[tuple[str, str], Item | None]:
        named = part.get("Item") or part["Key"]
        key = (named["pk"]["S"], named["sk"]["S"])
        if kind == "Put":
            return key, part["Item"]
        if kind == "Delete":
            return key, None
        names, values = part.get("ExpressionAttributeNames", {}), part.get("ExpressionAttributeValues", {})
        return key, changed(part["UpdateExpression"], self.images.get(key, part["Key"]), names, values)

    def _tell(self, before: Item, after: Item | None) -> None:
        images = {"OldImage": _json(before)} | ({} if after is None else {"NewImage": _json(after)})
        number = f"{len(self.records):020d}"
        self.records.append(
            {
                "eventID": number,
                "eventName": "REMOVE" if after is None else "MODIFY",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"Keys": {}, "SequenceNumber": number, **images},
            }
        )

    def deliver(self, dice: random.Random) -> None:
        """Hands the watcher everything that happened; whatever it says is a difference."""
        with Hearing(self.alarms).listening():
            while self.records:
                batch = self.records[: dice.randrange(1, BATCH)]
                answer = self.app.handler_map["audit"]({"Records": batch}, None)
                if answer["batchItemFailures"]:
                    self.alarms.append("the watcher of the stream could not read a record")
                if dice.random() < REPEATED:
                    self.repeated += 1
                else:
                    self.told += len(batch)
                    del self.records[: len(batch)]


class Hearing(logging.Handler):
    """Keeps whatever the service's log calls an error."""

    def __init__(self, alarms: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._alarms = alarms

    @contextmanager
    def listening(self) -> Iterator[None]:
        from chalicelib.telemetry import logger

        log: Any = logger  # its own class passes what it lacks on to the standard library's
        log.addHandler(self)
        try:
            yield
        finally:
            log.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._alarms.append(f"{record.getMessage()}: {vars(record).get('rule')} of {vars(record).get('member')}")


def _json(item: Item) -> Item:
    """An image as a function is given it: bytes in base 64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if isinstance(value.get("B"), bytes) else value
        for name, value in item.items()
    }
