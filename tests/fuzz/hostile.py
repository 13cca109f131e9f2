"""What nobody should send: values as the JSON text that stands in a body, and texts for paths, queries and headers."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

SMALL = [
    "0",
    "-1",
    "-0",
    "1.5",
    "1e40",
    "1E400",
    "-1e999",
    "NaN",
    "Infinity",
    '"5"',
    "true",
    "false",
    "null",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "9" * 5_000,
    '""',
    '" "',
    r'"\u0000"',
    r'"a\u0008b"',
    r'"\u202eevil"',
    r'"\u2066x\u2069"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\uffff"',
    '"a#b"',
    '"a/../b"',
    '"😀"',
    '"e\u0301"',
    '"ᾳ\u0345ﷺ"',
    '"{{7*7}}${x}"',
    '"<script>alert(1)</script>"',
    '"\'; DROP TABLE regulars; --"',
    '"=1+1"',
    '"1990-02-30"',
    '"0000-01-01"',
    '"0001-01-01"',
    '"9999-12-31"',
    '"-0001-01-01"',
    '"2026-02-29"',
    '"0001-01-01T00:00:00+23:59"',
    '"9999-12-31T23:59:59-23:59"',
    '"1969-12-31T23:59:59Z"',
    '"2026-06-01T12:00:00+99:99"',
    '"2026-06-01T23:59:60Z"',
    '"2026-06-01T12:00:00"',
    "[]",
    "{}",
    "[null]",
    "[[[[[[[[[[]]]]]]]]]]",
    '{"a": 1, "a": 2}',
    '{"__proto__": {}}',
    json.dumps("x" * 5_000),
    json.dumps("é" * 130),
]
LARGE = [
    json.dumps("x" * 300_000),
    "[" * 20_000 + "]" * 20_000,
    '{"a":' * 20_000 + "1" + "}" * 20_000,
    "[" + "0," * 60_000 + "0]",
]
"""Slow to make and send: for one field of each call."""

TEXTS = [
    "0",
    "-1",
    "x",
    "a#b",
    "m0#HISTORY",
    "../../program",
    "a/b",
    "a%2Fb",
    "%00",
    "é",
    "😀" * 128,
    "x" * 129,
    "ß" * 1_000,
    "ﷺ" * 600,
    "\u202e",
    " ",
    "a b",
    "null",
    "'\"<>",
    "9" * 30,
    "-".join(["1"] * 500),
    *(
        urlsafe_b64encode(cursor.encode()).decode()
        for cursor in (
            '[1,""]',
            "[-1,null]",
            '[0,"x"]',
            "[99999999999999999999,null]",
            '["2026-06-01",0,""]',
            "{}",
            '[[],"é"]',
        )
    ),
]


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where each value of a body stands, the body itself left out."""
    parts: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    for name, part in parts:
        yield (*at, name)
        yield from places(part, (*at, name))


_MARK = "@@here@@"


def put(body: Any, place: tuple[str | int, ...], raw: str) -> str:
    """The body as JSON text, with the raw text at a place."""

    def marked(value: Any, rest: tuple[str | int, ...]) -> Any:
        if not rest:
            return _MARK
        if isinstance(value, dict):
            return {name: marked(part, rest[1:]) if name == rest[0] else part for name, part in value.items()}
        return [marked(part, rest[1:]) if number == rest[0] else part for number, part in enumerate(value)]

    return json.dumps(marked(body, place)).replace(json.dumps(_MARK), raw)
