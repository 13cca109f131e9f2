"""The line between boto and the engine: every call passes here, is logged, and may meet a fault that the seed chose.

It hangs in botocore's ``before-send`` event, so nothing of the service is replaced: what boto would have put on the
network is answered here, late, twice, wrongly or not at all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from tests.proof.engine import refusal
from tests.proof.stage import Stage

Start = Callable[[str, Any], Callable[[], tuple[int, bytes]]]
"""Sends one request (operation, botocore's prepared request) to the engine; what it answers is asked for later."""


class Crash(BaseException):
    """The worker died here: nothing of ours may catch it, and whoever called gets no answer."""


class Commit(NamedTuple):
    """One write that the engine carried out: at which turn, for which operation and by whose clock."""

    step: int
    doing: Any
    now: datetime | None
    writes: tuple[tuple[str, dict[str, Any]], ...]


READS, WRITES = ("BatchGetItem", "Query"), ("PutItem", "TransactWriteItems", "UpdateItem")
THROTTLES = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded")


class Line:
    """``commits`` in the order in which the engine carried them out; ``met`` counts the faults by kind.

    ``rate`` is the share of calls that meet a fault, in a thousand; ``away`` is set while the database is away.
    """

    def __init__(self, stage: Stage, start: Start) -> None:
        self.stage, self._start = stage, start
        self.commits: list[Commit] = []
        self.met: Counter[str] = Counter()
        self.calls = self.conflicts = 0
        self.rate = 0
        self.away = False
        self._done: dict[str, tuple[list[Commit], int]] = {}
        self._late: list[tuple[int, str, Any, Any, datetime | None]] = []
        self._busy: dict[int, int] = {}
        self._deaf: dict[int, int] = {}

    def attach(self, client: Any) -> None:
        client.meta.events.register_first("before-send.dynamodb", self._send, unique_id="proof-line")

    # --- what the engine did

    def _carry_out(self, operation: str, request: Any, doing: Any, now: datetime | None) -> tuple[int, bytes]:
        """Sends it, lets others have their turns while it is on its way back, and notes what it did."""
        arriving = self._start(operation, request)
        step = self.stage.steps
        place = len(self.commits)
        if operation in WRITES:
            # Its place in the order is where it was sent: the engine takes one at a time.
            self.commits.append(Commit(step, doing, now, ()))
        self.stage.pause()
        status, body = arriving()
        if operation in WRITES:
            self._note(self.commits[place:], place, status, operation, request)
        elif doing is not None:
            doing.saw(step)
        return status, body

    def _note(self, _: Any, place: int, status: int, operation: str, request: Any) -> None:
        made = self.commits[place]
        asked = json.loads(request.body)
        if operation == "TransactWriteItems":
            fresh = status == 200 and self._is_first(asked["ClientRequestToken"], place)
            writes = tuple(next(iter(one.items())) for one in asked["TransactItems"]) if fresh else ()
        else:
            writes = ((operation.removesuffix("Item"), asked),) if status == 200 else ()
        self.conflicts += status == 400
        self.commits[place] = made._replace(writes=writes)

    def _is_first(self, token: str, place: int) -> bool:
        """Whether the engine did it here: of what was sent twice, it did what came first, whichever answer is first."""
        commits, at = self._done.get(token, (None, 0))
        if commits is self.commits and place < at:
            self.commits[at] = self.commits[at]._replace(writes=())
        elif commits is not None:
            return False
        self._done[token] = (self.commits, place)
        return True

    def settle(self) -> None:
        """Whatever is still under way arrives now."""
        late, self._late = self._late, []
        for _, operation, request, doing, now in late:
            self._carry_out(operation, request, doing, now)

    def _arrivals(self) -> None:
        due = [one for one in self._late if one[0] <= self.stage.steps]
        if due:
            self._late = [one for one in self._late if one[0] > self.stage.steps]
            for _, operation, request, doing, now in due:
                self._carry_out(operation, request, doing, now)

    # --- what the service meets

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        actor = self.stage.actor
        doing, now = (None, None) if actor is None else (actor.doing, actor.now)
        self.calls += 1
        if actor is None:
            return _response(request, *self._carry_out(operation, request, None, None))
        self._arrivals()
        if self.away:
            self._meet("database away")
            raise EndpointConnectionError(endpoint_url=request.url)
        chance = self.stage.random.random() * 1000
        kind = None
        if self._deaf.get(actor.number):
            self._deaf[actor.number] -= 1
            kind = "request lost"
        elif self._busy.get(actor.number) and operation in WRITES:
            self._busy[actor.number] -= 1
            kind = "conflict, again"
        elif chance < self.rate:
            kind = self._choose(operation)
        if kind is None:
            return _response(request, *self._carry_out(operation, request, doing, now))
        self._meet(kind)
        return self._faulty(kind, operation, request, doing, now, actor.number)

    def _meet(self, kind: str) -> None:
        self.met[kind] += 1

    def _choose(self, operation: str) -> str:
        kinds = [
            "request lost",
            "response lost",
            "throttled",
            "crash before",
            "crash after",
            "server error",
            "overtaken",
        ]
        if operation == "BatchGetItem":
            kinds.append("keys left over")
        if operation in WRITES:
            kinds += ["delayed", "duplicated", "duplicated, second answered", "conflict", "response lost for good"]
        if operation == "TransactWriteItems":
            kinds += ["conflict", "conflict, several", "in progress", "in progress, done", "throttled in part"]
            kinds += ["token mismatch"]
        return self.stage.random.choice(kinds)

    def _faulty(
        self, kind: str, operation: str, request: Any, doing: Any, now: datetime | None, number: int
    ) -> AWSResponse:
        url, dice = request.url, self.stage.random

        def carried() -> tuple[int, bytes]:
            return self._carry_out(operation, request, doing, now)

        if kind == "request lost":
            raise dice.choice(
                [
                    ConnectTimeoutError(endpoint_url=url),
                    ConnectionClosedError(endpoint_url=url),
                    EndpointConnectionError(endpoint_url=url),
                    ReadTimeoutError(endpoint_url=url),
                ]
            )
        if kind == "response lost":
            carried()
            raise dice.choice([ReadTimeoutError(endpoint_url=url), ConnectionClosedError(endpoint_url=url)])
        if kind == "response lost for good":
            # boto's own tries are used up as well, so the service itself must not know what was done.
            carried()
            self._deaf[number] = 2
            raise ReadTimeoutError(endpoint_url=url)
        if kind == "delayed":
            later = self.stage.steps + dice.randrange(3, 120)
            self._late.append((later, operation, _frozen(request), doing, now))
            self._deaf[number] = dice.choice([0, 2])
            raise ReadTimeoutError(endpoint_url=url)
        if kind.startswith("duplicated"):
            first = carried()
            second = carried()
            return _response(request, *(second if kind.endswith("answered") else first))
        if kind == "overtaken":
            for _ in range(dice.randrange(2, 12)):
                self.stage.pause()
            return _response(request, *carried())
        if kind == "crash before":
            raise Crash
        if kind == "crash after":
            carried()
            raise Crash
        if kind == "server error":
            if dice.random() < 0.5:
                carried()
            return answered(request, 500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"})
        if kind == "throttled":
            return answered(request, *refusal(dice.choice(THROTTLES)))
        if kind == "keys left over":
            return self._left_over(request, carried)
        if kind.startswith("conflict"):
            if kind == "conflict, several":
                self._busy[number] = dice.randrange(1, 4)
            if operation != "TransactWriteItems":
                return answered(request, *refusal("TransactionConflictException"))
            return answered(
                request, *refusal("TransactionCanceledException", self._reasons(request, "TransactionConflict"))
            )
        if kind.startswith("in progress"):
            if kind.endswith("done"):
                carried()
            return answered(request, *refusal("TransactionInProgressException"))
        if kind == "throttled in part":
            reason = dice.choice(["ThrottlingError", "ProvisionedThroughputExceeded"])
            return answered(request, *refusal("TransactionCanceledException", self._reasons(request, reason)))
        assert kind == "token mismatch", kind
        return answered(request, *refusal("IdempotentParameterMismatchException"))

    def _reasons(self, request: Any, reason: str) -> list[str]:
        count = len(json.loads(request.body)["TransactItems"])
        hit = self.stage.random.randrange(count)
        return [reason if place == hit else "None" for place in range(count)]

    def _left_over(self, request: Any, carried: Callable[[], tuple[int, bytes]]) -> AWSResponse:
        """The database had no room for all keys: one of them is to be asked for again."""
        asked = json.loads(request.body)
        ((name, wanted),) = asked["RequestItems"].items()
        status, body = carried()
        told = json.loads(body)
        left = self.stage.random.choice(wanted["Keys"])
        told["Responses"][name] = [
            item for item in told["Responses"][name] if {"pk": item["pk"], "sk": item["sk"]} != left
        ]
        told["UnprocessedKeys"] = {name: {**wanted, "Keys": [left]}}
        return answered(request, status, told)


class _Frozen(NamedTuple):
    url: str
    body: bytes
    headers: dict[str, str]


def _frozen(request: Any) -> _Frozen:
    return _Frozen(request.url, request.body, dict(request.headers.items()))


class _Body:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def stream(self) -> Iterator[bytes]:
        yield self._text


def _response(request: Any, status: int, body: bytes) -> AWSResponse:
    return AWSResponse(request.url, status, {"content-type": "application/x-amz-json-1.0"}, _Body(body))


def answered(request: Any, status: int, body: dict[str, Any]) -> AWSResponse:
    return _response(request, status, json.dumps(body).encode())
