"""The app behind the local gateway on a port of this machine, over a table in process."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalice.app import Chalice

from app import app
from infra.local import gateway, machine
from infra.local.schedules import Runner
from tests.fuzz.world import World, begun


class Served:
    """The app behind the local gateway, on a port."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port

    def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {"authorization": f"Bearer {self.world.shop.owner}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in {**sent, "content-length": str(len(body))}.items():
                connection.putheader(name, value.encode())
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def refused(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> dict[str, Any]:
        """The problem that such a request is answered with: never a fault of ours, and nothing was written."""
        before = self.world.written.count
        status, told, raw = self.ask(method, path, body, **headers)
        assert 400 <= status < 500, (status, raw)
        assert told["content-type"] == "application/problem+json", told
        problem: dict[str, Any] = json.loads(raw)
        assert {"type", "title", "status", "detail", "code"} <= set(problem)
        assert problem["status"] == status
        assert self.world.written.count == before
        return problem


@contextmanager
def serving() -> Iterator[Served]:
    kind: type[Chalice] = type(app)
    with begun() as world:
        server = gateway.Server(machine.claim(0), app, Runner({}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Served(world, server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            app.__class__ = kind
