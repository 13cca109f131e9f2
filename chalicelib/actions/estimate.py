"""What a sale would earn, decided as if it were booked now; commits nothing."""

from __future__ import annotations

from chalicelib.actions.admission import Call, enter
from chalicelib.actions.earn import Order, buyer
from chalicelib.domain import earning
from chalicelib.domain.advance import advance
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase
from chalicelib.store import keys, members


def estimate(call: Call, order: Order) -> tuple[Purchase, Program]:
    """Raises what ``earn`` raises for the sale itself. A member's token asks for that member, whoever is named."""
    program_id = call.credential.program_id
    member_id = call.credential.member_id or order.member_id
    asked = [] if member_id is None else [keys.head(program_id, member_id)]
    asked.extend(members.identity_key(program_id, kind, value) for kind, value in order.identities)
    admitted = enter(call.credential, asked)
    program, version = admitted.program, admitted.version
    earning.require_currency(program, order.sale)
    head = buyer(admitted, member_id, () if call.credential.member_id else order.identities)
    if head is None:
        return earning.as_guest(
            program, version, order.sale, order_id=order.order_id, now=call.now, booked_by=""
        ), program
    present, _ = advance(head, program, version, call.now, admitted.booked_by)
    done = earning.earn(
        present, program, version, order.sale, order_id=order.order_id, now=call.now, booked_by=admitted.booked_by
    )
    return done.purchase, program
