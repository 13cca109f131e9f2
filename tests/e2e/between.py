"""Stands on loopback between the deployed functions and their table: passes everything on, and makes trouble when told.

The functions are sent here by a variable of the AWS client's own (AWS_ENDPOINT_URL_DYNAMODB); nothing of ours is
changed, and what they get for trouble is what DynamoDB would answer.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
Trouble = Callable[[str, bytes], str | None]
"""Says of an operation and its body what is to become of it: ``throttled``, ``conflict``, ``away`` (refused before it
did anything), ``lost`` (done, and its answer lost), or None: passed on."""


class Between(ThreadingHTTPServer):
    """``made`` counts the trouble that was made, by its kind."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.trouble: Trouble = lambda operation, body: None
        self.made: Counter[str] = Counter()
        self.address = f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def making(self, trouble: Trouble) -> Iterator[None]:
        self.trouble = trouble
        try:
            yield
        finally:
            self.trouble = lambda operation, body: None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was ended meanwhile hears nothing any more."""


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    server = Between(upstream)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # or Nagle's algorithm holds each answer back
    server: Between

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = str(self.headers["X-Amz-Target"]).rpartition(".")[2]
        trouble = self.server.trouble(operation, body)
        if trouble is not None:
            self.server.made[trouble] += 1
        if trouble in (None, "lost"):
            status, kind, answer = self._passed_on(body)
            if trouble is None:
                return self._send(status, kind, answer)
            self.close_connection = True  # it was done, and nobody hears of it
            return None
        status, problem = _refusal(str(trouble), operation, body)
        return self._send(status, "application/x-amz-json-1.0", json.dumps(problem).encode())

    def _passed_on(self, body: bytes) -> tuple[int, str, bytes]:
        place = urlsplit(self.server.upstream)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, kind: str, answer: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _refusal(trouble: str, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """What DynamoDB answers; a transaction says of each of its items why."""
    if trouble == "away":
        return 500, {"__type": NAMESPACE + "InternalServerError", "message": "away"}
    if operation == "TransactWriteItems":
        code = {"throttled": "ThrottlingError", "conflict": "TransactionConflict"}[trouble]
        reasons = [{"Code": code} for _ in json.loads(body)["TransactItems"]]
        return 400, {
            "__type": NAMESPACE + "TransactionCanceledException",
            "message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]",
            "CancellationReasons": reasons,
        }
    code = {"throttled": "ProvisionedThroughputExceededException", "conflict": "TransactionConflictException"}[trouble]
    return 400, {"__type": NAMESPACE + code, "message": "The level of configured throughput was exceeded."}
