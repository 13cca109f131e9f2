"""Pages that answer by tests' names: every test that they name exists, and every test of fraud is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOME = {"compared.md": "tests/test_faults_seen_elsewhere.py", "abuse.md": "tests/abuse/test_fraud.py"}


def named(page: str) -> set[tuple[str, str]]:
    """The tests that a page names, each with its file: the one said behind it, or the page's own."""
    text = (ROOT / "docs" / page).read_text()
    found = re.findall(r"`(test_\w+)`(?: in `(tests/[\w/]+\.py)`)?", text)
    return {(file or HOME[page], name) for name, file in found}


def standing_in(file: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / file).read_text(), re.M))


@pytest.mark.parametrize("page", sorted(HOME))
def test_every_test_that_is_named_exists(page: str) -> None:
    rows = named(page)
    assert len(rows) > 10
    assert {(file, name) for file, name in rows if name not in standing_in(file)} == set()


@pytest.mark.parametrize("page", sorted(HOME))
def test_every_test_of_the_pages_own_file_is_told(page: str) -> None:
    assert standing_in(HOME[page]) <= {name for file, name in named(page) if file == HOME[page]}


def test_every_fault_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+)\. ", (ROOT / "docs" / "compared.md").read_text(), re.M)
    assert rows == [str(number) for number in range(1, 21)]
