"""The command behind `make cost`: a table of services, what the dearest would cost otherwise, and what others ask."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS_A_MONTH = 730 * 3600
GIGABYTE = 1e9
STORED = "DynamoDB storage and recovery, a month"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name).read_text(encoding="utf-8"))
    return found


def services(purchases: int, counts: Mapping[str, Any], prices: Mapping[str, Any]) -> dict[str, float]:
    """US dollars for so many purchases, by service; storage for a month of them."""

    def price(name: str) -> float:
        return float(prices[name]["price"])

    millions = purchases / 1e6
    reads = counts["read_units"] + counts["later_read_units"]
    audits = counts["audit_invocations"]
    milliseconds = counts["milliseconds"] + audits * counts["audit_milliseconds"]
    seconds = purchases * milliseconds / 1000 * counts["memory_mb"] / 1024
    stored = purchases * counts["item_bytes"] / GIGABYTE
    return {
        "DynamoDB writes": millions * counts["write_units"] * price("dynamodb_write_million"),
        "DynamoDB reads": millions * reads * price("dynamodb_read_million"),
        STORED: stored * (price("dynamodb_storage_gb_month") + price("dynamodb_recovery_gb_month")),
        "API Gateway (REST)": millions * price("rest_api_million"),
        "Lambda requests": millions * (1 + audits) * price("lambda_request_million"),
        "Lambda time": seconds * price("lambda_gb_second_arm"),
        "Logs": purchases * counts["log_bytes"] / GIGABYTE * price("logs_gb"),
        "SQS": millions * counts["queue_messages"] * price("sqs_million"),
        "Data out": purchases * counts["answer_bytes"] / GIGABYTE * price("transfer_gb"),
    }


def otherwise(purchases: int, counts: Mapping[str, Any], prices: Mapping[str, Any]) -> dict[str, float]:
    """What the two dearest would cost if they were bought otherwise."""
    units_a_second = purchases * counts["write_units"] / SECONDS_A_MONTH
    hourly = float(prices["dynamodb_provisioned_write_hour"]["price"])
    return {
        "an HTTP API instead of the REST API": purchases / 1e6 * float(prices["http_api_million"]["price"]),
        "a function URL instead of the REST API": 0.0,
        # Provisioned for a peak of four times the mean, which a shop's evening is.
        "writes provisioned for a month, peak four times the mean": 4 * units_a_second * 730 * hourly,
    }


def standing(counts: Mapping[str, Any], prices: Mapping[str, Any]) -> dict[str, float]:
    """US dollars for a month of one deployment, however little is bought."""

    def price(name: str) -> float:
        return float(prices[name]["price"])

    month = counts["standing"]
    runs = month["schedule_runs"]
    seconds = runs * month["milliseconds_of_a_run"] / 1000 * counts["memory_mb"] / 1024
    requests = month["polls"] + runs * month["messages_of_a_run"]
    return {
        "CloudWatch metrics": month["metrics"] * price("metric_month"),
        "CloudWatch dashboard": month["dashboards"] * price("dashboard_month"),
        "CloudWatch alarms": month["alarms"] * price("alarm_month"),
        "SQS, mostly asking whether there is work": requests / 1e6 * price("sqs_million"),
        "schedules with nothing to do": seconds * price("lambda_gb_second_arm")
        + runs * month["write_units_of_a_run"] / 1e6 * price("dynamodb_write_million"),
    }


def asked(purchases: int, other: Mapping[str, Any]) -> float:
    """What another service asks for so many purchases in one month."""
    return float(other["base"] + max(0, ceil((purchases - other["included"]) / other["each"])) * other["more"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("--purchases", default="1000000")
    text = parser.parse_args(arguments).purchases
    if not (text.isascii() and text.isdecimal() and int(text)):
        print("PURCHASES must be a whole number above 0, such as 1000000.", file=sys.stderr)
        return 1
    purchases = int(text)
    book, counts = read("prices.json"), read("counts.json")
    found = services(purchases, counts, book["prices"])
    print(f"{purchases:,} purchases, AWS list prices of {book['as_of']} in {book['region']}\n")
    for name, dollars in sorted(found.items(), key=lambda one: -one[1]):
        print(f"  {name:<58} ${dollars:>12,.2f}")
    total = sum(found.values())
    print(f"  {'together':<58} ${total:>12,.2f}   ${total / purchases * 1e6:,.2f} a million\n")
    print(f"Each further month that they are kept: ${found[STORED]:,.2f}.\n")
    print("A deployment that stands, a month")
    for name, dollars in (month := standing(counts, book["prices"])).items():
        print(f"  {name:<58} ${dollars:>12,.2f}")
    print(f"  {'together':<58} ${sum(month.values()):>12,.2f}   AWS gives ten metrics, ten alarms, a dashboard free\n")
    print("The dearest, bought otherwise")
    for name, dollars in otherwise(purchases, counts, book["prices"]).items():
        print(f"  {name:<58} ${dollars:>12,.2f}")
    print("\nThe same purchases elsewhere, in one month")
    for name, other in book["others"].items():
        print(f"  {name:<58} ${asked(purchases, other):>12,.2f}   {other['how']}")
        print(f"  {'':<58} {'':>13}   {other['source']}")
    print(f"\n{book['note']} Sources: infra/cost/prices.json; counts of one purchase: infra/cost/counts.json.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
