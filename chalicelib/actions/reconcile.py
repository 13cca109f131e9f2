"""Proves balances: recomputes a page of members from their entries and reports every difference."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Head
from chalicelib.domain.reconciliation import differences
from chalicelib.store import entries, keys, members
from chalicelib.store.table import load

PAGE = 500


class Difference(msgspec.Struct, frozen=True):
    member_id: str
    details: list[str]


class Reconciled(msgspec.Struct, frozen=True):
    """One page's outcome; ``next_cursor`` goes into the next call, None when every member was seen."""

    members: int
    entries: int
    differences: list[Difference]
    next_cursor: str | None


def reconcile(program_id: str, cursor: str | None, limit: int) -> Reconciled:
    """A page of a program's members, by name."""
    member_ids, following = members.directory_page(program_id, "", cursor, limit)
    return msgspec.structs.replace(prove(program_id, member_ids), next_cursor=following)


def prove(program_id: str, member_ids: Sequence[str]) -> Reconciled:
    """Reads only. A member who is moved meanwhile is read again before a difference is believed."""
    count, found = 0, []
    for member_id in member_ids:
        details, seen = _looked_at(program_id, member_id)
        if details:
            # The statement is an index and may lag behind the head by a moment: look twice.
            details, seen = _looked_at(program_id, member_id)
        count += seen
        if details:
            found.append(Difference(member_id, details))
    return Reconciled(len(member_ids), count, found, None)


def _looked_at(program_id: str, member_id: str) -> tuple[list[str], int]:
    """What cannot even be read is a difference of that member's, and holds up nobody else's proof."""
    try:
        return _check(program_id, member_id)
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError) as error:
        return [f"what is stored cannot be read: {type(error).__name__}"], 0


def _check(program_id: str, member_id: str) -> tuple[list[str], int]:
    head = _head(program_id, member_id)
    if head is None:
        return ["the head is missing"], 0
    chain: list[Entry] = []
    before: int | None = None
    while rows := entries.statement(program_id, member_id, before, PAGE):
        chain.extend(entries.entry_of(row) for row in rows)
        before = chain[-1].sequence
    chain.reverse()
    again = _head(program_id, member_id)
    if again is not None and again.version != head.version:
        return _check(program_id, member_id)
    return differences(head, chain), len(chain)


def _head(program_id: str, member_id: str) -> Head | None:
    key = keys.head(program_id, member_id)
    found = load([key])
    return members.head_of(found[key]) if key in found else None
