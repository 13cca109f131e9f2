"""Tries a program on past orders, with the functions that serve live purchases; nothing is written.

What it assumes, and every answer says: each known customer joins at their first order; everybody takes the cheapest
reward that a new member can take, as soon as the points are there; nobody buys more or less because of the program.
Refunds are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.domain import bonus, earning, points, tiers
from chalicelib.domain.advance import advance, begin
from chalicelib.domain.advice import Advice, advise, cost_of_a_point
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.member import Head
from chalicelib.domain.metric_report import Rate, rate
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Sale, costs
from chalicelib.domain.reach import ASSUMED_MARGIN_PERCENT, first_reward

BOOKED_BY = "backtest"
EVERY = 2_000
"""Orders between two words about progress."""
FEW_PERCENT = 2
"""A tier that fewer customers reach is advised against."""


class Past(msgspec.Struct, frozen=True):
    """An order that was: by whom (None: nobody known), which, and what was sold; its time is in the sale."""

    buyer: str | None
    order_id: str
    sale: Sale


Progress = Callable[[int], None]
Watch = Callable[[Past, int], None]
"""Told of each order of a known buyer with the points that it earned."""


class _Customer:
    """One buyer's way through the program."""

    __slots__ = ("cost", "first_day", "head", "reached_after", "reached_days", "sales", "taken", "visits")

    def __init__(self, head: Head, day: int) -> None:
        self.head, self.first_day = head, day
        self.visits = self.sales = self.cost = self.taken = 0
        self.reached_after: int | None = None
        self.reached_days = 0


class Trial:
    """A program on its way through the orders, oldest first."""

    def __init__(self, program: Program, watch: Watch | None = None) -> None:
        self.program = program
        placed = first_reward(program)
        self.reward = None if placed is None else placed[1]
        self.customers: dict[str, _Customer] = {}
        self.watch = watch
        self.orders = self.sales = self.points = self.costed = self.cost = 0
        self.unknown_orders = self.unknown_sales = 0
        self.bonuses = self.expired = self.stamp_vouchers = self.stamp_cost = self.taken = 0
        self.reached: dict[str, set[str]] = {}
        self.last: datetime | None = None

    def add(self, past: Past) -> None:
        """One order; they come in the order of their time."""
        sale = past.sale
        at = sale.occurred_at
        assert at is not None  # a past order says when it was made
        self.last = at
        self.orders += 1
        self.sales += sale.total
        costed, cost = costs(sale.total, sale.delivery, sale.tax, sale.lines)
        self.costed += costed
        self.cost += cost
        if past.buyer is None:
            self.unknown_orders += 1
            self.unknown_sales += sale.total
            return
        program = self.program
        customer = self.customers.get(past.buyer)
        if customer is None:
            customer = self.customers[past.buyer] = self._join(past.buyer, at)
        head = self._advanced(customer.head, at)
        done = earning.earn(head, program, 1, sale, order_id=past.order_id, now=at, booked_by=BOOKED_BY)
        # What time does next is done before the next order: each thing happens as of its own day, however late.
        head = done.head
        granted = done.purchase.points
        self.points += granted
        customer.visits += 1
        customer.sales += sale.total
        for voucher in done.vouchers:
            self.stamp_vouchers += 1
            self.stamp_cost += voucher.cost
            customer.cost += voucher.cost
            self._reaches(customer, at)
        if done.purchase.tier_change is not None:
            self.reached.setdefault(done.purchase.tier_change[1], set()).add(past.buyer)
        customer.head = self._taken(customer, head, at)
        if self.watch is not None:
            self.watch(past, granted)

    def _join(self, buyer: str, at: datetime) -> _Customer:
        program = self.program
        day = local_day(at, program.time_zone)
        head = Head(member_id=buyer, enrolled_ms=milliseconds(at), tier=bonus.ground_tier(program, day))
        head = begin(head, program, None, day)
        head, welcome = bonus.give(
            head,
            program,
            1,
            program.enrolment.welcome_points,
            cause=("welcome", buyer),
            reason="Welcome",
            now=at,
            booked_by=BOOKED_BY,
        )
        self.bonuses += welcome.points
        if head.tier is not None:
            self.reached.setdefault(head.tier.id, set()).add(buyer)
        return _Customer(head, day)

    def _advanced(self, head: Head, at: datetime) -> Head:
        head, made = advance(head, self.program, 1, at, BOOKED_BY)
        for entry in made:
            kind = getattr(entry, "kind", None)
            if kind == "expire":
                self.expired -= entry.points
            elif kind == "bonus":
                self.bonuses += entry.points
        return head

    def _reaches(self, customer: _Customer, at: datetime) -> None:
        if customer.reached_after is None:
            customer.reached_after = customer.visits
            customer.reached_days = local_day(at, self.program.time_zone) - customer.first_day

    def _taken(self, customer: _Customer, head: Head, at: datetime) -> Head:
        reward = self.reward
        if reward is None:
            return head
        has = points.available(head)
        while has >= reward.points and (reward.per_member is None or customer.taken < reward.per_member):
            if reward.stock is not None and self.taken >= reward.stock:
                break
            day = local_day(at, self.program.time_zone)
            head = points.touch(points.spend(head, reward.points), self.program.expiry, day)
            has -= reward.points
            customer.taken += 1
            self.taken += 1
            customer.cost += reward.cost
            self._reaches(customer, at)
        return head

    def outcome(self) -> Outcome:
        """What the program would have done, as of the last order."""
        program = self.program
        if self.last is not None:
            for customer in self.customers.values():
                customer.head = self._advanced(customer.head, self.last)
        customers = list(self.customers.values())
        outstanding = sum(points.available(customer.head) + points.pending(customer.head) for customer in customers)
        taken = self.taken
        reward_cost = taken * (self.reward.cost if self.reward else 0)
        each = cost_of_a_point(program)
        left = max(0, outstanding) * each
        left_cost = -(-left.numerator // left.denominator)
        cost = reward_cost + self.stamp_cost + left_cost
        margin = (
            rate(self.costed - self.cost, self.costed)
            if self.costed
            else Rate(ASSUMED_MARGIN_PERCENT / 100, ASSUMED_MARGIN_PERCENT, 100)
        )
        reached = [customer for customer in customers if customer.reached_after is not None]
        visits = [customer.reached_after or 0 for customer in reached]
        return Outcome(
            orders=self.orders,
            sales=self.sales,
            customers=len(customers),
            unknown_orders=self.unknown_orders,
            unknown_sales=self.unknown_sales,
            points=self.points,
            bonus_points=self.bonuses,
            expired_points=self.expired,
            outstanding_points=outstanding,
            reward=None if self.reward is None else {"reward_id": self.reward.id, "name": self.reward.name},
            rewards_taken=taken,
            stamp_rewards=self.stamp_vouchers,
            reached_first_reward=rate(len(reached), len(customers)),
            visits_to_first_reward=_spread(visits),
            days_to_first_reward=_spread([customer.reached_days for customer in reached]),
            tiers=self._tiers(),
            cost_of_rewards=reward_cost + self.stamp_cost,
            cost_of_points_left=left_cost,
            cost=cost,
            cost_of_sales=rate(cost, self.sales),
            margin=margin,
            break_even_lift=_lift(cost, margin, self.sales),
            gains=_gains(customers),
            best=[
                {"customer": name, "sales": customer.sales, "cost": customer.cost, "points_left": _left(customer.head)}
                for name, customer in sorted(self.customers.items(), key=lambda one: (-one[1].cost, one[0]))[:10]
            ],
            advice=self._advice(margin),
        )

    def _tiers(self) -> list[dict[str, Any]]:
        levels = [] if self.program.tiers is None else self.program.tiers.levels
        held = [customer.head.tier.id for customer in self.customers.values() if customer.head.tier is not None]
        return [
            {
                "tier": level.id,
                "name": level.name,
                "customers": rate(held.count(level.id), len(self.customers)),
                "ever_reached": rate(len(self._at_least(level.id)), len(self.customers)),
            }
            for level in levels
        ]

    def _at_least(self, level_id: str) -> set[str]:
        assert self.program.tiers is not None
        floor = tiers.rank(self.program.tiers, level_id)
        return {
            buyer
            for level, buyers in self.reached.items()
            if tiers.rank(self.program.tiers, level) >= floor
            for buyer in buyers
        }

    def _advice(self, margin: Rate) -> list[Advice]:
        known = sum(customer.visits for customer in self.customers.values())
        months = self._months()
        found = advise(
            self.program,
            self.sales // self.orders if self.orders else None,
            purchases_per_month=max(1, round(known / months)) if months else None,
            margin_percent=int((margin.value or 0) * 100) if self.costed else None,
        )
        for place, row in enumerate(self._tiers()):
            many = row["ever_reached"]
            if many.denominator >= 50 and many.numerator * 100 < FEW_PERCENT * many.denominator:
                found.append(
                    Advice(
                        "tier_out_of_reach",
                        f"/tiers/levels/{place}/threshold",
                        f"{row['name']} would have been reached by {many.numerator} of {many.denominator} customers: "
                        "lower its threshold, or leave it out.",
                    )
                )
        return found

    def _months(self) -> int:
        """Months of all customers between joining and the last order, at least one each."""
        if self.last is None:
            return 0
        end = local_day(self.last, self.program.time_zone)
        return sum(max(1, round((end - one.first_day) / 30)) for one in self.customers.values())


class Outcome(msgspec.Struct, kw_only=True):
    """What a program would have given and cost. Money in minor units; rates beside what they were divided from."""

    orders: int
    sales: int
    customers: int
    unknown_orders: int
    unknown_sales: int
    points: int
    bonus_points: int
    expired_points: int
    outstanding_points: int
    reward: dict[str, str] | None
    rewards_taken: int
    stamp_rewards: int
    reached_first_reward: Rate
    visits_to_first_reward: dict[str, float] | None
    days_to_first_reward: dict[str, float] | None
    tiers: list[dict[str, Any]]
    cost_of_rewards: int
    cost_of_points_left: int
    cost: int
    cost_of_sales: Rate
    margin: Rate
    break_even_lift: float | None
    """By which share sales must rise for the margin to pay for the rewards; None where none could."""
    gains: list[dict[str, Any]]
    """Tenths of the customers by sales, the best first: what each gets."""
    best: list[dict[str, Any]]
    advice: list[Advice]


def _left(head: Head) -> int:
    return points.available(head) + points.pending(head)


def _spread(numbers: list[int]) -> dict[str, float] | None:
    if not numbers:
        return None
    return {"mean": sum(numbers) / len(numbers), "median": float(median(numbers)), "most": float(max(numbers))}


def _lift(cost: int, margin: Rate, sales: int) -> float | None:
    """x of margin × x × sales = cost × (1 + x): what is bought more earns more rewards, too."""
    room = (margin.value or 0.0) * sales - cost
    return cost / room if room > 0 else None


def _gains(customers: list[_Customer]) -> list[dict[str, Any]]:
    ordered = sorted(customers, key=lambda one: (-one.sales, one.head.member_id))
    total = sum(one.cost for one in ordered)
    rows = []
    for tenth in range(10):
        part = ordered[tenth * len(ordered) // 10 : (tenth + 1) * len(ordered) // 10]
        sales, cost = sum(one.sales for one in part), sum(one.cost for one in part)
        rows.append(
            {
                "decile": tenth + 1,
                "customers": len(part),
                "sales": sales,
                "cost": cost,
                "share_of_cost": rate(cost, total),
                "cost_of_sales": rate(cost, sales),
            }
        )
    return rows


def run(
    program: Program, orders: Iterable[Past], *, progress: Progress | None = None, watch: Watch | None = None
) -> Outcome:
    """Tries a program on orders, oldest first. An order in another currency is refused as a live one would be."""
    # A pilot's end, and a program's close, lie in the future of the document; past orders are tried without them.
    trial = Trial(replace(program, close=None), watch)
    for number, past in enumerate(orders, 1):
        trial.add(past)
        if progress is not None and number % EVERY == 0:
            progress(number)
    return trial.outcome()
