"""Enrols a member, with the welcome points in the same transaction; the same identity again is the same member."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, require_staff_recent
from chalicelib.actions.attempt import attempt
from chalicelib.actions.claim import bought_before, claim_recent
from chalicelib.actions.person import Person, again, recall
from chalicelib.domain import bonus, referral
from chalicelib.domain.advance import begin
from chalicelib.domain.calendar import day_number, day_of, local_day, milliseconds
from chalicelib.domain.earning import FUTURE, earns_on
from chalicelib.domain.errors import Refused
from chalicelib.domain.joining import joined
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact, Head, Referral
from chalicelib.store import entries, invites, keys, members
from chalicelib.store.keys import Key
from chalicelib.store.sealing import card_code, referral_code
from chalicelib.store.table import Lost, Write, commit, load


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """Who joins: at least one of email, phone and external id."""

    contact: Contact
    referral_code: str | None = None
    invite_code: str | None = None
    enrolled_at: datetime | None = None


def enrol(call: Call, joining: Joining, new_member_id: str) -> Person:
    """A new member, or the one who has this identity already (``replayed``). What they bought lately as a guest is
    claimed after the enrolment, each order by its own transaction; asked again, what is left is claimed then.

    Raises Refused: ``identity_taken``, ``referral_code_unknown``, ``invite_required``, ``invite_unknown``,
    ``invite_used_up``, ``pilot_ended``, ``pilot_full``, ``program_closed``, ``occurred_in_future``.
    """
    program_id = call.credential.program_id
    found_by = [members.identity_key(program_id, kind, value) for kind, value in joining.contact.identities()]
    person = attempt(lambda: _once(call, joining, new_member_id), found_by)
    # By what finds the member: somebody known who gives another's phone as well does not get the other's purchases.
    if claim_recent(call, person.admitted, person.head.member_id, person.contact):
        later = recall(call, person.admitted, person.head.member_id)
        return person if later is None else replace(later, replayed=person.replayed)
    return person


def _once(call: Call, joining: Joining, member_id: str) -> Person:
    program_id = call.credential.program_id
    given = joining.contact.identities()
    found_by = {members.identity_key(program_id, kind, value): kind for kind, value in given}
    departed = [invites.departed_key(program_id, kind, value) for kind, value in given]
    asked = [*found_by, *departed]
    referral_key = invite_key = None
    if joining.referral_code is not None:
        referral_key = members.identity_key(program_id, "referral", joining.referral_code)
        asked.append(referral_key)
    if joining.invite_code is not None:
        invite_key = keys.invite(program_id, invites.sealed_code(program_id, joining.invite_code))
        asked.append(invite_key)
    admitted = enter(call.credential, asked)
    holders = {str(admitted.found[key].m) for key in found_by if key in admitted.found}
    if len(holders) > 1:
        raise Refused("identity_taken", "These identities belong to different members; merge them or send fewer.")
    if holders:
        person = recall(call, admitted, holders.pop())
        if person is not None:
            return again(person)
    let_in, contact = _let_in(call, admitted, joining.contact, invite_key)
    if referral_key is not None and referral_key not in admitted.found:
        raise Refused("referral_code_unknown", "No member has this referral code; leave it out or correct it.")
    seconds = milliseconds(call.now) // 1000
    gone = any(key in admitted.found and int(admitted.found[key].n or 0) > seconds for key in departed)
    head, welcome = _new(call, admitted, joining, member_id, welcomed_before=gone)
    brought: list[Write] = []
    if referral_key is not None:
        head, brought = _referred(admitted, head, contact, str(admitted.found[referral_key].m), gone)
    codes = [("referral", referral_code(program_id, member_id)), ("card", card_code(program_id, member_id))]
    commit(
        [
            *members.create(program_id, head, contact, [*given, *codes]),
            *(entries.book(admitted.program, joined(entry, head)) for entry in welcome),
            *let_in,
            *brought,
        ]
    )
    return Person(admitted, head, contact)


def _let_in(call: Call, admitted: Admitted, contact: Contact, invite_key: Key | None) -> tuple[list[Write], Contact]:
    """Whether the program is open to this person, and what their place and invite cost."""
    program = admitted.program
    today = local_day(call.now, program.time_zone)
    if not earns_on(program, today):
        raise Refused("program_closed", "This program is closing and takes nobody new.")
    writes = []
    if invite_key is not None:
        if invite_key not in admitted.found:
            raise Refused("invite_unknown", "There is no such invite; check the code.")
        row = admitted.found[invite_key]
        invite = row.document(invites.Invite)
        if invite.expires_on is not None and invite.expires_on < today:
            raise Refused("invite_used_up", f"This invite could be used until {day_of(invite.expires_on)}.")
        if int(row.n or 0) >= invite.uses:
            raise Refused("invite_used_up", "This invite was used as often as it may be; ask for another.")
        writes.append(invites.take(invite_key, invite))
        contact = replace(contact, invites=(invite_key[1].partition("#")[2],))
    elif program.enrolment.mode == "invite":
        raise Refused("invite_required", "This program is by invitation; send invite_code.")
    pilot = program.enrolment.pilot
    if pilot is not None and pilot.ends_on is not None and today > day_number(pilot.ends_on):
        raise Refused("pilot_ended", f"The pilot ended on {pilot.ends_on}; nobody new can join.")
    if pilot is not None and pilot.max_members is not None:
        writes.append(_place(admitted, pilot.max_members))
    return writes, contact


def _place(admitted: Admitted, most: int) -> Write:
    """One of the pilot's places, counted exactly; the first time, those who are members already are counted."""
    program_id = admitted.program_id
    row = load([keys.places(program_id)]).get(keys.places(program_id))
    if row is None:
        commit([invites.begin_places(program_id, invites.count_members(program_id))])
        raise Lost
    if int(row.n or 0) >= most:
        raise Refused("pilot_full", f"All {most} places of this pilot are taken.", places=most)
    return invites.take_place(program_id, most)


def _new(
    call: Call, admitted: Admitted, joining: Joining, member_id: str, *, welcomed_before: bool
) -> tuple[Head, list[Entry]]:
    program, version = admitted.program, admitted.version
    at = joining.enrolled_at or call.now
    if at > call.now + FUTURE:
        raise Refused("occurred_in_future", "enrolled_at lies in the future; send when the member joined.")
    require_staff_recent(admitted, joining.enrolled_at, call.now)
    day = local_day(at, program.time_zone)
    head = Head(member_id=member_id, enrolled_ms=milliseconds(at), tier=bonus.ground_tier(program, day))
    head = begin(head, program, joining.contact.birthday, local_day(call.now, program.time_zone))
    points = 0 if welcomed_before else program.enrolment.welcome_points
    after, entry = bonus.give(
        head,
        program,
        version,
        points,
        cause=("welcome", member_id),
        reason="Welcome",
        now=call.now,
        booked_by=admitted.booked_by,
    )
    if points == 0:
        # What counts members reads the journal, so joining stands there; the member's chain begins with points.
        return head, [replace(entry, sequence=0)]
    return after, [entry]


def _referred(
    admitted: Admitted, head: Head, contact: Contact, advocate_id: str, member_before: bool
) -> tuple[Head, list[Write]]:
    """Records who brought a friend; one that will never be paid is recorded with its reason."""
    program_id = admitted.program_id
    asked = [keys.head(program_id, advocate_id), keys.contact(program_id, advocate_id)]
    found = load(asked)
    advocate = members.head_of(found[asked[0]]) if asked[0] in found else None
    if advocate is not None and advocate.merged_into is not None:
        return _referred(admitted, head, contact, advocate.merged_into, member_before)
    theirs = members.contact_of(found[asked[1]]) if asked[1] in found else Contact()
    reason = referral.same_person(contact, theirs)
    if reason is None and member_before:
        reason = "member_before"
    if reason is None and bought_before(admitted, contact, 0, 1):
        reason = "bought_before"
    head = replace(head, referral=Referral(advocate_id))
    if reason is not None:
        head = referral.refuse(head, reason)
    return head, [invites.friend(program_id, advocate_id, head.member_id)]
