"""What goes wrong in other systems, taken from real reports; each row is a test of that name here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.moments import at
from tests.shop import Shop, beside, opened, program


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    """The corner café without its daily cap, on a June day."""
    with opened(uncapped()) as shop, at("2026-06-01T12:00:00Z"):
        yield shop


def uncapped(**changes: object) -> dict[str, object]:
    document = program()
    return {**document, "earning": {**document["earning"], "daily_cap": None}, **changes}


def posted(shop: Shop, member_id: str) -> int:
    return sum(row["points"] for row in shop.ledger(member_id) if row["status"] == "posted")


def test_row_01_a_retried_or_offline_synced_sale_earns_twice_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row01@example.com")
    first = café.buy("row01", 1000, ann, occurred_at="2026-05-20T09:00:00Z")
    with at("2026-06-08T12:00:00Z"):  # the till was offline for a week, and sends what it kept
        retried = [café.buy("row01", 1000, ann, occurred_at="2026-05-20T09:00:00Z") for _ in range(3)]
    assert {reply.status for reply in retried} == {200}
    assert all(reply.body == first.body for reply in retried)
    assert café.available(ann) == 60
    assert [row["order_id"] for row in café.ledger(ann)].count("row01") == 1


def test_row_02_settling_a_due_order_earns_again_is_impossible(café: Shop) -> None:
    """Pending points are released once, however often and by whomever the due date is noticed."""
    shop = beside(uncapped(earning={"points": 1, "per_amount": 100, "pending_days": 14}, stamp_cards=[]))
    ann = shop.enrol(email="row02@example.com")
    shop.buy("row02", 1000, ann)
    for moment in ("2026-06-15T12:00:00Z", "2026-06-16T12:00:00Z", "2026-07-01T12:00:00Z"):
        with at(moment):
            shop.adjust(ann, 1, moment)
            shop.buy("row02", 1000, ann)
    assert [row["points"] for row in shop.ledger(ann) if row["kind"] == "release"] == [10]
    assert shop.available(ann) == posted(shop, ann) == 50 + 10 + 3


def test_row_03_buy_refund_keep_the_points_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row03@example.com")
    for number in range(3):
        café.buy(f"row03-{number}", 10_000, ann)
        café.refund(f"row03-{number}", "r", 10_000)
        assert café.available(ann) == 50
    spender = café.enrol(email="row03-spender@example.com")
    café.buy("row03-spent", 15_000, spender)
    café.redeem(spender, "five-off", "k")
    café.refund("row03-spent", "r", 15_000)
    assert café.available(spender) == -150
    assert café.redeem(spender, "free-coffee", "k2").code == "insufficient_points"


def test_row_04_a_refund_spends_the_points_a_second_time_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row04@example.com")
    café.buy("row04", 10_000, ann)
    first = café.refund("row04", "r", 10_000)
    again = café.refund("row04", "r", 10_000)
    assert (again.status, again.body) == (200, first.body)
    assert café.refund("row04", "another", 10_000).code == "refund_exceeds_purchase"
    assert café.available(ann) == posted(café, ann) == 50


def test_row_05_a_refund_after_spending_leaves_no_debt_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row05@example.com")
    café.buy("row05", 20_000, ann)
    café.redeem(ann, "five-off", "k")
    assert café.available(ann) == 50
    assert café.refund("row05", "r", 20_000)["balance_after"] == -150
    assert café.available(ann) == posted(café, ann) == -150
    café.buy("row05-next", 17_000, ann)
    assert café.available(ann) == 20


def test_row_07_twenty_redemptions_turn_100_points_into_2000_is_impossible(café: Shop) -> None:
    """One after the other here; at once, on an engine with true transactions, in tests/engine."""
    shop = beside(uncapped(rewards=[{"id": "it", "name": "It", "kind": "free_product", "points": 100}], stamp_cards=[]))
    ann = shop.enrol(email="row07@example.com")
    shop.adjust(ann, 50, "k")
    tried = [shop.redeem(ann, "it", f"k{number}") for number in range(20)]
    assert [reply.status for reply in tried].count(201) == 1
    assert {reply.code for reply in tried if reply.status != 201} == {"insufficient_points"}
    assert shop.available(ann) == 0
    again = [shop.redeem(ann, "it", "k0") for _ in range(3)]
    assert {reply["code"] for reply in again} == {tried[0]["code"]}
    assert shop.available(ann) == posted(shop, ann) == 0


def test_row_08_a_status_that_flips_back_and_forth_earns_each_time_is_impossible(café: Shop) -> None:
    """completed, processing, completed: the order is the cause, whatever its status is told to be."""
    ann = café.enrol(email="row08@example.com")
    for _ in range(3):
        café.buy("row08", 1000, ann)
        café.refund("row08", "cancelled", 1000)
    assert café.available(ann) == 50
    assert [row["kind"] for row in café.ledger(ann)] == ["bonus", "earn", "refund"]


def test_row_09_a_cancelled_redemption_gives_the_points_back_once_and_not_twice(café: Shop) -> None:
    ann = café.enrol(email="row09@example.com")
    café.adjust(ann, 150, "k")
    code = café.redeem(ann, "five-off", "k")["code"]
    assert café.available(ann) == 0
    for _ in range(3):
        assert café.call("POST", f"/vouchers/{code}/cancel")["status"] == "cancelled"
    assert café.available(ann) == posted(café, ann) == 200
    used = café.redeem(ann, "five-off", "k2")["code"]
    café.call("POST", f"/vouchers/{used}/use", {"order_id": "o"})
    assert café.call("POST", f"/vouchers/{used}/cancel").code == "voucher_settled"
    assert café.available(ann) == 0


def test_row_10_rounding_loses_a_point_or_splitting_an_order_earns_more_is_impossible(café: Shop) -> None:
    """Floats turn 0.57 × 100 into 56.99…; here every step is an exact integer, rounded down once."""
    shop = beside(uncapped(earning={"points": 1, "per_amount": 1, "multipliers": []}, stamp_cards=[]))
    ann = shop.enrol(email="row10@example.com")
    for amount in (57, 58, 113, 114, 115, 116, 1001, 100_000_000_001):
        assert shop.buy(f"row10-{amount}", amount, ann)["points"] == amount
    whole, split = café.enrol(email="row10-whole@example.com"), café.enrol(email="row10-split@example.com")
    café.buy("row10-whole", 1000, whole)
    for part, amount in enumerate([199, 199, 199, 199, 199, 5]):
        café.buy(f"row10-part{part}", amount, split)
    assert café.available(split) <= café.available(whole) == 60


def test_row_17_gift_card_purchases_earn_points_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row17@example.com")
    card = {"sku": "card", "category": "gift-card", "quantity": 1, "amount": 5000}
    assert café.buy("row17-card", 5000, ann, items=[card])["points"] == 0
    cake = {"sku": "cake", "category": "food", "quantity": 1, "amount": 1000}
    mixed = café.buy("row17-mixed", 6000, ann, items=[card, cake])
    assert mixed["points"] == 10
    assert "excluded" in {row["rule"] for row in mixed["explanation"]}


def test_row_18_points_on_tax_or_on_delivery_are_impossible(café: Shop) -> None:
    ann = café.enrol(email="row18@example.com")
    assert café.buy("row18-a", 1000, ann, tax=190, delivery=310)["points"] == 5
    cake = {"sku": "cake", "category": "food", "quantity": 1, "amount": 500}
    assert café.buy("row18-b", 1000, ann, tax=190, delivery=310, items=[cake])["points"] == 5
    assert café.buy("row18-c", 500, ann, tax=200, delivery=300)["points"] == 0


def test_row_19_a_balance_that_no_ledger_explains_is_impossible(café: Shop) -> None:
    ann = café.enrol(email="row19@example.com")
    café.buy("row19", 20_000, ann)
    code = café.redeem(ann, "five-off", "k")["code"]
    café.call("POST", f"/vouchers/{code}/cancel")
    café.refund("row19", "r", 7_777)
    café.adjust(ann, -17, "k")
    entries = café.ledger(ann)
    assert [row["sequence"] for row in entries] == list(range(1, len(entries) + 1))
    balance = 0
    for row in entries:
        balance += row["points"] if row["status"] == "posted" else 0
        assert row["balance_after"] == balance
        assert row["cause"]["id"]
        assert row["booked_by"]
    assert balance == café.available(ann)
    assert café.differences() == []


def test_row_19_a_balance_that_somebody_overwrote_is_found(café: Shop) -> None:
    from msgspec.structs import replace

    from chalicelib.store import keys, members
    from chalicelib.store.table import load

    shop = beside(uncapped())
    ann = shop.enrol(email="row19-overwritten@example.com")
    shop.buy("row19", 1000, ann)
    assert shop.differences() == []
    key = keys.head(shop.program_id, ann)
    head = members.head_of(load([key])[key])
    members.head_row(shop.program_id, replace(head, spent=-1000)).save()
    found = shop.differences()
    assert [row["member_id"] for row in found] == [ann]
    assert "the head has 1060 points; the entries add up to 60" in found[0]["details"]


def test_row_19_an_entry_that_somebody_removed_is_found(café: Shop) -> None:
    from chalicelib.store import keys
    from chalicelib.store.table import Row

    shop = beside(uncapped())
    ann = shop.enrol(email="row19-removed@example.com")
    shop.buy("row19", 1000, ann)
    shop.buy("row19-b", 1000, ann)
    Row(*keys.purchase(shop.program_id, "row19")).delete()
    assert [row["member_id"] for row in shop.differences()] == [ann]


def test_row_06_two_checkouts_spend_one_gift_card_is_impossible(café: Shop) -> None:
    code = café.call("POST", "/gift-cards", {"amount": 1000}, idem="row06")["code"]
    ends = [
        café.call("POST", f"/vouchers/{code}/use", {"order_id": f"row06-{number}", "amount": 700}).status
        for number in range(2)
    ]
    ends.append(café.buy("row06-c", 1000, voucher_codes=[code]).status)
    assert ends == [201, 422, 201], "the second checkout is refused, a third takes the 300 that are left"
    assert café.call("GET", f"/vouchers/{code}")["balance"] == 0
    assert café.call("POST", f"/vouchers/{code}/use", {"order_id": "row06-0", "amount": 700}).status == 200


def test_row_11_redeeming_points_lowers_the_tier_is_impossible(café: Shop) -> None:
    """What a tier counts is what was bought or earned; the balance is nothing to it."""
    levels = [{"id": "friend", "name": "Friend", "threshold": 0}, {"id": "gold", "name": "Gold", "threshold": 200}]
    for basis in ("spend", "points", "visits"):
        threshold = {"spend": 20_000, "points": 200, "visits": 2}[basis]
        shop = beside(uncapped(tiers={"basis": basis, "levels": [levels[0], {**levels[1], "threshold": threshold}]}))
        ann = shop.enrol(email="row11@example.com")
        for number in range(2):
            shop.buy(f"row11-{number}", 10_000, ann)
        before = shop.member(ann)["tier"]
        assert before["id"] == "gold"
        shop.redeem(ann, "five-off", "k")
        assert shop.available(ann) == 50
        assert shop.member(ann)["tier"] == before


def test_row_12_changing_the_expiry_policy_rewrites_dates_already_promised_is_impossible(café: Shop) -> None:
    shop = beside(uncapped())
    ann = shop.enrol(email="row12@example.com")
    shop.buy("row12", 10_000, ann)
    promised = shop.member(ann)["expiring"]
    assert promised == [{"points": 150, "expires_on": "2027-06-30"}]
    read = shop.call("GET", "/program", key=shop.owner)
    for policy in ({"policy": "rolling", "months": 1}, {"policy": "none"}, {"policy": "inactivity", "months": 1}):
        document = {**read["program"], "expiry": policy}
        version = shop.call("GET", "/program", key=shop.owner)["version"]
        assert shop.call("PUT", "/program", {"version": version, "program": document}, key=shop.owner).status == 200
        assert shop.member(ann)["expiring"] == promised
    shop.buy("row12-after", 10_000, ann)
    assert promised[0] in shop.member(ann)["expiring"], "what is earned from now on has the new promise, nothing else"
    with at("2027-06-30T12:00:00Z"):
        assert shop.available(ann) >= 150


def test_row_13_points_without_a_label_never_expire_is_impossible(café: Shop) -> None:
    """Whatever brought them, points stand in a lot with its last day; none is left when all days have passed."""
    shop = beside(uncapped())
    ann = shop.enrol(email="row13@example.com")
    shop.buy("row13", 10_000, ann)
    shop.adjust(ann, 7, "k")
    shop.call("POST", f"/members/{ann}/check-ins", {}, idem="k")
    code = shop.redeem(ann, "free-coffee", "k")["code"]
    shop.call("POST", f"/vouchers/{code}/cancel")
    shown = shop.member(ann)
    assert sum(row["points"] for row in shown["expiring"]) == shown["points"]["available"] == 159
    with at("2027-07-01T12:00:00Z"):
        assert shop.available(ann) == 0


def test_row_14_only_the_earliest_expiry_is_shown_is_impossible(café: Shop) -> None:
    shop = beside(uncapped())
    ann = shop.enrol(email="row14@example.com")
    for month in (3, 4, 5):
        shop.buy(f"row14-{month}", 1000, ann, occurred_at=f"2026-0{month}-10T12:00:00Z")
    assert shop.member(ann)["expiring"] == [
        {"points": 10, "expires_on": "2027-03-31"},
        {"points": 10, "expires_on": "2027-04-30"},
        {"points": 10, "expires_on": "2027-05-31"},
        {"points": 50, "expires_on": "2027-06-30"},
    ]


def test_row_15_referrals_farmed_with_accounts_that_never_buy_bring_nothing(café: Shop) -> None:
    from chalicelib.actions.settle_referral import settle_referral
    from tests.people.people import brought, operators_call, referrals

    shop = beside(uncapped())
    ann = shop.enrol(email="row15@example.com", phone="+36301234567")
    before = shop.available(ann)
    sleepers = [brought(shop, ann, email=f"row15-{number}@example.net") for number in range(5)]
    refunded = brought(shop, ann, email="row15-refunded@example.net")
    shop.buy("row15-refunded", 5000, refunded)
    shop.refund("row15-refunded", "r", 5000)
    with at("2026-09-01T12:00:00Z"):
        for friend in (*sleepers, refunded):
            settle_referral(operators_call(shop), friend)
    assert {(one["state"], one["reason"]) for one in referrals(shop, ann)["items"]} == {("joined", None)}
    assert shop.available(ann) == before


def test_row_15_people_who_refer_themselves_get_nothing(café: Shop) -> None:
    from chalicelib.actions.settle_referral import settle_referral
    from tests.people.people import brought, operators_call, referrals

    shop = beside(uncapped())
    ann = shop.enrol(email="ann.row15@gmail.com", phone="+36301234567")
    before = shop.available(ann)
    own = [
        brought(shop, ann, email="annrow15+second@googlemail.com"),
        brought(shop, ann, email="other@example.net", phone="06 30 123 4567"),
        brought(shop, ann, email="third@example.net"),
    ]
    shop.buy("row15-mine", 500, ann, payment_fingerprint="one-card")
    for number, friend in enumerate(own):
        shop.buy(f"row15-{number}", 5000, friend, payment_fingerprint="one-card")
    with at("2026-09-01T12:00:00Z"):
        assert [settle_referral(operators_call(shop), friend).state for friend in own] == ["refused"] * 3
    reasons = {one["reason"] for one in referrals(shop, ann)["items"]}
    assert reasons == {"same_email", "same_phone", "same_payment"}
    assert shop.available(ann) == before + 5


def test_row_16_merging_two_accounts_loses_no_points(café: Shop) -> None:
    from tests.people.people import merged

    shop = beside(uncapped())
    ann, old = shop.enrol(email="row16@example.com"), shop.enrol(email="row16-old@example.com")
    shop.buy("row16-a", 3000, ann)
    shop.buy("row16-b", 4000, old)
    both = shop.available(ann) + shop.available(old)
    assert merged(shop, ann, old).status == 201
    assert shop.available(ann) == both
    assert shop.call("GET", "/members?email=row16-old%40example.com")["points"]["available"] == both
    assert shop.differences() == []


def test_row_16_changing_an_email_or_a_phone_loses_no_points(café: Shop) -> None:
    shop = beside(uncapped())
    ann = shop.enrol(email="row16@example.com", phone="+36301234567")
    shop.buy("row16", 3000, ann)
    had = shop.available(ann)
    shop.call("PATCH", f"/members/{ann}", {"email": "row16-new@example.com", "phone": "+36307654321"})
    for query in ("email=row16-new%40example.com", "phone=%2B36307654321"):
        found = shop.call("GET", f"/members?{query}")
        assert (found["member_id"], found["points"]["available"]) == (ann, had)
    assert shop.buy("row16-b", 1000, email="row16-new@example.com")["member_id"] == ann
    assert len(shop.ledger(ann)) == 3


def test_row_20_erasing_a_person_keeps_the_ledger_and_not_the_person(café: Shop) -> None:
    shop = beside(uncapped())
    ann = shop.enrol(email="row20@example.com", phone="+36301234567", name="Row Twenty")
    shop.buy("row20", 3000, ann)
    entries = shop.ledger(ann)
    assert shop.call("DELETE", f"/members/{ann}", key=shop.owner).status == 204
    assert shop.ledger(ann) == entries
    told = shop.member(ann)
    assert (told["status"], told["email"], told["phone"], told["name"]) == ("erased", None, None, None)
    assert shop.call("GET", "/members?email=row20%40example.com").status == 404
    assert "row20@example.com" not in str(shop.call("GET", "/members?query=row", key=shop.staff).body)
    assert shop.differences() == []
