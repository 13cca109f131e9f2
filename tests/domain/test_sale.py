"""A sale decided: every field of the entry, the head and the vouchers; and what a refund makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain import earning, refunding
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.earning import CAP_DAYS, MOST_VOUCHERS
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import IDLE, NEVER, Head, Referral, Tier
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Line, Purchase, Refund, Sale, Stamped, basis_of, costs
from chalicelib.domain.voucher import Voucher

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TODAY = 20619  # 2026-06-15 in days since 1970
SOLD = NOW - timedelta(days=1)
MS, SOLD_MS = milliseconds(NOW), milliseconds(SOLD)


def shop(**changes: Any) -> Program:
    document: dict[str, Any] = {
        "program_id": "p",
        "name": "P",
        "currency": "EUR",
        "time_zone": "UTC",
        "locales": ["en"],
        "earning": {
            "points": 3,
            "per_amount": 100,
            "excluded_categories": ["gift"],
            "multipliers": [
                {"id": "m", "name": "M", "categories": ["cake"], "percent": 200},
                {"id": "n", "name": "N", "categories": ["cake"], "percent": 150},
                {"id": "o", "name": "O", "percent": 50, "starts_on": "2026-06-20"},
                {"id": "q", "name": "Q", "percent": 900, "ends_on": "2026-06-13"},
            ],
        },
        "expiry": {"policy": "none"},
        "tiers": {
            "basis": "spend",
            "levels": [
                {"id": "one", "name": "One", "threshold": 0},
                {"id": "two", "name": "Two", "threshold": 900, "percent": 120},
            ],
        },
        "stamp_cards": [{"id": "c", "name": "C", "categories": ["cake"], "required": 4, "reward_id": "r"}],
        "rewards": [
            {"id": "r", "name": "R", "kind": "free_product", "value": 5, "cost": 2, "points": 9, "valid_days": 30}
        ],
        **changes,
    }
    return msgspec.convert(document, Program)


LINES = (Line("a", "cake", 5, 600, 200), Line("b", "gift", 1, 300), Line("c", None, 2, 100, 40))
SALE = Sale(total=1000, currency="EUR", delivery=60, tax=40, occurred_at=SOLD, lines=LINES)
ANN = Head(member_id="m1", enrolled_ms=0, tier=Tier("one", 20000), purchases=3, sequence=7)
BASIS = Basis(weighted=130_000, earning=700, spread=900, listed=1000, points=3, per_amount=100)


def sell(head: Head = ANN, program: Program | None = None, sale: Sale = SALE, **more: Any) -> earning.Earned:
    return earning.earn(head, program or shop(), 4, sale, order_id="o-1", now=NOW, booked_by="key:k", **more)


BOUGHT = Purchase(
    kind="earn",
    cause=("order", "o-1"),
    order_id="o-1",
    amount=1000,
    booked_by="key:k",
    occurred_ms=SOLD_MS,
    booked_ms=MS,
    program_version=4,
    total=1000,
    currency="EUR",
    delivery=60,
    tax=40,
    lines=LINES,
    points=35,
    lot=NEVER,
    basis=BASIS,
    stamps=(Stamped("c", 5, 4, 1),),
    tier="one",
    member_id="m1",
    sequence=8,
    balance_after=35,
)
PRIZE = Voucher(
    kind="bonus",
    cause=("stamp_card", "c/o-1/0"),
    order_id="o-1",
    reason="R",
    booked_by="key:k",
    occurred_ms=MS,
    booked_ms=MS,
    program_version=4,
    reward_id="r",
    name="R",
    voucher_kind="free_product",
    value=5,
    cost=2,
    valid_until=TODAY + 30,
    origin="card/c/0/o-1",
    card_id="c",
    currency="EUR",
    member_id="m1",
    sequence=9,
    balance_after=35,
)


def test_a_sale_is_decided_to_the_last_field() -> None:
    """floor(130,000 × 900 × 100 × 100 × 3 ÷ (1,000 × 1,000,000 × 100)) is 35; 700 × 900 ÷ 1,000 counts for the tier."""
    done = sell()
    assert done.purchase == BOUGHT
    assert done.vouchers == (PRIZE,)
    assert done.head == replace(
        ANN,
        lots={NEVER: 35},
        lifetime=35,
        purchases=4,
        first_purchase_on=TODAY - 1,
        stamps={"c": 1},
        sequence=9,
        counts="sr",
        window={TODAY - 1: 630},
    )
    assert sum(done.head.window.values()) == 630


def test_the_numbers_of_a_sale_are_kept_with_it() -> None:
    assert basis_of(shop(), SALE, SOLD, "one", None) == BASIS
    assert basis_of(shop(), SALE, SOLD, "two", None) == replace(BASIS, tier_percent=120)
    assert basis_of(shop(tiers=None), SALE, SOLD, "two", None) == BASIS
    plans = [{"id": "x", "name": "X", "percent": 130}, {"id": "y", "name": "Y", "percent": 170}]
    assert basis_of(shop(plans=plans), SALE, SOLD, "one", "y") == replace(BASIS, plan_percent=170)
    later = basis_of(shop(), SALE, datetime(2026, 6, 20, tzinfo=UTC), "one", None)
    assert later == replace(BASIS, weighted=600 * 200 + 100 * 50)
    before = basis_of(shop(), SALE, datetime(2026, 6, 13, tzinfo=UTC), "one", None)
    assert before == replace(BASIS, weighted=600 * 900 + 100 * 900)
    bare = Sale(total=1000, currency="EUR", delivery=60, tax=40)
    assert basis_of(shop(), bare, SOLD, "one", None) == replace(BASIS, weighted=90_000, earning=900, listed=900)
    dear = replace(SALE, total=5000)
    assert basis_of(shop(), dear, SOLD, "one", None).spread == 1000, "what was not listed earns nothing"


def test_a_basis_gives_and_counts_for_what_is_left() -> None:
    assert [BASIS.deserved(1000, back) for back in (0, 1, 500, 999, 1000)] == [35, 35, 17, 0, 0]
    assert [BASIS.spent(1000, back) for back in (0, 1, 500, 999, 1000)] == [630, 629, 315, 0, 0]
    assert (Basis().deserved(0, 0), Basis().spent(0, 0)) == (0, 0)
    rich = replace(BASIS, tier_percent=120, plan_percent=150)
    assert rich.deserved(1000, 0) == 63  # 35.1 × 1.8 = 63.18


def test_goods_are_the_total_less_tax_and_delivery_and_never_less_than_nothing() -> None:
    assert SALE.goods == 900
    assert Sale(total=99, currency="EUR", delivery=60, tax=40).goods == 0
    assert Sale(total=100, currency="EUR", delivery=60, tax=40).goods == 0
    assert Sale(total=101, currency="EUR", delivery=60, tax=40).goods == 1


def test_known_costs_share_the_orders_discount() -> None:
    assert costs(1000, 60, 40, LINES) == (700 * 900 // 1000, 240)
    assert costs(1100, 60, 40, LINES) == (700, 240)
    assert costs(50, 60, 40, LINES) == (0, 240)
    assert costs(1000, 0, 0, ()) == (0, 0)
    assert costs(1000, 0, 0, (Line("b", None, 1, 300),)) == (0, 0)


def test_what_a_purchase_still_deserves_never_exceeds_what_was_granted() -> None:
    capped = replace(BOUGHT, points=20)
    assert [capped.points_after(back) for back in (0, 400, 500, 1000)] == [20, 20, 17, 0]
    assert replace(BOUGHT, points=0).points_after(0) == 0
    stamped = BOUGHT.stamps[0]
    assert [BOUGHT.stamps_after(stamped, back) for back in (0, 1, 200, 201, 1000)] == [5, 4, 4, 3, 0]
    assert replace(BOUGHT, total=0).stamps_after(stamped, 0) == 5
    assert BOUGHT.sale == replace(SALE, occurred_at=None)


def test_a_guests_sale_is_recorded_with_its_numbers_and_earns_nothing() -> None:
    guest = earning.as_guest(shop(), 4, SALE, order_id="o-1", now=NOW, booked_by="key:k")
    assert guest == replace(BOUGHT, points=0, lot=0, stamps=(), tier=None, member_id=None, sequence=0, balance_after=0)


def test_a_sale_lies_where_it_is_said_and_at_most_five_minutes_ahead() -> None:
    assert earning.occurred(replace(SALE, occurred_at=None), NOW) == NOW
    assert earning.occurred(replace(SALE, occurred_at=NOW + timedelta(minutes=5)), NOW) == NOW + timedelta(minutes=5)
    with pytest.raises(Refused) as refusal:
        earning.occurred(replace(SALE, occurred_at=NOW + timedelta(minutes=5, milliseconds=1)), NOW)
    assert refusal.value.code == "occurred_in_future"
    assert refusal.value.detail == "occurred_at lies more than 5 minutes in the future; send the sale's time."
    with pytest.raises(Refused) as refusal:
        sell(sale=replace(SALE, currency="USD"))
    assert (refusal.value.code, "EUR" in refusal.value.detail) == ("currency_mismatch", True)


def test_points_wait_for_their_day_and_are_there_at_once_where_it_has_come() -> None:
    waiting = shop(earning={"points": 1, "per_amount": 1, "pending_days": 2})
    done = sell(program=waiting)
    assert (done.purchase.status, done.purchase.available_on, done.purchase.points) == ("pending", TODAY + 1, 900)
    assert done.head.pending == {TODAY + 1: {NEVER: 900}} and done.head.lots == {} and done.head.lifetime == 0
    assert done.purchase.balance_after == 0
    due = sell(program=shop(earning={"points": 1, "per_amount": 1, "pending_days": 1}))
    assert (due.purchase.status, due.purchase.available_on, due.head.lots) == ("posted", None, {NEVER: 900})
    nothing = sell(program=waiting, sale=replace(SALE, total=0, delivery=0, tax=0, lines=()))
    assert (nothing.purchase.status, nothing.purchase.expires_on) == ("posted", None)


def test_the_last_day_is_told_where_points_were_granted() -> None:
    rolling = shop(expiry={"policy": "rolling", "months": 1})
    july = 20665
    assert sell(program=rolling).purchase.expires_on == sell(program=rolling).purchase.lot == july
    free = replace(SALE, lines=(Line("b", "gift", 1, 1000),))
    assert sell(program=rolling, sale=free).purchase.expires_on is None


def test_a_closing_program_records_sales_and_gives_nothing_after_its_last_day() -> None:
    open_still = shop(close={"last_earn_on": "2026-06-14", "last_redeem_on": "2026-07-14"})
    closed = shop(close={"last_earn_on": "2026-06-13", "last_redeem_on": "2026-07-14"})
    assert sell(program=open_still).purchase.points == 35
    after = sell(program=closed)
    assert (after.purchase.points, after.purchase.stamps, after.vouchers) == (0, (), ())
    assert after.purchase.basis == Basis()
    assert after.head.purchases == 4


def test_the_daily_cap_is_the_days_and_a_late_sale_shares_todays() -> None:
    capped = shop(earning={"points": 1, "per_amount": 1, "daily_cap": 1000})
    had = replace(ANN, days={TODAY - 1: 400, TODAY: 999})
    done = sell(had, capped)
    assert (done.purchase.points, done.head.days) == (600, {TODAY - 1: 1000, TODAY: 999})
    assert sell(done.head, capped).purchase.points == 0
    assert sell(replace(ANN, days={TODAY - 1: 1001}), capped).purchase.points == 0
    full = {TODAY - number: number for number in range(2, CAP_DAYS + 2)}
    kept = sell(replace(ANN, days=full), capped).head.days
    assert kept == {**{day: had for day, had in full.items() if day != min(full)}, TODAY - 1: 900}
    old = replace(SALE, occurred_at=NOW - timedelta(days=CAP_DAYS + 5))
    shared = sell(replace(ANN, days={**full, TODAY: 150}), capped, old)
    assert (shared.purchase.points, shared.head.days[TODAY]) == (850, 1000)
    few = {TODAY - 3: 1}
    assert sell(replace(ANN, days=few), capped, old).head.days == {**few, TODAY - CAP_DAYS - 5: 900}
    assert sell(program=shop(earning={"points": 1, "per_amount": 1})).head.days == {}


def test_stamps_count_items_or_the_visit_of_the_cards_categories() -> None:
    by_item, by_visit = shop().stamp_cards[0], msgspec.structs.replace(shop().stamp_cards[0], per="visit")
    every = msgspec.structs.replace(by_item, categories=[])
    assert [earning.stamps_of(card, SALE) for card in (by_item, by_visit, every)] == [5, 1, 8]
    none = replace(SALE, lines=(Line("b", "gift", 9, 1),))
    assert [earning.stamps_of(card, none) for card in (by_item, by_visit)] == [0, 0]
    bare = replace(SALE, lines=())
    assert [earning.stamps_of(card, bare) for card in (by_item, every)] == [0, 1]


def test_full_cards_give_their_vouchers_and_keep_the_rest() -> None:
    done = sell(replace(ANN, stamps={"c": 3}))
    assert (done.head.stamps, [made.origin for made in done.vouchers]) == (
        {"c": 0},
        ["card/c/0/o-1", "card/c/1/o-1"],
    )
    owing = sell(replace(ANN, stamps={"c": -3}))
    assert (owing.head.stamps, owing.vouchers) == ({"c": 2}, ())
    deep = sell(replace(ANN, stamps={"c": -9}))
    assert (deep.head.stamps, deep.vouchers) == ({"c": -4}, ())
    half = sell(refunded=400)
    assert (half.head.stamps, half.vouchers) == ({"c": 3}, ())
    most = replace(SALE, lines=(Line("a", "cake", 4 * MOST_VOUCHERS, 600),))
    assert len(sell(sale=most).vouchers) == MOST_VOUCHERS
    with pytest.raises(Refused) as refusal:
        sell(sale=replace(SALE, lines=(Line("a", "cake", 4 * MOST_VOUCHERS + 4, 600),)))
    assert (refusal.value.code, "40" in refusal.value.detail) == ("too_many_vouchers", True)


def test_a_claimed_sale_earns_for_what_was_not_refunded() -> None:
    half = sell(refunded=500)
    assert half.purchase.points == 17
    whole = sell(program=shop(tiers={"basis": "visits", "levels": shop_levels()}), refunded=1000)
    assert whole.purchase.points == 0
    assert sum(whole.head.window.values()) == 0
    one = sell(program=shop(tiers={"basis": "visits", "levels": shop_levels()}), refunded=999)
    assert sum(one.head.window.values()) == 1
    by_points = sell(program=shop(tiers={"basis": "points", "levels": shop_levels()}))
    assert sum(by_points.head.window.values()) == 35


def shop_levels() -> list[dict[str, Any]]:
    return [{"id": "one", "name": "One", "threshold": 0}, {"id": "two", "name": "Two", "threshold": 9000}]


def test_a_sale_that_reaches_a_tier_says_so_and_counts_from_the_next() -> None:
    done = sell(replace(sell().head, sequence=7, stamps={}))
    assert done.purchase.tier_change == ("one", "two")
    assert done.purchase.tier == "one"
    assert done.head.tier is not None and done.head.tier.id == "two"
    assert sell(done.head).purchase.points == 42  # 35.1 × 1.2


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


def test_a_plan_that_is_held_multiplies_and_stands_on_the_sale() -> None:
    plans = [{"id": "x", "name": "X", "percent": 130}, {"id": "y", "name": "Y", "percent": 170}]
    held = replace(ANN, plans={"s": ("x", TODAY), "t": ("y", TODAY - 1), "u": ("gone", TODAY)})
    done = sell(held, shop(plans=plans))
    assert (done.purchase.plan, done.purchase.basis.plan_percent, done.purchase.points) == ("y", 170, 59)
    today = sell(held, shop(plans=plans), replace(SALE, occurred_at=NOW))
    assert (today.purchase.plan, today.purchase.basis.plan_percent) == ("x", 130)
    assert sell(replace(ANN, plans={"u": ("gone", TODAY)}), shop(plans=plans)).purchase.plan is None


def test_a_single_point_waits_too_and_idle_points_tell_their_day() -> None:
    program = shop(earning={"points": 1, "per_amount": 900, "pending_days": 9}, expiry={"policy": "inactivity"})
    done = sell(program=program)
    assert (done.purchase.points, done.purchase.status, done.purchase.available_on) == (1, "pending", TODAY + 8)
    assert done.purchase.expires_on == done.head.idle_on == 20983  # 2027-06-14: twelve months after the sale
    assert done.head.idle_months == 12


def test_a_friends_first_real_sale_begins_to_settle_by_what_was_not_refunded() -> None:
    program = shop(referral={"friend_points": 5, "minimum_purchase": 600, "settle_days": 14})
    friend = replace(ANN, referral=Referral("m0"))
    settling = Referral("m0", "settling", None, "o-1", TODAY + 13)
    assert sell(friend, program).head.referral == settling
    assert sell(friend, program, refunded=100).head.referral == Referral("m0")
    assert sell(friend, shop(), refunded=0).head.referral == Referral("m0")


def test_a_first_sale_of_an_earlier_day_moves_the_first_day_back() -> None:
    assert sell(replace(ANN, first_purchase_on=TODAY)).head.first_purchase_on == TODAY - 1
    assert sell(replace(ANN, first_purchase_on=5)).head.first_purchase_on == 5


def test_the_daily_cap_at_its_edges() -> None:
    program = shop(earning={"points": 1, "per_amount": 900, "daily_cap": 1})
    first = sell(program=program)
    assert (first.purchase.points, first.head.days) == (1, {TODAY - 1: 1})
    assert sell(first.head, program).purchase.points == 0, "one point more is one too many"
    exact = shop(earning={"points": 1, "per_amount": 1, "daily_cap": 900})
    assert sell(program=exact).purchase.points == 900
    ten = {TODAY - number: 5 for number in range(CAP_DAYS)}
    old = replace(SALE, occurred_at=NOW - timedelta(days=CAP_DAYS + 5))
    shared = sell(replace(ANN, days=ten), exact, old)
    assert (shared.purchase.points, shared.head.days) == (895, {**ten, TODAY: 900})


def test_stamps_at_their_edges() -> None:
    card = shop().stamp_cards[0]
    visit = msgspec.structs.replace(card, per="visit")
    assert earning.stamps_of(visit, replace(SALE, lines=(LINES[0], LINES[0], LINES[0]))) == 1
    two = [
        {"id": "c", "name": "C", "categories": ["tea"], "required": 4, "reward_id": "r"},
        {"id": "d", "name": "D", "required": 1, "reward_id": "r"},
    ]
    single = replace(SALE, lines=(Line("x", None, 1, 100),))
    done = sell(program=shop(stamp_cards=two), sale=single)
    assert (done.purchase.stamps, done.head.stamps) == ((Stamped("d", 1, 1, 1),), {"d": 0})
    owed = sell(replace(ANN, stamps={"d": -1}), shop(stamp_cards=two), single)
    assert (owed.vouchers, owed.head.stamps) == ((), {"d": 0})
    free = Sale(total=0, currency="EUR", occurred_at=SOLD, lines=(Line("a", "cake", 3, 0),))
    assert sell(sale=free).head.stamps == {"c": 3}, "a coffee that a voucher paid is a coffee"


def test_the_reward_of_a_full_card_is_found_by_its_cause() -> None:
    assert earning.stamp_origin("o/1", "c", 2) == "card/c/2/o/1"
    assert earning.prize_of(shop(), "card/c/2/o/1") == "r"
    assert earning.prize_of(shop(), "card/gone/0/o") is None


def test_costs_are_whole_numbers() -> None:
    found = costs(999, 60, 40, LINES)
    assert found == (700 * 899 // 1000, 240) and all(isinstance(one, int) for one in found)
    assert costs(100, 60, 40, (Line("a", None, 1, 50, 20),)) == (0, 20)


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
