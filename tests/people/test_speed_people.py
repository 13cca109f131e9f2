"""What each action about people costs: round trips and write units, counted from the requests as in test_speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.store import table
from tests.metering import KILOBYTE, Bill, metered
from tests.moments import at
from tests.people.people import START, brought, cafe, claimed, days_later, merged, operators_call, sold, spent
from tests.shop import Reply, Shop, opened, program


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The corner café, whose keys were used today already: a key's first use of a day is noted once."""
    with at(START), opened(program()) as made:
        for key in (made.storefront, made.staff, made.owner):
            made.call("GET", "/program", key=key)
        yield made


def cost(action: Callable[[], Reply], status: int = 201) -> Bill:
    with metered(table.connection().client) as bill:
        reply = action()
    assert reply.status == status, reply.body
    return bill


def regular(shop: Shop, email: str) -> str:
    member_id = shop.enrol(email=email)
    shop.buy(f"first-{email}", 1000, member_id)
    return member_id


def test_settling_a_referral_takes_sixteen_units(shop: Shop) -> None:
    from chalicelib.actions.settle_referral import settle_referral

    ann = regular(shop, "ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o1", 2000, bob)
    with at(days_later(14)):
        call = operators_call(shop)
        with metered(table.connection().client) as bill:
            assert settle_referral(call, bob).state == "paid"
        with metered(table.connection().client) as again:
            assert settle_referral(call, bob).state == "paid"
    assert bill.write_units <= 16
    assert bill.operations[-1] == "TransactWriteItems"
    assert bill.round_trips <= 8
    assert again.operations == ["BatchGetItem"]


def test_spending_from_a_gift_card_takes_two_round_trips_and_six_units(shop: Shop) -> None:
    code = sold(shop, 5000)
    bill = cost(lambda: spent(shop, code, "o1", 700))
    assert bill.operations == ["BatchGetItem", "TransactWriteItems"]
    assert bill.write_units <= 6
    again = cost(lambda: spent(shop, code, "o1", 700), 200)
    assert (again.round_trips, again.write_units) == (1, 0)


def test_a_gift_card_in_a_purchase_adds_six_units_and_no_round_trip(shop: Shop) -> None:
    ann, code = regular(shop, "ann@example.com"), sold(shop, 5000)
    plain = cost(lambda: shop.buy("o1", 700, ann))
    paid = cost(lambda: shop.buy("o2", 700, ann, voucher_codes=[code]))
    assert paid.round_trips == plain.round_trips == 2
    assert paid.write_units <= plain.write_units + 6


def test_selling_a_gift_card_takes_two_round_trips_and_six_units(shop: Shop) -> None:
    bill = cost(lambda: shop.call("POST", "/gift-cards", {"amount": 700, "recipient_email": "b@example.org"}, idem="k"))
    assert bill.round_trips <= 2
    assert bill.write_units <= 6


def test_claiming_a_receipt_takes_two_round_trips_and_eight_units(shop: Shop) -> None:
    ann = regular(shop, "ann@example.com")
    shop.buy("receipt", 1500)
    bill = cost(lambda: claimed(shop, "receipt", ann))
    assert bill.operations == ["BatchGetItem", "TransactWriteItems"]
    assert bill.write_units <= 8
    again = cost(lambda: claimed(shop, "receipt", ann), 200)
    assert (again.round_trips, again.write_units) == (1, 0)


def test_merging_two_accounts_takes_two_round_trips_and_twenty_four_units(shop: Shop) -> None:
    ann, old = regular(shop, "ann@example.com"), regular(shop, "old@example.com")
    bill = cost(lambda: merged(shop, ann, old))
    assert bill.operations == ["BatchGetItem", "TransactWriteItems"]
    assert bill.write_units <= 24
    assert bill.largest("HEAD") < KILOBYTE
    again = cost(lambda: merged(shop, ann, old), 200)
    assert (again.round_trips, again.write_units) == (1, 0)


def test_enrolling_with_a_referral_an_invite_and_a_pilots_place_stays_one_transaction() -> None:
    enrolment = {"mode": "invite", "welcome_points": 50, "claim_purchases_days": 30, "pilot": {"max_members": 9}}
    with at(START), opened(cafe(enrolment=enrolment)) as shop:
        invite = shop.call("POST", "/invites", {"uses": 9}, key=shop.owner)["code"]
        first = shop.call("POST", "/members", {"email": "ann@example.com", "invite_code": invite})
        joining = {"email": "b@example.org", "invite_code": invite, "referral_code": first["referral_code"]}
        bill = cost(lambda: shop.call("POST", "/members", joining))
        assert bill.operations.count("TransactWriteItems") == 1
        assert bill.round_trips <= 6
        assert bill.write_units <= 16 + 3 * 2


def test_enrolling_with_an_email_alone_takes_three_round_trips_and_sixteen_units(shop: Shop) -> None:
    bill = cost(lambda: shop.call("POST", "/members", {"email": "ann@example.com", "name": "Ann"}))
    assert bill.round_trips <= 3
    assert bill.write_units <= 16


def test_a_members_own_token_costs_no_round_trip_to_check(shop: Shop) -> None:
    token = shop.call("POST", f"/members/{regular(shop, 'ann@example.com')}/sessions")["token"]
    bill = cost(lambda: shop.call("GET", "/me", key=token), 200)
    assert bill.operations == ["BatchGetItem"]


def test_two_long_lives_merged_stay_under_a_kilobyte() -> None:
    """Each account shopped every week for a year, in a program with tiers, stamps and pending points."""
    document = program("boutique", enrolment={"mode": "open"}, expiry={"policy": "rolling", "months": 12})
    with at(START), opened(document) as shop:
        ann, old = shop.enrol(email="ann@example.com"), shop.enrol(email="old@example.com")
        for week in range(52):
            for place, member in enumerate((ann, old)):
                with at(days_later(7 * week + 3 * place)):
                    shop.buy(f"{week}-{place}", 9_000 + week, member)
        with at(days_later(365)):
            bill = cost(lambda: merged(shop, ann, old))
        assert bill.largest("HEAD") < KILOBYTE
        assert shop.differences() == []
