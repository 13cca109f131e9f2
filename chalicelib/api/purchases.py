"""Purchases over HTTP: book, estimate, read, refund."""

from __future__ import annotations

from typing import Any

from chalicelib.actions import earn as earning
from chalicelib.actions import estimate as estimating
from chalicelib.actions import refund as refunding
from chalicelib.actions.admission import enter, not_found
from chalicelib.api import answers, present, requests
from chalicelib.api.door import STAFF, Answer, Asked, Door
from chalicelib.domain.calendar import local_day
from chalicelib.domain.ledger import fingerprint
from chalicelib.domain.purchase import Line, Sale
from chalicelib.store import entries, stories
from chalicelib.store.sealing import mac

door = Door(__name__)


def _sale(body: requests.EstimateRequest) -> Sale:
    return Sale(
        total=body.total,
        currency=body.currency,
        delivery=body.delivery,
        tax=body.tax,
        occurred_at=body.occurred_at,
        lines=tuple(Line(item.sku, item.category, item.quantity, item.amount, item.cost) for item in body.items),
    )


def _order(body: requests.EstimateRequest, order_id: str) -> earning.Order:
    kinds: tuple[tuple[str, Any], ...] = (("external_id", body.external_id), ("email", body.email))
    return earning.Order(
        order_id=order_id,
        sale=_sale(body),
        # Keyed: the body names a person, and an unkeyed hash of an address can be guessed.
        fingerprint=mac("request", fingerprint(body))[:22],
        member_id=body.member_id,
        identities=tuple((kind, value) for kind, value in kinds if value is not None),
        voucher_codes=tuple(body.voucher_codes),
        payment_fingerprint=body.payment_fingerprint,
    )


@door.call(
    "POST",
    "/purchases",
    roles=STAFF,
    summary="Book a purchase: points, stamps, tier; with the vouchers it uses",
    body=requests.NewPurchase,
    answer=answers.Purchase,
    status=201,
)
def post_purchase(asked: Asked) -> Answer:
    booked = earning.earn(asked.call, _order(asked.body, asked.body.order_id))
    return Answer(body=present.purchase(booked), replayed=booked.replayed)


@door.call(
    "POST",
    "/purchases/estimate",
    roles=("storefront", "member"),
    summary="What a purchase would earn, and why, line by line; writes nothing",
    body=requests.EstimateRequest,
    answer=answers.Estimate,
)
def post_estimate(asked: Asked) -> Answer:
    made, program = estimating.estimate(asked.call, _order(asked.body, "estimate"))
    return Answer(body=present.estimate(made, program))


@door.call(
    "GET",
    "/purchases/{order_id}",
    roles=STAFF,
    summary="A purchase with its refunds",
    answer=answers.PurchaseWithRefunds,
)
def get_purchase(asked: Asked) -> Answer:
    program_id, order_id = asked.credential.program_id, asked.path["order_id"]
    admitted = enter(asked.credential, stories.around(program_id, order_id))
    stands = stories.stands(admitted.found, program_id, order_id) or not_found("purchase")
    booked = earning.recall(admitted, stands.purchase, stands.refunded, True)
    refunds = entries.refunds_of(program_id, str(booked.purchase.order_id)) if booked.refunded else []
    today = local_day(asked.now, admitted.program.time_zone)
    return Answer(body=present.purchase_now(booked, refunds, today))


@door.call(
    "POST",
    "/purchases/{order_id}/refunds",
    roles=STAFF,
    summary="Refund a purchase in part or whole; takes back what it no longer deserves",
    body=requests.NewRefund,
    answer=answers.RefundAnswer,
    status=201,
)
def post_refund(asked: Asked) -> Answer:
    body: requests.NewRefund = asked.body
    done = refunding.refund(
        asked.call,
        refunding.Return(
            order_id=asked.path["order_id"],
            refund_id=body.refund_id,
            amount=body.amount,
            occurred_at=body.occurred_at,
            fingerprint=fingerprint(body),
        ),
    )
    return Answer(body=present.refund(done.program, done.refund), replayed=done.replayed)
