"""DynamoDB's condition and update expressions, as far as the store writes them; anything else is an error."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

Item = dict[str, dict[str, Any]]
Names = dict[str, str]
Values = dict[str, dict[str, Any]]
_TOKEN = re.compile(r"\s*(#\w+|:\w+|\w+|<=|>=|<>|[()=<>,])")


def _tokens(text: str) -> list[str]:
    found = _TOKEN.findall(text)
    assert "".join(found) == re.sub(r"\s", "", text), text
    return list(found)


class _Reader:
    def __init__(self, text: str) -> None:
        self.left = _tokens(text)

    def take(self, wanted: str | None = None) -> str:
        token = self.left.pop(0)
        assert wanted is None or token == wanted, (token, wanted)
        return token

    def next_is(self, token: str) -> bool:
        return bool(self.left) and self.left[0] == token

    def either(self) -> Any:
        found = [self.both()]
        while self.next_is("OR"):
            self.take()
            found.append(self.both())
        return found[0] if len(found) == 1 else ("OR", *found)

    def both(self) -> Any:
        found = [self.one()]
        while self.next_is("AND"):
            self.take()
            found.append(self.one())
        return found[0] if len(found) == 1 else ("AND", *found)

    def one(self) -> Any:
        if self.next_is("NOT"):
            self.take()
            return ("NOT", self.one())
        if self.next_is("("):
            self.take()
            inside = self.either()
            self.take(")")
            return inside
        first = self.take()
        if self.next_is("("):
            self.take()
            told = [self.take()]
            while self.next_is(","):
                self.take()
                told.append(self.take())
            self.take(")")
            return (first, *told)
        operator = self.take()
        if operator == "BETWEEN":
            low = self.take()
            self.take("AND")
            return ("BETWEEN", first, low, self.take())
        return (operator, first, self.take())


@lru_cache(maxsize=1024)
def parsed(text: str) -> Any:
    reader = _Reader(text)
    tree = reader.either()
    assert not reader.left, text
    return tree


def plain(value: dict[str, Any] | None) -> Any:
    if value is None:
        return None
    ((kind, held),) = value.items()
    return int(held) if kind == "N" else held


def holds(text: str | None, item: Item | None, names: Names, values: Values) -> bool:
    """Whether a condition is true of an item (None: there is none)."""
    return text is None or _true(parsed(text), item or {}, names, values)


def _true(tree: Any, item: Item, names: Names, values: Values) -> bool:
    kind: str = tree[0]
    rest = tree[1:]
    if kind in ("AND", "OR"):
        parts = (_true(part, item, names, values) for part in rest)
        return all(parts) if kind == "AND" else any(parts)
    if kind == "NOT":
        return not _true(rest[0], item, names, values)

    def value(token: str) -> Any:
        return plain(values[token] if token.startswith(":") else item.get(names.get(token, token)))

    found = [value(token) for token in rest]
    if kind == "attribute_exists":
        return found[0] is not None
    if kind == "attribute_not_exists":
        return found[0] is None
    if any(one is None for one in found):
        return kind == "<>"
    if kind == "begins_with":
        return bool(found[0].startswith(found[1]))
    if kind == "BETWEEN":
        return bool(found[1] <= found[0] <= found[2])
    left, right = found
    compared: dict[str, bool] = {"=": left == right, "<>": left != right}
    compared |= {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}
    return compared[kind]


def changed(text: str, item: Item, names: Names, values: Values) -> Item:
    """The item after an update expression of SET, REMOVE and ADD."""
    after, left = dict(item), _tokens(text)
    clause = ""
    while left:
        token = left.pop(0)
        if token in ("SET", "REMOVE", "ADD"):
            clause = token
            continue
        if token == ",":
            continue
        name = names.get(token, token)
        if clause == "REMOVE":
            after.pop(name, None)
            continue
        if clause == "SET":
            assert left.pop(0) == "=", text
            after[name] = values[left.pop(0)]
        else:
            more = plain(values[left.pop(0)])
            after[name] = {"N": str((plain(after.get(name)) or 0) + more)}
    return after
