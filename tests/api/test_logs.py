"""The line that each request writes, and the metrics that it carries. That no line tells of a person or a secret is
watched over every test (tests/watched.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.payments.till import Till, charge
from tests.shop import Shop
from tests.watched import leak

Line = dict[str, Any]


@pytest.fixture
def lines(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Any:
    """The lines written since this was asked last."""

    def since() -> list[Line]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]

    since()
    return since


def counted(found: list[Line]) -> list[str]:
    """The metrics in the lines, as CloudWatch reads them: each with its dimensions."""
    told = []
    for line in found:
        for metrics in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert metrics["Namespace"] == "Regulars"
            (dimensions,) = metrics["Dimensions"]
            assert all(isinstance(line[name], str) for name in dimensions)
            about = ":".join(line[name] for name in sorted(dimensions) if name != "service")
            told += [f"{each['Name']}:{about}".rstrip(":") for each in metrics["Metrics"] if line[each["Name"]]]
    return told


def test_a_request_writes_one_line_with_all_that_is_asked_of_it(shop: Shop, lines: Any) -> None:
    ann = shop.enrol(email="ann@example.com")
    lines()
    shop.member(ann)
    (line,) = lines()
    assert {"request_id", "route", "program", "outcome", "milliseconds", "units", "status", "member"} <= set(line)
    assert (line["route"], line["program"], line["outcome"]) == ("GET /members/{member_id}", "corner-cafe", "ok")
    assert line["member"] == ann and line["units"] > 0 and line["milliseconds"] > 0


def test_what_a_shop_does_counts_once_each_by_its_name(shop: Shop, lines: Any) -> None:
    ann = shop.enrol(email="ann@example.com")
    assert counted(lines()) == ["Enrolled"]
    for wanted in (["Earned"], []):  # told again it counts no more
        shop.buy("o1", 20_000, ann)
        assert counted(lines()) == wanted
    shop.redeem(ann, "free-coffee", "k")
    assert counted(lines()) == ["Redeemed"]
    shop.refund("o1", "r1", 100)
    assert counted(lines()) == ["Refunded"]
    shop.redeem(ann, "barista-evening", "k2")
    assert counted(lines()) == ["Refused:insufficient_points"]
    shop.call("GET", "/keys")
    assert counted(lines()) == ["Refused:forbidden"]


def test_what_a_provider_tells_counts_as_booked_or_as_set_aside(shop: Shop, lines: Any) -> None:
    till = Till(shop)
    lines()
    assert till.outcome(charge("pi_1", 1_000)) == "booked"
    assert counted(lines()) == ["Booked"]
    assert till.outcome(charge("pi_1", 1_000)) == "known"
    assert counted(lines()) == []
    assert till.outcome(charge("pi_2", 1_000, currency="usd")) == "set_aside"
    assert counted(lines()) == ["SetAside"]


@pytest.mark.parametrize(
    "told",
    [
        {"member": "ann@example.com"},
        {"route": "GET /members/ann@example.com"},
        {"outcome": "rk_corner-cafe_evfa94r0j9vhs7xhx5bz2f5xhpn7yk0v"},
        {"request_id": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtIn0.x"},
        {"fault": "whsec_c2VjcmV0"},
        {"part": "AB12C-DE34F-GH56J-KL78M"},
        {"delivery": "a" * 10 + "0123456789abcdef" * 4},
        {"phone": "+358401234567"},
        {"name": "Ann"},
    ],
)
def test_a_line_that_told_of_a_person_or_a_secret_would_be_seen(told: Line) -> None:
    clean = {"level": "INFO", "message": "request", "service": "regulars", "request_id": "0a1b"}
    assert leak(json.dumps(clean)) is None
    assert leak(json.dumps({**clean, **told})) is not None
