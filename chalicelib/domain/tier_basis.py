"""The tier's basis from a member's entries alone: what is counted anew when the owner changes what counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.ledger import Entry
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.restating import Standing


def by_day(entries: Iterable[Entry], program: Program, restated: Mapping[str, Standing]) -> dict[int, int]:
    """The basis (minor units, points or visits, as the program's tiers say) by the day of each purchase.

    Spend is goods that earn, net of refunds; points are those earned or given, never the balance; a visit that was
    refunded whole was none. ``restated`` are the sales that corrections moved, as they stand, by order id.
    """
    if program.tiers is None:
        return {}
    amounts: dict[int, int] = {}

    def count(at_ms: int, amount: int) -> None:
        day = local_day(moment_of(at_ms), program.time_zone)
        amounts[day] = amounts.get(day, 0) + amount

    bought: dict[str, Purchase] = {}
    refunded: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Purchase):
            bought[str(entry.order_id)] = entry
        elif isinstance(entry, Refund):
            order_id = str(entry.order_id)
            refunded[order_id] = max(refunded.get(order_id, 0), entry.refunded)
        elif entry.kind == "bonus" and program.tiers.basis == "points":
            count(entry.occurred_ms, entry.points)
    sales = {name: Standing(purchase, refunded.get(name, 0)) for name, purchase in bought.items()}
    for sale in {**sales, **restated}.values():
        if sale.purchase is not None:
            count(sale.purchase.occurred_ms, sale.counted(program))
    return amounts
