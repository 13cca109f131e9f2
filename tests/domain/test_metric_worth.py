"""Whether it pays, on a shop whose every figure fits on paper: before and after, the verdict, who stays."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

import pytest

from chalicelib.domain.metric_report import Book, Rate
from chalicelib.domain.metric_worth import before_after, worth_it
from tests.domain.bought import D, Days, book

FIRST, LAST = D, D + 11
"""With windows of ten days, who joined on D or D + 1 has them behind; who joined later has not."""
T = 2.0930240544
"""Student's t, 95 %, two sides, 19 degrees of freedom."""


def member(joining: int, purchases: int, sales: int) -> Days:
    """Before: 2 purchases and 300 net. After: one more purchase and 300 - 100 more than what is given."""
    return {
        D - 11: (1, 500),  # before the windows begin
        joining - 10: (1, 200),
        joining - 5: (0, 0, 50),
        joining - 1: (1, 150),
        joining: (5, 9000),  # on neither side
        joining + 1: (purchases, sales, 100),
        joining + 10: (1, 300),
        joining + 11: (7, 7000),  # beyond
    }


OTHER: Days = {
    D - 11: (1, 100),
    D - 10: (2, 100),  # before, for those who joined on D: half
    D - 5: (3, 150, 50),
    D: (2, 100),  # before, for those who joined on D + 1: half
    D + 1: (2, 60),  # after, for those who joined on D: half
    D + 11: (2, 140),  # after, for those who joined on D + 1: half
    D + 12: (9, 900),
}
"""Before: 1 + 3 + 1 purchases, 50 + 100 + 50 of sales. After: 1 + 1 purchases, 30 + 70 of sales."""
OLD_HAND: Days = {D - 20: (3, 900), D - 5: (8, 4000), D + 5: (9, 5000)}
COUNTERS = {
    FIRST - 1: {"member_sales": 7, "guest_refunded": 7, "member_cost": 7, "guest_costed": 7},
    FIRST: {"member_sales": 1000, "member_refunded": 300, "guest_refunded": 500, "anonymous_sales": 99},
    LAST: {
        "member_sales": 2000,
        "guest_sales": 4000,
        "member_costed": 1500,
        "guest_costed": 500,
        "member_cost": 1000,
        "guest_cost": 500,
    },
    LAST + 1: {"member_sales": 7, "guest_refunded": 7, "member_cost": 7, "guest_costed": 7},
}
Counters = Mapping[int, Mapping[str, int]]
Rewards = Mapping[str, Mapping[int, int]]
REWARDS = {"tea": {FIRST: 60, LAST: 40, LAST + 1: 900}, "cake": {FIRST - 1: 900, FIRST: 50}}
Two = tuple[tuple[int, int], tuple[int, int]]


def of_ten_days(
    after: Two = ((1, 400), (3, 1400)), counters: Counters = COUNTERS, rewards: Rewards = REWARDS, **options: int
) -> Book:
    """Twenty members, half of whom did each ``after`` joining, twenty others, and people who cannot be compared."""
    buyers: dict[str, Days] = {
        "a-later": {D + 12: (1, 100)},  # buys after the window only
        "b-early": OLD_HAND,  # joined before the window
        "c-tardy": OLD_HAND,  # has not ten days behind
        "d-future": OLD_HAND,  # joins after the window, under another name
        "e-fresh": {D - 10: (4, 400), D + 5: (4, 400)},  # a member, but began to buy within the days before
        "f-novel": {D - 10: (4, 400), D + 5: (4, 400)},  # never joined, but began to buy as late
    }
    joined = {"b-early": D - 1, "c-tardy": D + 2, "alias": LAST + 1, "e-fresh": D}
    for number in range(20):
        joined[f"m{number:02}"] = D + number % 2
        buyers[f"m{number:02}"] = member(D + number % 2, *after[number // 2 % 2])
        buyers[f"o{number:02}"] = OTHER
    return book(
        buyers, joined, aliases={"alias": "d-future"}, days=counters, rewards=rewards, options={"days": 10, **options}
    )


def row(measure: str, group: str, before: float, after: float) -> dict[str, Any]:
    both = {"before": pytest.approx(before), "after": pytest.approx(after)}
    grown = {"change": pytest.approx(after - before), "growth": pytest.approx(after / before)}
    return {"measure": measure, "group": group, "people": 20, **both, **grown}


def estimate(value: float, reach: float, proof: str) -> dict[str, Any]:
    low, high = pytest.approx(value - reach), pytest.approx(value + reach)
    return {"value": pytest.approx(value), "low": low, "high": high, "confidence": 0.95, "proof": proof}


def test_members_are_compared_with_others_over_the_same_dates_per_thirty_days() -> None:
    told = before_after(of_ten_days(), FIRST, LAST)
    # Three times ten days. Members: 2 then 3 purchases, 300 then 1100. Others: 5 then 2, 200 then 100.
    assert told.rows == [
        row("purchases_per_30_days", "members", 6, 9),
        row("purchases_per_30_days", "others", 15, 6),
        row("sales_per_30_days", "members", 900, 3300),
        row("sales_per_30_days", "others", 600, 300),
    ]
    # 9 - 6 x 6/15 and 3300 - 900 / 2; members differ from their mean by 3 x 1 purchase, and by 3 x 500.
    assert told.figures == {
        "days": 10,
        "members_compared": 20,
        "others_compared": 20,
        "effect": {
            "purchases": estimate(6.6, T * 3 / sqrt(19), "more"),
            "sales": estimate(2850, T * 1500 / sqrt(19), "more"),
        },
    }
    assert told.notes == []


def test_without_days_ninety_are_looked_at_on_both_sides_and_too_few_are_told() -> None:
    buyers = {"ann": {D - 91: (1, 100), D + 1: (3, 300)}, "other": {D - 91: (2, 200)}}
    told = before_after(book(buyers, {"ann": D}), FIRST, D + 90)
    empty: dict[str, Any] = {"before": 0.0, "growth": None}
    assert told.rows == [
        {"measure": "purchases_per_30_days", "group": "members", "people": 1, **empty, "after": 1.0, "change": 1.0},
        {"measure": "purchases_per_30_days", "group": "others", "people": 1, **empty, "after": 0.0, "change": 0.0},
        {"measure": "sales_per_30_days", "group": "members", "people": 1, **empty, "after": 100.0, "change": 100.0},
        {"measure": "sales_per_30_days", "group": "others", "people": 1, **empty, "after": 0.0, "change": 0.0},
    ]
    none = {"purchases": None, "sales": None}
    assert told.figures == {"days": 90, "members_compared": 1, "others_compared": 1, "effect": none}
    assert told.notes == [
        "1 member and 1 customer who never joined can be compared so far, and 20 of each are needed. Everybody "
        "compared must have bought before, and members need 90 days on both sides of joining. Import purchases from "
        "before the program, or wait."
    ]


def test_a_shop_without_anybody_has_rows_without_figures() -> None:
    told = before_after(book({"guest": {D: (1, 100)}}), FIRST, LAST)
    nothing = {"people": 0, "before": None, "after": None, "change": None, "growth": None}
    assert told.rows == [
        {"measure": measure, "group": group, **nothing}
        for measure in ("purchases_per_30_days", "sales_per_30_days")
        for group in ("members", "others")
    ]


# Member days: 11 members of 12 days (b-early too: from the first day on), e-fresh 12, ten of 11, c-tardy 10.
MEMBER_DAYS = 10 * 12 + 12 + 12 + 10 * 11 + 10
UNITS = MEMBER_DAYS / 30
REACH = T * 1500 / sqrt(19)


def test_worth_it_sets_the_margin_of_the_effect_against_all_costs() -> None:
    told = worth_it(of_ten_days(running_cost=1000, message_cost=500), FIRST, LAST)
    margins = [one * UNITS / 4 for one in (2850, 2850 - REACH, 2850 + REACH)]
    names = ("margin", "margin_low", "margin_high")
    assert told.figures == {
        "sales": 6200,
        "member_sales": 2700,
        "margin_rate": Rate(0.25, 500, 2000),
        "margin": 1550,
        "cost_of_rewards": 150,
        "running_cost": 1000,
        "message_cost": 500,
        "costs": 1650,
        "effect_per_member_per_30_days": estimate(2850, REACH, "more"),
        "member_days": 264,
        "incremental": {
            "sales": pytest.approx(2850 * 8.8),
            **{name: pytest.approx(one) for name, one in zip(names, margins, strict=True)},
        },
        "return": {
            name: pytest.approx((one - 1650) / 1650)
            for name, one in zip(("value", "low", "high"), margins, strict=True)
        },
        "verdict": {
            "word": "keep",
            "proof": "more",
            "sentences": [
                "Members buy more since they joined: between 46.85 EUR and 78.55 EUR of margin (95 %), against "
                "16.50 EUR of costs.",
                "Keep it: even the lower end pays for it.",
            ],
        },
    }
    assert told.notes == []


@pytest.mark.parametrize(
    ("running", "word", "sentences"),
    [
        (
            7850,
            "change",
            [
                "Members buy more since they joined, but not enough: between 46.85 EUR and 78.55 EUR of margin (95 %), "
                "against 80.00 EUR of costs.",
                "Make rewards cheaper or harder to reach, or stop it: even the upper end does not pay for it.",
            ],
        ),
        (
            5850,
            "keep",
            [
                "Members buy more since they joined: between 46.85 EUR and 78.55 EUR of margin (95 %); whether that "
                "covers 60.00 EUR of costs is open.",
                "Keep it and measure on; a larger group narrows the interval.",
            ],
        ),
    ],
)
def test_what_more_is_worth_depends_on_what_it_costs(running: int, word: str, sentences: list[str]) -> None:
    told = worth_it(of_ten_days(running_cost=running), FIRST, LAST)
    assert told.figures["verdict"] == {"word": word, "proof": "more", "sentences": sentences}


def test_costs_that_equal_the_margin_to_the_cent_leave_it_open() -> None:
    # Everybody alike: 3 x (1000 - 150) x 8.8 / 4 = 5610, without any error.
    told = worth_it(of_ten_days(((1, 800), (1, 800)), running_cost=5460), FIRST, LAST)
    assert told.figures["incremental"]["margin_low"] == told.figures["incremental"]["margin_high"] == 5610.0
    assert told.figures["costs"] == 5610
    assert told.figures["return"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert told.figures["verdict"]["sentences"][1] == "Keep it and measure on; a larger group narrows the interval."


def test_goods_without_a_margin_bring_nothing_and_what_costs_nothing_has_no_return() -> None:
    counters = {FIRST: {"member_sales": 100, "member_costed": 100, "member_cost": 100}}
    free = worth_it(of_ten_days(counters=counters, rewards={}), FIRST, LAST)
    assert (free.figures["incremental"]["margin"], free.figures["costs"], free.figures["return"]) == (0.0, 0, None)
    assert free.figures["verdict"]["sentences"][0] == (
        "Members buy more since they joined: between 0.00 EUR and 0.00 EUR of margin (95 %); whether that covers "
        "0.00 EUR of costs is open."
    )
    cent = worth_it(of_ten_days(counters=counters, rewards={"tea": {FIRST: 1}}), FIRST, LAST)
    assert cent.figures["return"] == {"value": -1.0, "low": -1.0, "high": -1.0}


def test_an_interval_around_nothing_proves_nothing() -> None:
    told = worth_it(of_ten_days(((1, -1800), (1, 2200))), FIRST, LAST)
    # Sales after: 300 - 100 + what is given: -1600 and 2400. Their mean is 400, so the value is 3 x (400 - 150) = 750.
    low, high = (750 - 4 * REACH) * UNITS / 4, (750 + 4 * REACH) * UNITS / 4
    assert told.figures["incremental"]["margin_low"] == pytest.approx(low)
    assert told.figures["verdict"] == {
        "word": "change",
        "proof": "no proof",
        "sentences": [
            "No proof that members buy more because they joined: the program brought between "
            f"-{-low / 100:.2f} EUR and {high / 100:.2f} EUR of margin (95 %), and it cost 1.50 EUR.",
            "Change what it rewards, or try it with a group chosen at random beside one that waits, then measure.",
        ],
    }
    assert told.notes == ["running_cost was not given, so only rewards count as costs."]


def test_members_who_buy_less_than_others_end_it() -> None:
    # Sales after: 300 - 100 - 200 and -500 more: 0 and -1000; 3 x (-500 - 150) = -1950, give or take the same reach.
    told = worth_it(of_ten_days(((1, -200), (1, -1200))), FIRST, LAST)
    less, least = (1950 - REACH) * UNITS / 400, (1950 + REACH) * UNITS / 400
    assert told.figures["verdict"] == {
        "word": "stop",
        "proof": "less",
        "sentences": [
            "Members bought less after joining than others did over the same dates: "
            f"between {less:.2f} EUR and {least:.2f} EUR of margin lost.",
            "Stop it, or find out first what drove them away; it also cost 1.50 EUR.",
        ],
    }


def test_a_shop_without_members_is_told_what_is_missing_and_what_staying_would_bring() -> None:
    end = D + 30
    buyers: dict[str, Days] = {
        "gone": {D - 90: (1, 100)},  # ninety days before the eve: a customer at the start, and not at the end
        "long-gone": {D - 91: (1, 100)},
        "eve": {D - 1: (1, 100), D: (2, 5000, 500), end: (1, 700), end + 1: (1, 50_000)},
        "silent": {end - 89: (1, 300)},  # stays, though it buys nothing in the window
        "new": {D: (1, 900)},  # was no customer at the start
    }
    days = {D: {"member_sales": 1000, "guest_costed": 0}}
    told = worth_it(book(buyers, days=days), D, end)
    # At the start gone, eve and silent; eve and silent stay, and buy 5200 together: 2600 each.
    assert told.rows == [
        {
            "points_of_retention": more,
            "customers_at_start": 3,
            "more_customers": pytest.approx(0.03 * more),
            "sales_of_one_who_stays": 2600.0,
            "more_sales": pytest.approx(78.0 * more),
            "more_margin": pytest.approx(78.0 * more * 0.4),
        }
        for more in (1, 2, 3, 4, 5)
    ]
    assert told.figures == {
        "sales": 1000,
        "member_sales": 1000,
        "margin_rate": Rate(0.4, 40, 100),
        "margin": 400,
        "cost_of_rewards": 0,
        "running_cost": 0,
        "message_cost": 0,
        "costs": 0,
        "effect_per_member_per_30_days": None,
        "member_days": 0,
        "incremental": None,
        "return": None,
        "verdict": {
            "word": "keep",
            "proof": "no proof",
            "sentences": [
                "No proof either way: 0 members and 0 customers who never joined can be compared so far, and 20 of "
                "each are needed.",
                "Keep it going as it is, and look again when more members have been in it for a while.",
            ],
        },
    }
    assert told.notes == [
        "No line came with its cost: a margin of 40 % is assumed.",
        "running_cost was not given, so only rewards count as costs.",
    ]


def test_without_days_the_verdict_looks_at_ninety_on_both_sides_too() -> None:
    buyers = {"ann": {D - 91: (1, 100)}, "late": {D - 90: (1, 100)}, "other": {D - 91: (2, 200)}}
    told = worth_it(book(buyers, {"ann": D, "late": D + 1, "new": D + 90}), D, D + 90)
    # ann has ninety days behind and was a customer before them; late joined a day too late.
    assert told.figures["verdict"]["sentences"][0] == (
        "No proof either way: 1 member and 1 customer who never joined can be compared so far, and 20 of each are "
        "needed."
    )
    assert told.figures["member_days"] == 91 + 90 + 1


def test_where_nobody_stayed_nothing_says_what_one_who_stays_buys() -> None:
    told = worth_it(book({"gone": {D - 90: (1, 100)}}), D, D + 30)
    unknown = {"sales_of_one_who_stays": None, "more_sales": None, "more_margin": None}
    assert told.rows[0] == {"points_of_retention": 1, "customers_at_start": 1, "more_customers": 0.01, **unknown}


def test_one_cent_of_known_cost_is_a_margin_and_no_margin_is_nothing() -> None:
    told = worth_it(
        book(days={D: {"guest_sales": 500, "guest_costed": 1, "guest_cost": 1}}, options={"running_cost": 1}), D, LAST
    )
    assert (told.figures["margin_rate"], told.figures["margin"], told.notes) == (Rate(0.0, 0, 1), 0, [])


def test_others_who_bought_nothing_just_before_leave_nothing_to_compare_with_and_it_is_said() -> None:
    buyers = {f"{kind}{number}": {D - 30: (1, 100)} for kind in "mo" for number in range(20)}
    quiet = book(buyers, {f"m{number}": D for number in range(20)}, options={"days": 10})
    lack = "20 members and 20 customers who never joined can be compared so far, and those customers' purchases "
    lack += "before, less refunds, come to nothing to compare with."
    assert worth_it(quiet, FIRST, LAST).figures["verdict"]["sentences"][0] == f"No proof either way: {lack}"
    assert before_after(quiet, FIRST, LAST).notes[0].startswith(f"{lack} Everybody compared must have bought before")
