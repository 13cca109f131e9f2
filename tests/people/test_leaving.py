"""Leaving: everything that names a person goes wherever it stands, the ledger stays, and a stranger may join again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.people.people import START, brought, cafe, days_later, merged, sold, vouchers_of
from tests.shop import Shop, opened, program


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(START), opened(program()) as made:
        yield made


def erase(shop: Shop, member_id: str) -> int:
    return shop.call("DELETE", f"/members/{member_id}", key=shop.owner).status


def test_an_erased_person_is_found_by_nothing_and_the_ledger_stays(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com", phone="+36301234567", external_id="c-1", name="Ann", tags=["vip"])
    codes = shop.member(ann)
    shop.buy("o1", 3000, ann)
    assert erase(shop, ann) == 204
    for query in ("email=ann%40example.com", "phone=%2B36301234567", "external_id=c-1", f"card={codes['card_code']}"):
        assert shop.call("GET", f"/members?{query}").status == 404
    assert shop.call("GET", "/members?query=ann", key=shop.staff)["items"] == []
    told = shop.member(ann)
    assert told["status"] == "erased"
    assert {told[name] for name in ("email", "phone", "name", "external_id", "birthday", "locale")} == {None}
    assert (told["tags"], told["consent"]) == ([], {"marketing": False})
    assert [row["points"] for row in shop.ledger(ann)] == [50, 30]
    assert shop.refund("o1", "r", 1000).status == 201


def test_erasing_again_answers_204_and_nobody_is_404(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    assert [erase(shop, ann), erase(shop, ann), erase(shop, "mnobody")] == [204, 204, 404]
    assert shop.call("DELETE", f"/members/{ann}", key=shop.staff).status == 403


def test_an_erased_members_tokens_are_dead_and_nothing_can_be_done_with_the_account(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    token = shop.call("POST", f"/members/{ann}/sessions")["token"]
    assert shop.call("GET", "/me", key=token).status == 200
    erase(shop, ann)
    assert shop.call("GET", "/me", key=token).status == 401
    for refused in (
        shop.call("POST", f"/members/{ann}/sessions"),
        shop.redeem(ann, "five-off", "k"),
        shop.adjust(ann, 5, "k"),
        shop.call("PATCH", f"/members/{ann}", {"name": "Ann"}),
        shop.call("GET", f"/members/{ann}/export", key=shop.owner),
        merged(shop, shop.enrol(email="bob@example.com"), ann),
    ):
        assert (refused.status, refused.code) == (404, "member_not_found")
    assert shop.buy("o1", 1000, ann)["member_id"] is None, "a purchase under the old id is a guest's"


def test_the_same_person_joins_again_as_a_stranger_with_a_second_welcome_only_after_the_time(shop: Shop) -> None:
    first = shop.enrol(email="ann@example.com", phone="+36301234567")
    shop.buy("o1", 3000, first)
    erase(shop, first)
    again = shop.call("POST", "/members", {"email": "Ann@example.com"})
    assert (again.status, again["points"]["available"]) == (201, 0)
    assert again["member_id"] != first
    with at(days_later(364)):
        by_phone = shop.call("POST", "/members", {"phone": "0036 30 1234567"})
        assert (by_phone.status, by_phone["points"]["available"]) == (201, 0), "whichever identity they come with"
        erase(shop, again["member_id"])
    with at(days_later(366)):
        third = shop.call("POST", "/members", {"external_id": "x", "email": "ann@example.com"})
        assert third["points"]["available"] == 0, "the second leaving counts from its own day"
    other = shop.enrol(email="eve@example.com")
    erase(shop, other)
    with at(days_later(366)):
        assert shop.call("POST", "/members", {"email": "eve@example.com"})["points"]["available"] == 50


def test_a_program_may_welcome_again_at_once() -> None:
    with at(START), opened(program(enrolment={"welcome_points": 50, "welcome_again_days": 0})) as shop:
        ann = shop.enrol(email="ann@example.com")
        erase(shop, ann)
        assert shop.call("POST", "/members", {"email": "ann@example.com"})["points"]["available"] == 50


def test_leaving_and_coming_back_by_a_friends_code_is_refused_as_a_member_before(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.org")
    erase(shop, bob)
    brought(shop, ann, email="bob@example.org")
    (told,) = shop.call("GET", f"/members/{ann}/referrals")["items"]
    assert (told["state"], told["reason"]) == ("refused", "member_before")


def test_erasing_by_the_id_of_a_merged_account_erases_the_person(shop: Shop) -> None:
    ann, old = shop.enrol(email="ann@example.com"), shop.enrol(email="old@example.com")
    merged(shop, ann, old)
    assert erase(shop, old) == 204
    assert shop.member(ann)["status"] == "erased"
    assert shop.call("GET", "/members?email=ann%40example.com").status == 404
    assert shop.call("GET", "/members?email=old%40example.com").status == 404
    assert [erase(shop, old), erase(shop, ann)] == [204, 204]


def test_what_an_erased_member_held_as_a_code_stays_a_promise(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.adjust(ann, 200, "grant")
    code = shop.redeem(ann, "five-off", "k")["code"]
    erase(shop, ann)
    assert shop.call("POST", f"/vouchers/{code}/use", {"order_id": "o1"}).status in (200, 201)


def test_a_note_on_an_invite_goes_with_whom_it_let_in_also_after_a_merge(shop: Shop) -> None:
    notes = [shop.call("POST", "/invites", {"note": f"for {who}"}, key=shop.owner)["code"] for who in ("Ann", "Bob")]
    ann = shop.enrol(email="ann@example.com", invite_code=notes[0])
    old = shop.enrol(email="old@example.com", invite_code=notes[1])
    merged(shop, ann, old)
    erase(shop, ann)
    listed = shop.call("GET", "/invites", key=shop.owner)["items"]
    assert {(one["note"], one["used"]) for one in listed} == {(None, 1)}


def full_life(shop: Shop) -> str:
    """A member about whom everything there is to hold is held, in two accounts that became one."""
    code = shop.call("POST", "/invites", {"note": "for the teacher"}, key=shop.owner)["code"]
    shop.buy("guest", 900, email="ann@example.com")
    ann = shop.enrol(
        email="ann@example.com",
        phone="+36301234567",
        name="Ann Kovács",
        birthday="1990-05-01",
        locale="hu",
        external_id="c-1",
        tags=["vip"],
        invite_code=code,
        consent={"marketing": True},
    )
    brought(shop, ann, email="friend@example.org", name="Friend Name")
    sold(shop, 5000, recipient_email="ann@example.com")
    old = shop.enrol(email="old@example.com")
    shop.buy("o1", 30_000, old, items=[{"sku": "beans", "category": "beans", "quantity": 2, "amount": 30_000}])
    shop.redeem(old, "five-off", "k")
    merged(shop, ann, old)
    shop.buy("o2", 500, ann)
    return ann


def test_the_export_is_everything_held_and_a_person_can_read_it(shop: Shop) -> None:
    ann = full_life(shop)
    answer = shop.call("GET", f"/members/{ann}/export", key=shop.owner)
    assert answer.status == 200
    held: Any = answer.body
    member = held["member"]
    assert (member["name"], member["birthday"], member["tags"]) == ("Ann Kovács", "1990-05-01", ["vip"])
    assert (member["locale"], member["consent"]) == ("hu", {"marketing": True})
    assert {(one["kind"], one["value"]) for one in held["identities"]} == {
        ("email", "ann@example.com"),
        ("phone", "+36301234567"),
        ("external_id", "c-1"),
        ("email", "old@example.com"),
    }
    ids = {entry["cause"]["type"] for entry in held["entries"]}
    assert {"welcome", "order", "claim", "redemption", "merge", "merged"} <= ids
    assert {made["order_id"] for made in held["purchases"]} == {"guest", "o1", "o2"}
    assert next(made["items"] for made in held["purchases"] if made["order_id"] == "o1") == [
        {"sku": "beans", "category": "beans", "quantity": 2, "amount": 30_000}
    ]
    assert held["purchases_as_guest"] == []
    assert [one["reward_id"] for one in held["vouchers"]] == ["five-off"]
    assert held["vouchers"] == vouchers_of(shop, ann)
    assert [(one["state"], one["name"], one["member_id"]) for one in held["referrals"]] == [("joined", None, None)]
    assert "Friend Name" not in str(held), "another person's data is not this person's"
    assert (held["notes"], held["gift_cards_meant_for_you"]) == (["for the teacher"], 1)
    token = shop.call("POST", f"/members/{ann}/sessions")["token"]
    assert shop.call("GET", "/me/export", key=token).body == held


def test_the_export_lists_what_was_bought_as_a_guest_and_never_claimed() -> None:
    with at(START), opened(cafe()) as shop:
        shop.buy("guest", 900, email="ann@example.com")
        ann = shop.enrol(email="ann@example.com")
        held = shop.call("GET", f"/members/{ann}/export")
        assert [made["order_id"] for made in held["purchases_as_guest"]] == ["guest"]


def test_the_export_is_indented_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = shop.enrol(email="ann@example.com")
    seen: list[str] = []
    monkeypatch.setattr("tests.shop.hold_to_contract", lambda *answered: seen.append(answered[-1]))
    shop.call("GET", f"/members/{ann}/export")
    assert seen[-1].startswith('{\n  "member": {\n    "member_id"')


def test_the_export_of_a_merged_id_is_of_the_person_and_only_for_those_who_may(shop: Shop) -> None:
    ann, old = shop.enrol(email="ann@example.com"), shop.enrol(email="old@example.com")
    merged(shop, ann, old)
    assert shop.call("GET", f"/members/{old}/export")["member"]["member_id"] == ann
    assert shop.call("GET", f"/members/{ann}/export", key=shop.staff).status == 403


def test_an_address_that_somebody_else_has_by_now_is_left_to_them(shop: Shop) -> None:
    ann = shop.enrol(email="shared@example.com")
    shop.call("PATCH", f"/members/{ann}", {"email": "ann@example.com"})
    bob = shop.enrol(email="shared@example.com")
    sold(shop, 5000, recipient_email="shared@example.com")
    held = shop.call("GET", f"/members/{ann}/export")
    assert held["former_identities"] == [{"kind": "email", "value": "shared@example.com"}]
    assert held["gift_cards_meant_for_you"] == 0
    erase(shop, ann)
    assert shop.call("GET", "/members?email=shared%40example.com")["member_id"] == bob
    assert shop.call("GET", f"/members/{bob}/export")["gift_cards_meant_for_you"] == 1


def test_an_unconfirmed_address_shows_nothing_of_whose_it_really_is(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.com")
    sold(shop, 5000, recipient_email="bob@example.com")
    token = shop.call("POST", f"/members/{ann}/sessions")["token"]
    assert shop.call("PATCH", "/me", {"email": "bob@example.com"}, key=token).status == 200
    assert shop.call("GET", "/me/export", key=token)["gift_cards_meant_for_you"] == 0
    erase(shop, ann)
    assert shop.call("GET", f"/members/{bob}/export")["gift_cards_meant_for_you"] == 1
    erase(shop, bob)
    assert shop.call("POST", "/members", {"email": "bob@example.com"})["points"]["available"] == 0


def test_a_former_address_brings_no_second_welcome(shop: Shop) -> None:
    ann = shop.enrol(email="first@example.com")
    shop.call("PATCH", f"/members/{ann}", {"email": "second@example.com"})
    erase(shop, ann)
    assert shop.call("POST", "/members", {"email": "first@example.com"})["points"]["available"] == 0
