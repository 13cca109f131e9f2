"""Vouchers: a reward that a member holds as a code, settled exactly once (used, cancelled or expired)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from chalicelib.domain.calendar import day_number, day_of
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import SHORT, Entry
from chalicelib.domain.program import Reward
from chalicelib.domain.wording import number_of

VoucherKind = Literal["amount_off", "percent_off", "free_product", "gift_card", "experience"]

_ISSUED = {
    **SHORT,
    "reward_id": "R",
    "name": "N",
    "voucher_kind": "K",
    "value": "A",
    "cost": "C",
    "valid_until": "U",
    "minimum_purchase": "M",
    "origin": "O",
    "stocked": "S",
    "limited": "L",
    "card_id": "Y",
    "currency": "Z",
}


class Voucher(Entry, frozen=True, omit_defaults=True, kw_only=True, rename=_ISSUED):
    """The entry that issued a voucher. ``origin`` is the cause that its code is derived from, so a retry makes the
    same code; ``valid_until`` is the last day (day number) on which it can be used; ``stocked`` and ``limited`` say
    what a cancellation gives back. ``value`` is minor units, or percent for ``percent_off``."""

    reward_id: str | None = None
    name: str = ""
    voucher_kind: VoucherKind
    value: int = 0
    cost: int = 0
    valid_until: int | None = None
    minimum_purchase: int = 0
    origin: str
    stocked: bool = False
    limited: bool = False
    card_id: str | None = None
    currency: str = ""


class Settled(
    Entry,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={**SHORT, "outcome": "O", "reward_id": "R", "issued_ms": "I", "cost": "C"},
):
    """The end of a voucher. A cancellation that gives points back is itself the entry that does.

    ``issued_ms`` and ``cost`` (minor units) are the voucher's own: what a used one took and how long it waited.
    ``amount`` is what a gift card still held when it ended.
    """

    outcome: Literal["used", "cancelled", "expired"]
    reward_id: str | None = None
    issued_ms: int = 0
    cost: int = 0


class Spent(
    Entry,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={**SHORT, "sealed": "V", "balance": "B", "refunded_before": "S"},
):
    """Money that a gift card paid for an order: ``amount``, leaving ``balance`` (minor units) on it.

    ``in_total`` tells whether the purchase's total includes it: bought cards' money counts, points' does not.
    ``refunded_before`` is what had gone back already, of the order or (``in_total``) at the shop's own asking: the
    money paid for what was left of it then.
    """

    sealed: str
    balance: int
    in_total: bool = True
    refunded_before: int = 0


def sell(
    amount: int,
    *,
    origin: str,
    cause: tuple[str, str],
    booked_by: str,
    now_ms: int,
    program_version: int,
    currency: str,
    fingerprint: str,
) -> Voucher:
    """A gift card that was paid for: nobody's until it is used, earning nothing, without an end."""
    return Voucher(
        kind="bonus",
        cause=cause,
        amount=amount,
        reason="Gift card",
        booked_by=booked_by,
        occurred_ms=now_ms,
        booked_ms=now_ms,
        fingerprint=fingerprint,
        program_version=program_version,
        name="Gift card",
        voucher_kind="gift_card",
        value=amount,
        cost=amount,
        origin=origin,
        currency=currency,
    )


def require_covered(balance: int, amount: int) -> None:
    """Raises Refused unless a gift card has that much left."""
    if amount > balance:
        raise Refused(
            "insufficient_balance",
            f"This gift card has {balance} minor units left; take at most that from it.",
            balance=balance,
            required=amount,
        )


def returned(spends: Sequence[Spent], total: int, refunded: int, asked: int) -> list[int]:
    """What of each card's money is back on it once ``refunded`` of an order's ``total`` went back (minor units).

    Money that was part of the total goes back before anything else, so it cannot be turned into cash: to one card after
    the other, and only of what the shop ``asked`` back itself, for what a payment provider gave back went back as cash.
    Money that points paid stood beside the total and goes back in the same proportion.
    """
    backs, whole = [], 0
    for spent in spends:
        paid, before = spent.amount or 0, spent.refunded_before
        if spent.in_total:
            begins = max(before, whole)
            whole = begins + paid
            backs.append(min(paid, max(0, asked - begins)))
        else:
            backs.append(paid * (refunded - before) // (total - before) if refunded > before else 0)
    return backs


def issue(
    reward: Reward,
    *,
    origin: str,
    day: int,
    cause: tuple[str, str],
    booked_by: str,
    now_ms: int,
    program_version: int,
    currency: str,
    points: int = 0,
    card_id: str | None = None,
    fingerprint: str = "",
    order_id: str | None = None,
) -> Voucher:
    """A voucher for a reward, bought with ``points`` or earned by a full card, not yet posted to a chain."""
    return Voucher(
        kind="redeem" if card_id is None else "bonus",
        points=-points,
        cause=cause,
        order_id=order_id,
        reason=reward.name,
        booked_by=booked_by,
        occurred_ms=now_ms,
        booked_ms=now_ms,
        fingerprint=fingerprint,
        program_version=program_version,
        reward_id=reward.id,
        name=reward.name,
        voucher_kind=reward.kind,
        value=reward.value,
        cost=reward.cost,
        valid_until=None if reward.valid_days is None else day + reward.valid_days,
        minimum_purchase=reward.minimum_purchase,
        origin=origin,
        stocked=card_id is None and reward.stock is not None,
        limited=card_id is None and reward.per_member is not None,
        card_id=card_id,
        currency=currency,
    )


def require_usable(voucher: Voucher, settled: Settled | None, today: int, order_total: int | None) -> None:
    """Raises Refused unless the voucher can be used today, on an order of that total (None: not known)."""
    if settled is not None:
        raise Refused("voucher_settled", f"This voucher was {settled.outcome} before; it cannot be used again.")
    if voucher.valid_until is not None and voucher.valid_until < today:
        raise Refused(
            "voucher_expired", f"This voucher could be used until {day_of(voucher.valid_until)}; take it off the order."
        )
    if order_total is not None and voucher.minimum_purchase:
        # The total excludes what the voucher itself paid, so that is added back before comparing.
        before = order_total + (voucher.value if voucher.voucher_kind == "amount_off" else 0)
        if before < voucher.minimum_purchase:
            raise Refused(
                "minimum_purchase_not_reached",
                f"This voucher needs a purchase of at least {voucher.minimum_purchase} minor units.",
                required=voucher.minimum_purchase,
            )


def obstacles(
    reward: Reward,
    *,
    available: int,
    taken: int,
    tier_rank: int,
    minimum_rank: int | None,
    stock_taken: int,
    today: int,
    closed_on: date | None,
) -> list[Refused]:
    """Everything that keeps a member from taking a reward now, the most final first; empty when they can."""
    found = []
    if closed_on is not None and today > day_number(closed_on):
        found.append(Refused("program_closed", f"Rewards could be taken until {closed_on}."))
    if reward.starts_on is not None and today < day_number(reward.starts_on):
        found.append(Refused("reward_not_available", f"This reward can be taken from {reward.starts_on} on."))
    if reward.ends_on is not None and today > day_number(reward.ends_on):
        found.append(Refused("reward_not_available", f"This reward could be taken until {reward.ends_on}."))
    if reward.stock is not None and stock_taken >= reward.stock:
        found.append(Refused("out_of_stock", "This reward is gone; choose another one."))
    if reward.per_member is not None and taken >= reward.per_member:
        found.append(
            Refused(
                "limit_reached",
                f"A member can take this reward {number_of(reward.per_member, 'time')} at most.",
                taken=taken,
            )
        )
    if minimum_rank is not None and tier_rank < minimum_rank:
        found.append(
            Refused(
                "tier_too_low", f"This reward needs the tier {reward.minimum_tier} or higher.", tier=reward.minimum_tier
            )
        )
    if available < reward.points:
        found.append(
            Refused(
                "insufficient_points",
                f"This reward costs {number_of(reward.points, 'point')} and {available} are available.",
                available=available,
                required=reward.points,
            )
        )
    return found
