"""What a transaction costs in write units, told from what is sent, for the records of scheduled runs.

2 for each started KB of an item, 1 for each index entry that appears or disappears, 2 for one whose key moves. The
head's place in the due index is counted as moved: that is what time does to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.store.table import Write

_INDEXES = ("spk", "jpk", "dpk", "npk")


def units(writes: Sequence[Write]) -> int:
    """Write units of one transaction, indexes included; never less than DynamoDB bills for a walk's own writes."""
    total = 0
    for write in writes:
        values = write.row.attribute_values
        kilobytes = max(1, -(-sum(len(name) + _size(value) for name, value in values.items()) // 1024))
        total += 2 * kilobytes
        if write.actions:
            total += 1
        elif write.row.t == "HEAD":
            total += 2
        else:
            total += sum(name in values for name in _INDEXES)
    return total


def _size(value: object) -> int:
    return len(value) if isinstance(value, bytes) else len(str(value).encode())
