"""Warns about program rules that work and are mistakes, each with what to change. Nothing here refuses a program.

The limits are those that shops report: people accept 8 to 10 purchases before the first reward, a reward below 1 %
changes nothing and one above 50 % cheapens what is sold, and rules that take long to say are not understood.
Figures of the shop are used where they are given; otherwise the sentence says what was assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Literal

import msgspec

from chalicelib.domain.money import format_amount
from chalicelib.domain.program import Program, Reward
from chalicelib.domain.reach import (
    UNREACHABLE,
    Figures,
    figures_of,
    first_reward,
    points_of_purchase,
    purchases_by_points,
    purchases_to_reward,
    rate,
)
from chalicelib.domain.wording import number_of

PURCHASES_BEFORE_FIRST_REWARD = 10
LEAST_WORTH_PERCENT = 1
MOST_WORTH_PERCENT = 50
MOST_LEVELS = 4
MOST_SENTENCES = 8

_DAYS_OF_MONTH = 30
_GIFT_CARD_WORDS = ("gift", "ajándék", "lahjakort", "gavekort", "상품권", "기프트", "هدية", "هدايا")


class Advice(msgspec.Struct, frozen=True):
    """One thing to reconsider: where, and what to change. A ``note`` tells what could not be judged."""

    code: str
    pointer: str
    detail: str
    severity: Literal["warning", "note"] = "warning"


def advise(
    program: Program,
    average_purchase_minor: int | None = None,
    *,
    purchases_per_month: int | None = None,
    margin_percent: int | None = None,
) -> list[Advice]:
    """Every advice that the document itself calls for.

    ``average_purchase_minor``: minor units. Unknown, the referral's ``minimum_purchase`` stands for it, else the
    smallest of a reward; without those, what depends on it is left unjudged, and a note says so.
    ``purchases_per_month``: of one buying customer. ``margin_percent``: of sales.
    """
    figures = figures_of(program, average_purchase_minor, purchases_per_month, margin_percent)
    return [advice for rule in _RULES for advice in rule(program, figures)]


def sentences(program: Program) -> int:
    """How many sentences a shopper needs to say the rules.

    The catalogue is not counted, and what merely limits a rule (excluded categories, a cap, pending days) is part of
    its sentence.
    """
    earning, tiers = program.earning, program.tiers
    single = (
        earning.points > 0,
        earning.check_in is not None,
        earning.birthday_points > 0,
        earning.anniversary_points > 0,
        program.enrolment.welcome_points > 0,
        program.enrolment.mode == "invite" or program.enrolment.pilot is not None,
        program.expiry.policy != "none",
        tiers is not None,  # how a tier is reached
        tiers is not None and tiers.window != "lifetime" and tiers.downgrade != "never",  # and how long it is held
        program.referral is not None,
    )
    return sum(single) + len(earning.multipliers) + len(program.stamp_cards) + len(program.plans)


def _distance(program: Program, figures: Figures) -> Iterator[Advice]:
    first, purchases = first_reward(program), purchases_to_reward(program, figures)
    if purchases is not None and purchases <= PURCHASES_BEFORE_FIRST_REWARD:
        return
    if first is not None and figures.average is None:
        yield Advice(
            "average_purchase_unknown",
            "/rewards",
            "How far the first reward is away was not judged, because no average purchase is known: check again once "
            "the shop has purchases, or give the referral or a reward a minimum_purchase.",
            "note",
        )
    elif purchases is not None and first is not None and purchases == purchases_by_points(program, figures):
        affordable = PURCHASES_BEFORE_FIRST_REWARD * points_of_purchase(program, figures)
        affordable += program.enrolment.welcome_points
        away = f"is {purchases} purchases away" if purchases < UNREACHABLE else "cannot be reached by buying"
        change = f"Ask at most {affordable} points for it, or give more points." if affordable else "Give more points."
        yield Advice(
            "first_reward_far",
            f"/rewards/{first[0]}/points",
            f"The first reward, {first[1].name}, {away} ({figures.average_words}); people accept up to "
            f"{PURCHASES_BEFORE_FIRST_REWARD}. {change}",
        )
    elif purchases is not None:
        yield Advice(
            "first_reward_far",
            "/stamp_cards",
            f"The first reward needs {purchases} stamps: require at most {PURCHASES_BEFORE_FIRST_REWARD}.",
        )


def _month(program: Program, figures: Figures) -> Iterator[Advice]:
    first, purchases = first_reward(program), purchases_to_reward(program, figures)
    if first is None and not program.stamp_cards:
        given = any(one.points == 0 and one.stock != 0 for one in program.rewards)
        lack = (
            "What a new member can take costs no points" if given else "There is no reward that a new member can take"
        )
        yield Advice("no_reward_in_a_month", "/rewards", f"{lack}: add one that a month's purchases reach.")
    elif first is not None and figures.average is None:
        return  # the note of _distance says what is missing
    elif purchases is not None and purchases > figures.pace:
        judged = f"{figures.pace_words}, {figures.average_words}" if first is not None else figures.pace_words
        yield Advice(
            "no_reward_in_a_month",
            f"/rewards/{first[0]}/points" if first is not None else "/stamp_cards",
            f"Nobody reaches a reward with one month's purchases ({judged}): add a smaller reward, or give more "
            "welcome points.",
        )


def _worth(program: Program, figures: Figures) -> Iterator[Advice]:
    for place, reward in enumerate(program.rewards):
        speed, worth = rate(program, reward.minimum_tier), _value(reward, figures)
        if not reward.points or not speed or not worth:
            continue
        spend = Fraction(reward.points) / speed
        percent = Fraction(worth * 100) / spend
        facts = (
            f"{reward.name} is worth {format_amount(worth, program.currency)} and takes "
            f"{format_amount(-(-spend.numerator // spend.denominator), program.currency)} of purchases"
        )
        if reward.kind == "percent_off":
            facts += f" ({figures.average_words})" if figures.average_words else ""
        fair = _fair_points(Fraction(worth) * speed)
        if percent < LEAST_WORTH_PERCENT:
            yield Advice(
                "reward_worth_little",
                f"/rewards/{place}/points",
                f"{facts}: less than {LEAST_WORTH_PERCENT} %, which changes nobody's mind. Ask fewer points; {fair}.",
            )
        elif percent > MOST_WORTH_PERCENT:
            yield Advice(
                "reward_worth_much",
                f"/rewards/{place}/points",
                f"{facts}: more than {MOST_WORTH_PERCENT} %, which cheapens what is sold. Ask more points; {fair}.",
            )


def _value(reward: Reward, figures: Figures) -> int:
    """What a reward is worth to a member, in minor units; 0 where the document does not say."""
    if reward.kind == "percent_off":
        return max(reward.minimum_purchase, figures.average or 0) * reward.value // 100
    return reward.value


def _fair_points(bought: Fraction) -> str:
    """For how many points a reward is worth 2 % to 10 %; ``bought``: the points that purchases of its worth bring."""
    least, most = ceil(bought * 100 / 10), floor(bought * 100 / 2)
    if not most:
        return "not even 1 point would make it 2 %, so give more points for a purchase"
    if least == most:
        return f"{number_of(least, 'point')} would make it 2 % to 10 %"
    return f"from {least} to {most} points would make it 2 % to 10 %"


def _free_rewards(program: Program, figures: Figures) -> Iterator[Advice]:
    stamped = {card.reward_id for card in program.stamp_cards}
    for place, reward in enumerate(program.rewards):
        if reward.points == 0 and reward.per_member is None and reward.stock != 0:
            told = " Its stamp card goes on giving it without points." if reward.id in stamped else ""
            often = "any number of times" if reward.stock is None else "as often as its stock lasts"
            who = "Any member" if reward.minimum_tier is None else "A member of its tier"
            yield Advice(
                "reward_costs_nothing",
                f"/rewards/{place}/points",
                f"{who} can take {reward.name} {often} for nothing: ask points for it, or set per_member.{told}",
            )


def _deep_discounts(program: Program, figures: Figures) -> Iterator[Advice]:
    for place, reward in enumerate(program.rewards):
        if reward.kind == "percent_off" and reward.value >= MOST_WORTH_PERCENT:
            yield Advice(
                "discount_deep",
                f"/rewards/{place}/value",
                f"{reward.value} % off cheapens what is sold: stay below {MOST_WORTH_PERCENT} %, or give a product.",
            )


def _levels(program: Program, figures: Figures) -> Iterator[Advice]:
    if program.tiers is not None and len(program.tiers.levels) > MOST_LEVELS:
        yield Advice(
            "tiers_many",
            "/tiers/levels",
            f"{len(program.tiers.levels)} tiers are more than people remember: keep at most {MOST_LEVELS}.",
        )


def _length(program: Program, figures: Figures) -> Iterator[Advice]:
    needed = sentences(program)
    if needed > MOST_SENTENCES:
        yield Advice(
            "rules_long",
            "",
            f"The rules need {needed} sentences; people and staff keep {MOST_SENTENCES} in mind. Remove the ones that "
            "bring least: multipliers, stamp cards, plans, bonuses.",
        )


def _expiry(program: Program, figures: Figures) -> Iterator[Advice]:
    expiry, purchases = program.expiry, purchases_by_points(program, figures)
    days, at = None, "/expiry/months"
    if expiry.policy == "rolling" and expiry.months is not None:
        days = expiry.months * _DAYS_OF_MONTH
    elif expiry.policy == "calendar" and expiry.month is not None and expiry.day is not None:
        years = 1 if expiry.after_years is None else expiry.after_years
        # of points earned on 1 January, which live longest
        days = (years * 12 + expiry.month - 1) * _DAYS_OF_MONTH + min(expiry.day, _DAYS_OF_MONTH)
        at = "/expiry/after_years"
        if years == 0 and (expiry.month, expiry.day) != (12, 31):
            yield Advice(
                "points_born_lapsed",
                at,
                "What is earned in a year after its expiry date has lapsed already: set after_years to at least 1, or "
                "the date to 31 December.",
            )
    if days is None or purchases is None:
        return
    usable = max(0, days - program.earning.pending_days) * figures.pace // _DAYS_OF_MONTH
    if purchases > usable:
        yield Advice(
            "points_expire_first",
            at,
            f"Points lapse before the first reward is reached: that takes {_purchases(purchases)} "
            f"({figures.average_words}), and points live for {usable} ({figures.pace_words}). Let them live longer, or "
            "ask fewer points for the first reward.",
        )


def _purchases(count: int) -> str:
    return "any number of purchases" if count >= UNREACHABLE else number_of(count, "purchase")


def _referral(program: Program, figures: Figures) -> Iterator[Advice]:
    referral = program.referral
    points = 0 if referral is None else referral.advocate_points + referral.friend_points
    if referral is None or points == 0:
        return
    at, told = "/referral/minimum_purchase", number_of(points, "point")
    if referral.minimum_purchase == 0:
        yield Advice(
            "referral_pays_too_much",
            at,
            f"A referral pays {told} for a first purchase of any size: set a minimum_purchase whose margin "
            "covers them.",
        )
        return
    cost = points * cost_of_a_point(program)
    margin = Fraction(referral.minimum_purchase * figures.margin, 100)
    if cost > margin:
        wanted = (
            f", or ask a minimum purchase of {_amount(cost * 100 / figures.margin, program)}" if figures.margin else ""
        )
        yield Advice(
            "referral_pays_too_much",
            at,
            f"A referral pays {told}, which cost about {_amount(cost, program)} as rewards; its minimum "
            f"purchase brings {format_amount(int(margin), program.currency)} at {figures.margin_words}. Pay fewer "
            f"points{wanted}.",
        )


def _amount(exact: Fraction, program: Program) -> str:
    return format_amount(-(-exact.numerator // exact.denominator), program.currency)


def cost_of_a_point(program: Program) -> Fraction:
    """Minor units that the shop pays for a point, by the middle one of its rewards; 0 where there is none."""
    each = sorted(Fraction(reward.cost, reward.points) for reward in program.rewards if reward.points and reward.cost)
    return each[len(each) // 2] if each else Fraction(0)


def _gift_cards(program: Program, figures: Figures) -> Iterator[Advice]:
    excluded = [category.casefold() for category in program.earning.excluded_categories]
    if program.earning.points and not any(word in category for category in excluded for word in _GIFT_CARD_WORDS):
        yield Advice(
            "gift_cards_earn",
            "/earning/excluded_categories",
            "A gift card would earn when it is bought and again when it pays: add the category of the shop's gift "
            'cards, such as "gift-card", to excluded_categories.',
        )


_RULES: tuple[Callable[[Program, Figures], Iterator[Advice]], ...] = (
    _distance,
    _month,
    _worth,
    _free_rewards,
    _deep_discounts,
    _levels,
    _length,
    _expiry,
    _referral,
    _gift_cards,
)
