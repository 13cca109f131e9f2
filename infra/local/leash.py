"""Runs MiniStack on a leash: when whoever started it ends, in whatever way, it stops cleanly and saves its data.

Runs on MiniStack's own Python, so it imports nothing of the app. The leash is standard input: a pipe that the
starter alone holds open and never writes to, so its end is seen even after a kill -9, on every Unix.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import sys
import threading
import time

SAVING_SECONDS = 60


def _stop_when_let_go(leash: int) -> None:
    while os.read(leash, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SAVING_SECONDS)
    os._exit(1)


def main() -> None:
    # Off standard input, so that nothing MiniStack starts reads from it or keeps it.
    leash = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    threading.Thread(target=_stop_when_let_go, args=(leash,), daemon=True).start()
    sys.argv = ["ministack"]
    try:
        runpy.run_module("ministack", run_name="__main__")
    finally:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)  # made by the starter, who may be gone


if __name__ == "__main__":
    main()
