"""What the model keeps beside points: orders, vouchers, members, and the program's rules as the document says them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.proof.model_points import Points, end_of_month

Entry = dict[str, Any]


@dataclass
class Outcome:
    """``code`` is a refusal's; ``facts`` what the answer must say; ``effect`` what happens if it is to happen."""

    status: int
    code: str | None = None
    facts: dict[str, Any] | None = None
    effect: Callable[[], dict[str, Any]] | None = None


def refused(status: int, code: str, **facts: Any) -> Outcome:
    return Outcome(status, code, facts)


class Rules:
    """A program's document, read."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.earning, self.referral = document["earning"], document["referral"]
        self.rewards = {reward["id"]: reward for reward in document["rewards"]}
        self.cards = document["stamp_cards"]
        self._zone = ZoneInfo(document["time_zone"])

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def last_day(self, earned: date) -> date:
        return end_of_month(earned, self.document["expiry"]["months"])

    def percent(self, category: str | None, day: date) -> int:
        if category in self.earning["excluded_categories"]:
            return 0
        fitting = [
            one["percent"]
            for one in self.earning["multipliers"]
            if not one["categories"] or category in one["categories"]
        ]
        return max(fitting, default=100)


@dataclass
class Voucher:
    """``end`` is used, cancelled or expired once it is settled; ``balance`` is a gift card's."""

    program: str
    reward: dict[str, Any] | None
    kind: str
    value: int
    points: int = 0
    member: str | None = None
    last_day: date | None = None
    code: str | None = None
    end: str | None = None
    order: str | None = None
    balance: int | None = None
    by_card: bool = False
    ended_with: int = 0
    """What a gift card still held when it ended."""

    @property
    def limited(self) -> bool:
        return not self.by_card and self.reward is not None and self.reward.get("per_member") is not None

    @property
    def stocked(self) -> bool:
        return not self.by_card and self.reward is not None and self.reward.get("stock") is not None

    def seen(self, today: date, balance: int | None = None, order: str | None = None) -> dict[str, Any]:
        """As the API shows it on a day; right after a card was spent, with what that left and for which order."""
        status = self.end or ("expired" if self.last_day is not None and self.last_day < today else "issued")
        left = self.balance if balance is None else balance
        if self.kind == "gift_card" and left == 0 and status == "issued":
            status = "used"
        return {
            "kind": self.kind,
            "value": self.value,
            "balance": left,
            "status": status,
            "points": self.points,
            "expires_on": _iso(self.last_day),
            "used_by_order": order if self.kind == "gift_card" else self.order if self.end == "used" else None,
        }

    def new(self) -> dict[str, Any]:
        """As the API answered when it was issued."""
        return {
            "reward_id": None if self.reward is None else self.reward["id"],
            "kind": self.kind,
            "value": self.value,
            "balance": self.value if self.kind == "gift_card" else None,
            "status": "issued",
            "points": self.points,
            "expires_on": _iso(self.last_day),
        }


def unusable(voucher: Voucher, today: date, total: int | None) -> Outcome | None:
    """Why a voucher cannot be used today on an order of that total."""
    if voucher.end is not None:
        return refused(409, "voucher_settled")
    if voucher.last_day is not None and voucher.last_day < today:
        return refused(422, "voucher_expired")
    least = 0 if voucher.reward is None else voucher.reward.get("minimum_purchase", 0)
    if total is not None and least and total + (voucher.value if voucher.kind == "amount_off" else 0) < least:
        return refused(422, "minimum_purchase_not_reached", required=least)
    return None


@dataclass
class Spend:
    """Money that a gift card paid for an order, when so much of the order had gone back already."""

    card: Voucher
    paid: int
    in_total: bool
    back_before: int
    left: int


@dataclass
class Order:
    """A sale under its id. ``booked`` tells whether a payment or the shop told it; else something waits for it."""

    program: str
    order_id: str
    booked: bool = False
    content: Any = None
    total: int = 0
    delivery: int = 0
    tax: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)
    occurred: date = date.min
    happened: float = 0.0
    """When it happened, in seconds since the epoch."""
    member: str | None = None
    email: str | None = None
    refunded: int = 0
    refunds: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    granted: int = 0
    last_day: date = date.min
    until: date | None = None
    held_first: bool = False
    stamps: dict[str, int] = field(default_factory=dict)
    filled: dict[str, list[Voucher]] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    claim: dict[str, Any] | None = None
    spends: list[Spend] = field(default_factory=list)
    provider: bool = False
    told: bool = False
    returns: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, tuple[int, str]] = field(default_factory=dict)
    held: int = 0

    @property
    def share(self) -> Fraction:
        """What of the lines' amounts was really paid for goods: never more than all of it."""
        goods, listed = max(0, self.total - self.delivery - self.tax), sum(item["amount"] for item in self.items)
        return Fraction(min(goods, listed), listed) if listed else Fraction(0)

    def lines(self) -> list[dict[str, Any]]:
        goods = max(0, self.total - self.delivery - self.tax)
        return self.items or [{"category": None, "amount": goods, "quantity": 1}]

    def rule(self, rules: Rules, refunded: int) -> int:
        """floor(Σ line × percent ÷ 100 × points ÷ per_amount), for what is left of it."""
        if not self.total:
            return 0
        share = self.share if self.items else Fraction(1)
        weighted = sum(line["amount"] * rules.percent(line["category"], self.occurred) for line in self.lines())
        left = Fraction(self.total - refunded, self.total)
        points = Fraction(rules.earning["points"], rules.earning["per_amount"])
        return int(weighted * share * points * left / 100)

    def deserved(self, rules: Rules, refunded: int) -> int:
        return min(self.granted, self.rule(rules, refunded)) if self.granted else 0

    def worth(self, rules: Rules, refunded: int) -> int:
        """Goods that earn, net of refunds, in minor units: what makes a referral qualify."""
        excluded = rules.earning["excluded_categories"]
        earning = sum(line["amount"] for line in self.lines() if line["category"] not in excluded)
        share = self.share if self.items else Fraction(1)
        return int(earning * share * Fraction(self.total - refunded, self.total)) if self.total else 0

    def back_on_cards(self, refunded: int) -> list[int]:
        """What of each card's money is back on it once so much went back: bought cards' money first, one card after
        the other; money that points paid stood beside the total and goes back in proportion."""
        backs, reached = [], 0
        for spend in self.spends:
            if spend.in_total:
                first = max(spend.back_before, reached)
                reached = first + spend.paid
                backs.append(min(spend.paid, max(0, refunded - first)))
            else:
                left = self.total - spend.back_before
                backs.append(max(0, refunded - spend.back_before) * spend.paid // left if left else 0)
        return backs

    def stamps_left(self, card: str, refunded: int) -> int:
        return self.stamps[card] * (self.total - refunded) // self.total if self.total else self.stamps[card]

    def stamps_on(self, card: dict[str, Any]) -> int:
        if not self.items:
            return 0 if card["categories"] else 1
        fitting = [item for item in self.items if not card["categories"] or item["category"] in card["categories"]]
        return sum(item["quantity"] for item in fitting) if card["per"] == "item" else min(1, len(fitting))


@dataclass
class Member:
    """``chain`` are the entries, oldest first, as the ledger should show them."""

    program: str
    member_id: str
    joined: date
    since: float = 0.0
    """When they joined, in seconds since the epoch."""
    merged_into: str | None = None
    merged_from: list[str] = field(default_factory=list)
    points: Points = field(default_factory=Points)
    chain: list[Entry] = field(default_factory=list)
    stamps: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    visits: dict[date, int] = field(default_factory=dict)
    capped: dict[date, int] = field(default_factory=dict)
    vouchers: list[Voucher] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    advocate: str | None = None
    referral: str | None = None
    why: str | None = None
    qualified_by: Order | None = None
    settles: date | None = None
    paid_for: dict[int, int] = field(default_factory=dict)

    def post(self, kind: str, cause: str, points: int = 0, **more: Any) -> Entry:
        """Appends an entry; the balance after it is what it is now."""
        entry = {
            "kind": kind,
            "cause": cause,
            "points": points,
            "status": "posted",
            "available_on": None,
            "expires_on": None,
            "order_id": None,
            "amount": None,
            **more,
            "balance_after": self.points.available,
            "sequence": len(self.chain) + 1,
        }
        self.chain.append(entry)
        return entry

    def advance(self, today: date) -> None:
        for happened, balance in self.points.advance(today):
            made = self.post(happened.kind, "expiry" if happened.kind == "expire" else "release", happened.points)
            made["balance_after"] = balance

    def seen(self, rules: Rules, today: date) -> dict[str, Any]:
        points = self.points.on(today)
        return {
            "member_id": self.member_id,
            "status": "active" if self.merged_into is None else "merged",
            "points": {"available": points.available, "pending": points.pending, "lifetime": points.lifetime},
            "expiring": [{"points": left, "expires_on": last.isoformat()} for left, last in points.expiring()],
            "stamps": [
                {
                    "card_id": card["id"],
                    "name": card["name"],
                    "stamps": self.stamps.get(card["id"], 0),
                    "required": card["required"],
                }
                for card in rules.cards
            ],
        }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def days_after(day: date, days: int) -> date:
    return day + timedelta(days=days)
