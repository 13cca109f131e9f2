"""What a slice of the journal adds to the figures: sums that can be added in any order, by the day things occurred.

``Facts`` are one calendar year of one slice of buyers. All of it is sums and sets, so facts of many booked days merge
into the same year whatever order they come in; a booked day folded again replaces its own facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

COUNTERS = (
    "member_purchases",
    "member_sales",
    "member_refunds",
    "member_refunded",
    "member_costed",
    "member_cost",
    "guest_purchases",
    "guest_sales",
    "guest_refunds",
    "guest_refunded",
    "guest_costed",
    "guest_cost",
    "anonymous_purchases",
    "anonymous_sales",
    "earned",
    "bonus",
    "released",
    "adjusted_up",
    "adjusted_down",
    "redeemed",
    "taken_back",
    "given_back",
    "expired",
    "transferred",
    "pending",
    "joined",
    "joined_by_referral",
    "referral_points",
    "check_ins",
    "cards_issued",
    "cards_spent",
    "cards_returned",
    "cards_ended",
)
"""Sums by day. Money is gross of refunds, in minor units; ``costed`` are goods whose cost is known, net of refunds."""

REWARD = ("issued", "points", "cost_issued", "used", "cost_used", "cancelled", "expired", "days_to_use")
"""Sums of one reward by day; ``days_to_use`` is of those used on that day."""

HISTORY = ("purchases", "sales", "refunded", "costed", "cost", "active")
"""What a buyer did on a day. ``active`` counts what earned (points or stamps) or redeemed."""

ANY = ""
"""Stands among the rewards taken for any that points bought."""


class Joining(msgspec.Struct, array_like=True, frozen=True):
    """When somebody became a member (day number), by whose invitation, and in which tier."""

    day: int
    advocate: str | None = None
    tier: str | None = None


class Order(msgspec.Struct, array_like=True, frozen=True):
    """An order: when (milliseconds), by whom, and of each category its quantity, amount and cost (None: not known)."""

    at: int
    buyer: str | None
    total: int
    delivery: int
    tax: int
    lines: dict[str | None, list[Any]]


class Facts(msgspec.Struct, array_like=True):
    """One year of one slice. Keys of ``days`` and of inner dictionaries are day numbers, except where said."""

    days: dict[int, list[int]] = {}
    buyers: dict[str, list[int]] = {}
    """What each did, as it came: a day's number and what HISTORY names, one after the other."""
    rewards: dict[str, dict[int, list[int]]] = {}
    takes: dict[str, dict[str, dict[int, int]]] = {}
    """Reward, member, day: how many were taken."""
    lots: dict[int, list[int]] = {}
    """By the last valid day: points issued with it, points that lapsed at its end."""
    tiers: dict[str, dict[int, list[int]]] = {}
    """Purchases and sales of members of a tier, by the tier held before each."""
    moves: dict[str, dict[int, int]] = {}
    """``from>to``, either may be empty."""
    joins: dict[str, Joining] = {}
    aliases: dict[str, str] = {}
    """A guest's buyer key: the member whose history it is."""
    merges: dict[str, dict[str, str]] = {}
    """By what caused it: the account that ended (``merge``), and the one that it went into (``merged``)."""
    paid: dict[str, dict[str, tuple[int, int]]] = {}
    """By friend and side (``friend``, ``advocate``): when their referral was paid, and how many points."""
    orders: dict[int, list[msgspec.Raw]] = {}
    """By day, each an ``Order`` as it is stored: what a program is tried on, and what was bought together."""
    claims: dict[int, list[msgspec.Raw]] = {}
    """Guests' orders that a member claimed: in ``orders`` before, as nobody's or the guest's."""


def new_facts() -> Facts:
    """Nothing counted yet."""
    return Facts({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})


def merged(all_facts: Iterable[Facts]) -> Facts:
    """The facts of one year and slice from those of each booked day, in any order."""
    total = new_facts()
    for facts in all_facts:
        _add_lists(total.days, facts.days)
        for buyer, rows in facts.buyers.items():
            total.buyers.setdefault(buyer, []).extend(rows)
        for reward, days in facts.rewards.items():
            _add_lists(total.rewards.setdefault(reward, {}), days)
        for reward, members in facts.takes.items():
            for member, counts in members.items():
                _add_counts(total.takes.setdefault(reward, {}).setdefault(member, {}), counts)
        _add_lists(total.lots, facts.lots)
        for tier, days in facts.tiers.items():
            _add_lists(total.tiers.setdefault(tier, {}), days)
        for move, counts in facts.moves.items():
            _add_counts(total.moves.setdefault(move, {}), counts)
        total.joins.update(facts.joins)
        total.aliases.update(facts.aliases)
        for cause, ends in facts.merges.items():
            total.merges.setdefault(cause, {}).update(ends)
        for friend, sides in facts.paid.items():
            total.paid.setdefault(friend, {}).update(sides)
        for mine, more in ((total.orders, facts.orders), (total.claims, facts.claims)):
            for day, orders in more.items():
                mine.setdefault(day, []).extend(orders)
    return total


def by_day(rows: list[int]) -> dict[int, list[int]]:
    """A buyer's rows as ``Facts`` hold them, added up by day."""
    days: dict[int, list[int]] = {}
    width = 1 + len(HISTORY)
    for at in range(0, len(rows), width):
        day, row = rows[at], rows[at + 1 : at + width]
        known = days.get(day)
        days[day] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]
    return days


def _add_lists(total: dict[int, list[int]], more: dict[int, list[int]]) -> None:
    for key, row in more.items():
        known = total.get(key)
        total[key] = list(row) if known is None else [a + b for a, b in zip(known, row, strict=True)]


def _add_counts(total: dict[int, int], more: dict[int, int]) -> None:
    for key, count in more.items():
        total[key] = total.get(key, 0) + count
