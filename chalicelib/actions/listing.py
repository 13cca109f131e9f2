"""Reads lists: members by name or code, a member's entries, a member's vouchers."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Admitted, Call, enter, not_found
from chalicelib.actions.person import Person, recall
from chalicelib.actions.settle_voucher import Held, balance_of
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import IDENTITIES, Contact
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import entries, keys, members, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import load


def list_members(
    call: Call, *, query: str, tier: str | None, tag: str | None, cursor: str | None, limit: int
) -> tuple[list[Person], str | None]:
    """A page of members by name, and the cursor of the next: the last member's id, so that it tells nothing."""
    program_id = call.credential.program_id
    by_identity = [
        members.identity_key(program_id, kind, query)
        for kind in (*IDENTITIES, "card", "referral")
        if query and not cursor
    ]
    admitted = enter(call.credential, by_identity)
    found = dict.fromkeys(str(admitted.found[key].m) for key in by_identity if key in admitted.found)
    people = _fitting(_people(call, admitted, list(found)), tier, tag)
    after = None if cursor is None else _place(program_id, cursor)
    while len(people) < limit:
        ids, after = members.directory_page(program_id, query, after, limit - len(people))
        people.extend(_fitting(_people(call, admitted, [one for one in ids if one not in found]), tier, tag))
        if after is None:
            break
    return people[:limit], None if after is None else after.rpartition("#")[2]


def _place(program_id: str, member_id: str) -> str:
    key = keys.contact(program_id, member_id)
    row = load([key]).get(key)
    if row is None:
        raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged, or begin again.")
    return keys.directory(program_id, members.contact_of(row).name, member_id)[1]


def _people(call: Call, admitted: Admitted, ids: list[str]) -> list[Person]:
    """Heads and contacts of several members in one read, in the order asked."""
    if not ids:
        return []
    program_id = admitted.program_id
    found = load([key for one in ids for key in (keys.head(program_id, one), keys.contact(program_id, one))])
    people = []
    for one in ids:
        head_row, contact_row = found.get(keys.head(program_id, one)), found.get(keys.contact(program_id, one))
        if head_row is None:
            continue
        head = members.head_of(head_row)
        if head.status != "active":
            person = recall(call, admitted, one)
            people.extend([person] if person is not None and person.head.member_id not in ids else [])
            continue
        present, _ = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
        people.append(Person(admitted, present, Contact() if contact_row is None else members.contact_of(contact_row)))
    return people


def _fitting(people: list[Person], tier: str | None, tag: str | None) -> list[Person]:
    return [
        person
        for person in people
        if (tier is None or (person.head.tier is not None and person.head.tier.id == tier))
        and (tag is None or tag in person.contact.tags)
    ]


def list_entries(call: Call, member_id: str, before: int | None, limit: int) -> tuple[list[Entry], str | None]:
    """A member's entries, newest first, from below a sequence. A merged member's own stay readable."""
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, member_id)])
    if admitted.head(member_id) is None:
        not_found("member")
    rows = [entries.entry_of(row) for row in entries.statement(program_id, member_id, before, limit)]
    return rows, str(rows[-1].sequence) if len(rows) == limit and rows[-1].sequence > 1 else None


def _issued(program_id: str, made: Voucher) -> Key:
    return keys.voucher(program_id, vouchers.sealed_origin(program_id, made.origin))


def list_vouchers(
    call: Call, member_id: str, before: tuple[int, ...], limit: int
) -> tuple[list[Held], tuple[int, ...] | None]:
    """A member's vouchers, newest first, each with its end; those of accounts merged into this one are the member's.

    ``before`` says where the page begins: a sequence for the member's own chain, then for each merged account's.
    """
    program_id = call.credential.program_id
    admitted = enter(call.credential, [keys.head(program_id, member_id)])
    head = admitted.head(member_id)
    if head is None:
        not_found("member")
    chains: list[list[Voucher]] = []
    for place, one in enumerate((member_id, *head.merged_from)):
        below = before[place] if place < len(before) else None
        rows = [] if below == 0 else entries.statement(program_id, one, below, limit, "VOUCHER")
        chains.append([row.document(Voucher) for row in rows])
    page, places = _newest(chains, before, limit)
    today = local_day(call.now, admitted.program.time_zone)
    return _held(program_id, [msgspec.structs.replace(made, member_id=member_id) for made in page], today), places


def _newest(
    chains: list[list[Voucher]], before: tuple[int, ...], limit: int
) -> tuple[list[Voucher], tuple[int, ...] | None]:
    """The newest of several chains, and below which sequences the next page begins; 0 where a chain has no more."""
    taken = [0] * len(chains)
    page: list[Voucher] = []
    while len(page) < limit:
        left = [place for place, chain in enumerate(chains) if taken[place] < len(chain)]
        if not left:
            break
        place = max(left, key=lambda one: (chains[one][taken[one]].booked_ms, -one))
        page.append(chains[place][taken[place]])
        taken[place] += 1
    places = []
    for place, chain in enumerate(chains):
        if taken[place] == len(chain) < limit:
            places.append(0)
        elif taken[place]:
            places.append(chain[taken[place] - 1].sequence)
        else:
            places.append(before[place] if place < len(before) else chain[0].sequence + 1)
    return page, tuple(places) if any(places) else None


def _held(program_id: str, rows: list[Voucher], today: int) -> list[Held]:
    ends = [keys.voucher_settled(program_id, vouchers.sealed_origin(program_id, made.origin)) for made in rows]
    cards = [_issued(program_id, made) for made in rows if made.voucher_kind == "gift_card"]
    found = load([*ends, *cards]) if rows else {}
    return [
        Held(
            made,
            found[key].document(Settled) if key in found else None,
            program_id,
            today,
            balance=balance_of(made, found[_issued(program_id, made)]) if made.voucher_kind == "gift_card" else None,
        )
        for made, key in zip(rows, ends, strict=True)
    ]
