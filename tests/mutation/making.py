"""A copy of the repository whose domain holds every mutant beside the original, each chosen by its name."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import shutil
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parent.parent.parent
DOMAIN = Path("chalicelib") / "domain"
COPIED = (
    "app.py",
    "chalicelib",
    "infra",
    "programs",
    "events",
    "docs",
    "tests",
    "pyproject.toml",
    "Makefile",
    ".chalice",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", "mutants")
MADE = "mutants.json"
_THEIRS = "from mutmut.mutation.trampoline import wrap_in_trampoline"
_OURS = "from tests.mutation.trampoline import wrapped"
_WRAPPED = ("property", "lru_cache", "cache")


def copied(folder: Path, wanted: list[str]) -> dict[str, dict[str, str]]:
    """Brings the copy up to date and answers its mutants by module: each name with its function's fingerprint.
    Where some modules are ``wanted`` the others stay as they are.

    A module that has not changed keeps the mutants it had, for making them takes longer than anything else here.
    """
    before = json.loads((folder / MADE).read_text()) if (folder / MADE).exists() else {}
    kept = folder / "made"  # apart from the copy, which an interrupted run leaves half made
    kept.mkdir(exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        elif source.exists():
            shutil.copy(source, folder / name)
    (folder / "README.md").write_text((ROOT / "README.md").read_text())
    made = {}
    for path in sorted((folder / DOMAIN).glob("*.py")):
        if wanted and path.stem not in wanted:
            if path.stem in before:
                made[path.stem] = before[path.stem]
            continue
        text = path.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        known = before.get(path.stem)
        if known is None or known["digest"] != digest or not (kept / path.name).exists():
            code, names = _mutated(path, text)
            (kept / path.name).write_text(code)
            known = {"digest": digest, "names": names}
        shutil.copy(kept / path.name, path)
        made[path.stem] = known
    (folder / MADE).write_text(json.dumps(made))
    return {module: told["names"] for module, told in made.items()}


def _mutated(path: Path, text: str) -> tuple[str, dict[str, str]]:
    from mutmut.mutation.file_mutation import mutate_file_contents  # only make mutation installs it

    plain = _unwrapped(text)
    made = mutate_file_contents(str(path), plain)
    prints = {
        f"{prefix}{node.name}": hashlib.sha256(ast.dump(node).encode()).hexdigest()[:12]
        for prefix, node in _functions(ast.parse(plain))
    }
    code = made.code.replace(_THEIRS, _OURS)
    return code, {name: prints[name.rpartition("__mutmut_")[0]] for name in made.mutant_names}


def _functions(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module, each with what mutmut puts before its name."""
    found = [("x_", node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    for each in tree.body:
        if isinstance(each, ast.ClassDef):
            found.extend((f"xǁ{each.name}ǁ", node) for node in each.body if isinstance(node, ast.FunctionDef))
    return found


def _unwrapped(text: str) -> str:
    """Properties and cached functions wrapped after their definition: mutmut leaves decorated functions alone."""
    lines = text.splitlines()
    for _, node in sorted(_functions(ast.parse(text)), key=lambda one: -one[1].lineno):
        if len(node.decorator_list) != 1 or node.end_lineno is None:
            continue
        decorator = node.decorator_list[0]
        wrapper = ast.unparse(decorator)
        if wrapper.partition("(")[0] in _WRAPPED:
            lines.insert(node.end_lineno, f"{' ' * node.col_offset}{node.name} = {wrapper}({node.name})")
            del lines[decorator.lineno - 1]
    return "\n".join(lines) + "\n"


def difference(folder: Path, module: str, mutant: str) -> str:
    """What a mutant changes, as the lines taken away and put in."""
    function = mutant.rpartition("__mutmut_")[0]
    found = {}
    for node in ast.walk(ast.parse((folder / "made" / f"{module}.py").read_text())):
        if isinstance(node, ast.FunctionDef) and node.name in (mutant, f"{function}__mutmut_orig"):
            node.decorator_list = []
            found[node.name == mutant] = dedent(ast.unparse(node)).splitlines()[1:]
    lines = difflib.unified_diff(found[False], found[True], lineterm="", n=0)
    return "\n".join(line for line in lines if line[0] in "-+" and line[:3] not in ("---", "+++"))
