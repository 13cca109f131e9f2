"""Gift cards: sold or redeemed, spent over many orders, back again with a refund, and earning nothing when bought."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from chalicelib.actions import refund, settle_voucher
from tests.moments import at
from tests.people.people import START, balance, boutique, cafe, days_later, sold, spent
from tests.shop import Shop, beside, opened


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(cafe()) as made:
        yield made


def test_a_card_that_was_paid_for_is_nobodys_and_has_no_end(shop: Shop) -> None:
    answer = shop.call("POST", "/gift-cards", {"amount": 5000}, idem="k")
    assert (answer.status, answer["kind"], answer["value"], answer["balance"]) == (201, "gift_card", 5000, 5000)
    assert (answer["member_id"], answer["points"], answer["expires_on"], answer["status"]) == (None, 0, None, "issued")
    again = shop.call("POST", "/gift-cards", {"amount": 5000}, idem="k")
    assert (again.status, again.body) == (200, answer.body)
    other = shop.call("POST", "/gift-cards", {"amount": 5000, "recipient_email": "bob@example.org"}, idem="k")
    assert (other.status, other.code) == (409, "cause_conflict")


def test_staff_sell_no_more_than_they_may_enter_at_once(shop: Shop) -> None:
    over = shop.call("POST", "/gift-cards", {"amount": 20001}, key=shop.staff, idem="k")
    assert (over.status, over.code) == (422, "staff_cap_exceeded")
    assert shop.call("POST", "/gift-cards", {"amount": 20000}, key=shop.staff, idem="k").status == 201
    assert shop.call("POST", "/gift-cards", {"amount": 20001}, key=shop.owner, idem="o").status == 201


def test_a_balance_is_spent_over_many_orders_and_never_below_zero(shop: Shop) -> None:
    code = sold(shop, 1000)
    first = spent(shop, code, "o1", 400)
    assert (first.status, first["balance"], first["status"], first["used_by_order"]) == (201, 600, "issued", "o1")
    assert spent(shop, code, "o2", 601).code == "insufficient_balance"
    assert spent(shop, code, "o2", 600)["status"] == "used"
    assert spent(shop, code, "o3", 1).code == "insufficient_balance"
    assert balance(shop, code) == 0


def test_the_same_order_takes_its_money_once(shop: Shop) -> None:
    code = sold(shop, 1000)
    first = spent(shop, code, "o1", 400)
    again = spent(shop, code, "o1", 400)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    spent(shop, code, "o2", 600)
    assert spent(shop, code, "o1", 400).body == first.body, "also when the card is empty by now"
    assert spent(shop, code, "o1", 500).code == "cause_conflict"
    assert balance(shop, code) == 0


def test_a_card_is_asked_how_much_it_pays(shop: Shop) -> None:
    assert spent(shop, sold(shop, 1000), "o1", None).code == "amount_required"


def test_one_order_is_paid_with_several_cards(shop: Shop) -> None:
    cards = [sold(shop, 100, f"card{number}") for number in range(5)]
    assert [spent(shop, code, "o1", 100).status for code in cards] == [201, 201, 201, 201, 422]
    assert balance(shop, cards[4]) == 100


def test_a_refund_puts_the_money_back_and_the_rest_is_cash(shop: Shop) -> None:
    code = sold(shop, 1000)
    ann = shop.enrol(email="ann@example.com")
    spent(shop, code, "o1", 800)
    shop.buy("o1", 2000, ann)
    assert shop.refund("o1", "r1", 500).status == 201
    assert balance(shop, code) == 700
    assert shop.refund("o1", "r1", 500).status == 200
    assert balance(shop, code) == 700, "the same refund again puts nothing back"
    shop.refund("o1", "r2", 1500)
    assert balance(shop, code) == 1000, "never more than it paid"


def test_partial_refunds_in_any_split_and_order_end_the_same(shop: Shop) -> None:
    ends = set()
    for number, split in enumerate(permutations([1, 333, 700, 966])):
        code, order = sold(shop, 1500, f"card{number}"), f"o{number}"
        spent(shop, code, order, 1200)
        shop.buy(order, 2000)
        for place, amount in enumerate(split):
            assert shop.refund(order, f"r{place}", amount).status == 201
        ends.add(balance(shop, code))
        if number == 7:
            break
    assert ends == {1500}


def test_several_cards_get_back_together_no_more_than_went_back(shop: Shop) -> None:
    cards = [sold(shop, amount, f"card{amount}") for amount in (700, 800)]
    shop.buy("o1", 2000, voucher_codes=cards)
    seen = []
    for number, amount in enumerate((500, 600, 700, 200)):
        assert shop.refund("o1", f"r{number}", amount).status == 201
        seen.append([balance(shop, code) for code in cards])
    assert seen == [[500, 0], [700, 400], [700, 800], [700, 800]]


def test_a_card_that_pays_what_a_refund_left_gets_back_what_it_paid(shop: Shop) -> None:
    code = sold(shop, 1000)
    shop.buy("o1", 2000)
    shop.refund("o1", "r1", 1500)
    over = spent(shop, code, "o1", 501)
    assert (over.status, over.code, over["left"]) == (422, "amount_exceeds_order", 500)
    assert spent(shop, code, "o1", 500).status == 201
    shop.refund("o1", "r2", 200)
    shop.refund("o1", "r3", 300)
    assert balance(shop, code) == 1000
    assert spent(shop, sold(shop, 50, "other"), "o1", 1).code == "amount_exceeds_order"


def test_two_cards_never_pay_more_of_a_booked_order_than_it_cost(shop: Shop) -> None:
    one, other = sold(shop, 1000, "a"), sold(shop, 1000, "b")
    shop.buy("o1", 1500)
    assert spent(shop, one, "o1", 1000).status == 201
    assert spent(shop, other, "o1", 501).code == "amount_exceeds_order"
    assert spent(shop, other, "o1", 500).status == 201


def test_buying_a_card_earns_nothing_and_spending_it_earns(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    lines = [
        {"sku": "card", "category": "gift-card", "quantity": 1, "amount": 5000},
        {"sku": "beans", "category": "beans", "quantity": 1, "amount": 1000},
    ]
    assert shop.buy("o1", 6000, ann, items=lines)["points"] == 10
    code = sold(shop, 5000)
    assert shop.available(ann) == 10
    answer = shop.buy("o2", 2000, ann, voucher_codes=[code])
    assert (answer.status, answer["points"]) == (201, 20), "its money was paid for once, and earns once"
    assert balance(shop, code) == 3000


def test_a_card_among_the_voucher_codes_pays_what_it_can(shop: Shop) -> None:
    small, large = sold(shop, 300, "a"), sold(shop, 9000, "b")
    assert shop.buy("o1", 1000, voucher_codes=[small, large]).status == 201
    assert (balance(shop, small), balance(shop, large)) == (0, 8300)
    assert shop.buy("o1", 1000, voucher_codes=[small, large]).status == 200
    assert (balance(shop, small), balance(shop, large)) == (0, 8300)
    refused = shop.buy("o2", 1000, voucher_codes=[small])
    assert (refused.status, refused.code) == (422, "insufficient_balance")
    assert shop.call("GET", "/purchases/o2").status == 404, "refused whole"
    shop.refund("o1", "r", 1000)
    assert (balance(shop, small), balance(shop, large)) == (300, 9000)


def test_a_card_used_before_the_purchase_was_booked_counts_in_it(shop: Shop) -> None:
    used, code = sold(shop, 700, "a"), sold(shop, 900, "b")
    spent(shop, used, "o1", 700)
    shop.buy("o1", 1000, voucher_codes=[code, used])
    assert (balance(shop, used), balance(shop, code)) == (0, 600)


def test_only_an_unspent_card_is_cancelled(shop: Shop) -> None:
    code = sold(shop, 1000)
    spent(shop, code, "o1", 1)
    refused = shop.call("POST", f"/vouchers/{code}/cancel")
    assert (refused.status, refused.code) == (409, "voucher_settled")
    other = sold(shop, 1000, "other")
    assert shop.call("POST", f"/vouchers/{other}/cancel")["status"] == "cancelled"
    assert shop.call("POST", f"/vouchers/{other}/cancel").status == 200
    assert balance(shop, other) == 0
    assert spent(shop, other, "o2", 1).status in (409, 422)
    assert shop.buy("o3", 100, voucher_codes=[other]).status in (409, 422)


def test_a_redeemed_card_is_spent_over_orders_and_its_money_is_no_part_of_the_total() -> None:
    with at(START), opened(boutique()) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.adjust(ann, 5000, "grant")
        code = shop.redeem(ann, "gift-25", "k")["code"]
        assert balance(shop, code) == 2500
        refused = shop.buy("o1", 1500, ann, voucher_codes=[code])
        assert (refused.status, refused.code) == (422, "amount_required")
        assert spent(shop, code, "o1", 1000).status == 201
        answer = shop.buy("o1", 3000, ann, voucher_codes=[code])
        assert (answer.status, answer["points"]) == (201, 150), "what the card paid stands beside the total"
        shop.refund("o1", "r1", 999)
        assert balance(shop, code) == 1500 + 333
        shop.refund("o1", "r2", 2001)
        assert balance(shop, code) == 2500, "the whole order back, the whole card back"
        assert shop.call("POST", f"/vouchers/{code}/cancel")["status"] == "cancelled"
        assert shop.available(ann) == 5000
        assert shop.differences() == []


def test_a_redeemed_card_ends_on_its_day() -> None:
    with at(START), opened(boutique()) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.adjust(ann, 2500, "grant")
        code = shop.redeem(ann, "gift-25", "k")["code"]
        with at(days_later(366)):
            assert spent(shop, code, "o1", 100).code == "voucher_expired"


def test_what_a_card_paid_is_answered_as_the_first_time_after_its_end_too() -> None:
    with at(START), opened(boutique()) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.adjust(ann, 2500, "grant")
        code = shop.redeem(ann, "gift-25", "k")["code"]
        first = spent(shop, code, "o1", 100)
        with at(days_later(366)):
            again = spent(shop, code, "o1", 100)
        assert (again.status, again.body) == (200, first.body)
        assert first["status"] == "issued"


def test_a_cancelled_card_is_settled_not_empty(shop: Shop) -> None:
    code = sold(shop, 1000)
    assert shop.call("POST", f"/vouchers/{code}/cancel").status == 200
    answer = spent(shop, code, "o1", 100)
    assert (answer.status, answer.code) == (409, "voucher_settled")


def test_a_card_that_stamps_completed_pays_beside_the_total_as_points_would() -> None:
    card = {"id": "visits", "name": "Visits", "categories": [], "per": "visit", "required": 2, "reward_id": "gift"}
    gift = {"id": "gift", "name": "Gift", "kind": "gift_card", "value": 500, "points": 100}
    with at(START), opened(cafe(stamp_cards=[card], rewards=[gift])) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.buy("o1", 100, ann)
        code = shop.buy("o2", 100, ann)["vouchers_issued"][0]["code"]
        assert shop.buy("o3", 1000, voucher_codes=[code]).code == "amount_required"
        spent(shop, code, "o3", 500)
        shop.buy("o3", 1000)
        shop.refund("o3", "r", 500)
        assert balance(shop, code) == 250


def test_whom_a_card_was_meant_for_is_erased_by_the_address_alone(shop: Shop) -> None:
    code = sold(shop, 1000, recipient_email="Bob@Example.org")
    path, body = "/gift-cards/forget-recipient", {"email": "bob@example.org"}
    assert shop.call("POST", path, body).status == 403
    assert shop.call("POST", path, body, key=shop.owner).status == 204
    assert shop.call("POST", path, body, key=shop.owner).status == 204
    assert balance(shop, code) == 1000


def test_a_card_of_another_program_is_not_found(shop: Shop) -> None:
    other = beside(cafe())
    code = sold(other, 1000)
    assert spent(shop, code, "o1", 1).code == "voucher_not_found"
    assert shop.buy("o1", 100, voucher_codes=[code]).code == "voucher_unknown"


def test_a_card_that_pays_while_a_refund_is_decided_gets_its_share_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = sold(shop, 1000)
    shop.buy("o", 1000)
    decided = refund.gift_card.put_back

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(refund.gift_card, "put_back", decided)
        assert spent(shop, code, "o", 400).status == 201
        return decided(*given)

    monkeypatch.setattr(refund.gift_card, "put_back", meanwhile)
    assert shop.refund("o", "r", 300).status == 201
    assert balance(shop, code) == 900
    assert shop.refund("o", "r2", 700).status == 201
    assert balance(shop, code) == 1000


def test_a_refund_while_a_card_is_about_to_pay_leaves_it_less_to_pay(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = sold(shop, 1000)
    shop.buy("o", 1000)
    decided = settle_voucher.spending

    def meanwhile(*given: Any) -> Any:
        found = decided(*given)
        monkeypatch.setattr(settle_voucher, "spending", decided)
        assert shop.refund("o", "r", 700).status == 201
        return found

    monkeypatch.setattr(settle_voucher, "spending", meanwhile)
    assert spent(shop, code, "o", 400).code == "amount_exceeds_order"
    assert balance(shop, code) == 1000
