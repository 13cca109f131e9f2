"""The embedded cloud: on loopback only, gone when its starter is gone, and keeping what it is told to keep."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.local import cloud, machine, table, template
from infra.local.trouble import Trouble

STARTER = """
import sys, time
from infra.local import cloud
with cloud.started() as running:
    print(running.pid, flush=True)
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_it_answers_on_loopback_only_and_leaves_no_process() -> None:
    with cloud.started() as running:
        assert running.answers()
        address = urlsplit(running.endpoint)
        assert address.hostname == "127.0.0.1" and address.port
        with socket.socket() as elsewhere:
            elsewhere.settimeout(2)
            # All of 127/8 is this machine on Linux: a server on every address would be met here too.
            assert elsewhere.connect_ex(("127.0.0.2", address.port)) != 0
        pid = running.pid
    assert not alive(pid)


def test_it_leaves_no_process_when_its_starter_is_killed_outright() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=cloud.ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert alive(pid)
        starter.kill()
    left = not gone_within(pid, 10)
    if left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def test_it_offers_no_service_that_could_run_code() -> None:
    with cloud.started() as running:
        refused = running.client("lambda")
        with pytest.raises(refused.exceptions.ClientError):
            refused.list_functions()


def test_it_makes_the_templates_table() -> None:
    with cloud.started() as running:
        client = running.client("dynamodb")
        assert table.ensure(client) is True
        made = client.describe_table(TableName="regulars")["Table"]
        assert sorted(index["IndexName"] for index in made["GlobalSecondaryIndexes"]) == sorted(
            index["IndexName"] for index in template.table().create["GlobalSecondaryIndexes"]
        )
        lives = client.describe_time_to_live(TableName="regulars")["TimeToLiveDescription"]
        assert lives == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_what_it_holds_survives_a_stop_and_nobody_else_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = Path("state")  # as a person would say it: from where they stand, not from where the cloud runs
    with cloud.started(state) as running:
        client = running.client("dynamodb")
        table.create(client)
        client.put_item(TableName="regulars", Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in state.iterdir())
    with cloud.started(state) as running:
        client = running.client("dynamodb")
        assert table.ensure(client) is False
        assert "Item" in client.get_item(TableName="regulars", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})


def test_kept_data_with_other_indexes_is_refused_in_one_sentence() -> None:
    with cloud.started() as running:
        client = running.client("dynamodb")
        made = template.table()
        older = {**made.create, "GlobalSecondaryIndexes": made.create["GlobalSecondaryIndexes"][:3]}
        older["AttributeDefinitions"] = [
            each for each in made.create["AttributeDefinitions"] if each["AttributeName"] not in ("npk", "nsk")
        ]
        client.create_table(**older)
        with pytest.raises(Trouble, match="other keys or indexes"):
            table.ensure(client)


def test_a_server_whose_cloud_dies_ends_with_a_sentence() -> None:
    with cloud.started() as running:
        served = machine.Machine("http://127.0.0.1:1", "key", kept=False, cloud=running)
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(Trouble, match="embedded cloud ended by itself"):
            served.stay(parent=None)


def test_a_cloud_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "PYTHON", Path("/nowhere/python"))
    with pytest.raises(Trouble, match="make environments"), cloud.started():
        pass
