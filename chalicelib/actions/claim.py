"""Lets a member claim what they bought as a guest: each order once, in its own transaction."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from chalicelib.actions.admission import (
    Admitted,
    Call,
    active_head,
    enter,
    final_head,
    not_found,
    require_staff_cap,
)
from chalicelib.actions.attempt import attempt
from chalicelib.actions.earn import Booked, recall
from chalicelib.domain import earning
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import milliseconds, moment_of
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Contact
from chalicelib.domain.purchase import IMPORTED, Purchase
from chalicelib.store import entries, keys, members, stories, vouchers
from chalicelib.store.table import commit, load

RECEIPT_DAYS = 30
"""How old a receipt may be where the program says nothing about claiming."""
CANDIDATES = 100
"""Guest purchases of one identity that joining looks at."""


def claim(call: Call, order_id: str, member_id: str) -> Booked:
    """A guest's receipt earns for a member, once, under the program as it stands; the same claim again is answered
    as the first time.

    Raises Refused: ``purchase_not_found``, ``member_not_found``, ``already_claimed``, ``claim_too_late``,
    ``nothing_to_claim``, ``staff_cap_exceeded`` (a receipt brings as much as a purchase entered by hand).
    """
    cause = keys.claimed(call.credential.program_id, order_id)
    return attempt(lambda: _once(call, order_id, member_id), [cause])


def _once(call: Call, order_id: str, member_id: str) -> Booked:
    program_id = call.credential.program_id
    purchase_key, claim_key = keys.purchase(program_id, order_id), keys.claimed(program_id, order_id)
    story_key = keys.story(program_id, order_id)
    admitted = enter(call.credential, [purchase_key, claim_key, story_key, keys.head(program_id, member_id)])
    row = admitted.found.get(purchase_key)
    if row is None or row.t == "WAITING":
        not_found("purchase")
    if row.t == "ALIAS":
        return claim(call, row.m, member_id)
    head = active_head(admitted, member_id)
    if claim_key in admitted.found:
        known = admitted.found[claim_key].document(Purchase)
        if known.member_id != member_id and not _became(program_id, known.member_id, member_id):
            raise Refused("already_claimed", "Another member claimed this purchase; each earns once.")
        return recall(admitted, known, int(row.n or 0), True)
    guest = stories.standing(admitted.found, program_id, order_id)
    story = stories.story_of(admitted.found.get(story_key))
    stories.require_together(row, admitted.found.get(story_key))
    if guest.member_id is not None:
        raise Refused("already_claimed", "This purchase was a member's from the first; it earned then.")
    if guest.told_by == IMPORTED:
        raise Refused("claim_too_late", "This purchase is history from before the program; it does not earn.")
    program, version = admitted.program, admitted.version
    at = moment_of(guest.occurred_ms)
    days = program.enrolment.claim_purchases_days or RECEIPT_DAYS
    if at < call.now - timedelta(days=days):
        raise Refused("claim_too_late", f"A purchase can be claimed for {days} days; this one is older.", days=days)
    refunded, held = int(row.n or 0), 0 if story is None else story.held
    if refunded and refunded == guest.total:
        raise Refused("nothing_to_claim", "All of this purchase went back; there is nothing left that could earn.")
    require_staff_cap(admitted, guest.total)
    present, moved = advance(head, program, version, call.now, admitted.booked_by)
    done = earning.earn(
        present,
        program,
        version,
        replace(guest.sale, occurred_at=at),
        order_id=str(guest.order_id),
        now=call.now,
        booked_by=admitted.booked_by,
        refunded=refunded,
        disputed=held,  # earns nothing for whoever claims meanwhile
    )
    after, late = advance(done.head, program, version, call.now, admitted.booked_by)
    made = replace(
        done.purchase,
        cause=("claim", str(guest.order_id)),
        reason="Claimed purchase",
        payment=guest.payment,
        told_by=guest.told_by,
        buyer=guest.buyer,
        gone=(refunded, held),
    )
    commit(
        [
            *entries.claim_purchase(program, made, row),
            members.move(program_id, head, after),
            *(vouchers.issued(program, voucher) for voucher in done.vouchers),
            *(entries.book(program, entry) for entry in (*moved, *late)),
        ]
    )
    return Booked(made, done.vouchers, admitted.written, False)


def _became(program_id: str, claimed_by: str | None, member_id: str) -> bool:
    """Whether the member who claimed it was merged into this one."""
    key = keys.head(program_id, claimed_by or "")
    found = load([key])
    head = final_head(program_id, members.head_of(found[key])) if key in found else None
    return head is not None and head.member_id == member_id


def buyer_keys(program_id: str, contact: Contact) -> list[str]:
    """The keys under which this person's purchases as a guest are grouped."""
    return [members.buyer_of(program_id, kind, value) for kind, value in contact.identities()]


def bought_before(admitted: Admitted, contact: Contact, since_ms: int, limit: int) -> list[str]:
    """Order ids that this person bought as a guest since a moment; the index only proposes them."""
    found = []
    for buyer in buyer_keys(admitted.program_id, contact):
        found.extend(entries.bought_as_guest(admitted.program_id, buyer, since_ms, limit))
    return list(dict.fromkeys(found))


def claim_recent(call: Call, admitted: Admitted, member_id: str, contact: Contact) -> int:
    """Claims what a new member bought lately as a guest; answers how many purchases. One that another claim or an
    older date refuses is left."""
    days = admitted.program.enrolment.claim_purchases_days
    if days == 0:
        return 0
    since = milliseconds(call.now - timedelta(days=days))
    claimed = 0
    for order_id in bought_before(admitted, contact, since, CANDIDATES):
        try:
            claimed += not claim(call, order_id, member_id).replayed
        except Refused as refusal:
            if refusal.code not in ("already_claimed", "claim_too_late", "nothing_to_claim", "staff_cap_exceeded"):
                raise
    return claimed
