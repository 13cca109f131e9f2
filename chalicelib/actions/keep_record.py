"""Keeps the record of scheduled runs: how each began, what each worker did, which members could not be moved."""

from __future__ import annotations

from chalicelib.store import runs
from chalicelib.store.table import Lost, Write, commit


def begin(run_id: str, begun: runs.Begun) -> None:
    """Notes a run; the same run again changes nothing."""
    _once(runs.begun(run_id, begun))


def note(run_id: str, name: str, part: runs.Part, now_ms: int) -> None:
    """Adds a worker's part; told twice it counts once."""
    _once(runs.part(run_id, name, part, now_ms))


def begin_page(run_id: str, name: str, page: runs.Part, now_ms: int) -> runs.Part | None:
    """Notes whom a worker is about to move; answers what was noted before under this name, if anything was."""
    try:
        commit([runs.part(run_id, name, page, now_ms)])
    except Lost:
        return runs.noted(run_id, name)
    return None


def end_page(run_id: str, name: str, page: runs.Part, now_ms: int) -> None:
    """Notes what became of a page, in the place of what was about to."""
    commit([runs.part_again(run_id, name, page, now_ms)])


def _once(write: Write) -> None:
    try:
        commit([write])
    except Lost:
        return


def set_aside(program_id: str, aside: runs.Aside) -> None:
    commit([runs.set_aside(program_id, aside)])


def take_up_again(program_id: str, moved: set[str]) -> None:
    """Takes back from those set aside whoever was moved after all."""
    for aside in runs.those_aside(program_id, None, 1_000):
        if aside.member_id in moved:
            commit([runs.taken_up_again(program_id, aside.member_id)])
