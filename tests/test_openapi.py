"""The OpenAPI document: valid, equal to the routes, the roles and the bodies, and true of every code.

Every answer that any test of the API receives is held to it too (``tests/contract.py``).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api.door import PREFIX, Door, Operation
from chalicelib.api.errors import STATUS
from chalicelib.api.openapi import document
from chalicelib.pages.reference import render
from tests.contract import faults
from tests.shop import Shop

OPERATIONS = Door.operations
DOCUMENT = document()


def told(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][PREFIX + operation.path][operation.method.lower()]
    return found


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_served_document_is_this_one(shop: Shop) -> None:
    answer = shop.call("GET", "/openapi.json", key=None)
    assert answer.body == json.loads(json.dumps(DOCUMENT))


def test_the_document_has_exactly_the_routes_that_the_app_has() -> None:
    routes = {
        (path, method)
        for path, methods in app.routes.items()
        for method in methods
        if method != "OPTIONS" and path.startswith(PREFIX)
    }
    assert routes == {(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_every_route_outside_the_prefix_is_one_of_the_services_own() -> None:
    outside = {path for path in app.routes if not path.startswith(PREFIX)}
    assert outside <= {"/health", "/openapi.json", "/docs"} | {path for path in outside if path.startswith("/pages")}


def test_every_call_has_a_preflight() -> None:
    assert {
        path for path, methods in app.routes.items() if path.startswith(PREFIX) and "OPTIONS" not in methods
    } == set()


def test_every_operation_has_its_own_id_and_says_what_it_does() -> None:
    ids = [told(operation)["operationId"] for operation in OPERATIONS]
    assert len(ids) == len(set(ids)) == sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert all(told(operation)["summary"] for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_an_operation_tells_its_roles_body_parameters_and_answers(operation: Operation) -> None:
    described = told(operation)
    assert described["security"] == ([{"key": []}] if operation.roles else [])
    for role in operation.roles:
        assert role in described["description"]
    assert ("requestBody" in described) == (operation.body is not None)
    places = {(parameter["in"], parameter["name"]) for parameter in described["parameters"]}
    expected = {("query", query.name) for query in operation.query}
    expected |= {("path", part[1:-1]) for part in operation.path.split("/") if part.startswith("{")}
    expected |= {("header", "Idempotency-Key")} if operation.idempotent else set()
    assert places >= expected
    assert {place for place in places if place[0] != "header"} == {place for place in expected if place[0] != "header"}
    answers = described["responses"]
    assert str(operation.status) in answers
    assert ("200" in answers) or operation.status in (202, 204)
    assert {"401", "403"} <= set(answers) or not operation.roles
    assert all("application/problem+json" in answers[code]["content"] for code in answers if code >= "400")


def test_every_code_has_a_status_that_some_operation_promises() -> None:
    promised = {int(code) for operation in OPERATIONS for code in told(operation)["responses"]}
    assert DOCUMENT["x-error-codes"] == STATUS
    assert set(STATUS.values()) <= promised


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"order_id": "o", "total": 1, "currency": "EUR"}, False),
        ({"order_id": "o", "total": 1, "currency": "EUR", "items": [{"sku": "a", "quantity": 1, "amount": 1}]}, False),
        ({"order_id": "o", "total": 1}, True),
        ({"order_id": "a#b", "total": 1, "currency": "EUR"}, True),
        ({"order_id": "o", "total": -1, "currency": "EUR"}, True),
        ({"order_id": "o", "total": 1, "currency": "EUR", "tip": 1}, True),
        ({"order_id": "o", "total": "1", "currency": "EUR"}, True),
    ],
)
def test_the_schema_of_a_body_refuses_what_the_service_refuses(shop: Shop, body: dict[str, Any], wrong: bool) -> None:
    schema = DOCUMENT["paths"]["/v1/purchases"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert bool(faults(schema, body)) == wrong
    assert (shop.call("POST", "/purchases", body).status == 400) == wrong


def test_the_hook_refuses_an_answer_that_the_document_does_not_know() -> None:
    from tests.contract import hold_to_contract

    hold_to_contract("GET", "/v1/health", 200, "application/json", '{"status": "ok"}')
    for status, kind, text in (
        (200, "application/json", '{"status": "ok", "surprise": 1}'),
        (200, "application/json", "{}"),
        (200, "text/plain", "ok"),
        (418, "application/json", "{}"),
        (500, "application/problem+json", '{"message": "Internal server error"}'),
    ):
        with pytest.raises(AssertionError):
            hold_to_contract("GET", "/v1/health", status, kind, text)


def test_the_page_shows_names_as_names_and_no_marks_of_docstrings() -> None:
    page = render(DOCUMENT)
    assert "<code>next_cursor</code> tells" in page
    assert "`" not in page
