"""What a slice of the journal adds to the figures: sums that can be added in any order, by the day things occurred.

``Facts`` are one calendar year of one slice of buyers. All of it is sums and sets, so facts of many booked days merge
into the same year whatever order they come in; a booked day folded again replaces its own facts.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chalicelib.domain.metric_baskets import Heard

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
    """An order as a trial needs it: when (milliseconds), by whom, and what of each category: quantity, amount, cost."""

    at: int
    buyer: str | None
    total: int
    delivery: int
    tax: int
    lines: list[tuple[str | None, int, int, int | None]]


class Facts(msgspec.Struct, array_like=True):
    """One year of one slice. Keys of ``days`` and of inner dictionaries are day numbers, except where said."""

    days: dict[int, list[int]] = {}
    buyers: dict[str, dict[int, list[int]]] = {}
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
    baskets: Heard = msgspec.field(default_factory=Heard)
    orders: list[Order] = []
    """As they came: what a program is tried on."""


def new_facts() -> Facts:
    """Nothing counted yet."""
    return Facts({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, Heard(), [])


def merged(all_facts: Iterable[Facts]) -> Facts:
    """The facts of one year and slice from those of each booked day, in any order."""
    total = new_facts()
    for facts in all_facts:
        _add_lists(total.days, facts.days)
        for buyer, days in facts.buyers.items():
            _add_lists(total.buyers.setdefault(buyer, {}), days)
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
        total.baskets.merge(facts.baskets)
        total.orders.extend(facts.orders)
    return total


def _add_lists(total: dict[int, list[int]], more: dict[int, list[int]]) -> None:
    for key, row in more.items():
        known = total.get(key)
        total[key] = list(row) if known is None else [a + b for a, b in zip(known, row, strict=True)]


def _add_counts(total: dict[int, int], more: dict[int, int]) -> None:
    for key, count in more.items():
        total[key] = total.get(key, 0) + count
