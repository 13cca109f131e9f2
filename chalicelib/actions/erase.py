"""Erases a person: every personal datum wherever it stands; the ledger stays under the random id."""

from __future__ import annotations

from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter, not_found
from chalicelib.actions.attempt import attempt
from chalicelib.domain import yearly
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.member import Contact
from chalicelib.store import gift_cards, invites, keys, members, sealing
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
    admitted = enter(call.credential, [head_key, contact_key])
    head = admitted.head(member_id)
    if head is None:
        not_found("member")
    row = admitted.found.get(contact_key)
    if row is None:
        return  # erased before, or merged: then the personal data is with the account that lives on
    contact = members.contact_of(row)
    # What stands outside the member goes first: should this stop midway, the contact still says what is left to do.
    for one in _elsewhere(admitted, contact):
        commit([one])
    until = milliseconds(call.now) // 1000 + admitted.program.enrolment.welcome_again_days * DAY_SECONDS
    codes = [
        ("referral", sealing.referral_code(program_id, member_id)),
        ("card", sealing.card_code(program_id, member_id)),
    ]
    shown = [(kind, value) for kind in ("email", "phone") if (value := getattr(contact, kind)) is not None]
    identities = {
        members.identity_key(program_id, kind, value): (kind, value) for kind, value in [*contact.identities(), *codes]
    }
    departed = {
        invites.departed_key(program_id, kind, value): (kind, value) for kind, value in [*contact.identities(), *shown]
    }
    commit(
        [
            members.move(program_id, head, replace(yearly.forgotten(head), status="erased")),
            Write(Row(*contact_key, t="CONTACT"), Row.v == int(row.v), delete=True),
            *(Write(Row(*key, t="ID"), Row.m == member_id, delete=True) for key in identities),
            *(invites.remember_departed(program_id, kind, value, until) for kind, value in departed.values()),
        ]
    )


def _elsewhere(admitted: Admitted, contact: Contact) -> list[Write]:
    """Personal data of this person that stands outside their own items."""
    program_id = admitted.program_id
    emails = {value for kind, value in contact.identities() if kind == "email"}
    emails.update([] if contact.email is None else [contact.email])
    writes = [
        gift_cards.forget_recipient(row)
        for email in sorted(emails)
        for row in gift_cards.addressed_to(program_id, email)
    ]
    if contact.invite is not None:
        key = keys.invite(program_id, contact.invite)
        row = load([key]).get(key)
        if row is not None:
            writes.append(invites.forget_note(key, row.document(invites.Invite)))
    return writes
