"""The walls of the house, read from the source: who may import whom, who reads time, environment and table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from chalicelib.api.errors import STATUS

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "chalicelib"
EDGES = {"api", "triggers"}
FRAMEWORK = {"settings", "telemetry", "clock"}
MAY_IMPORT = {
    "domain": {"domain"},
    "store": {"store", "domain", "settings"},
    "actions": {"actions", "domain", "store"},
    "payments": {"payments", "domain"},
    "api": {"api", "actions", "payments", "domain", "store", "pages"} | FRAMEWORK,
    "triggers": {"triggers", "actions", "payments", "domain", "store"} | FRAMEWORK,
    "pages": {"pages", "domain"},
    "settings": set(),
    "telemetry": {"settings"},
    "clock": set(),
    "__init__": set(),
}
DATABASE = {"pynamodb", "boto3", "botocore"}
AWS = {"triggers", "settings"}
STANDARD_LIBRARY_AND_STRUCTS = {"msgspec"}
FORBIDDEN = ("util", "helper", "manager", "base", "common", "misc")


def _sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _room(path: Path) -> str:
    return path.relative_to(LIBRARY).with_suffix("").parts[0]


def _imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, wherever in it, with names taken from a package spelled out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports out whole"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _called(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every call by its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def _where(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def test_every_room_imports_only_what_the_design_allows() -> None:
    broken = []
    for path in _sources("chalicelib"):
        for name in _imported(_tree(path)):
            parts = name.split(".")
            if parts[0] == "chalicelib" and parts[1] not in MAY_IMPORT[_room(path)]:
                broken.append(f"{_where(path)} imports {name}")
    assert broken == []


def test_nothing_in_the_library_imports_the_app_or_the_local_machine() -> None:
    broken = [
        f"{_where(path)} imports {name}"
        for path in _sources("chalicelib")
        for name in _imported(_tree(path))
        if name.split(".")[0] in {"app", "infra", "tests"}
    ]
    assert broken == []


def test_the_domain_needs_the_standard_library_and_msgspec_only() -> None:
    import sys

    broken = []
    for path in _sources("chalicelib/domain"):
        for name in _imported(_tree(path)):
            package = name.split(".")[0]
            if package not in {"chalicelib", *STANDARD_LIBRARY_AND_STRUCTS} and package not in sys.stdlib_module_names:
                broken.append(f"{_where(path)} imports {name}")
            if package in {"os", "socket", "subprocess", "urllib", "http", "asyncio", "threading", "random", "secrets"}:
                broken.append(f"{_where(path)} imports {name}")
    assert broken == []


def test_only_the_store_knows_the_database() -> None:
    broken = [
        f"{_where(path)} imports {name}"
        for path in _sources("chalicelib")
        for name in _imported(_tree(path))
        # A trigger may send to a queue, settings read the secret; the table is the store's alone.
        if name.split(".")[0] in (DATABASE - {"boto3", "botocore"} if _room(path) in AWS else DATABASE)
        and _room(path) != "store"
    ]
    assert broken == []


def test_only_the_settings_read_the_environment() -> None:
    broken = [
        _where(path)
        for path in [ROOT / "app.py", *_sources("chalicelib")]
        if path != LIBRARY / "settings.py"
        for name in _imported(_tree(path))
        if name in {"os", "os.environ", "os.getenv", "os.environb", "dotenv"}
    ]
    assert broken == []


def test_time_and_chance_come_in_at_the_edge_only() -> None:
    """Only the clock asks the machine for the time or for a new id, and only the edges ask the clock."""
    clocks = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns")
    chance = ("secrets.", "uuid.uuid", "os.urandom", "random.choice", "random.randint", "random.getrandbits")
    broken = []
    for path in _sources("chalicelib"):
        if path == LIBRARY / "clock.py":
            continue
        tree = _tree(path)
        broken += [
            f"{_where(path, line)} calls {name}"
            for name, line in _called(tree)
            if name.endswith(clocks) or name.startswith(chance)
        ]
        if _room(path) not in EDGES:
            broken += [f"{_where(path)} imports the clock" for name in _imported(tree) if name == "chalicelib.clock"]
    assert broken == []


def test_only_actions_commit() -> None:
    broken = []
    for path in _sources("chalicelib"):
        room = _room(path)
        for name, line in _called(_tree(path)):
            last = name.rpartition(".")[2]
            if last == "commit" and room != "actions":
                broken.append(f"{_where(path, line)} commits")
            if last in {"TransactWrite", "batch_write", "put_item", "update_item", "delete_item"} or (
                last in {"save", "delete", "update"} and "row" in name.casefold()
            ):
                if path != LIBRARY / "store" / "table.py":
                    broken.append(f"{_where(path, line)} writes with {name}")
    assert broken == []


def test_the_edges_only_read_from_the_store() -> None:
    writing = {"commit", "put_new", "Write", "TransactWrite"}
    broken = [
        f"{_where(path)} imports {name}"
        for path in _sources("chalicelib/api", "chalicelib/triggers")
        for name in _imported(_tree(path))
        if name.startswith("chalicelib.store") and name.rpartition(".")[2] in writing
    ]
    assert broken == []


@pytest.mark.parametrize("folder", ["chalicelib", "infra", "tests"])
def test_no_file_is_longer_than_one_person_holds_in_the_head(folder: str) -> None:
    long = {_where(path): lines for path in _sources(folder) if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = [_where(path) for path in _sources("chalicelib", "infra", "tests") if path.stem.startswith(FORBIDDEN)]
    assert vague == []


def test_every_module_says_what_it_owns() -> None:
    silent = [
        _where(path)
        for path in [ROOT / "app.py", *_sources("chalicelib", "infra", "tests")]
        if path.read_text().strip() and not ast.get_docstring(_tree(path))
    ]
    assert silent == []


def _raised() -> dict[str, str]:
    """Every code that the source refuses with, and where."""
    found = {}
    for path in [ROOT / "app.py", *_sources("chalicelib")]:
        if path == LIBRARY / "api" / "errors.py":
            continue
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if name in {"Refused", "problem"} and isinstance(first, str):
                found[first] = _where(path, node.lineno)
            elif name == "not_found" and isinstance(first, str):
                found[f"{first}_not_found"] = _where(path, node.lineno)
            elif name in {"Invalid", "_malformed", "read"}:
                given = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "code")]
                for one in given:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.isidentifier():
                        found[one.value] = _where(path, node.lineno)
    return found


def test_every_refusal_in_the_source_has_a_status() -> None:
    assert {code: where for code, where in _raised().items() if code not in STATUS} == {}


def test_every_status_is_one_that_the_source_can_answer() -> None:
    texts = {
        node.value
        for path in [ROOT / "app.py", *_sources("chalicelib", "infra")]
        if path != LIBRARY / "api" / "errors.py"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    template = (ROOT / "infra" / "template.yaml").read_text()
    raised = _raised()
    assert {code for code in STATUS if code not in raised and code not in texts and code not in template} == set()
