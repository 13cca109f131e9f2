"""The entry of a joining: when, by whose invitation, and into which tier; points are what the welcome gave, or none."""

from __future__ import annotations

from msgspec.structs import asdict

from chalicelib.domain.ledger import SHORT, Entry
from chalicelib.domain.member import Head


class Joined(
    Entry,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={**SHORT, "enrolled_ms": "E", "advocate": "A", "tier": "ti"},
):
    """The welcome of a new member. ``enrolled_ms`` is when they joined, which may be before it was booked."""

    enrolled_ms: int
    advocate: str | None = None
    tier: str | None = None


def joined(welcome: Entry, head: Head) -> Joined:
    """The welcome entry with what is known of a new member."""
    return Joined(
        **asdict(welcome),
        enrolled_ms=head.enrolled_ms,
        advocate=None if head.referral is None else head.referral.advocate_id,
        tier=None if head.tier is None else head.tier.id,
    )
