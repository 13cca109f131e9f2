"""Wrong voucher codes, counted by who sent them."""

from __future__ import annotations

from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, note


def key(program_id: str, who: str) -> Key:
    return keys.guesses(program_id, who)


def count(program_id: str, who: str, row: Row | None, now_ms: int, pause_ms: int, forgotten_ms: int) -> None:
    """One more. Nothing is decided by it in a transaction, so two at once may count as they like. Raises Unavailable.

    ``row``: what was read; begun anew where its time is over.
    """
    counted = Row.n.add(1) if row is not None and not over(row, now_ms) else Row.n.set(1)
    until = (forgotten_ms + 999) // 1000
    note(Row(*key(program_id, who)), (counted, Row.v.set(now_ms + pause_ms), Row.t.set("GUESSES"), Row.ttl.set(until)))


def over(row: Row, now_ms: int) -> bool:
    """The database removes what is over when it gets to it, which may take days."""
    return int(row.ttl or 0) * 1000 <= now_ms
