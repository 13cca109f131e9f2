"""What must hold when many do the same at the same moment, on an engine whose transactions are true.

moto cannot show this: it is not atomic under threads.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

from tests.engine.conftest import CONTENDERS, EngineShop, at_once
from tests.shop import Reply

Engine = Callable[..., EngineShop]
STICKER = {"id": "sticker", "name": "A sticker", "kind": "free_product", "points": 1, "valid_days": 30}
PLAIN = {"enrolment": {"mode": "open"}, "rewards": [STICKER], "stamp_cards": [], "referral": None}


def statuses(replies: list[Reply]) -> Counter[int]:
    return Counter(reply.status for reply in replies)


def test_of_16_threads_redeeming_from_50_points_exactly_50_redemptions_succeed(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    shop.adjust(member_id, 50, "grant")
    taken: list[Reply] = []
    lock = threading.Lock()

    def redeem_until_nothing_is_left(thread: int) -> Reply:
        for number in range(51):
            reply = shop.redeem(member_id, "sticker", f"{thread}-{number}")
            if reply.status != 201:
                return reply
            with lock:
                taken.append(reply)
        raise AssertionError("One thread alone took more than there was.")

    ends = at_once(*(partial(redeem_until_nothing_is_left, thread) for thread in range(CONTENDERS)))
    assert [end.code for end in ends] == ["insufficient_points"] * CONTENDERS
    assert len(taken) == 50
    assert len({reply["code"] for reply in taken}) == 50
    assert shop.available(member_id) == 0
    assert shop.differences() == []


def test_the_same_idempotency_key_16_times_is_one_debit_and_one_answer(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    shop.adjust(member_id, 50, "grant")
    replies = at_once(*[partial(shop.redeem, member_id, "sticker", "one-wish")] * CONTENDERS)
    assert statuses(replies) == {201: 1, 200: CONTENDERS - 1}
    assert all(reply.body == replies[0].body for reply in replies)
    assert shop.available(member_id) == 49
    assert shop.differences() == []


def test_the_same_order_16_times_is_one_purchase_and_one_answer(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    replies = at_once(*[partial(shop.buy, "o", 1000, member_id)] * CONTENDERS)
    assert statuses(replies) == {201: 1, 200: CONTENDERS - 1}
    assert all(reply.body == replies[0].body for reply in replies)
    assert shop.available(member_id) == 10
    assert shop.differences() == []


def test_16_orders_of_one_member_at_once_all_earn(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    replies = at_once(*(partial(shop.buy, f"o{number}", 1000, member_id) for number in range(CONTENDERS)))
    assert statuses(replies) == {201: CONTENDERS}
    assert shop.available(member_id) == 10 * CONTENDERS
    ledger = shop.ledger(member_id)
    assert [entry["sequence"] for entry in ledger] == list(range(1, len(ledger) + 1))
    assert shop.differences() == []


def test_an_order_and_its_refund_at_once_leave_the_net(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    for number in range(4):
        order = f"o{number}"

        def refund_until_it_is_known(order: str = order) -> Reply:
            # Told before its purchase a refund is refused, and told again, as every provider does.
            while (reply := shop.refund(order, "r", 400)).status == 404:
                continue
            return reply

        bought, refunded = at_once(partial(shop.buy, order, 1000, member_id), refund_until_it_is_known)
        assert (bought.status, refunded.status) == (201, 201)
        assert shop.available(member_id) == 6 * (number + 1)
    assert shop.differences() == []


def test_an_order_told_again_while_it_is_refunded_changes_nothing(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    first = shop.buy("o", 1000, member_id)
    replies = at_once(*[partial(shop.buy, "o", 1000, member_id)] * 4, *[partial(shop.refund, "o", "r", 400)] * 4)
    assert statuses(replies) == {201: 1, 200: 7}
    assert all(reply.body == first.body for reply in replies[:4])
    assert shop.available(member_id) == 6
    assert shop.differences() == []


def test_refunds_at_once_never_give_back_more_than_was_paid(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    shop.buy("o", 1000, member_id)
    replies = at_once(*(partial(shop.refund, "o", f"r{number}", 300) for number in range(8)))
    assert statuses(replies) == {201: 3, 422: 5}
    assert {reply.code for reply in replies if reply.status == 422} == {"refund_exceeds_purchase"}
    assert shop.available(member_id) == 1
    assert shop.differences() == []


def test_of_two_orders_on_one_voucher_one_wins(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    shop.adjust(member_id, 50, "grant")
    for number in range(4):
        code = shop.redeem(member_id, "sticker", f"k{number}")["code"]
        replies = at_once(
            partial(shop.buy, f"a{number}", 1000, member_id, voucher_codes=[code]),
            partial(shop.buy, f"b{number}", 1000, member_id, voucher_codes=[code]),
        )
        assert statuses(replies) == {201: 1, 409: 1}
        assert {reply.code for reply in replies if reply.status == 409} == {"voucher_settled"}
        winner = "a" if replies[0].status == 201 else "b"
        assert shop.call("GET", f"/vouchers/{code}")["used_by_order"] == f"{winner}{number}"
    assert shop.differences() == []


def test_a_voucher_is_either_used_or_cancelled(engine: Engine) -> None:
    shop = engine(**PLAIN)
    member_id = shop.enrol(email="ann@example.com")
    shop.adjust(member_id, 50, "grant")
    for number in range(4):
        before = shop.available(member_id)
        code = shop.redeem(member_id, "sticker", f"k{number}")["code"]
        used, cancelled = at_once(
            partial(shop.call, "POST", f"/vouchers/{code}/use", {"order_id": "o"}),
            partial(shop.call, "POST", f"/vouchers/{code}/cancel", {}, key=shop.staff),
        )
        assert sorted([used.status < 300, cancelled.status < 300]) == [False, True], (used.body, cancelled.body)
        assert shop.available(member_id) == before - (1 if used.status < 300 else 0)
    assert shop.differences() == []


def test_ten_orders_at_once_never_earn_above_the_daily_cap(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "earning": {"points": 1, "per_amount": 100, "daily_cap": 25}})
    member_id = shop.enrol(email="ann@example.com")
    replies = at_once(*(partial(shop.buy, f"o{number}", 1000, member_id) for number in range(10)))
    assert statuses(replies) == {201: 10}
    assert sorted(reply["points"] for reply in replies) == [0] * 7 + [5, 10, 10]
    assert shop.available(member_id) == 25
    assert shop.differences() == []


def test_the_last_of_a_limited_reward_goes_to_one_member(engine: Engine) -> None:
    shop = engine(**{**PLAIN, "rewards": [{**STICKER, "stock": 3}]})
    members = [shop.enrol(external_id=f"c{number}") for number in range(8)]
    for member_id in members:
        shop.adjust(member_id, 5, "grant")
    replies = at_once(*(partial(shop.redeem, member_id, "sticker", "k") for member_id in members))
    assert statuses(replies) == {201: 3, 422: 5}
    assert {reply.code for reply in replies if reply.status == 422} == {"out_of_stock"}
    assert sum(shop.available(member_id) for member_id in members) == 8 * 5 - 3
    assert shop.differences() == []


def test_the_same_person_enrolling_16_times_at_once_is_one_member(engine: Engine) -> None:
    shop = engine(enrolment={"mode": "open", "welcome_points": 50})
    replies = at_once(*[partial(shop.call, "POST", "/members", {"email": "ann@example.com"})] * CONTENDERS)
    assert statuses(replies) == {201: 1, 200: CONTENDERS - 1}
    assert len({reply["member_id"] for reply in replies}) == 1
    assert shop.available(replies[0]["member_id"]) == 50
    assert shop.differences() == []
