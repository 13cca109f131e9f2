"""Advice: what works and is a mistake is told with what to change, and a sound program is left in peace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.advice import Advice, advise, sentences
from chalicelib.domain.program_rules import check

EXAMPLES = Path(__file__).parents[2] / "programs"
CAFE: dict[str, Any] = json.loads((EXAMPLES / "corner-cafe.json").read_bytes())
BOUTIQUE: dict[str, Any] = json.loads((EXAMPLES / "boutique.json").read_bytes())
OFF = {"id": "off", "name": "Off", "kind": "amount_off", "value": 500, "cost": 200, "points": 100}
SOUND: dict[str, Any] = {
    "program_id": "shop",
    "name": "Shop",
    "currency": "EUR",
    "time_zone": "Europe/Budapest",
    "earning": {"excluded_categories": ["gift-card"]},
    "rewards": [OFF],
}


def advice(
    average: int | None = 2_000, pace: int | None = None, margin: int | None = None, **parts: Any
) -> list[Advice]:
    return advise(check({**SOUND, **parts}), average, purchases_per_month=pace, margin_percent=margin)


def codes(average: int | None = 2_000, pace: int | None = None, margin: int | None = None, **parts: Any) -> list[str]:
    return [one.code for one in advice(average, pace, margin, **parts)]


def only(found: list[Advice]) -> Advice:
    assert len(found) == 1, found
    return found[0]


def levels(count: int) -> dict[str, Any]:
    rising = [{"id": f"l{number}", "name": f"L{number}", "threshold": number * 100} for number in range(count)]
    return {"basis": "visits", "levels": rising}


def test_a_sound_program_needs_no_advice() -> None:
    assert advice() == []


def test_the_corner_cafe_is_sound_by_its_own_figures() -> None:
    assert advise(check(CAFE)) == []


def test_the_boutiques_first_reward_takes_more_than_a_months_purchases() -> None:
    told = only(advise(check(BOUTIQUE)))
    assert (told.code, told.pointer) == ("no_reward_in_a_month", "/rewards/0/points")
    assert "assuming that the referral's minimum purchase is an average one, 50.00 EUR" in told.detail


@pytest.mark.parametrize(("points", "far"), [(200, False), (201, True)])
def test_a_first_reward_more_than_ten_purchases_away_is_too_far(points: int, far: bool) -> None:
    rewards = [{**OFF, "points": points}]
    assert ("first_reward_far" in codes(pace=30, rewards=rewards)) is far


def test_a_far_first_reward_is_told_how_many_points_to_ask() -> None:
    told = only(advice(pace=30, rewards=[{**OFF, "value": 900, "points": 500}], enrolment={"welcome_points": 40}))
    assert (told.code, told.pointer) == ("first_reward_far", "/rewards/0/points")
    assert told.detail == (
        "The first reward, Off, is 23 purchases away (at the average purchase of 20.00 EUR); people accept up to 10. "
        "Ask at most 240 points for it, or give more points."
    )
    assert codes(pace=30, rewards=[{**OFF, "value": 900, "points": 240}], enrolment={"welcome_points": 40}) == []


def test_each_purchase_is_rounded_down_on_the_way_to_the_first_reward() -> None:
    assert "first_reward_far" not in codes(average=150, rewards=[{**OFF, "value": 90, "points": 10}])
    assert "first_reward_far" in codes(average=199, rewards=[{**OFF, "value": 90, "points": 11}])


def test_a_daily_cap_and_a_slow_lowest_tier_lengthen_the_way() -> None:
    slow = {"basis": "visits", "levels": [{"id": "a", "name": "A", "threshold": 0, "percent": 25}]}
    capped = {"excluded_categories": ["gift-card"], "daily_cap": 5}
    assert "first_reward_far" in codes(tiers=slow)
    assert "first_reward_far" in codes(earning=capped)


def test_a_reward_that_no_purchase_leads_to_is_told_so() -> None:
    found = advice(average=50, pace=30)
    assert found[0].code == "first_reward_far"
    assert "cannot be reached by buying" in found[0].detail


def test_a_reward_for_a_higher_tier_or_out_of_stock_is_no_first_reward() -> None:
    near = {**OFF, "id": "near", "points": 20, "value": 90}
    far = {**OFF, "points": 1000, "value": 5000}
    assert "first_reward_far" not in codes(rewards=[far, near])
    assert "first_reward_far" in codes(rewards=[far, {**near, "stock": 0}])
    assert "first_reward_far" in codes(rewards=[far, {**near, "minimum_tier": "l1"}], tiers=levels(2))


def test_a_short_stamp_card_is_a_first_reward_too() -> None:
    card = {"id": "c", "name": "C", "required": 8, "reward_id": "off"}
    far = [{**OFF, "points": 1000, "value": 5000}]
    assert codes(rewards=far, stamp_cards=[card]) == []
    assert codes(average=None, rewards=far, stamp_cards=[card]) == []
    alone = advice(rewards=[{**OFF, "points": 0, "per_member": 1}], stamp_cards=[{**card, "required": 12}])
    assert {one.code: one.pointer for one in alone} == {
        "first_reward_far": "/stamp_cards",
        "no_reward_in_a_month": "/stamp_cards",
    }


def test_without_an_average_purchase_a_note_says_what_was_not_judged() -> None:
    told = only(advice(average=None))
    assert (told.code, told.severity) == ("average_purchase_unknown", "note")


def test_the_documents_own_minimum_stands_for_the_average_and_the_sentence_says_so() -> None:
    rewards = [{**OFF, "points": 500, "value": 900, "minimum_purchase": 1_500}, {**OFF, "id": "b", "points": 900}]
    found = advice(average=None, pace=50, rewards=rewards)
    assert "assuming that the smallest minimum purchase of a reward is an average one, 15.00 EUR" in found[0].detail
    referral = {"minimum_purchase": 2_500}
    found = advice(average=None, pace=50, rewards=rewards, referral=referral)
    assert "assuming that the referral's minimum purchase is an average one, 25.00 EUR" in found[0].detail


@pytest.mark.parametrize(("pace", "late"), [(5, False), (4, True)])
def test_a_reward_must_be_within_one_months_purchases(pace: int, late: bool) -> None:
    assert codes(pace=pace) == (["no_reward_in_a_month"] if late else [])


def test_a_program_without_rewards_has_nothing_to_take() -> None:
    told = only(advice(rewards=[]))
    assert (told.code, told.pointer) == ("no_reward_in_a_month", "/rewards")


@pytest.mark.parametrize(
    ("value", "told"),
    [(99, ["reward_worth_little"]), (100, []), (5_000, []), (5_001, ["reward_worth_much"])],
)
def test_a_reward_is_worth_from_1_to_50_percent_of_what_it_takes(value: int, told: list[str]) -> None:
    assert codes(rewards=[{**OFF, "value": value}]) == told


def test_a_reward_worth_little_is_told_which_points_are_fair() -> None:
    told = only(advice(rewards=[{**OFF, "value": 50}]))
    assert told.pointer == "/rewards/0/points"
    assert "worth 0.50 EUR and takes 100.00 EUR of purchases" in told.detail
    assert "from 5 to 25 points would make it 2 % to 10 %" in told.detail


def test_percent_off_is_worth_what_it_takes_off_an_average_purchase() -> None:
    percent = {**OFF, "id": "p", "kind": "percent_off", "value": 10}
    assert codes(pace=50, rewards=[{**percent, "points": 200}]) == []
    assert "reward_worth_little" in codes(pace=50, rewards=[{**percent, "points": 201}])


def test_a_reward_of_a_tier_is_judged_by_that_tiers_rate() -> None:
    tiers = {
        "basis": "visits",
        "levels": [level | {"percent": 100 + 400 * n} for n, level in enumerate(levels(2)["levels"])],
    }
    much = [OFF, {**OFF, "id": "b", "points": 100, "value": 1_500}]
    assert codes(tiers=tiers, rewards=much) == []
    assert codes(tiers=tiers, rewards=[OFF, {**much[1], "minimum_tier": "l1"}]) == ["reward_worth_much"]


def test_half_price_cheapens() -> None:
    percent = {**OFF, "id": "p", "kind": "percent_off", "points": 100}
    assert codes(rewards=[{**percent, "value": 49}]) == []
    assert codes(rewards=[{**percent, "value": 50}]) == ["discount_deep"]


def test_a_reward_for_no_points_is_free_for_all() -> None:
    free = {**OFF, "id": "free", "points": 0}
    assert only(advice(rewards=[OFF, free])).pointer == "/rewards/1/points"
    assert codes(rewards=[OFF, {**free, "per_member": 1}]) == []


def test_four_tiers_are_enough() -> None:
    assert codes(tiers=levels(4)) == []
    assert codes(tiers=levels(5)) == ["tiers_many"]


def test_rules_that_need_more_than_eight_sentences_are_too_long() -> None:
    assert (sentences(check(CAFE)), sentences(check(BOUTIQUE)), sentences(check(SOUND))) == (8, 8, 1)
    multipliers = [{"id": f"m{number}", "name": "M", "percent": 200} for number in range(8)]
    earning = {"excluded_categories": ["gift-card"], "multipliers": multipliers}
    assert codes(earning=earning) == ["rules_long"]
    assert codes(earning={**earning, "multipliers": multipliers[:7]}) == []


def test_points_must_outlive_the_way_to_the_first_reward() -> None:
    assert codes(pace=5, expiry={"policy": "rolling", "months": 1}) == []
    slow = [{**OFF, "points": 200}]
    told = advice(pace=5, rewards=slow, expiry={"policy": "rolling", "months": 1})
    assert [one.code for one in told] == ["no_reward_in_a_month", "points_expire_first"]
    assert told[1].pointer == "/expiry/months"
    assert "that takes 10 purchases" in told[1].detail
    assert "points live for 5 (5 purchases a month)" in told[1].detail
    assert "points_expire_first" not in codes(pace=5, rewards=slow, expiry={"policy": "rolling", "months": 2})
    waiting = {"excluded_categories": ["gift-card"], "pending_days": 30}
    assert "points_expire_first" in codes(
        pace=5, rewards=slow, earning=waiting, expiry={"policy": "rolling", "months": 2}
    )


def test_a_calendar_date_in_the_year_of_earning_lets_later_points_lapse_at_birth() -> None:
    expiry = {"policy": "calendar", "month": 6, "day": 30, "after_years": 0}
    told = only(advice(expiry=expiry))
    assert (told.code, told.pointer) == ("points_born_lapsed", "/expiry/after_years")
    assert codes(expiry={**expiry, "after_years": 1}) == []
    assert codes(expiry={**expiry, "month": 12, "day": 31}) == []


def test_a_referral_must_be_covered_by_the_margin_of_its_minimum_purchase() -> None:
    referral = {"advocate_points": 200, "friend_points": 100, "minimum_purchase": 1_500}
    assert codes(referral=referral) == []  # 300 points at 2 cents each: 6.00, of 15.00 at 40 %: 6.00
    told = only(advice(referral={**referral, "friend_points": 101}))
    assert (told.code, told.pointer) == ("referral_pays_too_much", "/referral/minimum_purchase")
    assert told.detail == (
        "A referral pays 301 points, which cost about 6.02 EUR as rewards; its minimum purchase brings 6.00 EUR at an "
        "assumed margin of 40 %. Pay fewer points, or ask a minimum purchase of 15.05 EUR."
    )
    assert codes(referral={**referral, "friend_points": 101}, margin=50) == []
    assert codes(referral=referral, margin=0) == ["referral_pays_too_much"]


def test_a_referral_for_any_first_purchase_pays_too_much() -> None:
    assert "a first purchase of any size" in only(advice(referral={"advocate_points": 1})).detail
    assert codes(referral={}) == []


@pytest.mark.parametrize(
    "category", ["gift-card", "Gift cards", "Ajándékkártya", "lahjakortit", "상품권", "بطاقة هدية"]
)
def test_gift_cards_must_not_earn(category: str) -> None:
    assert codes(earning={"excluded_categories": [category]}) == []
    assert codes(earning={"excluded_categories": ["tobacco"]}) == ["gift_cards_earn"]
    assert (
        codes(
            earning={"points": 0},
            rewards=[{**OFF, "points": 0, "per_member": 1}],
            stamp_cards=[{"id": "c", "name": "C", "required": 8, "reward_id": "off"}],
        )
        == []
    )


def test_advice_is_told_in_the_programs_currency() -> None:
    told = advice(average=50_000, currency="KRW", rewards=[{**OFF, "points": 5_000, "value": 900}])
    assert any("900 KRW" in one.detail for one in told)


def test_no_program_makes_advice_stumble() -> None:
    """Nothing earned, a tier of 0 %, and no money anywhere: no division by zero."""
    still = {"basis": "visits", "levels": [{"id": "a", "name": "A", "threshold": 0, "percent": 0}]}
    for parts in ({"earning": {"points": 0}}, {"tiers": still}, {"rewards": [{**OFF, "cost": 0}]}):
        for average in (None, 0, 1, 10**12):
            assert all(one.detail.endswith(".") for one in advice(average=average, **parts))
