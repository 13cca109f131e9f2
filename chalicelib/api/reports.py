"""Reports over HTTP: JSON, or CSV where the caller accepts that; the same for a program tried on past orders.

Owners ask now and then: what makes a report is imported when one asks, not with every start for a shopper.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import msgspec

from chalicelib.actions.admission import enter
from chalicelib.api.door import OWNER, Answer, Asked, Door, Query
from chalicelib.api.requests import Body
from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.program_rules import check

door = Door(__name__)

CSV = "text/csv"
_WHOLE = 10**12
_OPTIONS = {
    "days": (7, 365, "before-after, worth-it: days compared on each side of joining, 7 to 365; 90 where left out."),
    "running_cost": (0, _WHOLE, "worth-it: what running the program cost in the window, in minor units."),
    "message_cost": (0, _WHOLE, "worth-it: what its messages cost in the window, in minor units."),
}


class ReportName(msgspec.Struct):
    name: str
    question: str
    formula: str


class ReportNames(msgspec.Struct):
    items: list[ReportName]
    next_cursor: str | None


def _report() -> type:
    from chalicelib.actions.report import Report

    return Report


def _tried() -> type:
    from chalicelib.actions.backtest import Tried

    return Tried


@door.call("GET", "/reports", roles=OWNER, summary="The reports there are, each with its question", answer=ReportNames)
def get_reports(asked: Asked) -> Answer:
    from chalicelib.actions.report import KINDS

    enter(asked.credential)
    kinds = [ReportName(name, kind.question, kind.formula) for name, kind in KINDS.items()]
    return Answer(body=ReportNames(kinds, None))


@door.call(
    "GET",
    "/reports/{name}",
    roles=OWNER,
    summary="One report: figures with what they were divided from, and its table; CSV of the table by Accept",
    answer=_report,
    also=(CSV,),
    query=(
        Query("from", "The first day, such as 2026-01-01; a year before to where it is left out."),
        Query("to", "The last day, included; today where it is left out."),
        *(Query(name, text) for name, (_, _, text) in _OPTIONS.items()),
    ),
)
def get_report(asked: Asked) -> Answer:
    from chalicelib.actions.report import report

    first, last = _day(asked, "from"), _day(asked, "to")
    options = {name: _number(name, asked.query[name]) for name in _OPTIONS if name in asked.query}
    made = report(asked.call, asked.path["name"], first, last, options)
    if not _wants_csv(asked):
        return Answer(body=made)
    headers = {
        "Content-Type": f"{CSV}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{made.name}-{made.window["from"]}-{made.window["to"]}.csv"',
    }
    return Answer(body=table(made.rows), headers=headers)


class Trial(Body, frozen=True, kw_only=True):
    """A document to try, and another to compare it with; the window is the last year where nothing is said."""

    program: dict[str, Any]
    against: dict[str, Any] | None = None
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None


@door.call(
    "POST",
    "/program/backtest",
    roles=OWNER,
    summary="Try a program document on the shop's past orders, or compare two; writes nothing",
    body=Trial,
    answer=_tried,
)
def post_program_backtest(asked: Asked) -> Answer:
    from chalicelib.actions.backtest import backtest

    body: Trial = asked.body
    enter(asked.credential)
    documents = [check(body.program, at="/program")]
    if body.against is not None:
        documents.append(check(body.against, at="/against"))
    return Answer(body=backtest(asked.call, documents, body.from_, body.to))


def _wants_csv(asked: Asked) -> bool:
    accepted = [part.partition(";")[0].strip().lower() for part in (asked.headers.get("accept") or "").split(",")]
    return CSV in accepted and "application/json" not in accepted[: accepted.index(CSV)]


def _day(asked: Asked, name: str) -> date | None:
    text = asked.query.get(name)
    if text is None:
        return None
    try:
        return msgspec.convert(text, date)
    except msgspec.ValidationError:
        raise Invalid([Fault(f"/{name}", "Must be a day, such as 2026-01-31.")]) from None


def _number(name: str, text: str) -> int:
    low, high, _ = _OPTIONS[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 13 and low <= int(text) <= high):
        raise Invalid([Fault(f"/{name}", f"Must be a whole number from {low} to {high}.")])
    return int(text)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV: a rate takes three columns. Text that a spreadsheet would take for a formula gets an apostrophe."""
    flat = [_flat(row) for row in rows]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(dict.fromkeys(column for row in flat for column in row))
    names = list(dict.fromkeys(column for row in flat for column in row))
    writer.writerows([[row.get(name, "") for name in names] for row in flat])
    return out.getvalue() if names else ""


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    from chalicelib.domain.metric_report import Rate

    cells: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Rate):
            cells[name] = "" if value.value is None else repr(value.value)
            cells[f"{name}_numerator"] = value.numerator
            cells[f"{name}_denominator"] = value.denominator
        elif isinstance(value, str):
            cells[name] = "'" + value if value[:1] in ("=", "+", "-", "@", "\t") else value
        else:
            cells[name] = "" if value is None else value
    return cells
