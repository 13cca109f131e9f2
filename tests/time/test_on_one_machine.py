"""Real time on the embedded cloud: earned, waited, moved by the schedule's event through queue and worker, seen over
the API."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from infra.local import cloud
from tests.local.test_serve import free_port, local


class Served:
    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key or self.key}"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def due(self, at: datetime) -> Any:
        status, record = self.call("POST", "/_local/schedules/due", {"time": at.isoformat()})
        assert status == 200, record
        return record


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    document = json.loads((cloud.ROOT / "programs" / "boutique.json").read_text())
    document |= {"enrolment": {"mode": "open"}}
    source = tmp_path_factory.mktemp("program") / "program.json"
    source.write_text(json.dumps(document))
    port = free_port()
    with local("serve", "--port", str(port), "--program", str(source)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"owner-key: (\S+)", line)
        assert found, line + (process.stderr.read() if process.stderr else "")
        assert process.stdout.readline().startswith("ready: ")
        yield Served(port, found[1])


def test_a_member_earns_waits_and_is_moved_by_the_schedule(served: Served) -> None:
    _, member = served.call("POST", "/v1/members", {"email": "ann@example.com", "consent": {"marketing": False}})
    path = f"/v1/members/{member['member_id']}"
    sale = {"order_id": "o1", "total": 60_000, "currency": "EUR", "member_id": member["member_id"]}
    _, bought = served.call("POST", "/v1/purchases", sale)
    assert (bought["points"], bought["points_status"]) == (3000, "pending")
    now = datetime.now(UTC)
    assert served.call("GET", path)[1]["points"] == {"available": 0, "pending": 3000, "lifetime": 0}
    assert served.due(now + timedelta(days=12))["done"] == 0, "not yet"
    record = served.due(now + timedelta(days=15))
    assert (record["due"], record["done"], record["failed"]) == (1, 1, 0)
    assert (record["finished"], record["slices"]) == (16, 16)
    assert record["units"] <= 8
    assert served.call("GET", path)[1]["points"] == {"available": 3000, "pending": 0, "lifetime": 3000}
    assert served.due(now + timedelta(days=15))["done"] == 0, "and once"
    served.due(datetime(now.year + 2, now.month, 1, tzinfo=UTC) + timedelta(days=70))
    _, history = served.call("GET", f"{path}/history")
    told = [item["what"] for item in history["items"]]
    assert {"release", "notice", "expiry", "tier"} <= set(told)
    falls = [item["tier_change"] for item in history["items"] if item["what"] == "tier"]
    assert falls[-1] == {"from": "silver", "to": "gold"} and {"from": "gold", "to": "silver"} in falls
    _, session = served.call("POST", f"{path}/sessions", {})
    assert served.call("GET", "/v1/me/history", key=session["token"])[1] == history
    _, ledger = served.call("GET", f"{path}/ledger")
    assert ledger["items"][0]["booked_by"] == "schedule:due"


def test_the_command_runs_the_schedule_and_prints_its_record(served: Served) -> None:
    asked = [sys.executable, "-m", "infra.local.schedule", "--port", str(served.port), "--name"]
    run = subprocess.run(
        [*asked, "due", "--at", "2026-12-24T03:00:00Z"], cwd=cloud.ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["as_of"] == "2026-12-24T03:00:00+00:00"
    unknown = subprocess.run([*asked, "none"], cwd=cloud.ROOT, capture_output=True, text=True, timeout=60)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no schedule of this name" in unknown.stderr


def test_the_metrics_schedule_counts_what_was_sold_and_again_changes_nothing(served: Served) -> None:
    sale = {"order_id": "counted", "total": 4_200, "currency": "EUR", "email": "guest@example.com"}
    assert served.call("POST", "/v1/purchases", sale)[0] == 201
    answers = []
    for _ in range(2):
        now = datetime.now(UTC)
        status, record = served.call("POST", "/_local/schedules/metrics", {"time": now.isoformat()})
        assert (status, record["name"], record["failed"]) == (200, "metrics", 0)
        assert (record["finished"], record["slices"]) == (16, 16)
        assert record["done"] > 0
        answers.append(served.call("GET", "/v1/reports/participation")[1])
    assert answers[0] == answers[1]
    assert (answers[0]["figures"]["guest_purchases"], answers[0]["figures"]["guest_sales"]) == (1, 4_200)
    assert answers[0]["folded_through"] is not None and answers[0]["notes"] == []


def test_the_command_runs_the_metrics_schedule_and_prints_its_record(served: Served) -> None:
    asked = ["-m", "infra.local.schedule", "--port", str(served.port), "--name", "metrics"]
    run = subprocess.run([sys.executable, *asked], cwd=cloud.ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    record = json.loads(run.stdout)
    assert (record["name"], record["finished"], record["slices"]) == ("metrics", 16, 16)
