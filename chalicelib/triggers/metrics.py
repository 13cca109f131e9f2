"""Counts every night: the schedule that folds each program's journal into the rollups that reports read.

The event's own time is "now", so a run can be made for any moment; a run made again changes nothing. What folds is
imported when a night comes, not with every start for a shopper.
"""

from __future__ import annotations

import time

from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import clock
from chalicelib.actions import keep_record
from chalicelib.domain.calendar import milliseconds
from chalicelib.store import keys, runs
from chalicelib.triggers import queue, run
from chalicelib.triggers.queue import HasTime, Task, works

blueprint = Blueprint(__name__)


# Every hour, for the night begins at midnight in each program's own zone.
@blueprint.schedule("rate(1 hour)", name="metrics")
def metrics(event: CloudWatchEvent) -> dict[str, str]:
    """Sends a task for each slice of each program whose day changed since it was folded; of every program where the
    event is no rule's, but somebody's who asks for a run."""
    from chalicelib.actions import fold

    its = run.called("metrics", event)
    due = fold.programs_to_fold(its.as_of, everything=its.asked)
    tasks = [
        Task(work="fold", run_id=its.run_id, as_of=its.as_of, program_id=program_id, slice=number)
        for program_id in due
        for number in range(keys.SHARDS)
    ]
    run.note(its, slices=len(tasks))
    return run.send(its, tasks)


@works("fold")
def fold_slice(task: Task, has_time: HasTime) -> None:
    """Folds one slice of one program up to the run's day; out of time, the next worker goes on where it was."""
    from chalicelib.actions import fold

    started = time.monotonic()
    done = fold.fold_until(task.program_id, task.slice, task.as_of, clock.now(), has_time)
    part = runs.Part(due=done.rows, done=done.rows, seconds=round(time.monotonic() - started, 3), last=done.finished)
    keep_record.note(task.run_id, f"{task.program_id}#{task.slice:02d}#{task.go:06d}", part, milliseconds(clock.now()))
    if not done.finished:
        queue.send(
            [
                Task(
                    work="fold",
                    run_id=task.run_id,
                    as_of=task.as_of,
                    program_id=task.program_id,
                    slice=task.slice,
                    go=task.go + 1,
                )
            ]
        )
