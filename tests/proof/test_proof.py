"""The short form of the proof, and that it is one: it replays, it notices, and its model owes the service nothing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from chalicelib.store import members
from chalicelib.store.table import Write
from infra.local.cloud import started
from tests.proof.run import run

HERE = Path(__file__).parent


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module) if str(node.module).startswith("tests.") else str(node.module).partition(".")[0])
    return found


def test_the_model_shares_no_code_with_the_service() -> None:
    models = sorted(HERE.glob("model*.py"))
    assert [path.name for path in models] == [
        "model.py",
        "model_people.py",
        "model_points.py",
        "model_sales.py",
        "model_things.py",
    ]
    theirs = {f"tests.proof.{path.stem}" for path in models}
    standard = {"__future__", "calendar", "collections", "copy", "dataclasses", "datetime", "fractions", "typing"}
    for path in models:
        assert imported(path) <= theirs | standard | {"zoneinfo"}, path.name


def test_under_faults_the_service_does_what_the_model_says() -> None:
    result = run(12, ops=700, an_hour=240)
    assert not result.differences, result
    assert sum(result.faults.values()) > 80
    assert len(result.faults) > 15
    assert result.retries > 10
    assert result.checked["figures"] > 10


def test_the_same_seed_is_the_same_run_to_the_last_turn() -> None:
    first, second = run(21, ops=120, reports=False), run(21, ops=120, reports=False)
    assert first.fingerprint == second.fingerprint
    assert (first.faults, first.answers, first.calls) == (second.faults, second.answers, second.calls)


def test_the_embedded_cloud_and_the_engine_in_this_process_are_one_to_the_service() -> None:
    inside = run(21, ops=60, reports=False)
    with started(services=("dynamodb",)) as cloud:
        outside = run(21, ops=60, endpoint=cloud.endpoint, reports=False)
    assert not outside.differences, outside
    assert (inside.fingerprint, inside.answers) == (outside.fingerprint, outside.answers)


def test_a_head_that_is_written_without_its_version_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = members.move

    def unguarded(*given: Any) -> Write:
        return Write(guarded(*given).row)

    monkeypatch.setattr(members, "move", unguarded)
    assert run(31, ops=250, reports=False).count
