"""What stands before the app on one machine: Chalice's local server, answering as the deployed gateway does.

Serves any number of clients in threads, refuses what has no route in the shape of every other error, and opens the
door to schedules, which exists here only.
"""

from __future__ import annotations

import functools
import socket as sockets
import sys
import traceback
from http import HTTPStatus
from typing import Any, cast

import msgspec
from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalChalice, RouteMatcher, ThreadedHTTPServer

from infra.local.schedules import BadRun, Runner, UnknownSchedule

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's own limit."""
TIMEOUT_SECONDS = 20
"""The function's, as it is deployed (.chalice/config.json)."""
SCHEDULES_PATH = "/_local/schedules/"


class Handler(ChaliceRequestHandler):
    """One connection. What it refuses itself it refuses as problem+json, like the app."""

    # The base class writes a header at a time, and Nagle's algorithm then holds each answer back for 40 ms.
    wbufsize = -1
    server: Server

    def __init__(
        self, request: Any, client_address: tuple[str, int], server: Server, *, app_object: Chalice, config: Config
    ) -> None:
        super().__init__(request, client_address, cast(Any, server), app_object, config)

    def answer(self) -> None:
        body = self._body()
        if body is None:
            return
        if self.path.startswith("/_local/"):
            self._local(body)
        elif not self.server.routed(self.command, self.path):
            self.problem(404, "route_not_found", "No such path, or not with this method; GET /v1/openapi.json has all.")
        else:
            self._app(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = answer

    def _app(self, body: bytes) -> None:
        try:
            response = self.local_gateway.handle_request(
                method=self.command, path=self.path, headers=dict(self.headers), body=body or None
            )
        except Exception:  # what escapes the app would end the connection without an answer
            traceback.print_exc(file=sys.stderr)
            self.problem(500, "internal_error", "Something went wrong here; the server's output says what.")
            return
        headers = {**response["headers"], **response["multiValueHeaders"]}
        self._send_http_response(response["statusCode"], headers, self._handle_binary(response)["body"])

    def _local(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        name = path.removeprefix(SCHEDULES_PATH)
        if self.command != "POST" or name == path:
            self.problem(404, "route_not_found", f"Only POST {SCHEDULES_PATH}{{name}} is here.")
        elif self.headers.get_content_type() != "application/json":
            # A page in a browser may send anything else to this machine without asking.
            self.problem(400, "invalid_request", "Send it with Content-Type: application/json.")
        else:
            try:
                record = self.server.schedules.run(name, body)
            except UnknownSchedule as error:
                self.problem(404, "schedule_unknown", str(error))
            except BadRun as error:
                self.problem(400, "invalid_request", str(error))
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                self.problem(500, "internal_error", f"The schedule ended with {type(error).__name__}: {error}")
            else:
                self._send_http_response(200, {"Content-Type": "application/json"}, record)

    def _body(self) -> bytes | None:
        """The request's body; None when the request was answered here, for it has none that can be read."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.problem(411, "length_required", "Send the body with a Content-Length.", close=True)
        elif not (length.isascii() and length.isdecimal()):
            self.problem(400, "invalid_request", "Content-Length must be a number of bytes.", close=True)
        elif int(length) > MAX_BODY_BYTES:
            self.problem(413, "request_too_large", f"A body may have {MAX_BODY_BYTES} bytes at most.", close=True)
        else:
            body: bytes = self.rfile.read(int(length))
            return body
        return None

    def problem(self, status: int, code: str, detail: str, close: bool = False) -> None:
        """Answer with RFC 9457's shape. ``close`` when what follows on the connection cannot be read as a request."""
        title = HTTPStatus(status).phrase
        body = msgspec.json.encode(
            {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself (a malformed request line, too many headers)."""
        self.problem(code, "invalid_request", f"{message or HTTPStatus(code).phrase}.", close=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request line may carry an email address or a voucher's code. The app writes its own log."""


class Server(ThreadedHTTPServer):
    """Serves the app on a socket that was claimed beforehand."""

    # The default of 5 makes clients that connect at once wait a second for their next attempt.
    request_queue_size = 128
    socket: sockets.socket

    def __init__(self, listening: sockets.socket, app: Chalice, schedules: Runner) -> None:
        _make_thread_safe(app)
        handler = functools.partial(Handler, app_object=app, config=Config.create(lambda_timeout=TIMEOUT_SECONDS))
        super().__init__(listening.getsockname(), cast(Any, handler), bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = listening.getsockname()
        self.schedules = schedules
        self._routes = app.routes
        self._matcher = RouteMatcher(list(app.routes))
        self.server_activate()

    def routed(self, method: str, path: str) -> bool:
        """Whether the gateway would hand this to the app; a preflight it answers itself."""
        try:
            route = self._matcher.match_route(path).route
        except ValueError:
            return False
        return method == "OPTIONS" or method in self._routes[route]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _make_thread_safe(app: Chalice) -> None:
    """Keep ``current_request`` by thread, as Chalice's local server does.

    Chalice changes the bases of one shared class; a class of its own leaves other apps of the process alone.
    """
    if not isinstance(app, LocalChalice):
        app.__class__ = type("Local" + type(app).__name__, (LocalChalice, type(app)), {})
