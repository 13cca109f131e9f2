"""The facts of payments folded as booking is meant to fold them: sets and greatest values only, so no order matters.

It keeps no points: what earns, what went back and what is held decide those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.payments.facts import (
    DisputeClosed,
    DisputeOpened,
    Fact,
    OfPayment,
    Paid,
    Refunded,
    RefundedInAll,
    RefundFailed,
)


@dataclass
class Refund:
    amount: int
    made_at: datetime | None = None
    failed_at: datetime | None = None


@dataclass
class Sale:
    """Everything told of one sale, under all of its ids."""

    ids: set[str] = field(default_factory=set)
    own_ids: set[str] = field(default_factory=set)
    tellings: list[Paid] = field(default_factory=list)
    refunds: dict[str, Refund] = field(default_factory=dict)
    totals: set[tuple[datetime, int]] = field(default_factory=set)
    disputes: dict[str, tuple[int, str]] = field(default_factory=dict)

    def absorb(self, other: Sale) -> None:
        self.ids |= other.ids
        self.own_ids |= other.own_ids
        self.tellings += other.tellings
        self.totals |= other.totals
        for refund_id, refund in other.refunds.items():
            self.refund(refund_id, refund)
        for dispute_id, (amount, state) in other.disputes.items():
            self.dispute(dispute_id, amount, state)

    def refund(self, refund_id: str, told: Refund) -> None:
        """Failed is final: whether made or failed was heard first changes nothing."""
        known = self.refunds.get(refund_id, told)
        self.refunds[refund_id] = Refund(
            told.amount, _earliest(known.made_at, told.made_at), _earliest(known.failed_at, told.failed_at)
        )

    def dispute(self, dispute_id: str, amount: int, state: str) -> None:
        """Closed is final."""
        if state != "open" or dispute_id not in self.disputes:
            self.disputes[dispute_id] = (amount, state)

    @property
    def refunded(self) -> int:
        """Refunds known by id, and totals that may know of more: the greater of the two is never more than is true."""
        named = sum(refund.amount for refund in self.refunds.values() if refund.failed_at is None)
        totals = [amount - self._failed_since(at) for at, amount in self.totals]
        return max(named, *totals, 0)

    def _failed_since(self, at: datetime) -> int:
        """What a total told at ``at`` still counted and did not go through after all."""
        return sum(
            refund.amount
            for refund in self.refunds.values()
            if refund.failed_at is not None
            and at < refund.failed_at
            and (refund.made_at is None or refund.made_at <= at)
        )

    @property
    def state(self) -> dict[str, object]:
        held = sum(amount for amount, state in self.disputes.values() if state == "open")
        lost = sum(amount for amount, state in self.disputes.values() if state == "lost")
        if not self.tellings:
            return {"waiting": True, "refunded": self.refunded, "held": held, "lost": lost}
        best = max(self.tellings, key=lambda paid: paid.richness)
        return {
            "order_id": min(self.own_ids or {best.payment_id}),
            "total": best.total_minor,
            "currency": best.currency,
            "goods": best.total_minor - best.tax_minor - best.delivery_minor,
            "lines": len(best.items),
            "member_id": min((paid.member_id for paid in self.tellings if paid.member_id), default=None),
            "customer_id": min((paid.customer_id for paid in self.tellings if paid.customer_id), default=None),
            "fingerprint": min(
                (paid.payment_fingerprint for paid in self.tellings if paid.payment_fingerprint), default=None
            ),
            "refunded": min(self.refunded, best.total_minor),
            "held": held,
            "lost": lost,
        }


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def fold(facts: Iterable[Fact]) -> list[dict[str, object]]:
    """The sales that the facts come to."""
    sales: list[Sale] = []
    waiting = list(facts)
    while waiting:
        fact = waiting.pop(0)
        if not isinstance(fact, OfPayment):
            continue
        if isinstance(fact, Refunded | RefundedInAll) and fact.purchase is not None:
            waiting.insert(0, fact.purchase)
        sale = Sale(ids=set(fact.ids), own_ids={fact.order_id} - {fact.payment_id})
        _hear(sale, fact)
        for known in [known for known in sales if known.ids & sale.ids]:
            sales.remove(known)
            sale.absorb(known)
        sales.append(sale)
    return sorted((sale.state for sale in sales), key=repr)


def _hear(sale: Sale, fact: OfPayment) -> None:
    if isinstance(fact, Paid):
        sale.tellings.append(fact)
    elif isinstance(fact, RefundedInAll):
        assert fact.occurred_at is not None
        sale.totals.add((fact.occurred_at, fact.refunded_minor))
    elif isinstance(fact, Refunded):
        sale.refund(fact.refund_id, Refund(fact.amount_minor, fact.occurred_at))
    elif isinstance(fact, RefundFailed):
        sale.refund(fact.refund_id, Refund(fact.amount_minor, fact.made_at, fact.failed_at))
    elif isinstance(fact, DisputeOpened):
        sale.dispute(fact.dispute_id, fact.amount_minor, "open")
    elif isinstance(fact, DisputeClosed):
        sale.dispute(fact.dispute_id, fact.amount_minor, "won" if fact.won else "lost")
