"""Gathers what is held: all about one person, and the whole ledger by days."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Call, not_found
from chalicelib.actions.claim import buyer_keys
from chalicelib.actions.listing import list_vouchers
from chalicelib.actions.person import Person, recall
from chalicelib.actions.person import read_member as read
from chalicelib.actions.settle_referral import Friend, friends_of
from chalicelib.actions.settle_voucher import Held
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact
from chalicelib.domain.purchase import Purchase
from chalicelib.store import entries, gift_cards, invites, keys
from chalicelib.store.table import Row, load

PAGE = 200
MOST_AS_GUEST = 1_000
"""Purchases as a guest that one export lists for each identity."""


class Everything(msgspec.Struct, frozen=True):
    """All that is held about one person. ``as_guest`` are purchases under their identities that nobody claimed;
    ``notes`` what the owner noted on the invites that let them in; ``gift_cards`` counts those that name their email
    as recipient."""

    person: Person
    entries: list[Entry]
    purchases: list[Purchase]
    vouchers: list[Held]
    as_guest: list[Purchase]
    friends: list[Friend]
    notes: list[str]
    gift_cards: int


def gather(call: Call, member_id: str) -> Everything:
    """Reads every item of a member. Raises Refused ``member_not_found``, for an erased one too: nothing is left."""
    found = read(call, member_id)
    if found is not None and found.head.status == "merged":
        found = recall(call, found.admitted, member_id)
    if found is None or found.head.status != "active":
        not_found("member")
    program_id = found.admitted.program_id
    ids = (found.head.member_id, *found.head.merged_from)
    rows = [row for one in ids for row in _all(program_id, one)]
    purchases = [row.document(Purchase) for row in rows if row.t in ("PURCHASE", "CLAIM")]
    held: list[Held] = []
    places: tuple[int, ...] | None = ()
    while places is not None:
        page, places = list_vouchers(call, found.head.member_id, places, PAGE)
        held.extend(page)
    emails = {value for kind, value in found.contact.identities() if kind == "email"}
    return Everything(
        found,
        [entries.entry_of(row) for row in rows],
        purchases,
        held,
        _guest_purchases(program_id, found.contact, {str(made.order_id) for made in purchases}),
        friends_of(program_id, found.head),
        _notes(program_id, found.contact),
        sum(len(gift_cards.addressed_to(program_id, email)) for email in sorted(emails)),
    )


def _guest_purchases(program_id: str, contact: Contact, claimed: set[str]) -> list[Purchase]:
    ids = [
        order_id
        for buyer in buyer_keys(program_id, contact)
        for order_id in entries.bought_as_guest(program_id, buyer, 0, MOST_AS_GUEST)
    ]
    wanted = [keys.purchase(program_id, one) for one in dict.fromkeys(ids) if one not in claimed]
    found = load(wanted) if wanted else {}
    return [found[key].document(Purchase) for key in wanted if key in found]


def _notes(program_id: str, contact: Contact) -> list[str]:
    asked = [keys.invite(program_id, one) for one in contact.invites]
    found = load(asked) if asked else {}
    return [note for row in found.values() if (note := row.document(invites.Invite).note) is not None]


def _all(program_id: str, member_id: str) -> list[Row]:
    rows: list[Row] = []
    before: int | None = None
    while page := entries.statement(program_id, member_id, before, PAGE):
        rows.extend(page)
        before = entries.entry_of(page[-1]).sequence
    return rows
