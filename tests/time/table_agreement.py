"""The same agreement through the service: actions, schedule, queue and workers over a table, night by night."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

from chalicelib.actions import redeem, refund
from chalicelib.domain import points
from chalicelib.domain.calendar import day_number, day_of, start_of
from chalicelib.telemetry import logger
from tests.time.engine_world import engine_world
from tests.time.life import rules
from tests.time.lives import START, YEARS, a_life, a_program
from tests.time.plain import Plain
from tests.time.world import World, world

REWARDS = [
    {"id": f"r{price}", "name": "Tea", "kind": "free_product", "value": 1, "cost": 1, "points": price}
    for price in (10, 100)
]


def compare(seed: int, members: int, opened: Callable[..., AbstractContextManager[World]] = world) -> int:
    """One shop with so many random members, in memory or down to DynamoDB's requests.

    Raises AssertionError where table and statement part; answers how many members the schedule moved in all.
    """
    chance = random.Random(seed)
    parts = a_program(chance)
    program = rules(**parts, rewards=REWARDS)
    moves = defaultdict(list)
    for number in range(members):
        for step, (day, verb, amount) in enumerate(a_life(chance)):
            moves[day].append((f"m{number}", verb, f"o{number}-{step}", amount))
    moved = 0
    with opened(program, start_of(day_number(START), program.time_zone)) as made:
        plain = {made.enrol(f"m{number}"): Plain(parts, START) for number in range(members)}
        for offset in range(YEARS * 365):
            today = START + timedelta(days=offset)
            made.now = start_of(day_number(today), program.time_zone)
            moved += made.night()
            for one in plain.values():
                one.morning(today)
            made.now += timedelta(hours=9)
            for member_id, verb, order, amount in moves[today]:
                _move(made, plain[member_id], member_id, verb, order, amount, today, chance)
            looked_at = set(plain) if today.day == 1 else {member_id for member_id, *_ in moves[today]}
            for member_id in looked_at:
                _agree(made, member_id, plain[member_id], today, (seed, member_id, today, parts))
    return moved


def _move(
    made: World, plain: Plain, member_id: str, verb: str, order: str, amount: int, today: date, chance: random.Random
) -> None:
    if verb == "buy":
        made.buy(member_id, amount, order)
        plain.earn(today, order, amount)
    elif verb == "redeem":
        price = next((price for price in (100, 10) if plain.balance(today) >= price), None)
        if price is not None:
            redeem.redeem(made.call(), member_id, f"r{price}", order)
            plain.redeem(today, price)
    else:
        recent = today - timedelta(days=600)
        left = [name for name, (day, total) in plain.bought.items() if plain.back[name] < total and day > recent][-5:]
        if left:
            name = chance.choice(left)
            back = max(1, (plain.bought[name][1] - plain.back[name]) * amount // 100)
            asked = refund.Return(order_id=name, refund_id=order, amount=back, fingerprint=order)
            refund.refund(made.call(), asked)
            plain.refund(today, name, back)


def _agree(made: World, member_id: str, plain: Plain, today: date, where: object) -> None:
    head = made.head(member_id)
    assert (points.available(head), points.pending(head)) == (plain.balance(today), plain.pending(today)), where
    if plain.held is None:
        assert head.tier is None, where
    else:
        levels = [level.id for level in made.program.tiers.levels] if made.program.tiers else []
        until = None if plain.held.until is None else day_number(plain.held.until)
        assert head.tier is not None, where
        assert (head.tier.id, head.tier.until) == (levels[plain.held.level], until), where
        assert day_of(head.tier.since) == plain.held.since, where


def main(members: int) -> None:
    """So many members, ten to a shop."""
    logger.setLevel("ERROR")
    for seed in range(members // 10):
        moved = compare(seed, 10, engine_world)
        print(
            f"{10 * (seed + 1)} members of {members} agree; the schedule moved {moved} times in shop {seed}", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
