"""Folding in tests: the days that were booked on, in any order, and all rollups as they stand."""

from __future__ import annotations

import random
import zlib
from typing import Any

import msgspec

from chalicelib.actions import fold
from chalicelib.store import keys, programs, rollups
from chalicelib.store.table import load
from tests.shop import Shop


def count(shop: Shop, days: list[int], chance: random.Random | None = None) -> None:
    """Folds every slice of these booked days; shuffled where a chance is given."""
    key = keys.program(shop.program_id)
    zone = programs.written(load([key])[key]).program.time_zone
    work = [(day, number) for day in days for number in range(keys.SHARDS)]
    if chance is not None:
        chance.shuffle(work)
    touched = set()
    for day, number in work:
        _, years = fold.fold_day(shop.program_id, zone, number, day)
        touched |= {(number, year) for year in years}
        if chance is not None and years and chance.random() < 0.1:
            fold.roll_up(shop.program_id, number, min(years))
    for number, year in sorted(touched):
        fold.roll_up(shop.program_id, number, year)
    for number in range(keys.SHARDS):
        rollups.set_folded(shop.program_id, number, max(days), max(days) - 1)


def standing(shop: Shop) -> dict[tuple[str, int, int], Any]:
    """Every rollup, decoded."""
    found = {}
    for what in fold.KINDS:
        for at, (year, data) in enumerate(rollups.read_by_year(shop.program_id, what, 0, 9999)):
            plain = data if what == "FIGURES" else zlib.decompress(data)
            found[what, year, at] = msgspec.msgpack.decode(plain)
    return found


def report(shop: Shop, name: str, **query: Any) -> Any:
    """A report over HTTP."""
    asked = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    answer = shop.call("GET", f"/reports/{name}?{asked}", key=shop.owner)
    assert answer.status == 200, answer.body
    return answer.body
