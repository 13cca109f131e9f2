"""What the local server does before, around and instead of the app."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice, Request

from infra.local import gateway, machine
from infra.local.schedules import Runner

JSON = {"Content-Type": "application/json"}


@dataclass
class Caller:
    port: int

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str | None, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answered = connection.getresponse()
            content = answered.read()
            return answered.status, answered.getheader("Content-Type"), json.loads(content) if content else None
        finally:
            connection.close()

    def raw(self, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65536):
                received += part
            return received


def small_app() -> Chalice:
    app = Chalice("small", configure_logs=False)

    def request() -> Request:
        assert app.current_request is not None
        return app.current_request

    @app.route("/buyers/{name}")
    def buyer(name: str) -> dict[str, Any]:
        before = request().query_params
        time.sleep(0.005)
        return {"name": name, "before": before, "after": request().query_params}

    @app.route("/echo", methods=["POST"])
    def echo() -> Any:
        return request().json_body

    @app.route("/unprintable")
    def unprintable() -> Any:
        return {"value": object()}

    return app


def close_day(moment: datetime) -> dict[str, str]:
    return {"schedule": "close-day", "as_of": moment.isoformat()}


def break_down(moment: datetime) -> None:
    raise ValueError("nothing to close")


@pytest.fixture
def caller() -> Iterator[Caller]:
    schedules = Runner({"close-day": close_day, "break-down": break_down})
    server = gateway.Server(machine.claim(0), small_app(), schedules)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Caller(server.server_port)
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_of_many_threads_sees_its_own_request(caller: Caller) -> None:
    wrong: list[Any] = []

    def buy(name: str) -> None:
        for _ in range(10):
            _, _, answer = caller.ask("GET", f"/buyers/{name}?of={name}")
            if answer != {"name": name, "before": {"of": name}, "after": {"of": name}}:
                wrong.append(answer)

    threads = [threading.Thread(target=buy, args=(f"buyer-{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_client_that_keeps_its_connection_is_not_held_back(caller: Caller) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", caller.port, timeout=10)
    started = time.monotonic()
    for _ in range(50):
        connection.request("POST", "/echo", b'{"a": 1}', JSON)
        assert connection.getresponse().read() == b'{"a":1}'
    connection.close()
    # Nagle's algorithm would take 40 ms for each, 2 s in all.
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nowhere"), ("DELETE", "/echo"), ("GET", "/buyers"), ("GET", "/_local/anything")]
)
def test_what_has_no_route_is_refused_in_the_shape_of_every_error(caller: Caller, method: str, path: str) -> None:
    status, content_type, answer = caller.ask(method, path, headers={"Authorization": "Bearer caf\u00e9"})
    assert (status, content_type, answer["code"]) == (404, "application/problem+json", "route_not_found")
    assert set(answer) == {"type", "title", "status", "detail", "code"}
    assert "Bearer" not in json.dumps(answer)


def test_an_error_to_a_head_request_has_no_body_that_would_be_taken_for_the_next_answer(caller: Caller) -> None:
    request = b"HEAD /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    received = caller.raw(request + request)
    assert received.count(b"HTTP/1.1 404") == 2
    assert b"route_not_found" not in received


def test_what_escapes_the_app_is_an_error_in_shape_and_is_shown_to_the_operator(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    status, content_type, answer = caller.ask("GET", "/unprintable")
    assert (status, content_type, answer["code"]) == (500, "application/problem+json", "internal_error")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (b"Content-Length: 10485761", 413, "request_too_large"),
        (b"Content-Length: -1", 400, "invalid_request"),
        (b"Content-Length: many", 400, "invalid_request"),
        (b"Transfer-Encoding: chunked", 411, "length_required"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_the_connection_closed(
    caller: Caller, headers: bytes, status: int, code: str
) -> None:
    received = caller.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert received.count(b"HTTP/1.1") == 1
    assert code.encode() in received and b"application/problem+json" in received


def test_a_malformed_request_line_is_refused_in_shape(caller: Caller) -> None:
    received = caller.raw(b"GET  / with spaces HTTP/1.1\r\n\r\n")
    assert b" 400 " in received and b"application/problem+json" in received and b"<html" not in received


def test_a_request_line_is_never_logged_for_it_may_name_a_person(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.ask("GET", "/buyers/ann?email=ann@example.com")
    caller.ask("GET", "/nowhere?email=ann@example.com")
    shown = capsys.readouterr()
    assert "ann" not in shown.out + shown.err


def test_a_schedule_runs_as_of_the_given_moment_and_answers_its_record(caller: Caller) -> None:
    status, _, record = caller.ask(
        "POST", "/_local/schedules/close-day", b'{"time": "2026-12-31T23:30:00+02:00"}', JSON
    )
    as_of = datetime(2026, 12, 31, 21, 30, tzinfo=UTC).isoformat()
    assert (status, record) == (200, {"schedule": "close-day", "as_of": as_of})


def test_an_unknown_schedule_is_not_found_and_the_known_ones_are_named(caller: Caller) -> None:
    status, content_type, answer = caller.ask(
        "POST", "/_local/schedules/none", b'{"time": "2026-12-31T23:30:00Z"}', JSON
    )
    assert (status, content_type, answer["code"]) == (404, "application/problem+json", "schedule_unknown")
    assert "close-day" in answer["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"time": "noon"}', b'{"time": "2026-12-31T23:30:00"}'])
def test_a_schedule_asked_for_without_a_clear_moment_does_not_run(caller: Caller, body: bytes) -> None:
    status, _, answer = caller.ask("POST", "/_local/schedules/close-day", body, JSON)
    assert (status, answer["code"]) == (400, "invalid_request")


def test_a_page_in_a_browser_cannot_run_a_schedule_without_asking(caller: Caller) -> None:
    body = b'{"time": "2026-12-31T23:30:00Z"}'
    assert caller.ask("POST", "/_local/schedules/close-day", body, {"Content-Type": "text/plain"})[0] == 400
    assert caller.ask("OPTIONS", "/_local/schedules/close-day")[0] == 404


def test_a_schedule_that_fails_says_so_and_the_server_goes_on(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, answer = caller.ask("POST", "/_local/schedules/break-down", b'{"time": "2026-12-31T23:30:00Z"}', JSON)
    assert (status, answer["code"]) == (500, "internal_error")
    assert "nothing to close" in answer["detail"] and "Traceback" in capsys.readouterr().err
    assert caller.ask("GET", "/buyers/ann")[0] == 200


def test_a_request_has_as_long_here_and_in_the_docs_as_where_it_is_deployed() -> None:
    root = Path(__file__).parent.parent.parent
    deployed = json.loads((root / ".chalice" / "config.json").read_text(encoding="utf-8"))["lambda_timeout"]
    assert deployed == gateway.TIMEOUT_SECONDS
    operations = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"no answer within {deployed} seconds" in operations and f"a request {deployed} seconds" in operations
