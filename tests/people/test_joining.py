"""Joining: by invitation, into a pilot with so many places, and with what one bought as a guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.people.people import START, cafe, claimed, days_later, merged
from tests.shop import Reply, Shop, opened, program

CLAIMING = {"mode": "open", "claim_purchases_days": 30}


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A café that gives what a guest bought in the last 30 days when they join."""
    with at(START), opened(cafe(enrolment=CLAIMING)) as made:
        yield made


def invite(shop: Shop, **fields: Any) -> str:
    answer = shop.call("POST", "/invites", fields, key=shop.owner)
    assert answer.status == 201
    return str(answer["code"])


def join(shop: Shop, number: int, **fields: Any) -> Reply:
    return shop.call("POST", "/members", {"email": f"m{number}@example.com", **fields})


def test_an_invite_lets_one_person_in_and_a_shared_one_so_many() -> None:
    with at(START), opened(cafe(enrolment={"mode": "invite"})) as shop:
        assert join(shop, 0).code == "invite_required"
        assert join(shop, 0, invite_code="AAAA-BBBB-CCCC").code == "invite_unknown"
        single, shared = invite(shop, note="for Ann of the corner house"), invite(shop, uses=2)
        typed = single.lower().replace("-", " ")
        assert join(shop, 1, invite_code=typed).status == 201
        assert join(shop, 1, invite_code=typed).status == 200, "the same person again needs no place"
        assert join(shop, 1).status == 200
        assert join(shop, 2, invite_code=single).code == "invite_used_up"
        assert [join(shop, number, invite_code=shared).status for number in (3, 4, 5)] == [201, 201, 422]
        listed = shop.call("GET", "/invites", key=shop.owner)["items"]
        assert {one["code"]: (one["uses"], one["used"], one["note"]) for one in listed} == {
            single: (1, 1, "for Ann of the corner house"),
            shared: (2, 2, None),
        }


def test_an_invite_ends_on_its_day_or_when_the_owner_ends_it() -> None:
    with at(START), opened(cafe(enrolment={"mode": "invite"})) as shop:
        dated, ended = invite(shop, uses=9, expires_on="2026-06-02"), invite(shop)
        assert shop.call("DELETE", f"/invites/{ended}", key=shop.owner).status == 204
        assert shop.call("DELETE", f"/invites/{ended}", key=shop.owner).code == "invite_not_found"
        assert join(shop, 1, invite_code=ended).code == "invite_unknown"
        with at(days_later(1)):
            assert join(shop, 2, invite_code=dated).status == 201
        with at(days_later(3)):
            assert join(shop, 3, invite_code=dated).code == "invite_used_up"


def test_invites_are_the_owners_alone_and_go_through_pages() -> None:
    with at(START), opened(cafe()) as shop:
        assert shop.call("POST", "/invites", {}, key=shop.staff).status == 403
        codes = {invite(shop) for _ in range(5)}
        seen, cursor = [], ""
        while True:
            page = shop.call("GET", f"/invites?limit=2{cursor}", key=shop.owner)
            seen += [one["code"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert (len(seen), set(seen)) == (5, codes)


def test_a_refused_enrolment_uses_no_invite() -> None:
    with at(START), opened(cafe()) as shop:
        code = invite(shop)
        assert join(shop, 1, invite_code=code, referral_code="WRONG").code == "referral_code_unknown"
        assert join(shop, 1, invite_code=code).status == 201


def test_a_pilot_takes_so_many_and_ends_on_its_day() -> None:
    pilot = {"mode": "open", "pilot": {"max_members": 3, "ends_on": "2026-06-10"}}
    with at(START), opened(cafe(enrolment=pilot)) as shop:
        assert [join(shop, number).status for number in range(4)] == [201, 201, 201, 422]
        assert join(shop, 4).code == "pilot_full"
        assert join(shop, 0).status == 200, "who is in stays in"
        ann = shop.call("GET", "/members?email=m0%40example.com")["member_id"]
        with at(days_later(10)):
            assert join(shop, 5).code == "pilot_ended"
            assert shop.buy("o1", 1000, ann)["points"] == 10, "members keep what they have, and earn"


def test_who_was_a_member_before_the_pilot_has_a_place_and_who_leaves_frees_one() -> None:
    with at(START), opened(cafe()) as shop:
        first, second = join(shop, 0)["member_id"], join(shop, 1)["member_id"]
        capped = cafe(enrolment={"mode": "open", "pilot": {"max_members": 3}})
        assert shop.call("PUT", "/program", {"version": 1, "program": capped}, key=shop.owner).status == 200
        assert [join(shop, number).status for number in (2, 3)] == [201, 422]
        shop.call("DELETE", f"/members/{first}", key=shop.owner)
        assert [join(shop, number).status for number in (4, 5)] == [201, 422]
        third = join(shop, 2)["member_id"]
        merged(shop, second, third)
        assert [join(shop, number).status for number in (6, 7)] == [201, 422], "two accounts of one person are one"


def test_a_pilot_that_was_opened_and_capped_again_counts_anew() -> None:
    pilot = {"mode": "open", "pilot": {"max_members": 1}}
    with at(START), opened(cafe(enrolment=pilot)) as shop:
        assert [join(shop, number).status for number in (0, 1)] == [201, 422]
        for version, enrolment in ((1, {"mode": "open"}), (2, {"mode": "open", "pilot": {"max_members": 4}})):
            document = {"version": version, "program": cafe(enrolment=enrolment)}
            assert shop.call("PUT", "/program", document, key=shop.owner).status == 200
            if version == 1:
                assert [join(shop, number).status for number in (1, 2)] == [201, 201]
        assert [join(shop, number).status for number in (3, 4)] == [201, 422]


def test_what_a_guest_bought_lately_is_claimed_when_they_join_each_order_once(shop: Shop) -> None:
    with at(days_later(-31)):
        shop.buy("old", 9000, email="ann@example.com")
    shop.buy("o1", 1000, email="ANN@example.com")
    shop.buy("o2", 2000, email="ann@example.com", items=[coffee(3, 2000)])
    shop.buy("other", 4000, email="bob@example.com")
    joined = shop.call("POST", "/members", {"email": "Ann@Example.com"})
    assert (joined.status, joined["points"]["available"]) == (201, 30)
    assert joined["stamps"][0]["stamps"] == 3
    again = shop.call("POST", "/members", {"email": "ann@example.com"})
    assert (again.status, again["points"]["available"]) == (200, 30)
    assert [(row["order_id"], row["points"]) for row in shop.ledger(joined["member_id"])] == [("o1", 10), ("o2", 20)]
    assert shop.call("GET", "/purchases/o1")["member_id"] == joined["member_id"]
    assert shop.buy("o1", 1000, email="ANN@example.com").status == 200
    assert claimed(shop, "o1", joined["member_id"]).status == 200
    assert shop.differences() == []


def coffee(count: int, amount: int) -> dict[str, Any]:
    return {"sku": "latte", "category": "coffee", "quantity": count, "amount": amount}


def test_somebody_known_who_gives_anothers_phone_does_not_get_the_others_purchases(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("bobs", 5000, external_id="bob-1")
    again = shop.call("POST", "/members", {"email": "ann@example.com", "external_id": "bob-1"})
    assert (again.status, again["member_id"]) == (200, ann)
    assert shop.available(ann) == 0
    assert shop.call("POST", "/members", {"external_id": "bob-1"})["points"]["available"] == 50


def test_a_program_that_does_not_say_so_gives_nothing_for_the_past() -> None:
    with at(START), opened(cafe()) as shop:
        shop.buy("o1", 1000, email="ann@example.com")
        assert shop.call("POST", "/members", {"email": "ann@example.com"})["points"]["available"] == 0


def test_a_receipt_is_claimed_once_by_one_member(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.com")
    shop.buy("receipt", 1500)
    first = claimed(shop, "receipt", ann, shop.staff)
    assert (first.status, first["points"], first["member_id"]) == (201, 15, ann)
    again = claimed(shop, "receipt", ann)
    assert (again.status, again.body) == (200, first.body)
    other = claimed(shop, "receipt", bob)
    assert (other.status, other.code) == (409, "already_claimed")
    assert (shop.available(ann), shop.available(bob)) == (15, 0)
    assert claimed(shop, "nothing", ann).code == "purchase_not_found"
    assert claimed(shop, "receipt", "mnobody").code == "member_not_found"


def test_a_members_own_purchase_and_an_old_receipt_are_not_claimed(shop: Shop) -> None:
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.com")
    shop.buy("anns", 1000, ann)
    assert claimed(shop, "anns", bob).code == "already_claimed"
    assert claimed(shop, "anns", ann).code == "already_claimed"
    shop.buy("old", 1000)
    with at(days_later(31)):
        late = claimed(shop, "old", ann)
        assert (late.status, late.code) == (422, "claim_too_late")


def test_staff_claim_no_more_than_they_may_enter_at_once(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("large", 20001)
    assert claimed(shop, "large", ann, shop.staff).code == "staff_cap_exceeded"
    assert claimed(shop, "large", ann, shop.owner).status == 201


def test_a_claimed_purchase_earns_for_what_was_not_refunded_and_gives_back_with_the_rest(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o1", 10_000, items=[coffee(4, 10_000)])
    shop.refund("o1", "before", 2500)
    answer = claimed(shop, "o1", ann)
    assert (answer.status, answer["points"]) == (201, 75)
    assert shop.member(ann)["stamps"][0]["stamps"] == 3
    shop.refund("o1", "half", 3000)
    assert shop.available(ann) == 45
    shop.refund("o1", "rest", 4500)
    assert (shop.available(ann), shop.member(ann)["stamps"][0]["stamps"]) == (0, 0)
    assert shop.call("GET", "/purchases/o1")["points"] == 0
    assert shop.differences() == []


@pytest.mark.parametrize("cap", [None, 60])
def test_a_claim_says_what_had_gone_back_before_it_and_that_this_took_the_points(cap: int | None) -> None:
    earning = {**cafe()["earning"], "daily_cap": cap}
    with at(START), opened(cafe(earning=earning)) as shop:
        ann = shop.enrol(email="ann@example.com")
        shop.buy("o1", 10_000, items=[coffee(4, 10_000)])
        shop.refund("o1", "before", 2500)
        answer = claimed(shop, "o1", ann)
        steps = [("earn", 100), ("refund", -25), *([("daily_cap", -15)] if cap else [])]
        assert [(row["rule"], row["points"]) for row in answer["explanation"]] == steps
        assert answer["explanation"][1]["detail"] == "25.00 EUR of 100.00 EUR went back before it was claimed"
        assert (answer["refunded"], answer["stamps"][0]["stamps"]) == (2500, 3)
        assert shop.call("GET", "/purchases/o1")["explanation"] == answer["explanation"]
        shop.refund("o1", "half", 5000)
        again = claimed(shop, "o1", ann)
        assert (again.status, again.body) == (200, answer.body)
        now = shop.call("GET", "/purchases/o1")
        assert (now["refunded"], now["points"], now["stamps"][0]["stamps"]) == (7500, 25, 1)
        assert [(row["rule"], row["points"]) for row in now["explanation"]] == [
            *steps,
            ("refund", 25 - answer["points"]),
        ]


def test_a_purchase_that_went_back_whole_is_not_claimed(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o1", 1000)
    shop.refund("o1", "r", 1000)
    assert claimed(shop, "o1", ann).code == "nothing_to_claim"


def test_the_claim_keeps_the_daily_cap(shop: Shop) -> None:
    shop.buy("o1", 40_000, email="ann@example.com")
    shop.buy("o2", 40_000, email="ann@example.com")
    assert shop.call("POST", "/members", {"email": "ann@example.com"})["points"]["available"] == 500


def test_the_boutiques_pilot_is_by_invitation() -> None:
    with at(START), opened(program("boutique")) as shop:
        assert join(shop, 1).code == "invite_required"
        code = invite(shop)
        assert join(shop, 1, invite_code=code).status == 201
        with at("2027-04-01T10:00:00+00:00"):
            assert join(shop, 2, invite_code=invite(shop)).code == "pilot_ended"
