"""What must hold after any sequence of what two or three people do: every chain is proved, what all members have is
what the entries say, and no gift card's money appears or is lost. On a table in memory; the same examples every run."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.actions import claim, earn, enrol, gift_card, govern, grant, merge, redeem, refund, settle_voucher
from chalicelib.actions.admission import Call, Credential
from chalicelib.actions.settle_referral import settle_referral
from chalicelib.domain import points
from chalicelib.domain.advance import advance
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Contact, Head
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Refund, Sale
from chalicelib.domain.reconciliation import differences
from chalicelib.domain.voucher import Settled, Spent, Voucher
from chalicelib.store import entries, keys, members, sealing, vouchers
from chalicelib.store.table import Row
from tests.memory import Memory, remembered
from tests.shop import program

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
CARD = {"id": "card", "name": "Card", "per": "visit", "required": 3, "reward_id": "small"}
REWARDS = [
    {"id": "small", "name": "Small", "kind": "free_product", "points": 7, "per_member": 3},
    {"id": "gift", "name": "Gift", "kind": "gift_card", "value": 500, "points": 40},
]
REFERRAL = {"advocate_points": 30, "friend_points": 15, "minimum_purchase": 200, "settle_days": 3, "yearly_cap": 2}
RULES: dict[str, dict[str, Any]] = {
    "plain": {"expiry": {"policy": "none"}},
    "pending and lapsing": {
        "expiry": {"policy": "rolling", "months": 1},
        "earning": {"points": 1, "per_amount": 10, "pending_days": 5},
    },
    "tiers, capped": {
        "expiry": {"policy": "calendar", "month": 2, "day": 28, "after_years": 0},
        "earning": {"points": 1, "per_amount": 10, "daily_cap": 60},
        "tiers": {
            "basis": "spend",
            "levels": [
                {"id": "a", "name": "A", "threshold": 0},
                {"id": "b", "name": "B", "threshold": 700, "percent": 170},
            ],
        },
    },
}
ACTS = ["buy", "buy", "buy", "guest", "back", "back", "back", "take", "take", "cancel", "adjust", "settle", "settle"]
ACTS += ["claim", "sell", "spend", "spend", "pay", "pay", "merge", "wait"]
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 2), st.integers(1, 999), st.integers(0, 30)),
    min_size=25,
    max_size=50,
)


class Town:
    """Three people, each brought by the one before, and what they do in one shop."""

    def __init__(self, name: str, memory: Memory) -> None:
        base = {"earning": {"points": 1, "per_amount": 10}, "stamp_cards": [CARD], "rewards": REWARDS, "tiers": None}
        self.program = check({**program(enrolment={"welcome_points": 20}, referral=REFERRAL, **base), **RULES[name]})
        self.program_id, self.memory, self.now, self.count = self.program.program_id, memory, START, 0
        govern.create_program(self.program, key_id="k", key_secret="s", call=self.call())
        self.people = ["m0", "m1", "m2"]
        for number, one in enumerate(self.people):
            code = None if number == 0 else sealing.referral_code(self.program_id, f"m{number - 1}")
            joining = enrol.Joining(contact=Contact(email=f"{one}@example.com"), referral_code=code)
            enrol.enrol(self.call(), joining, one)
        self.orders: dict[str, int] = {}
        self.guests: list[str] = []
        self.codes: list[str] = []
        self.cards: dict[str, int] = {}
        """By a gift card's code, what it was worth when it was sold or redeemed."""

    def call(self) -> Call:
        credential = Credential(program_id=self.program_id, agent="operator", roles=frozenset({"owner"}))
        return Call(credential=credential, now=self.now)

    def next_id(self) -> str:
        self.count += 1
        return f"id{self.count}"

    def head(self, member_id: str) -> Head:
        return members.head_of(next(self.memory.rows([keys.head(self.program_id, member_id)])))

    def statement(self, _: str, member_id: str, before: int | None, limit: int, kind: str | None = None) -> list[Row]:
        """The statement's index, which the table in memory has not got."""
        spk, _key = keys.statement_of_member(self.program_id, member_id, 0)
        rows = [Row(**item) for item in self.memory.items.values() if item.get("spk") == spk]
        rows.sort(key=lambda row: str(row.ssk), reverse=True)
        return [row for row in rows if kind in (None, row.t)][:limit]

    def buy(self, who: int, amount: int, which: int) -> None:
        self.sale(self.people[who], amount, which)

    def guest(self, who: int, amount: int, which: int) -> None:
        self.guests.append(self.sale(None, amount, which))

    def sale(self, member_id: str | None, amount: int, which: int, codes: tuple[str, ...] = ()) -> str:
        order_id = self.next_id()
        sale = Sale(total=amount, currency="EUR", occurred_at=self.now - timedelta(hours=which % 9))
        order = earn.Order(
            order_id=order_id,
            sale=sale,
            fingerprint=order_id,
            member_id=member_id,
            voucher_codes=codes,
            payment_fingerprint=f"card{which}" if which < 3 else None,
        )
        earn.earn(self.call(), order)
        self.orders[order_id] = amount
        return order_id

    def back(self, who: int, amount: int, which: int) -> None:
        if self.orders:
            order_id = list(self.orders)[-1 - which % min(4, len(self.orders))]
            asked = refund.Return(order_id=order_id, refund_id=self.next_id(), amount=amount, fingerprint="f")
            refund.refund(self.call(), asked)

    def take(self, who: int, amount: int, which: int) -> None:
        reward = "gift" if which % 2 else "small"
        made = redeem.redeem(self.call(), self.people[who], reward, self.next_id()).voucher
        self.keep(made)

    def keep(self, made: Voucher) -> None:
        code = vouchers.code_of(self.program_id, made)
        self.codes.append(code)
        if made.voucher_kind == "gift_card":
            self.cards[code] = made.value

    def cancel(self, who: int, amount: int, which: int) -> None:
        if self.codes:
            settle_voucher.cancel(self.call(), self.codes[which % len(self.codes)])

    def adjust(self, who: int, amount: int, which: int) -> None:
        grant.adjust(
            self.call(), self.people[who], amount // 4 + 1 if which % 3 else -amount // 9, "test", self.next_id()
        )

    def settle(self, who: int, amount: int, which: int) -> None:
        self.now += timedelta(days=which % 5)
        settle_referral(self.call(), self.people[who])

    def claim(self, who: int, amount: int, which: int) -> None:
        if self.guests:
            claim.claim(self.call(), self.guests[which % len(self.guests)], self.people[who])

    def sell(self, who: int, amount: int, which: int) -> None:
        self.keep(gift_card.sell_card(self.call(), amount, None, self.next_id()).voucher)

    def spend(self, who: int, amount: int, which: int) -> None:
        if self.cards and self.orders:
            code = list(self.cards)[which % len(self.cards)]
            order_id = list(self.orders)[-1 - amount % min(3, len(self.orders))] if which % 4 else self.next_id()
            settle_voucher.use(self.call(), code, order_id, amount % 200 + 1)

    def pay(self, who: int, amount: int, which: int) -> None:
        if self.cards:
            code = list(self.cards)[which % len(self.cards)]
            self.sale(self.people[who], amount, which, (code,))

    def merge(self, who: int, amount: int, which: int) -> None:
        target, source = self.people[who], self.people[(who + 1 + which % 2) % 3]
        merge.merge(self.call(), target, source, self.next_id())

    def wait(self, who: int, amount: int, which: int) -> None:
        self.now += timedelta(days=which % 20, minutes=amount)

    def act(self, what: str, who: int, amount: int, which: int) -> None:
        before = self.total_now()
        with suppress(Refused):
            getattr(self, what)(who, amount, which)
        if what == "merge":
            assert self.total_now() == before, "a merge makes no point and loses none"

    def total_now(self) -> int:
        """What all members have, pending included, once time has done what is due."""
        heads = [advance(self.head(one), self.program, 1, self.now, "time")[0] for one in self.people]
        return sum(points.available(head) + points.pending(head) for head in heads)

    def prove(self) -> None:
        total = entered = 0
        for one in self.people:
            chain = self.memory.chain(self.program_id, one)
            assert differences(self.head(one), chain) == []
            total += points.available(self.head(one))
            entered += sum(entry.points for entry in chain if entry.status == "posted")
        assert total == entered
        self.prove_cards()
        self.prove_referrals()

    def prove_referrals(self) -> None:
        """Nobody is paid twice as anybody's friend, nor for more friends than a year allows."""
        for one in self.people:
            causes = [entry.cause for entry in self.memory.chain(self.program_id, one) if entry.cause[0] == "referral"]
            assert len(set(causes)) == len(causes)
            assert sum(cause[1].endswith("/friend") for cause in causes) <= 1
            assert sum(cause[1].endswith("/advocate") for cause in causes) <= 2 * (self.now.year - START.year + 1)

    def prove_cards(self) -> None:
        """Each card's balance is what it was worth, less what orders took, plus what their refunds gave back."""
        taken: dict[str, int] = {}
        given: dict[str, int] = {}
        ended = set()
        for item in self.memory.items.values():
            row = Row(**item)
            if row.t == "SPEND":
                spent = row.document(Spent)
                taken[spent.sealed] = taken.get(spent.sealed, 0) + (spent.amount or 0)
            elif row.t == "REFUND":
                for sealed, back in row.document(Refund).cards:
                    given[sealed] = given.get(sealed, 0) + back
            elif row.t == "SETTLED" and row.document(Settled).outcome == "cancelled":
                ended.add(row.pk)
        for code, worth in self.cards.items():
            sealed = vouchers.sealed_code(self.program_id, code)
            key = keys.voucher(self.program_id, sealed)
            left = int(next(self.memory.rows([key])).n or 0)
            expected = 0 if key[0] in ended else worth - taken.get(sealed, 0) + given.get(sealed, 0)
            assert left == expected
            assert 0 <= left <= worth
            assert given.get(sealed, 0) <= taken.get(sealed, 0)


@pytest.mark.parametrize("name", RULES)
def test_any_sequence_of_what_people_do_keeps_every_chain_and_every_card(name: str) -> None:
    @settings(
        derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40
    )
    @given(STEPS)
    def lives(steps: list[tuple[str, int, int, int]]) -> None:
        with ExitStack() as stack:
            memory = stack.enter_context(remembered())
            stack.enter_context(patch.object(entries, "bought_as_guest", lambda *_: []))
            town = Town(name, memory)
            stack.enter_context(patch.object(entries, "statement", town.statement))
            for step in steps:
                town.act(*step)
                town.prove()

    lives()
