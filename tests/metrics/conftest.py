"""One lived stretch of the grocer's year, counted once, for every test that only reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.actions import fold
from chalicelib.domain.calendar import moment_of
from chalicelib.store import keys
from tests.memory import Memory
from tests.metrics import grocer
from tests.metrics.beside import Places, standing_at
from tests.metrics.books import Books
from tests.metrics.living import live
from tests.moments import at
from tests.shop import Shop

_KEPT: list[tuple[Places, Books]] = []


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    """Lived and folded once; its table stands for one module at a time, for it would be every other test's table."""
    if not _KEPT:
        places = Places(Memory())
        with standing_at(places):
            _KEPT.append((places, _lived(partial(_tell, request.config))))
    places, found = _KEPT[0]
    with standing_at(places):
        yield found


def _tell(config: pytest.Config, text: str) -> None:
    """Of the whole year, which takes minutes, how far it is; past what pytest captures."""
    capturing: Any = config.pluginmanager.getplugin("capturemanager")
    if grocer.PROVING:
        with capturing.global_and_fixture_disabled():
            print(f"\n{text}", end="", flush=True)


def _lived(tell: Callable[[str], None]) -> Books:
    """Folded by the first run over all of it, as a night's run would."""
    with at(grocer.OPENS.isoformat()):
        shop = Shop(grocer.document())
        begun = time.process_time()
        lived = live(shop, tell=tell)
        between = time.process_time()
        end = moment_of(max(lived.days) * 86_400_000) + timedelta(days=2)
        rows = sum(fold.fold_until(shop.program_id, number, end, end).rows for number in range(keys.SHARDS))
    spent = time.process_time() - between
    told = f"{len(lived.orders):,} orders, {len(lived.refunds):,} refunds, {len(lived.joins):,} members, "
    told += f"{len(lived.vouchers):,} vouchers, {len(lived.ledger):,} entries: lived in {between - begun:,.0f} s; "
    tell(f"{told}{rows:,} rows of the journal read, folded and rolled up in {spent:,.1f} s of processor time")
    return Books(shop, lived)
