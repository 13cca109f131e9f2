"""Proves every balance once in four weeks: the schedule that has members' entries added up and held to their heads.

Each night has its turn of the members, so a night costs a part of the ledger and not all of it. A program is one
task, handed on from worker to worker page by page, and no program waits for another.
"""

from __future__ import annotations

import time

import msgspec
from chalice.app import Blueprint, CloudWatchEvent

from chalicelib import clock, telemetry
from chalicelib.actions import keep_record, reconcile, walk
from chalicelib.domain.calendar import day_number, milliseconds
from chalicelib.domain.reconciliation import TURNS
from chalicelib.domain.reconciliation import turn as turn_of
from chalicelib.store import programs, runs
from chalicelib.telemetry import logger
from chalicelib.triggers import queue, run
from chalicelib.triggers.queue import HasTime, Task, works

blueprint = Blueprint(__name__)
MEMBERS_A_PAGE = 200
EVERYBODY = -1


@blueprint.schedule("rate(1 day)", name="prove")
def prove(event: CloudWatchEvent) -> dict[str, str]:
    """Sends a task for each program; for every member where the event is no rule's, but somebody's who asks."""
    its = run.called("prove", event)
    turn = EVERYBODY if its.asked else day_number(its.as_of.date()) % TURNS
    tasks = [
        Task(work="prove", run_id=its.run_id, as_of=its.as_of, program_id=one, slice=turn)
        for one in programs.all_programs()
    ]
    run.note(its, slices=len(tasks))
    return run.send(its, tasks)


@works("prove")
def prove_members(task: Task, has_time: HasTime) -> None:
    """Proves a program's members whose turn it is; out of time, the next worker goes on behind the last one."""
    started = time.monotonic()
    cursor, members, differing = task.cursor, 0, 0
    while True:
        listed, cursor = walk.page_of_members(task.program_id, cursor, MEMBERS_A_PAGE)
        ids = [one for one in listed if task.slice in (EVERYBODY, turn_of(one))]
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
