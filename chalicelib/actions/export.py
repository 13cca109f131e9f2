"""Gathers what is held: all about one person, and the whole ledger by days."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Call, not_found
from chalicelib.actions.listing import list_vouchers
from chalicelib.actions.person import Person, recall
from chalicelib.actions.person import read_member as read
from chalicelib.actions.settle_referral import Friend, friends_of
from chalicelib.actions.settle_voucher import Held
from chalicelib.domain.ledger import Entry
from chalicelib.domain.purchase import Purchase
from chalicelib.store import entries, gift_cards
from chalicelib.store.table import Row

PAGE = 200


class Everything(msgspec.Struct, frozen=True):
    """All that is held about one person. ``gift_cards`` counts those that name their email as recipient."""

    person: Person
    entries: list[Entry]
    purchases: list[Purchase]
    vouchers: list[Held]
    friends: list[Friend]
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
    held: list[Held] = []
    for one in ids:
        before: int | None = None
        while True:
            page, cursor = list_vouchers(call, one, before, PAGE)
            held.extend(page)
            if cursor is None:
                break
            before = int(cursor)
    emails = {value for kind, value in found.contact.identities() if kind == "email"}
    return Everything(
        found,
        [entries.entry_of(row) for row in rows],
        [row.document(Purchase) for row in rows if row.t in ("PURCHASE", "CLAIM")],
        held,
        friends_of(program_id, found.head),
        sum(len(gift_cards.addressed_to(program_id, email)) for email in sorted(emails)),
    )


def _all(program_id: str, member_id: str) -> list[Row]:
    rows: list[Row] = []
    before: int | None = None
    while page := entries.statement(program_id, member_id, before, PAGE):
        rows.extend(page)
        before = entries.entry_of(page[-1]).sequence
    return rows
