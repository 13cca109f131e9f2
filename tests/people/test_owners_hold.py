"""The owner's hold on the program: an orderly end, who changed what, which keys are used, what staff may enter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.people.people import START, brought, cafe, claimed, days_later, settle, sold
from tests.shop import Reply, Shop, opened, program

END = {"last_earn_on": "2026-06-30", "last_redeem_on": "2026-09-30"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(program()) as made:
        yield made


def close(shop: Shop, **dates: str) -> Reply:
    return shop.call("POST", "/program/close", {**END, **dates}, key=shop.owner)


def test_after_the_first_date_nothing_earns_and_after_the_second_nothing_redeems(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.adjust(ann, 500, "grant")
    shop.buy("before", 1000)
    assert close(shop).status == 200
    with at("2026-06-30T20:00:00+00:00"):
        assert shop.buy("o1", 1000, ann)["points"] == 10
    with at("2026-07-01T10:00:00+00:00"):
        coffee = {"sku": "latte", "category": "coffee", "quantity": 3, "amount": 1000}
        bought = shop.buy("o2", 1000, ann, items=[coffee])
        assert (bought.status, bought["points"], bought["stamps"]) == (201, 0, [])
        assert shop.call("POST", f"/members/{ann}/check-ins", idem="c").code == "program_closed"
        new = shop.call("POST", "/members", {"email": "new@example.com"})
        assert (new.status, new.code) == (422, "program_closed")
        assert shop.call("POST", "/members", {"email": "ann@example.com"}).status == 200
        code = shop.redeem(ann, "five-off", "k1")["code"]
    with at("2026-09-30T20:00:00+00:00"):
        assert shop.redeem(ann, "free-coffee", "k2").status == 201
    with at("2026-10-01T10:00:00+00:00"):
        refused = shop.redeem(ann, "free-coffee", "k3")
        assert (refused.status, refused.code) == (422, "program_closed")
    with at("2026-08-20T10:00:00+00:00"):
        used = shop.call("POST", f"/vouchers/{code}/use", {"order_id": "o3"})
        assert used["status"] == "used", "a voucher is a promise, and stays one"
    assert shop.differences() == []


def test_vouchers_and_gift_cards_stay_usable_after_the_program_ended(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.adjust(ann, 900, "grant")
    evening = shop.redeem(ann, "barista-evening", "k")["code"]
    card = sold(shop, 1000)
    close(shop, last_redeem_on="2026-07-31")
    with at("2026-08-15T10:00:00+00:00"):
        body = {"order_id": "o1", "amount": 400}
        assert shop.call("POST", f"/vouchers/{card}/use", body)["balance"] == 600
        assert shop.call("POST", f"/vouchers/{evening}/use", {"order_id": "o1"})["status"] == "used"


def test_both_member_and_owner_see_when_it_ends(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    assert shop.member(ann)["program_closes"] is None
    close(shop)
    token = shop.call("POST", f"/members/{ann}/sessions")["token"]
    assert shop.call("GET", "/me", key=token)["program_closes"] == END
    assert shop.call("GET", "/program", key=shop.owner)["program"]["close"] == END
    assert close(shop)["version"] == 2, "asked again it is closed already"


def test_an_end_is_moved_later_and_never_earlier_nor_into_the_past(shop: Shop) -> None:
    def pointers(answer: Reply) -> list[str]:
        assert (answer.status, answer.code) == (422, "invalid_program")
        return [fault["pointer"] for fault in answer["errors"]]

    assert pointers(close(shop, last_earn_on="2026-05-31")) == ["/last_earn_on"]
    assert pointers(close(shop, last_redeem_on="2026-06-29")) == ["/last_redeem_on"]
    close(shop)
    assert pointers(close(shop, last_earn_on="2026-06-29")) == ["/last_earn_on"]
    assert pointers(close(shop, last_redeem_on="2026-09-29")) == ["/last_redeem_on"]
    for dates in ({"last_earn_on": "2026-06-02"}, {"last_redeem_on": "2026-07-01"}):
        document = program(close={**END, **dates})
        answer = shop.call("PUT", "/program", {"version": 2, "program": document}, key=shop.owner)
        assert pointers(answer) == [f"/program/close/{next(iter(dates))}"], "the whole document is no way around it"
    assert close(shop, last_earn_on="2026-07-31", last_redeem_on="2026-12-31")["version"] == 3


def test_a_program_that_is_closing_can_still_be_changed_and_keeps_its_end(shop: Shop) -> None:
    close(shop)
    with at(days_later(40)):
        changed = {**program(), "name": "Corner Café, the last days"}
        answer = shop.call("PUT", "/program", {"version": 2, "program": changed}, key=shop.owner)
        assert (answer.status, answer["program"]["close"]) == (200, END)
    assert shop.call("POST", "/program/close", END, key=shop.staff).status == 403


def test_a_friend_who_bought_before_the_end_is_paid_for_after_it() -> None:
    with at(START), opened(cafe()) as shop:
        ann = shop.enrol(email="ann@example.com")
        bob, eve = brought(shop, ann), brought(shop, ann, email="eve@example.net")
        shop.buy("o1", 2000, bob)
        close(shop, last_earn_on="2026-06-05")
        with at(days_later(10)):
            shop.buy("o2", 2000, eve)
        assert settle(shop, bob).state == "paid", "what was promised when Bob bought"
        assert settle(shop, eve, 40).state == "joined"
        assert shop.available(ann) == 150


def test_every_version_is_kept_with_who_wrote_it_and_when(shop: Shop) -> None:
    for number in range(1, 4):
        with at(days_later(number)):
            document = {"version": number, "program": {**program(), "name": f"Name {number}"}}
            assert shop.call("PUT", "/program", document, key=shop.owner).status == 200
    stale = shop.call("PUT", "/program", {"version": 2, "program": program()}, key=shop.owner)
    assert stale.code == "stale_version"
    owner = next(key["key_id"] for key in shop.call("GET", "/keys", key=shop.owner)["items"] if key["role"] == "owner")
    seen: list[Any] = []
    cursor = ""
    while True:
        page = shop.call("GET", f"/program/versions?limit=2{cursor}", key=shop.owner)
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [(one["version"], one["written_by"], one["written_at"][:10]) for one in seen] == [
        (4, f"key:{owner}", "2026-06-04"),
        (3, f"key:{owner}", "2026-06-03"),
        (2, f"key:{owner}", "2026-06-02"),
        (1, "operator", "2026-06-01"),
    ]
    assert shop.call("GET", "/program/versions/3", key=shop.owner)["program"]["name"] == "Name 2"
    assert shop.call("GET", "/program/versions", key=shop.staff).status == 403


def test_keys_tell_the_day_on_which_they_were_used_last(shop: Shop) -> None:
    def used() -> dict[str, str | None]:
        return {key["role"]: key["last_used_on"] for key in shop.call("GET", "/keys", key=shop.owner)["items"]}

    assert used() == {"owner": "2026-06-01", "storefront": None, "staff": None}
    with at("2026-06-02T22:00:00+00:00"):
        shop.buy("o1", 100)
    with at("2026-06-03T01:00:00+00:00"):
        shop.buy("o2", 100)
        assert used() == {"owner": "2026-06-03", "storefront": "2026-06-03", "staff": None}
    with at("2026-06-04T01:00:00+00:00"):
        revoked = next(key for key in shop.call("GET", "/keys", key=shop.owner)["items"] if key["role"] == "staff")
        shop.call("DELETE", f"/keys/{revoked['key_id']}", key=shop.owner)
        assert shop.call("GET", "/program", key=shop.staff).status == 401
        assert used()["staff"] is None, "a refused try is no use"


def test_staff_enter_only_so_much_at_once(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("guest", 20_001)
    body = {"order_id": "o1", "total": 20_001, "currency": "EUR", "member_id": ann}
    refused = [
        shop.call("POST", "/purchases", body, key=shop.staff),
        shop.call("POST", "/gift-cards", {"amount": 20_001}, key=shop.staff, idem="k"),
        claimed(shop, "guest", ann, shop.staff),
        shop.call("POST", f"/members/{ann}/adjustments", {"points": 501, "reason": "x"}, key=shop.staff, idem="a"),
    ]
    assert [(answer.status, answer.code) for answer in refused] == [(422, "staff_cap_exceeded")] * 4
    assert shop.available(ann) == 50
    assert shop.call("POST", "/purchases", {**body, "total": 20_000}, key=shop.staff).status == 201


def test_a_member_ends_the_token_they_hold_and_the_storefront_all_of_them(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.com")

    def token(member_id: str) -> str:
        return str(shop.call("POST", f"/members/{member_id}/sessions")["token"])

    def answers(*tokens: str) -> list[int]:
        return [shop.call("GET", "/me", key=one).status for one in tokens]

    first, second, bobs = token(ann), token(ann), token(bob)
    assert answers(first, second, bobs) == [200, 200, 200]
    assert shop.call("DELETE", "/me/session", key=first).status == 204
    assert answers(first, second, bobs) == [401, 200, 200]
    assert shop.call("DELETE", "/me/session", key=first).status == 401
    assert shop.call("DELETE", f"/members/{ann}/sessions").status == 204
    assert answers(second, bobs) == [401, 200]
    assert shop.call("POST", "/me/redemptions", {"reward_id": "five-off"}, key=second, idem="k").status == 401
    with at("2026-06-01T10:00:01+00:00"):
        third = token(ann)
        assert answers(third, second) == [200, 401]
    assert shop.call("DELETE", f"/members/{ann}/sessions", key=bobs).status == 403
    assert shop.call("DELETE", "/members/mnobody/sessions").code == "member_not_found"
    assert shop.call("DELETE", "/me/session").status == 403


def test_a_revoked_key_still_tells_when_it_was_last_used(shop: Shop) -> None:
    """Whoever looks into a key that leaked asks just that."""
    shop.enrol(email="ann@example.com")

    def storefronts() -> list[tuple[str, bool, str]]:
        listed = shop.call("GET", "/keys", key=shop.owner)["items"]
        return [
            (one["key_id"], one["revoked_at"] is None, one["last_used_on"])
            for one in listed
            if one["role"] == "storefront"
        ]

    ((key_id, stands, used_on),) = storefronts()
    assert stands and used_on is not None
    assert shop.call("DELETE", f"/keys/{key_id}", key=shop.owner).status == 204
    assert storefronts() == [(key_id, False, used_on)]
