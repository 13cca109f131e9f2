"""The folder in which `make serve DATA=…` keeps a deployment: the cloud's state, its secret, and who uses it now."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.local import surroundings
from infra.local.trouble import Trouble

# As long as a server that was just killed may need to save its state.
WAIT_SECONDS = 15.0


@dataclass(frozen=True)
class Folder:
    """An opened folder. ``lock`` is held until every process that has it open has ended."""

    path: Path
    lock: int

    @property
    def state(self) -> Path:
        return self.path / "state"

    def secret(self) -> str:
        """The deployment's secret: made once, readable by its owner only. Without it no kept key or code is valid."""
        place = self.path / "secret"
        with contextlib.suppress(FileExistsError):
            made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as file:
                file.write(surroundings.new_secret())
        kept = place.read_text(encoding="ascii").strip()
        if len(kept) < 32:
            raise Trouble(f"{place} does not hold the secret that its data was written under; restore it.")
        return kept


@contextlib.contextmanager
def opened(path: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[Folder]:
    """The folder, made if it is not there, for this server alone.

    Raises Trouble when it cannot be written or another server still uses it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Trouble(f"The folder {path} cannot be used for data: {error.strerror}.") from None
    try:
        deadline = time.monotonic() + wait_seconds
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise Trouble(f"The folder {path} is in use by another server; stop that one or choose another folder.")
            time.sleep(0.1)
        yield Folder(path, lock)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
