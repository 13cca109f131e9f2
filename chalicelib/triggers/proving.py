"""Proves every balance every day: the schedule that has each member's entries added up and held to the head.

A program is one task, handed on from worker to worker page by page, so that it costs what there is to prove and no
program waits for another.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import clock, telemetry
from chalicelib.actions import keep_record, reconcile, walk
from chalicelib.domain.calendar import milliseconds
from chalicelib.store import programs, runs
from chalicelib.telemetry import logger
from chalicelib.triggers import queue
from chalicelib.triggers.queue import HasTime, Task, works

blueprint = Blueprint(__name__)
MEMBERS_A_PAGE = 50


@blueprint.schedule("rate(1 day)", name="prove")
def prove(event: CloudWatchEvent) -> dict[str, str]:
    """Sends a task for each program."""
    told = event.to_dict()
    as_of = datetime.fromisoformat(str(told["time"])).astimezone(UTC)
    run_id = f"prove-{as_of:%Y%m%dT%H%M%SZ}-{str(told.get('id', ''))[:8] or clock.new_id('', 8)}"
    tasks = [Task(work="prove", run_id=run_id, as_of=as_of, program_id=one) for one in programs.all_programs()]
    begun_ms = milliseconds(clock.now())
    keep_record.begin(
        run_id, runs.Begun(name="prove", as_of_ms=milliseconds(as_of), begun_ms=begun_ms, slices=len(tasks))
    )
    queue.send(tasks)
    logger.info("run begun", extra={"run": run_id, "tasks": len(tasks)})
    return {"run_id": run_id}


@works("prove")
def prove_members(task: Task, has_time: HasTime) -> None:
    """Proves a program's members; out of time, the next worker goes on behind the last one."""
    started = time.monotonic()
    cursor, members, differing = task.cursor, 0, 0
    while True:
        ids, cursor = walk.page_of_members(task.program_id, cursor, MEMBERS_A_PAGE)
        proved = reconcile.prove(task.program_id, ids)
        members, differing = members + len(ids), differing + len(proved.differences)
        for one in proved.differences:
            # Which, and no more: <stack>-reconcile tells the details to whoever looks into it.
            logger.error("balance differs", extra={"program": task.program_id, "member": one.member_id})
        if cursor is None or not has_time():
            break
    seconds = round(time.monotonic() - started, 3)
    part = runs.Part(due=members, done=members - differing, failed=differing, seconds=seconds, last=cursor is None)
    telemetry.count("ReconcileDifferences", differing, clock.now())
    if cursor is not None:
        queue.send([msgspec.structs.replace(task, cursor=cursor, go=task.go + 1)])
    keep_record.note(task.run_id, f"{task.program_id}#{task.go:06d}", part, milliseconds(clock.now()))
