"""Settles one friend's referral: both sides in one transaction, once, or refused with its reason."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, final_head
from chalicelib.actions.attempt import attempt
from chalicelib.domain import referral
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.errors import Refused
from chalicelib.domain.history import Made
from chalicelib.domain.member import Contact, Head, Referral
from chalicelib.domain.program import Referral as Rule
from chalicelib.domain.purchase import Purchase
from chalicelib.store import entries, invites, keys, members, programs, stories
from chalicelib.store.table import Row, commit, load

LOOKED_AT = 200
"""Entries of each side that are looked through, for the same payment card or a friend's next purchase."""
REMOVES = 6
"""So far up a chain of advocates a ring is looked for."""


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
    program, version, now = admitted.program, admitted.version, call.now
    if known is None or known.state != "settling" or (known.settles_on or 0) > local_day(now, program.time_zone):
        return _outcome(friend_id, known)
    order_id = str(known.order_id)
    asked = [
        keys.head(program_id, known.advocate_id),
        keys.contact(program_id, friend.member_id),
        *stories.around(program_id, order_id),
    ]
    found = load(asked)
    advocate = final_head(program_id, members.head_of(found[asked[0]]) if asked[0] in found else None)
    stands = stories.stands(found, program_id, order_id)
    if stands is not None and stands.purchase.member_id not in (friend.member_id, *friend.merged_from):
        stands = None  # it turned out to be somebody else's
    bought, refunded = (None, 0) if stands is None else (stands.purchase, stands.refunded)
    rule = _promised(admitted, bought)
    following, refusal = None, None
    if rule is not None and referral.worth(bought, refunded) < referral.least(rule):
        following = _following(admitted, friend, rule, order_id)
    else:
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
        refunded,
        rule=rule,
        following=following,
        disputed=stands is not None and stands.held > 0,
        refusal=refusal,
        now=now,
        booked_by=admitted.booked_by,
    )
    made: list[Made] = [*done.entries, *friend_moved]
    writes = [members.move(program_id, friend, done.friend)]
    if done.advocate is not None and advocate is not None:
        made.extend(advocate_moved)
        writes.append(members.move(program_id, advocate, done.advocate))
    commit([*writes, *(entries.book(program, entry) for entry in made)])
    if following is not None:
        return _once(call, friend_id)  # that one may have settled as well
    return _outcome(friend_id, done.friend.referral)


def _outcome(friend_id: str, known: Referral | None) -> Outcome:
    return Outcome(friend_id, "none" if known is None else known.state, None if known is None else known.reason)


def _promised(admitted: Admitted, bought: Purchase | None) -> Rule | None:
    """What the program promised when the friend bought; what it promises now where that can no longer be told."""
    if bought is not None and bought.program_version not in (0, admitted.version):
        then = programs.read_version(admitted.program_id, bought.program_version)
        if then is not None and then.program.referral is not None:
            return then.program.referral
    return admitted.program.referral


def _refusal(
    admitted: Admitted, friend: Head, advocate: Head | None, contact: Row | None, bought: Purchase | None
) -> str | None:
    """Why this referral is one's own or a ring's; None where it looks honest. What is known now decides: people who
    changed their email or paid with the same card since they joined are seen too."""
    if advocate is None:
        return None
    if advocate.member_id == friend.member_id:
        return "same_member"
    program_id = admitted.program_id
    if _leads_back(program_id, advocate, friend):
        return "ring"
    key = keys.contact(program_id, advocate.member_id)
    theirs = load([key]).get(key)
    if contact is not None and theirs is not None:
        same = referral.same_person(members.contact_of(contact), members.contact_of(theirs))
        if same is not None:
            return same
    own = {made.payment for made in (*_purchases(program_id, friend), *([] if bought is None else [bought]))} - {None}
    if own and own & {made.payment for made in _purchases(program_id, advocate)}:
        return "same_payment"
    return None


def _leads_back(program_id: str, advocate: Head, friend: Head) -> bool:
    """Whether the advocate was brought, at however few removes, by the friend: merged accounts can close a circle."""
    friends = {friend.member_id, *friend.merged_from}
    above: Head | None = advocate
    for _ in range(REMOVES):
        if above is None or above.referral is None:
            return False
        if above.referral.advocate_id in friends:
            return True
        key = keys.head(program_id, above.referral.advocate_id)
        found = load([key])
        above = final_head(program_id, members.head_of(found[key]) if key in found else None)
        if above is not None and above.member_id == friend.member_id:
            return True
    return False


def _purchases(program_id: str, head: Head) -> list[Purchase]:
    """What a member bought lately, newest first; the index proposes, and nothing is paid on its word alone."""
    return [
        row.document(Purchase)
        for member_id in (head.member_id, *head.merged_from)
        for row in entries.statement(program_id, member_id, None, LOOKED_AT)
        if row.t in ("PURCHASE", "CLAIM")
    ]


def _following(admitted: Admitted, friend: Head, rule: Rule, refunded_order: str) -> Purchase | None:
    """The friend's first other purchase since joining that qualifies as it stands."""
    program = admitted.program
    joined = local_day(moment_of(friend.enrolled_ms), program.time_zone)
    made = sorted(_purchases(program.program_id, friend), key=lambda one: one.occurred_ms)
    made = [one for one in made if one.order_id != refunded_order and one.basis.spent(one.total, 0)]
    asked = [key for one in made for key in stories.around(program.program_id, str(one.order_id))]
    found = load(asked) if asked else {}
    for one in made:
        stands = stories.stands(found, program.program_id, str(one.order_id))
        if stands is None or stands.purchase.member_id not in (friend.member_id, *friend.merged_from):
            continue
        if local_day(moment_of(one.occurred_ms), program.time_zone) < joined:
            continue
        if referral.worth(stands.purchase, stands.refunded) >= referral.least(rule):
            return stands.purchase
    return None


class Friend(msgspec.Struct, frozen=True):
    """A friend that an advocate brought."""

    head: Head
    contact: Contact


def friends_of(program_id: str, advocate: Head) -> list[Friend]:
    """Everybody who enrolled with this member's code, or with that of an account merged into it, as they are now.

    A friend whose account was merged is told once, under the account that lives on; one who turned out to be a member
    already is told as refused.
    """
    own = (advocate.member_id, *advocate.merged_from)
    ids = [one for member_id in own for one in invites.friends_of(program_id, member_id)]
    asked = [key for one in ids for key in (keys.head(program_id, one), keys.contact(program_id, one))]
    found = load(asked) if asked else {}
    rows: dict[str, Friend] = {}
    for one in ids:
        row, contact = found.get(keys.head(program_id, one)), found.get(keys.contact(program_id, one))
        if row is None:
            continue
        head = members.head_of(row)
        if head.status == "merged":
            head, contact = _living(program_id, head)
        known = head.referral
        if known is None or known.advocate_id not in own:
            head = replace(head, referral=Referral(advocate.member_id, "refused", "member_before"))
        rows[head.member_id] = Friend(head, Contact() if contact is None else members.contact_of(contact))
    return list(rows.values())


def _living(program_id: str, merged: Head) -> tuple[Head, Row | None]:
    head = final_head(program_id, merged)
    if head is None:
        return merged, None
    key = keys.contact(program_id, head.member_id)
    return head, load([key]).get(key)
