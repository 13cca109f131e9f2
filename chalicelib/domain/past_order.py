"""Orders from before the program, as shops keep them: CSV with a heading, or JSON lines; read a line at a time.

Columns and fields are the same. A line with faults is told with its number; it stops no other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.purchase import Line, Sale
from chalicelib.domain.reading import read, read_json
from chalicelib.domain.text import ExternalId, Label

MOST_LINES_OF_ORDER = 1_000
_Minor = Annotated[int, Meta(ge=0, le=1_000_000_000_000, extra={"must": "an integer of minor units, from 0"})]


class PastItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of an order; ``amount`` and ``cost`` are the whole line's, in minor units."""

    sku: Label
    name: Label | None = None
    category: Label | None = None
    quantity: Annotated[int, Meta(ge=1, le=100_000)] = 1
    amount: _Minor
    cost: _Minor | None = None


class PastOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One order. Who bought is named by the first given of member_id, external_id, email, phone; or not at all."""

    order_id: ExternalId
    occurred_at: Annotated[datetime, Meta(tz=True)]
    total: _Minor
    currency: (
        Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", extra={"must": "an ISO 4217 code, such as EUR"})] | None
    ) = None
    delivery: _Minor = 0
    tax: _Minor = 0
    member_id: ExternalId | None = None
    external_id: ExternalId | None = None
    email: Annotated[str, Meta(max_length=254, pattern=r"^[^\s@]{1,64}@[^\s@]{1,189}$(?!\n)")] | None = None
    phone: Annotated[str, Meta(pattern=r"^\+?(?=(?:[^0-9]*[0-9]){4})[0-9 ()./-]{4,32}$(?!\n)")] | None = None
    items: Annotated[list[PastItem], Meta(max_length=MOST_LINES_OF_ORDER)] = []

    def identities(self) -> tuple[tuple[str, str], ...]:
        named = (("external_id", self.external_id), ("email", self.email), ("phone", self.phone))
        return tuple((kind, value) for kind, value in named if value is not None)

    def sale(self, currency: str) -> Sale:
        """``currency`` stands where the order says none."""
        return Sale(
            total=self.total,
            currency=self.currency or currency,
            delivery=self.delivery,
            tax=self.tax,
            occurred_at=self.occurred_at,
            lines=tuple(Line(item.sku, item.category, item.quantity, item.amount, item.cost) for item in self.items),
        )


COLUMNS = PastOrder.__struct_fields__
_NUMBERS = {"total", "delivery", "tax"}
_NUMBER = re.compile(r"-?[0-9]{1,15}\Z")
Read = tuple[int, "PastOrder | str"]
"""A line's number in the file, and its order, or what is wrong with it."""


def read_orders(raw: bytes) -> Iterator[Read]:
    """Every order of a file: JSON lines where it begins with a brace, else CSV (comma, semicolon or tab).

    Raises Invalid for a file that is neither: no heading that is known, or not UTF-8.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid([Fault("", f"The file is not UTF-8 (byte {error.start}); save it as UTF-8.")]) from None
    return _json_lines(text) if text.lstrip()[:1] == "{" else _csv(text)


def _json_lines(text: str) -> Iterator[Read]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, read_json(line.encode(), PastOrder)
            except Invalid as invalid:
                yield number, _told(invalid)


def _csv(text: str) -> Iterator[Read]:
    heading = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=heading.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in next(rows, [])]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in ("order_id", "occurred_at", "total") if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        faults = [Fault(f"/{name[:50]}", "Unknown column; remove it or rename it.") for name in unknown]
        faults += [Fault(f"/{name}", "This column is missing.") for name in missing]
        raise Invalid(faults or [Fault("", "A column stands twice; keep one.")])
    return _rows(rows, names)


def _rows(rows: Any, names: list[str]) -> Iterator[Read]:
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield rows.line_num, f"Not a line of CSV: {error}."
            continue
        number = rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            yield number, f"This line has {len(cells)} cells and the heading {len(names)}."
            continue
        try:
            yield number, read(_row(dict(zip(names, cells, strict=True))), PastOrder)
        except Invalid as invalid:
            yield number, _told(invalid)


def _row(cells: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, cell in cells.items():
        text = cell.strip()
        if not text:
            continue
        if name == "items":
            row[name] = _json_cell(text, f"/{name}")
        else:
            row[name] = int(text) if name in _NUMBERS and _NUMBER.match(text) else text
    return row


def _json_cell(text: str, at: str) -> object:
    try:
        return read_json(text.encode(), object)
    except Invalid as invalid:
        raise Invalid([Fault(at + fault.pointer, fault.detail) for fault in invalid.faults]) from None


def _told(invalid: Invalid) -> str:
    listed = "; ".join(f"{fault.pointer.lstrip('/') or 'line'}: {fault.detail}" for fault in invalid.faults[:3])
    more = len(invalid.faults) - 3
    return listed + (f" (and {more} more)" if more > 0 else "")
