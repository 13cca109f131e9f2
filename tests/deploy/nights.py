"""Schedules, queue and workers in process: each function called by its own handler, as Lambda calls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from app import app
from infra.local import tasks
from tests.moments import at

QUEUE = "WorkQueue"
"""The name that it has in the template, by which tests/watched.py names a call's resource."""


class Nights:
    """A queue on the table's own cloud. Must be opened inside ``tests.shop.opened``."""

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address

    def run(self, schedule: str, moment: str, *, ours: bool = True) -> int:
        """The schedule at that moment, and the workers until nothing waits; answers how many tasks failed.

        ``ours`` is a run that a rule started, as it does on AWS; otherwise somebody asked for it.
        """
        event = tasks.schedule_event(datetime.fromisoformat(moment))
        event["resources"] = ["arn:aws:events:eu-central-1:000000000000:rule/r"] if ours else []
        with at(moment):
            app.handler_map[schedule](event, tasks.context(schedule))
            return tasks.drain(self.client, self.address, app.handler_map["work"])


@contextmanager
def nights() -> Iterator[Nights]:
    import botocore.session

    from chalicelib.triggers import queue

    client = botocore.session.get_session().create_client("sqs", region_name="eu-central-1")
    address = str(client.create_queue(QueueName=QUEUE)["QueueUrl"])
    with patch.dict("os.environ", REGULARS_QUEUE_URL=address), patch.dict(queue._CLIENTS, clear=True):
        yield Nights(client, address)
