"""The same world over the store as it is, mapper and client included, down to the requests that DynamoDB would get."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse

from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.store import keys, members, table
from chalicelib.triggers import queue
from infra.local import template
from tests.memory import Memory
from tests.proof.engine import Engine
from tests.proof.line import answered
from tests.time.world import World

SETTINGS = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "REGULARS_ENDPOINT": "http://127.0.0.1:1",
    "REGULARS_SECRET": "only-for-tests-only-for-tests-only",
}


class EngineWorld(World):
    def __init__(self, engine: Engine, program: Program, start: datetime) -> None:
        self.engine = engine
        super().__init__(Memory(), program, start)

    def head(self, member_id: str) -> Head:
        key = keys.head(self.program.program_id, member_id)
        return members.head_of(table.load([key])[key])

    def anybody_before(self, place: str) -> bool:
        return any(part[0][0] < place for part in self.engine.indexes["due"].parts.values() if part)

    def forget_runs(self) -> None:
        """They stay; nobody looks through them."""


@contextmanager
def on_engine() -> Iterator[Engine]:
    """Inside, the store's requests are answered by an engine in this process."""
    engine = Engine(template.table().create)

    def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation, asked = event_name.rpartition(".")[2], json.loads(request.body)
        if operation == "GetItem":  # which only the meter asks
            item = engine.items.get((asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"]))
            return answered(request, 200, {} if item is None else {"Item": item})
        if operation == "BatchWriteItem":  # by which tests fill a table
            for put in (one["PutRequest"] for batch in asked["RequestItems"].values() for one in batch):
                engine.answer("PutItem", put)
            return answered(request, 200, {"UnprocessedItems": {}})
        return answered(request, *engine.answer(operation, asked))

    with patch.dict(os.environ, SETTINGS):
        events = table.connection().client.meta.events
        # The last of them: the first answer that is not None is taken, and the meter has looked by then.
        events.register_last("before-send.dynamodb", answer, unique_id="engine-world")
        try:
            yield engine
        finally:
            events.unregister("before-send.dynamodb", answer, unique_id="engine-world")


@contextmanager
def engine_world(program: Program, start: datetime) -> Iterator[World]:
    """A world on an engine of its own, which keeps conditions, transactions and indexes as DynamoDB does."""
    with on_engine() as engine:
        made = EngineWorld(engine, program, start)
        with patch.object(queue, "send", made.waiting.extend):
            yield made
