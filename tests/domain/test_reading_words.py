"""What a wrong value is told that it must be, kind by kind, and where a body stops being JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from chalicelib.domain.errors import Invalid
from chalicelib.domain.reading import MOST_FAULTS, read, read_json
from chalicelib.domain.reading_faults import pointer
from chalicelib.domain.text import ExternalId, IdempotencyKey, Identifier, Label, Paragraph


class Buyer(msgspec.Struct, forbid_unknown_fields=True, tag="buyer", tag_field="kind"):
    email: str


class Guest(msgspec.Struct, tag="guest", tag_field="kind"):
    seat: int


class Note(msgspec.Struct):
    text: str = ""
    first: str = msgspec.field(name="1st", default="")
    anything: Any = None
    rate: float = 0.0
    parts: list[int] | dict[str, int] | None = None
    when: date | int = 0
    whole: int | float = 0
    who: Buyer | Guest | None = None


def faults(data: object, kind: object) -> list[tuple[str, str]]:
    """Nothing where it is right."""
    try:
        read(data, kind)  # type: ignore[arg-type]  # an annotated kind is no class for mypy
    except Invalid as invalid:
        return [(fault.pointer, fault.detail) for fault in invalid.faults]
    return []


def malformed(raw: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_json(raw, Note)
    assert caught.value.code == "malformed_json"
    [fault] = caught.value.faults
    assert fault.pointer == ""
    return fault.detail


IDENTIFIER = "1 to 64 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
Wrong = list[object]
KINDS: list[tuple[object, Wrong, Wrong, str]] = [  # kind, right, wrong, what it must be
    (Annotated[int, Meta(ge=3)], [3, 4], [2, 3.5, "3", True], "an integer of at least 3"),
    (Annotated[int, Meta(gt=3)], [4], [3], "an integer of at least 4"),
    (Annotated[int, Meta(le=3)], [3, -3], [4], "an integer of at most 3"),
    (Annotated[int, Meta(lt=3)], [2], [3], "an integer of at most 2"),
    (Annotated[int, Meta(ge=0, le=0)], [0], [1, -1], "an integer from 0 to 0"),
    (Annotated[int, Meta(gt=0, lt=9, multiple_of=3)], [3, 6], [0, 9, 1], "an integer from 1 to 8, a multiple of 3"),
    (Annotated[int, Meta(multiple_of=3)], [-3, 0], [1, 2], "an integer, a multiple of 3"),
    (Annotated[int, Meta(ge=1, multiple_of=3)], [3], [0, 4], "an integer of at least 1, a multiple of 3"),
    (Annotated[int, Meta(le=5, multiple_of=3)], [3], [6, 4], "an integer of at most 5, a multiple of 3"),
    (Annotated[float, Meta(gt=1.5)], [1.6, 2], [1.5, 1, True, "2"], "a number of at least 1.5"),
    (Annotated[float, Meta(lt=1.5)], [1.4], [1.5], "a number of at most 1.5"),
    (Annotated[float, Meta(ge=0, le=1)], [0, 0.5, 1], [-1, 1.5], "a number from 0 to 1"),
    (float, [1, 1.5], ["1", None, False, []], "a number"),
    (Annotated[str, Meta(min_length=1)], ["a"], ["", 1], "text of at least 1 character"),
    (Annotated[str, Meta(min_length=2)], ["ab"], ["a"], "text of at least 2 characters"),
    (Annotated[str, Meta(min_length=2, max_length=2)], ["ab"], ["a", "abc"], "text of 2 characters"),
    (Annotated[str, Meta(max_length=1)], ["", "a"], ["ab"], "text of at most 1 character"),
    (Annotated[str, Meta(max_length=0)], [""], ["a"], "text of 0 characters"),
    (Annotated[str, Meta(min_length=1, max_length=3)], ["a", "abc"], ["", "abcd"], "text of 1 to 3 characters"),
    (Annotated[str, Meta(pattern="^a+$")], ["aa"], ["ab", 5], "text that matches ^a+$"),
    (Annotated[str, Meta(pattern="^a+$", extra={"must": "some a"})], ["aa"], ["ab", 5], "some a"),
    (Annotated[str, Meta(pattern="^a+$", extra={"may": "some a"})], ["aa"], ["ab"], "text that matches ^a+$"),
    (str, ["", "a"], [5, None, []], "text"),
    (Literal["a"], ["a"], ["A", None], '"a"'),
    (Literal["a", "b"], ["a", "b"], ["c", 1], 'one of "a", "b"'),
    (Literal[1, 2], [1, 2], [3, "1", True, 1.0], "one of 1, 2"),
    (None, [None], [0, "", False], "null"),
    (bool, [True, False], [0, 1, "true", None], "true or false"),
    (date, ["2026-05-31"], ["2026-02-30", "31.5.2026", 5, None], "a date such as 2026-05-31"),
    (
        Annotated[datetime, Meta(tz=True)],
        ["2026-05-31T09:30:00Z"],
        ["2026-05-31T09:30:00", "2026-05-31", 5],
        "a time with an offset, such as 2026-05-31T09:30:00Z",
    ),
    (dict[str, int], [{}, {"a": 1}], [[], "a"], "an object"),
    (Annotated[dict[str, int], Meta(min_length=1)], [{"a": 1}], [{}], "an object of at least 1 field"),
    (Annotated[dict[str, int], Meta(max_length=1)], [{}], [{"a": 1, "b": 2}], "an object of at most 1 field"),
    (list[int], [[], [1]], [{}, "a", 5], "a list"),
    (set[int], [[1]], [{}, "a"], "a list"),
    (frozenset[int], [[1]], [{}, "a"], "a list"),
    (tuple[int, ...], [[], [1]], [{}, "a"], "a list"),
    (Annotated[list[int], Meta(min_length=1, max_length=2)], [[1], [1, 2]], [[], [1, 2, 3]], "a list of 1 to 2 items"),
    (Buyer, [{"kind": "buyer", "email": "a"}], [[], "a", 5, None], "an object"),
    (int | str, [1, "a"], [None, 1.5, [], {}, True], "an integer or text"),
    (int | str | None, [1, "a", None], [1.5, []], "an integer or text, or null"),
    (int | bool, [1, True], ["a", None], "an integer or true or false"),
    (Annotated[int, Meta(ge=1)] | None, [None, 1], [0, "1"], "an integer of at least 1, or null"),
    (Annotated[int, Meta(ge=1)] | str | None, [1, "a", None], [0], "an integer of at least 1, or null"),
    (float | str, [1.5, 2, "a"], [None, []], "a number or text"),
    (int | float, [1, 1.5], [None, "1"], "an integer or a number"),
    (list[int] | str, [[1], "a"], [5, {}, None], "a list or text"),
    (list[int] | dict[str, int], [[], {}], [5, "a"], "a list or an object"),
]


@pytest.mark.parametrize(("kind", "right", "wrong", "must"), KINDS)
def test_each_kind_takes_its_own_and_says_what_it_must_be(kind: object, right: Wrong, wrong: Wrong, must: str) -> None:
    beside = msgspec.defstruct("Beside", [("value", kind), ("other", bool)])
    for value in right:
        assert faults(value, kind) == []
        assert faults({"value": value, "other": 5}, beside) == [("/other", "Must be true or false.")]
    for value in wrong:
        assert faults(value, kind) == [("", f"Must be {must}.")]


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        ({"a": 1, "b": "x", "c": None}, dict[str, int], [("/b", "Must be an integer."), ("/c", "Must be an integer.")]),
        ({"Bad": 1}, dict[Identifier, int], [("/Bad", f"Unknown name; it must be {IDENTIFIER}.")]),
        ([1, "a", [], 2], list[int], [("/1", "Must be an integer."), ("/2", "Must be an integer.")]),
        ([[1], ["a"]], set[tuple[int, ...]], [("/1/0", "Must be an integer.")]),
        ({"parts": [1, "a"]}, Note, [("/parts/1", "Must be an integer.")]),
        ({"parts": {"x": "a"}}, Note, [("/parts/x", "Must be an integer.")]),
        ({"parts": 5}, Note, [("/parts", "Must be a list or an object, or null.")]),
        ({"when": "soon"}, Note, [("/when", "Must be a date such as 2026-05-31.")]),
        ({"when": []}, Note, [("/when", "Must be a date such as 2026-05-31 or an integer.")]),
        ({"1st": 5, "first": 5}, Note, [("/1st", "Must be text.")]),
        ({"anything": {"a": 1}, "text": 5}, Note, [("/text", "Must be text.")]),
        ({"anything": [1], "text": 5}, Note, [("/text", "Must be text.")]),
        ({"kind": "guest", "email": "a"}, Buyer, [("/kind", 'Must be "buyer".')]),
        ({"kind": "guest", "email": 5}, Buyer, [("/kind", 'Must be "buyer".'), ("/email", "Must be text.")]),
        ({"kind": "buyer", "x": 1}, Buyer, [("/x", "Unknown field; remove it."), ("/email", "Required.")]),
        ({"kind": "guest", "x": 1}, Guest, [("/seat", "Required.")]),
        ({"who": {"kind": "guest", "seat": "a"}}, Note, [("/who/seat", "Must be an integer.")]),
        ({"who": {"kind": "buyer", "email": 5}}, Note, [("/who/email", "Must be text.")]),
        ({"who": 5}, Note, [("/who", "Must be an object, or null.")]),
    ],
)
def test_a_fault_inside_is_told_at_its_place(data: object, kind: object, told: list[tuple[str, str]]) -> None:
    assert faults(data, kind) == told


def test_a_kind_that_was_never_read_before_is_described_for_the_first_fault() -> None:
    fresh = msgspec.defstruct("Fresh", [("number", int)])
    assert faults({"number": "a"}, fresh) == [("/number", "Must be an integer.")]
    assert faults({"number": "b"}, fresh) == [("/number", "Must be an integer.")]


def test_what_only_msgspec_knows_is_told_at_the_root_too() -> None:
    assert faults("no base64!", bytes) == [("", "Invalid base64 encoded string.")]
    assert faults([1, 2], tuple[int, str]) == [("/1", "Expected `str`, got `int`.")]


@pytest.mark.parametrize(("many", "listed"), [(MOST_FAULTS, MOST_FAULTS), (MOST_FAULTS + 1, MOST_FAULTS + 1)])
def test_a_thousand_faults_are_listed_and_no_more(many: int, listed: int) -> None:
    found = faults(["a"] * many, list[int])
    assert len(found) == listed
    assert found[MOST_FAULTS - 1] == (f"/{MOST_FAULTS - 1}", "Must be an integer.")
    assert found[MOST_FAULTS:] == [("", "More than 1000 faults; mend these first.")] * (many - MOST_FAULTS)


@pytest.mark.parametrize(
    ("token", "at"),
    [("a", "/x/a"), (0, "/x/0"), ("a/b~c", "/x/a~1b~0c"), ("~1", "/x/~01"), ("", "/x/"), ("\ud800", "/x/?")],
)
def test_a_pointer_escapes_what_its_own_signs_are(token: str | int, at: str) -> None:
    assert pointer("/x", token) == at


TOO_DEEP = "The body is nested too deeply; send a flatter document."
TWICE = 'The field "text" stands more than once in one object; keep one of them.'


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "The body is empty; send a JSON object."),
        (b'{"text"', "The body is not valid JSON: Input data was truncated. Send one JSON object."),
        (b'{"text": NaN}', "The body is not valid JSON: invalid character (byte 9). Send one JSON object."),
        (
            b'{"rate": 1e400, "parts": [' + b"1" * 400 + b"]}",
            "A number in the body is out of range; send a smaller one.",
        ),
        (b'{"rate": 1e400}', "A number in the body is out of range; send a smaller one."),
        (b'{"rate": 1e400, "text": NaN}', "The body is not valid JSON: NaN is not JSON. Send one JSON object."),
        (
            b'{"rate": 1e400, "text": -Infinity}',
            "The body is not valid JSON: -Infinity is not JSON. Send one JSON object.",
        ),
        (b'{"text": ' * 100_000, TOO_DEEP),
        (b'{"rate": 1e400, "anything": ' + b"[" * 100_000, TOO_DEEP),
        (b'{"text": "\xff"}', "The body is not UTF-8 (byte 0 of a text); send UTF-8."),
        (b'{"rate": 1, "text": "a", "text": "a"}', TWICE),
        (b'{"rate": 1, "text": "\\u0022", "text": ""}', TWICE),
        (b'{"anything": "\\u0022", "text": "", "text": ""}', TWICE),
        (b'{"anything": "\\u0022", "text": 1, "text": 1}', TWICE),
        (b'{"rate": 1e400, "text": "a", "text": "a"}', TWICE),
        (b'{"%s": 1, "%s": 2}' % (b"x" * 101, b"x" * 101), TWICE.replace("text", "x" * 100)),
    ],
)
def test_a_body_that_is_no_json_is_told_why_in_a_sentence(raw: bytes, detail: str) -> None:
    assert malformed(raw) == detail


def longest(kind: Any, taken: str, refused: str) -> None:
    assert (faults(taken, kind), len(faults(refused, kind))) == ([], 1)


def test_texts_are_taken_to_their_limits_and_refused_beyond() -> None:
    longest(ExternalId, "a" * 128, "a" * 129)
    longest(IdempotencyKey, "~" * 128, "~" * 129)
    longest(Identifier, "a" * 64, "a" * 65)
    longest(Label, "é" * 120, "é" * 121)
    longest(Paragraph, "é" * 2_000, "é" * 2_001)


@pytest.mark.parametrize(
    ("kind", "must"),
    [
        (ExternalId, "1 to 128 characters of A-Z a-z 0-9 . _ : @ + / = -"),
        (IdempotencyKey, "1 to 128 visible ASCII characters"),
        (Identifier, IDENTIFIER),
        (Label, "1 to 120 printable characters on one line, not only spaces"),
        (Paragraph, "at most 2000 printable characters; line breaks and tabs are fine inside"),
    ],
)
def test_each_text_says_what_it_must_be(kind: Any, must: str) -> None:
    assert faults("\x00", kind) == [("", f"Must be {must}.")]
