"""The cost model: its counts are what is measured, and a million purchases cost at most ten dollars."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.store import table
from infra.cost.__main__ import asked, main, otherwise, read, services, standing
from tests.deploy.nights import nights
from tests.deploy.packaged import package
from tests.metering import metered
from tests.moments import at
from tests.shop import opened

MILLION = 1_000_000
LINES = [
    {"sku": "latte", "category": "coffee", "quantity": 2, "amount": 900},
    {"sku": "bun", "category": "pastry", "quantity": 1, "amount": 380},
]
LAMBDAS_OWN_LINES = 330
"""START, END and REPORT, which Lambda writes around each request."""


def test_the_counts_are_those_of_one_purchase(capsys: pytest.CaptureFixture[str]) -> None:
    counts = read("counts.json")
    keys: list[int] = []

    def seen(params: dict[str, Any], **_: Any) -> None:
        keys.extend(len(asked_for["Keys"]) for asked_for in params["RequestItems"].values())

    with at("2026-03-02T12:00:00+00:00"), opened() as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.buy("first", 1000, ann)
        client = table.connection().client
        client.meta.events.register("provide-client-params.dynamodb.BatchGetItem", seen)
        capsys.readouterr()
        try:
            with metered(client) as bill:
                answer = shop.buy("order-1001", 1280, ann, items=LINES)
        finally:
            client.meta.events.unregister("provide-client-params.dynamodb.BatchGetItem", seen)
    line = capsys.readouterr().out
    assert bill.write_units == counts["write_units"]
    # Each item is under 4 KB, so each is one unit.
    assert sum(keys) == counts["read_units"]
    stored = sum(charge.bytes for charge in bill.charges if "ORDER" in charge.key)
    # The item and, of most of it, two indexes; AWS counts 100 bytes more for each.
    assert 3 * (stored + 100) <= counts["item_bytes"]
    assert len(line) + LAMBDAS_OWN_LINES <= counts["log_bytes"]
    assert len(json.dumps(answer.body)) + 600 <= counts["answer_bytes"]


def test_a_million_purchases_cost_at_most_ten_dollars() -> None:
    found = services(MILLION, read("counts.json"), read("prices.json")["prices"])
    assert sum(found.values()) <= 10
    assert services(2 * MILLION, read("counts.json"), read("prices.json")["prices"])["Logs"] == 2 * found["Logs"]


def test_what_stands_still_is_counted_from_the_template_and_from_runs_with_nothing_to_do() -> None:
    month = read("counts.json")["standing"]
    template = package().template["Resources"].values()
    assert sum(one["Type"] == "AWS::CloudWatch::Alarm" for one in template) == month["alarms"]
    assert sum(one["Type"] == "AWS::CloudWatch::Dashboard" for one in template) == month["dashboards"]
    # Two schedules each hour and one each day.
    assert month["schedule_runs"] == 2 * 730 + 30
    sent: list[str] = []
    with at("2026-03-02T12:00:00+00:00"), opened() as shop, nights() as asleep:
        shop.enrol(email="ann@example.com")
        asleep.client.meta.events.register("before-send.sqs", lambda **_: sent.append(""))
        with metered(table.connection().client) as bill:
            asleep.run("due", "2026-03-02T13:00:00+00:00")
    assert bill.write_units <= month["write_units_of_a_run"]
    assert len(sent) <= month["messages_of_a_run"]
    assert sum(standing(read("counts.json"), read("prices.json")["prices"]).values()) < 12


def test_others_ask_what_they_publish() -> None:
    others = read("prices.json")["others"]
    assert asked(MILLION, others["Smile.io"]) == 50_624
    assert asked(MILLION, others["Square Loyalty"]) == 10_500
    assert asked(5_000, others["Smile.io"]) == 999


def test_the_dearest_services_could_be_bought_cheaper() -> None:
    counts, prices = read("counts.json"), read("prices.json")["prices"]
    found, other = services(MILLION, counts, prices), otherwise(MILLION, counts, prices)
    assert other["an HTTP API instead of the REST API"] < found["API Gateway (REST)"]


def test_every_price_says_where_it_stands() -> None:
    book = read("prices.json")
    for one in (*book["prices"].values(), *book["others"].values()):
        assert one["source"].startswith("https://")


def test_the_command_prints_the_sum_and_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--purchases", "1000000"]) == 0
    assert "50,624.00" in capsys.readouterr().out
    for nonsense in ("0", "-1", "1e6", "many", ""):
        assert main([f"--purchases={nonsense}"]) == 1
        assert capsys.readouterr().err == "PURCHASES must be a whole number above 0, such as 1000000.\n"
