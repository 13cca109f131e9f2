"""A delivery of tasks of which one fails: that one is reported and told in the log, the others are done."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from chalicelib.triggers import queue
from chalicelib.triggers.queue import HasTime, Task
from infra.deploy.stage import ROOT


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_only_the_task_that_failed_comes_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def worker(task: Task, has_time: HasTime) -> None:
        if task.run_id == "poisoned":
            raise ValueError("ann@example.com has no head")
        done.append(task.run_id)

    monkeypatch.setitem(queue._WORKERS, "test", worker)
    bodies = [
        json.dumps({"work": "test", "run_id": name, "as_of": datetime.now(UTC).isoformat()})
        for name in ("first", "poisoned", "last")
    ]
    records = [{"messageId": f"m-{number}", "body": body} for number, body in enumerate([*bodies, "this is no task"])]
    answer = queue.work({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-3"}]}
    assert done == ["first", "last"]
    told = [(record.getMessage(), vars(record)["fault"], vars(record)["delivery"]) for record in caplog.records]
    assert told == [("task failed", "ValueError", "m-1"), ("task failed", "DecodeError", "m-3")]


def test_the_workers_are_there_where_only_the_queues_module_is_imported() -> None:
    """Lambda imports ``chalicelib.triggers.queue`` for its handler, and no app."""
    found = subprocess.run(
        [sys.executable, "-c", "from chalicelib.triggers import queue; print(queue._worker('due').__module__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "chalicelib.triggers.schedules"
