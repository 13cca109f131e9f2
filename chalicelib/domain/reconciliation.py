"""Recomputes a member's balance from the entries alone, and tells every difference from the head."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from chalicelib.domain import points
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Head

TURNS = 28
"""Every member is proved once in so many nights: all of them each night would read the whole ledger each night."""


def turn(member_id: str) -> int:
    """The night's turn in which a member is proved: the day's number, by ``TURNS``."""
    return crc32(member_id.encode()) % TURNS


def differences(head: Head, entries: Sequence[Entry]) -> list[str]:
    """Sentences, none when all agrees. ``entries`` are the member's, oldest first.

    Checked: the chain has no gap and ends where the head says; each entry's balance is the one before it plus its
    points; the balance is the sum of posted points; what is pending is what was held, less released and refunded.
    """
    found = []
    balance = held = 0
    for place, entry in enumerate(entries, start=1):
        if entry.sequence != place:
            found.append(f"entry {place} of the chain is missing: the next is {entry.sequence}")
            break
        if entry.status == "posted":
            balance += entry.points
        if entry.balance_after != balance:
            found.append(f"entry {place} says {entry.balance_after} after it; the entries add up to {balance}")
        held += _held(entry)
    if len(entries) != head.sequence:
        found.append(f"the head counts {head.sequence} entries; {len(entries)} are there")
    if balance != points.available(head):
        found.append(f"the head has {points.available(head)} points; the entries add up to {balance}")
    if held != points.pending(head):
        found.append(f"the head holds {points.pending(head)} pending points; the entries leave {held}")
    return found


def _held(entry: Entry) -> int:
    if entry.kind == "earn" and entry.status == "pending":
        return entry.points
    if entry.kind == "release":
        return -entry.points
    return -entry.held
