"""Settles one friend's referral: both sides in one transaction, once, or refused with its reason."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Admitted, Call, enter, final_head
from chalicelib.actions.attempt import attempt
from chalicelib.domain import referral
from chalicelib.domain.advance import advance
from chalicelib.domain.errors import Refused
from chalicelib.domain.history import Made
from chalicelib.domain.member import Contact, Head, Referral
from chalicelib.domain.purchase import Purchase
from chalicelib.store import entries, invites, keys, members
from chalicelib.store.table import Row, commit, load

LOOKED_AT = 200
"""Entries of each side that are looked through for the same payment card."""


class Outcome(msgspec.Struct, frozen=True):
    """Where a friend's referral stands after settling it was tried."""

    friend_id: str
    state: str
    reason: str | None


def settle_referral(call: Call, friend_id: str) -> Outcome:
    """Pays what is due; asked again it pays nothing more. Raises Refused ``member_not_found``."""
    return attempt(lambda: _once(call, friend_id))


def _once(call: Call, friend_id: str) -> Outcome:
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, friend_id)])
    friend = final_head(program_id, admitted.head(friend_id))
    if friend is None:
        raise Refused("member_not_found", "There is no such member in this program; check the id.")
    known = friend.referral
    if known is None or known.state != "settling":
        return _outcome(friend_id, known)
    program, version, now = admitted.program, admitted.version, call.now
    order_id = str(known.order_id)
    asked = [
        keys.head(program_id, known.advocate_id),
        keys.contact(program_id, friend.member_id),
        keys.purchase(program_id, order_id),
        keys.claimed(program_id, order_id),
    ]
    found = load(asked)
    advocate = final_head(program_id, members.head_of(found[asked[0]]) if asked[0] in found else None)
    row = found.get(asked[2])
    bought = (found.get(asked[3]) or row).document(Purchase) if row is not None else None
    refusal = _refusal(admitted, friend, advocate, found.get(asked[1]), bought)
    friend_now, friend_moved = advance(friend, program, version, now, admitted.booked_by)
    advocate_now: Head | None = None
    advocate_moved: list[Made] = []
    if advocate is not None and advocate.member_id != friend.member_id:
        advocate_now, advocate_moved = advance(advocate, program, version, now, admitted.booked_by)
    done = referral.settle(
        friend_now,
        advocate_now,
        program,
        version,
        bought,
        0 if row is None else int(row.n or 0),
        refusal=refusal,
        now=now,
        booked_by=admitted.booked_by,
    )
    if done.friend == friend:
        return _outcome(friend_id, known)
    made: list[Made] = [*done.entries, *friend_moved]
    writes = [members.move(program_id, friend, done.friend)]
    if done.advocate is not None and advocate is not None:
        made.extend(advocate_moved)
        writes.append(members.move(program_id, advocate, done.advocate))
    commit([*writes, *(entries.book(program, entry) for entry in made)])
    return _outcome(friend_id, done.friend.referral)


def _outcome(friend_id: str, known: Referral | None) -> Outcome:
    return Outcome(friend_id, "none" if known is None else known.state, None if known is None else known.reason)


def _refusal(
    admitted: Admitted, friend: Head, advocate: Head | None, contact: Row | None, bought: Purchase | None
) -> str | None:
    """Why this referral is one's own or a ring's; None where it looks honest. What is known now decides: people who
    changed their email or paid with the same card since they joined are seen too."""
    if advocate is None:
        return None
    if advocate.member_id == friend.member_id:
        return "same_member"
    if advocate.referral is not None and advocate.referral.advocate_id in (friend.member_id, *friend.merged_from):
        return "ring"
    program_id = admitted.program_id
    key = keys.contact(program_id, advocate.member_id)
    theirs = load([key]).get(key)
    if contact is not None and theirs is not None:
        same = referral.same_person(members.contact_of(contact), members.contact_of(theirs))
        if same is not None:
            return same
    if bought is not None and bought.payment is not None and bought.payment in _payments(program_id, advocate):
        return "same_payment"
    return None


def _payments(program_id: str, head: Head) -> set[str]:
    """The cards (keyed hashes) that a member paid with lately; an index is enough to refuse by."""
    found = set()
    for member_id in (head.member_id, *head.merged_from):
        for row in entries.statement(program_id, member_id, None, LOOKED_AT):
            if row.t in ("PURCHASE", "CLAIM"):
                payment = row.document(Purchase).payment
                found.update([] if payment is None else [payment])
    return found


class Friend(msgspec.Struct, frozen=True):
    """A friend that an advocate brought."""

    head: Head
    contact: Contact


def friends_of(program_id: str, advocate: Head) -> list[Friend]:
    """Everybody who enrolled with this member's code, or with that of an account merged into it."""
    ids = [
        one
        for member_id in (advocate.member_id, *advocate.merged_from)
        for one in invites.friends_of(program_id, member_id)
    ]
    asked = [key for one in ids for key in (keys.head(program_id, one), keys.contact(program_id, one))]
    found = load(asked) if asked else {}
    rows = []
    for one in ids:
        row, contact = found.get(keys.head(program_id, one)), found.get(keys.contact(program_id, one))
        if row is not None:
            rows.append(Friend(members.head_of(row), Contact() if contact is None else members.contact_of(contact)))
    return rows
