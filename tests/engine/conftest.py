"""A shop on an engine with true transactions, called over HTTP as anybody would, so that threads meet for real.

The engine is the embedded cloud, started once for all tests of the session and stopped with it.
``REGULARS_TEST_ENDPOINT`` names another one (an address of DynamoDB's API, whose credentials are the environment's);
the table is made there, and removed at the end.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

import pytest

from app import app
from chalicelib.store import table
from infra.local import machine, template
from infra.local import table as tables
from infra.local.cloud import started
from infra.local.gateway import Server
from infra.local.schedules import Runner
from tests.shop import Reply, Shop, program

CONTENDERS = 16
TABLE = "regulars-engine-tests"
T = TypeVar("T")
_NUMBERS = count(1)


class EngineShop(Shop):
    """A shop of its own on the shared engine, whose calls may come from any thread."""

    def __init__(self, port: int, document: dict[str, Any]) -> None:
        self._port = port
        super().__init__({**document, "program_id": f"engine-{next(_NUMBERS)}"})

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        idem: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if key is not None:
            sent["Authorization"] = f"Bearer {key or self.storefront}"
        if idem is not None:
            sent["Idempotency-Key"] = idem
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, "/v1" + path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            text = answer.read()
            return Reply(answer.status, json.loads(text) if text else None, dict(answer.getheaders()))
        finally:
            connection.close()


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What each call answers, all of them let go at the same moment, each in a thread of its own."""
    gate = threading.Barrier(len(calls))

    def go(call: Callable[[], T]) -> T:
        gate.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(go, calls))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of the engine."""
    given = os.environ.get("REGULARS_TEST_ENDPOINT")
    if given:
        yield given
    else:
        with started() as cloud:
            yield cloud.endpoint


@pytest.fixture(scope="session")
def port(endpoint: str) -> Iterator[int]:
    """The port at which the app answers, over a table on the engine."""
    with pytest.MonkeyPatch.context() as patch:
        _on(endpoint, patch)
        client = table.connection().client
        tables.create(client, template.table(parameters={"TableName": TABLE, "DeletionProtection": "false"}))
        server = Server(machine.claim(0), app, Runner({}))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    with pytest.MonkeyPatch.context() as patch:
        _on(endpoint, patch)
        table.connection().client.delete_table(TableName=TABLE)


@pytest.fixture
def engine(endpoint: str, port: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EngineShop]:
    """Opens shops on the engine: ``engine()`` is the corner café, ``engine(tiers=…)`` one with other rules."""
    _on(endpoint, monkeypatch)
    return lambda **changes: EngineShop(port, program(**changes))


def _on(endpoint: str, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("REGULARS_ENDPOINT", endpoint)
    patch.setenv("REGULARS_TABLE", TABLE)
