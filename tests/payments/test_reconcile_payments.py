"""A provider's exported list held against the ledger: what is missing is found, and booked as its webhook would."""

from __future__ import annotations

import pytest

from tests.payments.till import Till, charge, session
from tests.shop import Reply, Shop

HEADING = (
    "id,PaymentIntent ID,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer Email,order_id (metadata)"
)


def listed(shop: Shop, *rows: str, book: str = "no", key: str | None = None) -> Reply:
    body = "\n".join([HEADING, *rows])
    return shop.call("POST", f"/reconciliations/stripe?book={book}", body, key=key or shop.owner)


def test_missing_payments_and_refunds_are_found_and_booked_once(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    assert till.outcome(charge("pi_1", 10_000, metadata={"member_id": ann})) == "booked"
    rows = (
        "ch_pi_1,pi_1,2026-11-01 10:00:00,100.00,0.00,eur,Paid,ann@example.com,",
        'ch_pi_2,pi_2,2026-11-02 10:00:00,"1,050.00",50.00,eur,Partially Refunded,Ann@example.com,A-2',
        "ch_pi_3,pi_3,2026-11-02 10:00:00,10.00,0.00,eur,Failed,ann@example.com,",
    )
    found = listed(shop, *rows)
    assert (found["payments"], found["same"], found["booked"]) == (2, 1, 0)
    assert [(row["payment_id"], row["state"], row["outcome"]) for row in found["items"]] == [("pi_2", "missing", None)]
    assert shop.available(ann) == 50 + 100
    assert listed(shop, *rows, book="yes")["booked"] == 1
    assert shop.call("GET", "/purchases/A-2")["refunded"] == 5_000
    before = shop.available(ann)
    again = listed(shop, *rows, book="yes")
    assert (again["same"], again["items"]) == (2, [])
    assert till.outcome(session("pi_2", 105_000, metadata={"order_id": "A-2"})) in ("known", "booked")
    assert shop.available(ann) == before
    assert shop.differences() == []


def test_a_total_that_differs_is_told_and_not_overwritten(shop: Shop) -> None:
    till = Till(shop)
    till.outcome(charge("pi_1", 10_000))
    found = listed(shop, "ch_pi_1,pi_1,2026-11-01 10:00:00,90.00,0.00,eur,Paid,,", book="yes")
    (row,) = found["items"]
    assert (row["state"], row["booked_total"], row["outcome"]) == ("total_differs", 10_000, "set_aside")
    assert shop.call("GET", "/purchases/pi_1")["total"] == 10_000


@pytest.mark.parametrize(
    ("row", "pointer"),
    [("ch_1,pi_1,2026-11-01,12.345,0,eur,Paid,,", "/2"), ("ch_1,pi_1,yesterday,12.34,0,eur,Paid,,", "/2")],
)
def test_a_row_that_cannot_be_read_is_refused_by_its_line_and_nothing_is_booked(
    shop: Shop, row: str, pointer: str
) -> None:
    reply = listed(shop, row, book="yes")
    assert reply.status == 400 and [fault["pointer"] for fault in reply["errors"]] == [pointer]
    assert shop.call("GET", "/purchases/pi_1").status == 404


def test_only_the_owner_may_and_a_heading_that_lacks_columns_says_which(shop: Shop) -> None:
    assert listed(shop, key=shop.storefront).status == listed(shop, key=shop.staff).status == 403
    reply = shop.call("POST", "/reconciliations/stripe", "a,b\n1,2", key=shop.owner)
    assert reply.status == 400 and "amount" in reply["detail"]
    assert shop.call("POST", "/reconciliations/paypal", HEADING, key=shop.owner).code == "provider_not_found"
