"""Tries program documents on the shop's own past orders, as they were folded; writes nothing."""

from __future__ import annotations

import zlib
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Admitted, Call, enter
from chalicelib.actions.report import window
from chalicelib.domain.backtest import Outcome, Past, run
from chalicelib.domain.calendar import day_of, moment_of
from chalicelib.domain.metric_facts import Order
from chalicelib.domain.metric_people import People
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Line, Sale
from chalicelib.store import keys, rollups

MOST_ORDERS = 40_000
"""What one call can try in its time. Of more orders, those of some slices of customers are taken, whole."""

_ORDERS = msgspec.msgpack.Decoder(dict[int, list[Order]])


class Tried(msgspec.Struct, kw_only=True):
    """``outcomes`` in the order of the documents; ``slices`` of all 16 slices of customers were tried."""

    window: dict[str, date]
    slices: int
    of_slices: int
    outcomes: list[Outcome]
    assumptions: list[str]


ASSUMPTIONS = [
    "Every known customer joins with their first order.",
    "Everybody takes the cheapest reward open to a new member as soon as the points are there.",
    "Nobody buys more or less because of the program; refunds are left out.",
]


def backtest(call: Call, programs: list[Program], first: date | None, last: date | None) -> Tried:
    """Raises Invalid for a window that cannot be."""
    admitted = enter(call.credential)
    begun, ended = window(admitted, call, first, last)
    slices, orders = past_orders(admitted, begun, ended)
    outcomes = [run(program, [_in(past, program) for past in orders]) for program in programs]
    return Tried(
        window={"from": day_of(begun), "to": day_of(ended)},
        slices=slices,
        of_slices=keys.SHARDS,
        outcomes=outcomes,
        assumptions=ASSUMPTIONS,
    )


def _in(past: Past, program: Program) -> Past:
    return replace(past, sale=replace(past.sale, currency=program.currency))


def past_orders(admitted: Admitted, first: int, last: int) -> tuple[int, list[Past]]:
    """Orders between two days, oldest first, and of how many slices of customers they are."""
    program_id = admitted.program_id
    years = day_of(first).year, day_of(last).year
    people = People.read(rollups.all_of(program_id, "PEOPLE", 0, years[1]))
    blobs: dict[int, list[bytes]] = {}
    for _, number, data in rollups.read_by_slice(program_id, "ORDERS", *years):
        blobs.setdefault(number, []).append(data)
    found: list[Past] = []
    for done, number in enumerate(sorted(blobs)):
        of_slice = [
            _past(order, people, f"{number}-{day}-{at}", admitted.program.currency)
            for blob in blobs[number]
            for day, orders in _ORDERS.decode(zlib.decompress(blob)).items()
            if first <= day <= last
            for at, order in enumerate(orders)
        ]
        if found and len(found) + len(of_slice) > MOST_ORDERS:
            return done, sorted(found, key=_moment)
        found.extend(of_slice)
    return keys.SHARDS, sorted(found, key=_moment)


def _past(order: Order, people: People, order_id: str, currency: str) -> Past:
    sale = Sale(
        total=order.total,
        currency=currency,
        delivery=order.delivery,
        tax=order.tax,
        occurred_at=moment_of(order.at),
        lines=tuple(Line("", category, *numbers) for category, numbers in order.lines.items()),
    )
    return Past(None if order.buyer is None else people.who(order.buyer), order_id, sale)


def _moment(past: Past) -> Any:
    return past.sale.occurred_at, past.order_id
