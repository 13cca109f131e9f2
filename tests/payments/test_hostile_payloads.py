"""A verified sender may still send anything: every body comes to facts, and no fact holds what could not be booked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.payments import facts, registry
from chalicelib.payments.facts import Fact, Unbookable
from chalicelib.payments.payload import LARGEST_MINOR
from tests.payments.senders import samples, told_in_headers

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "\x00",
    "\udcff",
    "../../etc/passwd",
    "x" * 100_000,
    [],
    [None],
    [[]],
    [{}],
    {},
    {"id": {}},
    {"data": "x"},
]
PROVIDERS = registry.providers()


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and key inside a JSON document."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        yield node, key
        yield from places(value)


def require_sound(told: list[Fact]) -> None:
    """Amounts whole and in bounds, ids that can be keys, times with a zone, texts that can be stored."""
    assert told
    for fact in told:
        msgspec.json.encode(fact)
        require_sound_values(msgspec.structs.asdict(fact))


def require_sound_values(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, msgspec.Struct):
            require_sound_values(msgspec.structs.asdict(value))
        elif isinstance(value, tuple):
            require_sound_values({f"{name}.{place}": each for place, each in enumerate(value)})
        elif name.endswith(("_minor", "quantity")):
            assert type(value) is int and 0 <= value <= LARGEST_MINOR
        elif isinstance(value, str):
            assert len(value) <= 256 and value.isprintable()
            assert name in ("name", "category", "detail", "status") or " " not in value
        elif isinstance(value, datetime):
            assert value.utcoffset() == timedelta(0)
        else:
            assert value is None or type(value) in (int, bool)


@pytest.mark.parametrize("path", [path for provider in PROVIDERS for path in samples(provider)], ids=lambda p: p.stem)
def test_any_one_value_may_be_of_any_kind(path: Path) -> None:
    whole = json.loads(path.read_bytes())
    provider, headers = registry.provider(path.parent.name), told_in_headers(path)
    for place, (holder, key) in enumerate(places(whole)):
        kept = holder[key]
        # Two of them at each place, all of them in turn: every one at every place would take minutes.
        for hostile in (HOSTILE[place % len(HOSTILE)], HOSTILE[(place * 7 + 3) % len(HOSTILE)]):
            holder[key] = hostile
            body = json.dumps(whole, ensure_ascii=True).encode()
            require_sound(provider.translate(body, headers, {"livemode": True, "account": "acct_1"}))
        holder[key] = kept


@pytest.mark.parametrize("path", [path for provider in PROVIDERS for path in samples(provider)], ids=lambda p: p.stem)
def test_any_one_field_may_be_missing(path: Path) -> None:
    whole = json.loads(path.read_bytes())
    provider, headers = registry.provider(path.parent.name), told_in_headers(path)
    for holder, key in list(places(whole)):
        if isinstance(holder, dict):
            kept = holder.pop(key)
            require_sound(provider.translate(json.dumps(whole).encode(), headers, {}))
            holder[key] = kept


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{",
        b"{}" * 2,
        b"\xff\xfe{}",
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b"[" * 200_000,
        b'{"data":' * 200_000,
        b'{"n":' + b"9" * 50_000 + b"}",
        b'{"n": 1e999999}',
        b"<xml/>",
    ],
    ids=range(15),
)
def test_a_body_that_is_no_json_object_is_set_aside(provider: str, raw: bytes) -> None:
    topic = {"x-shopify-topic": "orders/paid"}
    told = registry.provider(provider).translate(raw, topic, {})
    assert [type(fact) for fact in told] in ([Unbookable], [facts.Ignored])
    if not raw.startswith(b'{"n"'):
        assert isinstance(told[0], Unbookable) and told[0].reason == "malformed"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("document", [{}, {"type": {}, "id": [], "created": {}, "data": []}, {"data": {"object": 5}}])
def test_an_object_of_nothing_known_is_acknowledged(provider: str, document: dict[str, object]) -> None:
    (fact,) = registry.provider(provider).translate(json.dumps(document).encode(), {}, {})
    assert isinstance(fact, facts.Ignored) and fact.event == "unknown"


def test_deep_and_wide_values_inside_a_known_event_do_no_harm() -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = {"metadata": deep, "data": [deep] if isinstance(deep, str) else []}
    for thing in (deep, {"id": "ch_1", "metadata": deep}, {"id": "ch_1", "refunds": {"data": [{}] * 5_000}}):
        body = json.dumps({"type": "charge.refunded", "created": 1759312800, "data": {"object": thing}}).encode()
        require_sound(registry.provider("stripe").translate(body, {}, {}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(
    json_values, st.sampled_from(PROVIDERS), st.sampled_from(["charge.succeeded", "payment.updated", "payment.paid"])
)
def test_no_document_raises(value: Any, provider: str, event: str) -> None:
    document = {"type": event, "created": value, "data": {"object": value, "payment_id": value, "total": value}}
    headers = {"x-shopify-topic": "orders/paid"}
    require_sound(registry.provider(provider).translate(json.dumps(document).encode(), headers, {}))
    require_sound(registry.provider(provider).translate(json.dumps(value).encode(), headers, {}))
