"""Processor time of an earn through the whole app, the network answered from memory, beside the bare calls that
any such earn would make: one GetItem and one TransactWriteItems of the same two items, through the same client."""

from __future__ import annotations

import base64
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import msgspec
from botocore.awsrequest import AWSResponse

from app import app
from chalicelib.store import table
from tests.shop import opened

ROUNDS = 9
PAIRS = 120
MOST = 1.8


class Time(msgspec.Struct, frozen=True):
    """Milliseconds of processor time, and their ratio with the most that it may be."""

    what: str
    parts: tuple[tuple[str, float], ...]
    ratio: float
    most: float

    @property
    def within(self) -> bool:
        return self.ratio <= self.most


class _Learnt(msgspec.Struct, frozen=True):
    """One real earn: the event that asked for it, what was written, and what the database answered."""

    event: dict[str, Any]
    writes: list[dict[str, Any]]
    head: dict[str, Any]
    answers: dict[str, bytes]


def measured() -> Time:
    """The median ratio of several rounds, in each of which the two take turns, so that both meet the same noise."""
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        learnt = _learn()
        client = _client_without_network(learnt.answers)

        def earn() -> None:
            status = app(learnt.event, None)["statusCode"]
            assert status == 201, status

        def bare() -> None:
            client.get_item(TableName="regulars", Key=_key(learnt.head), ConsistentRead=True)
            client.transact_write_items(TransactItems=learnt.writes)

        _round(earn, bare)  # warms up
        rounds = [_round(earn, bare) for _ in range(ROUNDS)]
    ratios = [whole / least for whole, least in rounds]
    whole, least = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Time(
        "processor time of an earn (network answered from memory)",
        (("earn through the whole app", whole), ("GetItem and TransactWriteItems of two items", least)),
        statistics.median(ratios),
        MOST,
    )


def _round(*calls: Callable[[], None]) -> tuple[float, ...]:
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(PAIRS):
        for times, call in zip(spent, calls, strict=True):
            begun = time.thread_time_ns()
            call()
            times.append((time.thread_time_ns() - begun) / 1e6)
    return tuple(statistics.median(times) for times in spent)


def _learn() -> _Learnt:
    """What an ordinary earn sends and is answered, told by a table in process."""
    sent: list[Any] = []
    answered: list[bytes] = []

    def note_request(request: Any, **_: Any) -> None:
        sent.append(json.loads(request.body))

    def note_answer(http_response: Any, **_: Any) -> None:
        answered.append(http_response.content)

    with opened() as shop:
        member_id = shop.enrol(email="ann@example.com")
        shop.buy("first", 450, member_id)
        events = table.connection().client.meta.events
        events.register_first("before-send.dynamodb", note_request)
        events.register_last("after-call.dynamodb", note_answer)
        body = {"order_id": "o", "total": 450, "currency": "EUR", "member_id": member_id}
        assert shop.call("POST", "/purchases", body).status == 201
        events.unregister("before-send.dynamodb", note_request)
        events.unregister("after-call.dynamodb", note_answer)
    found = json.loads(answered[0])["Responses"]["regulars"]
    head = next(item for item in found if item["sk"]["S"] == "HEAD")
    answers = {"BatchGetItem": answered[0], "TransactWriteItems": answered[1], "GetItem": _json({"Item": head})}
    headers = {"content-type": "application/json", "authorization": f"Bearer {shop.storefront}"}
    context = {"resourcePath": "/v1/purchases", "httpMethod": "POST", "path": "/v1/purchases", "domainName": "local"}
    event = {
        "requestContext": context,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    writes = [{"Put": {**write["Put"], "Item": _bytes(write["Put"]["Item"])}} for write in sent[1]["TransactItems"]]
    return _Learnt(event, writes, head, answers)


def _client_without_network(answers: dict[str, bytes]) -> Any:
    """The store's own client, which from now on is answered from memory, whatever it sends."""
    os.environ["REGULARS_ENDPOINT"] = "http://127.0.0.1:1"
    client = table.connection().client

    def answer(request: Any, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target if isinstance(target, str) else target.decode()).rpartition(".")[2]
        headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "bench"}
        return AWSResponse(request.url, 200, headers, _Body(answers[operation]))

    client.meta.events.register_first("before-send.dynamodb", answer)
    return client


class _Body:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def stream(self) -> Iterator[bytes]:
        yield self._text


def _key(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("pk", "sk")}


def _bytes(item: dict[str, Any]) -> dict[str, Any]:
    """An item of a request's body, in the form in which botocore takes it."""
    return {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
