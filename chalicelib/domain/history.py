"""What a member went through beside the points: tiers assessed, notices given, plans that ended.

An event moves no points, so it is no entry and has no place in the chain; like an entry it is put once under its
cause and never edited. What moves points (releases, expiries, birthdays) is told by its entry.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chalicelib.domain.ledger import Entry

What = Literal["tier", "notice", "plan"]


class Event(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        "what": "w",
        "cause": "c",
        "reason": "r",
        "points": "p",
        "expires_on": "ex",
        "tier_change": "tc",
        "until": "u",
        "member_id": "m",
        "sequence": "q",
        "booked_by": "by",
        "occurred_ms": "t",
        "booked_ms": "tb",
        "program_version": "pv",
    },
):
    """``tier``: ``tier_change`` says from which to which (the same twice: held for another time), ``until`` the last
    day held. ``notice``: ``points`` that lapse after ``expires_on``. ``plan``: one that was paid up to ``until``.
    ``sequence`` is the member's last entry then."""

    what: What
    cause: tuple[str, str]
    reason: str
    points: int = 0
    expires_on: int | None = None
    tier_change: tuple[str | None, str | None] | None = None
    until: int | None = None
    member_id: str
    sequence: int
    booked_by: str
    occurred_ms: int
    booked_ms: int
    program_version: int


ERASURE = "erasure"
"""The type of an event's cause: somebody was erased. Nobody reads their history any more; whoever counts does."""

Made = Entry | Event
"""What a decision leaves behind beside the head: each is put once, in the head's own transaction."""

TOLD = {
    "welcome": "welcome",
    "birthday": "birthday",
    "anniversary": "anniversary",
    "referral": "referral",
    "merge": "merged",
    "merged": "merged",
    "release": "release",
    "expiry": "expiry",
}
"""Entries that belong to a member's history, by the type of their cause; purchases, refunds and corrections where they
moved the tier."""


def told_as(entry: Entry) -> str | None:
    """How an entry stands in the history; None where it is only in the ledger."""
    kind = TOLD.get(entry.cause[0])
    return kind or ("tier" if entry.tier_change is not None else None)
