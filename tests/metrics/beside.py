"""A shop on a table in memory that answers queries too: a year of a real grocer in seconds, through the app itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from pynamodb.expressions.condition import Condition

from chalicelib.store import rollups, table
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, Write
from tests.memory import Item, Memory, remembered
from tests.shop import Shop

_KEYS = {"": ("pk", "sk"), "statement": ("spk", "ssk"), "journal": ("jpk", "jsk"), "directory": ("npk", "nsk")}


class Places:
    """The table's indexes, kept up as items are written, and what the client itself wrote."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.raw: dict[str, dict[str, dict[str, Any]]] = {}
        """Rollups, by partition and sort key."""
        self._written: dict[Key, None] = {}
        self._standing: dict[Key, list[tuple[str, str]]] = {}
        self._places: dict[tuple[str, str], dict[Key, Item]] = {}

    def write(self, writes: Sequence[Write]) -> None:
        """A transaction of the table, whose items are to be found anew."""
        self.memory.write(writes)
        self._written.update(dict.fromkeys(write.row.key for write in writes))

    def rows(self, index: str, partition: str) -> list[Item]:
        for key in self._written:
            for place in self._standing.pop(key, []):
                del self._places[place][key]
            item = self.memory.items.get(key)
            if item is not None:
                found = [(name, item[hash_key]) for name, (hash_key, _) in _KEYS.items() if item.get(hash_key)]
                for place in found:
                    self._places.setdefault(place, {})[key] = item
                self._standing[key] = found
        self._written.clear()
        sort = _KEYS[index][1]
        return sorted(self._places.get((index, partition), {}).values(), key=lambda item: str(item[sort]))

    def query(self, index: str) -> Any:
        def query(
            hash_key: str, condition: Condition | None = None, *, limit: int | None = None, **options: Any
        ) -> Iterator[Row]:
            found = [item for item in self.rows(index, hash_key) if _fits(condition, item)]
            if options.get("scan_index_forward") is False:
                found.reverse()
            return iter([Row(**item) for item in found[:limit]])

        return query

    def call(self, operation: str, **asked: Any) -> dict[str, Any]:
        """The client's calls that rollups are read and written with."""
        if operation == "query":
            return {"Items": self._asked(asked)}
        key = asked.get("Key") or asked["Item"]
        rows = self.raw.setdefault(key["pk"]["S"], {})
        known = rows.get(key["sk"]["S"])
        if operation == "get_item":
            return {} if known is None else {"Item": known}
        assert operation == "put_item", operation
        guard = asked.get("ConditionExpression")
        if guard == "attribute_not_exists(pk)" and known is not None:
            raise Lost
        if guard == "v = :seen" and (known is None or known["v"] != asked["ExpressionAttributeValues"][":seen"]):
            raise Lost
        rows[key["sk"]["S"]] = asked["Item"]
        return {}

    def _asked(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        values = {name: next(iter(value.values())) for name, value in asked["ExpressionAttributeValues"].items()}
        if asked.get("IndexName") == "journal":
            return [{"t": {"S": row["t"]}, "d": {"S": row["d"]}} for row in self.rows("journal", values[":slice"])]
        rows = sorted(self.raw.get(values[":pk"], {}).items())
        if ":sk" in values:
            return [row for name, row in rows if name.startswith(values[":sk"])]
        found = [row for name, row in rows if values[":first"] <= name <= values[":last"]]
        return found[: asked.get("Limit")]


def _fits(condition: Condition | None, item: Item) -> bool:
    if condition is None:
        return True
    name = condition.values[0].path[0]
    wanted = [next(iter(value.value.values())) for value in condition.values[1:]]
    seen = item.get(name)
    if seen is None:
        return False
    if condition.operator == "begins_with":
        return bool(seen.startswith(wanted[0]))
    if condition.operator == "BETWEEN":
        return bool(wanted[0] <= seen <= wanted[1])
    compared: dict[str, bool] = {"<": seen < wanted[0], "<=": seen <= wanted[0], ">": seen > wanted[0]}
    compared |= {">=": seen >= wanted[0], "=": seen == wanted[0]}
    return compared[condition.operator]


@contextmanager
def standing_at(places: Places) -> Iterator[None]:
    """Everything that is read and written inside goes to this table."""
    with ExitStack() as opened:
        opened.enter_context(remembered(places.memory))
        opened.enter_context(patch.object(table, "_transact", places.write))
        opened.enter_context(patch.object(table, "_put", lambda write: places.write([write])))
        opened.enter_context(patch.object(rollups, "_call", places.call))
        opened.enter_context(patch.object(Row, "query", places.query("")))
        for name in ("statement", "journal", "directory"):
            opened.enter_context(patch.object(getattr(Row, name), "query", places.query(name)))
        yield


@contextmanager
def beside(document: dict[str, Any]) -> Iterator[Shop]:
    """A shop whose table is a dictionary of this process."""
    with standing_at(Places(Memory())):
        yield Shop(document)
