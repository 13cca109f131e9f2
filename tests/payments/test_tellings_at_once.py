"""Whoever decided on what another telling moved meanwhile decides anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.actions import earn
from chalicelib.actions.admission import Call, Credential
from chalicelib.api import hearing
from chalicelib.domain.errors import Refused
from chalicelib.domain.purchase import Refund, Sale
from chalicelib.store import entries, keys, stories
from chalicelib.store.table import Row
from tests.memory import remembered
from tests.payments.till import charge, dispute, refund, session
from tests.test_properties import Till
from tests.test_races import give_back, meanwhile, proved, sell


@pytest.fixture
def till() -> Iterator[Till]:
    with remembered() as memory:
        yield Till("plain", memory)


def hear(till: Till, told: dict[str, Any]) -> str:
    told["created"] = told["data"]["object"]["created"] = int(till.now.timestamp())
    credential = Credential(program_id=till.program_id, agent="provider:stripe", roles=frozenset({"owner"}))
    call = Call(credential=credential, now=till.now)
    return str(hearing.hear(call, "stripe", json.dumps(told).encode(), {}, {}).outcome)


def stands(till: Till, order_id: str) -> stories.Stands:
    around = {row.key: row for row in till.memory.rows(stories.around(till.program_id, order_id))}
    found = stories.stands(around, till.program_id, order_id)
    assert found is not None
    return found


def of(order_id: str) -> dict[str, Any]:
    return {"metadata": {"order_id": order_id}}


def test_a_refund_of_the_shops_and_a_providers_first_telling_at_once_are_both_known(till: Till) -> None:
    sell(till, "A", 1_000)
    meanwhile(till.memory, lambda: hear(till, charge("pi", 1_000, **of("A"))))
    give_back(till, "A", "R", 400)
    assert hear(till, refund("pi", "re", 300)) == "booked"
    assert stands(till, "A").refunded == 700
    proved(till)


def test_the_shops_sale_and_a_providers_at_once_are_one(till: Till) -> None:
    meanwhile(till.memory, lambda: hear(till, charge("pi", 1_000, **of("A"))))
    sell(till, "A", 1_000)
    assert proved(till) == 50 + 100


def test_a_refund_of_the_shops_between_a_providers_reading_and_writing_is_not_forgotten(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refunds_of(program_id: str, order_id: str) -> list[Refund]:
        kept = [Row(**item) for item in till.memory.items.values() if item["t"] == "REFUND"]
        return [row.document(Refund) for row in kept if row.pk == keys.purchase(program_id, order_id)[0]]

    monkeypatch.setattr(entries, "refunds_of", refunds_of)
    sell(till, "A", 1_000)
    meanwhile(till.memory, lambda: give_back(till, "A", "R", 400))
    hear(till, charge("pi", 1_000, **of("A")))
    assert hear(till, refund("pi", "re", 300)) == "booked"
    assert stands(till, "A").refunded == 700
    proved(till)


def test_two_disputes_of_a_guests_sale_at_once_both_hold(till: Till) -> None:
    hear(till, charge("pi", 1_000))
    meanwhile(till.memory, lambda: hear(till, dispute("created", "pi", "dp_1", 300)))
    hear(till, dispute("created", "pi", "dp_2", 200))
    assert stands(till, "pi").held == 500


def test_two_events_of_one_sale_at_once_book_it_once(till: Till) -> None:
    about = {"metadata": {"order_id": "A", "member_id": till.member_id}}
    meanwhile(till.memory, lambda: hear(till, charge("pi", 1_000, **about)))
    assert hear(till, session("pi", 1_000, tax=200, **about)) == "booked"
    assert stands(till, "A").purchase.tax == 200
    assert proved(till) == 50 + 80


def test_two_refunds_of_one_sale_at_once_both_count(till: Till) -> None:
    hear(till, charge("pi", 1_000, metadata={"member_id": till.member_id}))
    meanwhile(till.memory, lambda: hear(till, refund("pi", "re_1", 300)))
    assert hear(till, refund("pi", "re_2", 200)) == "booked"
    assert stands(till, "pi").refunded == 500
    assert proved(till) == 50 + 50


def test_two_refunds_at_once_that_wait_for_their_payment_are_both_taken_off(till: Till) -> None:
    hear(till, refund("pi", "re_0", 100))
    meanwhile(till.memory, lambda: hear(till, refund("pi", "re_1", 300)))
    hear(till, refund("pi", "re_2", 200))
    hear(till, charge("pi", 1_000, metadata={"member_id": till.member_id}))
    assert stands(till, "pi").refunded == 600
    assert proved(till) == 50 + 40


def test_the_shop_telling_a_providers_sale_twice_at_once_in_different_words_is_a_conflict(till: Till) -> None:
    hear(till, charge("pi", 1_000, metadata={"order_id": "A", "member_id": till.member_id}))

    def told(tax: int) -> Any:
        sale = Sale(total=1_000, currency="EUR", tax=tax)
        order = earn.Order(order_id="A", sale=sale, fingerprint=str(tax), member_id=till.member_id)
        return earn.earn(till.call(), order)

    # The first reading finds what the provider told; the second is the telling's own.
    meanwhile(till.memory, lambda: told(0))
    with pytest.raises(Refused, match="other content"):
        told(200)
    assert stands(till, "A").purchase.tax == 0
    assert proved(till) == 50 + 100
