"""How fast the fold, the reports and a trial are: `python -m tests.metrics.speed`, and a part of `make bench`.

Processor time of one core, the best of several. The table is in memory, so what is measured is ours: decoding, folding,
adding up. A shop of three years: customers, orders and lines as many as the grocer's year has, three times over.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec

from chalicelib.actions import fold
from chalicelib.actions.report import KINDS
from chalicelib.domain import backtest
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.metric import Fold
from chalicelib.domain.metric_facts import Facts
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Line, Purchase
from chalicelib.store import keys, rollups
from chalicelib.telemetry import logger
from tests import shop as calling
from tests.metrics import counting
from tests.metrics.beside import beside
from tests.moments import at
from tests.shop import Shop, program

CUSTOMERS = 2_469
ORDERS_A_YEAR = 155_848
CATEGORIES = 30
YEARS = (2023, 2024, 2025)
TIMES = 5
ENTRIES_A_SECOND, REPORT_MS, TRIAL_SECONDS = 50_000, 200, 20
"""What is promised of a core that does nothing else."""


def orders(count: int, year: int, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Rows of the journal: purchases of nine lines, most of them members'."""
    start = datetime(year, 1, 1, 8, tzinfo=UTC)
    for number in range(count):
        who = chance.randrange(CUSTOMERS)
        moment = milliseconds(start + timedelta(minutes=chance.randrange(364 * 24 * 60)))
        lines = tuple(
            Line(
                f"sku{chance.randrange(9_000)}",
                f"category {int(CATEGORIES * chance.random() ** 3)}",
                1,
                amount,
                amount // 2,
            )
            for amount in (chance.randrange(50, 900) for _ in range(9))
        )
        total = sum(line.amount for line in lines)
        member = who % 10 < 7
        purchase = Purchase(
            kind="earn",
            points=total // 100 if member else 0,
            cause=("order", f"o{year}-{number}"),
            order_id=f"o{year}-{number}",
            amount=total,
            sequence=number + 1 if member else 0,
            booked_by="key:k1",
            occurred_ms=moment,
            booked_ms=moment,
            member_id=f"m{who:015d}" if member else None,
            buyer=None if member else f"g{who:025d}",
            total=total,
            currency="EUR",
            lines=lines,
        )
        yield "PURCHASE", msgspec.json.encode(purchase).decode()


def joinings() -> Iterator[tuple[str, str]]:
    for who in range(CUSTOMERS):
        if who % 10 < 7:
            moment = milliseconds(datetime(2023, 6, 1, tzinfo=UTC) + timedelta(days=who % 700))
            welcome = {"k": "bonus", "c": ["welcome", f"m{who:015d}"], "t": moment, "tb": moment, "q": 1, "p": 10}
            yield "ENTRY", msgspec.json.encode({**welcome, "m": f"m{who:015d}", "E": moment}).decode()


def folded_once(rows: list[tuple[str, str]]) -> Fold:
    """A slice's rows, as pages of the journal hold them."""
    folding = Fold("UTC")
    with fold._uncollected():
        for kind, document in rows:
            folding.add(kind, document)
    return folding


@contextmanager
def three_years(share: float) -> Iterator[tuple[Shop, float]]:
    """A shop whose rollups hold three years, and how many entries a second were folded of the last."""
    chance = random.Random(3)
    with at("2026-01-01T00:00:00+00:00"), beside(program(time_zone="UTC")) as shop:
        folded, spent = 0, 0.0
        made: dict[tuple[int, int], Any] = {}
        for year in YEARS:
            rows = list(orders(int(ORDERS_A_YEAR * share), year, chance))
            if year == YEARS[0]:
                rows += list(joinings())
            slices: dict[int, list[tuple[str, str]]] = {}
            for kind, document in rows:
                told = msgspec.json.decode(document)
                slices.setdefault(keys.shard(told.get("m") or told.get("g")), []).append((kind, document))
            for number, mine in slices.items():
                folding, best = folded_once(mine), float("inf")
                for _ in range(TIMES if year == YEARS[-1] else 1):
                    begun = time.process_time()
                    folding = folded_once(mine)
                    best = min(best, time.process_time() - begun)
                if year == YEARS[-1]:
                    spent += best
                    folded += len(mine)
                for of_year, facts in folding.facts.items():
                    made.setdefault((number, of_year), []).append(facts)
        for (number, of_year), parts in made.items():
            total: Facts = fold.merged(parts)
            for what, data in fold.rolled(of_year, total).items():
                rollups.replace(shop.program_id, what, of_year, number, data, 0)
        for number in range(keys.SHARDS):
            rollups.set_folded(shop.program_id, number, 20_454, 20_453)
        yield shop, folded / spent


def timed(call: Callable[[], Any], times: int = 7) -> float:
    """The best of several, in milliseconds of processor time."""
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        call()
        best = min(best, time.process_time() - begun)
    return best * 1000


def measured(share: float = 1.0) -> Iterator[tuple[str, str, str]]:
    """What is promised, how it is, and the promise; with a share of the grocer's orders, all of its customers."""
    logger.setLevel("WARNING")
    # What the tests hold every answer to is no part of the answer.
    with patch.object(calling, "hold_to_contract", lambda *_: None), three_years(share) as (shop, speed):
        yield "entries folded a second", f"{speed:,.0f}", f"≥ {ENTRIES_A_SECOND:,}"
        weight = sum(len(data) for what in fold.KINDS for data in rollups.all_of(shop.program_id, what, 0, 9999))
        yield "rollups of three years", f"{weight / 1e6:.1f} MB", ""
        for name in KINDS:
            asked = {"from": "2023-01-01", "to": "2025-12-31"}
            spent = timed(lambda name=name, asked=asked: counting.report(shop, name, **asked))
            yield f"report {name} over three years", f"{spent:.0f} ms", f"≤ {REPORT_MS} ms"
    yield "a trial of the grocer's year", f"{tried(share):.1f} s", f"≤ {TRIAL_SECONDS} s"


def tried(share: float) -> float:
    """Seconds of processor time for a program tried on a year of orders."""
    past = []
    for _, document in orders(int(ORDERS_A_YEAR * share), 2025, random.Random(4)):
        bought = msgspec.json.decode(document, type=Purchase)
        moment = datetime.fromtimestamp(bought.occurred_ms / 1000, UTC)
        sale = msgspec.structs.replace(bought.sale, occurred_at=moment)
        past.append(backtest.Past(bought.member_id or bought.buyer, str(bought.order_id), sale))
    past.sort(key=lambda one: one.sale.occurred_at)
    return timed(lambda: backtest.run(check(program()), past), 1) / 1000


if __name__ == "__main__":
    for what, figure, promise in measured(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(f"{what:<40} {figure:>12} {promise}", flush=True)
