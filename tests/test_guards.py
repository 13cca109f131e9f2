"""The list of guards is true of the source: each stands where the list says, once, and its tests exist.

That the tests fail without them is what ``make guards`` shows; it takes minutes, so it is not part of every run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards import Guard
from tests.guards.listing import ALL, PAGE, page

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("guard", ALL, ids=lambda one: one.name)
def test_a_guard_stands_where_the_list_says(guard: Guard) -> None:
    for file, old, _ in guard.cuts:
        assert (ROOT / file).read_text().count(old) == 1, file
    for test in guard.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), test


def test_a_guard_is_covered_by_one_that_is_listed() -> None:
    names = {guard.name for guard in ALL}
    assert len(names) == len(ALL)
    assert {guard.covered_by for guard in ALL if guard.covered_by} <= names


def test_the_page_says_what_the_list_says() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.guards.listing"
