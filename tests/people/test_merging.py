"""Merging two accounts of one person: everything moves, and nothing that may be had once is had twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.people.people import START, balance, boutique, cafe, claimed, days_later, merged, spent, vouchers_of
from tests.shop import Shop, opened


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(cafe()) as made:
        yield made


def two(shop: Shop, **fields: Any) -> tuple[str, str]:
    """The account that lives on, and the one that is merged into it."""
    return shop.enrol(email="ann@example.com"), shop.enrol(**{"email": "old@example.com", **fields})


def coffees(count: int) -> list[dict[str, Any]]:
    return [{"sku": "latte", "category": "coffee", "quantity": count, "amount": 100 * count}]


def test_the_balance_moves_whole_and_both_ledgers_say_so(shop: Shop) -> None:
    ann, old = two(shop)
    shop.buy("o1", 3000, ann)
    shop.buy("o2", 4000, old)
    answer = merged(shop, ann, old)
    assert (answer.status, answer["member_id"], answer["from_member_id"]) == (201, ann, old)
    assert (answer["entry"]["kind"], answer["entry"]["points"], answer["entry"]["balance_after"]) == (
        "transfer",
        40,
        70,
    )
    assert shop.available(ann) == 70
    assert [row["points"] for row in shop.ledger(ann)] == [30, 40]
    assert [row["points"] for row in shop.ledger(old)] == [40, -40], "the source's ledger stays readable"
    assert shop.ledger(old)[-1]["balance_after"] == 0
    assert shop.member(ann)["points"]["lifetime"] == 70
    assert shop.differences() == []


def test_the_same_merge_again_is_answered_as_the_first_time_forever(shop: Shop) -> None:
    ann, old = two(shop)
    shop.buy("o1", 3000, old)
    first = merged(shop, ann, old)
    shop.buy("o2", 1000, ann)
    again = merged(shop, ann, old)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = merged(shop, ann, shop.enrol(email="third@example.com"))
    assert (other.status, other.code) == (409, "cause_conflict")
    assert merged(shop, shop.enrol(email="fourth@example.com"), ann, "later").status == 201
    assert merged(shop, ann, old).body == first.body
    assert shop.available(ann) == 0


def test_lots_keep_their_dates_and_the_soonest_is_still_spent_first(shop: Shop) -> None:
    ann, old = two(shop)
    with at("2026-03-10T10:00:00+00:00"):
        shop.buy("o1", 12_000, old)
    shop.buy("o2", 5_000, ann)
    merged(shop, ann, old)
    assert shop.member(ann)["expiring"] == [
        {"points": 120, "expires_on": "2027-03-31"},
        {"points": 50, "expires_on": "2027-06-30"},
    ]
    shop.redeem(ann, "free-coffee", "k")
    assert shop.member(ann)["expiring"] == [{"points": 50, "expires_on": "2027-06-30"}]
    with at("2027-04-02T10:00:00+00:00"):
        assert shop.available(ann) == 50
    with at("2027-07-02T10:00:00+00:00"):
        assert shop.available(ann) == 0


def test_a_debt_moves_too(shop: Shop) -> None:
    ann, old = two(shop)
    shop.buy("o1", 12_000, old)
    shop.redeem(old, "free-coffee", "k")
    shop.refund("o1", "r", 12_000)
    shop.buy("o2", 5_000, ann)
    merged(shop, ann, old)
    assert shop.available(ann) == 50 - 120
    assert shop.differences() == []


def test_pending_points_move_and_are_released_on_their_day() -> None:
    with at(START), opened(boutique()) as shop:
        ann, old = two(shop)
        shop.buy("o1", 10_000, old)
        with at(days_later(7)):
            shop.buy("o2", 2_000, ann)
            merged(shop, ann, old)
            assert shop.member(ann)["points"] == {"available": 0, "pending": 600, "lifetime": 0}
            shop.refund("o1", "r", 5_000)
            assert shop.member(ann)["points"]["pending"] == 350
        with at(days_later(14)):
            assert shop.member(ann)["points"] == {"available": 250, "pending": 100, "lifetime": 250}
            shop.adjust(ann, 1, "touch")
        with at(days_later(21)):
            shop.adjust(ann, 1, "touch-again")
            assert shop.available(ann) == 352
            assert shop.differences() == []


def test_stamps_add_up_and_two_half_cards_make_a_full_one(shop: Shop) -> None:
    ann, old = two(shop)
    shop.buy("o1", 600, ann, items=coffees(6))
    shop.buy("o2", 700, old, items=coffees(7))
    merged(shop, ann, old)
    assert shop.member(ann)["stamps"][0]["stamps"] == 3
    (prize,) = vouchers_of(shop, ann)
    assert (prize["reward_id"], prize["status"], prize["member_id"]) == ("free-coffee", "issued", ann)
    assert merged(shop, ann, old).status == 200
    assert len(vouchers_of(shop, ann)) == 1
    assert spent(shop, prize["code"], "o3", None).status == 201
    shop.refund("o2", "r", 700)
    assert shop.member(ann)["stamps"][0]["stamps"] == -4, "a used prize leaves the card below zero"
    assert shop.differences() == []


def test_the_higher_tier_is_kept_and_what_counts_towards_one_adds_up() -> None:
    with at(START), opened(boutique()) as shop:
        ann, old = two(shop)
        shop.buy("o1", 40_000, ann)
        shop.buy("o2", 60_000, old)
        assert shop.member(old)["tier"]["id"] == "gold"
        merged(shop, ann, old)
        tier = shop.member(ann)["tier"]
        assert (tier["id"], tier["progress"], tier["next"]["remaining"]) == ("gold", 100_000, 100_000)
        shop.buy("o3", 100_000, ann)
        assert shop.member(ann)["tier"]["id"] == "platinum"


@pytest.mark.parametrize("into_gold", [True, False])
def test_a_merge_never_lowers_a_tier_whichever_account_lives_on(into_gold: bool) -> None:
    with at(START), opened(boutique()) as shop:
        plain, gold = two(shop)
        shop.buy("o", 60_000, gold)
        target, source = (gold, plain) if into_gold else (plain, gold)
        merged(shop, target, source)
        assert shop.member(target)["tier"]["id"] == "gold"
        with at("2027-09-01T10:00:00+00:00"):
            assert shop.member(target)["tier"]["id"] == "silver", "and it ends when it would have"


def test_vouchers_are_listed_used_and_cancelled_by_the_account_that_lives_on(shop: Shop) -> None:
    ann, old = two(shop)
    codes = []
    for number, member in enumerate((ann, old, ann, old)):
        with at(days_later(number)):
            shop.adjust(member, 200, f"grant{number}")
            codes.append(shop.redeem(member, "five-off", f"k{number}")["code"])
    with at(days_later(5)):
        merged(shop, ann, old)
        listed = vouchers_of(shop, ann)
        assert [one["code"] for one in listed] == codes[::-1]
        assert {one["member_id"] for one in listed} == {ann}
        pages, cursor = [], ""
        while True:
            page = shop.call("GET", f"/members/{ann}/vouchers?limit=1{cursor}")
            pages += [one["code"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert pages == codes[::-1]
        assert shop.call("GET", f"/vouchers/{codes[1]}")["member_id"] == ann
        assert spent(shop, codes[1], "o1", None).status == 201
        assert shop.call("POST", f"/vouchers/{codes[3]}/cancel")["status"] == "cancelled"
        assert shop.available(ann) == 200, "the points come back to who lives on"
        token = shop.call("POST", f"/members/{ann}/sessions")["token"]
        mine = shop.call("GET", "/me/vouchers", key=token)["items"]
        assert [one["status"] for one in mine] == ["cancelled", "issued", "used", "issued"]
    assert shop.differences() == []


@pytest.mark.parametrize("cursor", ["x", "1-x", "-", "1--2", "12345678901"])
def test_a_cursor_that_no_page_of_vouchers_gave_is_refused(shop: Shop, cursor: str) -> None:
    ann = shop.enrol(email="ann@example.com")
    assert shop.call("GET", f"/members/{ann}/vouchers?cursor={cursor}").code == "invalid_cursor"


def test_a_gift_card_of_the_merged_account_keeps_its_money() -> None:
    with at(START), opened(boutique()) as shop:
        ann, old = two(shop)
        shop.adjust(old, 2500, "grant")
        code = shop.redeem(old, "gift-25", "k")["code"]
        spent(shop, code, "o1", 500)
        merged(shop, ann, old)
        assert [(one["code"], one["balance"]) for one in vouchers_of(shop, ann)] == [(code, 2000)]
        spent(shop, code, "o2", 2000)
        assert balance(shop, code) == 0


def test_every_identity_finds_the_account_that_lives_on(shop: Shop) -> None:
    ann, old = two(shop, phone="+36301234567", external_id="old-1", name="Ann", birthday="1990-05-01")
    cards = [shop.member(old)[code] for code in ("card_code", "referral_code")]
    merged(shop, ann, old)
    for query in ("email=ann%40example.com", "email=old%40example.com", "phone=%2B36301234567", "external_id=old-1"):
        assert shop.call("GET", f"/members?{query}")["member_id"] == ann
    assert shop.call("GET", f"/members?card={cards[0]}")["member_id"] == ann
    told = shop.member(ann)
    assert (told["email"], told["phone"], told["name"]) == ("ann@example.com", "+36301234567", "Ann")
    assert (told["external_id"], told["birthday"]) == ("old-1", "1990-05-01")
    friend = shop.call("POST", "/members", {"email": "new@example.org", "referral_code": cards[1]})
    assert friend.status == 201
    assert len(shop.call("GET", f"/members/{ann}/referrals")["items"]) == 1
    again = shop.call("POST", "/members", {"email": "old@example.com"})
    assert (again.status, again["member_id"]) == (200, ann)
    taken = shop.call("PATCH", f"/members/{friend['member_id']}", {"email": "old@example.com"})
    assert taken.code == "identity_taken"


def test_later_refunds_and_purchases_under_the_old_names_find_the_new_account(shop: Shop) -> None:
    ann, old = two(shop)
    shop.buy("o1", 3000, old)
    shop.buy("guest", 700)
    claimed(shop, "guest", old)
    merged(shop, ann, old)
    assert shop.refund("o1", "r", 1000)["member_id"] == ann
    assert shop.available(ann) == 27
    assert shop.buy("o2", 1000, old)["member_id"] == ann
    assert shop.buy("o3", 1000, email="old@example.com")["member_id"] == ann
    assert shop.available(ann) == 47
    assert claimed(shop, "guest", ann).status == 200, "claimed once, by the same person"
    shop.refund("guest", "r", 700)
    shop.refund("o1", "rest", 2000)
    assert shop.available(ann) == 20
    assert shop.differences() == []


def test_a_merged_member_answers_where_it_went(shop: Shop) -> None:
    ann, old = two(shop)
    token = shop.call("POST", f"/members/{old}/sessions")["token"]
    merged(shop, ann, old)
    told = shop.member(old)
    assert (told["status"], told["merged_into"], told["email"]) == ("merged", ann, None)
    assert told["points"] == {"available": 0, "pending": 0, "lifetime": 0}
    for refused in (
        shop.redeem(old, "five-off", "k"),
        shop.adjust(old, 5, "k"),
        shop.call("PATCH", f"/members/{old}", {"name": "X"}),
        shop.call("POST", f"/members/{old}/sessions"),
        merged(shop, shop.enrol(email="third@example.com"), old, "k"),
    ):
        assert (refused.status, refused.code, refused["merged_into"]) == (409, "member_merged", ann)
    assert shop.call("GET", "/me", key=token).status == 401


def test_a_circle_is_refused(shop: Shop) -> None:
    ann, old = two(shop)
    third = shop.enrol(email="third@example.com")
    merged(shop, ann, old, "1")
    merged(shop, third, ann, "2")
    assert merged(shop, old, third, "3").code == "member_merged"
    assert merged(shop, ann, third, "4").code == "member_merged"
    assert merged(shop, third, third, "5").code == "merge_with_itself"
    assert merged(shop, third, "mnobody", "6").code == "member_not_found"
    shop.buy("o1", 1000, old)
    assert shop.available(third) == 10, "two merges away"


def test_limits_are_counted_together_and_not_opened_again(shop: Shop) -> None:
    ann, old = two(shop)
    for member in (ann, old):
        shop.adjust(member, 2000, f"grant-{member}")
    shop.redeem(old, "barista-evening", "k")
    shop.call("POST", f"/members/{old}/check-ins", idem="c")
    shop.buy("o1", 30_000, ann)
    shop.buy("o2", 15_000, old)
    merged(shop, ann, old)
    assert shop.redeem(ann, "barista-evening", "k2").code == "limit_reached"
    assert shop.call("POST", f"/members/{ann}/check-ins", idem="c2").code == "check_in_limit"
    assert shop.buy("o3", 10_000, ann)["points"] == 50, "the day's cap of 500 has 450 behind it"
    cancelled = shop.call("POST", f"/vouchers/{vouchers_of(shop, ann)[0]['code']}/cancel")
    assert cancelled["status"] == "cancelled"
    assert shop.redeem(ann, "barista-evening", "k3").status == 201


def test_a_birthday_is_celebrated_once_after_two_accounts_are_one() -> None:
    with at(START), opened(cafe()) as shop:
        ann = shop.enrol(email="ann@example.com", birthday="1990-07-01")
        old = shop.enrol(email="old@example.com", birthday="1990-07-01")
        with at("2026-07-02T10:00:00+00:00"):
            shop.buy("o1", 100, old)
            assert shop.available(old) == 101
            merged(shop, ann, old)
            assert shop.available(ann) in (101, 201), "what either had before is theirs"
        had = shop.available(ann)
        with at("2026-12-01T10:00:00+00:00"):
            shop.buy("o2", 100, ann)
            assert shop.available(ann) == had + 1
        with at("2027-06-20T10:00:00+00:00"):
            before = shop.available(ann)
        with at("2027-07-02T10:00:00+00:00"):
            assert shop.available(ann) <= before + 100


def test_only_staff_and_the_owner_merge_and_only_within_their_program(shop: Shop) -> None:
    ann, old = two(shop)
    body = {"from_member_id": old}
    assert shop.call("POST", f"/members/{ann}/merge", body, idem="k").status == 403
    assert shop.call("POST", f"/members/{ann}/merge", body, key=shop.staff).code == "idempotency_key_required"
    assert shop.call("POST", f"/members/{ann}/merge", body, key=shop.owner, idem="k").status == 201
