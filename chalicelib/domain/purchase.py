"""A purchase and the points rule: what a sale earns, exactly, and what it still deserves after refunds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chalicelib.domain.calendar import day_number, local_day
from chalicelib.domain.ledger import SHORT, Entry
from chalicelib.domain.program import Multiplier, Program

IMPORTED = "import"
"""Who told of a purchase from before the program: history, which earns nothing."""


class Line(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One line of an order. ``amount`` and ``cost`` are the line's, in minor units, not the piece's."""

    sku: str
    category: str | None
    quantity: int
    amount: int
    cost: int | None = None


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """What was sold, whoever tells it: the storefront, staff, a payment provider or an import.

    ``total`` is what was paid, in minor units, tax and delivery included.
    """

    total: int
    currency: str
    delivery: int = 0
    tax: int = 0
    occurred_at: datetime | None = None
    lines: tuple[Line, ...] = ()

    @property
    def goods(self) -> int:
        """What can earn. A voucher may have paid more than the goods; then nothing is left to earn."""
        return max(0, self.total - self.delivery - self.tax)


class Basis(msgspec.Struct, frozen=True, array_like=True):
    """The numbers that a purchase was rewarded by, kept with it so that refunds use the same ones.

    ``weighted`` is Σ line amount × line percent; ``earning`` is Σ amounts of the lines that earn;
    ``spread`` ÷ ``listed`` is the share of the listed amounts that was really paid, never above one.
    """

    weighted: int = 0
    earning: int = 0
    spread: int = 0
    listed: int = 0
    tier_percent: int = 100
    plan_percent: int = 100
    points: int = 0
    per_amount: int = 1

    def deserved(self, total: int, refunded: int) -> int:
        """The points that the rule gives for what is left of a purchase. One rounding, down.

        floor(Σ line × percent ÷ 100 × tier ÷ 100 × plan ÷ 100 × points ÷ per_amount × (total - refunded) ÷ total)
        """
        if self.spread == 0:
            return 0
        above = self.weighted * self.spread * self.tier_percent * self.plan_percent * self.points
        below = self.listed * 1_000_000 * self.per_amount
        return above * (total - refunded) // (below * total)

    def spent(self, total: int, refunded: int) -> int:
        """Goods that earn, net of refunds, in minor units: what a tier counts as spend."""
        if self.spread == 0:
            return 0
        return self.earning * self.spread * (total - refunded) // (self.listed * total)


class Stamped(msgspec.Struct, frozen=True, array_like=True):
    """Stamps that a purchase put on a card that needed ``required``, and how many vouchers that completed."""

    card_id: str
    stamps: int
    required: int
    completed: int = 0


class Purchase(
    Entry,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        **SHORT,
        "total": "T",
        "delivery": "D",
        "tax": "X",
        "currency": "C",
        "lines": "L",
        "basis": "B",
        "lot": "lo",
        "stamps": "S",
        "tier": "ti",
        "plan": "pl",
        "tier_change": "tc",
        "vouchers_used": "V",
        "buyer": "g",
        "payment": "y",
        "told_by": "tw",
        "gone": "gn",
    },
):
    """The entry of a sale. ``buyer`` is the keyed hash of a guest's identity, ``payment`` that of what paid.

    ``gone`` is what of a guest's purchase had gone back by the time it was claimed, and what a dispute held then.
    """

    total: int
    currency: str
    delivery: int = 0
    tax: int = 0
    lines: tuple[Line, ...] = ()
    basis: Basis = Basis()
    lot: int = 0
    stamps: tuple[Stamped, ...] = ()
    tier: str | None = None
    plan: str | None = None
    tier_change: tuple[str | None, str] | None = None
    vouchers_used: tuple[str, ...] = ()
    buyer: str | None = None
    payment: str | None = None
    told_by: str | None = None
    gone: tuple[int, int] = (0, 0)

    @property
    def sale(self) -> Sale:
        return Sale(total=self.total, currency=self.currency, delivery=self.delivery, tax=self.tax, lines=self.lines)

    def points_after(self, refunded: int) -> int:
        """What the purchase's points are once ``refunded`` minor units went back: never above what was granted."""
        return min(self.points, self.basis.deserved(self.total, refunded)) if self.points else 0

    def stamps_after(self, stamped: Stamped, refunded: int) -> int:
        return stamped.stamps * (self.total - refunded) // self.total if self.total else stamped.stamps


class Refund(
    Entry,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        **SHORT,
        "refund_id": "R",
        "refunded": "T",
        "currency": "C",
        "stamps": "S",
        "cancelled": "V",
        "tier_change": "tc",
        "goods": "G",
        "cards": "W",
        "buyer": "g",
        "costed": "gk",
        "cost": "gc",
        "asked": "A",
    },
):
    """The entry of a refund. ``refunded`` is the purchase's total of refunds with this one;
    ``goods`` is by how much the goods that earn became less; ``cards`` what went back to which gift card; ``costed``
    and ``cost`` by how much the goods whose cost is known, and that cost, became less. ``buyer`` is a guest's.
    ``asked`` is the amount that was told, where part of that money was known to be back already (``amount`` is what
    this moved; negative where a refund failed or a dispute was won)."""

    refund_id: str
    refunded: int
    currency: str
    stamps: tuple[tuple[str, int], ...] = ()
    cancelled: tuple[str, ...] = ()
    tier_change: tuple[str | None, str | None] | None = None
    goods: int = 0
    cards: tuple[tuple[str, int], ...] = ()
    buyer: str | None = None
    costed: int = 0
    cost: int = 0
    asked: int | None = None


def costs(total: int, delivery: int, tax: int, lines: tuple[Line, ...]) -> tuple[int, int]:
    """Goods whose cost is known (minor units, an order's discount spread over the lines), and what they cost."""
    listed = costed = cost = 0
    for line in lines:
        listed += line.amount
        if line.cost is not None:
            costed += line.amount
            cost += line.cost
    goods = max(0, total - delivery - tax)
    return (costed * goods // listed if goods < listed else costed), cost


def multiplier_for(program: Program, category: str | None, day: int) -> Multiplier | None:
    """Of the multipliers that name a line's category (or none) and run on that day, the one with the most."""
    running = [
        multiplier
        for multiplier in program.earning.multipliers
        if (not multiplier.categories or category in multiplier.categories)
        and (multiplier.starts_on is None or day_number(multiplier.starts_on) <= day)
        and (multiplier.ends_on is None or day <= day_number(multiplier.ends_on))
    ]
    return max(running, key=lambda multiplier: multiplier.percent, default=None)


def line_percent(program: Program, category: str | None, day: int) -> int:
    """How a line earns: 0 where its category is excluded, else the highest multiplier's percent, else 100."""
    if category is not None and category in program.earning.excluded_categories:
        return 0
    best = multiplier_for(program, category, day)
    return 100 if best is None else best.percent


def basis_of(program: Program, sale: Sale, occurred_at: datetime, tier: str | None, plan: str | None) -> Basis:
    """The numbers by which a sale is rewarded, under a program and for what the member holds before it."""
    day = local_day(occurred_at, program.time_zone)
    weighted = earning = 0
    lines = sale.lines or (Line("", None, 1, sale.goods),)
    excluded = program.earning.excluded_categories
    for line in lines:
        weighted += line.amount * line_percent(program, line.category, day)
        if line.category not in excluded:
            earning += line.amount
    listed = sum(line.amount for line in lines)
    level = next((level for level in program.tiers.levels if level.id == tier), None) if program.tiers else None
    paid = next((paid for paid in program.plans if paid.id == plan), None)
    return Basis(
        weighted=weighted,
        earning=earning,
        spread=min(sale.goods, listed),
        listed=listed,
        tier_percent=level.percent if level else 100,
        plan_percent=paid.percent if paid else 100,
        points=program.earning.points,
        per_amount=program.earning.per_amount,
    )
