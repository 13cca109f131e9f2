"""Who runs next: many threads of which one runs at a time, chosen by the seed at each call below boto.

So 16 threads interleave at every call to the database, and the same seed interleaves them the same way again. Time is
simulated: a pause of any length costs nothing, and each worker's clock may be off.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

STEP_MS = 4
"""What a call to the database takes."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Actor:
    """One thread: a worker with a clock of its own. ``doing`` is the operation that it is at."""

    def __init__(self, number: int, skew_ms: int) -> None:
        self.number, self.skew_ms = number, skew_ms
        self.turn = threading.Semaphore(0)
        self.doing: Any = None
        self.now: datetime | None = None
        """When the request that it is at began, by its own clock."""


class Stage:
    """``steps`` counts the turns taken; ``ms`` is the simulated time, since the epoch."""

    def __init__(self, seed: int, start: datetime) -> None:
        self.random = random.Random(seed)
        self.ms = int((start - BEGINNING).total_seconds() * 1000)
        self.steps = 0
        self._ready: list[Actor] = []
        self._asleep: list[tuple[int, int, Actor]] = []
        self._slept = 0
        self._mine = threading.local()
        self._faults: list[BaseException] = []
        self._over = threading.Event()

    @property
    def actor(self) -> Actor | None:
        """The actor on whose thread this is asked; None on any other thread."""
        return getattr(self._mine, "actor", None)

    def run(self, parts: Sequence[Callable[[], None]], skews: Sequence[int]) -> None:
        """Runs each part on a thread of its own, one at a time, until all are over. Raises what a part raised."""
        actors = [Actor(number, skew) for number, skew in enumerate(skews)]
        self._over.clear()
        self._ready = list(actors)

        def play(actor: Actor, part: Callable[[], None]) -> None:
            self._mine.actor = actor
            actor.turn.acquire()
            try:
                part()
            except BaseException as fault:  # handed to whoever runs the stage
                self._faults.append(fault)
            finally:
                self._leave()

        threads = [threading.Thread(target=play, args=pair, daemon=True) for pair in zip(actors, parts, strict=True)]
        for thread in threads:
            thread.start()
        self._take(self._next())
        self._over.wait()
        for thread in threads:
            thread.join()
        if self._faults:
            raise self._faults[0]

    def pause(self) -> None:
        """Lets the seed say who is next; on a thread that is no actor's, nothing."""
        actor = self.actor
        if actor is not None:
            self._ready.append(actor)
            self._hand_on(actor)

    def sleep(self, seconds: float) -> None:
        """Steps aside for so long by the simulated clock."""
        actor = self.actor
        if actor is None:
            self.ms += int(seconds * 1000)
            return
        self._slept += 1
        heapq.heappush(self._asleep, (self.ms + int(seconds * 1000), self._slept, actor))
        self._hand_on(actor)

    def now(self) -> datetime:
        """The time by the clock of whoever asks; the first asked in a request is the time of that request."""
        actor = self.actor
        moment = BEGINNING + timedelta(milliseconds=self.ms + (actor.skew_ms if actor else 0))
        if actor is not None and actor.now is None:
            actor.now = moment
        return moment

    def _next(self) -> Actor | None:
        self.steps += 1
        self.ms += STEP_MS
        if not self._ready and self._asleep:
            self.ms = max(self.ms, self._asleep[0][0])
        while self._asleep and self._asleep[0][0] <= self.ms:
            self._ready.append(heapq.heappop(self._asleep)[2])
        return self._ready.pop(self.random.randrange(len(self._ready))) if self._ready else None

    def _take(self, actor: Actor | None) -> None:
        if actor is None:
            self._over.set()
        else:
            actor.turn.release()

    def _hand_on(self, actor: Actor) -> None:
        following = self._next()
        if following is not actor:
            self._take(following)
            actor.turn.acquire()

    def _leave(self) -> None:
        self._take(self._next())


@contextmanager
def simulated(stage: Stage) -> Iterator[None]:
    """Inside, the service's clock, its pauses, its new ids and its jitter are the stage's."""
    real = time.sleep

    def sleep(seconds: float) -> None:
        if stage.actor is None:
            real(seconds)
        else:
            stage.sleep(seconds)

    ids = random.Random(stage.random.random())
    random.seed(stage.random.random())
    with (
        patch("chalicelib.clock.now", stage.now),
        patch("chalicelib.clock.secrets", ids),
        patch("time.sleep", sleep),
    ):
        yield
