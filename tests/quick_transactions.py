"""Makes moto's transactions cost what they touch.

Before each transaction moto copies the whole table, stream records included, to have something to go back to; a test
with a hundred purchases then copies for minutes. Here the backup shares the items, and an update replaces an item
instead of changing it in place, so going back is as exact as before.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamShard, Table

_update_in_place: Any = DynamoDBBackend.update_item


def _backup(table: Table, memo: dict[int, Any]) -> Table:
    twin: Any = copy.copy(table)
    twin.items = defaultdict(dict, {pk: dict(rows) for pk, rows in table.items.items()})
    if table.stream_shard is not None:
        shard: StreamShard = copy.copy(table.stream_shard)
        shard.items, shard.table = list(table.stream_shard.items), twin
        twin.stream_shard = shard
    return twin  # type: ignore[no-any-return]  # moto's own attributes are looser than its annotations


def _update_item(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **named: Any) -> Any:
    table = backend.get_table(table_name)
    pk, sk = backend.get_keys_value(table, key)
    rows: Any = table.items.get(pk, {})
    if sk in rows:
        rows[sk] = copy.deepcopy(rows[sk])
    return _update_in_place(backend, table_name, key, *rest, **named)


def install() -> None:
    Table.__deepcopy__ = _backup  # type: ignore[attr-defined]  # moto's class has none of its own
    DynamoDBBackend.update_item = _update_item  # type: ignore[method-assign, assignment]  # takes what moto's takes
