"""What payment providers tell, in one language: each fact says one thing about one payment or one paid plan.

A fact is a telling, not a command. The same sale is told by several events, twice, late and in any order; every fact
carries what is needed to recognise that, and docs/payments.md says how.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

TOTAL = 0
"""The telling knows the sum alone: a charge. Tax and delivery inside it are unknown, not zero."""
PART = 1
"""It knows something of tax, delivery or tip, not all."""
GOODS = 2
"""It knows tax and delivery, so it knows what the goods cost."""
LINES = 3
"""It knows every line as well."""


class Told(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Who said it. ``event`` is the provider's own type; ``told_at`` when the provider says that it happened."""

    provider: str
    event: str
    event_id: str | None = None
    told_at: datetime | None = None

    def __repr__(self) -> str:
        """The kind and the event's ids alone: a fact may hold an email address, and a representation is for logs."""
        return f"<{type(self).__name__} {self.provider} {self.event} {self.event_id}>"


class OfPayment(Told, frozen=True, kw_only=True):
    """Which payment it is about.

    ``payment_id`` is the provider's id that every telling of this payment can name (Stripe: the payment intent's).
    ``order_id`` is the shop's own name for the sale where this telling carries one, else ``payment_id``.
    ``aliases`` are further ids that name the same payment and nothing else (Stripe: charge, checkout session).
    """

    payment_id: str
    order_id: str
    aliases: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id of the sale, each once, the shop's own first: all of them lead to one purchase."""
        return tuple(dict.fromkeys((self.order_id, self.payment_id, *self.aliases)))


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """``amount_minor`` is the whole line after its own discounts, without tax where the provider tells it apart."""

    sku: str
    name: str | None = None
    category: str | None = None
    quantity: int
    amount_minor: int


class Paid(OfPayment, frozen=True, kw_only=True):
    """Money arrived. Amounts are minor units of ``currency`` (ISO 4217, so 0, 2 or 3 decimals).

    ``total_minor`` is all that was paid; ``delivery_minor`` what of it paid for no goods and no tax: delivery, a tip.
    ``occurred_at`` is None where the provider does not say: then it is the moment of booking.
    ``detail`` (TOTAL, PART, GOODS, LINES) says how much of it this telling knows (see ``richness``).
    ``invoice_id`` is set where the payment settles the provider's invoice, as a paid plan's does.
    """

    total_minor: int
    currency: str
    tax_minor: int = 0
    delivery_minor: int = 0
    occurred_at: datetime | None = None
    member_id: str | None = None
    customer_id: str | None = None
    email: str | None = None
    payment_fingerprint: str | None = None
    items: tuple[Line, ...] = ()
    detail: int = TOTAL
    invoice_id: str | None = None

    @property
    def richness(self) -> tuple[int, int, int]:
        """Of two tellings of one payment the greater decides what earns, whichever came first.

        Equals in detail are settled for the larger part that earns nothing, so that the order never settles it.
        """
        return self.detail, self.tax_minor + self.delivery_minor, self.tax_minor


class Refunded(OfPayment, frozen=True, kw_only=True):
    """One refund of known id. ``shop_refund_id`` is the shop's own name for it, where it gave one (metadata.refund_id).

    ``purchase`` is the sale as far as this telling carries it, so that a refund that comes first can book it.
    """

    refund_id: str
    shop_refund_id: str | None = None
    amount_minor: int
    currency: str
    occurred_at: datetime | None = None
    purchase: Paid | None = None


class RefundedInAll(OfPayment, frozen=True, kw_only=True):
    """All that has been refunded so far, without saying by which refunds: it includes those that ``Refunded`` tells."""

    refunded_minor: int
    currency: str
    occurred_at: datetime | None = None
    purchase: Paid | None = None


class RefundFailed(OfPayment, frozen=True, kw_only=True):
    """A refund that did not go through after all. Final: a later ``Refunded`` of the same id is an older telling.

    ``RefundedInAll`` counts it from ``made_at`` until ``failed_at``; None where the provider does not say.
    """

    refund_id: str
    shop_refund_id: str | None = None
    amount_minor: int
    currency: str
    made_at: datetime | None = None
    failed_at: datetime | None = None


class DisputeOpened(OfPayment, frozen=True, kw_only=True):
    """The payer's bank asks ``amount_minor`` back: held until closed."""

    dispute_id: str
    amount_minor: int
    currency: str
    occurred_at: datetime | None = None


class DisputeClosed(OfPayment, frozen=True, kw_only=True):
    """Final. Won: the money stays with the shop. Lost: it is gone like a refund, even if no opening was seen."""

    dispute_id: str
    amount_minor: int
    currency: str
    won: bool
    occurred_at: datetime | None = None


class PaymentFailed(OfPayment, frozen=True, kw_only=True):
    """No money arrived; nothing was booked for it and nothing is to be undone."""

    reason: str


class OfPlan(Told, frozen=True, kw_only=True):
    """Which subscription it is about, and whose it is as far as this telling knows."""

    subscription_id: str
    customer_id: str | None = None
    member_id: str | None = None
    email: str | None = None
    price_ids: tuple[str, ...] = ()


class PlanPaid(OfPlan, frozen=True, kw_only=True):
    """An invoice of the subscription was paid: the plan is paid until ``paid_until`` (the latest such wins).

    ``payment_ids`` are the payments that settled it, where told: a plan's fee, so no purchase that earns.
    """

    paid_until: datetime
    amount_minor: int
    currency: str
    invoice_id: str
    payment_ids: tuple[str, ...] = ()
    occurred_at: datetime | None = None


class PlanChanged(OfPlan, frozen=True, kw_only=True):
    """How the subscription stood at ``told_at``; the telling with the greatest ``newness`` is the present.

    ``status`` is the provider's word: trialing, active, past_due, unpaid, paused, incomplete, incomplete_expired.
    """

    status: str
    period_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = None

    @property
    def newness(self) -> tuple[float, bool, float, str]:
        """When it was told (providers tell whole seconds); created before updated; the later period; the event's id."""
        told = self.told_at.timestamp() if self.told_at else 0
        period = self.period_end.timestamp() if self.period_end else 0
        return told, not self.event.endswith(".created"), period, self.event_id or ""


class PlanEnded(OfPlan, frozen=True, kw_only=True):
    """The subscription is over. Final: every ``PlanChanged`` of it is an older telling."""

    ended_at: datetime | None = None


class PlanPaymentFailed(OfPlan, frozen=True, kw_only=True):
    """An invoice of the subscription could not be collected; the provider may try again."""

    invoice_id: str
    occurred_at: datetime | None = None


class InvoiceSettled(Told, frozen=True, kw_only=True):
    """``payment_id`` paid ``invoice_id``: what joins a plan's fee with its charge where neither names the other."""

    invoice_id: str
    payment_id: str


class BuyerMet(Told, frozen=True, kw_only=True):
    """The provider's customer is this member, or has this email: what later tellings of a plan do not repeat."""

    customer_id: str
    member_id: str | None = None
    email: str | None = None


class Ignored(Told, frozen=True, kw_only=True):
    """Understood to be of no interest, or not understood: acknowledged and counted, never an error."""

    reason: str


class Unbookable(Told, frozen=True, kw_only=True):
    """Of interest, and can never be booked as it stands: to be set aside where the owner sees it.

    ``reason`` is one of malformed, bad_amount, bad_time, missing_id, unknown_currency, livemode_mismatch,
    account_mismatch; ``detail`` tells the owner more; ``ids`` name the payment as far as they could be read.
    """

    reason: str
    detail: str
    ids: tuple[str, ...] = ()


Fact = (
    Paid
    | Refunded
    | RefundedInAll
    | RefundFailed
    | DisputeOpened
    | DisputeClosed
    | PaymentFailed
    | PlanPaid
    | PlanChanged
    | PlanEnded
    | PlanPaymentFailed
    | InvoiceSettled
    | BuyerMet
    | Ignored
    | Unbookable
)
