"""People at the same moment, on an engine whose transactions are true: cards, places, claims and merges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from chalicelib.actions.settle_referral import settle_referral
from tests.engine.conftest import CONTENDERS, EngineShop, at_once
from tests.people.people import balance, brought, claimed, merged, operators_call, sold, spent
from tests.shop import Reply

Engine = Callable[..., EngineShop]
PLAIN = {"enrolment": {"mode": "open"}, "stamp_cards": [], "referral": None}
UNCAPPED = {"points": 1, "per_amount": 100}


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


def test_one_gift_card_in_16_checkouts_pays_what_it_holds_and_no_more(engine: Engine) -> None:
    shop = engine(**PLAIN)
    code = sold(shop, 1000)
    replies = at_once(*(partial(spent, shop, code, f"o{number}", 300) for number in range(CONTENDERS)))
    assert statuses(replies) == {201: 3, 422: CONTENDERS - 3}
    assert {reply.code for reply in replies if reply.status == 422} == {"insufficient_balance"}
    assert balance(shop, code) == 100


def test_one_order_16_times_takes_its_money_off_a_card_once(engine: Engine) -> None:
    shop = engine(**PLAIN)
    code = sold(shop, 1000)
    replies = at_once(*[partial(spent, shop, code, "o", 300)] * CONTENDERS)
    assert statuses(replies) == {201: 1, 200: CONTENDERS - 1}
    assert all(reply.body == replies[0].body for reply in replies)
    assert balance(shop, code) == 700


def test_a_gift_card_in_a_purchase_and_in_a_checkout_at_once_is_spent_once_over(engine: Engine) -> None:
    shop = engine(**PLAIN)
    for turn in range(6):
        code = sold(shop, 1000, f"card{turn}")
        calls = [
            partial(shop.buy, f"bought{turn}", 800, voucher_codes=[code]),
            partial(spent, shop, code, f"used{turn}", 800),
        ]
        bought, used = at_once(*calls)
        assert bought.status == 201
        # Whoever is second finds 200: a purchase takes them, a checkout that asked for 800 is refused.
        paid = 1000 - balance(shop, code)
        assert (used.status, paid) in ((201, 1000), (422, 800))


def test_two_cards_pay_one_order_at_once_from_places_of_their_own(engine: Engine) -> None:
    shop = engine(**PLAIN)
    cards = [sold(shop, 100, f"card{number}") for number in range(6)]
    replies = at_once(*(partial(spent, shop, code, "o", 100) for code in cards))
    assert statuses(replies) == {201: 4, 422: 2}
    shop.buy("o", 1000)
    assert shop.refund("o", "r", 1000).status == 201
    assert [balance(shop, code) for code in cards] == [100] * 6


def test_refunds_of_one_order_at_once_put_a_cards_money_back_once(engine: Engine) -> None:
    shop = engine(**PLAIN)
    code = sold(shop, 1000)
    spent(shop, code, "o", 900)
    shop.buy("o", 1600)
    replies = at_once(*(partial(shop.refund, "o", f"r{number}", 200) for number in range(CONTENDERS)))
    assert statuses(replies) == {201: 8, 422: CONTENDERS - 8}
    assert balance(shop, code) == 1000


def test_the_last_place_of_a_pilot_is_given_once_to_16_people(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "enrolment": {"mode": "open", "pilot": {"max_members": 4}}})
    for number in range(3):
        shop.enrol(email=f"early{number}@example.com")

    def join(number: int) -> Reply:
        return shop.call("POST", "/members", {"email": f"late{number}@example.com"})

    replies = at_once(*(partial(join, number) for number in range(CONTENDERS)))
    assert statuses(replies) == {201: 1, 422: CONTENDERS - 1}
    assert {reply.code for reply in replies if reply.status == 422} == {"pilot_full"}
    assert len(shop.call("GET", "/members?limit=100", key=shop.staff)["items"]) == 4


def test_16_people_find_the_first_places_of_a_pilot_counted_once(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "enrolment": {"mode": "open", "pilot": {"max_members": 5}}})

    def join(number: int) -> Reply:
        return shop.call("POST", "/members", {"email": f"m{number}@example.com"})

    assert statuses(at_once(*(partial(join, number) for number in range(CONTENDERS)))) == {201: 5, 422: 11}


def test_a_single_invite_lets_one_of_16_in(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "enrolment": {"mode": "invite"}})
    code = shop.call("POST", "/invites", {}, key=shop.owner)["code"]

    def join(number: int) -> Reply:
        return shop.call("POST", "/members", {"email": f"m{number}@example.com", "invite_code": code})

    assert statuses(at_once(*(partial(join, number) for number in range(CONTENDERS)))) == {201: 1, 422: 15}
    assert shop.call("GET", "/invites", key=shop.owner)["items"][0]["used"] == 1


def test_a_claim_and_an_enrolment_at_once_earn_a_receipt_once(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "enrolment": {"mode": "open", "claim_purchases_days": 30}})
    for turn in range(6):
        email, other = f"guest{turn}@example.com", shop.enrol(email=f"other{turn}@example.com")
        shop.buy(f"o{turn}", 1000, email=email)
        joining, claim = at_once(
            partial(shop.call, "POST", "/members", {"email": email}), partial(claimed, shop, f"o{turn}", other)
        )
        assert joining.status == 201
        assert claim.status in (201, 409)
        mine, theirs = shop.available(joining["member_id"]), shop.available(other)
        assert sorted((mine, theirs)) == [0, 10]
        assert (theirs == 10) == (claim.status == 201)
    assert shop.differences() == []


def test_a_receipt_that_16_members_claim_is_one_members(engine: Engine) -> None:
    shop = engine(**PLAIN)
    people = [shop.enrol(email=f"m{number}@example.com") for number in range(CONTENDERS)]
    shop.buy("receipt", 1000)
    assert statuses(at_once(*(partial(claimed, shop, "receipt", one) for one in people))) == {201: 1, 409: 15}
    assert sum(shop.available(one) for one in people) == 10


def test_a_claim_and_a_refund_at_once_end_where_either_order_would(engine: Engine) -> None:
    shop = engine(**PLAIN)
    for turn in range(6):
        ann = shop.enrol(email=f"ann{turn}@example.com")
        shop.buy(f"o{turn}", 1000)
        at_once(partial(claimed, shop, f"o{turn}", ann), partial(shop.refund, f"o{turn}", "r", 400))
        assert shop.available(ann) == 6
    assert shop.differences() == []


def test_a_merge_while_both_accounts_earn_loses_nothing(engine: Engine) -> None:
    shop = engine(**PLAIN, earning=UNCAPPED)
    for turn in range(3):
        ann, old = shop.enrol(email=f"ann{turn}@example.com"), shop.enrol(email=f"old{turn}@example.com")
        earning = [
            partial(shop.buy, f"{turn}-{number}", 1000, old if number % 2 else ann) for number in range(CONTENDERS - 1)
        ]
        *bought, united = at_once(*earning, partial(merged, shop, ann, old))
        assert statuses(bought) == {201: CONTENDERS - 1}
        assert united.status == 201
        assert shop.available(ann) == 10 * (CONTENDERS - 1)
        assert shop.member(old)["points"]["available"] == 0
    assert shop.differences() == []


def test_two_merges_crossing_leave_one_account_with_everything(engine: Engine) -> None:
    shop = engine(**PLAIN)
    for turn in range(6):
        ann, old = shop.enrol(email=f"ann{turn}@example.com"), shop.enrol(email=f"old{turn}@example.com")
        shop.buy(f"a{turn}", 1000, ann)
        shop.buy(f"o{turn}", 2000, old)
        one, other = at_once(partial(merged, shop, ann, old), partial(merged, shop, old, ann))
        assert sorted((one.status, other.status)) == [201, 409]
        living = ann if one.status == 201 else old
        assert shop.available(living) == 30
        assert {shop.member(member)["status"] for member in (ann, old)} == {"active", "merged"}
        assert shop.call("GET", f"/members?email=old{turn}%40example.com")["member_id"] == living
    assert shop.differences() == []


def test_one_account_merged_into_two_at_once_goes_to_one(engine: Engine) -> None:
    shop = engine(**PLAIN)
    old = shop.enrol(email="old@example.com")
    shop.buy("o", 1000, old)
    targets = [shop.enrol(email=f"t{number}@example.com") for number in range(6)]
    replies = at_once(*(partial(merged, shop, target, old) for target in targets))
    assert statuses(replies) == {201: 1, 409: 5}
    assert sorted(shop.available(target) for target in targets) == [0, 0, 0, 0, 0, 10]
    assert shop.differences() == []


def test_an_erasure_while_the_member_earns_and_is_merged_leaves_no_half_of_a_person(engine: Engine) -> None:
    shop = engine(**PLAIN)
    for turn in range(4):
        ann, old = shop.enrol(email=f"ann{turn}@example.com"), shop.enrol(email=f"old{turn}@example.com")
        gone, _, united = at_once(
            partial(shop.call, "DELETE", f"/members/{old}", key=shop.owner),
            partial(shop.buy, f"o{turn}", 1000, old),
            partial(merged, shop, ann, old),
        )
        assert gone.status == 204
        assert united.status in (201, 404)
        assert shop.call("GET", f"/members?email=old{turn}%40example.com").status == 404
        assert shop.member(ann)["status"] == ("erased" if united.status == 201 else "active")
    assert shop.differences() == []


def test_one_referral_settled_16_times_at_once_pays_both_once(engine: Engine) -> None:
    rule = {"advocate_points": 150, "friend_points": 75, "minimum_purchase": 100, "settle_days": 0}
    shop = engine(**{**PLAIN, "referral": rule})
    ann = shop.enrol(email="ann@example.com")
    bob = brought(shop, ann)
    shop.buy("o", 1000, bob)
    outcomes = at_once(*[partial(settle_referral, operators_call(shop), bob)] * CONTENDERS)
    assert {outcome.state for outcome in outcomes} == {"paid"}
    assert (shop.available(ann), shop.available(bob)) == (150, 85)
    assert shop.differences() == []


def test_the_yearly_cap_holds_when_many_friends_settle_at_once(engine: Engine) -> None:
    rule = {
        "advocate_points": 150,
        "friend_points": 75,
        "minimum_purchase": 100,
        "settle_days": 0,
        "yearly_cap": 3,
    }
    shop = engine(**{**PLAIN, "referral": rule})
    ann = shop.enrol(email="ann@example.com")
    friends = [brought(shop, ann, email=f"f{number}@example.org") for number in range(CONTENDERS)]
    for friend in friends:
        shop.buy(f"o-{friend}", 1000, friend)
    outcomes = at_once(*(partial(settle_referral, operators_call(shop), friend) for friend in friends))
    assert Counter(outcome.reason for outcome in outcomes) == {None: 3, "yearly_cap": CONTENDERS - 3}
    assert shop.available(ann) == 450
    assert {shop.available(friend) for friend in friends} == {85}
    assert shop.differences() == []
