"""What a person at the terminal is told when a command cannot be carried out."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.local import cloud, machine, reconcile_payments, schedule, surroundings
from infra.local.__main__ import command
from infra.local.trouble import Trouble


def told(*arguments: str) -> str:
    said: list[str] = []
    with pytest.raises(Trouble) as trouble:
        command(list(arguments), said.append)
    assert said == []
    return str(trouble.value)


@pytest.fixture
def program(tmp_path: Path) -> str:
    file = tmp_path / "program.json"
    file.write_text(json.dumps({"program_id": "x"}))
    return str(file)


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_busy_port_is_one_sentence(program: str, busy_port: int) -> None:
    for arguments in (("run",), ("serve", "--program", program)):
        sentence = told(*arguments, "--port", str(busy_port))
        assert f"Port {busy_port} is in use" in sentence and "PORT=" in sentence and "\n" not in sentence


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "8080.0", "８０８０"])
def test_what_is_no_port_is_one_sentence(program: str, port: str) -> None:
    assert "from 1 to 65535" in told("serve", f"--port={port}", "--program", program)


def test_what_is_missing_is_asked_for_with_an_example(program: str) -> None:
    assert told("serve", "--program", program).startswith("PORT is missing: make serve PORT=")
    assert told("serve", "--port", "8080").startswith("PROGRAM is missing: make serve PORT=")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    sentence = told("serve", "--port", "8080", "--program", str(tmp_path / "none.json"))
    assert sentence.startswith(f"There is no file {tmp_path}") and "\n" not in sentence


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"program_id": ', "not valid JSON: Expecting value at line 1"),
        (b"[]", "one JSON object"),
        (b'{"name": "Caf\xe9"}', "not UTF-8"),
    ],
)
def test_a_file_that_holds_no_document_is_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "program.json"
    file.write_bytes(content)
    sentence = told("serve", "--port", "8080", "--program", str(file))
    assert says in sentence and "\n" not in sentence


def test_a_folder_where_a_file_should_be_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in told("serve", "--port", "8080", "--program", str(tmp_path))


def test_a_word_that_is_no_command_is_one_sentence() -> None:
    assert "invalid choice: 'open'" in told("open")


def test_a_command_in_trouble_ends_with_its_sentence_on_standard_error_and_nothing_else() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local", "serve"], cwd=cloud.ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("PORT is missing") and ended.stderr.count("\n") == 1


def test_a_claimed_port_refuses_clients_until_it_is_served() -> None:
    claimed = machine.claim(0)
    with claimed, socket.socket() as early:
        assert early.connect_ex(claimed.getsockname()) != 0


def test_the_app_sees_nothing_of_a_real_account() -> None:
    environment = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL": "https://elsewhere.example",
        "REGULARS_TABLE": "production",
        "NO_PROXY": "intranet",
        "HOME": "/home/ann",
    }
    surroundings.enter(surroundings.settings("http://127.0.0.1:1", "regulars", "s" * 64), environment)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} & set(environment)
    assert environment["REGULARS_TABLE"] == "regulars"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment["HOME"] == "/home/ann"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--port", "abc"), "PORT must be a number from 1 to 65535, not 'abc'."),
        (("--port", "99999"), "PORT must be a number from 1 to 65535, not '99999'."),
        (("--at", "yesterday"), "AT must be a moment with an offset, such as 2027-01-01T03:00:00Z, not 'yesterday'."),
        (("--at", "2027-01-01T03:00:00"), "AT must be a moment with an offset"),
    ],
)
def test_a_schedule_asked_for_wrongly_is_one_sentence(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schedule.main(["--name", "due", *arguments]) == 1
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1 and printed.out == ""


def test_a_schedule_asked_of_another_program_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Some other server has the port, and a name is sent as it is, whatever signs it holds."""
    asked: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server asks for
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.handle_request, daemon=True).start()
    port = str(server.server_address[1])
    assert schedule.main(["--name", "a b", "--port", port]) == 1
    server.server_close()
    printed = capsys.readouterr()
    assert asked == ["/_local/schedules/a%20b"]
    assert printed.err == f"What is served at 127.0.0.1:{port} is another program; name this one's port with PORT=…\n"


def test_a_refusal_of_reconciling_says_what_to_do_and_no_json() -> None:
    body = json.dumps({"status": 401, "code": "unauthorized", "detail": "Send a valid key."}).encode()
    assert reconcile_payments.refusal(401, body) == "The service refused (401): Send a valid key."
    assert reconcile_payments.refusal(502, b"<h1>Bad gateway</h1>") == "The service refused (502): <h1>Bad gateway</h1>"
