"""How a local server is told to stop: Ctrl-C, a polite kill, a closed terminal, or the end of whoever started it."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Stopped(BaseException):
    """Asked to stop. Raised in the main thread, wherever it is, so that everything opened is closed on the way out."""


def listen() -> None:
    """Raise Stopped at the first signal and ignore those that follow, so that nothing cuts the way out short."""
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Stopped

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it to outlive its terminal
        signal.signal(signal.SIGHUP, stop)


class Parent:
    """The process that started this one: a make that was killed outright can no longer pass a signal on."""

    def __init__(self) -> None:
        self._pid = os.getppid()

    def gone(self) -> bool:
        return os.getppid() != self._pid
