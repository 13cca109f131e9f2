"""The same over real HTTP, below what a client library would let through: raw bytes, odd paths, methods and headers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chalicelib.api.door import Door
from tests.fuzz.serving import Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.mark.parametrize(
    "raw",
    [
        b'{"order_id": "h-\xff", "total": 1, "currency": "EUR"}',
        b'{"order_id": "h-\xc3\x28", "total": 1, "currency": "EUR"}',
        b'{"order_id": "h-\xed\xa0\x80", "total": 1, "currency": "EUR"}',
        b"\xff\xfe{\x00}\x00",
        b'\xef\xbb\xbf{"order_id": "h", "total": 1, "currency": "EUR"}',
        b"\x00",
        b'{"order_id": "h", "order_id": "i", "total": 1, "currency": "EUR"}',
        b'{"order_id": "h", "total": 1, "total": 1, "currency": "EUR"}',
        b'{"order_id": "h", "total": 1, "currency": "EUR"} {}',
        b"order_id=h&total=1&currency=EUR",
        b"",
    ],
)
def test_bytes_that_are_no_json_in_utf_8_are_refused(served: Served, raw: bytes) -> None:
    assert served.refused("POST", "/v1/purchases", raw)["code"] == "malformed_json"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/xml",
        "x",
        "multipart/form-data",
    ],
)
def test_the_body_is_json_whatever_it_is_called(served: Served, kind: str) -> None:
    """Curl and old tills send odd content types; what is read as JSON is held to it whole."""
    status, _, raw = served.ask(
        "POST", "/v1/purchases/estimate", b'{"total": 100, "currency": "EUR"}', content_type=kind
    )
    assert (status, json.loads(raw)["currency"]) == (200, "EUR")
    assert served.refused("POST", "/v1/purchases/estimate", b"<a/>", content_type=kind)["code"] == "malformed_json"


@pytest.mark.parametrize("method", ["HEAD", "PUT", "TRACE", "CONNECT", "BREW", "get"])
def test_a_method_that_no_call_has_is_refused(served: Served, method: str) -> None:
    status, told, raw = served.ask(method, "/v1/members")
    assert 400 <= status < 502 and status != 500
    assert told["content-type"] == "application/problem+json"
    assert method == "HEAD" or json.loads(raw)["code"] in ("route_not_found", "invalid_request")


def test_a_preflight_of_a_stranger_is_told_nothing(served: Served) -> None:
    status, told, raw = served.ask("OPTIONS", "/v1/members", origin="https://evil.example")
    assert (status, raw) == (204, b"")
    assert "access-control-allow-origin" not in told


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1//members",
        "/v1/members//ledger",
        "/v1/members/x/y/z",
        "/v1/members/..%2F..%2Fprogram",
        "/v1/members/a%2Fledger",
        "/v1/members/%00",
        "/v1/members/%ff",
        "/v1/members/%",
        "/v1/members/a%23b",
        "/v1/members/a%252523b",
        "/v1/members/%23HISTORY",
        "/v1/members/" + "a" * 1_500,
        "/v1/members/" + "%F0%9F%98%80" * 300,
        "/v1/purchases/..%2f",
        "/v1/vouchers/%E2%80%AE",
        "/V1/members/x",
        "/v1/members?email=%ff",
        "/v1/members?limit=0",
        "/v1/members?limit=1&limit=x",
        "/v1/members?cursor=" + "a" * 1_500,
        "/_local/schedules",
        "/",
    ],
)
def test_a_path_that_leads_nowhere_is_refused_in_the_one_shape(served: Served, path: str) -> None:
    assert served.refused("GET", path)["code"] in (
        "route_not_found",
        "member_not_found",
        "purchase_not_found",
        "voucher_not_found",
        "invalid_request",
    )


def test_an_id_reaches_its_object_however_it_is_encoded(served: Served) -> None:
    """What may stand in an id must survive the path: a slash, a plus, a percent sign's code."""
    raw = json.dumps({"order_id": "a/b+c=d:e@f", "total": 100, "currency": "EUR"}).encode()
    assert served.ask("POST", "/v1/purchases", raw)[0] == 201
    for path in ("a%2Fb%2Bc%3Dd%3Ae%40f", "a%2fb+c=d:e@f"):
        status, _, told = served.ask("GET", f"/v1/purchases/{path}")
        assert (status, json.loads(told)["order_id"]) == (200, "a/b+c=d:e@f"), path
    assert served.refused("GET", "/v1/purchases/a%252Fb+c=d:e@f")["code"] == "purchase_not_found"


@pytest.mark.parametrize("name", ["authorization", "idempotency_key", "accept_language", "origin", "accept"])
def test_headers_of_any_bytes_are_refused_or_ignored(served: Served, name: str) -> None:
    for text in (
        "\xff\xfe",
        "Bearer \x01",
        "Bearer " + "a.b.c",
        "x" * 8_000,
        "é",
        "Bearer rk_corner-cafe_" + "x" * 900,
    ):
        status, told, raw = served.ask("GET", "/v1/members?email=ann@example.com", **{name: text})
        assert status < 500, (name, text, raw)
        assert status == 200 or told["content-type"] == "application/problem+json"


def test_every_call_answers_anything_raw_without_a_fault(served: Served) -> None:
    """Files and signed bodies are read by code of their own."""
    raws = [b"", b"\x00" * 100, b"\xff" * 100, b"[]", b"{}", b"null", b"[" * 20_000, b'{"a":' * 5_000, b'"x"']
    raws += [b"order_id,total,currency\n", b"order_id,total,currency\n\xff,1,EUR\n", b'a,"b\n', b"a\n" * 2_000]
    raws += [b'{"type":"x","data":{"object":[]}}\n' * 3, b"id,Amount\n" + b"," * 3_000]
    for operation in (one for one in Door.operations if one.raw):
        for raw in raws:
            for provider in ("stripe", "square", "shopify", "standard", "x"):
                path = served.world.url(operation, provider=provider)
                status, told, body = served.ask(operation.method, "/v1" + path, raw, idempotency_key="k")
                assert status < 500, (operation.path, raw[:40], body)
                assert told["content-type"].partition(";")[0] in ("application/json", "application/problem+json")
                if "{provider}" not in operation.path:
                    break
