"""Makes moto's transactions cost what they touch.

Before each transaction moto copies the whole table, stream records included, to have something to go back to; a test
with a hundred purchases then copies for minutes. The same backup is taken here without copying what nobody changes.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from moto.dynamodb.models.table import StreamShard, Table


def _backup(table: Table, memo: dict[int, Any]) -> Table:
    twin: Any = copy.copy(table)
    # Items are changed in place by updates, so they are copied; stream records are only ever appended.
    twin.items = defaultdict(dict)
    for pk, rows in table.items.items():
        twin.items[pk] = {sk: copy.deepcopy(item, memo) for sk, item in rows.items()}
    if table.stream_shard is not None:
        shard: StreamShard = copy.copy(table.stream_shard)
        shard.items, shard.table = list(table.stream_shard.items), twin
        twin.stream_shard = shard
    return twin  # type: ignore[no-any-return]  # moto's own attributes are looser than its annotations


def install() -> None:
    Table.__deepcopy__ = _backup  # type: ignore[attr-defined]  # moto's class has none of its own
