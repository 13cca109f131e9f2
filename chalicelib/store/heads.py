"""The bytes of a head: MessagePack, with each map by day written as the steps from one day to the next.

Days lie close together, so a step takes one byte where a day number takes three: that keeps a member of many years,
in a currency of large numbers, under 1 KB.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import msgspec

from chalicelib.domain.member import Head

_BY_DAY = {
    name: Head.__struct_encode_fields__[Head.__struct_fields__.index(name)]
    for name in ("lots", "lapsed", "pending", "days", "window")
}
"""The maps by day, with the names under which they are stored."""


def encode(head: Head) -> bytes:
    written: dict[str, Any] = {name: _steps(by_day) for name in _BY_DAY if (by_day := getattr(head, name))}
    return msgspec.msgpack.encode(msgspec.structs.replace(head, **written))


def decode(data: bytes) -> Head:
    stored: dict[str, Any] = msgspec.msgpack.decode(data)
    for name in _BY_DAY.values():
        if name in stored:
            stored[name] = _days(stored[name])
    return msgspec.convert(stored, Head)


def _steps(by_day: dict[int, Any]) -> list[Any]:
    """Steps and values in turn, from the earliest day on: ``{20500: 7, 20531: 9}`` is ``[20500, 7, 31, 9]``."""
    flat: list[Any] = []
    before = 0
    for day in sorted(by_day):
        flat += (day - before, by_day[day])
        before = day
    return flat


def _days(flat: list[Any]) -> dict[int, Any]:
    return dict(zip(accumulate(flat[::2]), flat[1::2], strict=True))
