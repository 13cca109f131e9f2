"""Every field of every body, every path and every query, with what nobody should send: refused whole, or understood.

``tests.shop.send`` holds each answer to the OpenAPI document, so another error shape or an unknown status fails here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from chalicelib.api.door import Door, Operation
from tests.fuzz import hostile
from tests.fuzz.world import BODIES, TYPED, World, begun, label
from tests.shop import Reply

PARTS = [one for one in Door.operations if "{" in one.path]
ASKED = [one for one in Door.operations if one.query]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with begun() as made:
        yield made


def whole(world: World, reply: Reply, sent: str) -> None:
    """No fault of ours, an error in the one shape, and nothing written by what was refused."""
    written, world.written.count = world.written.count, 0
    assert reply.status < 500, (reply.body, sent[:300])
    if reply.status >= 400:
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(reply.body)
        told = str(reply.body)
        assert "Traceback" not in told and ".py" not in told and "msgspec" not in told, told
        assert len(told) < 200_000
        assert not written, (reply.body, sent[:300])


LONG = os.environ.get("REGULARS_FUZZ") == "long"


def some(world: World, every: int) -> bool:
    """All of it in the long form (``make fuzz``); one in so many otherwise, others in each test."""
    world.turn += 1
    return LONG or world.turn % every == 0


def test_every_body_has_a_sample_with_every_field() -> None:
    assert set(BODIES) == {label(one) for one in TYPED}
    for operation in TYPED:
        assert set(BODIES[label(operation)]) == set(operation.body.__struct_encode_fields__), label(operation)


@pytest.mark.parametrize("operation", TYPED, ids=label)
def test_a_field_with_something_else_in_it_changes_nothing_or_is_understood(world: World, operation: Operation) -> None:
    body = BODIES[label(operation)]
    places = list(hostile.places(body))
    if "program" in body:  # the document has a hundred places, and its own tests: one in seven of them here
        places = places[:3] + places[3::7]
    for number, place in enumerate(places):
        for raw in [*hostile.SMALL, *(hostile.LARGE if number == 0 else [])]:
            if not some(world, 29):
                continue
            sent = hostile.put(body, place, raw)
            reply = world.call(operation, sent)
            whole(world, reply, sent)


@pytest.mark.parametrize("operation", TYPED, ids=label)
def test_a_body_that_is_something_else_is_refused_whole(world: World, operation: Operation) -> None:
    for raw in [*hostile.SMALL, *hostile.LARGE, "", "   ", "{", "]", '{"a"', "\ufeff{}", "{}{}", "// x\n{}"]:
        if not some(world, 9):
            continue
        reply = world.call(operation, raw)
        whole(world, reply, raw)
        if raw.strip() not in ("", "{}"):
            assert reply.status in (400, 413), (raw[:100], reply.body)


@pytest.mark.parametrize("operation", TYPED, ids=label)
def test_a_field_that_stands_twice_is_refused(world: World, operation: Operation) -> None:
    for name, value in BODIES[label(operation)].items():
        one, other = json.dumps({name: value})[1:-1], json.dumps({name: None})[1:-1]
        rest = json.dumps({key: kept for key, kept in BODIES[label(operation)].items() if key != name})[1:-1]
        for sent in (one, other), (one, one):
            text = "{" + ", ".join(part for part in (*sent, rest) if part) + "}"
            reply = world.call(operation, text)
            assert (reply.status, reply.code) == (400, "malformed_json"), (name, reply.body)
            whole(world, reply, text)


@pytest.mark.parametrize("operation", PARTS, ids=label)
def test_a_path_with_something_else_in_it_finds_nothing(world: World, operation: Operation) -> None:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    for name in names:
        for text in hostile.TEXTS:
            if not some(world, 7):
                continue
            reply = world.call(operation, BODIES.get(label(operation)), **{name: text})
            whole(world, reply, text)
            assert reply.status >= 400, (name, text, reply.body)


@pytest.mark.parametrize("operation", ASKED, ids=label)
def test_a_query_with_something_else_in_it_is_refused_or_understood(world: World, operation: Operation) -> None:
    from urllib.parse import quote

    for query in operation.query:
        for text in [*hostile.TEXTS, ""]:
            if not some(world, 9):
                continue
            reply = world.call(operation, BODIES.get(label(operation)), query=f"{query.name}={quote(text, safe='')}")
            whole(world, reply, f"{query.name}={text}")


def test_headers_with_something_else_in_them_are_refused_or_ignored(world: World) -> None:
    for text in [*hostile.TEXTS, "en;q=NaN", "en;q=1e400", "*;q=-1, fi;q=", ",".join(["en"] * 3_000)]:
        if not some(world, 2):
            continue
        for name in ("accept-language", "origin", "accept", "content-type"):
            for path, key in (("/public/corner-cafe", None), ("/program", world.shop.owner)):
                reply = world.shop.call("GET", path, key=key, headers={name: text})
                whole(world, reply, f"{name}: {text}")
                assert reply.status == 200
        for name in ("authorization", "idempotency-key"):
            reply = world.shop.call(
                "POST", f"/members/{world.ann}/adjustments", {"points": 0, "reason": "x"}, headers={name: text}
            )
            whole(world, reply, f"{name}: {text}")
            assert reply.status >= 400
