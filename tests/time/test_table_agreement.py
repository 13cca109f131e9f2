"""Random members lived through the service agree with a plain recomputation from their statements.

``python -m tests.time.table_agreement 200`` lives the long form.
"""

from __future__ import annotations

import pytest

from tests.time.engine_world import engine_world
from tests.time.table_agreement import compare


@pytest.mark.parametrize("shop", range(2))
def test_the_table_holds_what_the_statements_say(shop: int) -> None:
    assert compare(shop, 10) > 100, "the schedule had something to do"


def test_so_it_does_down_to_the_requests_that_the_database_gets() -> None:
    assert compare(1, 3, engine_world) > 20
