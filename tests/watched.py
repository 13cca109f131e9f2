"""Watches the whole suite: which AWS calls each deployed function makes, and what the functions write to their logs.

A plugin of pytest's. Calls are compared with the roles when the suite ends, both ways (tests/permissions.py); a line
of the log that could tell something about a person or a secret fails the test that caused it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Call = tuple[str, str, str]
"""Function, IAM action, and the resource's kind: ``table``, ``index/due``, ``queue/WorkQueue``, ``secret``."""


class _Now(threading.local):
    function: str | None = None
    calling: bool = False


_NOW = _Now()
LOGGED: list[str] = []
"""What went through the Logger since the last test: its stream is older than pytest's capturing of each test."""


class _Keep(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LOGGED.append(self.format(record))


CALLS: set[Call] = set()
_RECORDINGS: list[set[Call]] = []


@contextmanager
def recording() -> Iterator[set[Call]]:
    """The calls made until the end of the block; they count for the whole suite too."""
    seen: set[Call] = set()
    _RECORDINGS.append(seen)
    try:
        yield seen
    finally:
        _RECORDINGS.remove(seen)


def _note(calls: Iterable[Call]) -> None:
    for noted in (CALLS, *_RECORDINGS):
        noted.update(calls)


def function_id(name: str) -> str:
    """The id in the template of the function with this name: ``create_program`` is ``CreateProgram``."""
    return "".join(part.title() for part in name.split("_"))


def actions_of(service: str, operation: str, request: dict[str, Any]) -> list[tuple[str, str]]:
    """The permissions that a call needs, each with what it needs it on."""
    if service == "dynamodb":
        if operation == "TransactWriteItems":
            names = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
            parts = {name for item in request["TransactItems"] for name in item}
            return [(f"dynamodb:{names.get(part, 'ConditionCheckItem')}", "table") for part in sorted(parts)]
        if operation == "TransactGetItems":
            return [("dynamodb:GetItem", "table")]
        index = request.get("IndexName")
        return [(f"dynamodb:{operation}", f"index/{index}" if index else "table")]
    if service == "sqs":
        address = str(request.get("QueueUrl", ""))
        # Whatever a test calls the queue that it gives to the functions, the template gives them that one.
        given = address == os.environ.get("REGULARS_QUEUE_URL")
        queue = "WorkQueue" if given else address.rpartition("/")[2]
        return [(f"sqs:{operation.removesuffix('Batch')}", f"queue/{queue}")]
    return [(f"{service}:{operation}", "secret" if service == "ssm" else service)]


def _name_of(handler: Any) -> str:
    from app import app

    return next((function_id(name) for name, one in app.handler_map.items() if one is handler), "unknown")


def _within(function: str, real: Any, *given: Any) -> Any:
    before, _NOW.function = _NOW.function, function
    try:
        return real(*given)
    finally:
        _NOW.function = before


def pytest_configure(config: pytest.Config) -> None:
    import botocore.client
    import chalice.app

    from chalicelib import settings, telemetry

    keep = _Keep()
    keep.setFormatter(telemetry.logger.registered_formatter)
    telemetry.logger.addHandler(keep)
    call = botocore.client.BaseClient._make_api_call
    served, handled, secret = chalice.app.Chalice.__call__, chalice.app.EventSourceHandler.__call__, settings.secret

    def watched_call(self: Any, operation: str, request: dict[str, Any]) -> Any:
        if _NOW.calling:
            return call(self, operation, request)  # from a hook of another call: a test's own look at the table
        if _NOW.function is not None:
            service = self.meta.service_model.service_name
            _note([(_NOW.function, *each) for each in actions_of(service, operation, request)])
        _NOW.calling = True
        try:
            return call(self, operation, request)
        finally:
            _NOW.calling = False

    def watched_app(self: Any, event: Any, context: Any) -> Any:
        return _within("APIHandler", served, self, event, context)

    def watched_handler(self: Any, event: Any, context: Any) -> Any:
        return _within(_name_of(self), handled, self, event, context)

    def watched_secret() -> bytes:
        # On AWS its first use is a call; the tests give the secret itself.
        if _NOW.function is not None:
            _note([(_NOW.function, "ssm:GetParameter", "secret")])
        return secret()

    botocore.client.BaseClient._make_api_call = watched_call
    chalice.app.Chalice.__call__ = watched_app  # type: ignore[method-assign]  # watched, then called as it was
    chalice.app.EventSourceHandler.__call__ = watched_handler  # type: ignore[method-assign]
    settings.secret = watched_secret


def whole(config: pytest.Config) -> bool:
    """Whether all tests were asked for but the deployed ones, so that what nothing used is a permission too many."""
    chosen = config.option
    narrowed = (
        chosen.keyword,
        chosen.markexpr,
        chosen.deselect,
        chosen.ignore_glob,
        getattr(chosen, "lf", False),
        chosen.collectonly,
    )
    asked = {(config.invocation_params.dir / each).resolve() for each in config.args}
    left_out = {(config.invocation_params.dir / each).resolve() for each in chosen.ignore or ()}
    tests = config.rootpath / "tests"
    return not any(narrowed) and asked == {tests} and left_out <= {tests / "e2e"}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of xdist's ended: what it saw counts."""
    CALLS.update(tuple(each) for each in getattr(node, "workeroutput", {}).get("calls", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["calls"] = sorted(CALLS)
    elif whole(session.config) and exitstatus == 0:
        from tests.deploy.packaged import package
        from tests.permissions import compared

        faults = compared(CALLS, package().template)
        if faults:
            session.config.stash[_FAULTS] = faults
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


_FAULTS = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    faults = config.stash.get(_FAULTS, [])
    if faults:
        terminalreporter.section("calls that differ from the roles in infra/functions.yaml", red=True)
        for fault in faults:
            terminalreporter.line(fault)


# --- what stands in the logs

ALLOWED = {
    "level": r"INFO|WARNING|ERROR",
    "timestamp": r"[-0-9T :+,.]+Z?",
    "location": r"[a-z_<>]+:\d+",
    "message": r"[a-z ,]+",
    "service": r"[a-z0-9-]+",
    "request_id": r"[0-9a-f-]*",
    "route": r"[A-Z]+ [a-z_/{}.-]+",
    "program": r"[a-z0-9][a-z0-9-]{0,63}",
    "member": r"m[0-9a-z]{16}",
    "status": r"\d{3}",
    "outcome": r"[a-z_]+",
    "code": r"[a-z_]+",
    "milliseconds": r"[0-9.e+-]+",
    "units": r"[0-9.]+",
    "fault": r"[A-Za-z]+",
    "at": r"[a-z_]+\.py:\d+",
    "provider": r"[a-z]+",
    "run": r"[a-zA-Z0-9-]+",
    "rule": r"[a-z_]+",
    "tasks": r"\d+",
    "part": r"[\w#-]+",
    "failed": r"\d+",
    "delivery": r"[\w-]+",
    "sampling_rate": r"None",
    "_aws": r"[ A-Za-z0-9_{}\[\]':,-]+",
}
"""Every field that a line may have and the form that it must have. What is not here is not written."""
METRIC = re.compile(r"[A-Z][A-Za-z]+")
SECRETS = re.compile(
    r"rk_[a-z0-9-]+_|eyJ[\w-]{8,}\.|whsec_|sk_(test|live)_|Bearer |only-for-tests|[\w.+-]+@[\w-]+\.\w+|\+\d{7,}"
    r"|[0-9a-f]{40,}|[A-Z0-9]{5}(-[A-Z0-9]{5}){2,}"
)


def leak(line: str) -> str | None:
    """What a line of the log tells that it must not; None where the line is no log's, or is clean."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not {"level", "message", "service"} <= set(found):
        return None
    if match := SECRETS.search(line):
        return f"{match[0]!r} is in the log"
    for field, value in found.items():
        if field in ALLOWED:
            if not re.fullmatch(ALLOWED[field], str(value)):
                return f"the log's {field} is {value!r}"
        elif not (METRIC.fullmatch(field) and isinstance(value, int | float | list)):
            return f"the log has a field {field}, which tests/watched.py does not know"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.passed and call.when == "call":
        for line in [*f"{report.capstdout}\n{report.capstderr}".splitlines(), *LOGGED]:
            if found := leak(line.strip()):
                report.outcome, report.longrepr = "failed", f"{found}: {line[:300]}"
                break
    LOGGED.clear()
    return report
