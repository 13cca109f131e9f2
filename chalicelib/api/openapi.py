"""The OpenAPI 3.1 document, made from the declarations that route and validate: it cannot say anything else."""

from __future__ import annotations

import re
import types
from functools import cache
from typing import Any, get_args

import msgspec

from chalicelib.api.door import PREFIX, Door, Operation
from chalicelib.api.errors import STATUS, Problem

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_DESCRIPTION = """A customer loyalty program. Every call that changes something is safe to retry, forever: the order id,
refund id or Idempotency-Key names its cause. The first call answers 201; the same call again answers 200 with the
first answer's body and `Idempotent-Replayed: true`; the same cause with other content answers 409 `cause_conflict`."""


@cache
def document() -> dict[str, Any]:
    """The whole document; built once, for the declarations never change while the service runs."""
    components = _schemas()[1]
    paths: dict[str, dict[str, Any]] = {}
    for operation in Door.operations:
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Regulars",
            "version": "1",
            "description": " ".join(_DESCRIPTION.split("\n")),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key or a member's token."},
            },
        },
        "x-error-codes": dict(sorted(STATUS.items())),
    }


@cache
def _schemas() -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Where each type's schema stands, and all of them. Two types of one name are told apart by their modules."""
    kinds = {kind for operation in Door.operations for kind in _kinds(operation)} | {Problem}
    ordered = sorted(kinds, key=lambda kind: (str(kind.__name__), str(kind.__module__)))
    places, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    return dict(zip(ordered, places, strict=True)), components


def _alternatives(kind: Any) -> list[Any]:
    """The types of an answer that may be one of several."""
    return list(get_args(kind)) if isinstance(kind, types.UnionType) else [kind]


def _kinds(operation: Operation) -> list[Any]:
    shapes = (operation.body, _answer(operation))
    return [kind for given in shapes if given is not None for kind in _alternatives(given)]


def _answer(operation: Operation) -> Any:
    return operation.answer() if isinstance(operation.answer, types.FunctionType) else operation.answer


def _reference(kind: Any) -> dict[str, Any]:
    places = [_schemas()[0][one] for one in _alternatives(kind)]
    return places[0] if len(places) == 1 else {"anyOf": places}


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    parameters.extend(
        {
            "name": query.name,
            "in": "query",
            "description": query.description,
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
            if query.name == "limit"
            else {"type": "string"},
        }
        for query in operation.query
    )
    if operation.idempotent:
        key = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]{1,128}$"}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.roles:
        told["security"] = [{"key": []}]
        told["description"] = f"Roles: {', '.join(operation.roles)}."
    else:
        told["security"] = []
    if operation.body is not None:
        told["requestBody"] = {
            "required": bool(operation.body.__struct_fields__),
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    return told


def _responses(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"description": operation.summary}
    if operation.answer is not None:
        content["content"] = {operation.content_type: {"schema": _reference(_answer(operation))}}
    elif operation.status != 204:
        content["content"] = {operation.content_type: {"schema": {}}}
    for other in operation.also:
        content["content"][other] = {"schema": {"type": "string"}}
    responses = {str(operation.status): content}
    if operation.status == 201:
        replayed = {"schema": {"type": "string", "const": "true"}, "description": "Set where this was answered before."}
        responses["200"] = {**content, "headers": {"Idempotent-Replayed": replayed}}
    failures = {400: "Malformed"} | ({401: "No or bad credential", 403: "Not this role"} if operation.roles else {})
    if operation.body is not None or operation.method != "GET":
        failures |= {409: "Conflict of cause or state", 413: "Too large", 422: "The program's rules refuse"}
    if operation.path.startswith("/vouchers/") or operation.path == "/purchases":
        failures[429] = "Too many wrong voucher codes; Retry-After says how long to wait"
    failures |= {404: "Not found", 500: "Our fault", 503: "Try again"}
    for status, what in sorted(failures.items()):
        responses[str(status)] = {"description": what, **_PROBLEM}
    return responses
