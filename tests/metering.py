"""Prices every request that a DynamoDB client sends, by the rules by which DynamoDB bills, not by what an emulator
reports.

The rules, as the developer guide states them ("Read and write operations", "Global secondary indexes: write capacity
units", "Amazon DynamoDB transactions: capacity management"):

* A write costs 1 unit for each started KB of the larger of the item before and after; 2 in a transaction, also for
  an item that is only checked. A deletion costs what the item was.
* A failed condition costs the same on the table, and touches no index; in a cancelled transaction every item counts.
* Each index costs, for each started KB of its entry: 1 where the entry appears or disappears, 2 where its key moves
  (the old entry goes, the new one comes), 1 where only a projected attribute changed, nothing where nothing did.
  Indexes are fed after the transaction, so their share is never doubled.
* Sizes are the sums of UTF-8 names and values. The 100 bytes for each item that storage is billed by do not count.

A round trip is a request that went over the wire, so a retry inside botocore is a second one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec

from infra.local import template

KILOBYTE = 1024
Item = dict[str, Any]
"""An item as it goes over the wire: each value with its type's letter."""
Client = Any  # botocore makes its clients at run time; they have no types


class Index(msgspec.Struct, frozen=True):
    """A global secondary index: its key, and what it holds (None: everything)."""

    key: tuple[str, ...]
    projected: frozenset[str] | None

    def entry(self, item: Item | None) -> Item | None:
        """What the index holds of an item; None where the item lacks the index's key and so is not in it."""
        if item is None or not all(name in item for name in self.key):
            return None
        return item if self.projected is None else {name: item[name] for name in self.projected if name in item}

    def units(self, before: Item | None, after: Item | None) -> int:
        """What the change of one item costs here."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old is None or new is None:
            return started_kilobytes(old or new)
        if [old[name] for name in self.key] != [new[name] for name in self.key]:
            return started_kilobytes(old) + started_kilobytes(new)
        return max(started_kilobytes(old), started_kilobytes(new))


class Charge(msgspec.Struct, frozen=True):
    """One write of one item, and what it cost."""

    operation: str
    key: str
    table: int
    index: int
    bytes: int
    """The item as it stands after the write, or would have."""


class Bill(msgspec.Struct):
    """What was sent while the meter ran."""

    operations: list[str] = []
    charges: list[Charge] = []

    @property
    def round_trips(self) -> int:
        return len(self.operations)

    @property
    def write_units(self) -> int:
        return sum(charge.table + charge.index for charge in self.charges)

    def largest(self, part: str) -> int:
        """The size in bytes of the largest item written whose key contains ``part``; 0 where there was none."""
        return max((charge.bytes for charge in self.charges if part in charge.key), default=0)


@contextmanager
def metered(client: Client) -> Iterator[Bill]:
    """Counts what this client sends until the end of the block, from one thread."""
    bill = Bill()
    meter = _Meter(client, bill)
    events = client.meta.events
    events.register_first("before-send.dynamodb", meter.sent)
    events.register_last("after-call.dynamodb", meter.answered)
    try:
        yield bill
    finally:
        events.unregister("before-send.dynamodb", meter.sent)
        events.unregister("after-call.dynamodb", meter.answered)
        meter.settle(False)


class _Write(msgspec.Struct, frozen=True):
    """One item that a request writes: what stood there before, and what a put says will."""

    operation: str
    table: str
    key: Item
    factor: int
    before: Item | None
    given: Item
    """A put's item; for an update or a check the values it names, which is all that a failed one can be priced by."""


class _Meter:
    def __init__(self, client: Client, bill: Bill) -> None:
        self._bill = bill
        self._client = client
        self._looking = False
        self._pending: list[_Write] = []

    def sent(self, request: Any, **_: Any) -> None:
        """Before a request leaves: remembers what it is about to change. Never answers in the server's place."""
        if self._looking:
            return
        self.settle(False)  # an attempt that got no answer, which botocore now repeats
        target = request.headers["X-Amz-Target"]
        operation = (target if isinstance(target, str) else target.decode()).rpartition(".")[2]
        self._bill.operations.append(operation)
        for table, kind, body, factor in _writes(operation, json.loads(request.body)):
            key = _key(body.get("Item") or body["Key"])
            # The names of an update's values begin with a colon, so they cannot meet the item's own.
            given = body.get("Item") or body.get("ExpressionAttributeValues", {})
            self._pending.append(_Write(kind, table, key, factor, self._read(table, key), given))

    def answered(self, http_response: Any, **_: Any) -> None:
        if not self._looking:
            self.settle(http_response.status_code == 200)

    def settle(self, succeeded: bool) -> None:
        """Prices what is pending: from what stands there now, or, where nothing was written, from what was asked."""
        for write in self._pending:
            before = write.before
            after = self._read(write.table, write.key) if succeeded else _wanted(write)
            larger = max(started_kilobytes(before), started_kilobytes(after))
            indexes = sum(index.units(before, after) for index in _indexes()) if succeeded else 0
            name = " ".join(str(value["S"]) for value in write.key.values())
            self._bill.charges.append(Charge(write.operation, name, write.factor * larger, indexes, size(after or {})))
        self._pending.clear()

    def _read(self, table: str, key: Item) -> Item | None:
        self._looking = True
        try:
            found: Item | None = self._client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        finally:
            self._looking = False
        return None if found is None else as_sent(found)


def _wanted(write: _Write) -> Item | None:
    """What would stand there had the write not failed; for an update, never smaller than that."""
    if write.operation == "Put":
        return write.given
    return write.before if write.operation == "Delete" else {**(write.before or write.key), **write.given}


@cache
def _indexes() -> tuple[Index, ...]:
    definition = template.table().create
    primary = [key["AttributeName"] for key in definition["KeySchema"]]
    found = []
    for index in definition["GlobalSecondaryIndexes"]:
        key = tuple(part["AttributeName"] for part in index["KeySchema"])
        projection = index["Projection"]
        whole = projection["ProjectionType"] == "ALL"
        found.append(
            Index(key, None if whole else frozenset({*primary, *key, *projection.get("NonKeyAttributes", [])}))
        )
    return tuple(found)


def _writes(operation: str, body: Any) -> Iterator[tuple[str, str, Any, int]]:
    """Each item that a request writes: (table, kind of write, its part of the request, units for each KB)."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield body["TableName"], operation.removesuffix("Item"), body, 1
    elif operation == "TransactWriteItems":
        for item in body["TransactItems"]:
            for kind, part in item.items():
                yield part["TableName"], kind, part, 2
    elif operation == "BatchWriteItem":
        for table, requests in body["RequestItems"].items():
            for request in requests:
                for kind, part in request.items():
                    yield table, kind.removesuffix("Request"), part, 1
    elif operation not in ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems", "DescribeTable"):
        raise AssertionError(f"The meter does not know what {operation} costs.")


def _key(item: Item) -> Item:
    return {name: item[name] for name in ("pk", "sk")}


def as_sent(item: Item) -> Item:
    """An item as botocore takes and gives it, in the form in which a request's body holds it: bytes in base 64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()
    }


def started_kilobytes(item: Item | None) -> int:
    return max(1, -(-size(item or {}) // KILOBYTE))


def size(item: Item) -> int:
    """Bytes of an item as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Any) -> int:
    ((letter, held),) = value.items()
    if letter == "S":
        return len(held.encode())
    if letter == "B":
        return len(base64.b64decode(held))
    if letter == "N":
        return _digits(held)
    if letter in ("BOOL", "NULL"):
        return 1
    if letter == "L":
        return 3 + sum(1 + _size(element) for element in held)
    if letter == "M":
        return 3 + sum(1 + len(name.encode()) + _size(element) for name, element in held.items())
    assert letter in ("SS", "NS", "BS"), letter
    return sum(_size({letter[0]: element}) for element in held)


def _digits(number: str) -> int:
    """A number takes a byte for each two significant digits and one more; a minus sign another."""
    mantissa = number.lower().partition("e")[0]
    digits = mantissa.replace(".", "").lstrip("+-").strip("0") or "0"
    return -(-len(digits) // 2) + 1 + mantissa.startswith("-")
