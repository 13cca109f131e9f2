"""Books what a payment provider told: the same sale told in any words, by anybody, is one purchase."""

from __future__ import annotations

from typing import Literal

import msgspec

from chalicelib.actions import earn, refund
from chalicelib.actions.admission import Call, enter
from chalicelib.domain.errors import Refused
from chalicelib.domain.purchase import Purchase
from chalicelib.store import keys

Outcome = Literal["booked", "known", "ignored", "set_aside"]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Money that went back: ``refunded`` minor units in all, or ``amount`` more under the name ``refund_id``."""

    order_id: str
    refund_id: str
    amount: int | None = None
    refunded: int | None = None


class Noted(msgspec.Struct, frozen=True):
    outcome: Outcome
    reason: str = ""


def sale(call: Call, order: earn.Order) -> Noted:
    """A payment that arrived. A sale booked with another total is set aside, never overwritten."""
    try:
        return Noted("known" if earn.earn(call, order).replayed else "booked")
    except Refused as refusal:
        return Noted("set_aside", refusal.code)


def given_back(call: Call, told: Given) -> Noted:
    """A refund, once: by its own name, or by how much went back in all."""
    key = keys.purchase(call.credential.program_id, told.order_id)
    admitted = enter(call.credential, [key])
    row = earn.existing(admitted, (told.order_id,))
    if row is None:
        return Noted("set_aside", "purchase_not_found")
    amount = told.amount if told.amount is not None else (told.refunded or 0) - int(row.n or 0)
    if amount <= 0:
        return Noted("known")
    request = refund.Return(
        order_id=str(row.document(Purchase).order_id),
        refund_id=told.refund_id,
        amount=amount,
        fingerprint=f"{told.refund_id}:{told.amount}:{told.refunded}"[:22],
    )
    try:
        return Noted("known" if refund.refund(call, request).replayed else "booked")
    except Refused as refusal:
        return Noted("set_aside", refusal.code)
