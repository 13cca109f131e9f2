"""What every test shares: an environment that names no account, and a shop to call."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.watched"]

os.environ.update(
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    REGULARS_SECRET="only-for-tests-only-for-tests-only",
    REGULARS_TABLE="regulars",
    POWERTOOLS_LOG_LEVEL="INFO",  # tests/watched.py reads what is logged
)


@pytest.fixture
def shop() -> Iterator[object]:
    """The corner café, empty."""
    from tests.shop import opened

    with opened() as made:
        yield made
