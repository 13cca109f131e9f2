"""``python -m tests.mutation [module …]``: the score of the domain's mutants, module by module.

``FOLDER`` is where the copy and the results stay (build/mutation), so a run goes on where the last one ended: only
mutants of functions that changed, and survivors, are tried again. ``UNTIL`` ends it at a time of day; ``ONLY`` names
the tests to run instead of all that reach the domain.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from tests.mutation.making import ROOT, copied, difference

IMPORTANT = [
    *("points", "ledger", "money", "refunding", "earning", "purchase", "voucher", "tiers", "tier_basis", "advance"),
    *("bonus", "calendar", "member", "referral", "merging", "restating", "plan", "yearly", "reconciliation", "story"),
    *("joining", "history", "explanation", "past_order", "reading", "reading_faults", "program", "program_rules"),
]
"""What money hangs on comes first, then what reads from outside, then the figures of reports."""
TESTS = ["tests/domain", "tests/test_properties.py", "tests/people/test_properties_people.py"]
"""Those that call the domain itself, or act on a table in memory: quick enough to be run thousands of times."""
SECONDS = [1.5, 20.0]
"""For how many seconds of tests a mutant is tried; what survives the first round is tried again in the second."""


def results(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / "results.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def score(folder: Path, modules: list[str], mutants: dict[str, dict[str, str]], survivors: bool) -> None:
    found = results(folder)
    total: Counter[str] = Counter()
    print(f"{'module':24}{'mutants':>8}{'killed':>8}{'survived':>9}{'unreached':>10}{'not run':>8}{'score':>8}")
    for module in modules:
        count: Counter[str] = Counter()
        for mutant, fingerprint in mutants[module].items():
            told = found.get(f"chalicelib.domain.{module}.{mutant}")
            outcome = str(told["outcome"]) if told and told["of"] == fingerprint else "not run"
            count["killed" if outcome == "too long" else outcome] += 1
            if survivors and outcome in ("survived", "unreached"):
                print(f"--- {module}.{mutant} ({outcome})\n{difference(folder, module, mutant)}")
        if count:
            print(_line(module, count))
        total += count
    print(_line("all", total))


def _line(name: str, count: Counter[str]) -> str:
    ran = count.total() - count["not run"]
    share = f"{100 * count['killed'] / ran:.1f} %" if ran else ""
    columns = f"{count.total():8}{count['killed']:8}{count['survived']:9}{count['unreached']:10}{count['not run']:8}"
    return f"{name:24}{columns}{share:>8}"


def main(words: list[str]) -> int:
    folder = Path(os.environ.get("FOLDER") or ROOT / "build" / "mutation")
    folder.mkdir(parents=True, exist_ok=True)
    modules = [word for word in words if not word.startswith("-")]
    mutants = copied(folder, modules)
    modules = modules or [*(one for one in IMPORTANT if one in mutants), *(set(mutants) - set(IMPORTANT))]
    until = os.environ.get("UNTIL")
    hour, minute = map(int, (until or "0:0").split(":"))
    ends = datetime.now().astimezone().replace(hour=hour, minute=minute).timestamp() if until else 0.0
    plan = {
        "wanted": [(module, name, of) for module in modules for name, of in mutants[module].items()],
        "seconds": SECONDS,
        "until": ends if until else None,
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    code = 0
    if "--score" not in words:
        options = [
            "-q",
            "-s",
            "--assert=plain",
            "--tb=native",
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.mutation.running",
        ]
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *(os.environ.get("ONLY", "").split() or TESTS)],
            cwd=folder,
            env={**os.environ, "MUTATION_FOLDER": str(folder.resolve()), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        ).returncode
    score(folder, modules, mutants, "--survivors" in words)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
