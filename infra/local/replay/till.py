"""The HTTP client of the replay: keep-alive, one connection a thread, every request timed."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from infra.local.trouble import Trouble

ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    status: int
    replayed: bool
    body: Any


@dataclass
class Till:
    """The running service, called with one key. ``calls`` counts by kind of call and status."""

    address: str
    key: str
    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "none")

    def __post_init__(self) -> None:
        self._mine = threading.local()
        self._lock = threading.Lock()

    def call(
        self, kind: str, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request under /v1; ``kind`` is its name in the figures. Bytes are sent as they are."""
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = self._connection()
        started = time.perf_counter()
        try:
            connection.request(method, f"/v1{path}", raw, sent)
            answered = connection.getresponse()
            content = answered.read()
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(f"The service did not answer {method} /v1{path}: {type(error).__name__} {error}") from error
        self._note(kind, answered.status, time.perf_counter() - started)
        replayed = answered.getheader("Idempotent-Replayed") == "true"
        return Answer(answered.status, replayed, json.loads(content) if content else None)

    def pages(self, kind: str, path: str) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        cursor = None
        while True:
            more = f"&cursor={cursor}" if cursor else ""
            page = self.call(kind, "GET", f"{path}?limit=100{more}")
            if page.status != 200:
                raise Trouble(f"GET /v1{path} answered {page.status} {page.body}")
            items += page.body["items"]
            cursor = page.body["next_cursor"]
            if cursor is None:
                return items

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._mine, "connection"):
            place = urlsplit(self.address)
            self._mine.connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=ANSWER_SECONDS)
        connection: http.client.HTTPConnection = self._mine.connection
        return connection

    def _note(self, kind: str, status: int, seconds: float) -> None:
        with self._lock:
            self.calls[kind, status] += 1
            self.seconds.append(seconds)
            self.slowest = max(self.slowest, (seconds, kind))

    @property
    def median_milliseconds(self) -> float:
        return median(self.seconds) * 1000 if self.seconds else 0.0
