"""A clock for tests: what the edge reads as the present moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch


@contextmanager
def at(moment: str) -> Iterator[None]:
    """Everything called inside happens at this moment (RFC 3339, with an offset)."""
    present = datetime.fromisoformat(moment)
    assert present.tzinfo is not None
    with patch("chalicelib.clock.now", return_value=present):
        yield
