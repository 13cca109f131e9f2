"""Invites, the places of a pilot, friends that an advocate brought, and who left not long ago."""

from __future__ import annotations

from typing import Any

import msgspec
from pynamodb.expressions.condition import Condition

from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.members import normal
from chalicelib.store.sealing import invite_code, mac, read_code
from chalicelib.store.table import Row, Write, connection, encode, put_new


class Invite(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invitation. ``invite_id`` is what its code is derived from; ``note`` is the owner's own (personal data)."""

    invite_id: str
    uses: int
    note: str | None = None
    expires_on: int | None = None
    created_ms: int
    created_by: str


def sealed_code(program_id: str, code: str) -> str:
    return mac("invite-key", program_id, read_code(code))


def key_of(program_id: str, invite: Invite) -> Key:
    return keys.invite(program_id, sealed_code(program_id, invite_code(program_id, invite.invite_id)))


def create(program_id: str, invite: Invite) -> Write:
    return put_new(Row(*key_of(program_id, invite), t="INVITE", n=0, d=encode(invite)))


def take(key: Key, invite: Invite) -> Write:
    """One more use; fails where none is left."""
    return Write(Row(*key), Row.n < invite.uses, actions=(Row.n.add(1),))


def end(key: Key) -> Write:
    return Write(Row(*key, t="INVITE"), delete=True)


def forget_note(key: Key, invite: Invite) -> Write:
    """Removes what the owner noted about whom an invite was for; the rest of it stays."""
    return Write(Row(*key), Row.pk.exists(), actions=(Row.d.set(encode(msgspec.structs.replace(invite, note=None))),))


def page(program_id: str, limit: int, after: str | None) -> list[Row]:
    connection()
    pk, _ = keys.program(program_id)
    condition: Condition = Row.sk.startswith("INVITE#")
    if after is not None:
        condition = Row.sk.between(f"INVITE#{after}\x00", "INVITE#\x7f")
    query: Any = Row.query(pk, condition, limit=limit, consistent_read=True)
    return list(query)


def take_place(program_id: str, most: int) -> Write:
    """One more member of a pilot; fails where all places are taken."""
    return Write(Row(*keys.places(program_id)), Row.n < most, actions=(Row.n.add(1),))


def begin_places(program_id: str, members: int) -> Write:
    """The first count of a pilot's places: those who are members already."""
    return put_new(Row(*keys.places(program_id), t="PLACES", n=members))


def end_places(program_id: str) -> Write:
    return Write(Row(*keys.places(program_id), t="PLACES"), delete=True)


def one_less(program_id: str, places: Row | None) -> list[Write]:
    """A member of a pilot leaves a place to another; nothing where none are counted."""
    if places is None or not places.n:
        return []
    return [Write(Row(*keys.places(program_id)), Row.n > 0, actions=(Row.n.add(-1),))]


def count_members(program_id: str) -> int:
    """How many members the directory lists."""
    connection()
    npk, _ = keys.directory(program_id, None, "")
    return int(Row.directory.count(npk))


def friend(program_id: str, advocate_id: str, friend_id: str) -> Write:
    return put_new(Row(*keys.friend(program_id, advocate_id, friend_id), t="FRIEND", m=friend_id))


def friends_of(program_id: str, advocate_id: str) -> list[str]:
    """Ids of those who enrolled with an advocate's code."""
    connection()
    pk, _ = keys.friend(program_id, advocate_id, "")
    rows = Row.query(pk, Row.sk.startswith("FRIEND#"), consistent_read=True)
    return [str(row.m) for row in rows]


def departed_key(program_id: str, kind: str, value: str) -> Key:
    return keys.departed(program_id, mac("departed", program_id, kind, normal(kind, value)))


def remember_departed(program_id: str, kind: str, value: str, until_seconds: int) -> Write:
    """That somebody of this identity was welcomed before: a keyed hash, which the database itself forgets."""
    return Write(Row(*departed_key(program_id, kind, value), t="GONE", n=until_seconds, ttl=until_seconds))
