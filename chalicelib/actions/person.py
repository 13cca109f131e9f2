"""Finds people: a member with their contact, as time has left them, by id or by any identity."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, final_head
from chalicelib.domain.advance import advance
from chalicelib.domain.member import Contact, Head
from chalicelib.store import keys, members
from chalicelib.store.table import load


class Person(msgspec.Struct, frozen=True):
    """A member as they are now: time's changes up to now are in the head, committed or not."""

    admitted: Admitted
    head: Head
    contact: Contact
    replayed: bool = False


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
    """The member of that id as they are now, in one round trip; a merged one tells where it went."""
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, member_id), keys.contact(program_id, member_id)])
    head = admitted.head(member_id)
    if head is None:
        return None
    if head.status != "active":
        return Person(admitted, head, Contact())
    return recall(call, admitted, member_id)


def find_member(call: Call, kind: str, value: str) -> Person | None:
    """The member whose identity (email, phone, external_id, card, referral) this is."""
    key = members.identity_key(call.credential.program_id, kind, value)
    admitted = enter(call.credential, [key])
    return recall(call, admitted, str(admitted.found[key].m)) if key in admitted.found else None


def again(person: Person) -> Person:
    """The same person, answered as known before."""
    return replace(person, replayed=True)
