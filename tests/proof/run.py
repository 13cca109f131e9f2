"""One run of the proof: shops opened, hours of traffic under faults, and at each quiet point everything compared."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.proof.doing import Client, Op
from tests.proof.judge import Judge
from tests.proof.model import Model
from tests.proof.poison import Poison
from tests.proof.reports import hold_reports
from tests.proof.schedule import Nights
from tests.proof.service import SECRET, Service, opened
from tests.proof.shops import documents
from tests.proof.stage import Stage, simulated
from tests.proof.stream import Hearing, Stream
from tests.proof.traffic import Traffic

AN_HOUR = 2_500
"""Operations between two quiet points."""
START = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
"""Days before the clocks change, and before the first month ends."""
FAULTS = 50
"""Of a thousand calls to the database."""
SKEW_MS = 150_000
"""Half of the workers' clocks are so much ahead, half so much behind: five minutes apart."""


@dataclass
class Result:
    seed: int
    threads: int
    engine: str
    ops: int = 0
    calls: int = 0
    retries: int = 0
    conflicts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    checked: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0
    fingerprint: str = ""

    def __str__(self) -> str:
        def table(counted: Counter[str]) -> str:
            return "\n".join(
                f"  {count:>8}  {name}" for name, count in sorted(counted.items(), key=lambda one: -one[1])
            )

        injected = sum(self.faults.values())
        speed = self.ops / self.seconds if self.seconds else 0
        return "\n".join(
            [
                f"seed {self.seed}, {self.threads} threads, {self.engine}",
                f"operations {self.ops} in {self.seconds:.0f} s ({speed:.0f} a second)",
                f"calls to the table {self.calls}",
                f"faults {injected}, by kind:",
                table(self.faults),
                f"lost races and conflicts {self.conflicts}, told again by clients {self.retries}",
                "operations by kind:",
                table(self.kinds),
                "answers:",
                table(self.answers),
                "compared: " + ", ".join(f"{count} {name}" for name, count in self.checked.items()),
                f"fingerprint of the run {self.fingerprint}",
                f"differences {self.count}",
                *(f"  {text}" for text in self.differences),
            ]
        )


def run(
    seed: int,
    ops: int,
    threads: int = 16,
    endpoint: str | None = None,
    rate: int = FAULTS,
    an_hour: int = AN_HOUR,
    engine: str = "",
    reports: bool = True,
    progress: Callable[[str], object] = lambda text: None,
    minutes: float = 0,
) -> Result:
    """The whole proof for one seed; without ``reports``, what is made of the journal is left out. ``minutes``: it
    ends, as any other run does, at the quiet point after so long."""
    result = Result(seed, threads, engine or endpoint or "the engine in this process")
    stage = Stage(seed, START)
    before = random.getstate()
    began = time.perf_counter()
    try:
        with simulated(stage), opened(stage, endpoint) as service:
            Hours(stage, service, result, threads, rate, reports).play(ops, an_hour, progress, minutes)
    finally:
        random.setstate(before)
    result.seconds = time.perf_counter() - began
    return result


class Hours:
    """The traffic of a run, hour by hour; between two hours days pass."""

    def __init__(self, stage: Stage, service: Service, result: Result, threads: int, rate: int, reports: bool) -> None:
        self.reports = reports
        self.stage, self.service, self.result = stage, service, result
        self.threads, self.rate = threads, rate
        shops = documents()
        self.keys = _open_shops(service, shops)
        self.client = Client(stage, service, self.keys)
        rewards = {name: [reward["id"] for reward in shop["rewards"]] for name, shop in shops.items()}
        self.traffic = Traffic(stage, list(shops), rewards)
        self.model = Model(shops)
        self.judge = Judge(self.model, service.line, self.client)
        self.nights = Nights(stage, service)
        self.poison = Poison(service, list(shops))
        self.stream = Stream(service.app)
        self.stream.take(service.line.commits)
        service.line.commits.clear()

    def play(self, ops: int, an_hour: int, progress: Callable[[str], object], minutes: float) -> None:
        left, began = ops, time.perf_counter()
        while left > 0:
            self._hour(min(left, an_hour))
            left -= min(left, an_hour)
            if minutes and time.perf_counter() - began > 60 * minutes:
                ops, left = ops - left, 0
            self._quiet(everybody=left <= 0)
            progress(f"seed {self.result.seed}: {ops - left} operations, {self.judge.count} differences")
            if self.judge.count:
                break  # what follows would differ because this did
            days = self.stage.random.choice((1, 2, 3, 6, 11, 19))
            self.stage.ms += days * 86_400_000 - self.stage.random.randrange(40_000_000)
            if self.stage.random.random() < 0.4:
                self._before_midnight()
        self._tell_result()

    def _hour(self, ops: int) -> None:
        """Sixteen workers at once; the last of them tell what the provider has still to tell."""
        line, dice = self.service.line, self.stage.random
        line.rate = self.rate
        self.traffic.heat()
        left = [ops]
        joining, self.poison.joining = self.poison.joining, []
        nights = dice.choice((0, 1, 1, 2, 2, 3))  # none: the schedule is late by a whole hour's traffic
        if nights:
            self.poison.spoil(dice)
        self.judge.poisoned = set() if self.poison.spoilt is None else {self.poison.spoilt}
        self.judge.set_aside.clear()
        outage = dice.randrange(ops) if self.rate and dice.random() < 0.3 else -1

        def work() -> None:
            while joining:
                joined = joining.pop()
                self.poison.members.append((joined.program, self.client.tell(joined).body["member_id"]))
            while left[0] > 0:
                if self.nights.work(dice):
                    continue
                left[0] -= 1
                if left[0] == outage:
                    self._outage()
                self._do(self.traffic.next())
            while (op := self.traffic.left_over()) is not None:
                self._do(op)
            while self.nights.work(dice, always=True):
                pass

        skews = [SKEW_MS if number % 2 else -SKEW_MS for number in range(self.threads)]
        self.nights.fall(nights)
        self.stage.run([work] * self.threads, skews if self.threads > 1 else [0])
        line.rate = 0
        line.settle()
        self.poison.mend()

    def _before_midnight(self) -> None:
        """Two minutes before the shops' midnight: half of the workers are in tomorrow already."""
        zone = ZoneInfo("Europe/Helsinki")
        local = self.stage.now().astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self.stage.ms += int((midnight - local).total_seconds() * 1000) - 120_000
        self.result.faults["hour over midnight, clocks five minutes apart"] += 1

    def _outage(self) -> None:
        """The database is away for a minute of the simulated clock."""
        self.service.line.away = True
        self.stage.sleep(60)
        self.service.line.away = False

    def _do(self, op: Op) -> None:
        reply = self.client.tell(op)
        self.result.kinds[op.kind] += 1
        code = reply.body.get("code", "") if isinstance(reply.body, dict) and reply.status >= 400 else ""
        self.result.answers[f"{reply.status} {code}".strip()] += 1
        self.traffic.note(op, reply.status, reply.body)

    def _quiet(self, *, everybody: bool) -> None:
        self.client.lossy = False
        self.stream.take(self.service.line.commits)
        self.stream.deliver(self.stage.random)
        self.judge.checked["changes watched"] = self.stream.told
        for alarm in self.stream.alarms:
            self.judge.differ(alarm)
        self.judge.replay()
        everyone = list(self.model.members)
        chosen = everyone if everybody else self.stage.random.sample(everyone, min(60, len(everyone)))
        if missing := self.judge.poisoned - self.judge.set_aside:
            self.judge.differ(f"{missing} cannot be read and was not set aside")
        if not self.judge.count:
            self.judge.rest(chosen)
        if not self.judge.count and everybody and self.reports:
            hold_reports(self.judge, self.nights)
            self._prove()
        self.client.lossy = True

    def _prove(self) -> None:
        """The service's own nightly proof, of everybody, must find nothing either."""
        heard = Hearing(self.stream.alarms)
        with heard.listening():
            self.nights.run_to_the_end("prove")
        for alarm in self.stream.alarms:
            self.judge.differ(alarm)

    def _tell_result(self) -> None:
        result, line = self.result, self.service.line
        result.ops, result.calls, result.retries = self.client.told, line.calls, self.client.retries
        result.conflicts = line.conflicts
        result.faults += line.met + self.client.met + self.nights.met
        result.faults["poisoned record"] = self.poison.count
        result.faults["batch of the stream repeated"] = self.stream.repeated
        result.checked, result.differences, result.count = self.judge.checked, self.judge.differences, self.judge.count
        result.fingerprint = f"{self.stage.steps}-{self.stage.ms}-{self.stage.random.randrange(1 << 32):08x}"


def _open_shops(service: Service, shops: dict[str, dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Makes the programs with a key for each role, and the provider's secret."""
    from chalicelib.triggers import operator

    keys: dict[tuple[str, str], str] = {}
    for program, document in shops.items():
        owner = operator.create_program({"program": document}, None)["key"]
        keys[program, "owner"] = owner
        headers = {"authorization": f"Bearer {owner}"}
        for role in ("storefront", "staff"):
            reply = service.call("POST", "/keys", {"role": role, "name": role}, headers)
            keys[program, role] = reply.body["key"]
        reply = service.call("PUT", "/webhooks/standard", {"secrets": [SECRET]}, headers)
        assert reply.status == 200, reply
    return keys
