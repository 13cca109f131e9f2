"""Deletes each guard in turn, in a copy of the repository, and runs the tests that must fail without it.

``python -m tests.guards``: all of them; ``python -m tests.guards token stock``: those whose name holds a word.
Exits non-zero where a guard can be deleted unseen, or where the list says what is not so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.guards import Guard
from tests.guards.listing import ALL

ROOT = Path(__file__).parent.parent.parent
COPIES = 2
LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "*cache*", ".hypothesis", "build", "__pycache__")


def _run(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout[-2_000:] + done.stderr[-500:]


def _without(folder: Path, guard: Guard) -> str:
    """What deleting a guard showed; empty where all is as the list says."""
    kept: dict[Path, str] = {}
    try:
        for file, old, new in guard.cuts:
            path = folder / file
            text = path.read_text()
            kept.setdefault(path, text)
            if text.count(old) != 1:
                return f"stands {text.count(old)} times in {file}"
            path.write_text(text.replace(old, new))
        code, told = _run(folder, guard.tests)
    finally:
        for path, text in kept.items():
            path.write_text(text)
    if code not in (0, 1):
        return f"the tests did not run:\n{told}"
    if guard.covered_by:
        return "" if code == 0 else "a test fails without it, so nothing covers it: take covered_by away"
    return "" if code == 1 else "can be deleted and no test fails"


def main(words: list[str]) -> int:
    chosen = [one for one in ALL if not words or any(word.casefold() in one.name.casefold() for word in words)]
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        folders: Queue[Path] = Queue()
        for number in range(COPIES):
            folder = Path(place) / str(number)
            shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
            folders.put(folder)
        tests = tuple(dict.fromkeys(test for one in chosen for test in one.tests))
        code, told = _run(Path(place) / "0", tests)
        if code:
            print(f"With every guard in place the tests must pass:\n{told}")
            return 1

        def deleted(one: Guard) -> str:
            folder = folders.get()
            try:
                return _without(folder, one)
            finally:
                folders.put(folder)

        with ThreadPoolExecutor(COPIES) as pool:
            for one, found in zip(chosen, pool.map(deleted, chosen), strict=True):
                wrong += bool(found)
                print(f"{'WRONG  ' if found else 'covered' if one.covered_by else 'seen   '} {one.name}", flush=True)
                if found:
                    print(f"        {found}")
    print(f"{len(chosen)} guards, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
