"""Members' tokens that were ended before their time, for as long as they would have counted."""

from __future__ import annotations

from chalicelib.store import keys
from chalicelib.store.table import Row, Write


def end_one(program_id: str, session_id: str, until_seconds: int) -> Write:
    """One token ends; the database forgets this once the token would have ended by itself."""
    return Write(Row(*keys.session(program_id, session_id), t="SESSION", ttl=until_seconds))


def end_all(program_id: str, member_id: str, issued_until_ms: int, until_seconds: int) -> Write:
    """Every token of a member issued up to a moment ends."""
    return Write(Row(*keys.sessions(program_id, member_id), t="SESSION", n=issued_until_ms, ttl=until_seconds))
