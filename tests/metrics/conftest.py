"""One lived stretch of the grocer's year, counted once, for every test that only reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.metrics import counting, grocer
from tests.metrics.beside import beside
from tests.metrics.grocer import Lived
from tests.shop import Shop

HOUSEHOLDS = 20


@pytest.fixture(scope="session")
def grocers_months() -> Iterator[tuple[Shop, Lived]]:
    with beside(grocer.document()) as shop:
        lived = grocer.live(shop, HOUSEHOLDS)
        counting.count(shop, sorted(lived.days))
        yield shop, lived
