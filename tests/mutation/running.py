"""A plugin of pytest's: sees which tests reach which function, then forks a process for every mutant.

Collecting the tests once and forking makes a mutant cost what its tests cost. A mutant's tests run from the quickest
on until one fails; the test that killed its neighbour goes first. A mutant that outlives the seconds it is given is
tried again, with more of them, when all others are done.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.trampoline import State

# Finding is enough here: nobody reads the smallest example of a mutant's failure.
settings.register_profile(
    "mutation",
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")

SURVIVED, KILLED, TOO_LONG = 0, 1, 2
OUTCOMES = {SURVIVED: "survived", KILLED: "killed", TOO_LONG: "too long"}
MEMORY = 8 << 30


class Reached:
    """Which tests run which functions, and how long each test takes; kept for tests whose file has not changed."""

    def __init__(self, kept: Path, made: str) -> None:
        self.kept, self.made = kept, made
        self.tests: dict[str, list[int]] = defaultdict(list)
        self.seconds: list[float] = []

    def see(self, items: list[pytest.Item]) -> int:
        """Runs every test that is new; one that fails without any mutant can show nothing and reaches nothing.

        Answers how many were run.
        """
        before = json.loads(self.kept.read_text()) if self.kept.exists() else {}
        seen = {}
        ran = 0
        for place, item in enumerate(items):
            # What a test reaches is only seen in modules that hold mutants in this run.
            digest = hashlib.sha256(item.path.read_bytes() + self.made.encode()).hexdigest()[:12]
            told = before.get(item.nodeid)
            if told is None or told["file"] != digest:
                told = {"file": digest, **_watched(item)}
                ran += 1
            seen[item.nodeid] = told
            self.seconds.append(told["seconds"])
            for function in told["functions"]:
                self.tests[function].append(place)
        self.kept.write_text(json.dumps(seen))
        return ran


def _watched(item: pytest.Item) -> dict[str, Any]:
    State.reached = set()
    started = time.perf_counter()
    reports = runtestprotocol(item, log=False, nextitem=None)
    seconds = time.perf_counter() - started
    functions, State.reached = State.reached, None
    if any(report.failed for report in reports):
        _say(f"left out, for it fails without any mutant: {item.nodeid}")
    whole = all(report.passed for report in reports)
    return {"seconds": seconds, "functions": sorted(functions) if whole else []}


def _forget() -> None:
    """Empties every cache, so that what the original once answered does not answer for a mutant."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("chalicelib", "tests", "app"):
            for each in list(vars(module).values()):
                if callable(getattr(each, "cache_clear", None)):
                    each.cache_clear()


def _try(items: list[pytest.Item], places: list[int], seconds: list[float], mutant: str, told: int) -> NoReturn:
    """In a process of its own: the tests with the mutant in the original's place, until one fails."""
    out = os.open(os.devnull, os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, lambda *_: os._exit(TOO_LONG))
    State.mutant = mutant
    _forget()
    for number, place in enumerate(places):
        os.write(told, f"{place} ".encode())
        signal.setitimer(signal.ITIMER_PROF, 4 + 10 * seconds[place])  # of its own processor time
        following = items[places[number + 1]] if number + 1 < len(places) else None
        try:
            failed = any(report.failed for report in runtestprotocol(items[place], log=False, nextitem=following))
        except BaseException:
            failed = True
        if failed:
            os._exit(KILLED)
    os._exit(SURVIVED)


def tried(items: list[pytest.Item], places: list[int], seconds: list[float], mutant: str) -> tuple[str, int | None]:
    """A mutant's outcome, and the place of the test that ended it."""
    mine, theirs = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(mine)
        _try(items, places, seconds, mutant, theirs)
    os.close(theirs)
    with os.fdopen(mine) as told:
        seen = told.read().split()
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    outcome = OUTCOMES.get(code, "killed")
    return outcome, int(seen[-1]) if seen and outcome != "survived" else None


def chosen(items: list[pytest.Item], reached: Reached, function: str, allowed: float) -> list[int]:
    """The tests that reach a function, those of quick files first, for as many seconds as are allowed."""
    by_file: dict[Path, list[int]] = defaultdict(list)
    for place in reached.tests.get(function, ()):
        by_file[items[place].path].append(place)
    files = sorted(by_file.values(), key=lambda places: sum(reached.seconds[place] for place in places) / len(places))
    picked: list[int] = []
    left = allowed
    for places in files:
        for place in sorted(places, key=lambda one: reached.seconds[one]):
            if picked and reached.seconds[place] > left:
                break
            picked.append(place)
            left -= reached.seconds[place]
    return picked


class Mutation:
    """What pytest runs instead of the tests: every mutant of the plan that has no result yet."""

    def __init__(self, folder: Path) -> None:
        plan = json.loads((folder / "plan.json").read_text())
        self.wanted: list[tuple[str, str, str]] = plan["wanted"]
        self.allowed: list[float] = plan["seconds"]
        self.until: float = plan["until"] or float("inf")
        self.results_file = folder / "results.json"
        self.results: dict[str, Any] = json.loads(self.results_file.read_text()) if self.results_file.exists() else {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        reached = Reached(
            self.results_file.with_name("reached.json"), " ".join(sorted({one[0] for one in self.wanted}))
        )
        started = time.perf_counter()
        ran = reached.see(session.items)
        _say(f"{ran} of {len(session.items)} tests seen in {time.perf_counter() - started:.0f} s")
        gc.collect()
        gc.freeze()
        for allowed in self.allowed:
            self._round(session.items, reached, allowed)
        return True

    def _round(self, items: list[pytest.Item], reached: Reached, allowed: float) -> None:
        last: dict[str, list[int]] = defaultdict(list)
        saved = time.monotonic()
        for module, mutant, fingerprint in self.wanted:
            if time.time() > self.until:
                break
            name = f"chalicelib.domain.{module}.{mutant}"
            function = name.rpartition("__mutmut_")[0]
            before = self.results.get(name)
            places = chosen(items, reached, function, allowed)
            if before and before["of"] == fingerprint:
                # What was missed is tried again where there are more tests, or more seconds for them, than there were.
                fewer = before["tests"] < len(places) or (before["seconds"] < allowed and before["tests"])
                if before["outcome"] not in ("survived", "unreached") or not fewer:
                    continue
            first = [place for place in reversed(last[function]) if place in places]
            places = [*first, *(place for place in places if place not in first)]
            outcome, by = tried(items, places, reached.seconds, name) if places else ("unreached", None)
            if by is not None:
                last[function] = [*(place for place in last[function] if place != by), by][-4:]
            self.results[name] = {
                "of": fingerprint,
                "outcome": outcome,
                "tests": len(places),
                "seconds": allowed,
                "by": None if by is None else items[by].nodeid,
            }
            if time.monotonic() - saved > 20:
                self._save()
                saved = time.monotonic()
        self._save()

    def _save(self) -> None:
        written = self.results_file.with_suffix(".new")
        written.write_text(json.dumps(self.results))
        written.replace(self.results_file)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Mutation(Path(os.environ["MUTATION_FOLDER"])), "mutation")
