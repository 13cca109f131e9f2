"""What happens when nobody calls: the schedule that moves members by time, cut into slices and worked off by a queue.

The event's own time is "now", so a run can be made for any moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import clock, telemetry
from chalicelib.actions import keep_record, walk
from chalicelib.domain.calendar import day_number, milliseconds, moment_of
from chalicelib.store import due as due_index
from chalicelib.store import keys, runs
from chalicelib.telemetry import logger
from chalicelib.triggers import queue, run
from chalicelib.triggers.queue import HasTime, Task, works

blueprint = Blueprint(__name__)
MEMBERS_A_TASK = 50
MEMBERS_A_PAGE = 500


# Every hour, for days begin at midnight in each program's own zone.
@blueprint.schedule("rate(1 hour)", name="due")
def due(event: CloudWatchEvent) -> dict[str, str]:
    """Sends one task for each slice of what is due, and one for each program whose owner changed the rules."""
    its = run.called("due", event)
    run.note(its, slices=keys.SHARDS)
    tasks = [Task(work="due", run_id=its.run_id, as_of=its.as_of, slice=number) for number in range(keys.SHARDS)]
    for program_id, version in walk.programs_to_assess():
        assessment = msgspec.structs.replace(its, name="assess", run_id=assessment_of(its.run_id, program_id))
        run.note(assessment, slices=1)
        task = Task(work="assess", run_id=assessment.run_id, as_of=its.as_of, program_id=program_id, version=version)
        tasks.append(task)
    begun = run.send(its, tasks)
    telemetry.count("OldestDueDays", _days_late(its.as_of), clock.now())
    return begun


def _days_late(as_of: datetime) -> int:
    """For how many days the oldest of what is due has waited. One is ordinary: days begin later in the west."""
    today = day_number(as_of.date())
    oldest = (due_index.page(number, today, None, 1) for number in range(keys.SHARDS))
    return max((today - found[0].day for found in oldest if found), default=0)


def assessment_of(run_id: str, program_id: str) -> str:
    """The run of a program's new assessment that a due run began."""
    return f"{run_id}-assess-{program_id}"


@works("due")
def walk_slice(task: Task, has_time: HasTime) -> None:
    """Moves who is due in one slice; out of time, the rest of it goes to the next worker."""
    piece = walk.Piece(
        run_id=task.run_id,
        shard=task.slice,
        go=task.go,
        cursor=task.cursor,
        as_of=task.as_of,
        noted_ms=milliseconds(clock.now()),
    )
    done = walk.walk_slice(piece, has_time)
    if done.following is not None:
        queue.send([msgspec.structs.replace(task, cursor=done.following, go=task.go + 1)])
    _warn(task, f"{task.slice:02d}#{task.go:06d}", done.failed)


@works("assess")
def list_members(task: Task, has_time: HasTime) -> None:
    """Sends a program's members to the workers in small groups, page by page."""
    cursor, go = task.cursor, task.go
    while True:
        ids, cursor = walk.page_of_members(task.program_id, cursor, MEMBERS_A_PAGE)
        groups = [ids[start : start + MEMBERS_A_TASK] for start in range(0, len(ids), MEMBERS_A_TASK)]
        # A page and a group name their part of the record, so a task that comes twice counts once.
        queue.send(
            [
                msgspec.structs.replace(task, work="members", cursor=None, slice=number, go=go, members=group)
                for number, group in enumerate(groups)
            ]
        )
        if cursor is None:
            walk.finish_assessment(task.program_id, task.version)
            return _note(task, "listed", runs.Part(last=True))
        go += 1
        if not has_time():
            return queue.send([msgspec.structs.replace(task, cursor=cursor, go=go)])


@works("members")
def assess_members(task: Task, has_time: HasTime) -> None:
    """Assesses a group of members under the changed program; out of time, the rest goes to the next worker."""
    part, following = walk.walk_members(task.program_id, task.members, task.as_of, task.run_id, has_time)
    first = task.members[0] if task.members else ""
    if following is not None:
        rest = task.members[task.members.index(following) :]
        queue.send([msgspec.structs.replace(task, members=rest)])
    _note(task, f"{task.go:06d}#{task.slice:02d}#{first}", part)


def _note(task: Task, name: str, part: runs.Part) -> None:
    keep_record.note(task.run_id, name, part, milliseconds(clock.now()))
    _warn(task, name, part.failed)


def _warn(task: Task, name: str, failed: int) -> None:
    if failed:
        logger.warning("members set aside", extra={"run": task.run_id, "part": name, "failed": failed})


def record(run_id: str) -> dict[str, Any] | None:
    """A run's record as it is told: with the assessments that it began; None where there is no such run."""
    found = runs.record(run_id)
    if found is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(found)
    told["as_of"] = moment_of(told.pop("as_of_ms")).isoformat()
    return told
