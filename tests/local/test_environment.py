"""Environments are made by one make at a time, whatever stands in another's way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "infra" / "local" / "environment.sh"
PYTHON = """#!/bin/sh
# Stands for a Python: notes what is asked of it, and takes a while.
case $2 in
venv) echo venv >>"$NOTES"; sleep 0.3; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
pip) echo pip >>"$NOTES"; sleep 0.7; exit "${FAILS:-0}" ;;
esac
"""


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "python"
        self.notes = folder / "notes"
        self.said = folder / "said"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)

    def make(self, python: bool = True, **environment: str) -> subprocess.Popen[bytes]:
        named = str(self.python) if python else ""
        command = ["sh", str(SCRIPT), named, "env", "requirements.txt", "env/.made"]
        told = {**os.environ, "NOTES": str(self.notes), "TMPDIR": str(self.folder), **environment}
        with self.said.open("a") as said:
            return subprocess.Popen(command, cwd=self.folder, env=told, stderr=said)

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {"python", "notes", "said"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_two_makes_at_once_make_one_environment(place: Place) -> None:
    makes = [place.make(), place.make()]
    assert [each.wait(30) for each in makes] == [0, 0]
    assert place.notes.read_text().split() == ["venv", "pip"]
    told = place.said.read_text()
    assert (told.count("Making env"), told.count("Waiting for another make")) == (1, 1)
    assert place.left() == {"env"} and (place.folder / "env" / ".made").exists()


def test_who_waited_for_one_that_failed_makes_it(place: Place) -> None:
    first = place.make(FAILS="1")
    while not place.notes.exists():
        assert first.poll() is None
    second = place.make()
    assert (first.wait(30), second.wait(30)) == (1, 0)
    assert place.notes.read_text().split() == ["venv", "pip"] * 2
    assert place.left() == {"env"}


def test_a_killed_make_is_in_nobodys_way(place: Place) -> None:
    killed = place.make()
    while not (place.folder / "env.lock" / "holder").exists() or not place.notes.exists():
        assert killed.poll() is None
    killed.kill()
    killed.wait(30)
    assert place.make().wait(30) == 0
    assert place.make(python=False).wait(30) == 0
    assert place.notes.read_text().split() == ["venv", "venv", "pip", "pip"]
    assert "env.lock" not in place.left()
