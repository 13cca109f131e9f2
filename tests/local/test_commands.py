"""What a person at the terminal is told when a command cannot be carried out."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import cloud, machine, surroundings
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
