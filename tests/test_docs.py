"""Holds what is written for people to what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

import app  # the calls are declared when the app is imported
from chalicelib.api.door import PREFIX, Door
from chalicelib.api.errors import STATUS
from chalicelib.domain import history, joining, ledger, member, program, purchase, voucher

ROOT = Path(app.__file__ or "").resolve().parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM = (ROOT / "docs" / "program.md").read_text(encoding="utf-8")

# Where the document's parts that stand in lists, and so have no path of their own, are described.
PLACES = {
    program.Multiplier: r"A \*\*multiplier\*\*:.*",
    program.CheckIn: r"A \*\*check-in\*\*:.*",
    program.Level: r"\| `tiers\.levels`.*",
    program.StampCard: r"## Stamp cards\n(?s:.*?)(?=\n## )",
    program.Reward: r"## Rewards\n(?s:.*?)(?=\n## )",
    program.Plan: r"\| `plans`.*",
}
# One default says it for all: each means nothing without the policy, or without the pilot, that it belongs to.
WITHOUT_DEFAULT = {"expiry.months", "expiry.month", "expiry.day", "pilot.max_members", "pilot.ends_on"}


def parts(kind: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field of the program document as (path, type, field); parts of a list have the path of their name alone."""
    for field in msgspec.structs.fields(kind):
        own = f"{path}.{field.name}" if path else field.name
        structs = list(structs_in(msgspec.inspect.type_info(field.type)))
        if not structs:
            yield own, kind, field
        for each in structs:
            listed = each in PLACES
            if listed or each is program.Pilot or field.default is None:
                yield own, kind, field
            yield from parts(each, "" if listed else field.name)


def structs_in(info: Any) -> Iterator[Any]:
    if isinstance(info, msgspec.inspect.StructType):
        yield info.cls
    for part in (*getattr(info, "types", ()), getattr(info, "item_type", None)):
        if part is not None:
            yield from structs_in(part)


def test_every_field_of_the_program_document_is_told_where_it_belongs() -> None:
    found = list(parts(program.Program))
    assert len(found) > 70
    for path, kind, _ in found:
        if kind in PLACES:
            place = re.search(PLACES[kind], PROGRAM)
            assert place and f"`{path}`" in place[0], f"docs/program.md: {kind.__name__} lacks `{path}`"
        elif path != "tiers":
            assert f"`{path}`" in PROGRAM, f"docs/program.md does not tell of `{path}`"


def test_every_default_of_the_program_document_stands_in_brackets() -> None:
    for path, kind, field in parts(program.Program):
        if kind in PLACES or path in WITHOUT_DEFAULT or field.default is msgspec.NODEFAULT or path == "tiers":
            continue
        words = {None: "none"}.get(field.default, f"`{field.default}`" if isinstance(field.default, str) else None)
        default = 1 if path == "expiry.after_years" else field.default
        words = str(default) if isinstance(default, int) else words
        if words is not None:
            assert re.search(rf"`{re.escape(path)}`(, `\S+`)* \[{re.escape(words)}\]", PROGRAM), (path, words)


def test_every_error_code_is_in_the_table_with_its_status_and_no_other() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]*`) \|", text, re.M)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert told == STATUS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            found = page.parent / file if file else page
            assert found.exists(), f"{page.name} links to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.M)
                assert anchor in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.M))
    code = re.findall(r"`[^`\n]+`|^```(?s:.*?)^```", page.read_text(encoding="utf-8"), re.M)
    named = {name for part in code for name in re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", part, re.M)}
    assert named <= targets, named - targets


def test_the_readme_says_how_to_run_and_how_to_test() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^make run\b", text, re.M) and re.search(r"^make test\b", text, re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("$API", PREFIX)
    calls = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s`?\"]+)", text)
    for method, path in calls:
        assert any(answers(operation, method, path) for operation in Door.operations), f"{page.name}: {method} {path}"


def answers(operation: Any, method: str, path: str) -> bool:
    declared, asked = (PREFIX + operation.path).split("/"), path.split("/")
    same = len(declared) == len(asked) and all(
        part == each or part.startswith("{") for part, each in zip(declared, asked, strict=True)
    )
    return same and operation.method == method


@pytest.mark.parametrize(
    "kind",
    [
        member.Head,
        ledger.Entry,
        purchase.Purchase,
        purchase.Refund,
        voucher.Voucher,
        voucher.Settled,
        voucher.Spent,
        joining.Joined,
        history.Event,
    ],
    ids=lambda kind: str(kind.__name__),
)
def test_every_stored_name_is_spelled_out(kind: type[msgspec.Struct]) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(kind):
        assert f"`{field.encode_name}` {field.name}" in text, f"docs/architecture.md lacks `{field.encode_name}`"


@pytest.mark.parametrize("name", ["rooms.svg", "purchase.svg"])
def test_pictures_are_whole_and_fit_light_and_dark(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    picture = ElementTree.fromstring(text)
    assert picture.find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme:dark" in text and "href" not in text
