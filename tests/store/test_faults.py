"""What the database may answer instead of yes, injected below PynamoDB: what the store makes of it, and what callers
see. No emulator throttles or conflicts by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

from chalicelib.actions import attempt
from chalicelib.domain.errors import Unavailable
from chalicelib.store import table
from chalicelib.store.table import Lost, Row, Write, commit, load, note, put_new
from tests.shop import Shop, opened

NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
Answer = dict[str, Any]
Handler = Callable[[Any], Any]


def refusal(code: str, *reasons: str) -> Answer:
    """An error as DynamoDB words it; ``reasons`` say why a transaction was cancelled, item by item."""
    body: Answer = {"__type": NAMESPACE + code, "message": "injected"}
    return {**body, "CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else body


def answering(status: int, body: Answer) -> Handler:
    return lambda request: AWSResponse(
        request.url, status, {"content-type": "application/x-amz-json-1.0"}, _Body(json.dumps(body).encode())
    )


class _Body:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def stream(self) -> Iterator[bytes]:
        yield self._text


def silent(error: Exception) -> Handler:
    """No answer at all."""

    def fail(request: Any) -> None:
        raise error

    return fail


@contextmanager
def injected(
    handler: Handler, operation: str | None = None, times: int | None = None, *, done: bool = False
) -> Iterator[list[str]]:
    """Answers the next requests in the database's place. ``done``: the database does what was asked all the same,
    only its answer is lost. Yields the operations met."""
    met: list[str] = []
    # Every handler of the event is called, whatever the first one says, so moto must be told to stand back.
    moto, answers = botocore_stubber, botocore_stubber.enabled

    def meet(request: Any, event_name: str, **_: Any) -> Any:
        asked = event_name.rpartition(".")[2]
        if (operation is not None and asked != operation) or (times is not None and len(met) >= times):
            return None
        met.append(asked)
        moto.enabled = answers and done
        return handler(request)

    def after(**_: Any) -> None:
        moto.enabled = answers

    events = table.connection().client.meta.events
    (events.register_last if done else events.register_first)("before-send", meet)
    events.register_last("before-send", after)
    try:
        yield met
    finally:
        after()
        events.unregister("before-send", meet)
        events.unregister("before-send", after)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def link() -> dict[str, Any]:
    """A connection to nothing, made once."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("connection", None), ("address", None)):
            patch.setattr(table._Link, name, value)
        patch.setattr(Row, "_connection", None)
        patch.setenv("REGULARS_ENDPOINT", NOWHERE)
        table.connection()
        return {"connection": table._Link.connection, "address": table._Link.address, "row": Row._connection}


@pytest.fixture
def nowhere(link: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is not injected fails."""
    monkeypatch.setenv("REGULARS_ENDPOINT", NOWHERE)
    monkeypatch.setattr(table._Link, "connection", link["connection"])
    monkeypatch.setattr(table._Link, "address", link["address"])
    monkeypatch.setattr(Row, "_connection", link["row"])


@pytest.fixture
def shop() -> Iterator[Shop]:
    with opened() as made:
        made.call("GET", "/rewards")  # the key's first use of the day is noted
        yield made


def row(sk: str) -> Row:
    return Row("a", sk, t="X")


CALLS: dict[str, Callable[[], object]] = {
    "a transaction": lambda: commit([put_new(row("b")), put_new(row("c"))]),
    "a single put": lambda: commit([put_new(row("b"))]),
    "a single update": lambda: commit([Write(row("b"), actions=(Row.n.add(1),))]),
    "a note": lambda: note(row("b"), [Row.n.add(1)]),
    "a read": lambda: load([("a", "b")]),
    "a query": lambda: list(Row.query("a")),
    "a query of an index": lambda: list(Row.statement.query("a")),
}
LOST = [
    ("a transaction", refusal("TransactionCanceledException", "ConditionalCheckFailed", "None")),
    ("a transaction", refusal("TransactionCanceledException", "None", "TransactionConflict")),
    ("a transaction", refusal("TransactionCanceledException", "ThrottlingError", "ConditionalCheckFailed")),
    ("a transaction", refusal("TransactionInProgressException")),
    ("a transaction", refusal("IdempotentParameterMismatchException")),
    ("a single put", refusal("ConditionalCheckFailedException")),
    ("a single put", refusal("TransactionConflictException")),
    ("a single update", refusal("TransactionCanceledException", "ConditionalCheckFailed")),
]
AWAY = [
    (400, refusal("ProvisionedThroughputExceededException")),
    (400, refusal("RequestLimitExceeded")),
    (400, refusal("ThrottlingException")),
    (500, refusal("InternalServerError")),
    (503, refusal("ServiceUnavailable")),
    (502, {}),
]
MOST_TRIES = 3
"""botocore's, for one call; fewer when many calls in a row went wrong, for it spends an allowance."""
OURS = ["ValidationException", "AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"]


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(("call", "body"), LOST, ids=lambda given: given if isinstance(given, str) else "")
def test_a_failed_condition_or_another_transaction_is_a_lost_race(call: str, body: Answer) -> None:
    with injected(answering(400, body)) as met, pytest.raises(Lost):
        CALLS[call]()
    # botocore itself waits for the same transaction to end; all else is decided anew, from what stands there now.
    assert len(met) == (MOST_TRIES if body["__type"].endswith("TransactionInProgressException") else 1)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("status", "body"), AWAY, ids=lambda given: str(given) if isinstance(given, int) else "")
def test_throttling_and_outages_are_for_the_caller_to_ask_again(call: str, status: int, body: Answer) -> None:
    with injected(answering(status, body)) as met, pytest.raises(Unavailable):
        CALLS[call]()
    assert len(met) <= MOST_TRIES


@pytest.mark.usefixtures("nowhere")
def test_a_note_that_meets_a_transaction_is_written_again_and_never_a_lost_race() -> None:
    with injected(answering(400, refusal("TransactionConflictException"))) as met, pytest.raises(Unavailable):
        CALLS["a note"]()
    assert len(met) == table.NOTE_TRIES


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_cancelled_for_want_of_room_is_for_the_caller_to_ask_again(reason: str) -> None:
    with injected(answering(400, refusal("TransactionCanceledException", reason, "None"))), pytest.raises(Unavailable):
        CALLS["a transaction"]()


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [ConnectTimeoutError, ReadTimeoutError, EndpointConnectionError])
def test_no_answer_is_for_the_caller_to_ask_again(call: str, error: Any) -> None:
    silence = silent(error(endpoint_url="http://127.0.0.1:1", error="injected"))
    with injected(silence) as met, pytest.raises(Unavailable):
        CALLS[call]()
    assert len(met) <= MOST_TRIES


@pytest.mark.usefixtures("nowhere")
def test_a_refused_connection_is_for_the_caller_to_ask_again() -> None:
    with pytest.raises(Unavailable):
        load([("a", "b")])


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("code", OURS)
def test_a_fault_of_ours_is_never_told_as_a_busy_moment(code: str) -> None:
    for call in ("a transaction", "a single put", "a read", "a note"):
        with injected(answering(400, refusal(code))) as met, pytest.raises(ClientError) as raised:
            CALLS[call]()
        assert raised.value.response["Error"]["Code"] == code
        assert len(met) == 1


@pytest.mark.usefixtures("nowhere")
def test_an_item_that_is_too_large_is_a_fault_of_ours() -> None:
    body = refusal("TransactionCanceledException", "ValidationError", "ThrottlingError")
    with injected(answering(400, body)), pytest.raises(ClientError):
        CALLS["a transaction"]()


@pytest.mark.usefixtures("nowhere")
def test_keys_that_the_database_left_out_are_asked_for_again() -> None:
    left = {"regulars": {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "c"}}], "ConsistentRead": True}}
    asked: list[Answer] = []

    def answer(request: Any) -> Any:
        asked.append(json.loads(request.body)["RequestItems"]["regulars"])
        found = {"pk": {"S": "a"}, "sk": {"S": "b" if len(asked) == 1 else "c"}, "t": {"S": "X"}}
        body = {"Responses": {"regulars": [found]}, "UnprocessedKeys": left if len(asked) == 1 else {}}
        return answering(200, body)(request)

    with injected(answer, "BatchGetItem"):
        assert sorted(load([("a", "b"), ("a", "c")])) == [("a", "b"), ("a", "c")]
    assert asked[1] == left["regulars"]


@pytest.mark.usefixtures("nowhere")
def test_keys_that_are_left_out_again_and_again_end_the_reading() -> None:
    left = {"regulars": {"Keys": [{"pk": {"S": "a"}, "sk": {"S": "b"}}], "ConsistentRead": True}}
    with injected(answering(200, {"Responses": {}, "UnprocessedKeys": left})) as met, pytest.raises(Unavailable):
        load([("a", "b")])
    assert len(met) == table.UNPROCESSED_TRIES


@pytest.mark.usefixtures("nowhere")
def test_more_keys_than_one_request_may_name_are_read_in_several() -> None:
    sizes: list[int] = []

    def answer(request: Any) -> Any:
        sizes.append(len(json.loads(request.body)["RequestItems"]["regulars"]["Keys"]))
        return answering(200, {"Responses": {}, "UnprocessedKeys": {}})(request)

    with injected(answer):
        assert load([("a", str(number)) for number in range(101)] * 2) == {}
    assert sizes == [100, 1]


def test_a_caller_hears_503_and_nothing_was_done(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    with injected(answering(400, refusal("ThrottlingException")), "TransactWriteItems"):
        reply = shop.buy("o", 1000, member_id)
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "unavailable", "1")
    assert shop.call("GET", "/purchases/o").status == 404
    assert shop.available(member_id) == 50
    assert shop.buy("o", 1000, member_id).status == 201


def test_a_few_conflicts_are_waited_out(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    conflict = answering(400, refusal("TransactionCanceledException", "None", "TransactionConflict"))
    with injected(conflict, "TransactWriteItems", times=5) as met:
        assert shop.buy("o", 1000, member_id).status == 201
    assert len(met) == 5
    assert shop.available(member_id) == 60


def test_conflicts_without_end_are_told_after_a_bounded_number_of_tries(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    conflict = answering(400, refusal("TransactionCanceledException", "None", "TransactionConflict"))
    with injected(conflict, "TransactWriteItems") as met:
        reply = shop.buy("o", 1000, member_id)
    assert (reply.status, reply.code) == (503, "unavailable")
    assert len(met) == attempt.TRIES
    assert shop.available(member_id) == 50


@pytest.mark.parametrize("operation", ["TransactWriteItems", "PutItem"])
def test_an_answer_that_was_lost_is_found_by_its_cause(shop: Shop, operation: str) -> None:
    """The write happened and its answer did not arrive: botocore asks again, and meets its own write."""
    member_id = shop.enrol(email="ann@example.com") if operation == "TransactWriteItems" else None
    cut = silent(ReadTimeoutError(endpoint_url="http://127.0.0.1:1"))
    with injected(cut, operation, times=1, done=True) as met:
        reply = shop.buy("o", 1000, member_id)
    assert len(met) == 1
    assert reply.status in (200, 201)
    assert shop.buy("o", 1000, member_id).body == reply.body
    if member_id is not None:
        assert shop.available(member_id) == 60
        assert shop.differences() == []


def test_a_write_whose_every_answer_is_lost_is_told_as_unknown_and_found_by_the_next_call(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    cut = silent(ReadTimeoutError(endpoint_url="http://127.0.0.1:1"))
    with injected(cut, "TransactWriteItems", done=True):
        assert shop.buy("o", 1000, member_id).status == 503
    again = shop.buy("o", 1000, member_id)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert shop.available(member_id) == 60


def test_a_throttled_index_is_told_as_a_busy_moment(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    with injected(answering(400, refusal("ThrottlingException")), "Query"):
        reply = shop.call("GET", f"/members/{member_id}/ledger")
    assert (reply.status, reply.code) == (503, "unavailable")
