"""Ends members' tokens before their time: one's own, or all of a member's."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.actions.admission import Call, enter, not_found
from chalicelib.domain.calendar import milliseconds
from chalicelib.store import keys, sessions
from chalicelib.store.table import commit

LONGEST = timedelta(hours=2)
"""Longer than any token lives: what is remembered about an ended one may then be forgotten."""


def end_own(call: Call) -> None:
    """The token that asks is refused from now on."""
    admitted = enter(call.credential)
    until = milliseconds(call.now + LONGEST) // 1000
    commit([sessions.end_one(admitted.program_id, str(call.credential.session_id), until)])


def end_all(call: Call, member_id: str) -> None:
    """Every token of that member issued until now is refused. Raises Refused ``member_not_found``."""
    admitted = enter(call.credential, [keys.head(call.credential.program_id, member_id)])
    if admitted.head(member_id) is None:
        not_found("member")
    until = milliseconds(call.now + LONGEST) // 1000
    commit([sessions.end_all(admitted.program_id, member_id, milliseconds(call.now), until)])
