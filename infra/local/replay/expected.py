"""What a household must have, worked out a second time: plain Python from receipts and the contract's rules alone.

Nothing of the app is imported here, and nothing is done its way. The app moves a head forward and back; this keeps
every purchase with what is left of it and adds everything up anew whenever it is asked. So points that lapsed are
what would have lapsed had a refunded purchase never been made, which is what the contract promises.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import Any

from infra.local.replay.receipts import Receipt

Document = dict[str, Any]


@dataclass
class Voucher:
    """``until`` is the last day on which it can be used; None for no end."""

    reward: str
    until: date | None
    cost: int = 0
    status: str = "issued"

    def status_on(self, day: date) -> str:
        late = self.status == "issued" and self.until is not None and self.until < day
        return "expired" if late else self.status


@dataclass
class Bought:
    """A purchase: ``rate`` is the points of its whole goods, not yet rounded; ``worth`` the goods that earn."""

    day: date
    total: int
    rate: Fraction
    worth: Fraction
    granted: int
    available: date
    lapses: date
    stamps: dict[str, int]
    vouchers: dict[str, list[Voucher]]
    refunded: int = 0

    @property
    def left(self) -> Fraction:
        return Fraction(self.total - self.refunded, self.total) if self.total else Fraction(1)

    @property
    def points(self) -> int:
        return min(self.granted, floor(self.rate * self.left))

    @property
    def spent(self) -> int:
        return floor(self.worth * self.left)

    def stamps_left(self, card: str) -> int:
        return floor(self.stamps[card] * self.left)


@dataclass
class Account:
    """One household under one program document. Days are the shop's own."""

    program: Document
    joined: date
    bought: dict[str, Bought] = field(default_factory=dict)
    spendings: list[tuple[date, int]] = field(default_factory=list)
    vouchers: list[Voucher] = field(default_factory=list)
    stamps: Counter[str] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    tier: int = 0
    tier_before: int | None = None
    tier_since: date = date.min

    # What the household has

    def available(self, day: date) -> int:
        welcome: int = self.program["enrolment"]["welcome_points"]
        earned = [(_lapses(self.program, self.joined), welcome)]
        earned += [(one.lapses, one.points) for one in self.bought.values() if one.available <= day]
        lapsed = 0
        for end in sorted({end for end, _ in earned if end < day}):
            until_then = sum(points for last, points in earned if last <= end)
            spent_then = sum(points for when, points in self.spendings if when <= end)
            lapsed = max(lapsed, until_then - spent_then)
        return sum(points for _, points in earned) - sum(points for _, points in self.spendings) - lapsed

    def pending(self, day: date) -> int:
        return sum(one.points for one in self.bought.values() if one.available > day)

    def takeable(self, day: date) -> set[str]:
        """The rewards that the household can take."""
        available = self.available(day)
        return {
            reward["id"]
            for reward in self.program["rewards"]
            if available >= reward["points"] and self._allowed(reward)
        }

    def _allowed(self, reward: Document) -> bool:
        if "minimum_tier" in reward and self.tier < self._rank(reward["minimum_tier"]):
            return False
        taken = sum(1 for one in self.vouchers if one.reward == reward["id"] and one.cost and one.status != "cancelled")
        return "per_member" not in reward or taken < reward["per_member"]

    def _rank(self, level: str) -> int:
        return [each["id"] for each in self._levels].index(level)

    @property
    def _levels(self) -> list[Document]:
        levels: list[Document] = self.program["tiers"]["levels"]
        return levels

    @property
    def tier_id(self) -> str:
        return str(self._levels[self.tier]["id"])

    # What happens to it

    def buy(self, order: str, receipt: Receipt, day: date) -> Bought:
        """Books a purchase of that day and answers it, with the vouchers that it completed."""
        rate, worth = self._rule(receipt, day)
        cap = self.program["earning"]["daily_cap"]
        granted = min(floor(rate), cap - self.by_day[day])
        self.by_day[day] += granted
        one = Bought(
            day=day,
            total=receipt.total,
            rate=rate,
            worth=worth,
            granted=granted,
            available=day + timedelta(days=self.program["earning"]["pending_days"]),
            lapses=_lapses(self.program, day),
            stamps={},
            vouchers={},
        )
        self.bought[order] = one
        self._climb(day)
        for card in self.program["stamp_cards"]:
            given = _stamps(card, receipt)
            if given:
                self._stamp(one, card, given, day)
        return one

    def _rule(self, receipt: Receipt, day: date) -> tuple[Fraction, Fraction]:
        """The points of a receipt's goods before the one rounding, and the cents of them that earn."""
        earning = self.program["earning"]
        lines = [(line.department, line.cents) for line in receipt.basket.lines] if receipt.itemised else []
        lines = lines or [(None, receipt.goods)]
        listed = sum(cents for _, cents in lines)
        paid = min(Fraction(1), Fraction(receipt.goods, listed)) if listed else Fraction(0)
        counted = [(category, cents * paid) for category, cents in lines]
        weighted = sum((cents * _percent(earning, category, day) / 100 for category, cents in counted), Fraction(0))
        worth = sum(
            (cents for category, cents in counted if category not in earning["excluded_categories"]), Fraction()
        )
        percent = self._levels[self.tier].get("percent", 100)
        return weighted * percent / 100 * earning["points"] / earning["per_amount"], worth

    def _stamp(self, one: Bought, card: Document, given: int, day: date) -> None:
        one.stamps[card["id"]] = given
        one.vouchers[card["id"]] = []
        self.stamps[card["id"]] += given
        while self.stamps[card["id"]] >= card["required"]:
            self.stamps[card["id"]] -= card["required"]
            voucher = self._voucher(card["reward_id"], day, 0)
            one.vouchers[card["id"]].append(voucher)

    def _voucher(self, reward_id: str, day: date, cost: int) -> Voucher:
        reward = next(each for each in self.program["rewards"] if each["id"] == reward_id)
        valid = reward.get("valid_days")
        voucher = Voucher(reward_id, None if valid is None else day + timedelta(days=valid), cost)
        self.vouchers.append(voucher)
        return voucher

    def refund(self, order: str, cents: int) -> None:
        """Takes back what a refund makes undeserved; points and spend follow from what is left."""
        one = self.bought[order]
        before = {card: one.stamps_left(card) for card in one.stamps}
        one.refunded += cents
        for card in self.program["stamp_cards"]:
            if card["id"] not in before:
                continue
            taken = before[card["id"]] - one.stamps_left(card["id"])
            self.stamps[card["id"]] -= taken
            for voucher in reversed(one.vouchers[card["id"]]):
                if taken and self.stamps[card["id"]] < 0 and voucher.status == "issued":
                    voucher.status = "cancelled"
                    self.stamps[card["id"]] += card["required"]
        self._fall(one)

    def redeem(self, reward_id: str, day: date) -> Voucher:
        reward = next(each for each in self.program["rewards"] if each["id"] == reward_id)
        self.spendings.append((day, reward["points"]))
        return self._voucher(reward_id, day, reward["points"])

    def cancel(self, voucher: Voucher, day: date) -> None:
        """Undoes a redemption of the same day."""
        voucher.status = "cancelled"
        self.spendings.remove((day, voucher.cost))

    # Tiers, within one year: all that was bought counts, and no window ends

    def _reached(self) -> int:
        total = sum(one.spent for one in self.bought.values())
        return max(place for place, level in enumerate(self._levels) if level["threshold"] <= total)

    def _climb(self, day: date) -> None:
        if self._reached() > self.tier:
            self.tier_before, self.tier, self.tier_since = self.tier, self._reached(), day

    def _fall(self, refunded: Bought) -> None:
        """A refund of what helped to reach the tier is assessed at once; of anything later, at the window's end."""
        reached = self._reached()
        if refunded.day > self.tier_since or reached >= self.tier:
            return
        self.tier = reached if self.tier_before is None else max(reached, self.tier_before)
        self.tier_before = None


def _percent(earning: Document, category: str | None, day: date) -> int:
    if category in earning["excluded_categories"]:
        return 0
    fitting = [
        int(each["percent"])
        for each in earning["multipliers"]
        if (not each.get("categories") or category in each["categories"])
        and each.get("starts_on", "0") <= day.isoformat() <= each.get("ends_on", "9")
    ]
    return max(fitting, default=100)


def _stamps(card: Document, receipt: Receipt) -> int:
    if not receipt.itemised:
        return 0 if card.get("categories") else 1
    fitting = [
        line for line in receipt.basket.lines if not card.get("categories") or line.department in card["categories"]
    ]
    return sum(line.quantity for line in fitting) if card["per"] == "item" else min(1, len(fitting))


def _lapses(program: Document, day: date) -> date:
    """The last day of points earned on ``day``: the end of the month, so many months later."""
    index = day.year * 12 + day.month - 1 + int(program["expiry"]["months"]) + 1
    return date(index // 12, index % 12 + 1, 1) - timedelta(days=1)
