"""The schedules that can be run by name on one machine, as of any moment and to their end."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from chalice.app import Chalice

from infra.local import tasks

Schedule = Callable[[datetime], object]
"""Runs a schedule as of a moment (UTC) to the end, whatever it put on a queue included; answers its record.

The record is anything that msgspec encodes. The same handler functions run here that run on AWS.
"""

SCHEDULES = ("due", "metrics", "prove")
"""Every schedule of the app, by the name under which it is asked for: the name of its function too."""


def schedules(app: Chalice, client: Any, address: str) -> dict[str, Schedule]:
    """The app's schedules over a queue: each sends its event, lets the workers empty the queue, tells the record."""
    return {name: functools.partial(_run, app, client, address, name) for name in SCHEDULES}


def _run(app: Chalice, client: Any, address: str, name: str, time: datetime) -> object:
    begun = app.handler_map[name](tasks.schedule_event(time), tasks.context(name))
    tasks.drain(client, address, app.handler_map["work"])
    # Asked for here and not above: the app may be imported only when its settings are there.
    from chalicelib.triggers.schedules import record

    return record(begun["run_id"])


class UnknownSchedule(Exception):
    """There is no schedule of this name."""


class BadRun(Exception):
    """The request does not say as of when; the message says how it must."""


class _Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    time: datetime


class Runner:
    """Runs one schedule at a time, so that two runs asked for at once do not mix."""

    def __init__(self, schedules: Mapping[str, Schedule]) -> None:
        self._schedules = schedules
        self._turn = threading.Lock()

    def run(self, name: str, body: bytes) -> bytes:
        """Run the schedule as of the body's ``{"time": RFC 3339}``; answers its record as JSON."""
        schedule = self._schedules.get(name)
        if schedule is None:
            known = ", ".join(sorted(self._schedules)) or "none"
            raise UnknownSchedule(f"There is no schedule of this name. Known: {known}.")
        try:
            time = msgspec.json.decode(body, type=_Run).time
        except msgspec.DecodeError as error:
            raise BadRun(f'Send {{"time": "2026-12-31T23:00:00Z"}}: {error}.') from None
        if time.tzinfo is None:
            raise BadRun("The time needs an offset, such as Z or +02:00.")
        with self._turn:
            return msgspec.json.encode(schedule(time.astimezone(UTC)))
