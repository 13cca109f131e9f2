"""What a request costs the table, in capacity units as DynamoDB itself counts them, added up by thread."""

from __future__ import annotations

import threading
from typing import Any


class _Meter(threading.local):
    units = 0.0


_METER = _Meter()


def attach(client: Any) -> None:
    """Add up what each answer says its call consumed. PynamoDB asks for it in every call; it costs nothing."""
    client.meta.events.register("after-call.dynamodb", _add, unique_id="regulars-units")


def taken() -> float:
    """The units consumed on this thread since this was last asked."""
    units, _METER.units = _METER.units, 0.0
    return units


def _add(parsed: dict[str, Any], **_: Any) -> None:
    consumed = parsed.get("ConsumedCapacity")
    if consumed is None:
        return
    for each in consumed if isinstance(consumed, list) else (consumed,):
        _METER.units += each.get("CapacityUnits", 0.0)
