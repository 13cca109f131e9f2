"""What the API answers about people: friends, invites, a merge, and all that is held about one person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from chalicelib.api import answers


class InviteAnswer(msgspec.Struct, kw_only=True):
    code: str
    uses: int
    used: int
    note: str | None
    expires_on: date | None
    created_at: datetime


class Invites(msgspec.Struct):
    items: list[InviteAnswer]
    next_cursor: str | None


class FriendAnswer(msgspec.Struct, kw_only=True):
    """``state``: joined (has not bought enough yet), settling (until ``settles_on``), paid, or refused with its
    reason. The owner and staff see who it is; the advocate sees how far each friend is."""

    member_id: str | None
    name: str | None
    state: Literal["joined", "settling", "paid", "refused"]
    reason: str | None
    joined_on: date
    settles_on: date | None


class ReferralAnswer(msgspec.Struct, kw_only=True):
    """``link`` is the code as the end of a link to the shop: the storefront puts its own address before it."""

    code: str
    link: str
    advocate_points: int
    friend_points: int
    paid_this_year: int
    yearly_cap: int | None
    items: list[FriendAnswer]
    next_cursor: str | None


class Merged(msgspec.Struct, kw_only=True):
    """``entry`` brought the other account's points here; the other's vouchers, stamps and identities came with it."""

    member_id: str
    from_member_id: str
    entry: answers.Entry


class Export(msgspec.Struct, kw_only=True):
    """All that is held about one person. ``purchases_as_guest`` are those that nobody claimed; ``notes`` what the owner
    noted on the invites that let them in."""

    member: answers.Member
    identities: list[dict[str, str]]
    former_identities: list[dict[str, str]]
    entries: list[answers.Entry]
    purchases: list[dict[str, Any]]
    purchases_as_guest: list[dict[str, Any]]
    vouchers: list[answers.VoucherAnswer]
    brought_by_a_friend: bool
    referrals: list[FriendAnswer]
    notes: list[str]
    gift_cards_meant_for_you: int
