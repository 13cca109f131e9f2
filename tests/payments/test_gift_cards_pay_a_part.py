"""Gift cards pay a part of an order and the provider collects the rest: in any order it is one sale of the whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.payments.test_any_order_ends_the_same import end
from tests.payments.test_reconcile_payments import listed
from tests.payments.till import Till, charge, refund
from tests.shop import Shop


def card(shop: Shop, amount: int, name: str) -> str:
    return str(shop.call("POST", "/gift-cards", {"amount": amount}, idem=name)["code"])


def left(shop: Shop, code: str) -> int:
    return int(shop.call("GET", f"/vouchers/{code}")["balance"])


def test_the_rest_of_the_payment_and_the_shops_whole_order_are_one_sale_whichever_comes_first(shop: Shop) -> None:
    till = Till(shop)
    ends = []
    for number, order in enumerate(itertools.permutations(range(3))):
        ann = shop.enrol(email=f"ann{number}@example.com")
        sale, name, code = f"pi_{number}", f"A-{number}", card(shop, 4_000, f"k{number}")

        def buy(name: str = name, ann: str = ann, code: str = code) -> None:
            reply = shop.buy(name, 5_000, ann, voucher_codes=[code])
            assert (reply.status, reply["points"], reply["total"]) == (201, 50, 5_000), reply.body
            again = shop.buy(name, 5_000, ann, voucher_codes=[code])
            assert (again.status, again.body) == (200, reply.body)

        told: list[Callable[[], object]] = [
            buy,
            lambda sale=sale, name=name: till.outcome(charge(sale, 1_000, metadata={"order_id": name})),
            lambda sale=sale, number=number, name=name: till.outcome(
                refund(sale, f"re_{number}", 500, metadata={"order_id": name})
            ),
        ]
        assert [told[place]() for place in order].count("set_aside") == 0
        ends.append((end(till, ann, name), shop.available(ann), left(shop, code)))
        assert shop.buy(name, 5_001, ann, voucher_codes=[code]).code == "cause_conflict"
    assert all(one == ends[0] for one in ends), ends
    assert (ends[0][0]["total"], ends[0][0]["refunded"]) == (5_000, 500)
    assert ends[0][2] == 0, "the provider gave back cash, so the card gets nothing"
    assert shop.differences() == []


def test_a_card_used_at_the_till_before_either_telling_counts_too(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    code = card(shop, 4_000, "k")
    used = shop.call("POST", f"/vouchers/{code}/use", {"order_id": "A-1", "amount": 4_000})
    assert (used.status, left(shop, code)) == (201, 0)
    assert till.outcome(charge("pi_1", 1_000, metadata={"order_id": "A-1"})) == "booked"
    assert shop.buy("A-1", 5_000, ann)["points"] == 50
    back = shop.call("POST", "/purchases/A-1/refunds", {"refund_id": "R-1", "amount": 5_000})
    assert (back.status, left(shop, code)) == (201, 4_000)
    bob = shop.enrol(email="bob@example.com")
    assert shop.available(ann) == shop.available(bob)


def test_a_card_used_between_the_provider_and_the_shop_may_pay_more_than_the_provider_collected(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    code = card(shop, 4_000, "k")
    assert till.outcome(charge("pi_1", 1_000, metadata={"order_id": "A-1"})) == "booked"
    assert shop.call("POST", f"/vouchers/{code}/use", {"order_id": "A-1", "amount": 4_000}).status == 201
    assert shop.buy("A-1", 5_000, ann)["total"] == 5_000
    assert till.outcome(charge("pi_1", 1_000, metadata={"order_id": "A-1"})) == "known"
    more = shop.call("POST", f"/vouchers/{card(shop, 900, 'm')}/use", {"order_id": "A-1", "amount": 900})
    assert more.status == 201, more.body
    over = shop.call("POST", f"/vouchers/{card(shop, 900, 'n')}/use", {"order_id": "A-1", "amount": 900})
    assert (over.code, over["left"]) == ("amount_exceeds_order", 100)


def test_what_the_provider_gave_back_is_cash_and_the_card_gets_what_the_shop_asks_back(shop: Shop) -> None:
    till = Till(shop)
    code = card(shop, 4_000, "k")
    shop.buy("A-1", 5_000, shop.enrol(email="ann@example.com"), voucher_codes=[code])
    assert till.outcome(charge("pi_1", 1_000, metadata={"order_id": "A-1"})) == "known"
    assert till.outcome(refund("pi_1", "re_1", 600)) == "booked"
    assert left(shop, code) == 0
    assert shop.refund("A-1", "R-1", 1_000).status == 201
    assert left(shop, code) == 1_000
    assert shop.refund("A-1", "R-2", 3_400).status == 201
    assert left(shop, code) == 4_000
    assert shop.call("GET", "/purchases/A-1")["refunded"] == 5_000


def test_a_total_that_cards_do_not_explain_is_a_conflict_either_way(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    code = card(shop, 4_000, "k")
    assert till.outcome(charge("pi_1", 1_001, metadata={"order_id": "A-1"})) == "booked"
    assert shop.buy("A-1", 5_000, ann, voucher_codes=[code]).code == "cause_conflict"
    assert left(shop, code) == 4_000
    assert till.outcome(charge("pi_2", 900, metadata={"order_id": "A-2"})) == "booked"
    assert shop.buy("A-2", 800, ann).code == "cause_conflict"


def test_an_order_that_waits_for_its_payment_can_be_paid_by_card(shop: Shop) -> None:
    till = Till(shop)
    ann = shop.enrol(email="ann@example.com")
    code = card(shop, 4_000, "k")
    assert till.outcome(refund("pi_1", "re_1", 500, metadata={"order_id": "A-1"})) == "booked"
    for name, status in (("A-1", 201), ("pi_1", 200)):
        used = shop.call("POST", f"/vouchers/{code}/use", {"order_id": name, "amount": 1_000})
        assert (used.status, used["balance"]) == (status, 3_000), used.body
    assert shop.buy("A-1", 5_000, ann).status == 201
    assert till.outcome(charge("pi_1", 4_000)) == "known"
    sale = shop.call("GET", "/purchases/A-1")
    assert (sale["total"], sale["refunded"], left(shop, code)) == (5_000, 500, 3_000)


def test_the_providers_list_agrees_with_an_order_that_a_card_paid_a_part_of(shop: Shop) -> None:
    Till(shop)
    ann = shop.enrol(email="ann@example.com")
    shop.buy("A-1", 5_000, ann, voucher_codes=[card(shop, 4_000, "k")])
    row = "ch_1,pi_1,2026-11-01 10:00:00,{},0.00,eur,Paid,,A-1"
    assert listed(shop, row.format("10.00"))["same"] == 1
    assert listed(shop, row.format("10.01"))["items"][0]["state"] == "total_differs"
