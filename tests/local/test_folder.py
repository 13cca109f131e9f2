"""The folder that a deployment on one machine is kept in."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import cloud, folder
from infra.local.trouble import Trouble

HOLDER = """
import pathlib, sys, time
from infra.local import folder
with folder.opened(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

SERVER = """
import pathlib, sys, time
from infra.local import cloud, folder, table
with folder.opened(pathlib.Path(sys.argv[1])) as kept:
    with cloud.started(kept.state, keep_open=[kept.lock]) as running:
        table.create(running.client("dynamodb"))
        print(running.pid, flush=True)
        time.sleep(60)
"""


def test_its_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    with folder.opened(tmp_path / "data") as kept:
        first = kept.secret()
        assert stat.S_IMODE((kept.path / "secret").stat().st_mode) == 0o600
    with folder.opened(tmp_path / "data") as kept:
        assert kept.secret() == first
    with folder.opened(tmp_path / "other") as other:
        assert other.secret() != first
    assert len(first) >= 32


def test_a_lost_secret_is_not_replaced_by_a_shorter_one(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    with folder.opened(tmp_path) as kept, pytest.raises(Trouble, match="restore it"):
        kept.secret()


def test_two_servers_never_share_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=cloud.ROOT, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(Trouble, match="in use by another server"), folder.opened(tmp_path, wait_seconds=0.2):
            pass
        holder.kill()
    with folder.opened(tmp_path, wait_seconds=5):
        pass


def test_the_next_server_waits_while_a_killed_ones_cloud_still_saves(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=cloud.ROOT, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        saving = int(server.stdout.readline())
        os.kill(saving, signal.SIGSTOP)
        server.kill()
    try:
        with pytest.raises(Trouble, match="in use by another server"), folder.opened(tmp_path, wait_seconds=0.2):
            pass
    finally:
        os.kill(saving, signal.SIGCONT)
    with folder.opened(tmp_path, wait_seconds=10) as kept:
        assert (kept.state / "dynamodb.json").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match="cannot be used for data"), folder.opened(tmp_path / "file" / os.curdir / "x"):
        pass
