"""A provider's exported list of payments, held against the ledger: what is missing, and booking it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from chalicelib.actions.admission import Call, enter
from chalicelib.api.door import OWNER, Answer, Asked, Door, Query
from chalicelib.api.webhooks import by_provider, require_provider
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.purchase import Purchase
from chalicelib.store import gift_cards, stories
from chalicelib.store.table import load

if TYPE_CHECKING:
    from chalicelib.payments.export import Listed
    from chalicelib.payments.facts import Fact, Paid

door = Door(__name__)

MOST_PAYMENTS = 200
"""So many in one call, which must end in the time of a request; a longer list is sent in several."""


class Compared(msgspec.Struct, kw_only=True):
    """A payment that the ledger lacks or has otherwise. ``outcome`` is set where it was to be booked."""

    payment_id: str
    order_id: str
    state: Literal["missing", "total_differs", "refunded_differs"]
    total: int
    booked_total: int | None
    refunded: int
    booked_refunded: int | None
    outcome: Literal["booked", "known", "ignored", "set_aside"] | None


class Reconciliation(msgspec.Struct, kw_only=True):
    """``same`` counts the payments that stand in the ledger as the provider lists them."""

    payments: int
    same: int
    booked: int
    items: list[Compared]


@door.call(
    "POST",
    "/reconciliations/{provider}",
    roles=OWNER,
    summary="Hold a provider's exported payments (CSV with a heading) against the ledger; book what is missing",
    answer=Reconciliation,
    query=(Query("book", "yes: book what is missing, through the same actions as its webhooks. Else only compare."),),
    raw=True,
)
def post_reconciliation(asked: Asked) -> Answer:
    enter(asked.credential)
    name = asked.path["provider"]
    require_provider(name)
    book = asked.query.get("book", "no")
    if book not in ("yes", "no"):
        raise Invalid([Fault("/book", "Must be yes or no.")])
    # What only this call needs is imported by it.
    from chalicelib.payments.export import read_payments

    listed = read_payments(name, asked.raw)
    if len(listed) > MOST_PAYMENTS:
        raise Invalid([Fault("", f"Send at most {MOST_PAYMENTS} payments at once.")])
    call = by_provider(asked, asked.credential.program_id, name)
    found = [row for row in (_compared(call, one) for one in listed) if row is not None]
    if book == "yes":
        lacking = {row.payment_id: row for row in found}
        for one in listed:
            if one.paid.payment_id in lacking:
                lacking[one.paid.payment_id].outcome = _booked(call, name, one)
    answer = Reconciliation(
        payments=len(listed),
        same=len(listed) - len(found),
        booked=sum(row.outcome == "booked" for row in found),
        items=found,
    )
    return Answer(body=answer)


def _compared(call: Call, one: Listed) -> Compared | None:
    """What differs; None where the ledger says the same."""
    program_id, paid = call.credential.program_id, one.paid
    found = load([key for name in paid.ids for key in stories.around(program_id, name)])
    stands = next((stand for name in paid.ids if (stand := stories.stands(found, program_id, name))), None)
    back = 0 if one.refunded is None else one.refunded.refunded_minor
    row = Compared(
        payment_id=paid.payment_id,
        order_id=paid.order_id,
        state="missing",
        total=paid.total_minor,
        booked_total=None if stands is None else stands.purchase.total,
        refunded=back,
        booked_refunded=None if stands is None else stands.refunded,
        outcome=None,
    )
    if stands is None:
        return row
    if not _agrees(program_id, stands.purchase, paid):
        row.state = "total_differs"
    elif stands.refunded < back:
        row.state = "refunded_differs"
    else:
        return None
    return row


def _agrees(program_id: str, purchase: Purchase, paid: Paid) -> bool:
    """Whether the provider collected what it should: the order's total, less what gift cards paid of it."""
    if purchase.currency != paid.currency:
        return False
    if purchase.total == paid.total_minor:
        return True
    slots = gift_cards.slots(program_id, str(purchase.order_id))
    return purchase.total - paid.total_minor == gift_cards.paid(load(slots), slots)


def _booked(call: Call, name: str, one: Listed) -> Literal["booked", "known", "ignored", "set_aside"]:
    from chalicelib.api import hearing

    told: list[Fact] = [one.paid] if one.refunded is None else [one.paid, one.refunded]
    now_ms = milliseconds(call.now)
    raw = msgspec.json.encode([name, one.paid.payment_id, one.paid.total_minor])
    return hearing.book(call, told, raw, now_ms).outcome
