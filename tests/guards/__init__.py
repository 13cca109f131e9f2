"""Every guard of the product's heart as data: what it is, how it is deleted, and the test that fails without it."""

from __future__ import annotations

import msgspec

RACES = "tests/test_races.py::test_"
API = "tests/api/test_"


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """``cuts`` are (file, old text, new text): what deleting it means. ``tests`` fail without it.

    ``covered_by`` names the guard that still holds when this one alone is deleted; then ``tests`` pass, and another
    row deletes both.
    """

    name: str
    cuts: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]
    covered_by: str = ""


def guard(name: str, file: str, old: str, test: str, new: str = "", covered_by: str = "") -> Guard:
    """A guard in one place. A condition of an ``if`` is deleted by never holding, unless ``new`` says how."""
    if not new:
        assert old.startswith("if ") and old.endswith(":"), old
        new = "if False:"
    return Guard(name=name, cuts=((f"chalicelib/{file}", old, new),), tests=(test,), covered_by=covered_by)


def together(name: str, guards: list[Guard], test: str) -> Guard:
    """Guards that cover each other, deleted at once."""
    return Guard(name=name, cuts=tuple(cut for one in guards for cut in one.cuts), tests=(test,))
