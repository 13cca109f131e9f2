"""Enrols a member, with the welcome points in the same transaction; the same identity again is the same member."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, final_head
from chalicelib.actions.attempt import attempt
from chalicelib.domain import bonus
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.earning import FUTURE
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact, Head
from chalicelib.store import entries, keys, members
from chalicelib.store.sealing import card_code, referral_code
from chalicelib.store.table import commit, load


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """Who joins: at least one of email, phone and external id."""

    contact: Contact
    referral_code: str | None = None
    invite_code: str | None = None
    enrolled_at: datetime | None = None


class Person(msgspec.Struct, frozen=True):
    """A member as they are now: time's changes up to now are in the head, committed or not."""

    admitted: Admitted
    head: Head
    contact: Contact
    replayed: bool = False


def enrol(call: Call, joining: Joining, new_member_id: str) -> Person:
    """A new member, or the one who has this identity already (``replayed``).

    Raises Refused: ``identity_taken``, ``referral_code_unknown``, ``invite_required``, ``occurred_in_future``.
    """
    return attempt(lambda: _once(call, joining, new_member_id))


def _once(call: Call, joining: Joining, member_id: str) -> Person:
    program_id = call.credential.program_id
    given = joining.contact.identities()
    found_by = {members.identity_key(program_id, kind, value): kind for kind, value in given}
    asked = list(found_by)
    referral_key = None
    if joining.referral_code is not None:
        referral_key = members.identity_key(program_id, "referral", joining.referral_code)
        asked.append(referral_key)
    admitted = enter(call.credential, asked)
    holders = {str(admitted.found[key].m) for key in found_by if key in admitted.found}
    if len(holders) > 1:
        raise Refused("identity_taken", "These identities belong to different members; merge them or send fewer.")
    if holders:
        person = recall(call, admitted, holders.pop())
        if person is not None:
            return replace(person, replayed=True)
    if admitted.program.enrolment.mode == "invite" and joining.invite_code is None:
        raise Refused("invite_required", "This program is by invitation; send invite_code.")
    advocate = None
    if referral_key is not None:
        if referral_key not in admitted.found:
            raise Refused("referral_code_unknown", "No member has this referral code; leave it out or correct it.")
        advocate = str(admitted.found[referral_key].m)
    head, welcome = _new(call, admitted, joining, member_id, advocate)
    codes = [("referral", referral_code(program_id, member_id)), ("card", card_code(program_id, member_id))]
    commit(
        [
            *members.create(program_id, head, joining.contact, [*given, *codes]),
            *(entries.book(admitted.program, entry) for entry in welcome),
        ]
    )
    return Person(admitted, head, joining.contact)


def _new(
    call: Call, admitted: Admitted, joining: Joining, member_id: str, advocate: str | None
) -> tuple[Head, list[Entry]]:
    program, version = admitted.program, admitted.version
    at = joining.enrolled_at or call.now
    if at > call.now + FUTURE:
        raise Refused("occurred_in_future", "enrolled_at lies in the future; send when the member joined.")
    day = local_day(at, program.time_zone)
    head = Head(
        member_id=member_id, enrolled_ms=milliseconds(at), tier=bonus.ground_tier(program, day), referred_by=advocate
    )
    if program.enrolment.welcome_points == 0:
        return head, []
    head, entry = bonus.give(
        head,
        program,
        version,
        program.enrolment.welcome_points,
        cause=("welcome", member_id),
        reason="Welcome",
        now=call.now,
        booked_by=admitted.booked_by,
    )
    return head, [entry]


def recall(call: Call, admitted: Admitted, member_id: str) -> Person | None:
    """A member by id, following merges, as time has left them; None for nobody or an erased one."""
    program_id = admitted.program_id
    asked = [keys.head(program_id, member_id), keys.contact(program_id, member_id)]
    found = load([key for key in asked if key not in admitted.found]) | admitted.found
    head = members.head_of(found[asked[0]]) if asked[0] in found else None
    if head is not None and head.status == "merged":
        head = final_head(program_id, head)
        return None if head is None else recall(call, admitted, head.member_id)
    if head is None or head.status == "erased":
        return None
    contact = members.contact_of(found[asked[1]]) if asked[1] in found else Contact()
    present, _ = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
    return Person(admitted, present, contact)


def read_member(call: Call, member_id: str) -> Person | None:
    """The member as they are now, in one round trip."""
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, member_id), keys.contact(program_id, member_id)])
    return recall(call, admitted, member_id)


def find_member(call: Call, kind: str, value: str) -> Person | None:
    """The member whose identity (email, phone, external_id, card, referral) this is."""
    key = members.identity_key(call.credential.program_id, kind, value)
    admitted = enter(call.credential, [key])
    return recall(call, admitted, str(admitted.found[key].m)) if key in admitted.found else None
