"""Invites: made and ended by the owner, counted as they are used."""

from __future__ import annotations

from datetime import date

import msgspec

from chalicelib.actions.admission import Call, enter, not_found
from chalicelib.domain.calendar import day_number, milliseconds
from chalicelib.store import invites, keys
from chalicelib.store.table import commit


class Counted(msgspec.Struct, frozen=True):
    """An invite, and how many members came by it."""

    invite: invites.Invite
    used: int


def invite(call: Call, invite_id: str, uses: int, note: str | None, expires_on: date | None) -> Counted:
    """A code that lets in as many people as it has uses."""
    admitted = enter(call.credential)
    made = invites.Invite(
        invite_id=invite_id,
        uses=uses,
        note=note,
        expires_on=None if expires_on is None else day_number(expires_on),
        created_ms=milliseconds(call.now),
        created_by=admitted.booked_by,
    )
    commit([invites.create(admitted.program_id, made)])
    return Counted(made, 0)


def list_invites(call: Call, limit: int, cursor: str | None) -> tuple[list[Counted], str | None]:
    admitted = enter(call.credential)
    rows = invites.page(admitted.program_id, limit, cursor)
    counted = [Counted(row.document(invites.Invite), int(row.n or 0)) for row in rows]
    return counted, rows[-1].sk.partition("#")[2] if len(rows) == limit else None


def end_invite(call: Call, code: str) -> None:
    """Nobody joins by it any more. Raises Refused ``invite_not_found``."""
    key = keys.invite(call.credential.program_id, invites.sealed_code(call.credential.program_id, code))
    admitted = enter(call.credential, [key])
    if key not in admitted.found:
        not_found("invite")
    commit([invites.end(key)])
