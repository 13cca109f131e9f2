"""Slows down who sends wrong voucher codes: a person mistypes a few times, a machine goes on.

A code has 100 random bits, so nobody finds one; this keeps a key that was stolen from trying at the table's expense.
"""

from __future__ import annotations

from contextlib import suppress

from chalicelib.actions.admission import Admitted, Call
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.errors import Refused, Unavailable
from chalicelib.store import guesses
from chalicelib.store.keys import Key
from chalicelib.store.table import Row

FREE = 30
"""Wrong codes of one key that cost nothing; counted anew after ``FORGOTTEN_MS`` without one."""
LONGEST_SECONDS = 60
"""The longest pause. Short, for whoever shares the key, such as a web shop's other customers, waits too."""
FORGOTTEN_MS = 600_000


def asked(call: Call) -> list[Key]:
    """What must be loaded to know whether this caller has to wait."""
    who = call.credential.digest
    return [] if who is None else [guesses.key(call.credential.program_id, who)]


def require_patience(admitted: Admitted, call: Call) -> None:
    """Raises Refused ``too_many_guesses`` while a caller has to wait, whether the code is right or wrong."""
    row = _counted(admitted, call)
    left = 0 if row is None else int(row.v or 0) - milliseconds(call.now)
    if left > 0:
        seconds = -(-left // 1000)
        raise Refused(
            "too_many_guesses",
            f"Too many wrong voucher codes were sent with this key; try again in {seconds} seconds.",
            retry_after=seconds,
        )


def missed(admitted: Admitted, call: Call) -> None:
    """Counts a wrong code. From ``FREE`` on each brings a pause, twice as long as the one before."""
    who = call.credential.digest
    if who is None:
        return
    row, now_ms = _counted(admitted, call), milliseconds(call.now)
    times = 1 if row is None or guesses.over(row, now_ms) else int(row.n or 0) + 1
    seconds = 0 if times <= FREE else min(LONGEST_SECONDS, 2 ** min(times - FREE - 1, 10))
    with suppress(Unavailable):
        guesses.count(admitted.program_id, who, row, now_ms, seconds * 1000, now_ms + FORGOTTEN_MS)


def _counted(admitted: Admitted, call: Call) -> Row | None:
    return next((admitted.found[key] for key in asked(call) if key in admitted.found), None)
