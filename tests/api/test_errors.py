"""One error shape everywhere: RFC 9457 with a stable code, a sentence that helps, and every fault at its pointer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.api.door import MOST_BYTES, Door
from chalicelib.domain.errors import Unavailable
from tests.moments import at
from tests.shop import Reply, Shop, opened

SALE = {"order_id": "o", "total": 100, "currency": "EUR"}
BODIES = [operation for operation in Door.operations if operation.body is not None and operation.roles]
IDEMPOTENT = [operation for operation in Door.operations if operation.idempotent]
CLOSED = [operation for operation in Door.operations if operation.roles]


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at("2026-06-01T12:00:00Z"):
        yield shop


def key_for(shop: Shop, roles: tuple[str, ...]) -> str:
    if roles == ("member",):
        ann = shop.enrol(email="token@example.com")
        return str(shop.call("POST", f"/members/{ann}/sessions")["token"])
    return shop.owner


def path_of(path: str) -> str:
    return path.replace("{", "").replace("}", "")


def pointers(answer: Reply) -> set[str]:
    return {fault["pointer"] for fault in answer["errors"]}


def test_an_error_has_the_shape_of_rfc_9457(café: Shop) -> None:
    answer = café.call("GET", "/members/nobody")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.body) == {"type", "title", "status", "detail", "code"}
    assert (answer["status"], answer["title"], answer["code"]) == (404, "Not Found", "member_not_found")
    assert answer["type"] == "/v1/docs#member_not_found"


def test_every_fault_is_listed_at_its_pointer(café: Shop) -> None:
    items = [{"sku": "", "quantity": 0, "amount": -1}, {"sku": "a", "quantity": 1, "amount": 1.5, "odd/name": 1}]
    body = {**SALE, "total": "100", "currency": "eur", "tip": 5, "items": items, "occurred_at": "2026-06-01T12:00:00"}
    answer = café.call("POST", "/purchases", body)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert pointers(answer) == {
        "/total",
        "/currency",
        "/tip",
        "/occurred_at",
        "/items/0/sku",
        "/items/0/quantity",
        "/items/0/amount",
        "/items/1/amount",
        "/items/1/odd~1name",
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "malformed_json"),
        ("{", "malformed_json"),
        ("[]", "invalid_request"),
        ("null", "invalid_request"),
        ('"text"', "invalid_request"),
        ("{}", "invalid_request"),
        ('{"order_id": "a", "order_id": "b", "total": 1, "currency": "EUR"}', "malformed_json"),
        ('{"order_id": "o", "total": 1e400, "currency": "EUR"}', "invalid_request"),
        ('{"order_id": "o", "total": NaN, "currency": "EUR"}', "malformed_json"),
        ('{"order_id": "o", "total": true, "currency": "EUR"}', "invalid_request"),
        ('{"order_id": "o", "total": 1.0, "currency": "EUR"}', "invalid_request"),
        ('{"order_id": "o", "total": 9999999999999999999999, "currency": "EUR"}', "invalid_request"),
        ("[" * 100_000, "malformed_json"),
    ],
)
def test_what_is_not_the_json_asked_for_is_refused(café: Shop, body: str, code: str) -> None:
    answer = café.call("POST", "/purchases", body)
    assert (answer.status, answer.code) == (400, code)
    assert answer["errors"]


def test_a_body_that_is_too_large_is_refused(café: Shop) -> None:
    answer = café.call("POST", "/purchases", " " * (MOST_BYTES + 1))
    assert (answer.status, answer.code) == (413, "request_too_large")


@pytest.mark.parametrize("operation", BODIES, ids=lambda one: f"{one.method} {one.path}")
def test_every_body_refuses_fields_that_it_does_not_know(café: Shop, operation: Any) -> None:
    key = key_for(café, operation.roles)
    answer = café.call(operation.method, path_of(operation.path), {"surprise": 1}, key=key, idem="k")
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "/surprise" in pointers(answer)


@pytest.mark.parametrize("operation", CLOSED, ids=lambda one: f"{one.method} {one.path}")
def test_every_call_refuses_query_parameters_that_it_does_not_know(café: Shop, operation: Any) -> None:
    key = key_for(café, operation.roles)
    answer = café.call(operation.method, path_of(operation.path) + "?surprise=1", {}, key=key, idem="k")
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert pointers(answer) == {"/surprise"}


@pytest.mark.parametrize("operation", IDEMPOTENT, ids=lambda one: f"{one.method} {one.path}")
def test_a_call_marked_idempotent_asks_for_its_key(café: Shop, operation: Any) -> None:
    key = key_for(café, operation.roles)
    answer = café.call(operation.method, path_of(operation.path), {}, key=key)
    assert (answer.status, answer.code) == (400, "idempotency_key_required")
    for wrong in ("", " ", "a b", "é", "x" * 129):
        refused = café.call(operation.method, path_of(operation.path), {}, key=key, idem=wrong)
        assert (refused.status, refused.code) == (400, "invalid_request"), wrong


def test_the_calls_that_ask_for_an_idempotency_key_are_those_of_the_contract() -> None:
    asked = {f"{one.method} {one.path}" for one in IDEMPOTENT}
    assert asked >= {
        "POST /members/{member_id}/adjustments",
        "POST /members/{member_id}/check-ins",
        "POST /members/{member_id}/redemptions",
        "POST /me/redemptions",
    }


def test_an_outage_says_that_nothing_happened_and_when_to_ask_again(café: Shop) -> None:
    with patch("chalicelib.actions.admission.load", side_effect=Unavailable()):
        answer = café.buy("outage", 100)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert café.call("GET", "/purchases/outage").status == 404


def test_a_fault_of_ours_tells_nothing_of_itself(café: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "ann@example.com and rk_corner-cafe_secret"
    with patch("chalicelib.actions.admission.load", side_effect=RuntimeError(secret)):
        answer = café.buy("fault", 100)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "Traceback" not in str(answer.body)
    assert secret not in str(answer.body)
    assert secret not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/members", {"email": "no-at"}, "/email"),
        ("/members", {"email": "a@b\n"}, "/email"),
        ("/members", {"email": "a b@example.com"}, "/email"),
        ("/members", {"phone": "call me"}, "/phone"),
        ("/members", {"phone": "+"}, "/phone"),
        ("/members", {"email": "a@example.com", "birthday": "1990-02-30"}, "/birthday"),
        ("/members", {"email": "a@example.com", "name": "Ann\u202e"}, "/name"),
        ("/members", {"email": "a@example.com", "name": " "}, "/name"),
        ("/members", {"email": "a@example.com", "locale": "english"}, "/locale"),
        ("/members", {"external_id": "a#b"}, "/external_id"),
        ("/members", {"email": "a@example.com", "tags": [""]}, "/tags/0"),
        ("/purchases", {**SALE, "total": -1}, "/total"),
        ("/purchases", {**SALE, "items": [{"sku": "a", "quantity": 1, "amount": 1}] * 1001}, "/items"),
        ("/purchases", {**SALE, "voucher_codes": ["a"] * 41}, "/voucher_codes"),
        ("/purchases", {**SALE, "occurred_at": "yesterday"}, "/occurred_at"),
    ],
)
def test_text_from_outside_is_held_to_its_form(café: Shop, path: str, body: dict[str, Any], pointer: str) -> None:
    answer = café.call("POST", path, body)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert pointers(answer) == {pointer}


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs"])
def test_the_service_tells_of_itself_to_anybody(café: Shop, path: str) -> None:
    assert café.call("GET", path, key=None).status == 200


def test_the_docs_page_loads_nothing_from_outside(café: Shop) -> None:
    import re

    page = café.call("GET", "/docs", key=None)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page.body) == []
    assert "<script" not in page.body
