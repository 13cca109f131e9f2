"""Lives a random member day by day, in the domain and plainly, and compares both each evening."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from datetime import date, timedelta

from chalicelib.domain import points
from chalicelib.domain.calendar import day_number, day_of, start_of
from tests.time.life import Life, rules
from tests.time.lives import START, YEARS, a_life, a_program
from tests.time.plain import Plain


def compare(seed: int) -> int:
    """Raises AssertionError with the day on which the two part; answers how many entries the life had."""
    chance = random.Random(seed)
    parts = a_program(chance)
    program = rules(**{**parts, "tiers": parts["tiers"] and {**parts["tiers"]}})
    life = Life(program, f"{START}")
    plain = Plain(parts, START)
    moves = defaultdict(list)
    for number, (day, verb, amount) in enumerate(a_life(chance)):
        moves[day].append((number, verb, amount))
    for offset in range(YEARS * 365):
        today = START + timedelta(days=offset)
        life.night(start_of(day_number(today), program.time_zone))
        plain.morning(today)
        for number, verb, amount in moves[today]:
            if verb == "buy":
                life.live(f"{today} buy o{number} {amount}")
                plain.earn(today, f"o{number}", amount)
            elif verb == "refund":
                order, back = _to_refund(plain, chance, today, amount)
                if order is not None:
                    life.live(f"{today} refund {order} {back}")
                    plain.refund(today, order, back)
            elif (taken := plain.balance(today) * amount // 100) > 0:
                life.live(f"{today} redeem {taken}")
                plain.redeem(today, taken)
        _agree(life, plain, today, (seed, today, parts))
    return len(life.entries)


def _to_refund(plain: Plain, chance: random.Random, today: date, percent: int) -> tuple[str | None, int]:
    """One of the latest orders that has something left, and so much of it."""
    recent = today - timedelta(days=600)  # after two years a refund takes no lapsed points, as docs/time.md says
    orders = [order for order, (day, amount) in plain.bought.items() if plain.back[order] < amount and day > recent][
        -5:
    ]
    if not orders:
        return None, 0
    order = chance.choice(orders)
    return order, max(1, (plain.bought[order][1] - plain.back[order]) * percent // 100)


def _agree(life: Life, plain: Plain, today: date, where: object) -> None:
    head = life.head
    assert points.available(head) == plain.balance(today), where
    assert points.pending(head) == plain.pending(today), where
    levels = [level.id for level in life.program.tiers.levels] if life.program.tiers else []
    if plain.held is None:
        assert head.tier is None, where
    else:
        assert head.tier is not None and head.tier.id == levels[plain.held.level], where
        until = None if head.tier.until is None else day_of(head.tier.until)
        assert (until, day_of(head.tier.since)) == (plain.held.until, plain.held.since), where


def main(members: int) -> None:
    """Lives so many members and says where they part; ends with a failure if any did."""
    parted = 0
    for seed in range(members):
        try:
            compare(seed)
        except AssertionError as error:
            parted += 1
            print(f"parted: {error}"[:500], flush=True)
        if seed % 100 == 99:
            print(f"{seed + 1} members of {members} lived for {YEARS} years, {parted} parted", flush=True)
    raise SystemExit(1 if parted else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
