"""How a number is said in a sentence."""

from __future__ import annotations


def number_of(count: int, noun: str) -> str:
    """``1 point``, ``2 points``: for English nouns that take an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
