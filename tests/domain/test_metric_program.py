"""Reports on what the program gives, of shops small enough to count by hand: every figure and every row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.metric_facts import ANY, Facts, Joining
from chalicelib.domain.metric_histories import Histories
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_program import points, referrals, rewards, tiers
from chalicelib.domain.metric_report import Book, Rate, Told
from chalicelib.domain.metric_sums import Sums
from tests.domain.buyers import Rows, counted, years
from tests.domain.june import day
from tests.domain.sales import shop

FIRST, LAST = day("2026-01-30"), day("2026-02-02")
NOTHING = Rate(None, 0, 0)
NO_COHORT = "No cohort has ended yet: every point is expected to be redeemed."
IDLE = "Points here have no date of their own: breakage is what expired of all that expired or was used."


def book(
    joins: dict[str, Joining] | None = None,
    takes: dict[str, dict[str, dict[int, int]]] | None = None,
    paid: dict[str, dict[str, tuple[int, int]]] | None = None,
    aliases: dict[str, str] | None = None,
    buyers: Mapping[str, Rows] | None = None,
    program: dict[str, Any] | None = None,
    **facts: Any,
) -> Book:
    people = People(joins or {}, aliases or {}, {}, takes or {}, paid or {})
    return Book(
        program=shop(**(program or {})),
        sums=Sums.of(Facts(**facts)),
        people=people,
        histories=Histories(years(buyers or {}), people.who),
        baskets=[],
    )


OLD = FIRST - 30
BEFORE = {"earned": 1000, "bonus": 100, "released": 10, "adjusted_up": 5, "adjusted_down": 3, "redeemed": 50}
BEFORE |= {"taken_back": 20, "given_back": 7, "expired": 30, "transferred": 2, "pending": 40}
BEFORE |= {"cards_issued": 5000, "cards_spent": 1000, "cards_returned": 100, "cards_ended": 50}
JANUARY = {"earned": 200, "bonus": 30, "released": 4, "adjusted_up": 6, "adjusted_down": 8, "redeemed": 90}
JANUARY |= {"taken_back": 11, "given_back": 13, "expired": 17, "transferred": 1, "pending": -5}
JANUARY |= {"cards_issued": 700, "cards_spent": 60, "cards_returned": 9, "cards_ended": 3}
FEBRUARY = {"earned": 100, "bonus": 1, "redeemed": 45, "given_back": 2, "cards_spent": 20}
AFTER = dict.fromkeys(BEFORE, 9999)
DAYS = {OLD: counted(**BEFORE), FIRST: counted(**JANUARY), LAST: counted(**FEBRUARY), LAST + 1: counted(**AFTER)}


def test_points_are_what_was_given_and_taken_and_what_is_left_of_them_may_cost() -> None:
    joins = {name: Joining(OLD) for name in ("m1", "m2", "m3")} | {"m4": Joining(LAST), "m5": Joining(LAST + 1)}
    takers = {"m1": {OLD: 1}, "m2": {LAST: 1}, "m3": {LAST + 1: 1}, "m5": {LAST: 1}}
    known = book(
        joins=joins,
        takes={ANY: takers, "r": {"m4": {OLD: 1}}},
        days=DAYS,
        lots={LAST - 1: [400, 100], LAST: [50, 50], LAST + 9: [70, 0], OLD: [100, 25]},
        rewards={
            "r": {OLD: [1, 100, 50, 0, 0, 0, 0, 0], LAST: [1, 200, 70, 0, 0, 0, 0, 0]},
            "card": {OLD: [9, 0, 999, 0, 0, 0, 0, 0]},
            "later": {LAST + 1: [9, 9, 999, 0, 0, 0, 0, 0]},
        },
    )
    known.sums.lots[LAST + 5] = [0, 0]
    told = points(known, FIRST, LAST)
    assert told.figures == {
        "issued": 341,
        "for_purchases": 304,
        "bonuses": 31,
        "adjusted": -2,
        "redeemed": 135,
        "given_back": 15,
        "taken_back": 11,
        "expired": 17,
        "change": 186,
        "redemption_rate": Rate(120 / 341, 120, 341),
        "members_who_redeemed": Rate(0.5, 2, 4),
        "outstanding": 1207,
        "pending": 35,
        "breakage": Rate(0.25, 125, 500),
        "expected_redemption": Rate(0.75, 375, 500),
        "cost_per_point": Rate(0.4, 120, 300),
        "liability": 363,  # 1,207 x 0.4 x 0.75 = 362.1
        "gift_cards_issued": 700,
        "gift_cards_spent": 71,
        "gift_card_liability": 4676,
        "cohorts": [
            {"usable_until": "2025-12-31", "issued": 100, "expired": 25, "breakage": Rate(0.25, 25, 100)},
            {"usable_until": "2026-02-01", "issued": 400, "expired": 100, "breakage": Rate(0.25, 100, 400)},
            {"usable_until": "2026-02-02", "issued": 50, "expired": 50, "breakage": None},
            {"usable_until": "2026-02-11", "issued": 70, "expired": 0, "breakage": None},
        ],
    }
    january = {"issued": 240, "for_purchases": 204, "bonuses": 30, "adjusted": -2, "redeemed": 90, "given_back": 13}
    february = {"issued": 101, "for_purchases": 100, "bonuses": 1, "adjusted": 0, "redeemed": 45, "given_back": 2}
    assert told.rows == [
        {"month": "2026-01", **january, "taken_back": 11, "expired": 17, "change": 128},
        {"month": "2026-02", **february, "taken_back": 0, "expired": 0, "change": 58},
    ]
    assert told.notes == []


def test_points_of_a_shop_where_nothing_happened_are_nothing_and_said_to_be_unknown() -> None:
    told = points(book(), LAST, LAST)
    none = dict.fromkeys(
        ("issued", "for_purchases", "bonuses", "adjusted", "redeemed", "given_back", "taken_back", "expired", "change"),
        0,
    )
    assert told.figures == {
        **none,
        "redemption_rate": NOTHING,
        "members_who_redeemed": NOTHING,
        "outstanding": 0,
        "pending": 0,
        "breakage": NOTHING,
        "expected_redemption": Rate(1.0, 1, 1),
        "cost_per_point": Rate(2 / 9, 2, 9),
        "liability": 0,
        "gift_cards_issued": 0,
        "gift_cards_spent": 0,
        "gift_card_liability": 0,
        "cohorts": [],
    }
    assert told.rows == [{"month": "2026-02", **none}]
    assert told.notes == [NO_COHORT]


def liable(known: Book) -> tuple[Any, ...]:
    found = points(known, LAST, LAST).figures
    return found["outstanding"], found["cost_per_point"], found["liability"]


def test_before_a_reward_was_taken_the_catalogue_says_what_a_point_costs() -> None:
    ten = {LAST: counted(earned=10)}
    untaken = {"card": {LAST: [1, 0, 50, 0, 0, 0, 0, 0]}}
    assert liable(book(days=ten)) == (10, Rate(2 / 9, 2, 9), 3)
    assert liable(book(days=ten, rewards=untaken)) == (10, Rate(2 / 9, 2, 9), 3)
    assert liable(book(days=ten, rewards={"r": {LAST: [1, 1, 3, 0, 0, 0, 0, 0]}})) == (10, Rate(3.0, 3, 1), 30)
    assert liable(book(days=ten, program={"rewards": [], "stamp_cards": []})) == (10, Rate(0.0, 0, 1), 0)


def test_nothing_is_owed_where_more_was_taken_than_given() -> None:
    assert liable(book(days={LAST: counted(redeemed=5)})) == (-5, Rate(2 / 9, 2, 9), 0)


def test_breakage_of_points_that_lapse_by_silence_is_of_all_that_expired_or_was_used() -> None:
    silent: dict[str, Any] = {"program": {"expiry": {"policy": "inactivity", "months": 6}}}
    told = points(book(days=DAYS, lots={OLD: [100, 25]}, **silent), FIRST, LAST)
    # Ever: 47 expired, 185 redeemed, 22 of them given back.
    assert told.figures["breakage"] == Rate(47 / 210, 47, 210)
    assert told.figures["expected_redemption"] == Rate(163 / 210, 163, 210)
    assert told.notes == [IDLE]
    assert points(book(**silent), FIRST, LAST).notes == [NO_COHORT, IDLE]


def test_rewards_are_told_each_with_how_it_ended_those_of_the_catalogue_first() -> None:
    second = {"id": "k", "name": "K", "kind": "free_product", "value": 5, "cost": 2, "points": 9, "valid_days": 30}
    outside = [100] * 8
    known = book(
        program={"rewards": [*({**second, "id": one, "name": one.upper()} for one in ("r", "k"))]},
        rewards={
            "z": {LAST: [2, 0, 6, 0, 0, 0, 1, 0]},
            "b": {OLD: outside},
            "r": {
                FIRST - 1: outside,
                FIRST: [4, 36, 8, 2, 4, 1, 1, 10],
                LAST: [1, 9, 2, 1, 2, 0, 0, 5],
                LAST + 1: outside,
            },
        },
        joins={"m1": Joining(OLD), "m2": Joining(LAST), "m3": Joining(LAST + 1)},
        takes={
            "r": {"m1": {FIRST: 4}, "m2": {FIRST - 1: 1, LAST + 1: 1}, "m3": {LAST: 1}},
            "z": {"m1": {LAST: 1}, "m2": {FIRST: 1}},
        },
    )
    told = rewards(known, FIRST, LAST)
    names = ("issued", "points", "cost_issued", "used", "cost_used", "cancelled", "expired")
    unused = {**dict.fromkeys(names, 0), "used_rate": NOTHING, "days_to_use": NOTHING, "members": Rate(0.0, 0, 2)}
    zed = {**unused, "issued": 2, "cost_issued": 6, "expired": 1, "used_rate": Rate(0.0, 0, 2)}
    assert told.rows == [
        {
            "reward_id": "r",
            "name": "R",
            **dict(zip(names, (5, 45, 10, 3, 6, 1, 1), strict=True)),
            "used_rate": Rate(0.6, 3, 5),
            "days_to_use": Rate(5.0, 15, 3),
            "members": Rate(0.5, 1, 2),
        },
        {"reward_id": "k", "name": "K", **unused},
        {"reward_id": "b", "name": None, **unused},
        {"reward_id": "z", "name": None, **zed, "members": Rate(1.0, 2, 2)},
    ]
    columns = ["reward_id", "name", *names, "used_rate", "days_to_use", "members"]
    assert [list(row) for row in told.rows] == [columns] * 4
    assert told.figures == dict(zip(names, (7, 45, 16, 3, 6, 1, 2), strict=True))
    assert told.notes == []


def test_tiers_are_told_with_who_came_who_left_and_what_was_bought_in_them() -> None:
    known = book(
        joins={"m1": Joining(OLD), "m2": Joining(LAST), "m3": Joining(LAST + 1)},
        moves={
            ">one": {OLD: 5, FIRST: 2, LAST + 1: 50},
            "one>two": {OLD: 1, FIRST: 1, LAST: 1, LAST + 1: 9},
            "two>": {LAST: 1},
            ">gold": {OLD: 2},
            "gold>two": {LAST: 1},
        },
        tiers={
            "one": {FIRST - 1: [9, 999], FIRST: [2, 200], LAST: [1, 100], LAST + 1: [9, 999]},
            "gold": {FIRST: [1, 100]},
            "ash": {OLD: [1, 100]},
        },
    )
    told = tiers(known, FIRST, LAST)
    idle = {"purchases": 0, "sales": 0, "share_of_sales": Rate(0.0, 0, 400)}
    one = {"members": 4, "came": 2, "left": 2, "purchases": 3, "sales": 300, "share_of_sales": Rate(0.75, 300, 400)}
    gold = {"members": 1, "came": 0, "left": 1, "purchases": 1, "sales": 100, "share_of_sales": Rate(0.25, 100, 400)}
    assert told.rows == [
        {"tier": "one", "name": "One", **one},
        {"tier": "two", "name": "Two", "members": 3, "came": 3, "left": 1, **idle},
        {"tier": "ash", "name": None, "members": 0, "came": 0, "left": 0, **idle},
        {"tier": "gold", "name": None, **gold},
    ]
    assert told.figures == {
        "members": 2,
        "sales": 400,
        "moves": [
            {"from": None, "to": "one", "members": 2},
            {"from": "gold", "to": "two", "members": 1},
            {"from": "one", "to": "two", "members": 2},
            {"from": "two", "to": None, "members": 1},
        ],
    }


def test_members_of_a_tier_are_those_who_came_less_those_who_left_in_whatever_order() -> None:
    moves = {">one": {OLD: 9}, "gold>one": {OLD: 1}, "one>gold": {OLD: 3}}
    told = tiers(book(moves=moves), FIRST, LAST)
    assert {row["tier"]: row["members"] for row in told.rows} == {"one": 7, "two": 0, "gold": 2}


def test_where_there_are_no_tiers_there_is_none_to_tell() -> None:
    told = tiers(book(program={"tiers": None}), FIRST, LAST)
    assert told == Told(figures={"members": 0, "sales": 0, "moves": []}, rows=[])


BEGUN, ENDED = day("2026-01-10"), day("2026-01-20")


def test_referrals_are_told_by_who_came_what_they_bought_and_who_brought_them() -> None:
    joins = {
        "m0": Joining(BEGUN - 1, "a1"),
        "m1": Joining(BEGUN, "a1"),
        "m2": Joining(ENDED, "a2"),
        "m3": Joining(ENDED - 5, "a1"),
        "m4": Joining(ENDED - 1),
        "m5": Joining(ENDED - 5, "old"),
        "m6": Joining(ENDED),
        "m7": Joining(ENDED + 1, "a2"),
    }
    buyers: Mapping[str, Rows] = {
        "m0": [("2026-01-12", 9, 900)],
        "m1": [("2026-01-09", 5, 5000), ("2026-01-10", 2, 200, 50), ("2026-01-20", 1, 100), ("2026-01-21", 7, 7000)],
        "m3": [("2026-01-14", 1, 10)],
        "m4": [("2026-01-20", 2, 80)],
        "m5": [("2026-01-15", 1, 40)],
    }
    paid = {
        "m1": {"friend": (BEGUN, 50), "advocate": (ENDED, 70)},
        "m2": {"friend": (BEGUN - 1, 10), "advocate": (ENDED + 1, 20)},
        "m3": {"friend": (ENDED + 1, 5), "advocate": (ENDED, 6)},
        "m4": {"friend": (BEGUN, 1)},
    }
    told = referrals(book(joins=joins, buyers=buyers, paid=paid, aliases={"old": "a1"}), BEGUN, ENDED)
    referred = {"bought": Rate(0.5, 2, 4), "purchases": 4, "sales": 290, "member_days": 11 + 1 + 6 + 6}
    others = {"bought": Rate(0.5, 1, 2), "purchases": 2, "sales": 80, "member_days": 2 + 1}
    by_days = ("purchases_per_30_days", "sales_per_30_days")
    assert told.rows == [
        {"group": "referred", "joined": 4, **referred}
        | dict(zip(by_days, (Rate(5.0, 120, 24), Rate(362.5, 8700, 24)), strict=True)),
        {"group": "others", "joined": 2, **others}
        | dict(zip(by_days, (Rate(20.0, 60, 3), Rate(800.0, 2400, 3)), strict=True)),
    ]
    assert told.figures == {
        "joined_by_referral": 4,
        "of_them_bought": 2,
        "referrals_paid": 3,
        "points_paid": 127,
        "advocates": 2,
        "best_advocates": [
            {"member_id": "a1", "joined": 3, "bought": 2, "sales": 290},
            {"member_id": "a2", "joined": 1, "bought": 0, "sales": 0},
        ],
    }
    assert told.notes == []


def test_where_nobody_joined_a_referral_brings_no_rate() -> None:
    told = referrals(book(), BEGUN, ENDED)
    none = {"joined": 0, "bought": NOTHING, "purchases": 0, "sales": 0, "member_days": 0}
    none |= {"purchases_per_30_days": NOTHING, "sales_per_30_days": NOTHING}
    assert told.rows == [{"group": "referred", **none}, {"group": "others", **none}]
    counts = ("joined_by_referral", "of_them_bought", "referrals_paid", "points_paid", "advocates")
    assert told.figures == {**dict.fromkeys(counts, 0), "best_advocates": []}


def test_the_twenty_best_advocates_are_named_those_of_most_friends_first_and_of_equals_by_name() -> None:
    friends = {f"m{number}": Joining(BEGUN, f"a{number:02}") for number in reversed(range(22))}
    told = referrals(book(joins={**friends, "twin": Joining(BEGUN, "a15")}), BEGUN, BEGUN)
    named = [f"a{number:02}" for number in range(20) if number != 15]
    assert [one["member_id"] for one in told.figures["best_advocates"]] == ["a15", *named]
    assert told.figures["advocates"] == 22
