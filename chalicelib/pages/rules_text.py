"""The program in plain words, in the shopper's language: always true, because it is made from the program itself."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path

from chalicelib.domain.calendar import in_year
from chalicelib.domain.money import format_amount
from chalicelib.domain.program import Program

_FOLDER = Path(__file__).parent / "rules"
RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur"})


def languages() -> frozenset[str]:
    """The languages that the rules are written in."""
    return frozenset(path.stem for path in _FOLDER.glob("*.json"))


@cache
def _sentences(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return words


def choose(accept: str | None, locales: list[str]) -> str:
    """The program's language that a reader wants most (RFC 9110 Accept-Language), else the program's first."""
    known = [locale for locale in locales if locale.partition("-")[0] in languages()] or ["en"]
    wanted = []
    for place, part in enumerate((accept or "")[:500].split(",")):
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        wanted.append((-weight, place, tag.lower()))
    for weight, _, tag in sorted(wanted):
        for locale in known:
            if weight < 0 and tag.partition("-")[0] == locale.partition("-")[0]:
                return locale
    return known[0]


def rules(program: Program, locale: str, today: date) -> list[str]:
    """Every rule that a shopper needs, a sentence each; of rewards those that can be taken today."""
    words = _sentences(locale.partition("-")[0])
    told: list[str] = []

    def say(rule: str, **values: object) -> None:
        told.append(words[rule].format(**values))

    def money(amount: int) -> str:
        return format_amount(amount, program.currency)

    earning = program.earning
    if program.close is not None:
        say("close", earn=program.close.last_earn_on, redeem=program.close.last_redeem_on)
    if program.enrolment.welcome_points:
        say("welcome", points=program.enrolment.welcome_points)
    if earning.points:
        say("earn", points=earning.points, amount=money(earning.per_amount))
    if earning.excluded_categories:
        say("excluded", categories=", ".join(earning.excluded_categories))
    for multiplier in earning.multipliers:
        where = f" ({', '.join(multiplier.categories)})" if multiplier.categories else ""
        told_of = {"name": multiplier.name + where, "percent": multiplier.percent}
        told_of["start"] = multiplier.starts_on or today
        if multiplier.ends_on is None:
            say("multiplier_open", **told_of)
        elif multiplier.ends_on >= today:
            say("multiplier", **told_of, end=multiplier.ends_on)
    if earning.pending_days:
        say("pending", days=earning.pending_days)
    if earning.daily_cap is not None:
        say("cap", points=earning.daily_cap)
    if earning.check_in is not None and earning.check_in.points:
        say("check_in", points=earning.check_in.points, times=earning.check_in.per_day)
    if earning.birthday_points:
        say("birthday", points=earning.birthday_points)
    for card in program.stamp_cards:
        reward = program.reward(card.reward_id)
        say("card", name=card.name, required=card.required, reward=reward.name if reward else card.reward_id)
    for gift in program.rewards:
        if gift.offered(today):
            say("reward", points=gift.points, reward=gift.name)
    _standing(program, words, told)
    if program.referral is not None:
        rule = program.referral
        minimum = money(rule.minimum_purchase)
        say("referral", advocate=rule.advocate_points, friend=rule.friend_points, minimum=minimum)
    _expiry(program, words, told, today)
    return told


def _standing(program: Program, words: dict[str, str], told: list[str]) -> None:
    """What tiers and paid plans bring."""
    if program.tiers is not None:
        basis = program.tiers.basis
        for level in program.tiers.levels:
            threshold = format_amount(level.threshold, program.currency)
            if basis != "spend":
                threshold = words[f"tier_{basis}"].format(threshold=level.threshold)
            told.append(words["tier"].format(name=level.name, threshold=threshold, percent=level.percent))
    told.extend(words["plan"].format(name=plan.name, percent=plan.percent) for plan in program.plans)


def _expiry(program: Program, words: dict[str, str], told: list[str], today: date) -> None:
    expiry = program.expiry
    if expiry.policy == "none":
        told.append(words["never"])
    elif expiry.policy == "calendar":
        years = 1 if expiry.after_years is None else expiry.after_years
        end = in_year(today.year + years, expiry.month or 12, expiry.day or 31)
        told.append(words["calendar"].format(date=end.strftime("%m-%d"), years=years))
    else:
        told.append(words[expiry.policy].format(months=expiry.months))
