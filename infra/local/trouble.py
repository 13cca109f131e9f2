"""What a person at the terminal is told when something cannot be started."""

from __future__ import annotations


class Trouble(Exception):
    """One clear sentence that says what to do; more lines only where several faults are listed."""
