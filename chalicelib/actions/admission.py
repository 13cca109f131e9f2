"""Who calls, and what they may do: decided from the same consistent read that loads what the action needs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal, NoReturn

import msgspec

from chalicelib.domain.errors import Refused, Unavailable
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.store import keys, members, programs
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, commit, load

Role = Literal["storefront", "staff", "owner", "member"]
IS_ID = re.compile(r"[a-z0-9-]{1,64}")
DAY_MS = 86_400_000
KEY_ROLES: tuple[Role, ...] = ("storefront", "staff", "owner")


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller showed: the digest of a key, a verified token's member, or (``agent``) one of our own triggers."""

    program_id: str
    digest: str | None = None
    member_id: str | None = None
    session_id: str | None = None
    issued_ms: int = 0
    agent: str | None = None
    asked_ms: int = 0
    """When the call came in: a key's last use is noted once a day."""
    roles: frozenset[Role] = frozenset()
    """What the call asks for; an owner's key may do whatever staff and storefront may."""

    def asking(self, *roles: Role) -> Credential:
        return msgspec.structs.replace(self, roles=frozenset(roles))


class Admitted(msgspec.Struct, frozen=True):
    """A caller let in, the program as it stands now, and the items asked for that exist."""

    written: programs.Written
    role: Role
    booked_by: str
    found: dict[Key, Row]

    @property
    def program(self) -> Program:
        return self.written.program

    @property
    def version(self) -> int:
        return self.written.version

    @property
    def program_id(self) -> str:
        return self.written.program.program_id

    def head(self, member_id: str) -> Head | None:
        row = self.found.get(keys.head(self.program_id, member_id))
        return None if row is None else members.head_of(row)


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def program_of(key: str) -> str | None:
    """The program that a key's text names (``rk_corner-cafe_…``); None where the text is no key."""
    parts = key.split("_")
    return parts[1] if len(parts) == 3 and parts[0] == "rk" and parts[1] else None


def unauthorized() -> NoReturn:
    raise Refused(
        "unauthorized", "Send a valid key or token as 'Authorization: Bearer …'; this one is unknown or ended."
    )


def enter(credential: Credential, wanted: Iterable[Key] = ()) -> Admitted:
    """Lets a caller in and answers what was wanted, in one round trip.

    Raises Refused ``unauthorized`` for an unknown or revoked key or an ended member, ``forbidden`` for another role.
    """
    program_key = keys.program(credential.program_id)
    asked = [program_key, *wanted]
    key_key = None if credential.digest is None else keys.api_key(credential.digest)
    if key_key is not None:
        asked.append(key_key)
    head_key = None if credential.member_id is None else keys.head(credential.program_id, credential.member_id)
    session_keys: list[Key] = []
    if head_key is not None:
        session_keys = _session_keys(credential)
        asked.extend([head_key, *session_keys])
    found = load(asked)
    if program_key not in found:
        unauthorized()
    written = programs.written(found[program_key])
    role: Role
    if key_key is not None:
        if key_key not in found:
            unauthorized()
        key = programs.api_key(found[key_key])
        if key.program_id != credential.program_id:
            unauthorized()
        role, booked_by = _role(key.role), f"key:{key.key_id}"
        _note_use(key, int(found[key_key].n or 0), credential.asked_ms)
    elif head_key is not None:
        if head_key not in found or members.head_of(found[head_key]).status != "active":
            unauthorized()
        ended, since = (found.get(key) for key in session_keys)
        if ended is not None or (since is not None and credential.issued_ms <= int(since.n or 0)):
            unauthorized()
        role, booked_by = "member", "member"
    elif credential.agent is not None:
        role, booked_by = "owner", credential.agent
    else:
        unauthorized()
    if role not in credential.roles and not (role == "owner" and credential.roles & set(KEY_ROLES)):
        raise Refused("forbidden", f"A {role} may not do this; it needs {' or '.join(sorted(credential.roles))}.")
    return Admitted(written, role, booked_by, found)


def _note_use(key: programs.ApiKey, last_ms: int, asked_ms: int) -> None:
    """The owner sees which keys are still used. Only a day's first use is written."""
    if asked_ms // DAY_MS <= last_ms // DAY_MS:
        return
    with suppress(Lost, Unavailable):
        commit(programs.use_key(key, asked_ms))


def _session_keys(credential: Credential) -> list[Key]:
    """What may have ended a member's token before its time: this one alone, or all of the member's."""
    return [
        keys.session(credential.program_id, credential.session_id or ""),
        keys.sessions(credential.program_id, credential.member_id or ""),
    ]


def _role(text: str) -> Role:
    return next(role for role in KEY_ROLES if role == text)


def read_public(program_id: str) -> Program:
    """A program that anybody may read about. Raises Refused ``program_not_found``."""
    key = keys.program(program_id)
    # An id that is no id cannot name a program, and never reaches a key.
    found = load([key]) if IS_ID.fullmatch(program_id) else {}
    if key not in found:
        raise Refused("program_not_found", "There is no such program; check the id.")
    return programs.written(found[key]).program


def require_staff_cap(admitted: Admitted, amount: int) -> None:
    """Refuses staff what moves more money (minor units) at once than the program lets them."""
    cap = admitted.program.staff.purchase_cap
    if admitted.role == "staff" and cap is not None and amount > cap:
        raise Refused(
            "staff_cap_exceeded", f"Staff may enter at most {cap} minor units at once; ask the owner.", cap=cap
        )


def require_staff_recent(admitted: Admitted, at: datetime | None, now: datetime) -> None:
    """Refuses staff what lies so far back that it chooses its rule: a promotion's week, a tier's window, a promise."""
    days = admitted.program.staff.backdate_days
    if admitted.role == "staff" and days is not None and at is not None and at < now - timedelta(days=days):
        raise Refused("backdated_too_far", f"Staff may enter what happened in the last {days} days; ask the owner.")


def not_found(what: str) -> NoReturn:
    raise Refused(f"{what}_not_found", f"There is no such {what} in this program; check the id.")


def active_head(admitted: Admitted, member_id: str) -> Head:
    """A member that can move. Raises Refused ``member_not_found``, or says where a merged one went."""
    head = admitted.head(member_id)
    if head is None or head.status == "erased":
        not_found("member")
    if head.status == "merged":
        raise Refused("member_merged", f"This member was merged; use {head.merged_into}.", merged_into=head.merged_into)
    return head


def final_head(program_id: str, head: Head | None, hops: int = 8) -> Head | None:
    """Where a member is now: follows merges to the account that lives on; None for nobody or an erased one."""
    while head is not None and head.status == "merged" and head.merged_into is not None and hops:
        key = keys.head(program_id, head.merged_into)
        row = load([key]).get(key)
        head = None if row is None else members.head_of(row)
        hops -= 1
    return head if head is not None and head.status == "active" else None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What every action is given beside its request: who asks, and when it is."""

    credential: Credential
    now: datetime
