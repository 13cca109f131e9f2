"""What happens between a decision's reading and its writing: each condition on a write, met by the race it is for.

One thread, so every run is the same: right after the first reading, somebody else acts. The same races run with
real threads on an engine with true transactions in tests/engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from chalicelib.actions import change_contact, earn, enrol, govern, grant, redeem, refund, settle_voucher
from chalicelib.domain import points
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Contact
from chalicelib.domain.purchase import Sale
from chalicelib.domain.reconciliation import differences
from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Row
from chalicelib.store.vouchers import code_of
from tests.memory import Memory, remembered
from tests.test_properties import Till


@pytest.fixture
def till() -> Iterator[Till]:
    with remembered() as memory:
        yield Till("plain", memory)


def meanwhile(memory: Memory, act: Callable[[], object]) -> None:
    """Lets ``act`` happen right after the next reading, before whoever read decides."""
    reading: Any = memory.rows

    def rows(wanted: Iterable[Key]) -> Iterator[Row]:
        found = list(reading(wanted))
        memory.rows = reading  # type: ignore[method-assign]  # the interruption happens once
        act()
        return iter(found)

    memory.rows = rows  # type: ignore[method-assign]  # and is taken away above


def sell(till: Till, order_id: str, total: int = 1000, *, member: bool = True) -> Any:
    sale = Sale(total=total, currency="EUR")
    order = earn.Order(
        order_id=order_id, sale=sale, fingerprint=str(total), member_id=till.member_id if member else None
    )
    return earn.earn(till.call(), order)


def give_back(till: Till, order_id: str, refund_id: str, amount: int) -> Any:
    asked = refund.Return(order_id=order_id, refund_id=refund_id, amount=amount, fingerprint=str(amount))
    return refund.refund(till.call(), asked)


def take(till: Till, reward_id: str, key: str, member_id: str = "") -> Any:
    return redeem.redeem(till.call(), member_id or till.member_id, reward_id, key)


def proved(till: Till) -> int:
    head, chain = till.head(), till.memory.chain(till.program_id, till.member_id)
    assert differences(head, chain) == []
    return points.available(head)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        act()
    return refusal.value.code


def test_two_orders_of_one_member_at_once_both_earn(till: Till) -> None:
    meanwhile(till.memory, lambda: sell(till, "second"))
    sell(till, "first")
    assert proved(till) == 50 + 200


def test_the_same_order_twice_at_once_earns_once(till: Till) -> None:
    answers: list[Any] = []
    meanwhile(till.memory, lambda: answers.append(sell(till, "same")))
    answers.append(sell(till, "same"))
    assert [answer.replayed for answer in answers] == [False, True]
    assert answers[0].purchase == answers[1].purchase
    assert proved(till) == 150


def test_two_sales_under_one_guests_order_id_at_once_leave_the_first(till: Till) -> None:
    meanwhile(till.memory, lambda: sell(till, "guest", 1000, member=False))
    assert refused(lambda: sell(till, "guest", 2000, member=False)) == "cause_conflict"
    assert sell(till, "guest", 1000, member=False).replayed


def test_two_redemptions_at_once_never_overdraw(till: Till) -> None:
    sell(till, "points", 100)  # 60 points: one large reward, not two
    meanwhile(till.memory, lambda: take(till, "large", "a"))
    assert refused(lambda: take(till, "large", "b")) == "insufficient_points"
    assert proved(till) == 0


def test_the_same_redemption_twice_at_once_debits_once(till: Till) -> None:
    answers: list[Any] = []
    meanwhile(till.memory, lambda: answers.append(take(till, "small", "same")))
    answers.append(take(till, "small", "same"))
    assert [answer.replayed for answer in answers] == [False, True]
    assert answers[0].voucher == answers[1].voucher
    assert proved(till) == 43


def test_an_adjustment_and_a_redemption_at_once_never_go_below_zero(till: Till) -> None:
    meanwhile(till.memory, lambda: take(till, "small", "k"))
    assert refused(lambda: grant.adjust(till.call(), till.member_id, -50, "test", "k")) == "insufficient_points"
    assert proved(till) == 43


def test_the_last_one_in_stock_goes_to_one_of_two_members_at_once(till: Till) -> None:
    joining = enrol.Joining(contact=Contact(email="bob@example.com"))
    bob = enrol.enrol(till.call(), joining, "m2").head.member_id
    carl = enrol.enrol(till.call(), enrol.Joining(contact=Contact(email="carl@example.com")), "m3").head.member_id
    for member_id in (till.member_id, bob, carl):
        grant.adjust(till.call(), member_id, 1000, "test", "rich")
    take(till, "large", "a")
    take(till, "large", "b")
    meanwhile(till.memory, lambda: take(till, "large", "c", bob))
    assert refused(lambda: take(till, "large", "d", carl)) == "out_of_stock"
    taken = next(till.memory.rows([keys.stock(till.program_id, "large")]))
    assert taken.n == 3


def test_two_refunds_at_once_never_exceed_the_purchase(till: Till) -> None:
    sell(till, "guest", 1000, member=False)
    meanwhile(till.memory, lambda: give_back(till, "guest", "a", 600))
    assert refused(lambda: give_back(till, "guest", "b", 600)) == "refund_exceeds_purchase"
    assert give_back(till, "guest", "c", 400).refund.refunded == 1000


def test_the_same_refund_twice_at_once_is_booked_once(till: Till) -> None:
    sell(till, "order")
    meanwhile(till.memory, lambda: give_back(till, "order", "same", 400))
    assert give_back(till, "order", "same", 400).replayed
    assert proved(till) == 50 + 60


def test_an_earning_and_a_refund_at_once_end_right(till: Till) -> None:
    sell(till, "order")
    meanwhile(till.memory, lambda: sell(till, "another"))
    give_back(till, "order", "whole", 1000)
    assert proved(till) == 150


def _code(till: Till) -> str:
    return code_of(till.program_id, take(till, "small", "voucher").voucher)


def test_one_voucher_is_used_by_one_of_two_orders_at_once(till: Till) -> None:
    code = _code(till)
    meanwhile(till.memory, lambda: settle_voucher.use(till.call(), code, "one", None))
    assert refused(lambda: settle_voucher.use(till.call(), code, "two", None)) == "voucher_settled"
    settled = settle_voucher.look_up(till.call(), code).settled
    assert settled is not None
    assert settled.order_id == "one"


def test_a_voucher_is_used_or_cancelled_at_once_but_not_both(till: Till) -> None:
    code = _code(till)
    meanwhile(till.memory, lambda: settle_voucher.use(till.call(), code, "one", None))
    assert refused(lambda: settle_voucher.cancel(till.call(), code)) == "voucher_settled"
    assert proved(till) == 43


def test_a_voucher_cancelled_twice_at_once_gives_back_once(till: Till) -> None:
    code = _code(till)
    meanwhile(till.memory, lambda: settle_voucher.cancel(till.call(), code))
    assert settle_voucher.cancel(till.call(), code).replayed
    assert proved(till) == 50


def test_one_daily_cap_holds_for_two_orders_at_once() -> None:
    with remembered() as memory:
        till = Till("capped", memory)
        meanwhile(memory, lambda: sell(till, "second"))
        sell(till, "first")
        assert proved(till) == 50 + 40


def test_one_email_enrolled_twice_at_once_is_one_member(till: Till) -> None:
    joining = enrol.Joining(contact=Contact(email="new@example.com"))
    meanwhile(till.memory, lambda: enrol.enrol(till.call(), joining, "m7"))
    person = enrol.enrol(till.call(), joining, "m8")
    assert (person.head.member_id, person.replayed) == ("m7", True)


def test_two_changes_of_one_contact_at_once_both_stay(till: Till) -> None:
    def change(**given: Any) -> Any:
        return change_contact.change_contact(till.call(), till.member_id, given)

    meanwhile(till.memory, lambda: change(name="Ann"))
    assert change(locale="fi").contact.name == "Ann"


def test_one_email_taken_by_two_members_at_once_goes_to_the_first(till: Till) -> None:
    bob = enrol.enrol(till.call(), enrol.Joining(contact=Contact(email="bob@example.com")), "m2").head.member_id

    def wish(member_id: str) -> Any:
        return change_contact.change_contact(till.call(), member_id, {"email": "wished@example.com"})

    meanwhile(till.memory, lambda: wish(bob))
    assert refused(lambda: wish(till.member_id)) == "identity_taken"


def test_two_changes_of_the_program_at_once_leave_the_first(till: Till) -> None:
    from msgspec.structs import replace

    def rename(name: str) -> Any:
        return govern.replace_program(till.call(), 1, replace(till.program, name=name))

    meanwhile(till.memory, lambda: rename("First"))
    assert refused(lambda: rename("Second")) == "stale_version"
    row = next(till.memory.rows([keys.program(till.program_id)]))
    assert '"name":"First"' in row.d
