"""The tier's basis from a member's entries alone: what is counted anew when the owner changes what counts."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.ledger import Entry
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund


def by_day(entries: Iterable[Entry], program: Program) -> dict[int, int]:
    """The basis (minor units, points or visits, as the program's tiers say) by the day of each purchase.

    Spend is goods that earn, net of refunds; points are those earned or given, never the balance; a visit that was
    refunded whole was none.
    """
    if program.tiers is None:
        return {}
    basis = program.tiers.basis
    amounts: dict[int, int] = {}
    bought: dict[str, Purchase] = {}
    refunded: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Purchase):
            bought[str(entry.order_id)] = entry
        elif isinstance(entry, Refund):
            order_id = str(entry.order_id)
            refunded[order_id] = max(refunded.get(order_id, 0), entry.refunded)
        elif entry.kind == "bonus" and basis == "points":
            day = local_day(moment_of(entry.occurred_ms), program.time_zone)
            amounts[day] = amounts.get(day, 0) + entry.points
    for order_id, purchase in bought.items():
        back = refunded.get(order_id, 0)
        day = local_day(moment_of(purchase.occurred_ms), program.time_zone)
        if basis == "spend":
            amount = purchase.basis.spent(purchase.total, back)
        elif basis == "points":
            amount = purchase.points_after(back)
        else:
            amount = 0 if back and back == purchase.total else 1
        amounts[day] = amounts.get(day, 0) + amount
    return amounts
