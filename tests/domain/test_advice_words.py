"""Advice word for word: each with a program that calls for it, and one just at its limit that does not."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.advice import Advice, sentences
from chalicelib.domain.program_rules import check
from tests.domain.test_advice import OFF, SOUND, advice, levels

FREE = {**OFF, "id": "free", "name": "Free", "points": 0}
ONCE = {**FREE, "per_member": 1}
TENTH = {**OFF, "id": "tenth", "name": "Tenth", "kind": "percent_off", "value": 10}
CARD = {"id": "c", "name": "C", "required": 8, "reward_id": "free"}
SAFE = {"excluded_categories": ["gift-card"]}
UNKNOWN = Advice(
    "average_purchase_unknown",
    "/rewards",
    "How far the first reward is away was not judged, because no average purchase is known: check again once the shop "
    "has purchases, or give the referral or a reward a minimum_purchase.",
    "note",
)


def far(detail: str) -> Advice:
    return Advice("first_reward_far", "/rewards/0/points", f"The first reward, Off, {detail}")


def late(figures: str, pointer: str = "/rewards/0/points") -> Advice:
    return Advice(
        "no_reward_in_a_month",
        pointer,
        f"Nobody reaches a reward with one month's purchases ({figures}): add a smaller reward, or give more welcome "
        "points.",
    )


def test_an_unknown_average_purchase_is_a_note_and_nothing_is_judged_without_it() -> None:
    assert advice(average=None) == [UNKNOWN]
    assert advice(average=None, rewards=[{**OFF, "minimum_purchase": 2_000}]) == []
    rewards = [OFF, ONCE]
    assert advice(average=None, rewards=rewards, stamp_cards=[{**CARD, "required": 10}]) == []
    assert advice(average=None, rewards=rewards, stamp_cards=[{**CARD, "required": 11}]) == [UNKNOWN]


def test_the_eleventh_purchase_is_too_far_and_the_sentence_says_which_points_are_near() -> None:
    assert advice(pace=30, rewards=[{**OFF, "points": 200}]) == []
    assert advice(pace=30, rewards=[{**OFF, "points": 201}]) == [
        far(
            "is 11 purchases away (at the average purchase of 20.00 EUR); people accept up to 10. Ask at most 200 "
            "points for it, or give more points."
        )
    ]


def test_a_reward_that_buying_never_reaches_asks_for_more_points() -> None:
    month = late("30 purchases a month, at the average purchase of 0.50 EUR")
    never = "cannot be reached by buying (at the average purchase of 0.50 EUR); people accept up to 10. "
    lapsing = Advice(
        "points_expire_first",
        "/expiry/months",
        "Points lapse before the first reward is reached: that takes any number of purchases (at the average purchase "
        "of 0.50 EUR), and points live for 360 (30 purchases a month). Let them live longer, or ask fewer points for "
        "the first reward.",
    )
    assert advice(average=50, pace=30) == [far(f"{never}Give more points."), month]
    rolling = {"policy": "rolling", "months": 12}
    assert advice(average=50, pace=30, enrolment={"welcome_points": 40}, expiry=rolling) == [
        far(f"{never}Ask at most 40 points for it, or give more points."),
        month,
        lapsing,
    ]


@pytest.mark.parametrize("average", [None, 2_000])
def test_a_stamp_card_alone_is_judged_without_an_average_purchase(average: int | None) -> None:
    card = {**CARD, "reward_id": "off"}
    parts: dict[str, Any] = {"rewards": [{**OFF, "minimum_tier": "l1"}], "tiers": levels(2)}
    assert advice(average, 10, stamp_cards=[{**card, "required": 10}], **parts) == []
    assert advice(average, stamp_cards=[{**card, "required": 11}], **parts) == [
        Advice("first_reward_far", "/stamp_cards", "The first reward needs 11 stamps: require at most 10."),
        late("an assumed 8 purchases a month", "/stamp_cards"),
    ]


def test_a_month_is_judged_by_the_shops_pace_or_by_an_assumed_one() -> None:
    assert advice(pace=5) == advice(rewards=[{**OFF, "points": 160}]) == []
    assert advice(pace=4) == [late("4 purchases a month, at the average purchase of 20.00 EUR")]
    assert advice(rewards=[{**OFF, "points": 161}]) == [
        late("an assumed 8 purchases a month, at the average purchase of 20.00 EUR")
    ]


def test_a_program_without_any_reward_is_told_to_add_one() -> None:
    assert (
        advice(rewards=[])
        == advice(average=None, rewards=[])
        == [
            Advice(
                "no_reward_in_a_month",
                "/rewards",
                "There is no reward that a new member can take: add one that a month's purchases reach.",
            )
        ]
    )


def test_a_program_whose_only_rewards_are_free_is_told_to_add_one_that_purchases_reach() -> None:
    told = Advice(
        "no_reward_in_a_month",
        "/rewards",
        "What a new member can take costs no points: add one that a month's purchases reach.",
    )
    assert advice(rewards=[ONCE]) == [told]
    assert [one.detail[:16] for one in advice(rewards=[{**ONCE, "stock": 0}])] == ["There is no rewa"]


@pytest.mark.parametrize(
    ("value", "earning", "facts", "fair"),
    [
        (90, {}, "0.90 EUR and takes 100.00 EUR", "from 9 to 45 points would make it 2 % to 10 %"),
        (98, {}, "0.98 EUR and takes 100.00 EUR", "from 10 to 49 points would make it 2 % to 10 %"),
        (3, {}, "0.03 EUR and takes 100.00 EUR", "1 point would make it 2 % to 10 %"),
        (
            1,
            {},
            "0.01 EUR and takes 100.00 EUR",
            "not even 1 point would make it 2 %, so give more points for a purchase",
        ),
        (2, {}, "0.02 EUR and takes 100.00 EUR", "1 point would make it 2 % to 10 %"),
        (30, {"points": 3}, "0.30 EUR and takes 33.34 EUR", "from 9 to 45 points would make it 2 % to 10 %"),
    ],
)
def test_a_reward_worth_little_is_told_with_its_figures(
    value: int, earning: dict[str, int], facts: str, fair: str
) -> None:
    told = Advice(
        "reward_worth_little",
        "/rewards/1/points",
        f"Off is worth {facts} of purchases: less than 1 %, which changes nobody's mind. Ask fewer points; {fair}.",
    )
    assert advice(earning={**SAFE, **earning}, rewards=[ONCE, {**OFF, "value": value}]) == [told]


def test_a_reward_worth_much_is_told_with_its_figures() -> None:
    assert advice(rewards=[{**OFF, "value": 5_010}]) == [
        Advice(
            "reward_worth_much",
            "/rewards/0/points",
            "Off is worth 50.10 EUR and takes 100.00 EUR of purchases: more than 50 %, which cheapens what is sold. "
            "Ask more points; from 501 to 2505 points would make it 2 % to 10 %.",
        )
    ]


def test_percent_off_is_told_with_the_average_purchase_that_it_was_judged_by() -> None:
    assert advice(rewards=[OFF, {**TENTH, "points": 200}]) == []
    assert advice(rewards=[OFF, {**TENTH, "points": 201}]) == [
        Advice(
            "reward_worth_little",
            "/rewards/1/points",
            "Tenth is worth 2.00 EUR and takes 201.00 EUR of purchases (at the average purchase of 20.00 EUR): less "
            "than 1 %, which changes nobody's mind. Ask fewer points; from 20 to 100 points would make it 2 % to 10 %.",
        )
    ]


@pytest.mark.parametrize("value", [50, 100])
def test_a_deep_discount_is_told_even_where_its_worth_is_unknown(value: int) -> None:
    told = Advice(
        "discount_deep",
        "/rewards/0/value",
        f"{value} % off cheapens what is sold: stay below 50 %, or give a product.",
    )
    assert advice(rewards=[{**TENTH, "value": value}]) == [told]
    assert advice(average=None, rewards=[{**TENTH, "value": value}]) == [UNKNOWN, told]
    assert advice(average=None, rewards=[{**TENTH, "value": 49}]) == [UNKNOWN]


def test_a_free_reward_is_told_and_that_its_stamp_card_stays() -> None:
    detail = "Any member can take Free any number of times for nothing: ask points for it, or set per_member."
    told = Advice("reward_costs_nothing", "/rewards/1/points", detail)
    stamped = Advice(told.code, told.pointer, f"{detail} Its stamp card goes on giving it without points.")
    assert advice(rewards=[OFF, FREE]) == [told]
    assert advice(rewards=[OFF, FREE], stamp_cards=[{**CARD, "reward_id": "off"}]) == [told]
    assert advice(rewards=[OFF, FREE], stamp_cards=[CARD]) == [stamped]
    assert advice(rewards=[OFF, ONCE], stamp_cards=[CARD]) == []


def test_a_free_reward_with_a_stock_or_a_tier_is_told_who_can_take_it_and_how_often() -> None:
    ask = "for nothing: ask points for it, or set per_member."
    for parts, detail in (
        ({"stock": 3}, f"Any member can take Free as often as its stock lasts {ask}"),
        ({"minimum_tier": "l1"}, f"A member of its tier can take Free any number of times {ask}"),
    ):
        told = Advice("reward_costs_nothing", "/rewards/1/points", detail)
        assert advice(rewards=[OFF, {**FREE, **parts}], tiers=levels(2)) == [told]
    assert advice(rewards=[OFF, {**FREE, "stock": 0}]) == []


def test_a_fifth_tier_and_a_ninth_sentence_are_told_with_their_counts() -> None:
    assert advice(tiers=levels(4)) == []
    assert advice(tiers=levels(5)) == [
        Advice("tiers_many", "/tiers/levels", "5 tiers are more than people remember: keep at most 4.")
    ]
    plans = [{"id": f"p{number}", "name": "P"} for number in range(8)]
    assert advice(plans=plans[:7]) == []
    assert advice(plans=plans) == [
        Advice(
            "rules_long",
            "",
            "The rules need 9 sentences; people and staff keep 8 in mind. Remove the ones that bring least: "
            "multipliers, stamp cards, plans, bonuses.",
        )
    ]


@pytest.mark.parametrize(
    ("needed", "parts"),
    [
        (1, {}),
        (0, {"earning": {"points": 0}}),
        (2, {"earning": {"check_in": {"points": 1}}}),
        (2, {"earning": {"birthday_points": 1}}),
        (2, {"earning": {"anniversary_points": 1}}),
        (2, {"earning": {"multipliers": [{"id": "m", "name": "M", "percent": 200}]}}),
        (1, {"earning": {"daily_cap": 5, "pending_days": 3}}),
        (2, {"enrolment": {"welcome_points": 1}}),
        (2, {"enrolment": {"mode": "invite"}}),
        (2, {"enrolment": {"pilot": {"max_members": 5}}}),
        (2, {"expiry": {"policy": "rolling", "months": 1}}),
        (3, {"tiers": levels(2)}),
        (2, {"tiers": {**levels(2), "window": "lifetime"}}),
        (2, {"tiers": {**levels(2), "downgrade": "never"}}),
        (2, {"referral": {}}),
        (2, {"plans": [{"id": "p", "name": "P"}]}),
        (2, {"stamp_cards": [{**CARD, "reward_id": "off"}]}),
    ],
)
def test_each_rule_is_one_sentence_and_how_long_a_tier_is_held_another(needed: int, parts: dict[str, Any]) -> None:
    assert sentences(check({**SOUND, **parts})) == needed


def lapsed(pointer: str, way: str, life: str) -> Advice:
    return Advice(
        "points_expire_first",
        pointer,
        f"Points lapse before the first reward is reached: that takes {way} purchases (at the average purchase of "
        f"20.00 EUR), and points live for {life}. Let them live longer, or ask fewer points for the first reward.",
    )


def test_points_that_live_as_long_as_the_way_to_the_first_reward_are_enough() -> None:
    month = late("5 purchases a month, at the average purchase of 20.00 EUR")
    next_one = [{**OFF, "points": 101}]
    rolling = {"policy": "rolling", "months": 1}
    assert advice(pace=5, expiry=rolling) == []
    assert advice(pace=5, rewards=next_one, expiry=rolling) == [
        month,
        lapsed("/expiry/months", "6", "5 (5 purchases a month)"),
    ]
    assert advice(pace=5, rewards=next_one, expiry={"policy": "inactivity", "months": 1}) == [month]


def test_one_purchase_is_said_as_one() -> None:
    waiting = {**SAFE, "pending_days": 30}
    told = advice(pace=1, rewards=[{**OFF, "points": 20}], earning=waiting, expiry={"policy": "rolling", "months": 1})
    assert told[-1].detail == (
        "Points lapse before the first reward is reached: that takes 1 purchase (at the average purchase of 20.00 "
        "EUR), and points live for 0 (1 purchase a month). Let them live longer, or ask fewer points for the first "
        "reward."
    )


def test_points_that_are_pending_until_they_lapse_live_for_no_purchase() -> None:
    near = [{**OFF, "points": 40}]
    rolling = {"policy": "rolling", "months": 1}
    assert advice(pace=60, rewards=near, earning={**SAFE, "pending_days": 29}, expiry=rolling) == []
    for pending in (30, 31):
        assert advice(pace=60, rewards=near, earning={**SAFE, "pending_days": pending}, expiry=rolling) == [
            lapsed("/expiry/months", "2", "0 (60 purchases a month)")
        ]


@pytest.mark.parametrize("years", [{}, {"after_years": 1}])
def test_points_of_january_live_until_the_date_of_the_year_they_lapse_in(years: dict[str, int]) -> None:
    expiry = {"policy": "calendar", "month": 6, "day": 30, **years}
    month = late("2 purchases a month, at the average purchase of 20.00 EUR")
    away = "purchases away (at the average purchase of 20.00 EUR); people accept up to 10. Ask at most 200 points"
    assert advice(pace=2, rewards=[{**OFF, "value": 900, "points": 720}], expiry=expiry) == [
        far(f"is 36 {away} for it, or give more points."),
        month,
    ]
    assert advice(pace=2, rewards=[{**OFF, "value": 900, "points": 721}], expiry=expiry) == [
        far(f"is 37 {away} for it, or give more points."),
        month,
        lapsed("/expiry/after_years", "37", "36 (2 purchases a month)"),
    ]


@pytest.mark.parametrize(("day", "life"), [(1, 32), (14, 32), (15, 33), (30, 34), (31, 34)])
def test_the_month_of_a_calendar_date_counts_by_its_days(day: int, life: int) -> None:
    """At two purchases a month: sixteen months until 1 May of the next year, another purchase by the 15th."""
    expiry = {"policy": "calendar", "month": 5, "day": day, "after_years": 1}
    reach = [{**OFF, "value": 900, "points": 20 * (life + 1)}]
    assert advice(pace=2, rewards=reach, expiry=expiry)[-1] == lapsed(
        "/expiry/after_years", str(life + 1), f"{life} (2 purchases a month)"
    )
    assert advice(pace=2, rewards=[{**reach[0], "points": 20 * life}], expiry=expiry)[-1].code != "points_expire_first"


@pytest.mark.parametrize(("month", "day"), [(6, 30), (12, 30), (1, 31)])
def test_a_date_before_the_years_end_lapses_what_is_earned_after_it(month: int, day: int) -> None:
    expiry = {"policy": "calendar", "month": month, "day": day, "after_years": 0}
    assert advice(expiry=expiry) == [
        Advice(
            "points_born_lapsed",
            "/expiry/after_years",
            "What is earned in a year after its expiry date has lapsed already: set after_years to at least 1, or the "
            "date to 31 December.",
        )
    ]


def paid(detail: str) -> Advice:
    return Advice("referral_pays_too_much", "/referral/minimum_purchase", f"A referral pays {detail}")


def test_a_referral_is_judged_by_the_shops_margin() -> None:
    referral = {"advocate_points": 200, "friend_points": 100, "minimum_purchase": 1_500}
    cost = "300 points, which cost about 6.00 EUR as rewards; its minimum purchase brings"
    assert advice(margin=40, referral=referral) == []
    assert advice(margin=39, referral=referral) == [
        paid(f"{cost} 5.85 EUR at a margin of 39 %. Pay fewer points, or ask a minimum purchase of 15.39 EUR.")
    ]
    assert advice(margin=0, referral=referral) == [paid(f"{cost} 0.00 EUR at a margin of 0 %. Pay fewer points.")]


def test_a_referral_without_a_minimum_purchase_is_told_what_it_pays() -> None:
    assert advice(referral={"advocate_points": 1, "friend_points": 2}) == [
        paid("3 points for a first purchase of any size: set a minimum_purchase whose margin covers them.")
    ]
    assert advice(referral={"advocate_points": 1}) == [
        paid("1 point for a first purchase of any size: set a minimum_purchase whose margin covers them.")
    ]
    assert advice(referral={"minimum_purchase": 1}) == []


def test_a_point_costs_what_the_middle_reward_with_a_cost_and_points_costs() -> None:
    referral = {"advocate_points": 200, "minimum_purchase": 1_500}
    dear = {**OFF, "id": "dear", "cost": 301}
    assert advice(rewards=[{**dear, "cost": 300}, ONCE, OFF], referral=referral) == []  # 200 at 3 cents: 6.00 of 6.00
    assert advice(rewards=[dear, ONCE, OFF], referral=referral) == [
        paid(
            "200 points, which cost about 6.02 EUR as rewards; its minimum purchase brings 6.00 EUR at an assumed "
            "margin of 40 %. Pay fewer points, or ask a minimum purchase of 15.05 EUR."
        )
    ]
    assert advice(rewards=[{**OFF, "cost": 0}], referral={**referral, "advocate_points": 1_000}) == []


def test_gift_cards_that_earn_are_told_which_category_to_leave_out() -> None:
    assert advice(earning={}) == [
        Advice(
            "gift_cards_earn",
            "/earning/excluded_categories",
            "A gift card would earn when it is bought and again when it pays: add the category of the shop's gift "
            'cards, such as "gift-card", to excluded_categories.',
        )
    ]
