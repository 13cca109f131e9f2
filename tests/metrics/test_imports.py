"""Purchases from before the program: history that counts and earns nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.metrics import counting
from tests.metrics.beside import beside
from tests.moments import at
from tests.shop import Reply, Shop, program

HEADING = "order_id,occurred_at,total,email"
NOW = "2026-03-02T10:00:00+00:00"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(NOW), beside(program()) as made:
        yield made


def send(shop: Shop, text: str) -> Reply:
    return shop.call("POST", "/imports/purchases", text, key=shop.owner, headers={"content-type": "text/csv"})


def test_the_same_file_twice_adds_nothing(shop: Shop) -> None:
    file = f"{HEADING}\n" + "".join(
        f"o{n},2025-06-{n % 28 + 1:02d}T10:00:00Z,{n}00,e{n % 7}@example.com\n" for n in range(120)
    )
    first = send(shop, file)
    assert (first.status, first["lines"], first["added"], first["known"], first["faults"]) == (200, 120, 120, 0, [])
    again = send(shop, file)
    assert (again["added"], again["known"]) == (0, 120)


def test_a_bad_line_is_told_by_its_number_and_the_rest_goes_on(shop: Shop) -> None:
    lines = [
        HEADING,
        "good,2025-06-01T10:00:00Z,500,ann@example.com",
        "no-money,2025-06-01T10:00:00Z,5.00,ann@example.com",
        "",
        "no-zone,2025-06-01T10:00:00,500,ann@example.com",
        "short,2025-06-01T10:00:00Z",
        "bad id#,2025-06-01T10:00:00Z,500,",
        "future,2030-06-01T10:00:00Z,500,",
        "good,2025-06-01T10:00:00Z,900,ann@example.com",
        "anonymous,2025-06-01T10:00:00Z,700,",
    ]
    told = send(shop, "\n".join(lines))
    assert (told["lines"], told["added"], told["faulty"]) == (8, 2, 6)
    assert [fault["line"] for fault in told["faults"]] == [3, 5, 6, 7, 8, 9]
    assert "total" in told["faults"][0]["detail"]


def test_json_lines_bring_items(shop: Shop) -> None:
    items = [
        {"sku": "a", "category": "coffee", "amount": 400, "cost": 100},
        {"sku": "b", "category": "cake", "amount": 600},
    ]
    rows = [{"order_id": "j", "occurred_at": "2026-02-01T10:00:00Z", "total": 1000, "items": items}, {"total": 3}]
    told = send(shop, "\n".join(json.dumps(row) for row in rows))
    assert (told["added"], told["faulty"], told["faults"][0]["line"]) == (1, 1, 2)
    counting.count(shop, [20514])
    found = counting.report(shop, "baskets", **{"from": "2026-02-01", "to": "2026-02-28"})["figures"]
    assert found["baskets"] == 1
    worth = counting.report(shop, "worth-it", **{"from": "2026-02-01", "to": "2026-02-28"})["figures"]
    assert worth["margin_rate"] == {"value": 0.75, "numerator": 300, "denominator": 400}


@pytest.mark.parametrize(
    ("file", "pointer"),
    [("order_id,total\n", "/occurred_at"), (f"{HEADING},colour\n", "/colour"), ("", "/order_id")],
)
def test_a_file_that_is_none_is_refused_whole(shop: Shop, file: str, pointer: str) -> None:
    told = send(shop, file)
    assert told.status == 400
    assert pointer in [fault["pointer"] for fault in told["errors"]]


def test_history_earns_nothing_not_even_by_a_claim_or_by_joining() -> None:
    with at(NOW), beside(program()) as shop:
        send(shop, f"{HEADING}\nlast-week,2026-02-25T10:00:00Z,50000,ann@example.com\n")
        ann = shop.enrol(email="ann@example.com")
        assert shop.available(ann) == 50, "the welcome and nothing else"
        refused = shop.call("POST", "/purchases/last-week/claim", {"member_id": ann})
        assert (refused.status, refused.code) == (422, "claim_too_late")
        assert shop.buy("last-week", 50000, ann).status == 200, "told again by the storefront it is known"
        assert shop.available(ann) == 50
        assert shop.refund("last-week", "r", 50000).status == 201
        assert shop.available(ann) == 50


def test_history_of_somebody_who_is_a_member_is_theirs(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    send(shop, f"{HEADING}\nbefore,2026-02-01T10:00:00Z,3000,ANN@example.com\n")
    shop.buy("now", 1000, ann)
    counting.count(shop, [20514])
    told = counting.report(shop, "top-customers", **{"from": "2026-01-01", "to": "2026-03-02"})["figures"]
    assert [(one["member_id"], one["sales"]) for one in told["best"]] == [(ann, 4000)]


def test_only_an_owner_imports(shop: Shop) -> None:
    assert shop.call("POST", "/imports/purchases", HEADING, key=shop.staff).status == 403
