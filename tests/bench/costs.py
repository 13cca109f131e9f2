"""Round trips and write units of the actions, counted from the requests that they send."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import msgspec

from chalicelib.store import table
from tests.metering import metered
from tests.moments import at
from tests.shop import Reply, Shop, opened, program
from tests.time import changes

EMAIL = "ann@example.com"
MARCH = "2026-03-02T12:00:00+00:00"
APRIL = "2026-04-20T12:00:00+00:00"
MAY = "2026-05-20T12:00:00+00:00"


class Cost(msgspec.Struct, frozen=True):
    """What an action used, and the most that it may."""

    action: str
    round_trips: int
    most_trips: int
    write_units: int
    most_units: int

    @property
    def within(self) -> bool:
        return self.round_trips <= self.most_trips and self.write_units <= self.most_units


def measured() -> Iterator[Cost]:
    """Every action in a café where the member has bought before, in the order of a member's life."""
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        found = [*_ordinary(), *_with_dates()]
    yield from found


def _ordinary() -> Iterator[Cost]:
    lasting = [{**reward, "valid_days": None} for reward in program()["rewards"]]
    with at(MARCH), opened(program(rewards=lasting)) as shop:
        shop.call("GET", "/rewards")  # a key's first use of a day is noted, in a round trip of its own
        joining = {"email": EMAIL, "name": "Ann Virtanen"}
        yield _cost("enrol with an email", 3, 16, lambda: shop.call("POST", "/members", joining))
        member_id = shop.call("POST", "/members", joining)["member_id"]
        shop.adjust(member_id, 5_000, "grant")
        shop.buy("first", 450, member_id)
        yield _cost("earn, member id given", 2, 6, lambda: shop.buy("a", 450, member_id))
        yield _cost("earn, found by email", 3, 6, lambda: shop.buy("b", 450, email=EMAIL))
        yield _cost("the same earn again", 2, 0, lambda: shop.buy("a", 450, member_id))
        yield _cost("earn, a card full", 2, 10, lambda: shop.buy("c", 4500, member_id, items=_coffees(10)))
        yield _cost("earn, ten lines", 2, 6, lambda: shop.buy("d", 10_000, member_id, items=_ten_lines()))
        yield _cost("a guest's purchase", 2, 6, lambda: shop.buy("e", 450, email="ben@example.com"))
        yield _cost("redeem", 2, 6, lambda: shop.redeem(member_id, "free-coffee", "k1"))
        yield _cost("the same redemption again", 2, 0, lambda: shop.redeem(member_id, "free-coffee", "k1"))
        yield _cost("redeem, with stock", 2, 8, lambda: shop.redeem(member_id, "barista-evening", "k2"))
        code = shop.redeem(member_id, "free-coffee", "k3")["code"]
        yield _cost("use a voucher", 2, 4, lambda: shop.call("POST", f"/vouchers/{code}/use", {"order_id": "f"}))
        yield _cost("refund a part", 3, 8, lambda: shop.refund("a", "r", 100))
        yield _cost("refund the rest", 3, 8, lambda: shop.refund("a", "s", 350))
        yield _cost("the same refund again", 3, 0, lambda: shop.refund("a", "s", 350))


def _with_dates() -> Iterator[Cost]:
    rules = program(enrolment={"mode": "open"})
    with at(MARCH), opened(rules) as shop:
        shop.call("GET", "/rewards")
        member_id = shop.enrol(email=EMAIL)
        yield _cost("earn, the member's first date", 2, 8, lambda: shop.buy("a", 50_000, member_id))
        yield _cost("redeem what will end", 2, 8, lambda: shop.redeem(member_id, "free-coffee", "k"))
        yield _cost("earn, a card full whose voucher will end", 2, 12, lambda: _full_card(shop, member_id))
    with at(MARCH), opened(rules) as shop:
        member_id = shop.enrol(email=EMAIL)
        shop.buy("a", 1_000, member_id)
        with at(APRIL):
            shop.buy("b", 1_000, member_id)
            yield _cost("refund the points that would lapse next", 3, 10, lambda: shop.refund("a", "r", 1_000))
    with at(MARCH), opened(program(enrolment={"mode": "open"}, expiry={"policy": "inactivity", "months": 6})) as shop:
        member_id = shop.enrol(email=EMAIL)
        shop.buy("a", 20_000, member_id)
        with at(APRIL):
            shop.member(member_id)
            yield _cost("earn, the next date moves", 2, 8, lambda: shop.buy("b", 1_000, member_id))
        with at(MAY):
            shop.member(member_id)
            # One more than without a date of its own: the voucher and its member both move in the due index.
            redeemed = "redeem what will end, the next date moves"
            yield _cost(redeemed, 2, 9, lambda: shop.redeem(member_id, "free-coffee", "k"))


def by_time() -> Iterator[Cost]:
    """What one change of a due member costs in the schedule's walk."""
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        found = [Cost(f"time: {one.name}", one.round_trips, 2, one.units, 8) for one in changes.measured()]
    yield from found


def _cost(action: str, most_trips: int, most_units: int, call: Callable[[], Reply]) -> Cost:
    with metered(table.connection().client) as bill:
        reply = call()
    assert reply.status in (200, 201), (action, reply.body)
    return Cost(action, bill.round_trips, most_trips, bill.write_units, most_units)


def _full_card(shop: Shop, member_id: str) -> Reply:
    return shop.buy("b", 4500, member_id, items=_coffees(10))


def _coffees(count: int) -> list[dict[str, Any]]:
    return [{"sku": "latte", "category": "coffee", "quantity": count, "amount": 450 * count}]


def _ten_lines() -> list[dict[str, Any]]:
    return [
        {"sku": f"SKU-{number:05d}", "category": "beans", "quantity": 1, "amount": 1000, "cost": 600}
        for number in range(10)
    ]
