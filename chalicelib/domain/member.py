"""The member head: every balance and counter of one member, and nothing that says who the person is.

The head is rewritten whole with each entry, guarded by ``version``. Field names are short where it is stored
(under 1 KB, one write unit); ``docs/architecture.md`` spells them out.
"""

from __future__ import annotations

from typing import Literal

import msgspec

NEVER = 0
"""The lot of points that no date ends."""
IDLE = -1
"""The lot of points that lapse together, so many months after the last earn or redeem."""

MIXED = "?"
"""What the window counts where two accounts that counted different things became one: nothing to go by."""


class Tier(msgspec.Struct, frozen=True, array_like=True):
    """A tier held. ``since``, ``until`` and ``reached`` are day numbers; ``until`` is the last day held, grace
    included; ``reached`` the last day of the window that earned it. ``threshold`` is what the level asked for then:
    it says where a level stands that the program no longer has."""

    id: str
    since: int
    until: int | None = None
    threshold: int = 0
    reached: int = 0


class Referral(msgspec.Struct, frozen=True, array_like=True):
    """A friend's referral. ``settles_on`` is the day (number) from which ``order_id``'s purchase may be paid for;
    ``reason`` tells why one is refused, or ``yearly_cap`` where only the friend was paid."""

    advocate_id: str
    state: Literal["joined", "settling", "paid", "refused"] = "joined"
    reason: str | None = None
    order_id: str | None = None
    settles_on: int | None = None


class Head(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        "member_id": "id",
        "status": "st",
        "version": "v",
        "sequence": "q",
        "enrolled_ms": "e",
        "lots": "l",
        "spent": "s",
        "lapsed": "x",
        "pending": "p",
        "lifetime": "t",
        "idle_on": "io",
        "idle_lapsed_sequence": "iq",
        "idle_lapsed_on": "il",
        "days": "d",
        "window": "w",
        "tier": "ti",
        "tier_before": "tb",
        "stamps": "c",
        "taken": "r",
        "check_ins": "ci",
        "purchases": "n",
        "first_purchase_on": "fp",
        "referral": "rf",
        "referrals_paid": "rp",
        "merged_from": "mf",
        "merged_into": "mi",
        "idle_months": "im",
        "notice_days": "nd",
        "noticed": "no",
        "counts": "ct",
        "birthday_on": "bo",
        "leap_birthday": "bl",
        "birthday_paid": "bp",
        "anniversary_on": "ao",
        "plans": "pn",
        "plans_told": "pt",
    },
):
    """Points: ``lots`` counts what was earned by its last valid day (NEVER, IDLE beside), ``spent`` is one number
    and is charged to the soonest lot first, without any lot being rewritten; ``available = Σ lots - spent``.
    """

    member_id: str
    enrolled_ms: int
    status: Literal["active", "merged", "erased"] = "active"
    version: int = 0
    sequence: int = 0
    lots: dict[int, int] = {}
    spent: int = 0
    lapsed: dict[int, int] = {}
    """What lapsed, by the lot's day: a late refund takes from here first."""
    pending: dict[int, dict[int, int]] = {}
    """Points by the day they become available, then by the lot that they will join."""
    lifetime: int = 0
    idle_on: int | None = None
    idle_lapsed_sequence: int = 0
    idle_lapsed_on: int = 0
    """When idle points lapsed last: the entry, and the day. Points released later are not among them."""
    days: dict[int, int] = {}
    """Points granted for purchases by day, for the daily cap."""
    window: dict[int, int] = {}
    """The tier's basis (minor units, points or visits) by day, as far back as the tier's window looks."""
    tier: Tier | None = None
    tier_before: Tier | None = None
    """What was held when the present tier was reached: a refund of what lifted it falls back to this."""
    stamps: dict[str, int] = {}
    taken: dict[str, int] = {}
    """Rewards redeemed, for those with a limit for each member."""
    check_ins: tuple[int, int] = (0, 0)
    purchases: int = 0
    first_purchase_on: int | None = None
    referral: Referral | None = None
    """Who brought this member, and how far that referral is; kept with the friend, on whom it depends."""
    referrals_paid: tuple[int, int] = (0, 0)
    """The calendar year, and how many friends this member was paid for in it."""
    merged_from: tuple[str, ...] = ()
    merged_into: str | None = None
    idle_months: int = 0
    """The months that idle points were promised when they were last touched."""
    notice_days: int = 0
    """So many days before points lapse, the member is to be told."""
    noticed: tuple[int, ...] = ()
    """Last valid days of which notice was given."""
    counts: str | None = None
    """What ``window`` counts and how (``tiers.counting``); None until tiers count anything."""
    birthday_on: int | None = None
    """The next day on which a birthday is celebrated, where the program pays for it; never the year of birth."""
    leap_birthday: bool = False
    birthday_paid: int = 0
    """The day on which a birthday was paid last."""
    anniversary_on: int | None = None
    plans: dict[str, tuple[str, int]] = {}
    """Paid plans by subscription (a keyed hash): which plan, and the last day (number) that is paid or in grace."""
    plans_told: int = 0
    """The day up to which ends of plans were told to the member."""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All personal data of one member, as it was given. Erasing a person removes this item."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    external_id: str | None = None
    birthday: str | None = None
    locale: str | None = None
    marketing: bool = False
    tags: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    """Identities of accounts merged into this one, as (kind, value): they find the member too."""
    invites: tuple[str, ...] = ()
    """The invite that let the member in, by its key; with those of accounts merged into this one."""
    former: tuple[tuple[str, str], ...] = ()
    """Identities that found the member once, the latest last: what was addressed to one is erased with the person."""
    found_by: dict[str, str | None] = {}
    """What still finds the member where they gave a new email or phone that the storefront has not confirmed."""

    def identified(self, kind: str) -> str | None:
        """The value of an identity that finds the member, which may be older than the one shown."""
        value = self.found_by[kind] if kind in self.found_by else getattr(self, kind)
        return None if value is None else str(value)

    def identities(self) -> list[tuple[str, str]]:
        own = [(kind, value) for kind in IDENTITIES if (value := self.identified(kind)) is not None]
        return [*own, *(pair for pair in self.also if pair not in own)]


FORMER = 20
"""Former identities that are remembered."""
IDENTITIES = ("email", "phone", "external_id")
"""What a person may be enrolled and found by."""
