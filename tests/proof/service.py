"""The real service, called as API Gateway calls it, with its settings, its table and the line below it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import queue as queues
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.proof.engine import Engine
from tests.proof.line import Line
from tests.proof.stage import Stage

TABLE = "regulars-proof"
QUEUE = "http://127.0.0.1:1/000000000000/proof"
SECRET = "whsec_" + base64.b64encode(b"the secret of the provider here!").decode()


class Reply(NamedTuple):
    status: int
    body: Any
    replayed: bool
    retry_after: str | None = None


def settle_environment(endpoint: str | None) -> None:
    """The settings of a run; credentials are made up unless the environment has some (for a table of one's own)."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "proof")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "proof")
    os.environ.update(
        REGULARS_SECRET="only-for-the-proof-only-for-the-proof",
        REGULARS_TABLE=TABLE,
        REGULARS_ENDPOINT=endpoint or "http://127.0.0.1:1",
        REGULARS_QUEUE_URL=QUEUE,
        POWERTOOLS_LOG_LEVEL="ERROR",
    )


class Inside:
    """The engine of this process."""

    def __init__(self) -> None:
        from infra.local import template

        self.engine = Engine(template.table(parameters={"TableName": TABLE}).create)

    def start(self, operation: str, request: Any) -> Callable[[], tuple[int, bytes]]:
        status, body = self.engine.answer(operation, json.loads(request.body))
        text = json.dumps(body).encode()
        return lambda: (status, text)


class Outside:
    """An engine at an address. One thread speaks to it, so requests reach it in the order in which they were sent,
    while the service already works on something else."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=60)
        self._waiting: queues.SimpleQueue[tuple[Any, list[Any], threading.Event]] = queues.SimpleQueue()
        threading.Thread(target=self._speak, daemon=True).start()

    def _speak(self) -> None:
        while True:
            request, answer, done = self._waiting.get()
            try:
                headers = {str(name): _text(value) for name, value in request.headers.items()}
                self._connection.request("POST", "/", request.body, headers)
                response = self._connection.getresponse()
                answer.append((response.status, response.read()))
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                answer.append(error)
            done.set()

    def start(self, operation: str, request: Any) -> Callable[[], tuple[int, bytes]]:
        answer: list[Any] = []
        done = threading.Event()
        self._waiting.put((request, answer, done))

        def answered() -> tuple[int, bytes]:
            done.wait()
            if isinstance(answer[0], Exception):
                raise answer[0]
            told: tuple[int, bytes] = answer[0]
            return told

        return answered


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class Service:
    """Calls the app; ``tasks`` are what its schedules put on the queue."""

    def __init__(self, stage: Stage, line: Line) -> None:
        from app import app
        from infra.local.gateway import _make_thread_safe

        _make_thread_safe(app)
        from chalicelib.store import table

        self.app, self.stage, self.line = app, stage, line
        self.client, self.table = table.connection().client, TABLE
        self.tasks: list[str] = []
        self._routes = [
            (re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"), path)
            for path in sorted(app.routes, key=lambda path: path.count("{"))
        ]

    def call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Reply:
        """One request under /v1. Raises Crash where the worker dies at it."""
        bare, _, query = path.partition("?")
        full = "/v1" + bare
        match, route = next((found, route) for one, route in self._routes if (found := one.match(full)))
        sent = {"content-type": "application/json", **headers}
        parameters = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
        event = {
            "requestContext": {"resourcePath": route, "httpMethod": method, "path": full, "domainName": "localhost"},
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "multiValueQueryStringParameters": {name: [value] for name, value in parameters.items()} or None,
            "pathParameters": match.groupdict() or None,
            "stageVariables": None,
            "body": body if isinstance(body, str) else "" if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self.app(event, None)
        text = answer["body"]
        told = json.loads(text) if text and "json" in answer["headers"].get("Content-Type", "") else text
        headers = answer["headers"]
        replayed, wait = headers.get("Idempotent-Replayed") == "true", headers.get("Retry-After")
        return Reply(answer["statusCode"], told, replayed, wait)

    def signed(self, raw: str) -> dict[str, str]:
        """The headers with which the provider signs a body now."""
        seconds = str(self.stage.ms // 1000)
        name = "msg_" + hashlib.sha256(raw.encode()).hexdigest()[:16]
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signature = hmac.digest(key, f"{name}.{seconds}.{raw}".encode(), hashlib.sha256)
        told = "v1," + base64.b64encode(signature).decode()
        return {"webhook-id": name, "webhook-timestamp": seconds, "webhook-signature": told}


@contextmanager
def opened(stage: Stage, endpoint: str | None) -> Iterator[Service]:
    """The service over a new table at an endpoint, or (None) in this process."""
    before = dict(os.environ)
    settle_environment(endpoint)
    from chalicelib.store import table

    engine = Inside() if endpoint is None else Outside(endpoint)
    if endpoint is not None:
        _make_table(endpoint)
    table._Link.connection = None
    line = Line(stage, engine.start)
    client = table.connection().client
    line.attach(client)
    _make_quick(client, signed=endpoint is not None)
    service = Service(stage, line)
    _attach_queue(service)
    try:
        yield service
    finally:
        if endpoint is not None:
            _raw_client(endpoint).delete_table(TableName=TABLE)
        # Row remembers the connection that was made last, so whoever comes next makes one too.
        table._Link.connection = table._Link.address = None
        os.environ.clear()
        os.environ.update(before)


def _make_quick(client: Any, *, signed: bool) -> None:
    """Takes out of boto what costs most and says nothing here: who calls, where to, and a signature nobody reads."""
    told = "proof"
    agent = client._user_agent_creator
    agent.to_string = lambda: told
    resolve, known = client._resolve_endpoint_ruleset, {}

    def resolved(model: Any, *rest: Any, **named: Any) -> Any:
        if model.name not in known:
            known[model.name] = resolve(model, *rest, **named)
        url, headers, properties = known[model.name]
        return url, dict(headers), properties

    client._resolve_endpoint_ruleset = resolved
    if not signed:
        client.meta.events.unregister("request-created.dynamodb", client._request_signer.handler)


def _raw_client(endpoint: str) -> Any:
    import botocore.session

    region = os.environ["AWS_DEFAULT_REGION"]
    return botocore.session.get_session().create_client("dynamodb", region_name=region, endpoint_url=endpoint)


def _make_table(endpoint: str) -> None:
    from infra.local import table as tables
    from infra.local import template

    definition = template.table(parameters={"TableName": TABLE, "DeletionProtection": "false"})
    tables.create(_raw_client(endpoint), definition)


def _attach_queue(service: Service) -> None:
    """The queue's own client, answered here: what is sent is kept in ``tasks``."""
    from chalicelib.triggers import queue
    from tests.proof.line import answered

    os.environ["REGULARS_QUEUE_URL"] = QUEUE
    queue._CLIENTS.pop(QUEUE, None)
    client, _ = queue._client()

    def take(request: Any, **_: Any) -> Any:
        entries = json.loads(request.body)["Entries"]
        service.tasks.extend(entry["MessageBody"] for entry in entries)
        told = [
            {
                "Id": entry["Id"],
                "MessageId": entry["Id"],
                "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest(),
            }
            for entry in entries
        ]
        return answered(request, 200, {"Successful": told, "Failed": []})

    client.meta.events.register_first("before-send.sqs", take, unique_id="proof-queue")
