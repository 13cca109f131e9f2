"""What may never happen to what is stored: rules over one item, as it was before a change and after it.

No code of ours breaks them. A hand in the console, another program or a restore gone wrong can.
"""

from __future__ import annotations

from chalicelib.domain import points
from chalicelib.domain.member import Head

ENTRIES = frozenset({"ENTRY", "EVENT", "PURCHASE", "REFUND", "CLAIM", "SPEND", "VOUCHER", "SETTLED"})
"""Items whose document is written once: what else changes about them stands beside it."""


def of_head(before: Head, after: Head | None) -> str | None:
    """The rule that this change of a head breaks, by its name; None where it breaks none."""
    if after is None:
        return "head_deleted"
    if after.version != before.version + 1:
        return "version_skipped"
    if after.sequence < before.sequence:
        return "chain_shortened"
    if after.sequence == before.sequence and _balances(after) != _balances(before):
        return "balance_without_entry"
    return None


def of_entry(before: str | None, after: str | None) -> str | None:
    """The same of an entry, by its document as it is stored; ``after`` is None where the entry was deleted."""
    if after is None:
        return "entry_deleted"
    return None if after == before else "entry_edited"


def _balances(head: Head) -> tuple[int, int]:
    return points.available(head), points.pending(head)
