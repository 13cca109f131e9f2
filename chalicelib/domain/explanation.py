"""Why a purchase earned what it did, line by line. The points of the lines add up to the purchase's, exactly."""

from __future__ import annotations

import msgspec

from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.money import format_amount
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Line, Purchase, line_percent, multiplier_for
from chalicelib.domain.wording import number_of


class Reason(msgspec.Struct, frozen=True):
    """One step of the rule: ``rule`` is stable, ``detail`` is for people, ``points`` may be zero or negative."""

    rule: str
    detail: str
    points: int


class _Sum:
    """Running total of exact contributions, rounded down once: what each step adds to the floor of the sum."""

    def __init__(self, below: int) -> None:
        self.below = below
        self.above = 0

    def add(self, above: int) -> int:
        before = self.above // self.below
        self.above += above
        return self.above // self.below - before


def explain(program: Program, purchase: Purchase) -> list[Reason]:
    """The steps of the points rule for one purchase, under the program version that it was booked under."""
    basis, sale = purchase.basis, purchase.sale
    if purchase.member_id is None:
        return [Reason("guest", "Nobody was named, so nothing is earned until a member claims this purchase.", 0)]
    if basis.listed == 0:
        return [Reason("no_goods", "Nothing in this purchase can earn.", 0)]
    day = local_day(moment_of(purchase.occurred_ms), program.time_zone)
    steps = _Sum(basis.listed * 1_000_000 * basis.per_amount)
    rows = []
    share = basis.spread * basis.points * 10_000
    for line in sale.lines or (Line("", None, 1, sale.goods),):
        rows.extend(_line(program, basis, line, day, steps, share))
    at_base = basis.weighted * basis.spread * basis.points
    tier_extra = at_base * 100 * (basis.tier_percent - 100)
    if tier_extra:
        rows.append(
            Reason(
                "tier", f"{_level_name(program, purchase.tier)} earns at {basis.tier_percent} %", steps.add(tier_extra)
            )
        )
    plan_extra = at_base * basis.tier_percent * (basis.plan_percent - 100)
    if plan_extra:
        rows.append(
            Reason(
                "plan", f"{_plan_name(program, purchase.plan)} earns at {basis.plan_percent} %", steps.add(plan_extra)
            )
        )
    deserved = basis.deserved(purchase.total, min(purchase.total, sum(purchase.gone)))
    rows.extend(_gone(program, purchase))
    if purchase.points != deserved:
        rows.append(
            Reason("daily_cap", f"A day earns at most {program.earning.daily_cap} points", purchase.points - deserved)
        )
    return rows


def _gone(program: Program, purchase: Purchase) -> list[Reason]:
    """What a claimed purchase did not earn, since it had gone back or was disputed by then."""
    rows, before = [], 0
    whole = format_amount(purchase.total, program.currency)
    for rule, amount, text in zip(
        ("refund", "dispute"),
        purchase.gone,
        ("went back before it was claimed", "was disputed when it was claimed"),
        strict=True,
    ):
        if amount:
            lost = purchase.basis.deserved(purchase.total, min(purchase.total, before + amount))
            lost -= purchase.basis.deserved(purchase.total, before)
            rows.append(Reason(rule, f"{format_amount(amount, program.currency)} of {whole} {text}", lost))
        before += amount
    return rows


def _line(program: Program, basis: Basis, line: Line, day: int, steps: _Sum, share: int) -> list[Reason]:
    label = line.sku or "Goods"
    amount = format_amount(line.amount, program.currency)
    percent = line_percent(program, line.category, day)
    if line.category is not None and line.category in program.earning.excluded_categories:
        return [Reason("excluded", f"{label}: {amount} in {line.category} earns nothing", 0)]
    discount = f", {basis.spread} of {basis.listed} counted after discounts" if basis.spread < basis.listed else ""
    rate = f"{number_of(basis.points, 'point')} for each {format_amount(basis.per_amount, program.currency)}"
    rows = [Reason("earn", f"{label}: {amount}, {rate}{discount}", steps.add(line.amount * share * 100))]
    if percent != 100:
        multiplier = multiplier_for(program, line.category, day)
        name = multiplier.name if multiplier else ""
        rows.append(
            Reason("multiplier", f"{label}: {name} at {percent} %", steps.add(line.amount * share * (percent - 100)))
        )
    return rows


def _level_name(program: Program, level_id: str | None) -> str:
    levels = program.tiers.levels if program.tiers else []
    return next((level.name for level in levels if level.id == level_id), "Your tier")


def _plan_name(program: Program, plan_id: str | None) -> str:
    return next((plan.name for plan in program.plans if plan.id == plan_id), "Your plan")
