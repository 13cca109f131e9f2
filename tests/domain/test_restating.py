"""A purchase moved from what it was worth to what it is worth now: each move is one entry, stated to the last field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import refunding, restating
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.ledger import Entry, Kind
from chalicelib.domain.member import IDLE, NEVER, Head, Tier
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund, Sale, Stamped
from chalicelib.domain.restating import Restated, Standing
from tests.domain.sales import ANN, BOUGHT, NOW, PRIZE, SALE, SOLD, TODAY, sell, shop, shop_levels

NEXT_DAY = NOW + timedelta(days=1)
NEXT_MS = milliseconds(NEXT_DAY)
PLAIN = Sale(total=1000, currency="EUR", occurred_at=SOLD)
"""The same sale as a payment provider tells it, without lines, delivery or tax."""
NOBODYS = Standing(None)
VOUCHER = frozenset({"card/c/0/o-1"})


def correction(kind: Kind = "adjust") -> Entry:
    return Entry(
        kind=kind,
        cause=("correction", "o-1/1"),
        order_id="o-1",
        reason="Told anew",
        booked_by="key:w",
        occurred_ms=NEXT_MS,
        booked_ms=NEXT_MS,
        program_version=4,
    )


def move(
    head: Head,
    before: Standing,
    after: Standing,
    kind: Kind = "adjust",
    program: Program | None = None,
    unused: frozenset[str] = frozenset(),
) -> Restated:
    done, posted = restating.restate(head, program or shop(), before, after, correction(kind), unused=unused)
    assert posted == done.entry
    return done


def told(**fields: Any) -> Entry:
    return replace(correction(), member_id="m1", **fields)


def test_nobodys_sale_is_worth_nothing() -> None:
    for of_nobody in (NOBODYS, Standing(None, 300, 200)):
        assert (of_nobody.points, of_nobody.visits, of_nobody.stamps("c")) == (0, 0, 0)
        assert of_nobody.counted(shop()) == 0


@pytest.mark.parametrize(
    ("refunded", "held", "points", "visits", "stamps", "spent"),
    [
        (0, 0, 35, 1, 5, 630),
        (500, 0, 17, 1, 2, 315),
        (0, 500, 17, 1, 5, 630),
        (300, 200, 17, 1, 3, 441),
        (600, 600, 0, 1, 2, 252),
        (999, 0, 0, 1, 0, 0),
        (1000, 0, 0, 0, 0, 0),
    ],
)
def test_a_dispute_holds_points_alone(
    refunded: int, held: int, points: int, visits: int, stamps: int, spent: int
) -> None:
    now = Standing(BOUGHT, refunded, held)
    assert (now.points, now.visits, now.stamps("c"), now.stamps("d")) == (points, visits, stamps, 0)
    assert now.counted(shop()) == spent
    for basis, counted in (("points", BOUGHT.points_after(refunded)), ("visits", visits)):
        assert now.counted(shop(tiers={"basis": basis, "levels": shop_levels()})) == counted
    assert now.counted(shop(tiers=None)) == 0


def test_a_sale_that_cost_nothing_is_a_visit() -> None:
    assert Standing(replace(BOUGHT, total=0)).visits == 1


@pytest.mark.parametrize("amount", [1, 333, 500, 999, 1000])
@pytest.mark.parametrize("basis", ["spend", "points", "visits", None])
@pytest.mark.parametrize("unused", [frozenset(), VOUCHER])
@pytest.mark.parametrize("earning", [{"points": 3, "per_amount": 100}, {"points": 3, "pending_days": 9}])
def test_a_refund_that_a_provider_tells_takes_what_the_shops_own_refund_takes(
    amount: int, basis: str | None, unused: frozenset[str], earning: dict[str, Any]
) -> None:
    levels = [{"id": "one", "name": "One", "threshold": 0}, {"id": "two", "name": "Two", "threshold": 1}]
    program = shop(tiers=None if basis is None else {"basis": basis, "levels": levels}, earning=earning)
    done = sell(program=program)
    entry = refunding.refund_of(
        done.purchase, 0, amount, refund_id="r-1", occurred_at=SOLD, now=NEXT_DAY, booked_by="key:w"
    )
    own = refunding.refund(done.head, program, done.purchase, entry, unused)
    moved, posted = restating.restate(
        done.head, program, Standing(done.purchase), Standing(done.purchase, amount), entry, unused=unused
    )
    assert (moved.head, posted, moved.cancelled) == (own.head, own.refund, own.cancelled)
    assert (moved.entry, moved.purchase, moved.issued) == (posted, done.purchase, ())


def test_a_richer_telling_moves_points_stamps_and_the_tier() -> None:
    poor = sell(sale=PLAIN)
    assert (poor.purchase.points, poor.purchase.stamps, poor.head.tier and poor.head.tier.id) == (30, (), "two")
    claimed = replace(poor.purchase, gone=(10, 0))
    head, rich = restating.reread(poor.head, shop(), claimed, SALE, NOW)
    rich = restating.stamped(shop(), rich, SALE)
    assert rich == replace(
        BOUGHT, stamps=(Stamped("c", 5, 4),), amount=1000, balance_after=30, tier_change=("one", "two")
    )
    done = move(head, Standing(poor.purchase), Standing(rich))
    assert done.head == replace(
        poor.head,
        lots={NEVER: 35},
        lifetime=35,
        window={TODAY - 1: 630},
        tier=ANN.tier,
        tier_before=None,
        stamps={"c": 1},
        sequence=10,
    )
    assert done.entry == told(points=5, sequence=9, balance_after=35, tier_change=("two", "one"))
    assert done.purchase == replace(rich, stamps=(Stamped("c", 5, 4, 1),))
    assert done.issued == (replace(PRIZE, booked_ms=NEXT_MS, booked_by="key:w", sequence=10, valid_until=TODAY + 31),)
    assert done.cancelled == ()
    bare = restating.stamped(shop(), restating.reread(done.head, shop(), rich, PLAIN, NOW)[1], PLAIN)
    bare = replace(bare, stamps=(Stamped("c", 0, 4, 1),))
    back = move(done.head, Standing(done.purchase), Standing(bare), unused=VOUCHER)
    assert back.entry == told(points=-5, sequence=11, balance_after=30, tier_change=("one", "two"))
    assert (back.head.stamps, back.cancelled, back.issued) == ({"c": 0}, ("card/c/0/o-1",), ())
    assert back.purchase == bare, "the count of its vouchers is kept, for it names them"


def test_a_sale_moves_to_another_buyer_by_an_entry_on_each_side() -> None:
    sold = sell()
    gone = move(sold.head, Standing(sold.purchase), NOBODYS, "transfer", unused=VOUCHER)
    assert gone.entry == replace(told(points=-35, sequence=10), kind="transfer")
    assert gone.head == replace(sold.head, lots={}, lifetime=0, window={}, stamps={"c": 0}, purchases=3, sequence=10)
    assert (gone.purchase, gone.cancelled, gone.issued) == (None, ("card/c/0/o-1",), ())
    bob = replace(ANN, member_id="m2", sequence=0, purchases=0, counts="sr", stamps={"c": 2})
    given = replace(sold.purchase, member_id="m2", sequence=1)
    come = move(bob, NOBODYS, Standing(given), "transfer")
    assert come.entry == replace(told(points=35, sequence=1, balance_after=35), kind="transfer", member_id="m2")
    assert come.head == replace(
        bob,
        lots={NEVER: 35},
        lifetime=35,
        window={TODAY - 1: 630},
        stamps={"c": 3},
        purchases=1,
        first_purchase_on=TODAY - 1,
        sequence=2,
    )
    assert come.purchase == replace(given, stamps=(Stamped("c", 5, 4, 2),))
    assert [voucher.origin for voucher in come.issued] == ["card/c/1/o-1"], "the first is named by whom it was before"


def test_a_sale_that_arrives_lifts_the_tier() -> None:
    program = shop(tiers={"basis": "points", "levels": [{"id": "two", "name": "Two", "threshold": 35}]})
    bob = replace(ANN, tier=None, counts="pr")
    come = move(bob, NOBODYS, Standing(BOUGHT), "transfer", program)
    assert come.head.tier == Tier("two", TODAY - 1, TODAY + 380, 35, TODAY - 1)
    assert come.entry.tier_change == (None, "two")


def test_a_dispute_holds_points_and_gives_them_back_when_it_is_won() -> None:
    sold = sell()
    held = move(sold.head, Standing(sold.purchase), Standing(sold.purchase, 0, 500), "refund")
    assert held.entry == replace(told(points=-18, sequence=10, balance_after=17), kind="refund")
    assert held.head == replace(sold.head, lots={NEVER: 17}, lifetime=17, sequence=10)
    won = move(held.head, Standing(sold.purchase, 0, 500), Standing(sold.purchase), "reverse")
    assert won.entry == replace(told(points=18, sequence=11, balance_after=35), kind="reverse")
    assert won.head == replace(sold.head, sequence=11)


def test_what_still_waits_is_taken_from_and_put_back_where_it_waits() -> None:
    waiting = shop(earning={"points": 1, "per_amount": 1, "pending_days": 9})
    sold = sell(program=waiting)
    whole, half = Standing(sold.purchase), Standing(sold.purchase, 0, 500)
    less = move(sold.head, whole, half, "refund", waiting)
    assert less.head.pending == {TODAY + 8: {NEVER: 450}}
    assert less.entry == replace(told(points=-450, held=450, status="pending", sequence=10), kind="refund")
    more = move(less.head, half, whole, "reverse", waiting)
    assert more.head.pending == {TODAY + 8: {NEVER: 900}}
    assert more.entry == replace(told(points=450, held=-450, status="pending", sequence=11), kind="reverse")


@pytest.mark.parametrize(("days", "waits"), [(1, False), (2, False), (3, True)])
def test_points_that_come_back_after_the_wait_can_be_used_at_once(days: int, waits: bool) -> None:
    """They waited from the sale, which was two days before the entry is booked."""
    came = replace(BOUGHT, available_on=TODAY - 1 + days)
    entry = move(ANN, Standing(came, 1000), Standing(came)).entry
    assert (entry.points, entry.held, entry.status) == ((35, -35, "pending") if waits else (35, 0, "posted"))


def test_what_waits_goes_first_and_the_balance_for_the_rest() -> None:
    came = replace(BOUGHT, available_on=TODAY + 8)
    head = replace(ANN, pending={TODAY + 8: {NEVER: 10}}, lots={NEVER: 50}, lifetime=50)
    done = move(head, Standing(came), Standing(came, 1000))
    assert (done.entry.points, done.entry.held, done.entry.status) == (-25, 10, "posted")
    assert (done.head.pending, done.head.lots) == ({}, {NEVER: 25})


def test_an_entry_that_moves_no_points_is_posted() -> None:
    sold = sell()
    still = move(sold.head, Standing(sold.purchase), Standing(sold.purchase))
    assert still.entry == told(sequence=10, balance_after=35)
    assert still.head == replace(sold.head, sequence=10)


def test_points_that_lapsed_are_not_taken_twice() -> None:
    idle = replace(BOUGHT, lot=IDLE)
    head = replace(
        ANN,
        lots={IDLE: 50},
        lifetime=50,
        sequence=20,
        idle_lapsed_sequence=10,
        idle_lapsed_on=TODAY,
        lapsed={TODAY - 2: 100, TODAY - 1: 30},
    )
    own = move(head, Standing(idle), Standing(idle, 1000))
    assert (own.entry.points, own.head.lapsed) == (-5, {TODAY - 2: 100}), "what lapsed before the sale was not its own"
    assert (own.head.spent, own.head.lots) == (5, {IDLE: 50})
    released = replace(idle, available_on=TODAY)
    assert move(head, Standing(released), Standing(released, 1000)).entry.points == -35, "it came after the lapse"
    for days, lapsed in ((731, {TODAY - 2: 65, TODAY - 1: 30}), (732, head.lapsed)):
        old = replace(BOUGHT, lot=TODAY + 1 - days)
        done = move(head, Standing(old), Standing(old, 1000))
        assert (done.entry.points, done.head.lapsed) == (0, lapsed), "what lapsed two years ago is forgotten"


def test_idle_points_of_a_merged_account_are_taken_from_what_came_along() -> None:
    """Its place in its own chain says nothing about a lapse in this one."""
    head = replace(ANN, lots={IDLE: 50}, lifetime=50, sequence=20, idle_lapsed_sequence=10, lapsed={TODAY: 35})
    head = replace(head, idle_lapsed_on=TODAY + 1)
    came = replace(BOUGHT, lot=IDLE, member_id="m9")
    done = move(head, Standing(came), Standing(came, 1000), "refund")
    assert (done.head.lots, done.head.lapsed, done.entry.points) == ({IDLE: 15}, {TODAY: 35}, -35)


@pytest.mark.parametrize(("until", "falls_to"), [(TODAY, "one"), (TODAY + 1, "mid")])
def test_a_refund_falls_back_to_what_was_held_before_unless_its_time_is_over(until: int, falls_to: str) -> None:
    levels = [("one", 0), ("mid", 700), ("two", 900)]
    program = shop(
        tiers={"basis": "spend", "levels": [{"id": name, "name": name, "threshold": least} for name, least in levels]}
    )
    sold = sell(replace(ANN, tier=Tier("mid", 20000, until, 700, 20000)), program, PLAIN)
    assert sold.purchase.tier_change == ("mid", "two")
    entry: Refund = refunding.refund_of(
        sold.purchase, 0, 400, refund_id="r", occurred_at=NOW, now=NEXT_DAY, booked_by="key:w"
    )
    done, posted = restating.restate(
        sold.head, program, Standing(sold.purchase), Standing(sold.purchase, 400), entry, unused=frozenset()
    )
    assert posted.tier_change == ("two", falls_to)
    assert done.head.tier is not None and done.head.tier.id == falls_to


def with_cards(*rows: Stamped) -> Purchase:
    return replace(BOUGHT, stamps=rows)


@pytest.mark.parametrize(
    ("count", "unused", "left", "cancelled"),
    [
        (5, (0, 1), 0, ()),
        (4, (0, 1), 3, (1,)),
        (1, (0, 1), 0, (1,)),
        (0, (0, 1), 3, (1, 0)),
        (0, (0,), -1, (0,)),
        (0, (), -5, ()),
        (-9, (0, 1), -6, (1, 0)),
    ],
)
def test_the_last_unused_voucher_is_cancelled_first_and_only_as_many_as_are_owed(
    count: int, unused: tuple[int, ...], left: int, cancelled: tuple[int, ...]
) -> None:
    two = with_cards(Stamped("c", 5, 4, 2))
    origins = frozenset(f"card/c/{number}/o-1" for number in unused)
    done = move(replace(ANN, stamps={"c": count, "x": 2}), Standing(two), Standing(two, 1000), unused=origins)
    assert done.head.stamps == {"c": left, "x": 2}
    assert done.cancelled == tuple(f"card/c/{number}/o-1" for number in cancelled)
    assert done.purchase == two


@pytest.mark.parametrize(
    ("count", "left", "completed", "made"),
    [(None, 1, 2, [1]), (-4, 1, 1, []), (-6, -1, 1, []), (-2, 3, 1, []), (-1, 0, 2, [1]), (7, 0, 4, [1, 2, 3])],
)
def test_stamps_that_come_back_fill_cards_that_are_not_filled_yet(
    count: int | None, left: int, completed: int, made: list[int]
) -> None:
    one = with_cards(Stamped("c", 5, 4, 1))
    head = replace(ANN, stamps={} if count is None else {"c": count})
    done = move(head, Standing(one, 1000), Standing(one), unused=VOUCHER)
    assert done.head.stamps == {"c": left}
    assert done.purchase == with_cards(Stamped("c", 5, 4, completed))
    assert [voucher.origin for voucher in done.issued] == [f"card/c/{number}/o-1" for number in made]
    assert [voucher.sequence for voucher in done.issued] == list(range(9, 9 + len(made)))
    assert (done.head.sequence, done.cancelled) == (8 + len(made), ())


@pytest.mark.parametrize(
    ("before", "after", "count", "left"),
    [(0, 0, -3, -3), (0, 0, 9, 9), (0, 200, 9, 8), (200, 0, 3, 0), (200, 0, -9, -8)],
)
def test_only_stamps_that_are_taken_cancel_and_only_stamps_that_come_fill(
    before: int, after: int, count: int, left: int
) -> None:
    """A card may hold more than is asked for where the owner asks for less by now, or less than nothing."""
    one = with_cards(Stamped("c", 5, 4, 1))
    done = move(replace(ANN, stamps={"c": count}), Standing(one, before), Standing(one, after), unused=VOUCHER)
    assert done.head.stamps == {"c": left}
    assert (len(done.issued), done.cancelled) == (int(left == 0), ())


def test_stamps_that_only_make_up_for_a_debt_fill_nothing() -> None:
    single = with_cards(Stamped("c", 5, 1, 5))
    done = move(replace(ANN, stamps={"c": -5}), Standing(single, 1000), Standing(single))
    assert (done.head.stamps, done.issued, done.purchase) == ({"c": 0}, (), single)


def test_a_move_that_counts_nothing_leaves_the_tier_as_it_is() -> None:
    """What the sum reaches by new rules is for the assessment to say."""
    head = replace(ANN, counts="sr", window={TODAY - 1: 5000})
    done = move(head, Standing(BOUGHT), Standing(BOUGHT, 0, 500))
    assert (done.head.tier, done.entry.tier_change) == (ANN.tier, None)


def test_each_card_is_counted_for_itself() -> None:
    cards = [
        {"id": "c", "name": "C", "required": 4, "reward_id": "r"},
        {"id": "d", "name": "D", "required": 2, "reward_id": "r"},
    ]
    before = with_cards(Stamped("b", 0, 4), Stamped("c", 5, 4, 1))
    after = with_cards(Stamped("c", 5, 9, 0), Stamped("d", 3, 2))
    done = move(ANN, Standing(before), Standing(after), program=shop(stamp_cards=cards))
    assert done.head.stamps == {"b": 0, "c": 0, "d": 1}
    assert done.purchase is not None
    assert done.purchase.stamps == (Stamped("b", 0, 4), Stamped("c", 5, 9, 1), Stamped("d", 3, 2, 1))


@pytest.mark.parametrize(("known", "first"), [(None, TODAY - 1), (TODAY, TODAY - 1), (TODAY - 2, TODAY - 2)])
def test_the_first_purchase_is_the_earliest_day_on_which_something_was_bought(known: int | None, first: int) -> None:
    head = replace(ANN, first_purchase_on=known)
    assert move(head, NOBODYS, Standing(BOUGHT)).head.first_purchase_on == first
    assert move(head, Standing(BOUGHT), NOBODYS).head.first_purchase_on == known
