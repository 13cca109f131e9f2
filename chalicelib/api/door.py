"""The one way in: every HTTP call is declared here with its roles, body and answer, and every error leaves here.

A declaration is all that the router, the OpenAPI document and the table of who may what are made from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec
from chalice.app import Blueprint, Response

from chalicelib import clock, telemetry
from chalicelib.actions.admission import Call, Credential, Role, enter
from chalicelib.api import errors
from chalicelib.api.auth import credential_of
from chalicelib.domain.errors import DomainError, Fault, Invalid, Refused
from chalicelib.domain.reading import read, read_json
from chalicelib.domain.text import IdempotencyKey
from chalicelib.store import metering, programs

PREFIX = "/v1"
MOST_BYTES = 262_144
"""The largest body that is read; a purchase of a thousand lines is half of it."""
MOST_PARAMETER = 1_000
"""Bytes: what stands in a path or query may become part of a key, and a sort key holds 1,024."""
STAFF: tuple[Role, ...] = ("storefront", "staff")
OWNER: tuple[Role, ...] = ("owner",)
MEMBER: tuple[Role, ...] = ("member",)
JSON = "application/json"


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """One query parameter: what it means, as the OpenAPI document says it."""

    name: str
    description: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the HTTP contract. ``roles`` empty: nobody needs to say who they are."""

    method: str
    path: str
    name: str
    summary: str
    roles: tuple[Role, ...]
    status: int = 200
    body: Any = None
    answer: Any = None
    """Its type; or a function that answers it, where making it known would import what few calls need."""
    idempotent: bool = False
    query: tuple[Query, ...] = ()
    content_type: str = JSON
    also: tuple[str, ...] = ()
    """Other content types in which the same answer is given to who accepts them."""
    raw: bool = False
    most_bytes: int = MOST_BYTES


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, read: path and query parameters decoded, the body typed, the caller not yet looked up."""

    operation: Operation
    credential: Credential
    now: datetime
    path: dict[str, str]
    query: dict[str, str]
    headers: Any
    body: Any = None
    raw: bytes = b""
    idempotency_key: str = ""
    url: str = ""

    @property
    def call(self) -> Call:
        return Call(credential=self.credential, now=self.now)

    @property
    def own_id(self) -> str:
        """The member that a member's token is for."""
        return self.credential.member_id or ""

    def limit(self) -> int:
        """``?limit=``, 1 to 100, 20 where it is left out."""
        text = self.query.get("limit", "20")
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= 100:
            raise Invalid([Fault("/limit", "Must be a number from 1 to 100.")])
        return int(text)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a call answers: ``body`` is encoded as JSON unless it is text already."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}
    replayed: bool = False


Handler = Callable[[Asked], Answer]
Headers = dict[str, str | list[str]]


class Door(Blueprint):
    """A blueprint whose calls are declared whole. Overrides nothing of Chalice's; its ``route`` does the routing."""

    operations: ClassVar[list[Operation]] = []
    _preflighted: ClassVar[set[str]] = set()

    def call(
        self, method: str, path: str, *, roles: tuple[Role, ...], summary: str, **declared: Any
    ) -> Callable[[Handler], Handler]:
        """Declares a handler as the answer to a method and path under /v1."""

        def declare(handler: Handler) -> Handler:
            operation = Operation(
                method=method, path=path, name=handler.__name__, summary=summary, roles=roles, **declared
            )
            Door.operations.append(operation)

            def view(**parameters: str) -> Response:
                return self._serve(operation, handler, parameters)

            view.__name__ = handler.__name__
            self.route(PREFIX + path, methods=[method], content_types=["*/*"])(view)
            if path not in Door._preflighted:
                Door._preflighted.add(path)
                self.route(PREFIX + path, methods=["OPTIONS"], content_types=["*/*"])(self._preflight)
            return handler

        return declare

    def _serve(self, operation: Operation, handler: Handler, parameters: dict[str, str]) -> Response:
        started = time.perf_counter()
        code = "ok"
        program_id = None
        try:
            asked = self._read(operation, parameters)
            program_id = asked.credential.program_id
            response = _respond(operation, _handled(handler, asked))
        except DomainError as error:
            code = error.code
            response = errors.from_domain(error)
        except Exception as error:
            # The type alone: a message of somebody else's may quote what a caller sent.
            code = "internal_error"
            telemetry.logger.error("fault", extra={"fault": type(error).__name__, "at": _place(error)})
            response = errors.problem(
                "internal_error", "This is our fault; nothing was half done. Send it again later."
            )
        self._allow_origin(response, program_id)
        telemetry.request(
            now=clock.now(),
            request_id=str(self.current_request.context.get("requestId", "")),
            route=f"{operation.method} {operation.path}",
            # A text that a stranger sent is not written down as a program.
            program=(program_id or parameters.get("program_id")) if code not in _STRANGERS else None,
            member=_member_of(parameters),
            status=response.status_code,
            outcome=code,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            units=metering.taken(),
        )
        return response

    def _read(self, operation: Operation, parameters: dict[str, str]) -> Asked:
        request = self.current_request
        now = clock.now()
        credential = Credential(program_id="")
        if operation.roles:
            credential = credential_of(request.headers.get("authorization"), now).asking(*operation.roles)
        try:
            return _typed(operation, request, credential, now, parameters)
        except (Invalid, Refused):
            if operation.roles:
                # Whoever may not call learns nothing about the body.
                enter(credential)
            raise

    def _preflight(self, **_: str) -> Response:
        """Tells a browser whether its page's origin may call. No program is named yet, so any program's origin may."""
        headers: Headers = {"Vary": "Origin", "Cache-Control": "max-age=600"}
        try:
            origin = self.current_request.headers.get("origin")
            if origin is not None and len(origin) <= 200 and programs.origin_is_known(origin):
                headers |= {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Accept-Language",
                    "Access-Control-Max-Age": "600",
                }
        except DomainError as error:
            return errors.from_domain(error)
        return Response(body="", status_code=204, headers=headers)

    def _allow_origin(self, response: Response, program_id: str | None) -> None:
        named = response.headers.get("Vary")
        response.headers["Vary"] = f"{named}, Origin" if named else "Origin"
        origin = self.current_request.headers.get("origin")
        if origin is None or len(origin) > 200:
            return
        try:
            known = (
                programs.origin_is_known(origin) if not program_id else programs.origin_is_allowed(program_id, origin)
            )
        except DomainError:
            known = False  # the database is away: the answer says so, to those who may read it
        if known:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Idempotent-Replayed, Retry-After"


_STRANGERS = frozenset({"unauthorized", "bad_signature", "invalid_request", "program_not_found", "provider_not_found"})


def _member_of(parameters: dict[str, str]) -> str | None:
    """The member in the path, to find its story by; nothing that is not an id of ours, for it could be an address."""
    text = parameters.get("member_id", "")
    return text if clock.is_id(text, "m") else None


def _handled(handler: Handler, asked: Asked) -> Answer:
    try:
        return handler(asked)
    except (Invalid, Refused) as error:
        if asked.operation.roles and errors.STATUS.get(error.code) == 400:
            enter(asked.credential)  # a handler may read what was sent before it looks up who sent it
        raise


def _typed(
    operation: Operation, request: Any, credential: Credential, now: datetime, parameters: dict[str, str]
) -> Asked:
    raw = request.raw_body if operation.body is not None or operation.raw else b""
    if len(raw) > operation.most_bytes:
        raise Refused("request_too_large", f"Send at most {operation.most_bytes} bytes at once.")
    key = ""
    if operation.idempotent:
        given = request.headers.get("idempotency-key")
        if given is None:
            raise Refused("idempotency_key_required", "Send an Idempotency-Key header: it makes a retry safe.")
        key = read(given, IdempotencyKey, at="/Idempotency-Key")
    query = {name: _parameter(name, value) for name, value in (request.query_params or {}).items()}
    unknown = [name for name in query if name not in {known.name for known in operation.query}]
    if unknown:
        raise Invalid([Fault(f"/{name}", "Unknown query parameter; remove it.") for name in unknown])
    return Asked(
        operation=operation,
        credential=credential,
        now=now,
        path={name: _parameter(name, unquote(value)) for name, value in parameters.items()},
        query=query,
        headers=request.headers,
        body=None if operation.body is None or operation.raw else read_json(_given(operation, raw), operation.body),
        raw=raw,
        idempotency_key=key,
        url=str(request.context.get("domainName", "")) + str(request.context.get("path", "")),
    )


def _given(operation: Operation, raw: bytes) -> bytes:
    """The body that was sent; none at all is fine where there is nothing to say."""
    return raw if raw.strip() or operation.body.__struct_fields__ else b"{}"


def _parameter(name: str, text: str) -> str:
    if (
        any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in text)
        or len(text.encode()) > MOST_PARAMETER
    ):
        raise Invalid([Fault(f"/{name}", "Must be printable text.")])
    return text


def _respond(operation: Operation, answer: Answer) -> Response:
    headers: Headers = {"Content-Type": operation.content_type, "Cache-Control": "no-store", **answer.headers}
    status = answer.status if answer.status != 200 else operation.status
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
        status = 200
    body = answer.body
    if body is None and status == 204:
        return Response(body="", status_code=204, headers=headers)
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return Response(body=text, status_code=status, headers=headers)


def _place(error: BaseException) -> str:
    """Where a fault happened: file and line, never what was being handled."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
