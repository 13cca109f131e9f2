"""How far a program's rewards are from a buying customer: with the shop's figures, or with assumptions that say so."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from chalicelib.domain.money import format_amount
from chalicelib.domain.program import Program, Reward
from chalicelib.domain.wording import number_of

ASSUMED_PURCHASES_PER_MONTH = 8
"""Two a week, on the high side: what even such a regular cannot reach in a month, hardly anybody can."""

ASSUMED_MARGIN_PERCENT = 40
"""Of a purchase, until orders with costs tell the shop's own."""

UNREACHABLE = 10**12
"""As many purchases as stand for never."""


class Figures(msgspec.Struct, frozen=True):
    """What the rules are judged with; each comes with the words that say where it is from."""

    average: int | None
    average_words: str
    pace: int
    pace_words: str
    margin: int
    margin_words: str


def figures_of(program: Program, average: int | None, pace: int | None, margin: int | None) -> Figures:
    """The shop's figures, with assumptions in the place of those that are not known."""
    words = "at the average purchase of "
    if not average:
        average, source = _likely_purchase(program)
        words = f"assuming that {source} is an average one, "
    assumed_pace = f"an assumed {ASSUMED_PURCHASES_PER_MONTH} purchases a month"
    assumed_margin = f"an assumed margin of {ASSUMED_MARGIN_PERCENT} %"
    return Figures(
        average=average,
        average_words=words + format_amount(average, program.currency) if average else "",
        pace=pace or ASSUMED_PURCHASES_PER_MONTH,
        pace_words=f"{number_of(pace, 'purchase')} a month" if pace else assumed_pace,
        margin=ASSUMED_MARGIN_PERCENT if margin is None else margin,
        margin_words=assumed_margin if margin is None else f"a margin of {margin} %",
    )


def _likely_purchase(program: Program) -> tuple[int | None, str]:
    """The purchase that the document itself calls a real one, and where it does."""
    if program.referral is not None and program.referral.minimum_purchase:
        return program.referral.minimum_purchase, "the referral's minimum purchase"
    minima = [reward.minimum_purchase for reward in program.rewards if reward.minimum_purchase]
    return min(minima, default=None), "the smallest minimum purchase of a reward"


def open_to_all(program: Program) -> list[tuple[int, Reward]]:
    """The rewards for points that a member of the lowest standing can take, with their places."""
    return [
        (place, reward)
        for place, reward in enumerate(program.rewards)
        if reward.points > 0 and reward.stock != 0 and _is_ground(program, reward.minimum_tier)
    ]


def _is_ground(program: Program, level_id: str | None) -> bool:
    if level_id is None or program.tiers is None:
        return level_id is None
    return program.level_rank(level_id) == 0 and program.tiers.levels[0].threshold == 0


def rate(program: Program, level_id: str | None) -> Fraction:
    """Points for one minor unit in that tier (none: the lowest), before the rounding of a purchase."""
    percent = 100
    if program.tiers is not None:
        for level in program.tiers.levels:
            if level.id == level_id or (level_id is None and level.threshold == 0):
                percent = level.percent
    return Fraction(program.earning.points * percent, program.earning.per_amount * 100)


def first_reward(program: Program) -> tuple[int, Reward] | None:
    """The reward for fewest points that a new member can take, with its place."""
    return min(open_to_all(program), key=lambda placed: placed[1].points, default=None)


def points_of_purchase(program: Program, figures: Figures) -> int:
    """What an average purchase earns a new member."""
    each = int(rate(program, None) * (figures.average or 0))
    cap = program.earning.daily_cap
    return each if cap is None else min(each, cap)


def purchases_by_points(program: Program, figures: Figures) -> int | None:
    """Average purchases until the first reward for points; ``None`` where there is nothing to judge with."""
    first = first_reward(program)
    if first is None or figures.average is None:
        return None
    each = points_of_purchase(program, figures)
    missing = max(0, first[1].points - program.enrolment.welcome_points)
    if missing == 0:
        return 0
    return -(-missing // each) if each else UNREACHABLE


def purchases_to_reward(program: Program, figures: Figures) -> int | None:
    """Purchases until the first reward by any way, a full stamp card included."""
    ways = [card.required for card in program.stamp_cards]
    by_points = purchases_by_points(program, figures)
    return min([*ways, by_points] if by_points is not None else ways, default=None)
