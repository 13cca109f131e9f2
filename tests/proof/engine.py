"""An engine in this process that answers DynamoDB's own requests: what boto would have sent over the network.

Conditions, transactions of all or nothing, request tokens, indexes with their projections and pages are kept as
DynamoDB keeps them. It is quick and has no threads of its own, so what happens in it is the seed's alone.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

from tests.proof.expressions import Item, changed, holds, plain

Answer = tuple[int, dict[str, Any]]
NAMESPACE = "com.amazonaws.dynamodb.v20120810#"


def refusal(code: str, reasons: list[str] | None = None, message: str = "injected") -> Answer:
    """An error as DynamoDB words it; ``reasons`` say why a transaction was cancelled, item by item."""
    body: dict[str, Any] = {"__type": NAMESPACE + code, "message": message}
    if reasons is not None:
        body["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        body["Message"] = f"Transaction cancelled, please refer cancellation reasons [{', '.join(reasons)}]"
    return 400, body


class _Index:
    """``hash_name`` and ``range_name`` name the attributes; ``kept`` what is projected, None for everything."""

    def __init__(self, hash_name: str, range_name: str, kept: frozenset[str] | None) -> None:
        self.hash_name, self.range_name, self.kept = hash_name, range_name, kept
        self.parts: dict[str, list[tuple[str, str, str]]] = {}

    def place(self, item: Item) -> tuple[str, tuple[str, str, str]] | None:
        if self.hash_name not in item or self.range_name not in item:
            return None
        place = (item[self.range_name]["S"], item["pk"]["S"], item["sk"]["S"])
        return item[self.hash_name]["S"], place

    def move(self, before: Item | None, after: Item | None) -> None:
        old = None if before is None else self.place(before)
        new = None if after is None else self.place(after)
        if old == new:
            return
        if old is not None:
            part = self.parts[old[0]]
            part.pop(bisect_left(part, old[1]))
        if new is not None:
            insort(self.parts.setdefault(new[0], []), new[1])


class Engine:
    """One table with the indexes of a CreateTable request."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.indexes = {None: _Index("pk", "sk", None)} | {
            one["IndexName"]: _index(one) for one in definition["GlobalSecondaryIndexes"]
        }
        self._done: dict[str, str] = {}

    def answer(self, operation: str, asked: dict[str, Any]) -> Answer:
        handler = {
            "BatchGetItem": self._batch_get,
            "GetItem": self._get,
            "PutItem": self._put,
            "UpdateItem": self._update,
            "TransactWriteItems": self._transact,
            "Query": self._query,
        }[operation]
        return handler(asked)

    def _set(self, key: tuple[str, str], after: Item | None) -> None:
        before = self.items.get(key)
        for index in self.indexes.values():
            index.move(before, after)
        if after is None:
            self.items.pop(key, None)
        else:
            self.items[key] = after

    def _batch_get(self, asked: dict[str, Any]) -> Answer:
        ((name, wanted),) = asked["RequestItems"].items()
        keys = [(key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"]]
        if len(set(keys)) != len(keys) or not 1 <= len(keys) <= 100:
            return refusal("ValidationException", message="Provided list of item keys contains duplicates or too many")
        return 200, {"Responses": {name: [self.items[key] for key in keys if key in self.items]}, "UnprocessedKeys": {}}

    def _get(self, asked: dict[str, Any]) -> Answer:
        item = self.items.get(_key(asked["Key"]))
        return 200, {} if item is None else {"Item": item}

    def _holds(self, part: dict[str, Any], key: tuple[str, str]) -> bool:
        names, values = part.get("ExpressionAttributeNames", {}), part.get("ExpressionAttributeValues", {})
        return holds(part.get("ConditionExpression"), self.items.get(key), names, values)

    def _put(self, asked: dict[str, Any]) -> Answer:
        key = _key(asked["Item"])
        if not self._holds(asked, key):
            return refusal("ConditionalCheckFailedException", message="The conditional request failed")
        self._set(key, asked["Item"])
        return 200, {}

    def _update(self, asked: dict[str, Any]) -> Answer:
        key = _key(asked["Key"])
        if not self._holds(asked, key):
            return refusal("ConditionalCheckFailedException", message="The conditional request failed")
        self._change(asked, key)
        return 200, {}

    def _change(self, part: dict[str, Any], key: tuple[str, str]) -> None:
        names, values = part.get("ExpressionAttributeNames", {}), part.get("ExpressionAttributeValues", {})
        before = self.items.get(key, part["Key"])
        self._set(key, changed(part["UpdateExpression"], before, names, values))

    def _transact(self, asked: dict[str, Any]) -> Answer:
        token, content = asked["ClientRequestToken"], json.dumps(asked, sort_keys=True)
        if token in self._done:
            if self._done[token] != content:
                return refusal("IdempotentParameterMismatchException")
            return 200, {}
        parts = [next(iter(one.items())) for one in asked["TransactItems"]]
        keys = [_key(part.get("Item") or part["Key"]) for _, part in parts]
        if len(set(keys)) != len(keys) or len(keys) > 100:
            return refusal("ValidationException", message="Transaction request cannot include multiple operations")
        good = [self._holds(part, key) for (_, part), key in zip(parts, keys, strict=True)]
        if not all(good):
            reasons = ["None" if one else "ConditionalCheckFailed" for one in good]
            return refusal("TransactionCanceledException", reasons)
        for (kind, part), key in zip(parts, keys, strict=True):
            if kind == "Put":
                self._set(key, part["Item"])
            elif kind == "Update":
                self._change(part, key)
            elif kind == "Delete":
                self._set(key, None)
        self._done[token] = content
        return 200, {}

    def _query(self, asked: dict[str, Any]) -> Answer:
        index = self.indexes[asked.get("IndexName")]
        names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
        hash_value = next(
            plain(values[told])
            for alias, told in _equalities(asked["KeyConditionExpression"])
            if names.get(alias, alias) == index.hash_name
        )
        places = index.parts.get(hash_value, [])
        forward = asked.get("ScanIndexForward", True)
        start = asked.get("ExclusiveStartKey")
        after = None if start is None else (start[index.range_name]["S"], start["pk"]["S"], start["sk"]["S"])
        limit = asked.get("Limit", 10**9)
        found: list[Item] = []
        looked = 0
        last: Item | None = None
        for place in places if forward else reversed(places):
            if after is not None and (place <= after if forward else place >= after):
                continue
            item = self.items[(place[1], place[2])]
            if not holds(asked["KeyConditionExpression"], item, names, values):
                continue
            if looked == limit:
                keys = {"pk", "sk", index.hash_name, index.range_name}
                evaluated = {} if last is None else {name: last[name] for name in keys}
                counted = {"Count": len(found), "ScannedCount": looked}
                return 200, {"Items": found, "LastEvaluatedKey": evaluated, **counted}
            looked, last = looked + 1, item
            if holds(asked.get("FilterExpression"), item, names, values):
                kept = index.kept
                found.append(item if kept is None else {name: item[name] for name in item if name in kept})
        return 200, {"Items": found, "Count": len(found), "ScannedCount": looked}


def _equalities(condition: str) -> list[tuple[str, str]]:
    from tests.proof.expressions import parsed

    tree = parsed(condition)
    parts = tree[1:] if tree[0] == "AND" else (tree,)
    return [(part[1], part[2]) for part in parts if part[0] == "="]


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _index(told: Mapping[str, Any]) -> _Index:
    names = {one["KeyType"]: one["AttributeName"] for one in told["KeySchema"]}
    projection = told["Projection"]
    more = projection.get("NonKeyAttributes", ())
    kept = None if projection["ProjectionType"] == "ALL" else frozenset({"pk", "sk", *names.values(), *more})
    return _Index(names["HASH"], names["RANGE"], kept)
