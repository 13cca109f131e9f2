"""The queue between a schedule and its workers: tasks sent, tasks worked off, and what failed reported alone.

A task says all that its worker needs, so any worker may take it, twice or in any order. Whoever adds a kind of work
registers a function with ``works``; nothing else here knows what work there is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from chalice.app import Blueprint, SQSEvent

from chalicelib import settings, triggers
from chalicelib.telemetry import logger

blueprint = Blueprint(__name__)
MARGIN_MS = 5_000
"""A worker stops so long before its time limit and hands on where it was."""
AT_ONCE = 10
"""Messages that one call to the queue takes."""


class Task(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One piece of a run. ``as_of`` is the schedule's own time; ``go`` counts how often the piece was handed on."""

    work: str
    run_id: str
    as_of: datetime
    slice: int = 0
    go: int = 0
    cursor: str | None = None
    program_id: str = ""
    version: int = 0
    members: list[str] = []


HasTime = Callable[[], bool]
Worker = Callable[[Task, HasTime], None]
_WORKERS: dict[str, Worker] = {}


def works(name: str) -> Callable[[Worker], Worker]:
    """Registers a function as the worker for tasks of a name."""

    def register(worker: Worker) -> Worker:
        _WORKERS[name] = worker
        return worker

    return register


def _worker(name: str) -> Worker:
    """The worker for tasks of a name. Raises KeyError where there is none."""
    if name not in _WORKERS:
        # Lambda imports the module of its handler and no other; those that register workers stand beside it.
        for module in pkgutil.iter_modules(triggers.__path__, f"{triggers.__name__}."):
            importlib.import_module(module.name)
    return _WORKERS[name]


def send(tasks: Sequence[Task]) -> None:
    """Puts tasks on the queue. Raises RuntimeError where the queue did not take one."""
    client, address = _client()
    for start in range(0, len(tasks), AT_ONCE):
        batch = [
            {"Id": str(number), "MessageBody": msgspec.json.encode(task).decode()}
            for number, task in enumerate(tasks[start : start + AT_ONCE])
        ]
        refused = client.send_message_batch(QueueUrl=address, Entries=batch).get("Failed", [])
        if refused:
            raise RuntimeError(f"the queue refused {len(refused)} tasks: {refused[0]['Code']}")


def _client() -> tuple[Any, str]:
    """The queue's client, made when first needed: no request over HTTP ever does."""
    import botocore.session

    address = settings.queue_url()
    if address not in _CLIENTS:
        # The queue's own address says where it stands: on AWS or on one machine.
        endpoint = address.partition("://")[0] + "://" + address.partition("://")[2].partition("/")[0]
        session = botocore.session.get_session()
        _CLIENTS[address] = session.create_client("sqs", region_name=settings.region(), endpoint_url=endpoint)
    return _CLIENTS[address], address


_CLIENTS: dict[str, Any] = {}


# The queue's name is a placeholder: infra/template.yaml gives the function the deployment's own queue.
@blueprint.on_sqs_message(queue="work", batch_size=1, name="work")
def work(event: SQSEvent) -> dict[str, Any]:
    """Works off the tasks of one delivery; those that failed are reported alone, to come again or be dead-lettered."""
    failed = []
    context: Any = event.context

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > MARGIN_MS)

    for record in event.to_dict()["Records"]:
        try:
            task = msgspec.json.decode(record["body"], type=Task)
            _worker(task.work)(task, has_time)
        except Exception as error:
            logger.error("task failed", extra={"fault": type(error).__name__, "delivery": record["messageId"]})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
