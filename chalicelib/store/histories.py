"""What a member went through beside the points: events and vouchers that ended by themselves, newest first."""

from __future__ import annotations

from chalicelib.store import keys
from chalicelib.store.table import Row, connection


def page(program_id: str, member_id: str, before: str | None, limit: int) -> list[Row]:
    """Rows of type EVENT and SETTLED, from below a place (``ssk``). An index: it may lag a moment."""
    connection()
    spk, _ = keys.history_of_member(program_id, member_id, 0, "")
    condition = None if before is None else Row.ssk < before
    return list(Row.statement.query(spk, condition, scan_index_forward=False, limit=limit))
