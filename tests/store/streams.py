"""What a table's stream holds in process, in the form in which Lambda hands it to a function."""

from __future__ import annotations

import base64
import json
from typing import Any


def stream_of(table_name: str) -> list[dict[str, Any]]:
    """Every change of the table so far, oldest first."""
    from moto.dynamodb.models import dynamodb_backends

    found: Any = dynamodb_backends["123456789012"]["eu-central-1"].tables[table_name]
    return [json.loads(json.dumps(record.record, default=_as_json)) for record in found.stream_shard.items]


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return value.to_json() if hasattr(value, "to_json") else str(value)
