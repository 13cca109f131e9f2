"""A refund decided: what it takes of points, stamps, vouchers and the tier, to the last field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import refunding
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import IDLE, NEVER, Head
from chalicelib.domain.purchase import Basis, Purchase, Refund, Stamped
from tests.domain.sales import (
    ANN,
    BOUGHT,
    MS,
    NOW,
    TODAY,
    sell,
    shop,
    shop_levels,
)


def back(amount: int, head: Head, bought: Purchase = BOUGHT, refunded: int = 0, **more: Any) -> refunding.Refunding:
    entry = refunding.refund_of(
        bought, refunded, amount, refund_id="r-1", occurred_at=NOW, now=NOW + timedelta(hours=1), booked_by="key:k"
    )
    return refunding.refund(head, more.get("program") or shop(), bought, entry, more.get("unused", frozenset()))


HALF = Refund(
    kind="refund",
    cause=("refund", "r-1"),
    order_id="o-1",
    amount=500,
    booked_by="key:k",
    occurred_ms=MS,
    booked_ms=MS + 3_600_000,
    program_version=4,
    refund_id="r-1",
    refunded=500,
    currency="EUR",
    goods=315,
    costed=315,
    cost=120,
)


def test_a_refund_is_written_to_the_last_field() -> None:
    made = refunding.refund_of(
        BOUGHT, 0, 500, refund_id="r-1", occurred_at=NOW, now=NOW + timedelta(hours=1), booked_by="key:k"
    )
    assert made == HALF
    rest = refunding.refund_of(BOUGHT, 500, 500, refund_id="r-2", occurred_at=NOW, now=NOW, booked_by="key:k")
    assert (rest.refunded, rest.goods, rest.costed, rest.cost) == (1000, 315, 315, 120)
    guest = replace(BOUGHT, member_id=None, buyer="g")
    asked: dict[str, Any] = {"refund_id": "r", "occurred_at": NOW, "now": NOW, "booked_by": "k"}
    assert refunding.refund_of(guest, 0, 1, **asked).buyer == "g"
    assert refunding.refund_of(replace(BOUGHT, buyer="g"), 0, 1, **asked).buyer is None
    free = replace(BOUGHT, total=0, basis=Basis())
    assert refunding.refund_of(free, 0, 0, **asked).cost == 0
    with pytest.raises(Refused) as refusal:
        refunding.refund_of(BOUGHT, 600, 401, **asked)
    assert (refusal.value.code, refusal.value.facts) == ("refund_exceeds_purchase", {"left": 400})
    assert refusal.value.detail == "400 minor units of this purchase are left to refund."


def test_a_refund_takes_points_stamps_and_the_unused_voucher() -> None:
    head = sell().head
    half = back(500, head, unused=frozenset({"card/c/0/o-1"}))
    assert half.refund == replace(
        HALF,
        points=-18,
        stamps=(("c", 3),),
        cancelled=("card/c/0/o-1",),
        member_id="m1",
        sequence=10,
        balance_after=17,
    )
    assert half.cancelled == ("card/c/0/o-1",)
    assert half.head == replace(
        head, lots={NEVER: 17}, lifetime=17, stamps={"c": 2}, sequence=10, window={TODAY - 1: 315}
    )
    used = back(500, head)
    assert used.head is not None
    assert (used.head.stamps, used.cancelled, used.refund.cancelled) == ({"c": -2}, (), ())
    whole = back(1000, head, unused=frozenset({"card/c/0/o-1"}))
    assert whole.head is not None
    assert (whole.head.purchases, whole.head.lots, whole.head.stamps) == (3, {}, {"c": 0})
    assert sum(whole.head.window.values()) == 0
    kept = back(1, head)
    assert kept.head is not None and (kept.head.purchases, kept.head.stamps) == (4, {"c": 0})


def test_a_refund_of_waiting_points_never_counted() -> None:
    program = shop(earning={"points": 1, "per_amount": 1, "pending_days": 9})
    done = sell(program=program)
    half = back(500, done.head, done.purchase, program=program)
    assert (half.refund.points, half.refund.status, half.refund.held, half.refund.balance_after) == (
        -450,
        "pending",
        450,
        0,
    )
    gone = replace(done.head, pending={})
    taken = back(500, gone, done.purchase, program=program).refund
    assert (taken.points, taken.status, taken.held) == (-450, "posted", 0)
    part = replace(done.head, pending={TODAY + 8: {NEVER: 100}})
    both = back(500, part, done.purchase, program=program).refund
    assert (both.points, both.status, both.held) == (-350, "posted", 100)


@pytest.mark.parametrize(("basis", "left"), [("spend", 315), ("points", 17), ("visits", 1)])
def test_a_refund_counts_less_towards_the_tier(basis: str, left: int) -> None:
    program = shop(tiers={"basis": basis, "levels": shop_levels()})
    done = sell(program=program)
    half = back(500, done.head, done.purchase, program=program)
    assert half.head is not None and sum(half.head.window.values()) == left
    whole = back(500, half.head, done.purchase, 500, program=program)
    assert whole.head is not None and sum(whole.head.window.values()) == 0
    plain = shop(tiers=None)
    done = sell(program=plain)
    assert back(500, done.head, done.purchase, program=plain).head is not None


def test_what_a_refund_takes_of_a_sum_is_whole_and_all_of_it_in_the_end() -> None:
    asked: dict[str, Any] = {"refund_id": "r", "occurred_at": NOW, "now": NOW, "booked_by": "k"}
    parts = [refunding.refund_of(BOUGHT, at, amount, **asked) for at, amount in ((0, 333), (333, 333), (666, 334))]
    assert [(part.costed, part.cost) for part in parts] == [(210, 80), (210, 80), (210, 80)]
    odd = refunding.refund_of(BOUGHT, 1, 998, **asked)
    assert (odd.costed, odd.cost) == (629, 239) and isinstance(odd.costed, int) and isinstance(odd.cost, int)


def test_idle_points_of_a_merged_account_are_taken_from_what_came_along() -> None:
    """Its place in its own chain says nothing about a lapse in this one."""
    head = replace(
        ANN,
        lots={IDLE: 50},
        lifetime=50,
        sequence=20,
        idle_lapsed_sequence=10,
        idle_lapsed_on=TODAY + 1,
        lapsed={TODAY: 35},
    )
    idle = replace(BOUGHT, lot=IDLE, stamps=())
    own = back(1000, head, idle)
    assert own.head is not None
    assert (own.head.lots, own.head.lapsed, own.refund.points) == ({IDLE: 50}, {}, 0)
    came = back(1000, head, replace(idle, member_id="m9"))
    assert came.head is not None
    assert (came.head.lots, came.head.lapsed, came.refund.points) == ({IDLE: 15}, {TODAY: 35}, -35)


def test_stamps_go_back_card_by_card() -> None:
    bought = replace(BOUGHT, stamps=(Stamped("b", 0, 4), Stamped("c", 5, 4, 1)))
    unused = frozenset({"card/c/0/o-1"})
    bare = back(500, replace(ANN, stamps={}), bought)
    assert bare.head is not None
    assert (bare.head.stamps, bare.refund.stamps) == ({"c": -3}, (("c", 3),))
    covered = back(500, replace(ANN, stamps={"c": 3}), bought, unused=unused)
    assert covered.head is not None
    assert (covered.head.stamps, covered.cancelled) == ({"c": 0}, ()), "nothing is owed, so nothing is cancelled"
