"""One lived stretch of the grocer's year, counted once, for every test that only reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.metrics import counting, grocer
from tests.metrics.beside import beside
from tests.metrics.grocer import Lived
from tests.shop import Shop

HOUSEHOLDS = 20


# For one module and no longer: while it stands, every other test's table would be this one.
@pytest.fixture(scope="module")
def grocers_months() -> Iterator[tuple[Shop, Lived]]:
    with beside(grocer.document()) as shop:
        lived = grocer.live(shop, HOUSEHOLDS)
        counting.count(shop, sorted(lived.days))
        yield shop, lived
