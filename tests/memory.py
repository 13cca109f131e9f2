"""A table in memory that keeps its promises: conditions, transactions of all or nothing, updates.

It stands where PynamoDB would call the database, so the actions run whole, thousands of times a minute. What it
understands of conditions and updates is what the store uses; anything else is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

from pynamodb.expressions.condition import Condition

from chalicelib.domain.ledger import Entry
from chalicelib.domain.purchase import Refund
from chalicelib.store import keys, table
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, Row, Write

Item = dict[str, Any]


def _plain(value: Any) -> Any:
    """A condition's operand: an attribute's name, or a value."""
    told = getattr(value, "value", None)
    if isinstance(told, dict):
        ((kind, text),) = told.items()
        return int(text) if kind == "N" else text
    return value


def holds(condition: Condition | None, item: Item | None) -> bool:
    if condition is None:
        return True
    present = item or {}
    if condition.operator in ("AND", "OR"):
        parts = [holds(part, item) for part in condition.values]
        return all(parts) if condition.operator == "AND" else any(parts)
    seen = present.get(condition.values[0].path[0])
    if condition.operator == "attribute_not_exists":
        return seen is None
    if condition.operator == "attribute_exists":
        return seen is not None
    wanted = _plain(condition.values[1])
    if seen is None or wanted is None:
        return False
    compared: dict[str, bool] = {"=": seen == wanted, "<": seen < wanted, ">": seen > wanted}
    compared |= {"<=": seen <= wanted, ">=": seen >= wanted}
    return compared[condition.operator]


def changed(item: Item, actions: Iterable[Any]) -> Item:
    after = dict(item)
    for action in actions:
        name = action.values[0].path[0]
        kind = type(action).__name__
        if kind == "RemoveAction":
            after.pop(name, None)
        elif kind == "AddAction":
            after[name] = after.get(name, 0) + _plain(action.values[1])
        else:
            assert kind == "SetAction", kind
            after[name] = _plain(action.values[1])
    return after


class Memory:
    """The items, and a transaction over them."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.commits = 0

    def rows(self, wanted: Iterable[Key]) -> Iterator[Row]:
        for key in wanted:
            if key in self.items:
                yield Row(**deepcopy(self.items[key]))

    def write(self, writes: Sequence[Write]) -> None:
        assert len(writes) <= 100, "a transaction holds 100 items"
        assert len({write.row.key for write in writes}) == len(writes), "a transaction names an item once"
        if not all(holds(write.condition, self.items.get(write.row.key)) for write in writes):
            raise Lost
        self.commits += 1
        for write in writes:
            row = write.row
            if write.delete:
                self.items.pop(row.key, None)
            elif write.actions:
                before = self.items.get(row.key, {"pk": row.pk, "sk": row.sk})
                self.items[row.key] = changed(before, write.actions)
            else:
                self.items[row.key] = deepcopy(row.attribute_values)

    def chain(self, program_id: str, member_id: str) -> list[Entry]:
        """The member's entries, oldest first, by their places in the statement."""
        spk, _ = keys.statement_of_member(program_id, member_id, 0)
        rows = sorted(
            (Row(**item) for item in self.items.values() if item.get("spk") == spk), key=lambda row: str(row.ssk)
        )
        return [row.document(Refund if row.t == "REFUND" else Entry) for row in rows]


@contextmanager
def remembered(memory: Memory | None = None) -> Iterator[Memory]:
    """Everything that the store reads and writes inside goes to a table in memory: a new one where none is given."""
    memory = Memory() if memory is None else memory

    with (
        patch.object(table, "connection", lambda: None),
        patch.object(table, "_fetch", lambda wanted: list(memory.rows(wanted))),
        patch.object(table, "_transact", lambda writes: memory.write(writes)),  # tests put their own write in its place
        patch.object(table, "_put", lambda write: memory.write([write])),
    ):
        yield memory
