"""Rewards and vouchers over HTTP: what can be taken, what it costs, and that a voucher ends exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.moments import at
from tests.shop import Reply, Shop, beside, opened, program

NOW = "2026-06-01T12:00:00Z"


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at(NOW):
        yield shop


def rich(shop: Shop, name: str, points: int = 10_000) -> str:
    """A member with so many points beside the welcome."""
    member_id = shop.enrol(email=f"{name}@example.com")
    assert shop.adjust(member_id, points, "rich").status == 201
    return member_id


def offering(**reward: Any) -> Shop:
    """A shop with one reward of 100 points."""
    whole = {"id": "it", "name": "It", "kind": "free_product", "points": 100, **reward}
    return beside(program(rewards=[whole], stamp_cards=[]))


def use(shop: Shop, code: str, order_id: str) -> Reply:
    return shop.call("POST", f"/vouchers/{code}/use", {"order_id": order_id})


def cancel(shop: Shop, code: str) -> Reply:
    return shop.call("POST", f"/vouchers/{code}/cancel")


def test_the_catalogue_says_what_a_member_can_take_and_what_is_missing(café: Shop) -> None:
    ann = rich(café, "catalogue", 100)
    plain = café.call("GET", "/rewards")
    assert [row["id"] for row in plain["items"]] == ["free-coffee", "five-off", "barista-evening"]
    assert {row["can_take"] for row in plain["items"]} == {None}
    mine = {row["id"]: row for row in café.call("GET", f"/rewards?member_id={ann}")["items"]}
    assert (mine["free-coffee"]["can_take"], mine["free-coffee"]["points_missing"]) == (True, 0)
    assert (mine["five-off"]["can_take"], mine["five-off"]["points_missing"]) == (False, 50)
    assert [row["code"] for row in mine["five-off"]["obstacles"]] == ["insufficient_points"]
    assert mine["barista-evening"]["stock_left"] == 12
    assert café.call("GET", "/rewards?member_id=mnobody").code == "member_not_found"


def test_the_catalogue_goes_through_pages_in_the_owners_order(café: Shop) -> None:
    rewards = [{"id": f"r{n}", "name": f"Reward {n}", "kind": "experience", "points": n} for n in range(25)]
    shop = beside(program(rewards=rewards, stamp_cards=[]))
    ann = shop.enrol(email="ann@example.com")
    token = shop.call("POST", f"/members/{ann}/sessions", {})["token"]
    for path, key in (("/rewards", ""), ("/me/rewards", token)):
        first = shop.call("GET", path, key=key)
        rest = shop.call("GET", f"{path}?cursor={first['next_cursor']}", key=key)
        assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [20, 5, None]
        assert [row["id"] for row in [*first["items"], *rest["items"]]] == [row["id"] for row in rewards]
        assert [row["id"] for row in shop.call("GET", f"{path}?limit=5&cursor=r19", key=key)["items"]] == [
            row["id"] for row in rewards[20:]
        ]
        whole = shop.call("GET", f"{path}?limit=25", key=key)
        assert (len(whole["items"]), whole["next_cursor"]) == (25, None)
        assert shop.call("GET", f"{path}?limit=0", key=key).code == "invalid_request"
        assert shop.call("GET", f"{path}?cursor=nonsense", key=key).code == "invalid_cursor"


def test_a_redemption_takes_the_points_and_gives_a_voucher(café: Shop) -> None:
    ann = rich(café, "redeem", 150)
    answer = café.redeem(ann, "five-off", "k1")
    assert answer.status == 201
    voucher = answer.body
    assert (voucher["reward_id"], voucher["kind"], voucher["value"]) == ("five-off", "amount_off", 500)
    assert (voucher["status"], voucher["points"], voucher["member_id"]) == ("issued", 200, ann)
    assert (voucher["expires_on"], voucher["used_by_order"]) == ("2026-07-31", None)
    assert len(voucher["code"].replace("-", "")) == 20
    assert café.available(ann) == 0
    entry = café.ledger(ann)[-1]
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("redeem", -200, 0)
    assert (
        café.call("GET", f"/vouchers/{voucher['code'].lower().replace('-', ' ').replace(' ', '%20')}").body == voucher
    )


def test_too_few_points_are_refused_with_what_is_there_and_what_is_needed(café: Shop) -> None:
    ann = rich(café, "few", 149)
    answer = café.redeem(ann, "five-off", "k")
    assert (answer.status, answer.code) == (422, "insufficient_points")
    assert (answer["available"], answer["required"]) == (199, 200)
    assert café.available(ann) == 199


def test_a_limit_for_each_member_holds_and_a_cancellation_gives_it_back(café: Shop) -> None:
    ann = rich(café, "limit")
    first = café.redeem(ann, "barista-evening", "k1")
    assert first.status == 201
    second = café.redeem(ann, "barista-evening", "k2")
    assert (second.status, second.code) == (422, "limit_reached")
    assert cancel(café, first["code"])["status"] == "cancelled"
    assert café.redeem(ann, "barista-evening", "k3").status == 201


def test_stock_ends_and_a_cancellation_gives_it_back() -> None:
    shop = offering(stock=2)
    ann = rich(shop, "stock")
    codes = [shop.redeem(ann, "it", f"k{number}")["code"] for number in range(2)]
    answer = shop.redeem(ann, "it", "k3")
    assert (answer.status, answer.code) == (422, "out_of_stock")
    assert shop.call("GET", "/rewards")["items"][0]["stock_left"] == 0
    cancel(shop, codes[0])
    cancel(shop, codes[0])
    assert shop.call("GET", "/rewards")["items"][0]["stock_left"] == 1
    assert shop.redeem(ann, "it", "k4").status == 201
    assert shop.redeem(ann, "it", "k5").code == "out_of_stock"


def test_a_reward_of_no_stock_cannot_be_taken() -> None:
    shop = offering(stock=0)
    assert shop.redeem(rich(shop, "none"), "it", "k").code == "out_of_stock"


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-06-09T20:59:59Z", 422),
        ("2026-06-09T21:00:00Z", 201),  # midnight in Helsinki
        ("2026-06-11T20:59:59Z", 201),
        ("2026-06-11T21:00:00Z", 422),
    ],
)
def test_a_reward_has_its_dates_in_the_shops_time(moment: str, status: int) -> None:
    shop = offering(starts_on="2026-06-10", ends_on="2026-06-11")
    ann = rich(shop, "dates")
    with at(moment):
        answer = shop.redeem(ann, "it", "k")
    assert answer.status == status
    if status == 422:
        assert answer.code == "reward_not_available"


def test_a_minimum_tier_is_asked_for_and_a_higher_one_serves() -> None:
    shop = beside(program("boutique", enrolment={"mode": "open"}))
    ann = rich(shop, "tier")
    answer = shop.redeem(ann, "ten-percent", "k")
    assert (answer.status, answer.code, answer["tier"]) == (422, "tier_too_low", "gold")
    shop.buy("o1", 50_000, ann)
    assert shop.redeem(ann, "ten-percent", "k1").status == 201
    shop.buy("o2", 200_000, ann)
    assert shop.member(ann)["tier"]["id"] == "platinum"
    assert shop.redeem(ann, "ten-percent", "k2").status == 201


def test_an_unknown_reward_is_not_found(café: Shop) -> None:
    answer = café.redeem(rich(café, "unknown"), "nothing", "k")
    assert (answer.status, answer.code) == (404, "reward_not_found")


def test_a_voucher_is_used_for_one_order_and_the_same_order_again_is_fine(café: Shop) -> None:
    code = café.redeem(rich(café, "use"), "free-coffee", "k")["code"]
    first = use(café, code, "o-1")
    assert (first.status, first["status"], first["used_by_order"]) == (201, "used", "o-1")
    again = use(café, code, "o-1")
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    other = use(café, code, "o-2")
    assert (other.status, other.code) == (409, "voucher_settled")


def test_a_cancelled_voucher_gives_its_points_back_once(café: Shop) -> None:
    ann = rich(café, "cancel", 150)
    code = café.redeem(ann, "five-off", "k")["code"]
    first = cancel(café, code)
    again = cancel(café, code)
    assert (first.status, first["status"]) == (200, "cancelled")
    assert again.body == first.body
    assert café.available(ann) == 200
    entries = [(row["kind"], row["points"]) for row in café.ledger(ann)]
    assert entries[-2:] == [("redeem", -200), ("reverse", 200)]
    assert use(café, code, "o").code == "voucher_settled"
    assert café.redeem(ann, "five-off", "k")["code"] == code  # the first answer, not a second debit
    assert café.available(ann) == 200


def test_a_used_voucher_cannot_be_cancelled(café: Shop) -> None:
    ann = rich(café, "no-cancel", 150)
    code = café.redeem(ann, "five-off", "k")["code"]
    use(café, code, "o")
    answer = cancel(café, code)
    assert (answer.status, answer.code) == (409, "voucher_settled")
    assert café.available(ann) == 0


def test_points_that_come_back_after_their_day_live_to_the_end_of_the_month() -> None:
    shop = beside(program(expiry={"policy": "rolling", "months": 1}, enrolment={"welcome_points": 0}))
    ann = rich(shop, "late", 200)
    code = shop.redeem(ann, "five-off", "k")["code"]
    with at("2026-07-30T12:00:00Z"):
        assert shop.member(ann)["points"]["available"] == 0
    with at("2026-07-31T20:59:59Z"):  # the last day of both the points and the voucher
        assert shop.call("GET", f"/vouchers/{code}")["status"] == "issued"
    longer = beside(
        program(
            expiry={"policy": "rolling", "months": 1},
            enrolment={"welcome_points": 0},
            rewards=[{"id": "it", "name": "It", "kind": "free_product", "points": 100}],
            stamp_cards=[],
        )
    )
    bob = rich(longer, "late", 100)
    code = longer.redeem(bob, "it", "k")["code"]
    with at("2026-09-10T12:00:00Z"):
        assert cancel(longer, code)["status"] == "cancelled"
        member = longer.member(bob)
        assert member["points"]["available"] == 100
        assert member["expiring"] == [{"points": 100, "expires_on": "2026-09-30"}]
    with at("2026-10-01T12:00:00Z"):
        assert longer.available(bob) == 0
    assert longer.differences() == []


def test_an_expired_voucher_is_neither_used_nor_cancelled(café: Shop) -> None:
    ann = rich(café, "expired", 150)
    code = café.redeem(ann, "five-off", "k")["code"]
    with at("2026-07-31T20:59:59Z"):
        assert café.call("GET", f"/vouchers/{code}")["status"] == "issued"
    with at("2026-07-31T21:00:00Z"):
        assert café.call("GET", f"/vouchers/{code}")["status"] == "expired"
        assert use(café, code, "o").code == "voucher_expired"
        assert cancel(café, code).code == "voucher_expired"
        assert café.buy("expired", 2000, ann, voucher_codes=[code]).code == "voucher_expired"


def test_vouchers_are_used_in_the_purchases_own_transaction(café: Shop) -> None:
    ann = rich(café, "together")
    codes = [café.redeem(ann, "five-off", "k1")["code"], café.redeem(ann, "free-coffee", "k2")["code"]]
    answer = café.buy("together", 2000, ann, voucher_codes=codes)
    assert (answer.status, answer["points"]) == (201, 20)
    for code in codes:
        voucher = café.call("GET", f"/vouchers/{code}")
        assert (voucher["status"], voucher["used_by_order"]) == ("used", "together")
    assert cancel(café, codes[0]).code == "voucher_settled"


@pytest.mark.parametrize("wrong", ["unknown", "used", "cancelled"])
def test_one_voucher_that_cannot_be_used_refuses_the_whole_purchase(café: Shop, wrong: str) -> None:
    ann = rich(café, f"whole-{wrong}")
    good, bad = café.redeem(ann, "five-off", "k1")["code"], café.redeem(ann, "five-off", "k2")["code"]
    if wrong == "used":
        use(café, bad, "elsewhere")
    elif wrong == "cancelled":
        cancel(café, bad)
    else:
        bad = "00000-00000-00000-00000"
    before = café.available(ann)
    answer = café.buy(f"whole-{wrong}", 2000, ann, voucher_codes=[good, bad])
    assert answer.status in (409, 422)
    assert answer.code == ("voucher_unknown" if wrong == "unknown" else "voucher_settled")
    assert café.call("GET", f"/purchases/whole-{wrong}").status == 404
    assert café.call("GET", f"/vouchers/{good}")["status"] == "issued"
    assert café.available(ann) == before


def test_a_voucher_used_for_this_very_order_before_is_fine(café: Shop) -> None:
    ann = rich(café, "before")
    code = café.redeem(ann, "five-off", "k")["code"]
    use(café, code, "before")
    assert café.buy("before", 2000, ann, voucher_codes=[code]).status == 201


def test_a_voucher_with_a_minimum_asks_for_it_counting_what_it_paid_itself(café: Shop) -> None:
    ann = rich(café, "minimum")
    first, second = (café.redeem(ann, "five-off", key)["code"] for key in ("k1", "k2"))
    answer = café.buy("minimum-1", 499, ann, voucher_codes=[first])
    assert (answer.status, answer.code, answer["required"]) == (422, "minimum_purchase_not_reached", 1000)
    assert café.buy("minimum-1", 500, ann, voucher_codes=[second]).status == 201


def test_a_voucher_of_another_program_is_unknown(café: Shop) -> None:
    code = café.redeem(rich(café, "foreign"), "free-coffee", "k")["code"]
    other = beside(program())
    for answer in (other.call("GET", f"/vouchers/{code}"), use(other, code, "o"), cancel(other, code)):
        assert (answer.status, answer.code) == (404, "voucher_not_found")
    wrong = other.call("GET", "/vouchers/00000-00000-00000-00000")
    assert other.call("GET", f"/vouchers/{code}").body == wrong.body
    assert other.buy("o", 2000, voucher_codes=[code]).code == "voucher_unknown"


def test_a_members_vouchers_are_newest_first_through_pages(café: Shop) -> None:
    ann = rich(café, "list")
    codes = [café.redeem(ann, "free-coffee", f"k{number}")["code"] for number in range(3)]
    use(café, codes[1], "o")
    first = café.call("GET", f"/members/{ann}/vouchers?limit=2")
    second = café.call("GET", f"/members/{ann}/vouchers?limit=2&cursor={first['next_cursor']}")
    listed = [*first["items"], *second["items"]]
    assert [row["code"] for row in listed] == codes[::-1]
    assert [row["status"] for row in listed] == ["issued", "used", "issued"]
    assert second["next_cursor"] is None
