"""Optimistic writing: read, decide, commit; where something else moved first, do it all again, so many times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from chalicelib.domain.errors import Unavailable
from chalicelib.store.table import Lost

T = TypeVar("T")

TRIES = 48
"""Sixteen callers who press on one member for seconds lose up to 17 races in a row, each further one with three
quarters of the chance before. All pauses together take 7 seconds, well within a function's time."""
LONGEST_PAUSE_SECONDS = 0.3


def attempt(decide: Callable[[], T]) -> T:
    """Runs ``decide`` (load, decide, commit) until it commits. Raises Unavailable after TRIES lost races.

    A lost race wrote nothing, and the next reading sees what won: a duplicate is then answered as the first time.
    Pauses are random (full jitter), so that callers who met once do not meet again.
    """
    for tries in range(TRIES):
        try:
            return decide()
        except Lost:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.005 * 2**tries)))
    raise Unavailable()
