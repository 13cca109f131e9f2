"""Puts one machine together: the cloud, its table, the app with one program in it, and the server before them."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.local import LambdaContext

from infra.local import cloud as clouds
from infra.local import folder as folders
from infra.local import signals, surroundings, table, tasks, template
from infra.local.gateway import Server
from infra.local.schedules import Runner, schedules
from infra.local.trouble import Trouble

ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Machine:
    """A machine that serves. ``kept`` tells that the program was there already, from an earlier run."""

    address: str
    owner_key: str
    kept: bool
    cloud: clouds.Cloud

    def stay(self, parent: signals.Parent | None) -> None:
        """Serve until Stopped is raised or the parent is gone. Raises Trouble when the cloud dies."""
        while parent is None or not parent.gone():
            if not self.cloud.running():
                raise Trouble(f"The embedded cloud ended by itself. It said: {self.cloud.last_words()}")
            time.sleep(0.25)


def read_program(path: Path) -> dict[str, Any]:
    """The program document in the file; whether its rules make sense is the app's to say."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Trouble(f"There is no file {path}; PROGRAM names a program document such as {_EXAMPLE}.") from None
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Trouble(f"{path} is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise Trouble(f"{path} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if not isinstance(document, dict):
        raise Trouble(f"{path} must hold one JSON object, a program document such as {_EXAMPLE}.")
    return document


_EXAMPLE = "programs/corner-cafe.json"


def claim(port: int) -> socket.socket:
    """A socket bound to this port of loopback, which refuses clients until the server listens on it.

    Port 0 takes any free one. Raises Trouble when the port is busy or not allowed.
    """
    busy = Trouble(f"Port {port} is in use by another program; choose another with PORT=…, or stop that program.")
    with socket.socket() as probe:
        # A server on all addresses does not everywhere stop a bind to this one.
        if port and probe.connect_ex(("127.0.0.1", port)) == 0:
            raise busy
    claimed = socket.socket()
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
    try:
        claimed.bind(("127.0.0.1", port))
    except PermissionError:
        claimed.close()
        raise Trouble(f"Port {port} is reserved for the system; choose one from 1024 on with PORT=….") from None
    except OSError:
        claimed.close()
        raise busy from None
    return claimed


@contextlib.contextmanager
def serving(program: dict[str, Any], source: Path, listening: socket.socket, data: Path | None) -> Iterator[Machine]:
    """One machine with one program, until the end of the block. ``source`` is the file to be named with its faults."""
    with contextlib.ExitStack() as opened:
        opened.callback(listening.close)
        if data is None:
            secret = surroundings.new_secret()
            cloud = opened.enter_context(clouds.started())
        else:
            folder = opened.enter_context(folders.opened(data))
            secret = folder.secret()
            cloud = opened.enter_context(clouds.started(folder.state, keep_open=[folder.lock]))
        definition = template.table()
        table.ensure(cloud.client("dynamodb"), definition)
        messages = cloud.client("sqs")
        address = tasks.ensure(messages)
        surroundings.enter(surroundings.settings(cloud.endpoint, definition.name, secret, address))
        app = importlib.import_module("app").app
        owner_key, kept = _install(program, source)
        server = Server(listening, app, Runner(schedules(app, messages, address)))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        opened.callback(server.server_close)
        opened.callback(server.shutdown)
        _wait_until_it_answers(server.server_port)
        yield Machine(f"http://127.0.0.1:{server.server_port}", owner_key, kept, cloud)


def _install(program: dict[str, Any], source: Path) -> tuple[str, bool]:
    """Create the program, or take up the one that kept data brought along; an owner key either way."""
    errors = importlib.import_module("chalicelib.domain.errors")
    operator = importlib.import_module("chalicelib.triggers.operator")
    context = LambdaContext("operator", memory_size=256)
    try:
        return operator.create_program({"program": program}, context)["key"], False
    except errors.Invalid as invalid:
        faults = "\n".join(f"  {fault.pointer or '/'}: {fault.detail}" for fault in invalid.faults)
        raise Trouble(f"The program in {source} cannot work as it is:\n{faults}") from None
    except errors.Refused as refused:
        if refused.code != "program_exists":
            raise Trouble(f"The program in {source} was refused: {refused.detail}") from None
        return operator.issue_owner_key({"program_id": program["program_id"]}, context)["key"], True


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    status = 0
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v1/health")
            status = connection.getresponse().status
            if status == 200:
                return
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        time.sleep(0.05)
    raise Trouble(f"The app does not become healthy: GET /v1/health answered {status or 'nothing'}.")
