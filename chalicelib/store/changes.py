"""Reads one change of an item as the table's stream tells it: the row before, and the row after."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.store.table import Row


class Change(msgspec.Struct, frozen=True):
    """``before`` is None where the item is new, ``after`` where it was deleted."""

    before: Row | None
    after: Row | None


def change_of(record: Mapping[str, Any]) -> Change:
    """What one record of the stream says. Raises KeyError, TypeError or ValueError where it is none of ours."""
    images = record["dynamodb"]
    return Change(_row(images.get("OldImage")), _row(images.get("NewImage")))


def _row(image: Mapping[str, Mapping[str, Any]] | None) -> Row | None:
    if image is None:
        return None
    # A function is given its event as JSON, where bytes stand in base 64.
    return Row.from_raw_data(
        {name: {"B": base64.b64decode(value["B"])} if "B" in value else dict(value) for name, value in image.items()}
    )
