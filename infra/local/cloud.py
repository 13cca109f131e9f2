"""Starts and stops the embedded cloud (MiniStack): on loopback, in its own environment, with only what is used."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from infra.local import leash
from infra.local.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv-cloud" / "bin" / "python"
REGION = "eu-central-1"
# Nothing else is switched on: MiniStack can also run uploaded code, and has no password.
SERVICES = ("dynamodb", "sqs")
START_SECONDS = 30.0
ATTEMPTS = 3


class Cloud:
    """A running MiniStack. ``endpoint`` is the address of all its services."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: IO[bytes], scratch: str, keeps: bool) -> None:
        self._process = process
        self._port = port
        self._log = log
        self._scratch = scratch
        self._keeps = keeps
        self.endpoint = f"http://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def client(self, service: str) -> Any:
        """A botocore client for one of the services; it can reach no real account."""
        import botocore.session  # a third of a second that only callers of this pay

        session = botocore.session.get_session()
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def last_words(self) -> str:
        """The end of what it said, to be shown when it died."""
        self._log.flush()
        self._log.seek(0)
        return self._log.read()[-2000:].decode(errors="replace").strip() or "nothing"

    def stop(self) -> None:
        """Stop it cleanly where it saves its state; then whatever is left of its process group."""
        if self.running() and self._keeps:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(leash.SAVING_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of an empty group
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)  # if it was killed and could not


@contextlib.contextmanager
def started(
    state: Path | None = None,
    keep_open: Sequence[int] = (),
    services: Sequence[str] = SERVICES,
    more: Mapping[str, str] | None = None,
) -> Iterator[Cloud]:
    """A MiniStack of one's own, stopped at the end. With ``state``, what it holds is kept in that folder.

    ``keep_open`` are file descriptors that it holds as long as it lives, such as the lock on the folder.
    ``services`` and ``more`` variables are for the tests that deploy the package to it. Raises Trouble when it
    cannot be started.
    """
    cloud = _start(state, keep_open, {"SERVICES": ",".join(services), **(more or {})})
    try:
        yield cloud
    finally:
        cloud.stop()


def _start(state: Path | None, keep_open: Sequence[int], more: Mapping[str, str]) -> Cloud:
    if not PYTHON.exists():
        raise Trouble("The embedded cloud is not installed; `make environments` installs it.")
    for _ in range(ATTEMPTS):
        # Another process may take the port before MiniStack does; it then ends at once and a new one is tried.
        cloud = _launch(_free_port(), state, keep_open, more)
        deadline = time.monotonic() + START_SECONDS
        while cloud.running() and time.monotonic() < deadline:
            if cloud.answers():
                return cloud
            time.sleep(0.02)
        words = cloud.last_words()
        late = cloud.running()
        cloud.stop()
        if late:
            raise Trouble(f"The embedded cloud did not answer within {START_SECONDS:.0f} seconds. It said: {words}")
    raise Trouble(f"The embedded cloud does not start. It said: {words}")


def _launch(port: int, state: Path | None, keep_open: Sequence[int], more: Mapping[str, str]) -> Cloud:
    # A clean environment: MiniStack would hand what it finds there to whatever it runs.
    scratch = tempfile.mkdtemp(prefix="regulars-cloud-")
    environment = {
        "PATH": os.defpath,
        "HOME": scratch,
        "TMPDIR": scratch,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nowhere",  # or it would look through this machine's containers for its own
        **more,
    }
    if state is not None:
        environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(state.absolute())}
    log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process; Cloud.stop closes it
    process = subprocess.Popen(
        [str(PYTHON), "-P", leash.__file__],  # -P: or a file beside it would stand before the library's of that name
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=environment,
        cwd="/",
        pass_fds=keep_open,
        umask=0o077,  # what it keeps is personal data
        start_new_session=True,  # a Ctrl-C at the terminal is for the app, which then stops this
    )
    return Cloud(process, port, log, scratch, keeps=state is not None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
