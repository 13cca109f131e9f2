"""Holds an answer of the API to the OpenAPI document that the API itself serves: status, content type, every field."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from chalicelib.api.openapi import document
from tests.watched import SECRETS

SAMPLES = re.compile(r"ann@example\.com|\+36 30 123 4567|Bearer …")
"""What a refusal says a thing must look like; anything else of that form is somebody's."""


def strictly(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, dict):
        closed = {name: strictly(part) for name, part in schema.items()}
        if closed.get("type") == "object" and "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
    return [strictly(part) for part in schema] if isinstance(schema, list) else schema


@cache
def _strict_components() -> Any:
    parts = strictly(document()["components"])
    parts["schemas"]["Problem"].pop("additionalProperties")  # a problem may carry facts, as RFC 9457 says
    return parts


def faults(schema: dict[str, Any], body: Any) -> list[str]:
    """What in a body the schema does not allow, each with its place."""
    validator = _strict(json.dumps(schema, sort_keys=True))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(body)]


@cache
def _strict(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": _strict_components()})


def hold_to_contract(method: str, route: str, status: int, content_type: str, text: str) -> None:
    """Raises AssertionError where an answer is not one that the document promises for this call."""
    if method == "OPTIONS":
        return
    promised = document()["paths"][route][method.lower()]["responses"]
    assert str(status) in promised, f"{method} {route} answered {status}, which the OpenAPI document does not know"
    content = promised[str(status)].get("content")
    if content is None:
        assert text == "", f"{method} {route} answered {status} with a body that the OpenAPI document does not know"
        return
    kind = content_type.partition(";")[0]
    kinds = {name.partition(";")[0]: told["schema"] for name, told in content.items()}
    assert kind in kinds, f"{method} {route} answered {status} as {content_type}"
    if status >= 400:
        told = SECRETS.search(SAMPLES.sub("", text))
        assert told is None, f"{method} {route} answered {status} and told {told and told[0]}"
    if kind.endswith(("/json", "+json")):
        found = faults(kinds[kind], json.loads(text))
        assert not found, f"{method} {route} answered {status} with {found}"
