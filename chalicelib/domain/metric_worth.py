"""Reports on whether it pays: before and after joining, and the verdict."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.metric_customers import customers_on
from chalicelib.domain.metric_effect import LEAST, Change, Chosen, Columns, Estimate, Weights, chosen, difference
from chalicelib.domain.metric_histories import PURCHASES, REFUNDED, SALES, days_with, net_sales, sum_of
from chalicelib.domain.metric_report import Book, Rate, Told, rate
from chalicelib.domain.money import format_amount
from chalicelib.domain.reach import ASSUMED_MARGIN_PERCENT
from chalicelib.domain.wording import number_of

WINDOW_DAYS = 90
_SPEND = ((SALES, 1), (REFUNDED, -1))
_COUNT = ((PURCHASES, 1),)


def before_after(book: Book, first: int, last: int) -> Told:
    """Per member, purchases and net sales per 30 days before and after joining, less the same change in others."""
    days = book.options.get("days", WINDOW_DAYS)
    compared = _compared(book, first, last, days)
    rows = []
    estimates: dict[str, Any] = {}
    changes = _changes(book, compared, days, (_COUNT, _SPEND))
    for name, (members, others) in zip(("purchases", "sales"), changes, strict=True):
        estimates[name] = _told(difference(members, others))
        for group, found in (("members", members), ("others", others)):
            before, after = _mean([one[0] for one in found]), _mean([one[1] for one in found])
            rows.append(
                {
                    "measure": f"{name}_per_30_days",
                    "group": group,
                    "people": len(found),
                    "before": before,
                    "after": after,
                    "change": None if before is None or after is None else after - before,
                    "growth": after / before if before and after is not None else None,
                }
            )
    notes = []
    if estimates["sales"] is None:
        notes.append(
            f"{_lack(compared)}. Everybody compared must have bought before, and members need {days} days on both "
            "sides of joining. Import purchases from before the program, or wait."
        )
    figures = {
        "days": days,
        "members_compared": len(compared.members),
        "others_compared": len(compared.others),
        "effect": estimates,
    }
    return Told(figures=figures, rows=rows, notes=notes)


def _mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _compared(book: Book, first: int, last: int, days: int) -> Chosen:
    """Members who joined in the window with the days on both sides behind them, and customers who never joined."""
    joined = book.people.members(last)
    ever = {book.people.who(name) for name in book.people.joins}
    members, others = [], []
    for buyer, history in book.histories.by_buyer.items():
        began = next(days_with(history, PURCHASES, last), None)
        if began is None:
            continue
        joining = joined.get(buyer)
        if joining is not None and first <= joining.day <= last - days:
            members.append((buyer, began, joining.day))
        elif buyer not in ever:
            others.append((buyer, began))
    return chosen(members, others, days)


def _changes(
    book: Book, compared: Chosen, days: int, measures: tuple[Columns, ...]
) -> list[tuple[list[Change], list[Change]]]:
    """By measure, before and after per 30 days: of each member compared, and of each other over the same dates."""
    found: list[tuple[list[Change], list[Change]]] = [([], []) for _ in measures]
    if not compared.members:
        return found
    scale = 30 / days
    for member, day in compared.members.items():
        history = book.histories.by_buyer[member]
        for (members, _), columns in zip(found, measures, strict=True):
            was = sum(sign * sum_of(history, column, day - days, day - 1) for column, sign in columns)
            became = sum(sign * sum_of(history, column, day + 1, day + days) for column, sign in columns)
            members.append((was * scale, became * scale))
    weights = Weights(list(compared.members.values()), days)
    for buyer in compared.others:
        changes = weights.of(book.histories.by_buyer[buyer], measures)
        for (_, others), (before, after) in zip(found, changes, strict=True):
            others.append((before * scale, after * scale))
    return found


def _told(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    low, high = estimate.interval(0.95)
    return {"value": estimate.value, "low": low, "high": high, "confidence": 0.95, "proof": estimate.proved()}


def worth_it(book: Book, first: int, last: int) -> Told:
    """What the program brought against what it cost, and what to do: never more certain than the interval."""
    whole = book.sums.between(first, last)
    sales = sum(whole[f"{who}_sales"] - whole[f"{who}_refunded"] for who in ("member", "guest"))
    costed = whole["member_costed"] + whole["guest_costed"]
    margin = (
        rate(costed - whole["member_cost"] - whole["guest_cost"], costed)
        if costed > 0
        else Rate(ASSUMED_MARGIN_PERCENT / 100, ASSUMED_MARGIN_PERCENT, 100)
    )
    share = margin.value or 0.0
    cost_of_rewards = sum(book.sums.reward_between(one, first, last)["cost_used"] for one in book.sums.rewards)
    running, messages = book.options.get("running_cost", 0), book.options.get("message_cost", 0)
    costs = cost_of_rewards + running + messages
    days = book.options.get("days", WINDOW_DAYS)
    compared = _compared(book, first, last, days)
    estimate = difference(*_changes(book, compared, days, (_SPEND,))[0])
    units = _member_days(book, first, last) / 30
    gained = None
    if estimate is not None:
        low, high = estimate.interval(0.95)
        gained = {
            "sales": estimate.value * units,
            "margin": estimate.value * units * share,
            "margin_low": low * units * share,
            "margin_high": high * units * share,
        }
    rows = _retention_gains(book, first, last, share)
    figures = {
        "sales": sales,
        "member_sales": whole["member_sales"] - whole["member_refunded"],
        "margin_rate": margin,
        "margin": round(sales * share),
        "cost_of_rewards": cost_of_rewards,
        "running_cost": running,
        "message_cost": messages,
        "costs": costs,
        "effect_per_member_per_30_days": _told(estimate),
        "member_days": _member_days(book, first, last),
        "incremental": gained,
        "return": _return(gained, costs),
        "verdict": _verdict(book, estimate, gained, costs, compared),
    }
    notes = [] if costed > 0 else [f"No line came with its cost: a margin of {ASSUMED_MARGIN_PERCENT} % is assumed."]
    if not running:
        notes.append("running_cost was not given, so only rewards count as costs.")
    return Told(figures=figures, rows=rows, notes=notes)


def _member_days(book: Book, first: int, last: int) -> int:
    return sum(max(0, last - max(first, joining.day) + 1) for joining in book.people.members(last).values())


def _return(gained: dict[str, float] | None, costs: int) -> dict[str, float] | None:
    """(incremental margin - costs) ÷ costs, with the ends of its interval."""
    if gained is None or costs <= 0:
        return None
    return {
        "value": (gained["margin"] - costs) / costs,
        "low": (gained["margin_low"] - costs) / costs,
        "high": (gained["margin_high"] - costs) / costs,
    }


def _lack(compared: Chosen) -> str:
    """Why there is no estimate: too few people, or others whose purchases before leave no trend to take away."""
    members, others = len(compared.members), len(compared.others)
    found = (
        f"{number_of(members, 'member')} and {number_of(others, 'customer')} who never joined can be compared so far"
    )
    if min(members, others) < LEAST:
        return f"{found}, and {LEAST} of each are needed"
    return f"{found}, and those customers' purchases before, less refunds, come to nothing to compare with"


def _verdict(
    book: Book, estimate: Estimate | None, gained: dict[str, float] | None, costs: int, compared: Chosen
) -> dict[str, Any]:
    def money(amount: float) -> str:
        return format_amount(round(abs(amount)), book.program.currency)

    if estimate is None or gained is None:
        return {
            "word": "keep",
            "proof": "no proof",
            "sentences": [
                f"No proof either way: {_lack(compared)}.",
                "Keep it going as it is, and look again when more members have been in it for a while.",
            ],
        }
    proof = estimate.proved()
    between = (
        f"between {'-' * (gained['margin_low'] < 0)}{money(gained['margin_low'])} and {money(gained['margin_high'])}"
    )
    if gained["margin_high"] < 0:
        between = f"between {money(gained['margin_high'])} and {money(gained['margin_low'])} of margin lost"
    if proof == "no proof":
        return {
            "word": "change",
            "proof": proof,
            "sentences": [
                f"No proof that members buy more because they joined: the program brought {between} of margin (95 %), "
                f"and it cost {money(costs)}.",
                "Change what it rewards, or try it with a group chosen at random beside one that waits, then measure.",
            ],
        }
    if proof == "less":
        return {
            "word": "stop",
            "proof": proof,
            "sentences": [
                f"Members bought less after joining than others did over the same dates: {between}.",
                f"Stop it, or find out first what drove them away; it also cost {money(costs)}.",
            ],
        }
    if gained["margin_low"] > costs:
        return {
            "word": "keep",
            "proof": proof,
            "sentences": [
                f"Members buy more since they joined: {between} of margin (95 %), against {money(costs)} of costs.",
                "Keep it: even the lower end pays for it.",
            ],
        }
    if gained["margin_high"] < costs:
        return {
            "word": "change",
            "proof": proof,
            "sentences": [
                f"Members buy more since they joined, but not enough: {between} of margin (95 %), against "
                f"{money(costs)} of costs.",
                "Make rewards cheaper or harder to reach, or stop it: even the upper end does not pay for it.",
            ],
        }
    return {
        "word": "keep",
        "proof": proof,
        "sentences": [
            f"Members buy more since they joined: {between} of margin (95 %); whether that covers {money(costs)} of "
            "costs is open.",
            "Keep it and measure on; a larger group narrows the interval.",
        ],
    }


def _retention_gains(book: Book, first: int, last: int, share: float) -> list[dict[str, Any]]:
    """What one to five more of a hundred customers staying would bring, by what those who stayed bought."""
    start = customers_on(book, first - 1)
    stayed = start & customers_on(book, last)
    bought = sum(net_sales(book.histories.by_buyer[one], first, last) for one in stayed)
    each = bought / len(stayed) if stayed else None
    return [
        {
            "points_of_retention": more,
            "customers_at_start": len(start),
            "more_customers": len(start) * more / 100,
            "sales_of_one_who_stays": each,
            "more_sales": None if each is None else each * len(start) * more / 100,
            "more_margin": None if each is None else each * len(start) * more / 100 * share,
        }
        for more in range(1, 6)
    ]
