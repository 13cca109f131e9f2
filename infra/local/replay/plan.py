"""What happens to each basket: who tells it and how, and what the household does then. Drawn from the seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

from infra.local.replay.receipts import Basket, Receipt

DELIVERY_CENTS = 399
# Sales tax on what is not food, so that some of nearly every total earns nothing.
TAXED = {"DRUG GM", "COSMETICS", "FLORAL", "GARDEN CENTER", "HOUSEWARES", "TOYS"}
TAX_PERCENT = 7
LEAST_BY_CARD = 50
"""Stripe takes no smaller payment."""
STRIPE_SHARE = 0.2
STRIPE_TELLINGS = (
    ("payment_intent.succeeded",),
    ("payment_intent.succeeded",),
    ("charge.succeeded",),
    ("charge.succeeded",),
    ("checkout.session.completed",),
    ("checkout.session.completed",),
    ("charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"),
    ("checkout.session.completed", "payment_intent.succeeded", "payment_intent.succeeded"),
)


@dataclass(frozen=True)
class Return:
    """Part of a purchase that goes back so many days later; ``percent`` of its total, 100 for all that is left."""

    after_days: int
    percent: int


@dataclass(frozen=True)
class Plan:
    """One basket's fate. ``again``: every call about it is sent twice, as after a lost answer."""

    receipt: Receipt
    stripe: tuple[str, ...]
    named: bool
    """Whether the payment carries the shop's order id, or is known by the provider's own."""
    by_id: bool
    """Whether the buyer is named by member id, or found by email."""
    again: bool
    returns: tuple[Return, ...]
    spends: bool
    """Afterwards the household looks at the catalogue and takes the dearest reward that it can."""
    overreaches: bool
    """Afterwards it asks for the dearest reward, whether it can have it or not."""
    regrets: bool
    uses_voucher: bool


def plan(basket: Basket, seed: int) -> Plan:
    """The same basket and seed have the same fate, however many households there are and whichever thread it is."""
    chance = random.Random(f"{seed}/{basket.basket_id}")
    taxed = sum(line.cents for line in basket.lines if line.department in TAXED)
    delivery = DELIVERY_CENTS if chance.random() < 0.05 else 0
    by_card = chance.random() < STRIPE_SHARE
    receipt = Receipt(basket, delivery, taxed * TAX_PERCENT // 100)
    by_card = by_card and receipt.total >= LEAST_BY_CARD
    return Plan(
        receipt=Receipt(basket, receipt.delivery, receipt.tax, itemised=not by_card),
        stripe=chance.choice(STRIPE_TELLINGS) if by_card else (),
        named=chance.random() < 0.6,
        by_id=chance.random() < 0.5,
        again=chance.random() < 0.03,
        returns=_returns(chance),
        spends=chance.random() < 0.18,
        overreaches=chance.random() < 0.03,
        regrets=chance.random() < 0.10,
        uses_voucher=chance.random() < 0.5,
    )


def _returns(chance: random.Random) -> tuple[Return, ...]:
    if chance.random() >= 0.06:
        return ()
    kind = chance.random()
    # Some at once, some after the points were spent, some after they lapsed.
    days = sorted(chance.choice((0, 1, 2, 5, 14, 30, 60, 150)) for _ in range(3))
    if kind < 0.35:
        return (Return(days[0], 100),)
    if kind < 0.6:
        return (Return(days[0], chance.randint(1, 90)),)
    if kind < 0.8:
        return (Return(days[0], chance.randint(1, 50)), Return(days[1], 100))
    return tuple(Return(day, chance.randint(1, 33)) for day in days)
