"""What may be told of a sale, by a provider or the shop, and what becomes of a telling. It names nobody."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from chalicelib.domain import story as stories
from chalicelib.domain.story import Story, Telling
from chalicelib.store import members
from chalicelib.store.sealing import mac

Outcome = Literal["booked", "known", "ignored", "set_aside"]


class Noted(msgspec.Struct, frozen=True):
    """What became of a telling; ``reason`` why it was set aside."""

    outcome: Outcome
    reason: str = ""


class News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One telling of a sale, by a provider or by the shop itself.

    ``ids`` all name this sale, ``order_id`` first: the name that it is booked under where none is known yet.
    ``customer`` and ``email`` are (kind, keyed hash), ``payment`` a keyed hash: nothing personal stands here.
    """

    provider: str
    order_id: str
    payment_id: str
    ids: tuple[str, ...]
    at_ms: int
    currency: str | None = None
    telling: Telling | None = None
    member_id: str | None = None
    customer: tuple[str, str] | None = None
    email: tuple[str, str] | None = None
    payment: str | None = None
    returns: tuple[tuple[str, stories.Return], ...] = ()
    total: tuple[int, int] | None = None
    dispute: tuple[str, int, str] | None = None
    invoice_id: str | None = None
    fee: bool = False
    refund_id: str | None = None
    """What the refund's entry is called, where the telling names one."""
    buyer: str | None = None
    """What a guest's purchases are grouped by until they join."""

    def folded(self, story: Story) -> Story:
        """The story with this telling in it."""
        story = stories.named(story, self.ids)
        if self.telling is not None:
            story = stories.told(story, self.telling, self.payment)
        for refund_id, one in self.returns:
            story = stories.returned(story, refund_id, one)
        if self.total is not None:
            story = stories.returned_in_all(story, *self.total)
        if self.dispute is not None:
            story = stories.disputed(story, *self.dispute)
        story = stories.buyers(
            story,
            () if self.member_id is None else (self.member_id,),
            () if self.customer is None else (self.customer,),
            () if self.email is None else (self.email,),
        )
        return replace(story, fee=story.fee or self.fee)


def sealed(program_id: str, kind: str, value: str) -> tuple[str, str]:
    """An identity as stories keep it: the hash that finds its member."""
    return kind, mac("identity", program_id, kind, members.normal(kind, value))


def sealed_payment(program_id: str, fingerprint: str) -> str:
    return mac("payment", program_id, fingerprint)[:13]
