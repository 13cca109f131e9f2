"""The fold, row by row as the journal stores them: every fact of every day that a row adds to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from chalicelib.domain import metric
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.history import ERASURE
from chalicelib.domain.metric import Fold
from chalicelib.domain.metric_facts import ANY, Facts, Joining, new_facts
from chalicelib.domain.program import zone
from tests.domain.buyers import counted
from tests.domain.june import TENTH, day


def ms(text: str) -> int:
    return milliseconds(datetime.fromisoformat(f"{text}Z"))


NOON = ms("2026-06-10T12:00")
LINES = [["a", "cake", 5, 600, 200], ["b", "gift", 1, 300], ["c", "cake", 2, 100, 40]]
SOLD = {"t": NOON, "T": 1000, "q": 8, "m": "m1", "D": 60, "X": 41, "L": LINES}


def folded(*rows: tuple[str, dict[str, Any]]) -> Fold:
    made = Fold("Europe/Berlin")
    for kind, document in rows:
        made.add(kind, json.dumps(document))
    return made


def year(*rows: tuple[str, dict[str, Any]]) -> Facts:
    """The facts of the one year to which rows add."""
    (only,) = folded(*rows).facts.values()
    return only


def facts(days: dict[int, list[int]], **more: Any) -> Facts:
    return msgspec.structs.replace(new_facts(), days=days, **more)


def orders(found: dict[int, list[msgspec.Raw]]) -> dict[int, list[Any]]:
    return {on: [msgspec.msgpack.decode(one, strict=False) for one in some] for on, some in found.items()}


def without_orders(found: Facts) -> Facts:
    return msgspec.structs.replace(found, orders={}, claims={})


ORDER = [NOON, "m1", 1000, 60, 41, {"cake": [7, 700, 240], "gift": [1, 300, None]}]


def test_a_members_purchase_counts_for_them_their_tier_their_points_and_the_goods_whose_cost_is_known() -> None:
    found = year(("PURCHASE", {**SOLD, "p": 35, "ex": TENTH + 30, "ti": "one", "tc": [None, "one"]}))
    assert orders(found.orders) == {TENTH: [ORDER]}
    # 1,000 was listed and 899 paid for goods: of the 700 of known cost 629 were paid.
    row = counted(member_purchases=1, member_sales=1000, member_costed=629, member_cost=240, earned=35)
    assert without_orders(found) == facts(
        {TENTH: row},
        buyers={"m1": [TENTH, 1, 1000, 0, 629, 240, 1]},
        lots={TENTH + 30: [35, 0]},
        tiers={"one": {TENTH: [1, 1000]}},
        moves={">one": {TENTH: 1}},
    )


def test_purchases_of_a_day_add_up_and_those_of_other_days_stand_apart() -> None:
    small = {"t": NOON, "T": 5, "q": 9, "m": "m1", "ti": "one", "tc": ["one", None]}
    later = {**small, "t": NOON + 86_400_000, "S": [["c", 1, 1]], "tc": ["one", None]}
    pending = {**small, "p": 7, "st": "pending", "ex": TENTH + 30, "tc": ["one", None]}
    first = {**SOLD, "p": 35, "ex": TENTH + 30, "ti": "one"}
    found = year(("PURCHASE", first), ("PURCHASE", small), ("PURCHASE", later), ("PURCHASE", pending))
    empty = [NOON, "m1", 5, 0, 0, {}]
    assert orders(found.orders) == {TENTH: [ORDER, empty, empty], TENTH + 1: [[later["t"], *empty[1:]]]}
    tenth = {"member_purchases": 3, "member_sales": 1010, "member_costed": 629, "member_cost": 240, "pending": 7}
    rows = [TENTH, 1, 1000, 0, 629, 240, 1, TENTH, 1, 5, 0, 0, 0, 0, TENTH + 1, 1, 5, 0, 0, 0, 1]
    assert without_orders(found) == facts(
        {TENTH: counted(**tenth, earned=35), TENTH + 1: counted(member_purchases=1, member_sales=5)},
        buyers={"m1": [*rows, TENTH, 1, 5, 0, 0, 0, 1]},
        lots={TENTH + 30: [42, 0]},
        tiers={"one": {TENTH: [3, 1010], TENTH + 1: [1, 5]}},
        moves={"one>": {TENTH: 2, TENTH + 1: 1}},
    )
    waiting = year(("PURCHASE", pending), ("PURCHASE", pending)).days
    assert waiting == {TENTH: counted(member_purchases=2, member_sales=10, pending=14)}


def test_guests_and_strangers_buy_beside_the_members() -> None:
    guest = {**SOLD, "q": 0, "g": "g1", "p": 5, "ti": "one"}
    stranger = {"t": NOON, "T": 70, "L": [["a", None, 1, 70, 30]]}
    rows: list[dict[str, Any]] = [guest, stranger, {**guest, "L": []}, {"t": NOON, "T": 30}]
    found = year(*(("PURCHASE", one) for one in rows))
    nobody = [NOON, None, 70, 0, 0, {None: [1, 70, 30]}]
    assert orders(found.orders)[TENTH][:2] == [[NOON, "g1", *ORDER[2:]], nobody]
    numbers = {"guest_purchases": 4, "guest_sales": 2100, "guest_costed": 699, "guest_cost": 270}
    history = [TENTH, 1, 1000, 0, 629, 240, 0, TENTH, 1, 1000, 0, 0, 0, 0]
    expected = facts({TENTH: counted(**numbers, anonymous_purchases=2, anonymous_sales=100)}, buyers={"g1": history})
    assert without_orders(found) == expected


def test_a_claim_moves_a_purchase_from_the_guest_to_the_member() -> None:
    found = year(("CLAIM", {**SOLD, "g": "g1", "p": 3}), ("CLAIM", {**SOLD, "L": []}))
    assert orders(found.claims) == {TENTH: [ORDER, [*ORDER[:5], {}]]}
    assert found.orders == {}
    mine = {"member_purchases": 2, "member_sales": 2000, "member_costed": 629, "member_cost": 240, "earned": 3}
    theirs = {"guest_purchases": -2, "guest_sales": -2000, "guest_costed": -629, "guest_cost": -240}
    row = counted(**mine, **theirs, anonymous_purchases=-1, anonymous_sales=-1000)
    buyers = {
        "g1": [TENTH, -1, -1000, 0, -629, -240, 0],
        "m1": [TENTH, 1, 1000, 0, 629, 240, 1, TENTH, 1, 1000, 0, 0, 0, 0],
    }
    assert without_orders(found) == facts({TENTH: row}, buyers=buyers)


@pytest.mark.parametrize(
    ("total", "lines", "costed", "cost", "of_category"),
    [
        (1101, [["a", "x", 1, 600, 0], ["b", "x", 2, 400]], 600, 0, [3, 1000, None]),
        (1101, [["b", "x", 2, 400], ["a", "x", 1, 600, 9]], 600, 9, [3, 1000, None]),
        (2000, [["a", "x", 1, 600, 9]], 600, 9, [1, 600, 9]),
        (103, [["a", "x", 1, 600, 9]], 2, 9, [1, 600, 9]),
        (100, [["a", "x", 1, 600, 9]], 0, 9, [1, 600, 9]),
        (1000, [["a", "x", 1, 0, 9]], 0, 9, [1, 0, 9]),
        (102, [["a", "x", 1, 1, 9]], 1, 9, [1, 1, 9]),
    ],
)
def test_goods_of_known_cost_count_with_what_was_paid_for_them(
    total: int, lines: list[list[Any]], costed: int, cost: int, of_category: list[Any]
) -> None:
    found = year(("PURCHASE", {**SOLD, "T": total, "L": lines}))
    numbers = {"member_purchases": 1, "member_sales": total, "member_costed": costed, "member_cost": cost}
    assert found.days == {TENTH: counted(**numbers)}
    assert orders(found.orders)[TENTH][0][5] == {"x": of_category}


BACK = {"t": NOON, "a": 300, "gk": 200, "gc": 80, "p": -9, "h": 4, "W": [["v1", 5], ["v2", 7]], "g": "g1"}


def test_a_refund_counts_on_its_own_day_for_who_bought() -> None:
    found = year(("REFUND", {**BACK, "m": "m1", "tc": ["two", "one"]}), ("REFUND", BACK), ("REFUND", BACK))
    row = counted(
        member_refunds=1,
        member_refunded=300,
        member_costed=-200,
        member_cost=-80,
        guest_refunds=2,
        guest_refunded=600,
        guest_costed=-400,
        guest_cost=-160,
        taken_back=27,
        pending=-12,
        cards_returned=36,
    )
    guest = [TENTH, 0, 0, 300, -200, -80, 0]
    buyers = {"m1": guest, "g1": [*guest, *guest]}
    assert found == facts({TENTH: row}, buyers=buyers, moves={"two>one": {TENTH: 1}})


def test_a_strangers_refund_is_nobodys_history() -> None:
    stranger = {"t": NOON, "a": 300, "p": -2, "st": "pending"}
    row = counted(guest_refunds=1, guest_refunded=300, pending=-2)
    assert year(("REFUND", stranger)) == facts({TENTH: row})


MOVED = {"t": NOON, "c": ["gift", "x"], "m": "m1"}


@pytest.mark.parametrize(
    ("document", "counters", "lots"),
    [
        ({"k": "earn", "p": 5, "ex": TENTH + 9}, {"earned": 5}, {TENTH + 9: [5, 0]}),
        ({"k": "bonus", "p": 1, "ex": TENTH + 9}, {"bonus": 1}, {TENTH + 9: [1, 0]}),
        ({"k": "bonus", "p": 5}, {"bonus": 5}, {}),
        ({"k": "bonus", "p": 5, "st": "pending", "ex": TENTH}, {"pending": 5}, {TENTH: [5, 0]}),
        ({"k": "adjust", "p": 5, "ex": TENTH}, {"adjusted_up": 5}, {TENTH: [5, 0]}),
        ({"k": "adjust", "p": 1}, {"adjusted_up": 1}, {}),
        ({"k": "adjust", "p": -1, "ex": TENTH, "h": 2}, {"adjusted_down": 1, "pending": -2}, {}),
        ({"k": "release", "p": 5, "h": 1, "ex": TENTH}, {"released": 5, "pending": -6}, {}),
        ({"k": "redeem", "p": -5}, {"redeemed": 5}, {}),
        ({"k": "refund", "p": -5}, {"taken_back": 5}, {}),
        ({"k": "reverse", "p": 5, "ex": TENTH}, {"given_back": 5}, {}),
        ({"k": "transfer", "p": -5}, {"transferred": -5}, {}),
        ({"k": "expire", "p": -5}, {"expired": 5}, {TENTH - 1: [0, 5]}),
        ({"k": "expire", "p": -1}, {"expired": 1}, {TENTH - 1: [0, 1]}),
        ({"k": "expire", "p": 0}, {}, {}),
        ({"k": "bonus", "p": 0, "ex": TENTH}, {}, {}),
    ],
)
def test_each_kind_of_entry_moves_its_own_sum_and_the_lot_of_its_last_day(
    document: dict[str, Any], counters: dict[str, int], lots: dict[int, list[int]]
) -> None:
    once = facts({TENTH: counted(**counters)}, lots=lots)
    assert year(("ENTRY", {**MOVED, **document})) == once
    twice = year(("ENTRY", {**MOVED, **document}), ("ENTRY", {**MOVED, **document, "tc": ["one", "two"]}))
    doubled = {name: 2 * number for name, number in counters.items()}
    lots = {on: [2 * number for number in row] for on, row in lots.items()}
    assert twice == facts({TENTH: counted(**doubled)}, lots=lots, moves={"one>two": {TENTH: 1}})


def test_a_check_in_makes_a_member_active() -> None:
    check = {**MOVED, "k": "bonus", "p": 2, "c": ["check_in", "m1/2026"]}
    buyers = {"m1": [TENTH, 0, 0, 0, 0, 0, 1]}
    assert year(("ENTRY", check)) == facts({TENTH: counted(bonus=2, check_ins=1)}, buyers=buyers)
    assert year(("ENTRY", check), ("ENTRY", check)).days == {TENTH: counted(bonus=4, check_ins=2)}
    nobody = {**check, "m": None, "tc": ["one", None]}
    assert year(("ENTRY", nobody)) == facts({TENTH: counted(bonus=2)}, moves={"one>": {TENTH: 1}})


def test_a_referral_is_paid_to_both_sides_under_the_friends_name() -> None:
    paid = {**MOVED, "k": "bonus", "p": 50, "c": ["referral", "f/1/friend"]}
    other = {**paid, "p": 70, "t": NOON + 86_400_000, "c": ["referral", "f/1/advocate"]}
    assert year(("ENTRY", paid), ("ENTRY", other)) == facts(
        {TENTH: counted(bonus=50, referral_points=50), TENTH + 1: counted(bonus=70, referral_points=70)},
        paid={"f/1": {"friend": (TENTH, 50), "advocate": (TENTH + 1, 70)}},
    )
    twice = year(("ENTRY", paid), ("ENTRY", paid))
    assert twice.days == {TENTH: counted(bonus=100, referral_points=100)}


def test_a_member_joined_on_the_day_of_joining_whenever_it_was_booked() -> None:
    welcome = {**MOVED, "k": "bonus", "p": 10, "c": ["welcome", "m1"], "A": "m9", "ti": "one"}
    made = folded(("ENTRY", {**welcome, "E": ms("2025-12-31T22:59")}), ("ENTRY", {**welcome, "m": "m2"}))
    alone = {**welcome, "m": "m3", "A": None, "ti": None}
    made.add("ENTRY", json.dumps(alone))
    old = day("2025-12-31")
    assert made.facts == {
        2026: facts(
            {TENTH: counted(bonus=30, joined=2, joined_by_referral=1)},
            joins={"m2": Joining(TENTH, "m9", "one"), "m3": Joining(TENTH, None, None)},
            moves={">one": {TENTH: 1}},
        ),
        2025: facts(
            {old: counted(joined=1, joined_by_referral=1)},
            joins={"m1": Joining(old, "m9", "one")},
            moves={">one": {old: 1}},
        ),
    }
    assert (made.joined, made.changed) == (["m1", "m2", "m3"], [])
    made.add("ENTRY", json.dumps({**welcome, "m": "m4"}))
    assert made.facts[2026].days == {TENTH: counted(bonus=40, joined=3, joined_by_referral=2)}
    made.alias("g1", "m1")
    assert [made.facts[number].aliases for number in (2025, 2026)] == [{"g1": "m1"}, {}]


def test_both_ends_of_a_merge_are_found_anew() -> None:
    ended = {**MOVED, "k": "transfer", "p": -5, "c": ["merge", "x"]}
    into = {**ended, "p": 5, "m": "m2", "c": ["merged", "x"]}
    made = folded(("ENTRY", ended), ("ENTRY", into))
    assert made.facts[2026] == facts({TENTH: counted()}, merges={"x": {"merge": "m1", "merged": "m2"}})
    assert (made.changed, made.joined) == (["m1", "m2"], [])


ISSUED = {"k": "redeem", "t": NOON, "K": "free_product", "p": -50, "m": "m1", "R": "r", "A": 9, "C": 4}


def test_a_reward_bought_is_taken_by_its_member_and_makes_them_active() -> None:
    prize = {**ISSUED, "k": "bonus", "p": 0}
    found = year(("VOUCHER", ISSUED), ("VOUCHER", ISSUED), ("VOUCHER", prize))
    assert found == facts(
        {TENTH: counted(redeemed=100)},
        rewards={"r": {TENTH: [3, 100, 12, 0, 0, 0, 0, 0]}},
        takes={"r": {"m1": {TENTH: 3}}, ANY: {"m1": {TENTH: 2}}},
        buyers={"m1": [TENTH, 0, 0, 0, 0, 0, 1] * 2},
    )


def test_a_gift_card_is_money_owed_and_nobodys_reward() -> None:
    card = {"k": "bonus", "t": NOON, "K": "gift_card", "A": 2500, "m": "m1"}
    nobodys = {**ISSUED, "m": None, "p": -1}
    spent = ("SPEND", {"t": NOON, "a": 600})
    ended = ("SETTLED", {"t": NOON, "O": "expired", "a": 80})
    found = year(("VOUCHER", card), ("VOUCHER", card), ("VOUCHER", nobodys), spent, spent, ended, ended)
    row = counted(cards_issued=5000, redeemed=1, cards_spent=1200, cards_ended=160)
    assert found == facts({TENTH: row})


def test_the_end_of_a_voucher_is_counted_by_how_it_ended() -> None:
    ended = {"t": NOON, "R": "r", "C": 4, "O": "used", "I": ms("2026-06-06T22:00")}
    also = {**ended, "I": ms("2026-06-06T21:59")}
    rows = [ended, also, {**ended, "I": 0}, {**ended, "O": "cancelled", "p": 1}, {**ended, "O": "expired"}]
    rows += [{**ended, "O": "cancelled", "p": 50}, {**ended, "O": "expired"}, {**ended, "O": "expired"}]
    found = year(*(("SETTLED", one) for one in rows))
    assert found == facts({TENTH: counted(given_back=51)}, rewards={"r": {TENTH: [0, 0, 0, 3, 12, 2, 3, 7]}})


def test_of_events_only_another_tier_and_an_erasure_are_counted() -> None:
    tier = {"t": NOON, "w": "tier", "c": ["tier", "x"], "m": "m1", "tc": ["two", "one"]}
    others = [{**tier, "tc": ["one", "one"]}, {**tier, "w": "notice", "tc": ["a", "b"]}, {**tier, "tc": None}]
    erased = {**tier, "w": "erased", "c": [ERASURE, "x"], "m": "m7", "tc": None}
    made = folded(*(("EVENT", one) for one in [tier, *others, erased]))
    assert made.facts == {2026: facts({TENTH: counted()}, moves={"two>one": {TENTH: 1}})}
    assert made.changed == ["m7"]


def test_other_rows_count_nowhere() -> None:
    made = folded(("MESSAGE", {"t": NOON}))
    assert (made.facts, made.rows, made.joined, made.changed) == ({}, 0, [], [])


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        ("2026-06-10T21:59:59.999", "2026-06-10"),
        ("2026-06-10T22:00", "2026-06-11"),
        ("2026-06-10T00:00", "2026-06-10"),
        ("2026-01-10T22:59:59.999", "2026-01-10"),
        ("2026-01-10T23:00", "2026-01-11"),
        ("2026-03-29T21:59", "2026-03-29"),
        ("2026-03-29T22:00", "2026-03-30"),
        ("2026-10-24T22:00", "2026-10-25"),
        ("2026-10-25T22:59", "2026-10-25"),
        ("2026-10-25T23:00", "2026-10-26"),
    ],
)
def test_a_row_counts_on_the_shops_day(moment: str, on: str) -> None:
    spend = ("SPEND", {"t": ms(moment), "a": 1})
    assert list(year(spend).days) == [day(on)]
    joining = {**MOVED, "t": NOON, "E": ms(moment), "k": "bonus", "c": ["welcome", "m1"]}
    assert year(("ENTRY", joining)).joins == {"m1": Joining(day(on))}


def test_the_zone_is_asked_once_a_day_and_for_each_row_only_where_the_clock_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def told(word: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*given: Any) -> Any:
            asked.append(word)
            return answer(*given)

        return asking

    monkeypatch.setattr(metric, "zone", told("day", zone))
    monkeypatch.setattr(metric, "local_day", told("row", local_day))
    joining = {**MOVED, "k": "bonus", "c": ["welcome", "m1"]}
    folded(
        *[("SPEND", {"t": NOON + at, "a": 1}) for at in range(3)],
        *[("ENTRY", {**joining, "E": NOON + at}) for at in range(3)],
        *[("ENTRY", {**joining, "E": ms("2026-03-29T12:00") + at}) for at in range(2)],
    )
    assert asked == ["day", "day", "day", "day", "row", "row"]
