"""The ledger's vocabulary: an entry for each movement, named by its cause, never edited, never deleted.

Stored names are short because every entry is written to the table and to two indexes; times are milliseconds since
the epoch and days are day numbers. ``docs/architecture.md`` spells the short names out.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.domain.member import Head
from chalicelib.domain.points import available

Kind = Literal["earn", "bonus", "redeem", "refund", "reverse", "expire", "adjust", "release", "transfer"]

SHORT = {
    "kind": "k",
    "points": "p",
    "status": "st",
    "available_on": "av",
    "expires_on": "ex",
    "cause": "c",
    "order_id": "o",
    "amount": "a",
    "reason": "r",
    "balance_after": "b",
    "sequence": "q",
    "held": "h",
    "booked_by": "by",
    "occurred_ms": "t",
    "booked_ms": "tb",
    "member_id": "m",
    "fingerprint": "f",
    "program_version": "pv",
    "tier_change": "tc",
}


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename=SHORT):
    """One movement of one member's points. ``points`` of a pending entry never count; its release does.

    ``sequence`` is the entry's place in the member's chain, from 1 without gaps; a guest's entry has none (0).
    ``cause`` is (type, id): what made it, and what it can be booked for only once.
    """

    kind: Kind
    points: int = 0
    status: Literal["posted", "pending"] = "posted"
    available_on: int | None = None
    expires_on: int | None = None
    cause: tuple[str, str]
    order_id: str | None = None
    amount: int | None = None
    reason: str = ""
    balance_after: int = 0
    sequence: int = 0
    held: int = 0
    """Pending points that it took away (negative: brought along); they never counted in the balance."""
    booked_by: str = ""
    occurred_ms: int
    booked_ms: int
    member_id: str | None = None
    fingerprint: str = ""
    program_version: int = 0
    tier_change: tuple[str | None, str | None] | None = None
    """The tier before and after, where the entry's own cause moved it."""


EntryT = TypeVar("EntryT", bound=Entry)


def post(head: Head, entry: EntryT) -> tuple[Head, EntryT]:
    """Appends an entry to a member's chain: the next sequence, and the balance that the given head has now."""
    sequence = head.sequence + 1
    return replace(head, sequence=sequence), replace(
        entry, member_id=head.member_id, sequence=sequence, balance_after=available(head)
    )


def fingerprint(request: object) -> str:
    """What was asked, in 22 characters: the same cause with another fingerprint is a conflict, never an overwrite."""
    text = msgspec.json.encode(request, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:22]
