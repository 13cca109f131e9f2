"""Erases a person: every personal datum wherever it stands; the ledger stays under the random id."""

from __future__ import annotations

from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, final_head, not_found
from chalicelib.actions.attempt import attempt
from chalicelib.domain import referral, yearly
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.history import ERASURE, Event
from chalicelib.domain.member import IDENTITIES, Contact, Head
from chalicelib.store import asides, entries, gift_cards, invites, keys, members, sealing
from chalicelib.store.table import Row, Write, commit, load

DAY_SECONDS = 86_400


def erase(call: Call, member_id: str) -> None:
    """Removes contact, identities, gift-card recipients and the note of the invite; ends tokens by ending the member.

    Asked again it changes nothing. That somebody of these identities was welcomed is remembered for the program's
    ``welcome_again_days``, as a keyed hash alone. Raises Refused ``member_not_found``.
    """
    attempt(lambda: _once(call, member_id))


def _once(call: Call, member_id: str) -> None:
    program_id = call.credential.program_id
    head_key, contact_key = keys.head(program_id, member_id), keys.contact(program_id, member_id)
    places_key = keys.places(program_id)
    admitted = enter(call.credential, [head_key, contact_key, places_key])
    head = admitted.head(member_id)
    if head is None:
        not_found("member")
    row = admitted.found.get(contact_key)
    if head.status == "merged":
        # The personal data went with the merge, and it is the person who is erased, by whichever id they were known.
        living = final_head(program_id, head)
        return None if living is None else _once(call, living.member_id)
    if row is None:
        return None
    contact = members.contact_of(row)
    until = milliseconds(call.now) // 1000 + admitted.program.enrolment.welcome_again_days * DAY_SECONDS
    theirs = _theirs(program_id, contact, (member_id, *head.merged_from))
    finding = {members.identity_key(program_id, kind, value): member_id for kind, value in contact.identities()}
    for holder in (member_id, *head.merged_from):
        for kind, code_of in (("referral", sealing.referral_code), ("card", sealing.card_code)):
            finding[members.identity_key(program_id, kind, code_of(program_id, holder))] = holder
    # What stands outside the member goes first: should this stop midway, the contact still says what is left to do.
    named = {member_id, *head.merged_from, *(value for _, value in theirs)}
    for one in (*_elsewhere(program_id, contact, theirs), *asides.naming(program_id, named)):
        commit([one])
    departed = {invites.departed_key(program_id, kind, value): (kind, value) for kind, value in theirs}
    commit(
        [
            *invites.one_less(program_id, admitted.found.get(places_key)),
            members.move(program_id, head, replace(_gone(head), status="erased")),
            Write(Row(*contact_key, t="CONTACT"), Row.v == int(row.v), delete=True),
            *(Write(Row(*key, t="ID"), Row.m == holder, delete=True) for key, holder in finding.items()),
            *_left(call, admitted, head),
            *(invites.remember_departed(program_id, kind, value, until) for kind, value in departed.values()),
        ]
    )


def _left(call: Call, admitted: Admitted, head: Head) -> list[Write]:
    """Tells those who count that somebody left their tier, and that nothing may link an account to its guests' keys."""
    now = milliseconds(call.now)
    tier = None if head.tier is None else (head.tier.id, None)
    return [
        entries.book(
            admitted.program,
            Event(
                what="tier",
                cause=(ERASURE, holder),
                reason="Left",
                tier_change=tier if holder == head.member_id else None,
                member_id=holder,
                sequence=head.sequence,
                booked_by=admitted.booked_by,
                occurred_ms=now,
                booked_ms=now,
                program_version=admitted.version,
            ),
        )
        for holder in (head.member_id, *head.merged_from)
    ]


def _gone(head: Head) -> Head:
    """A head without what could name a day of the person's life; a referral that was not paid never will be."""
    return referral.refuse(yearly.forgotten(head), "friend_left")


def _theirs(program_id: str, contact: Contact, ids: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every identity that is or was this person's, as far as it has not become somebody else's meanwhile."""
    shown = [(kind, value) for kind in IDENTITIES if (value := getattr(contact, kind)) is not None]
    every = dict.fromkeys([*contact.identities(), *contact.former, *shown])
    asked = {members.identity_key(program_id, kind, value): (kind, value) for kind, value in every}
    found = load(asked)
    return [pair for key, pair in asked.items() if key not in found or found[key].m in ids]


def _elsewhere(program_id: str, contact: Contact, theirs: list[tuple[str, str]]) -> list[Write]:
    """Personal data of this person that stands outside their own items."""
    writes = [
        gift_cards.forget_recipient(row)
        for email in sorted({value for kind, value in theirs if kind == "email"})
        for row in gift_cards.addressed_to(program_id, email)
    ]
    asked = [keys.invite(program_id, one) for one in contact.invites]
    found = load(asked) if asked else {}
    writes.extend(invites.forget_note(key, row.document(invites.Invite)) for key, row in found.items())
    return writes
