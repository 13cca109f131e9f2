"""Everything that was told of one sale, folded so that neither order nor repetition of the tellings matters.

Each part is a set or a greatest value, so a fact heard twice changes nothing and the last story is the same whichever
came first. The story decides what the ledger should say; it is no ledger itself: what it changes is booked as entries.
"""

from __future__ import annotations

from collections import Counter

import msgspec
from msgspec.structs import replace

from chalicelib.domain.purchase import Line, Purchase, Sale

SHOP = 9
"""The detail of the shop's own telling: it is richer than any provider's."""

SHOP_NAMED, CUSTOMER, EMAIL, NOBODY = 0, 1, 2, 3
"""How a buyer was known, the surest first."""


class Telling(msgspec.Struct, frozen=True, array_like=True):
    """One telling of the sale. ``detail`` says how much of the total it could tell apart (``facts`` counts from 0)."""

    total: int
    currency: str
    tax: int = 0
    delivery: int = 0
    detail: int = 0
    lines: tuple[Line, ...] = ()
    occurred_ms: int | None = None
    told_by: str | None = None

    @property
    def richness(self) -> tuple[int, int, int, str]:
        """Of two tellings the greater decides; equals in all but the lines' own words are settled for one of them."""
        return self.detail, self.tax + self.delivery, self.tax, repr(self.lines)

    @property
    def sale(self) -> Sale:
        return Sale(total=self.total, currency=self.currency, delivery=self.delivery, tax=self.tax, lines=self.lines)


class Return(msgspec.Struct, frozen=True, array_like=True):
    """A refund of known id, in minor units; ``failed_ms`` once it did not go through after all, which is final."""

    amount: int
    made_ms: int | None = None
    failed: bool = False
    failed_ms: int | None = None
    by_shop: bool = False
    by_provider: bool = False


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one sale. ``taken`` and ``held`` are what the ledger was last told: refunded, and disputed.

    ``now`` is the purchase as it stands where that is no longer as it was first booked; ``shop`` is it as the shop was
    answered when it told the sale after a provider had. ``told`` counts the corrections booked, which names them.
    ``asked`` is what went back at the shop's own asking (minor units): gift cards get their money back out of that.
    """

    order_id: str
    ids: tuple[str, ...] = ()
    best: Telling | None = None
    known: int = NOBODY
    member_ids: tuple[str, ...] = ()
    customers: tuple[tuple[str, str], ...] = ()
    emails: tuple[tuple[str, str], ...] = ()
    payment: str | None = None
    returns: dict[str, Return] = {}
    totals: tuple[tuple[int, int], ...] = ()
    disputes: dict[str, tuple[int, str]] = {}
    fee: bool = False
    part_of: str | None = None
    now: Purchase | None = None
    shop: Purchase | None = None
    held: int = 0
    told: int = 0
    asked: int = 0

    @property
    def refunded(self) -> int:
        """What went back, in minor units, lost disputes included; never more than the sale."""
        lost = sum(amount for amount, state in self.disputes.values() if state == "lost")
        return self._within(self._returned + lost)

    @property
    def disputed(self) -> int:
        """What open disputes hold beside what went back."""
        open_ = sum(amount for amount, state in self.disputes.values() if state == "open")
        return self._within(self.refunded + open_) - self.refunded

    def _within(self, amount: int) -> int:
        return amount if self.best is None else min(amount, self.best.total)

    @property
    def _returned(self) -> int:
        """Refunds told by their ids, and totals that may know of more, without counting any money twice.

        The shop and the provider may each tell the same refund by an id of its own: equal amounts are the same money,
        and so are all that is left of both where it comes to the same sum. A total covers what the shop told too.
        """
        standing = [one for one in self.returns.values() if not one.failed]
        shared = sum(one.amount for one in standing if one.by_shop and one.by_provider)
        shop = Counter(one.amount for one in standing if not one.by_provider)
        provider = Counter(one.amount for one in standing if not one.by_shop)
        both = shop & provider
        shop_rest, provider_rest = (shop - both).elements(), (provider - both).elements()
        of_shop, of_provider = sum(shop_rest), sum(provider_rest)
        if of_shop == of_provider:
            of_shop = 0
        named = shared + sum(both.elements()) + of_provider
        unnamed = max([total - self._failed_after(at) for at, total in self.totals], default=0) - named
        return named + max(of_shop, unnamed)

    def _failed_after(self, at: int) -> int:
        """What a total told at a moment still counted and did not go through after all."""
        return sum(
            one.amount
            for one in self.returns.values()
            if one.failed
            and one.by_provider
            and one.failed_ms is not None
            and at < one.failed_ms
            and (one.made_ms is None or one.made_ms <= at)
        )


def told(story: Story, telling: Telling, payment: str | None) -> Story:
    """The story with one more telling of the sale."""
    best = telling if story.best is None else max(story.best, telling, key=lambda one: one.richness)
    prints = [known for known in (story.payment, payment) if known is not None]
    return replace(story, best=best, payment=min(prints, default=None))


def returned(story: Story, refund_id: str, new: Return) -> Story:
    """With one refund more, or one told again: failed is final, the larger amount and the earlier times stand."""
    known = story.returns.get(refund_id, new)
    merged = Return(
        max(known.amount, new.amount),
        _earliest(known.made_ms, new.made_ms),
        known.failed or new.failed,
        _earliest(known.failed_ms, new.failed_ms),
        known.by_shop or new.by_shop,
        known.by_provider or new.by_provider,
    )
    return replace(story, returns=dict(sorted({**story.returns, refund_id: merged}.items())))


def returned_in_all(story: Story, at_ms: int, amount: int) -> Story:
    return replace(story, totals=tuple(sorted({*story.totals, (at_ms, amount)})))


def disputed(story: Story, dispute_id: str, amount: int, state: str) -> Story:
    """With one dispute more; closed is final, and lost is what the stricter of two closings said."""
    rank = ("open", "won", "lost")
    known = story.disputes.get(dispute_id, (amount, state))
    latest = max(known, (amount, state), key=lambda one: (rank.index(one[1]), one[0]))
    return replace(story, disputes=dict(sorted({**story.disputes, dispute_id: latest}.items())))


def joined(story: Story, other: Story) -> Story:
    """Two stories that turn out to be one sale's; the first keeps its place."""
    if other.best is not None:
        story = told(story, other.best, other.payment)
    for refund_id, one in other.returns.items():
        story = returned(story, refund_id, one)
    for at, amount in other.totals:
        story = returned_in_all(story, at, amount)
    for dispute_id, (amount, state) in other.disputes.items():
        story = disputed(story, dispute_id, amount, state)
    story = named(story, other.ids)
    return replace(
        buyers(story, other.member_ids, other.customers, other.emails),
        fee=story.fee or other.fee,
    )


def named(story: Story, ids: tuple[str, ...]) -> Story:
    return replace(story, ids=tuple(sorted({*story.ids, *ids})))


def buyers(
    story: Story,
    member_ids: tuple[str, ...],
    customers: tuple[tuple[str, str], ...],
    emails: tuple[tuple[str, str], ...],
) -> Story:
    """With more that may say whose sale it was. Identities are (kind, keyed hash): nothing can be read from them."""
    return replace(
        story,
        member_ids=tuple(sorted({*story.member_ids, *member_ids})),
        customers=tuple(sorted({*story.customers, *customers})),
        emails=tuple(sorted({*story.emails, *emails})),
    )


def _earliest(*moments: int | None) -> int | None:
    return min((moment for moment in moments if moment is not None), default=None)
