"""One deployment for all the end-to-end tests: making it takes as long as all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.deployed import Deployed, deployed


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployed]:
    with deployed() as made:
        yield made
