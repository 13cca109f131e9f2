"""Optimistic writing: read, decide, commit; where something else moved first, do it all again, so many times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from chalicelib.domain.errors import Refused, Unavailable
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, load

T = TypeVar("T")

TRIES = 48
"""Sixteen callers who press on one member for seconds lose up to 17 races in a row, each further one with three
quarters of the chance before. All pauses together take 7 seconds, well within a function's time."""
LONGEST_PAUSE_SECONDS = 0.3


def attempt(decide: Callable[[], T], cause: Collection[Key] = ()) -> T:
    """Runs ``decide`` (load, decide, commit) until it commits. Raises Unavailable after TRIES lost races.

    A lost race wrote nothing, and the next reading sees what won: a duplicate is then answered as the first time.
    Pauses are random (full jitter), so that callers who met once do not meet again.

    ``cause`` are the items that are there once this was done before. Items are read each for itself, so who sends the
    same twice at once could be refused for what the first one did: it spent the points, and its entry was not seen yet.
    """
    looked = not cause
    for tries in range(TRIES):
        try:
            return decide()
        except Refused:
            if looked or not load(list(cause)):
                raise
            looked = True
        except Lost:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.005 * 2**tries)))
    raise Unavailable()
