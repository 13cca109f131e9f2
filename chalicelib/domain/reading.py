"""Turns JSON from outside into typed values, strictly, or tells every fault of it at its RFC 6901 pointer.

``msgspec.convert`` decides; it stops at the first fault, so only a refused document is walked, type beside value.
Whatever ``convert`` refuses is refused: a fault that the walk does not know is told in msgspec's own words.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import NoReturn, TypeVar

import msgspec

from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.reading_faults import faults_of, pointer

T = TypeVar("T")

MOST_FAULTS = 1_000
"""More faults than this in one document are not listed: an answer must stay smaller than a response may be."""

_INFO: dict[type[object], msgspec.inspect.Type] = {}
"""msgspec's description of each type read so far: the application's own types, so a bounded number."""

_PREFIX = "JSON is malformed: "
_DIGITS = 400
"""Longest run of digits still read as an integer while looking for faults; no float has a longer one."""


def read(data: object, kind: type[T], at: str = "", code: str = "invalid_request") -> T:
    """``data`` (decoded JSON) as ``kind``, without coercion.

    ``at`` is the pointer of ``data`` within the whole request. Raises ``Invalid`` with every fault.
    """
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        refusal = error
    raise Invalid(_faults(data, kind, at, str(refusal)), code)


def read_json(raw: bytes, kind: type[T]) -> T:
    """The JSON text ``raw`` (UTF-8) as ``kind``. Raises ``Invalid``: ``malformed_json`` for what is not proper JSON."""
    try:
        data = msgspec.json.decode(raw)
        # A repeated name loses its first value, and with it at least two quotes: counting them is the cheapest check.
        if _quotes(raw) != _quotes(msgspec.json.encode(data)):
            data = _decode_slowly(raw)
    except msgspec.ValidationError:  # a number beyond what a float or integer holds: find out where
        read(_decode_slowly(raw), kind)
        _malformed("A number in the body is out of range; send a smaller one.")
    except RecursionError:
        _malformed("The body is nested too deeply; send a flatter document.")
    except UnicodeDecodeError as error:
        _malformed(f"The body is not UTF-8 (byte {error.start} of a text); send UTF-8.")
    except msgspec.DecodeError as error:
        if not raw.strip():
            _malformed("The body is empty; send a JSON object.")
        _malformed(f"The body is not valid JSON: {str(error).removeprefix(_PREFIX)}. Send one JSON object.")
    return read(data, kind)


def _quotes(raw: bytes) -> int:
    """The quotes that begin or end a string; a quote inside one stands behind a backslash of its own."""
    if b"\\" not in raw:
        return raw.count(b'"')
    unpaired = raw.replace(b"\\\\", b"")
    return unpaired.count(b'"') - unpaired.count(b'\\"')


def _decode_slowly(raw: bytes) -> object:
    """The standard library's decoder, which can name a repeated field and survives numbers that msgspec does not."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_unique, parse_int=_integer, parse_constant=_constant)
    except RecursionError:
        _malformed("The body is nested too deeply; send a flatter document.")
    except ValueError as error:
        _malformed(f"The body is not valid JSON: {error}. Send one JSON object.")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _malformed(f"The field {json.dumps(twice[:100])} stands more than once in one object; keep one of them.")
    return fields


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else math.inf


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _malformed(detail: str) -> NoReturn:
    raise Invalid([Fault("", detail)], "malformed_json") from None


def _faults(data: object, kind: type[T], at: str, refusal: str) -> list[Fault]:
    if kind not in _INFO:
        _INFO[kind] = msgspec.inspect.type_info(kind)
    found: Iterator[Fault] = faults_of(data, _INFO[kind], at)
    faults = list(islice(found, MOST_FAULTS + 1))
    if len(faults) > MOST_FAULTS:
        faults[MOST_FAULTS] = Fault(at, f"More than {MOST_FAULTS} faults; mend these first.")
    return faults or [_as_told(refusal, at)]


def _as_told(refusal: str, at: str) -> Fault:
    """msgspec's own sentence, "Expected ... - at `$.a[0]`", as a fault."""
    detail, _, path = refusal.partition(" - at `")
    tokens = re.findall(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]", path)
    for name, index in tokens:
        at = pointer(at, name or index)
    return Fault(at, f"{detail}.")
