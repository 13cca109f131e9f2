"""Finds every fault of a refused document by walking the value beside msgspec's description of its type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import inspect

from chalicelib.domain.errors import Fault
from chalicelib.domain.wording import number_of

_LISTS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType, inspect.CollectionType)
_PARSED: dict[type, Any] = {inspect.DateType: date, inspect.DateTimeType: datetime}


def pointer(at: str, token: str | int) -> str:
    """``at`` with one more RFC 6901 token."""
    text = str(token).encode("utf-8", "replace").decode()
    return f"{at}/{text.replace('~', '~0').replace('/', '~1')}"


def faults_of(value: object, kind: inspect.Type, at: str, or_null: str = "") -> Iterator[Fault]:
    """Every fault of ``value`` as ``kind``, in the document's order; ``at`` is where it stands."""
    bare = _bare(kind)
    if isinstance(bare, inspect.UnionType):
        yield from _faults_of_union(value, bare, at)
    elif not _fits(value, bare):
        yield Fault(at, f"Must be {_phrase(kind)}{or_null}.")
    elif isinstance(bare, inspect.StructType) and isinstance(value, dict):
        yield from _faults_of_struct(value, bare, at)
    elif isinstance(bare, inspect.DictType) and isinstance(value, dict):
        for name, item in value.items():
            if _fits(name, _bare(bare.key_type)):
                yield from faults_of(item, bare.value_type, pointer(at, name))
            else:
                yield Fault(pointer(at, name), f"Unknown name; it must be {_phrase(bare.key_type)}.")
    elif isinstance(bare, _LISTS) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults_of(item, bare.item_type, pointer(at, index))


def _faults_of_struct(value: dict[str, object], kind: inspect.StructType, at: str) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in kind.fields}
    if kind.tag_field is not None and value.get(kind.tag_field) != kind.tag:
        yield Fault(pointer(at, kind.tag_field), f"Must be {json.dumps(kind.tag)}.")
    for name, item in value.items():
        if name in fields:
            yield from faults_of(item, fields[name].type, pointer(at, name))
        elif kind.forbid_unknown_fields and name != kind.tag_field:
            yield Fault(pointer(at, name), "Unknown field; remove it.")
    for name, field in fields.items():
        if field.required and name not in value:
            yield Fault(pointer(at, name), "Required.")


def _faults_of_union(value: object, kind: inspect.UnionType, at: str) -> Iterator[Fault]:
    branches = [branch for branch in kind.types if not isinstance(_bare(branch), inspect.NoneType)]
    nullable = len(branches) < len(kind.types)
    if value is None and nullable:
        return
    or_null = ", or null" if nullable else ""
    if len(branches) == 1:
        yield from faults_of(value, branches[0], at, or_null)
        return
    alike = [branch for branch in branches if _same_json_type(value, _bare(branch))]
    if len(alike) > 1:  # objects told apart by their tag
        alike = [branch for branch in alike if _has_tag(value, _bare(branch))] or alike
    if len(alike) == 1:
        yield from faults_of(value, alike[0], at, or_null)
    elif not any(_fits(value, _bare(branch)) and not _has_parts(_bare(branch)) for branch in branches):
        yield Fault(at, f"Must be {' or '.join(dict.fromkeys(map(_phrase, branches)))}{or_null}.")


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _has_parts(kind: inspect.Type) -> bool:
    return isinstance(kind, (inspect.StructType, inspect.DictType, *_LISTS))


def _has_tag(value: object, kind: inspect.Type) -> bool:
    if not isinstance(kind, inspect.StructType) or kind.tag_field is None or not isinstance(value, dict):
        return False
    return bool(value.get(kind.tag_field) == kind.tag)


def _same_json_type(value: object, kind: inspect.Type) -> bool:
    if isinstance(kind, (inspect.StructType, inspect.DictType)):
        return isinstance(value, dict)
    if isinstance(kind, _LISTS):
        return isinstance(value, list)
    if isinstance(kind, inspect.IntType):
        return type(value) is int
    if isinstance(kind, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(kind, (inspect.StrType, *_PARSED)):
        return isinstance(value, str)
    return _fits(value, kind)


def _fits(value: object, kind: inspect.Type) -> bool:
    """Whether ``value`` by itself is right; what it holds is looked at later."""
    match kind:
        case inspect.IntType():
            return type(value) is int and _in_range(value, kind)
        case inspect.FloatType():
            return type(value) in (int, float) and isinstance(value, (int, float)) and _in_range(value, kind)
        case inspect.StrType():
            return (
                isinstance(value, str)
                and _long_enough(value, kind)
                and (kind.pattern is None or re.search(kind.pattern, value) is not None)
            )
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.NoneType():
            return value is None
        case inspect.LiteralType():
            return any(type(value) is type(known) and value == known for known in kind.values)
        case inspect.StructType():
            return isinstance(value, dict)
        case inspect.DictType():
            return isinstance(value, dict) and _long_enough(value, kind)
        case inspect.DateType():
            return isinstance(value, str) and _parses(value, date)
        case inspect.DateTimeType():
            return isinstance(value, str) and _parses(value, datetime, kind.tz)
        case _ if isinstance(kind, _LISTS):
            return isinstance(value, list) and _long_enough(value, kind)
        case _:  # kinds that no document uses yet: msgspec's own words will do
            return True


def _parses(value: str, kind: type[date], offset: bool | None = None) -> bool:
    try:
        parsed = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return offset is None or (isinstance(parsed, datetime) and (parsed.tzinfo is not None) == offset)


def _in_range(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
        and (kind.lt is None or value < kind.lt)
        and (kind.multiple_of is None or value % kind.multiple_of == 0)
    )


def _long_enough(value: Any, kind: Any) -> bool:
    return (kind.min_length is None or len(value) >= kind.min_length) and (
        kind.max_length is None or len(value) <= kind.max_length
    )


def _phrase(kind: inspect.Type) -> str:
    """What completes "Must be ..."; a type may bring its own words as ``Meta(extra={"must": ...})``."""
    while isinstance(kind, inspect.Metadata):
        if kind.extra and "must" in kind.extra:
            return str(kind.extra["must"])
        kind = kind.type
    match kind:
        case inspect.IntType():
            return f"an integer{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.StrType(pattern=str(pattern)):
            return f"text that matches {pattern}"
        case inspect.StrType():
            return f"text{_length(kind, 'character')}"
        case inspect.BoolType():
            return "true or false"
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType():
            values = [json.dumps(value) for value in kind.values]
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        case inspect.StructType():
            return "an object"
        case inspect.DictType():
            return f"an object{_length(kind, 'field')}"
        case inspect.DateType():
            return "a date such as 2026-05-31"
        case inspect.DateTimeType():
            return "a time with an offset, such as 2026-05-31T09:30:00Z"
        case _:
            return f"a list{_length(kind, 'item')}"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    one = 1 if isinstance(kind, inspect.IntType) else 0
    low = kind.ge if kind.ge is not None else None if kind.gt is None else kind.gt + one
    high = kind.le if kind.le is not None else None if kind.lt is None else kind.lt - one
    step = "" if kind.multiple_of is None else f", a multiple of {kind.multiple_of}"
    if low is not None and high is not None:
        return f" from {low} to {high}{step}"
    if low is not None:
        return f" of at least {low}{step}"
    return step if high is None else f" of at most {high}{step}"


def _length(kind: Any, unit: str) -> str:
    low, high = kind.min_length or 0, kind.max_length
    if high is None:
        return f" of at least {number_of(low, unit)}" if low else ""
    if low == high:
        return f" of {number_of(low, unit)}"
    return f" of {low} to {number_of(high, unit)}" if low else f" of at most {number_of(high, unit)}"
