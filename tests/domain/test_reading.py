"""Strict reading: nothing is coerced, every fault is told at its pointer, hostile bodies end as Invalid."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from chalicelib.domain.errors import Invalid
from chalicelib.domain.program import Program
from chalicelib.domain.reading import MOST_FAULTS, read, read_json
from chalicelib.domain.text import ExternalId, IdempotencyKey, Identifier, Label, Paragraph


class Line(msgspec.Struct, forbid_unknown_fields=True):
    sku: ExternalId
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Buyer(msgspec.Struct, forbid_unknown_fields=True, tag="buyer", tag_field="kind"):
    email: str


class Guest(msgspec.Struct, forbid_unknown_fields=True, tag="guest", tag_field="kind"):
    seat: int


class Order(msgspec.Struct, forbid_unknown_fields=True):
    total: Annotated[int, Meta(ge=0, le=1_000_000)]
    lines: Annotated[list[Line], Meta(max_length=3)] = []
    paid: bool = True
    on: date | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    way: Literal["card", "cash"] = "card"
    note: str | UnsetType = UNSET
    least: Annotated[int, Meta(gt=0)] | None = None
    rate: float = 1.0
    tags: dict[Identifier, int] = {}
    who: Buyer | Guest | None = None
    either: int | str | None = None


class Odd(msgspec.Struct):
    data: bytes


class Holder(msgspec.Struct):
    odds: list[Odd]


def faults(data: object, kind: type[object] = Order) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(data, kind)
    assert caught.value.code == "invalid_request"
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def malformed(raw: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_json(raw, Order)
    assert caught.value.code == "malformed_json"
    assert [fault.pointer for fault in caught.value.faults] == [""]
    return caught.value.faults[0].detail


def test_a_right_document_becomes_its_type() -> None:
    order = read_json(b'{"total": 5, "lines": [{"sku": "a/b", "quantity": 2}], "on": "2026-02-28"}', Order)
    assert order == Order(total=5, lines=[Line(sku="a/b", quantity=2)], on=date(2026, 2, 28))


@pytest.mark.parametrize(
    "wrong", ["5", 5.0, 5.5, True, None, [5], {}, -1, 1_000_001, 10**30, float("nan"), float("inf")]
)
def test_what_is_not_an_integer_in_range_is_never_made_one(wrong: object) -> None:
    assert faults({"total": wrong}) == {"/total": "Must be an integer from 0 to 1000000."}


@pytest.mark.parametrize(
    ("field", "wrong", "detail"),
    [
        ("lines", {}, "Must be a list of at most 3 items."),
        ("lines", [{"sku": "a", "quantity": 1}] * 4, "Must be a list of at most 3 items."),
        ("paid", 1, "Must be true or false."),
        ("paid", "true", "Must be true or false."),
        ("on", "2026-02-30", "Must be a date such as 2026-05-31, or null."),
        ("on", 20260228, "Must be a date such as 2026-05-31, or null."),
        ("at", "2026-05-31T09:30:00", "Must be a time with an offset, such as 2026-05-31T09:30:00Z, or null."),
        ("at", 1_780_000_000, "Must be a time with an offset, such as 2026-05-31T09:30:00Z, or null."),
        ("way", "Card", 'Must be one of "card", "cash".'),
        ("way", None, 'Must be one of "card", "cash".'),
        ("note", None, "Must be text."),
        ("note", 5, "Must be text."),
        ("least", 0, "Must be an integer of at least 1, or null."),
        ("rate", "1", "Must be a number."),
        ("tags", [], "Must be an object."),
        ("who", "me", "Must be an object, or null."),
        ("either", [], "Must be an integer or text, or null."),
    ],
)
def test_each_wrong_value_is_told_what_it_must_be(field: str, wrong: object, detail: str) -> None:
    assert faults({"total": 1, field: wrong}) == {f"/{field}": detail}


def test_every_fault_is_listed_at_its_pointer() -> None:
    document = {
        "lines": [{"sku": "a b", "quantity": 1}, {"sku": "a", "quantity": "1", "price": 3}, 7],
        "tags": {"Bad Name": 1, "good": "1"},
        "who": {"kind": "guest", "seat": "a"},
        "a/b~c": 1,
    }
    assert faults(document) == {
        "/lines/0/sku": "Must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + / = -.",
        "/lines/1/quantity": "Must be an integer from 1 to 1000.",
        "/lines/1/price": "Unknown field; remove it.",
        "/lines/2": "Must be an object.",
        "/tags/Bad Name": "Unknown name; it must be 1 to 64 lower-case letters, digits and hyphens, beginning and "
        "ending with a letter or digit.",
        "/tags/good": "Must be an integer.",
        "/who/seat": "Must be an integer.",
        "/a~1b~0c": "Unknown field; remove it.",
        "/total": "Required.",
    }


def test_the_pointers_begin_where_the_caller_says() -> None:
    with pytest.raises(Invalid) as caught:
        read({"total": "5"}, Order, at="/orders/0", code="invalid_order")
    assert caught.value.code == "invalid_order"
    assert caught.value.faults[0].pointer == "/orders/0/total"


def test_a_fault_that_only_msgspec_sees_is_told_in_its_words() -> None:
    assert faults({"odds": [{"data": "no base64!"}]}, Holder) == {"/odds/0/data": "Invalid base64 encoded string."}


def test_an_endless_list_of_faults_is_cut() -> None:
    told = faults({"total": 1, **{f"x{number}": 1 for number in range(MOST_FAULTS + 500)}})
    assert len(told) == MOST_FAULTS + 1
    assert told[""] == f"More than {MOST_FAULTS} faults; mend these first."


@pytest.mark.parametrize("raw", [b"[]", b"null", b"5", b'"text"', b"1e400", b"1" * 5000, b"[" * 900 + b"]" * 900])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_json(raw, Order)
    assert [(fault.pointer, fault.detail) for fault in caught.value.faults] == [("", "Must be an object.")]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "The body is empty; send a JSON object."),
        (b" \n", "The body is empty; send a JSON object."),
        (b'{"total": 1', "Input data was truncated"),
        (b'{"total": 1} x', "trailing characters (byte 14)"),
        (b'{"total": NaN}', "invalid character (byte 10)"),
        (b'{"total": Infinity}', "invalid character (byte 10)"),
        (b'{"total": 01}', "not valid JSON"),
        (b"{'total': 1}", "not valid JSON"),
        (b'\xef\xbb\xbf{"total": 1}', "not valid JSON"),
        (b'{"total": 1, "note": "\xff"}', "not UTF-8"),
        (b'{"total": 1, "note": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"total": 1, "note": "\\ud800"}', "not valid JSON"),
        (b'{"total": 1, "note": "\x01"}', "not valid JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_is_one_fault_at_the_root(raw: bytes, told: str) -> None:
    assert told in malformed(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"total": 1, "total": 2}',
        b'{"total": 1, "total": 1}',
        b'{"total": 1, "lines": [{"sku": "a", "quantity": 1, "quantity": 9}]}',
        b'{"total": 1, "to\\u0074al": 2}',
        b'{"note": "\\\\", "total": 1, "total": 2}',
        b'{"note": "\\"", "total": 1, "total": 2}',
        b'{"note": "\\u0022\\u0022", "total": 1, "total": 1}',
        b'{"note": "\\\\\\"", "note": "\\"\\"", "total": 2}',
        b'{"total": 1, "x": 123456789012345678901234567890, "total": 1}',
        b'{"total": 1, "x": 1e400, "total": 1}',
    ],
)
def test_a_field_named_twice_is_refused(raw: bytes) -> None:
    assert "stands more than once in one object; keep one of them." in malformed(raw)


def test_quotes_and_backslashes_inside_texts_are_no_repeated_fields() -> None:
    for note in ['"', "\\", '\\"', '":"', '"total":', "\\\\", '\\\\"', "é\u2028😀\t\n/"]:
        for ascii_only in (True, False):
            raw = json.dumps({"total": 1, "note": note}, ensure_ascii=ascii_only).encode()
            assert read_json(raw, Order).note == note


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\:{}'), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(value=st.dictionaries(texts, values, max_size=4), ascii_only=st.booleans())
def test_any_json_object_is_read_as_the_standard_decoder_reads_it(value: dict[str, object], ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert read_json(raw, dict) == json.loads(raw)


@settings(max_examples=150, deadline=None)
@given(value=st.dictionaries(st.sampled_from(Order.__struct_fields__), values, max_size=12))
def test_whatever_is_refused_has_a_fault_that_says_so(value: dict[str, object]) -> None:
    try:
        msgspec.convert(value, Order)
    except msgspec.ValidationError:
        assert all(detail.startswith(("Must be", "Required", "Unknown")) for detail in faults(value).values())
    else:
        read(value, Order)


@pytest.mark.parametrize(
    ("number", "told"),
    [(b"1e40", "/total"), (b"1e400", "/total"), (b"9" * 100, "/total"), (b"9" * 9000, "/total"), (b"-1e400", "/total")],
)
def test_enormous_numbers_are_faults_at_their_place(number: bytes, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_json(b'{"total": ' + number + b"}", Order)
    assert [fault.pointer for fault in caught.value.faults] == [told]


def test_a_number_that_nothing_holds_is_refused_even_where_any_number_may_stand() -> None:
    assert "out of range" in malformed(b'{"total": 1, "rate": 1e400}')


def test_the_text_types_take_what_they_are_for() -> None:
    assert msgspec.convert("Az.09_:@+/=-", ExternalId)
    assert msgspec.convert("a" * 128, ExternalId)
    assert msgspec.convert("!~" * 64, IdempotencyKey)
    for label in ["Anna", " Anna", "Café 😀", "قهوة", "נ\u200fא", "x" * 120, "می\u200cخواهم"]:
        assert msgspec.convert(label, Label) == label
    assert msgspec.convert("two\nlines\r\nand a\ttab", Paragraph)
    assert msgspec.convert("", Paragraph) == ""


@pytest.mark.parametrize("kind", [ExternalId, Identifier, Label, IdempotencyKey])
@pytest.mark.parametrize(
    "wrong", ["", "a\n", "\na", "a\x00", "a\u202eb", "a\u2066", "\ud800", "a\x7f", "x" * 129, " ", "a\tb"]
)
def test_the_text_types_refuse_what_hides_or_breaks(kind: type[str], wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, kind)


@pytest.mark.parametrize("wrong", ["a\x00b", "a\x0bb", "a\u202eb", "\udfff", "x" * 2001])
def test_a_paragraph_refuses_what_hides_or_breaks(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Paragraph)


def test_a_hostile_label_costs_one_pass() -> None:
    assert "/name" in faults({"name": " " * 500_000}, Program)
    assert "/name" in faults({"name": "a" * 500_000 + "\x00"}, Program)


def test_the_schema_carries_the_same_pattern() -> None:
    schema = msgspec.json.schema(Line)["$defs"]["Line"]["properties"]["sku"]
    assert schema == {"type": "string", "pattern": r"^[A-Za-z0-9._:@+/=-]{1,128}$(?!\n)"}
