"""Lambda's runtime API as AWS describes it, small: hands events to AWS's own runtime client and takes its answers.

The client runs on what stands in the unpacked package alone: no site-packages, an empty environment.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

# What AWS has in its runtime besides the standard library.
RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
VERSION = "/2018-06-01/runtime/"


class Ran(msgspec.Struct):
    """What a function answered, event by event, and how long it took (seconds) from its process's start.

    ``processor`` is the processor time of the whole process, which other work on the machine does not lengthen.
    """

    answers: list[Any]
    ready: float
    first: float
    output: str
    processor: float


class _Api(ThreadingHTTPServer):
    def __init__(self, events: Sequence[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events = list(events)
        self.answers: list[Any] = []
        self.times: list[float] = []
        self.given = 0
        self.done, self.closing = threading.Event(), threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Api

    def do_GET(self) -> None:
        self.server.times.append(time.perf_counter())
        if self.server.given == len(self.server.events):
            self.server.done.set()
            self.server.closing.wait(90)  # nothing more: the client waits until it is ended
            return
        event = json.dumps(self.server.events[self.server.given]).encode()
        self.server.given += 1
        self._send(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": f"request-{self.server.given}",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 20) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:000000000000:function:test",
            },
        )

    def do_POST(self) -> None:
        self.server.times.append(time.perf_counter())
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append(json.loads(body))
        self._send(202, b"{}", {})
        if self.path.endswith("/init/error"):
            self.server.done.set()

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def client_alone(folder: Path) -> Iterator[Path]:
    """A folder with AWS's runtime client and nothing else."""
    place = folder / "runtime"
    place.mkdir()
    for name in RUNTIME_CLIENT:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (place / source.name).symlink_to(source)
    yield place


def run(task: Path, client: Path, handler: str, events: Sequence[Any], environment: dict[str, str]) -> Ran:
    """The handler, in a fresh process, given these events one after another."""
    api = _Api(events)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    spent, started = _spent(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-S", "-P", "-m", "awslambdaric", handler],
        cwd=task,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": f"{client}{os.pathsep}{task}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "test",
            "AWS_LAMBDA_LOG_STREAM_NAME": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not api.done.wait(0.02) and process.poll() is None and time.monotonic() < deadline:
            pass
    finally:
        process.kill()
        output, _ = process.communicate()
        api.closing.set()
        api.shutdown()
        api.server_close()
    if len(api.answers) < len(events):
        raise AssertionError(f"the function gave {len(api.answers)} of {len(events)} answers and said: {output}")
    return Ran(api.answers, api.times[0] - started, api.times[1] - started, output, _spent() - spent)


def _spent() -> float:
    """Processor time (seconds) of the processes that this one started and saw end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
