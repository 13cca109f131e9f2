"""How a scheduled run begins: what its event says, then its record, then its tasks on the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from chalice.app import CloudWatchEvent

from chalicelib import clock
from chalicelib.actions import keep_record
from chalicelib.domain.calendar import milliseconds
from chalicelib.store import runs
from chalicelib.telemetry import logger
from chalicelib.triggers import queue
from chalicelib.triggers.queue import Task


class Run(msgspec.Struct, frozen=True):
    """``as_of`` is the event's own time; ``asked`` where the event is no rule's, but somebody's who asks for a run."""

    name: str
    run_id: str
    as_of: datetime
    asked: bool


def called(name: str, event: CloudWatchEvent) -> Run:
    told = event.to_dict()
    as_of = datetime.fromisoformat(str(told["time"])).astimezone(UTC)
    run_id = f"{name}-{as_of:%Y%m%dT%H%M%SZ}-{str(told.get('id', ''))[:8] or clock.new_id('', 8)}"
    return Run(name, run_id, as_of, asked=not told.get("resources"))


def note(run: Run, slices: int) -> None:
    """Begins a run's record: ``slices`` are its pieces of work."""
    as_of_ms, begun_ms = milliseconds(run.as_of), milliseconds(clock.now())
    begun = runs.Begun(name=run.name, as_of_ms=as_of_ms, begun_ms=begun_ms, slices=slices)
    keep_record.begin(run.run_id, begun)


def send(run: Run, tasks: Sequence[Task]) -> dict[str, str]:
    """Puts the tasks of a run that was noted on the queue; answers what the schedule's function does."""
    queue.send(tasks)
    logger.info("run begun", extra={"run": run.run_id, "tasks": len(tasks)})
    return {"run_id": run.run_id}
