"""Keeps a provider's event that could not be booked where its owner sees it, until it is booked after all."""

from __future__ import annotations

from chalicelib.store import asides
from chalicelib.store.table import commit


def set_aside(program_id: str, aside_id: str, aside: asides.Aside) -> None:
    """The same event again is the same item. Raises Unavailable: then the provider sends it again."""
    commit([asides.put(program_id, aside_id, aside)])


def take_off(program_id: str, aside_id: str) -> None:
    """The event was booked; a second time changes nothing."""
    commit([asides.drop(program_id, aside_id)])
