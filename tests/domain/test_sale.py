"""A sale decided: every field of the entry, the head and the vouchers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.domain import earning
from chalicelib.domain.earning import CAP_DAYS, MOST_VOUCHERS
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import NEVER, Referral
from chalicelib.domain.purchase import Basis, Line, Sale, Stamped, basis_of, costs
from tests.domain.sales import (
    ANN,
    BASIS,
    BOUGHT,
    LINES,
    NOW,
    PRIZE,
    SALE,
    SOLD,
    TODAY,
    sell,
    shop,
    shop_levels,
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


def test_a_claimed_sale_earns_nothing_for_what_is_disputed_and_its_visit_counts() -> None:
    program = shop(tiers={"basis": "visits", "levels": shop_levels()})
    for refunded, disputed, points in ((200, 300, 17), (0, 300, 24), (200, 900, 0), (0, 1000, 0)):
        claimed = sell(program=program, refunded=refunded, disputed=disputed)
        assert (claimed.purchase.points, sum(claimed.head.window.values())) == (points, 1)


def test_a_sale_that_reaches_a_tier_says_so_and_counts_from_the_next() -> None:
    done = sell(replace(sell().head, sequence=7, stamps={}))
    assert done.purchase.tier_change == ("one", "two")
    assert done.purchase.tier == "one"
    assert done.head.tier is not None and done.head.tier.id == "two"
    assert sell(done.head).purchase.points == 42  # 35.1 × 1.2


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
