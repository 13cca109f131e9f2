"""The time and new random ids, asked for at the edge only; everything inside takes them as arguments."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

# Crockford's alphabet: no I, L, O or U, so an id survives being read aloud or typed from paper.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def now() -> datetime:
    """The present moment in UTC, to the millisecond, which is what the ledger keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id(prefix: str, length: int = 16) -> str:
    """A random id of 5 bits a character: 16 characters are 80 bits."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length)).lower()


def is_id(text: str, prefix: str, length: int = 16) -> bool:
    """Whether it has the form that ``new_id`` gives."""
    return len(text) == len(prefix) + length and text.startswith(prefix) and text.isascii() and text.isalnum()
