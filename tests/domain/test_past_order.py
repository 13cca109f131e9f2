"""Orders from before the program: what a file may look like, and what is told of each line that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.domain.past_order import PastItem, PastOrder, read_orders
from chalicelib.domain.purchase import Line, Sale

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHEN = "2026-01-02T03:04:05Z"
HEADING = "order_id,occurred_at,total\n"
ORDER = {"order_id": "1", "occurred_at": WHEN, "total": 5}
NO_TOTAL = "total: Must be an integer of minor units, from 0."
NO_TIME = "occurred_at: Must be a time with an offset, such as 2026-05-31T09:30:00Z."


def order(number: str = "1", total: int = 5, **more: Any) -> PastOrder:
    return PastOrder(order_id=number, occurred_at=THEN, total=total, **more)


def told(text: str) -> list[tuple[int, PastOrder | str]]:
    return list(read_orders(text.encode()))


def row(**cells: str) -> PastOrder | str:
    """What one line of CSV becomes, with these columns beside the three that every file has."""
    names = ["order_id", "occurred_at", "total", *cells]
    [(_, read)] = told(",".join(names) + "\n" + ",".join(["1", WHEN, "5", *cells.values()]))
    return read


def refused(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        read_orders(raw)
    assert caught.value.code == "invalid_request"
    return [(fault.pointer, fault.detail) for fault in caught.value.faults]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_are_parted_by_a_comma_a_semicolon_or_a_tab(mark: str) -> None:
    lines = [mark.join(("order_id", "occurred_at", "total")), mark.join(("1", WHEN, "5"))]
    assert told("\n".join(lines)) == [(2, order())]


def test_the_heading_alone_says_what_parts_the_columns() -> None:
    commas = f"{',' * 20}@x"
    lines = ["order_id;occurred_at;total;email", f"1;{WHEN};5;{commas}", f"2;{WHEN};6;"]
    assert told("\n".join(lines)) == [(2, order(email=commas)), (3, order("2", 6))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_machine_ends_them(end: str) -> None:
    lines = [HEADING.strip(), f"1,{WHEN},5", f"2,{WHEN},6", ""]
    assert told(end.join(lines)) == [(2, order()), (3, order("2", 6))]


def test_a_file_begins_with_or_without_the_mark_of_utf_8() -> None:
    assert list(read_orders(b"\xef\xbb\xbf" + (HEADING + f"1,{WHEN},5").encode())) == [(2, order())]
    assert list(read_orders(b"\xef\xbb\xbf" + json.dumps(ORDER).encode())) == [(1, order())]


def test_spaces_around_a_name_or_a_cell_are_nothing_and_an_empty_cell_is_no_field() -> None:
    assert told(f" order_id ,occurred_at, total,delivery,email\n 1 , {WHEN}, 5 ,  ,a@b\n") == [(2, order(email="a@b"))]


def test_every_column_becomes_its_field() -> None:
    items = '"[{""sku"":""a"",""name"":""A"",""category"":""c"",""quantity"":2,""amount"":3,""cost"":1}]"'
    cells = {"currency": "HUF", "delivery": "1", "tax": "2", "member_id": "m", "external_id": "7", "email": "a@b"}
    assert row(**cells, phone="+358 401", items=items) == order(
        currency="HUF",
        delivery=1,
        tax=2,
        member_id="m",
        external_id="7",
        email="a@b",
        phone="+358 401",
        items=[PastItem(sku="a", name="A", category="c", quantity=2, amount=3, cost=1)],
    )


def test_a_line_with_faults_is_told_with_its_number_and_stops_no_other() -> None:
    lines = [
        f"1,{WHEN},5",
        "",
        " ,, ",
        f"2,{WHEN}",
        f"2,{WHEN},5,6",
        "2,2026-01-02T03:04:05,5.0",
        f'"2\n",{WHEN},"\n5"',
        f"3,{WHEN},6",
    ]
    assert told(HEADING + "\n".join(lines)) == [
        (2, order()),
        (5, "This line has 2 cells and the heading 3."),
        (6, "This line has 4 cells and the heading 3."),
        (7, f"{NO_TIME}; {NO_TOTAL}"),
        (10, order("2")),
        (11, order("3", 6)),
    ]


def test_a_cell_too_long_for_csv_is_told_and_the_next_line_read() -> None:
    assert told(f"{HEADING}1,{WHEN},{'1' * 131_073}\n2,{WHEN},6\n") == [
        (2, "Not a line of CSV: field larger than field limit (131072)."),
        (3, order("2", 6)),
    ]


@pytest.mark.parametrize("total", ["-1", "+1", "1.0", "1 0", "1e3", "1000000000001", "1" * 16, "0x1", "١", "one"])
def test_a_total_that_is_no_number_of_minor_units_is_told(total: str) -> None:
    assert told(f"{HEADING}1,{WHEN},{total}") == [(2, NO_TOTAL)]


@pytest.mark.parametrize(("cell", "total"), [("0", 0), ("1000000000000", 10**12), ("000000000000007", 7)])
def test_a_total_is_read_to_its_limits(cell: str, total: int) -> None:
    assert told(f"{HEADING}1,{WHEN},{cell}") == [(2, order(total=total))]


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ('"[{""sku"":""a""}]"', "items/0/amount: Required."),
        ('"[{""sku"":""a"",""amount"":""5""}]"', "items/0/amount: Must be an integer of minor units, from 0."),
        ("5", "items: Must be a list of at most 1000 items."),
        ("[", "items: The body is not valid JSON: Input data was truncated. Send one JSON object."),
        (
            '"[{""sku"":""a"",""sku"":""b"",""amount"":5}]"',
            'items: The field "sku" stands more than once in one object; keep one of them.',
        ),
    ],
)
def test_a_fault_in_the_items_of_a_row_is_told_at_its_place(items: str, fault: str) -> None:
    assert row(items=items) == fault


def test_an_order_has_at_most_a_thousand_items() -> None:
    item = {"sku": "a", "amount": 1}
    [(_, most)] = told(json.dumps({**ORDER, "items": [item] * 1_000}))
    assert isinstance(most, PastOrder) and len(most.items) == 1_000
    assert told(json.dumps({**ORDER, "items": [item] * 1_001})) == [(1, "items: Must be a list of at most 1000 items.")]


def test_json_lines_are_read_one_by_one_and_empty_ones_left_out() -> None:
    lines = [json.dumps(ORDER), "", " \r", json.dumps({**ORDER, "order_id": "2"}) + "\r", "5", "{", json.dumps(ORDER)]
    assert told("\n".join(lines)) == [
        (1, order()),
        (4, order("2")),
        (5, "line: Must be an object."),
        (6, "line: The body is not valid JSON: Input data was truncated. Send one JSON object."),
        (7, order()),
    ]
    assert told("\n  " + json.dumps(ORDER)) == [(2, order())]


def test_three_faults_of_a_line_are_told_and_the_others_counted() -> None:
    wrong = {**ORDER, "total": -1, "tax": -1, "delivery": -1}
    three = f"{NO_TOTAL}; tax: {NO_TOTAL[7:]}; delivery: {NO_TOTAL[7:]}"
    assert told(json.dumps(wrong)) == [(1, three)]
    assert told(json.dumps({**wrong, "x": 1})) == [(1, f"{three} (and 1 more)")]
    assert told(json.dumps({**ORDER, "X/X": 1})) == [(1, "X~1X: Unknown field; remove it.")]
    assert told(json.dumps({**wrong, "x": 1, "y": 1})) == [(1, f"{three} (and 2 more)")]


@pytest.mark.parametrize("quantity", [0, 100_001])
def test_a_quantity_beyond_its_limits_is_told(quantity: int) -> None:
    item = {"sku": "a", "amount": 1, "quantity": quantity}
    fault = "items/0/quantity: Must be an integer from 1 to 100000."
    assert told(json.dumps({**ORDER, "items": [item]})) == [(1, fault)]


def test_a_file_that_is_not_utf_8_is_refused_with_the_byte() -> None:
    assert refused(b"order_id,caf\xe9") == [("", "The file is not UTF-8 (byte 12); save it as UTF-8.")]


UNKNOWN, MISSING = "Unknown column; remove it or rename it.", "This column is missing."


@pytest.mark.parametrize(
    ("heading", "faults"),
    [
        ("", [("/order_id", MISSING), ("/occurred_at", MISSING), ("/total", MISSING)]),
        ("occurred_at,order_id", [("/total", MISSING)]),
        ("foo,total,order_id,Bar", [("/foo", UNKNOWN), ("/Bar", UNKNOWN), ("/occurred_at", MISSING)]),
        (f"order_id,occurred_at,total,{'x' * 51}", [(f"/{'x' * 50}", UNKNOWN)]),
        ("order_id,occurred_at,total,total", [("", "A column stands twice; keep one.")]),
    ],
)
def test_a_heading_that_cannot_be_used_is_refused(heading: str, faults: list[tuple[str, str]]) -> None:
    assert refused(heading.encode()) == faults


def test_who_bought_is_named_by_what_the_order_gives_in_its_order() -> None:
    assert order(member_id="m").identities() == ()
    assert order(phone="1234", email="a@b", external_id="e").identities() == (
        ("external_id", "e"),
        ("email", "a@b"),
        ("phone", "1234"),
    )
    assert order(phone="1234").identities() == (("phone", "1234"),)


def test_an_order_is_a_sale_in_its_own_currency_or_the_programs() -> None:
    items = [PastItem(sku="a", name="A", category="c", quantity=2, amount=3, cost=1), PastItem(sku="b", amount=4)]
    sale = order(total=10, currency="HUF", delivery=1, tax=2, items=items).sale("EUR")
    lines = (Line("a", "c", 2, 3, 1), Line("b", None, 1, 4, None))
    assert sale == Sale(total=10, currency="HUF", delivery=1, tax=2, occurred_at=THEN, lines=lines)
    assert order().sale("EUR") == Sale(total=5, currency="EUR", occurred_at=THEN)
