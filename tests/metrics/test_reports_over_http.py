"""Reports as they are asked for: as JSON or CSV, of any window, currency and time zone, of the smallest shops."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from chalicelib.actions import fold
from chalicelib.actions.report import KINDS
from chalicelib.domain.calendar import local_day
from chalicelib.store import keys
from chalicelib.triggers import metrics, queue
from tests.metrics import counting
from tests.metrics.beside import beside
from tests.moments import at
from tests.shop import Reply, Shop, program

NOON = "2026-03-02T12:00:00+00:00"
MARCH = "from=2026-03-01&to=2026-03-31"


@pytest.fixture(scope="module")
def busy() -> Iterator[Shop]:
    """A shop with a little of everything."""
    levels = [{"id": "all", "name": "All", "threshold": 0}, {"id": "gold", "name": "Gold", "threshold": 4_000}]
    tiers = {"basis": "spend", "window": "lifetime", "downgrade": "never", "levels": levels}
    with at(NOON), beside(program(tiers=tiers)) as shop:
        ann, bo = shop.enrol(email="ann@example.com"), shop.enrol(email="bo@example.com")
        items = [{"sku": "a", "category": "=coffee", "quantity": 1, "amount": 900, "cost": 300}]
        items += [{"sku": "b", "category": "cake", "quantity": 1, "amount": 600, "cost": 200}]
        for order in range(3):
            bought = shop.buy(f"ann-{order}", 1_500, ann, items=items)
            assert bought.status == 201, bought.body
        shop.buy("bo", 20_000, bo)
        shop.buy("guest", 700, email="guest@example.com")
        shop.buy("stranger", 300)
        assert shop.redeem(bo, "free-coffee", "r").status == 201
        shop.refund("ann-0", "back", 500)
        counting.count(shop, [local_day(datetime.fromisoformat(NOON), "Europe/Helsinki")])
        yield shop


def ask(shop: Shop, path: str, accept: str | None = None, key: str | None = None) -> Reply:
    return shop.call("GET", path, key=key or shop.owner, headers={} if accept is None else {"accept": accept})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_table_as_csv_says_what_the_json_says(busy: Shop, name: str) -> None:
    rows = ask(busy, f"/reports/{name}?{MARCH}")["rows"]
    told = ask(busy, f"/reports/{name}?{MARCH}", "text/csv")
    assert told.status == 200 and told.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert told.headers["Content-Disposition"] == f'attachment; filename="{name}-2026-03-01-2026-03-31.csv"'
    listed = list(csv.DictReader(io.StringIO(told.body)))
    assert len(listed) == len(rows) > 0
    for cells, row in zip(listed, rows, strict=True):
        for column, value in row.items():
            assert _cell(cells, column, value) == value, (column, cells)


def _cell(cells: dict[str, str], column: str, value: Any) -> Any:
    """A cell as the JSON has its value; a rate is three columns."""
    text = cells[column]
    if isinstance(value, dict):
        parts = {part: int(cells[f"{column}_{part}"]) for part in ("numerator", "denominator")}
        return {"value": None if text == "" else float(text), **parts}
    if isinstance(value, str):
        return text.removeprefix("'")  # it keeps a spreadsheet from taking a name for a formula
    return None if text == "" else type(value)(text)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("TEXT/CSV; q=1, */*;q=0.1", "text/csv"),
        ("application/json", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_what_is_accepted_first_is_answered(busy: Shop, accept: str, kind: str) -> None:
    assert ask(busy, "/reports/tiers", accept).headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=yesterday", "/from"),
        ("to=2026-02-30", "/to"),
        ("from=2026-03-02&to=2026-03-01", "/from"),
        ("from=2010-01-01&to=2026-01-01", "/from"),
        ("days=90", "/days"),
    ],
)
def test_a_window_or_option_that_cannot_be_is_refused_with_its_name(busy: Shop, query: str, pointer: str) -> None:
    told = ask(busy, f"/reports/participation?{query}")
    assert told.status == 400
    assert [fault["pointer"] for fault in told["errors"]] == [pointer]


@pytest.mark.parametrize("days", ["6", "366", "ninety", "-90", "9" * 40])
def test_days_compared_are_7_to_365(busy: Shop, days: str) -> None:
    assert ask(busy, f"/reports/before-after?days={days}").status == 400


def test_a_report_that_there_is_not_is_told_with_those_that_there_are(busy: Shop) -> None:
    told = ask(busy, "/reports/happiness")
    assert (told.status, told.code) == (404, "report_not_found")
    assert all(name in told["detail"] for name in KINDS)
    listed = ask(busy, "/reports")["items"]
    assert [one["name"] for one in listed] == list(KINDS)


def test_only_the_owner_reads_reports(busy: Shop) -> None:
    for key in (busy.staff, busy.storefront):
        assert ask(busy, "/reports/points", key=key).status == 403


def test_without_a_window_it_is_the_year_up_to_today(busy: Shop) -> None:
    with at(NOON):
        assert ask(busy, "/reports/points")["window"] == {"from": "2025-03-03", "to": "2026-03-02"}


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("who", [None, "guest", "member"])
def test_one_purchase_on_one_day_is_enough_for_an_answer(name: str, who: str | None) -> None:
    with at(NOON), beside(program()) as shop:
        if who == "member":
            shop.enrol(email="one@example.com")
        shop.buy("only", 700, **({} if who is None else {"email": "one@example.com"}))
        counting.count(shop, [local_day(datetime.fromisoformat(NOON), "Europe/Helsinki")])
        told = ask(shop, f"/reports/{name}?from=2026-03-02&to=2026-03-02")
        assert told.status == 200, told.body
        assert ask(shop, f"/reports/{name}?from=2026-03-02&to=2026-03-02", "text/csv").status == 200


@pytest.mark.parametrize(("currency", "money"), [("KRW", "25000"), ("EUR", "250.00"), ("BHD", "25.000")])
def test_money_is_told_in_the_shops_own_currency(currency: str, money: str) -> None:
    with at(NOON), beside(program(currency=currency)) as shop:
        bought = {"order_id": "o", "total": 123_456, "currency": currency}
        assert shop.call("POST", "/purchases", bought).status == 201
        counting.count(shop, [local_day(datetime.fromisoformat(NOON), "Europe/Helsinki")])
        told = ask(shop, f"/reports/worth-it?{MARCH}&running_cost=25000")
        assert (told["currency"], told["figures"]["sales"], told["figures"]["costs"]) == (currency, 123_456, 25_000)
        assert told["figures"]["margin"] == 49_382, "40 % assumed, rounded to the minor unit"
        book = _with_effect(shop, told)
        assert f"{money} {currency}" in book["sentences"][0]


def _with_effect(shop: Shop, told: Reply) -> Any:
    """The verdict on the same costs where an effect is known."""
    from chalicelib.domain import metric_worth
    from chalicelib.domain.metric_effect import Estimate

    known = Estimate(10_000.0, 10.0, 100.0)
    with patch.object(metric_worth, "difference", lambda *_: known):
        return ask(shop, f"/reports/worth-it?{MARCH}&running_cost=25000")["figures"]["verdict"]


ZONES = ["Pacific/Kiritimati", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Helsinki", "UTC"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_purchase_counts_on_the_shops_own_day_also_where_clocks_change(zone: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=hours) for hours in range(0, 24 * 330, 107)]
    for change in ("2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25", "2026-11-01"):
        noon = datetime.fromisoformat(f"{change}T12:00:00+00:00")
        moments += [noon + timedelta(minutes=minutes) for minutes in range(-1_500, 1_500, 97)]
    days: dict[str, int] = {}
    with at("2025-12-30T00:00:00+00:00"), beside(program(time_zone=zone)) as shop:
        lines = ["order_id,occurred_at,total"]
        for number, moment in enumerate(moments):
            day = moment.astimezone(ZoneInfo(zone)).date().isoformat()
            days[day] = days.get(day, 0) + 1
            lines.append(f"o{number},{moment.isoformat()},100")
        with at("2027-01-01T12:00:00+00:00"):
            sent = shop.call("POST", "/imports/purchases", "\n".join(lines), key=shop.owner)
            assert sent["added"] == len(moments)
        counting.count(shop, [local_day(datetime(2027, 1, 1, 12, tzinfo=UTC), zone)])
        for day in [*sorted(days)[::5], "2026-03-08", "2026-10-25", "2026-11-01"]:
            told = ask(shop, f"/reports/participation?from={day}&to={day}")["figures"]
            assert told["guest_purchases"] == days.get(day, 0), day


def test_a_first_run_over_years_goes_on_where_it_was_stopped() -> None:
    """Workers that always run out of time hand on until all is counted; what they did is what one pass does."""
    with at("2024-01-01T12:00:00+00:00"), beside(program()) as shop:
        for month in range(30):
            with at(f"{2024 + month // 12}-{month % 12 + 1:02d}-10T12:00:00+00:00"):
                shop.buy(f"order-{month}", 1_000, email=f"guest{month % 7}@example.com")
        now = datetime(2026, 7, 1, 2, tzinfo=UTC)
        first = local_day(datetime(2024, 1, 1, 12, tzinfo=UTC), "Europe/Helsinki")
        sent: list[queue.Task] = []
        with at(now.isoformat()), patch.object(queue, "send", sent.extend), patch.object(metrics.keep_record, "note"):
            tasks = [
                queue.Task(work="fold", run_id="run", as_of=now, program_id=shop.program_id, slice=number)
                for number in range(keys.SHARDS)
            ]
            goes = 0
            while tasks:
                for task in tasks:
                    metrics.fold_slice(task, lambda: False)
                goes += 1
                tasks, sent[:] = list(sent), []
            assert goes == -(-(local_day(now, "Europe/Helsinki") - first + 1) // fold.CHUNK_DAYS)
            told = ask(shop, "/reports/participation?from=2024-01-01&to=2026-06-30")["figures"]
            assert (told["guest_purchases"], told["guest_sales"]) == (30, 30_000)
            caught_up = counting.standing(shop)
            for number in range(keys.SHARDS):
                for day in range(first, local_day(now, "Europe/Helsinki") + 1):
                    for year in fold.fold_day(shop.program_id, "Europe/Helsinki", number, day)[1]:
                        fold.roll_up(shop.program_id, number, year)
            assert counting.standing(shop) == caught_up
