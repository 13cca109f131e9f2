"""What must hold after any sequence of movements, over time too; and that splitting an order never earns more.

The actions run whole, on a table in memory; a few sequences run over HTTP on moto as well. Examples are the same in
every run, so a failure is a failure of the change that brought it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.actions import earn, enrol, govern, grant, redeem, refund, settle_voucher
from chalicelib.actions.admission import Call, Credential
from chalicelib.domain import points
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import Contact, Head
from chalicelib.domain.program import Program
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Line, Sale, basis_of
from chalicelib.domain.reconciliation import differences
from chalicelib.store import keys, members
from tests.memory import Memory, remembered
from tests.shop import opened, program

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
steady = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80
)

NEVER: dict[str, Any] = {"policy": "none"}
RULES: dict[str, dict[str, Any]] = {
    "plain": {"expiry": NEVER},
    "pending": {"expiry": NEVER, "earning": {"points": 3, "per_amount": 200, "pending_days": 10}},
    "capped": {"expiry": NEVER, "earning": {"points": 1, "per_amount": 10, "daily_cap": 40}},
    "rolling": {"expiry": {"policy": "rolling", "months": 1}},
    "rolling and pending": {
        "expiry": {"policy": "rolling", "months": 1},
        "earning": {"points": 1, "per_amount": 10, "pending_days": 25},
    },
    "calendar": {"expiry": {"policy": "calendar", "month": 2, "day": 28, "after_years": 0}},
    "inactivity": {"expiry": {"policy": "inactivity", "months": 1}},
    "tiers": {
        "expiry": NEVER,
        "tiers": {
            "basis": "spend",
            "levels": [
                {"id": "a", "name": "A", "threshold": 0},
                {"id": "b", "name": "B", "threshold": 700, "percent": 170},
            ],
        },
    },
}
REWARDS = [
    {"id": "small", "name": "Small", "kind": "free_product", "points": 7},
    {"id": "large", "name": "Large", "kind": "amount_off", "value": 100, "points": 60, "per_member": 2, "stock": 3},
]
CARD = {"id": "card", "name": "Card", "per": "item", "required": 3, "reward_id": "small"}


def document(name: str) -> Program:
    base = program(
        enrolment={"welcome_points": 50},
        earning={"points": 1, "per_amount": 10},
        stamp_cards=[CARD],
        rewards=REWARDS,
        referral=None,
    )
    return check({**base, **RULES[name]})


class Till:
    """One member's life, lived through the actions, with an account of its own of what the points must be."""

    def __init__(self, name: str, memory: Memory) -> None:
        self.program, self.memory, self.now = document(name), memory, START
        self.program_id = self.program.program_id
        govern.create_program(self.program, key_id="k", key_secret="s", call=self.call())
        joining = enrol.Joining(contact=Contact(email="ann@example.com"))
        self.member_id = enrol.enrol(self.call(), joining, "m1").head.member_id
        self.orders: dict[str, list[int]] = {}
        """By order: the total, what was refunded, the points granted, and points per minor unit × 10⁹."""
        self.rates: dict[str, Fraction] = {}
        self.codes: list[str] = []
        self.other = self.available()
        """What welcome, adjustments, redemptions and cancellations moved."""
        self.count = 0

    def call(self) -> Call:
        credential = Credential(program_id=self.program_id, agent="operator", roles=frozenset({"owner"}))
        return Call(credential=credential, now=self.now)

    def head(self) -> Head:
        key = keys.head(self.program_id, self.member_id)
        return members.head_of(next(self.memory.rows([key])))

    def available(self) -> int:
        return points.available(self.head())

    def next_id(self) -> str:
        self.count += 1
        return f"id{self.count}"

    def act(self, what: str, amount: int, which: int) -> None:
        getattr(self, what)(amount, which)

    def wait(self, amount: int, which: int) -> None:
        self.now += timedelta(days=which, minutes=amount)

    def buy(self, amount: int, which: int) -> None:
        order_id = self.next_id()
        lines = (Line("a", "food", which % 5 + 1, amount),) if which % 2 else ()
        late = self.now - timedelta(days=which % 9)
        sale = Sale(total=amount, currency="EUR", lines=lines, occurred_at=late if which % 3 == 0 else None)
        order = earn.Order(order_id=order_id, sale=sale, fingerprint=order_id, member_id=self.member_id)
        made = earn.earn(self.call(), order).purchase
        tier = Fraction(170 if made.tier == "b" else 100, 100)
        rule = Fraction(amount * self.program.earning.points, self.program.earning.per_amount) * tier
        if self.program.earning.daily_cap is None:
            assert made.points == int(rule)
        else:
            assert made.points <= int(rule)
        self.orders[order_id] = [amount, 0, made.points]
        self.rates[order_id] = rule
        self.codes += [self._code(voucher) for voucher in earn.earn(self.call(), order).issued]

    def _code(self, voucher: Any) -> str:
        from chalicelib.store.vouchers import code_of

        return code_of(self.program_id, voucher)

    def back(self, amount: int, which: int) -> None:
        if not self.orders:
            return
        order_id = sorted(self.orders)[which % len(self.orders)]
        total, refunded, _ = self.orders[order_id]
        part = amount if which % 4 else total - refunded
        if part < 1:
            return
        refund_id = self.next_id()
        asked = refund.Return(order_id=order_id, refund_id=refund_id, amount=part, fingerprint=refund_id)
        if part > total - refunded:
            with pytest.raises(Refused, match="left to refund"):
                refund.refund(self.call(), asked)
            return
        first = refund.refund(self.call(), asked).refund
        assert refund.refund(self.call(), asked).refund == first
        self.orders[order_id][1] += part

    def take(self, amount: int, which: int) -> None:
        reward_id, cost = ("small", 7) if which % 2 else ("large", 60)
        try:
            made = redeem.redeem(self.call(), self.member_id, reward_id, self.next_id())
        except Refused as refusal:
            assert refusal.code in {"insufficient_points", "limit_reached", "out_of_stock"}
            return
        assert made.voucher.balance_after >= 0, "a redemption never overdraws"
        self.other -= cost
        self.codes.append(self._code(made.voucher))

    def use(self, amount: int, which: int) -> None:
        if self.codes:
            code = self.codes[which % len(self.codes)]
            try:
                settle_voucher.use(self.call(), code, self.next_id(), None)
            except Refused as refusal:
                assert refusal.code == "voucher_settled"

    def cancel(self, amount: int, which: int) -> None:
        if not self.codes:
            return
        code = self.codes[which % len(self.codes)]
        before = settle_voucher.look_up(self.call(), code)
        try:
            settle_voucher.cancel(self.call(), code)
            settle_voucher.cancel(self.call(), code)
        except Refused as refusal:
            assert refusal.code == "voucher_settled"
            return
        if before.settled is None:
            self.other -= before.voucher.points

    def adjust(self, amount: int, which: int) -> None:
        by = amount if which % 2 else -amount
        try:
            grant.adjust(self.call(), self.member_id, by, "test", self.next_id())
        except Refused as refusal:
            assert refusal.code == "insufficient_points"
            return
        self.other += by

    def deserved(self) -> int:
        """The refund rule for every order: min(granted, what the rule gives for what is left)."""
        return sum(
            min(granted, int(self.rates[order_id] * (total - refunded) / total)) if total else 0
            for order_id, (total, refunded, granted) in self.orders.items()
        )

    def prove(self) -> None:
        head, chain = self.head(), self.memory.chain(self.program_id, self.member_id)
        assert [entry.sequence for entry in chain] == list(range(1, head.sequence + 1))
        assert sum(entry.points for entry in chain if entry.status == "posted") == points.available(head)
        assert differences(head, chain) == []
        assert points.pending(head) >= 0
        assert all(count >= 0 for count in head.lots.values())
        lapsed = sum(-entry.points for entry in chain if entry.kind == "expire")
        if self.program.expiry.policy == "none":
            assert lapsed == 0
            assert points.available(head) + points.pending(head) == self.other + self.deserved()
        if all(total == refunded for total, refunded, _ in self.orders.values()):
            assert points.pending(head) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "buy", "back", "back", "take", "use", "cancel", "adjust", "wait"]),
        st.integers(1, 999),
        st.integers(0, 40),
    ),
    max_size=20,
)


@pytest.mark.parametrize("name", RULES)
def test_any_sequence_of_movements_keeps_the_ledger_the_balance_and_the_refund_rule(name: str) -> None:
    @steady
    @given(STEPS)
    def lives(steps: list[tuple[str, int, int]]) -> None:
        with remembered() as memory:
            till = Till(name, memory)
            for step in steps:
                till.act(*step)
                till.prove()

    lives()


@pytest.mark.parametrize("name", ["plain", "pending", "capped", "tiers"])
def test_refunds_in_any_split_and_order_end_at_the_same_balance(name: str) -> None:
    @steady
    @given(
        total=st.integers(1, 2000),
        cuts=st.lists(st.integers(1, 2000), max_size=6),
        order=st.randoms(use_true_random=False),
        spend=st.booleans(),
    )
    def ends(total: int, cuts: list[int], order: Any, spend: bool) -> None:
        edges = sorted({0, total, *(cut for cut in cuts if cut < total)})
        parts = [later - earlier for earlier, later in pairwise(edges)]
        order.shuffle(parts)
        with remembered() as memory:
            till = Till(name, memory)
            till.buy(total, 2)
            if spend:
                till.take(0, 1)
            for number, part in enumerate(parts):
                asked = refund.Return(order_id="id1", refund_id=str(number), amount=part, fingerprint="")
                refund.refund(till.call(), asked)
                till.orders["id1"][1] += part
                till.prove()
            assert till.available() == till.other
            assert points.pending(till.head()) == 0

    ends()


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=8),
    st.sampled_from([1, 3, 7]),
    st.sampled_from([1, 9, 100, 250]),
    st.sampled_from([100, 125, 170]),
)
@steady
def test_splitting_an_order_never_earns_more(parts: list[int], rate: int, per_amount: int, percent: int) -> None:
    levels = [{"id": "a", "name": "A", "threshold": 0, "percent": percent}]
    rules = check(
        program(earning={"points": rate, "per_amount": per_amount}, tiers={"basis": "spend", "levels": levels})
    )

    def points_of(total: int) -> int:
        sale = Sale(total=total, currency="EUR")
        return basis_of(rules, sale, START, "a", None).deserved(total, 0)

    assert sum(map(points_of, parts)) <= points_of(sum(parts))


@given(
    st.lists(
        st.tuples(st.sampled_from(["food", "pastry", "gift-card", None]), st.integers(0, 40)), min_size=1, max_size=6
    ),
    st.integers(1, 6),
    st.integers(0, 10),
)
@steady
def test_splitting_an_order_by_lines_under_the_same_discount_never_earns_more(
    lines: list[tuple[str | None, int]], cut: int, tenths: int
) -> None:
    """Each line of the halves is discounted alike, as the rule spreads the discount of the whole."""
    rules = check(program())

    def points_of(some: list[tuple[str | None, int]]) -> int:
        items = tuple(Line("x", category, 1, amount * 10) for category, amount in some)
        goods = sum(amount for _, amount in some) * tenths
        sale = Sale(total=goods, currency="EUR", lines=items)
        moment = datetime(2026, 11, 25, tzinfo=UTC)
        return basis_of(rules, sale, moment, None, None).deserved(goods, 0) if items and goods else 0

    assert points_of(lines[:cut]) + points_of(lines[cut:]) <= points_of(lines)


def test_a_sequence_over_http_on_moto_is_proved_by_reconciling() -> None:
    @settings(derandomize=True, deadline=None, database=None, max_examples=3)
    @given(STEPS.filter(lambda steps: len(steps) > 8))
    def lives(steps: list[tuple[str, int, int]]) -> None:
        member_id = shop.enrol(external_id=f"life-{next(life)}")
        orders: list[str] = []
        codes: list[str] = []
        for number, (what, amount, which) in enumerate(steps):
            name = f"{member_id}-{number}"
            if what == "buy":
                orders.append(name)
                items = [{"sku": "c", "category": "coffee", "quantity": which + 1, "amount": amount}]
                codes += [row["code"] for row in shop.buy(name, amount, member_id, items=items)["vouchers_issued"]]
            elif what == "back" and orders:
                shop.refund(orders[which % len(orders)], name, amount)
            elif what == "take":
                reply = shop.redeem(member_id, "free-coffee", name)
                codes += [reply["code"]] if reply.status == 201 else []
            elif what == "use" and codes:
                shop.call("POST", f"/vouchers/{codes[which % len(codes)]}/use", {"order_id": name})
            elif what == "cancel" and codes:
                shop.call("POST", f"/vouchers/{codes[which % len(codes)]}/cancel")
            elif what == "adjust":
                shop.adjust(member_id, amount if which % 2 else -amount, name)
        posted = sum(row["points"] for row in shop.ledger(member_id) if row["status"] == "posted")
        assert posted == shop.available(member_id)
        assert shop.differences() == []

    life = count(1)
    with opened() as shop:
        lives()
