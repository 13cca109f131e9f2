"""What a fold holds at once: a booked day of one slice, however many days it passes over."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from chalicelib.actions import fold
from chalicelib.store import rollups
from tests.metrics.beside import beside
from tests.metrics.speed import orders
from tests.shop import Shop, program

ROWS_A_DAY = 30


@pytest.fixture
def shop() -> Iterator[Shop]:
    with beside(program()) as made:
        yield made


def most_held(shop: Shop, days: int) -> int:
    """Bytes held at the worst moment of folding so many days."""

    rows = list(orders(ROWS_A_DAY, 2024, random.Random(1)))
    with patch.object(rollups, "journal", lambda *_: iter(rows)), patch.object(rollups, "write_facts", lambda *_: None):
        tracemalloc.start()
        for day in range(days):
            assert fold.fold_day(shop.program_id, "UTC", 0, 19_000 + day)[0] == ROWS_A_DAY
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


def test_thirty_days_hold_no_more_at_once_than_three(shop: Shop) -> None:
    most_held(shop, 1)  # what is remembered of the days of a year
    assert most_held(shop, 30) < 1.2 * most_held(shop, 3)
