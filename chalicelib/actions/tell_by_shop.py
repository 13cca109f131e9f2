"""What the shop itself tells of a sale that payment providers tell of too: the sale, and refunds of it."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.actions.admission import Call, enter
from chalicelib.actions.earn import Order
from chalicelib.actions.news import News, sealed_payment
from chalicelib.actions.refund import Return
from chalicelib.actions.tell import Asked, Shop, items_of, told
from chalicelib.domain import story as stories
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.story import Telling
from chalicelib.domain.voucher import Spent
from chalicelib.store import vouchers
from chalicelib.store.table import Write


def by_shop(call: Call, order: Order, writes: Iterable[Write], owner: str | None) -> Purchase:
    """The shop's own telling of a sale that a provider told of before: it decides what earns. One try; raises Lost.

    ``writes`` are the vouchers that the sale uses; ``owner`` is the member it names, None where it names none.
    """
    program_id, at_ms = call.credential.program_id, milliseconds(call.now)
    sale = order.sale
    occurred_ms = at_ms if sale.occurred_at is None else milliseconds(sale.occurred_at)
    used = tuple(vouchers.sealed_code(program_id, code)[:13] for code in order.voucher_codes)
    news = News(
        provider="api",
        order_id=order.order_id,
        payment_id=order.order_id,
        ids=(order.order_id, *order.aliases),
        at_ms=at_ms,
        currency=sale.currency,
        telling=Telling(
            sale.total, sale.currency, sale.tax, sale.delivery, stories.SHOP, sale.lines, occurred_ms, None
        ),
        payment=None if order.payment_fingerprint is None else sealed_payment(program_id, order.payment_fingerprint),
    )
    writes = tuple(writes)
    paid = sum(write.row.document(Spent).amount or 0 for write in writes if write.row.t == "SPEND")
    shop = Shop(fingerprint=order.fingerprint, vouchers_used=used, writes=writes, owner=owner, paid_by_cards=paid)
    done = told(call, enter(call.credential, items_of(program_id, news)), news, shop=shop)
    assert done.purchase is not None
    return done.purchase


def back_by_shop(call: Call, request: Return, order_id: str) -> Refund:
    """A refund that the shop asks for, of a sale that providers tell of too. One try; raises Lost.

    Money that a provider said went back already is not taken twice. Raises Refused ``refund_exceeds_purchase``.
    """
    program_id, at_ms = call.credential.program_id, milliseconds(call.now)
    made_ms = at_ms if request.occurred_at is None else milliseconds(request.occurred_at)
    news = News(
        provider="api",
        order_id=order_id,
        payment_id=order_id,
        ids=(order_id,),
        at_ms=made_ms,
        returns=((request.refund_id, stories.Return(request.amount, made_ms, by_shop=True)),),
        refund_id=request.refund_id,
    )
    asked = Asked(amount=request.amount, fingerprint=request.fingerprint)
    done = told(call, enter(call.credential, items_of(program_id, news)), news, asked=asked)
    assert done.refund is not None
    return done.refund
