"""`serve` and `run` as whoever starts them sees them: the app itself, in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import cloud

PROGRAM = cloud.ROOT / "programs" / "corner-cafe.json"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def local(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=cloud.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def serve(port: int, *more: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return local("serve", "--port", str(port), "--program", str(PROGRAM), *more)


def owner_key(process: subprocess.Popen[str], port: int) -> str:
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    if not second:
        raise AssertionError(process.communicate()[1])
    assert second == f"ready: http://127.0.0.1:{port}\n"
    found = re.fullmatch(r"owner-key: (\S+)\n", first)
    assert found is not None
    return found[1]


def ask(port: int, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answered = connection.getresponse()
        return answered.status, json.loads(answered.read())
    finally:
        connection.close()


def test_serve_promises_two_lines_and_answers_when_it_says_so() -> None:
    port = free_port()
    with serve(port) as process:
        key = owner_key(process, port)
        assert ask(port, "GET", "/v1/health", key)[0] == 200
        assert ask(port, "GET", "/v1/program", key)[1]["program"]["program_id"] == "corner-cafe"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest) == (0, "")
        assert "Traceback" not in errors


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_kept_data_its_keys_and_a_new_owner_key_survive_a_stop(tmp_path: Path, how: signal.Signals) -> None:
    port, data = free_port(), str(tmp_path / "data")
    member = {"email": "ann@example.com", "consent": {"marketing": False}}
    with serve(port, "--data", data) as process:
        first = owner_key(process, port)
        status, enrolled = ask(port, "POST", "/v1/members", first, member)
        assert status == 201
        process.send_signal(how)
        process.wait(20)
    with serve(port, "--data", data) as process:
        second = owner_key(process, port)
        assert second != first
        for key in (first, second):
            status, found = ask(port, "GET", "/v1/members?email=ann@example.com", key)
            assert (status, found["member_id"]) == (200, enrolled["member_id"])


def test_a_program_with_faults_is_refused_with_each_of_them(tmp_path: Path) -> None:
    program = json.loads(PROGRAM.read_text(encoding="utf-8"))
    program["earning"]["points"] = -1
    program["currency"] = "euro"
    file = tmp_path / "faulty.json"
    file.write_text(json.dumps(program))
    with local("serve", "--port", str(free_port()), "--program", str(file)) as process:
        said, errors = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, "")
    assert "/earning/points: " in errors and "/currency: " in errors
    assert "Traceback" not in errors


def test_it_ends_when_the_make_that_started_it_is_killed() -> None:
    port = free_port()
    command = shlex.join([sys.executable, "-m", "infra.local", "serve", "--port", str(port), "--program", str(PROGRAM)])
    # The second command keeps the shell from handing its place over, as make does not either.
    with subprocess.Popen(
        ["sh", "-c", f"{command} --stop-with-parent; true"], cwd=cloud.ROOT, stdout=subprocess.PIPE, text=True
    ) as shell:
        owner_key(shell, port)
        shell.kill()
        shell.wait()
        deadline = time.monotonic() + 10
        while accepts(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not accepts(port)


def test_run_shows_three_commands_that_work_when_pasted() -> None:
    with local("run", "--port", str(free_port())) as process:
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        commands = [line for line in shown if line.startswith("curl ")]
        assert len(commands) == 3, process.communicate()[1]
        for pasted in commands:
            answered = subprocess.run(["sh", "-c", f"{pasted} --fail-with-body"], capture_output=True, check=False)
            assert answered.returncode == 0, answered.stdout
            json.loads(answered.stdout)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
