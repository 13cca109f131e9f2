"""Every report that the API answers has its page, and the page names every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.actions.report import KINDS, Report
from tests.metrics import grocer
from tests.metrics.books import WHOLE, Books

PAGES = Path(__file__).parent.parent.parent / "docs" / "reports"
INDEX = (PAGES / "README.md").read_text(encoding="utf-8")
SECTIONS = ("**Question.**", "**Formula.**", "## How to read it", "## When not to believe it", "## Fields")
IN_EVERY_RATE = {"value", "numerator", "denominator"}


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def named(value: Any) -> Iterator[str]:
    """Every field of an answer, of what stands in it too; a rate's own are told once for all."""
    if isinstance(value, list):
        for one in value:
            yield from named(one)
    elif isinstance(value, dict) and set(value) != IN_EVERY_RATE:
        for name, one in value.items():
            yield name
            yield from named(one)


def test_each_report_has_a_page_and_each_page_a_report() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*KINDS, "README"}
    for name, kind in KINDS.items():
        assert f"[{name}]({name}.md)" in INDEX
        assert page(name).startswith(f"# {name}\n")
        assert kind.question.partition(",")[0].rstrip("?") in page(name), name


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_page_tells_the_question_the_formula_how_to_read_it_and_when_not_to_believe_it(name: str) -> None:
    places = [page(name).index(section) for section in SECTIONS]
    assert places == sorted(places)
    for option in KINDS[name].options:
        assert f"`{option}" in page(name)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_page_names_every_field_that_is_answered(books: Books, name: str) -> None:
    told = books.ask(name, WHOLE, **({"days": grocer.SIZE.days} if "days" in KINDS[name].options else {}))
    fields = set(named(told["figures"])) | set(named(told["rows"]))
    assert fields, "nothing was answered"
    listed = page(name)[page(name).index("## Fields") :]
    missing = {field for field in fields if f"`{field}`" not in listed}
    assert not missing, f"docs/reports/{name}.md does not tell of {sorted(missing)}"


@pytest.mark.parametrize("field", [*Report.__struct_fields__, *sorted(IN_EVERY_RATE)])
def test_what_every_report_answers_is_told_once(field: str) -> None:
    assert re.search(rf"`{field}`", INDEX)
