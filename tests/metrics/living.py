"""The grocer's orders lived through the service, each at its moment: told late, refunded, redeemed, by people who join
on the way; what was bought before the program opened is imported."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from chalicelib.actions.advance_member import advance_member
from chalicelib.domain.calendar import local_day
from chalicelib.store import keys, members, programs
from chalicelib.store.table import load
from chalicelib.telemetry import logger
from tests import shop as calling
from tests.metrics.grocer import OPENS, SIZE, ZONE, Basket, Lived, Size, orders, role
from tests.shop import Reply, Shop

IMPORTED_AT_ONCE = 400
TOLD_EVERY = 10_000
CHECKED = 20
"""Of so many answers, one is held to the contract: all of them would take longer than the rest."""


class Life:
    """The year, event by event in the order in which the service hears of them."""

    def __init__(self, shop: Shop, size: Size, seed: int, tell: Callable[[str], None]) -> None:
        self.shop, self.size, self.chance, self.tell = shop, size, random.Random(seed), tell
        self.lived = Lived()
        self.now = OPENS
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self._members: dict[int, str] = {}
        self._tiers: dict[int, str | None] = {}
        self._vouchers: dict[int, list[dict[str, Any]]] = {}

    def live(self) -> Lived:
        known = orders(self.size)
        self._import([basket for basket in known if basket.at < OPENS])
        for basket in known:
            if basket.at >= OPENS:
                # Most are told as they happen; a tenth on the 27th of the month, long after they happened.
                late = self.chance.random() < 0.1 and basket.at.day < 27
                self._plan(basket.at.replace(day=27, hour=12) if late else basket.at, partial(self._buy, basket))
        told = 0
        while self._events:
            self.now, _, happens = heapq.heappop(self._events)
            self.lived.days.add(local_day(self.now, ZONE))
            happens()
            if len(self.lived.orders) >= told + TOLD_EVERY:
                told = len(self.lived.orders)
                self.tell(f"{told:,} of {len(known):,} orders lived")
        for household in self._members:
            self._advance(household)
        self.lived.until = self.now
        self._read_ledger()
        return self.lived

    def _plan(self, at: datetime, happens: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, happens))

    def _call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        answer = self.shop.call(method, path, body, **more)
        assert answer.status in (200, 201), (method, path, body, answer.body)
        return answer

    def _import(self, history: list[Basket]) -> None:
        """What was bought before the program opened, in files of JSON lines."""
        self.lived.days.add(local_day(OPENS, ZONE))
        for start in range(0, len(history), IMPORTED_AT_ONCE):
            part = history[start : start + IMPORTED_AT_ONCE]
            lines = []
            for basket in part:
                named = {"email": _email(basket.household)} if self._is_known(basket) else {}
                order = {"order_id": basket.order, "occurred_at": basket.at.isoformat(), "total": basket.total}
                lines.append(json.dumps({**order, **named, "items": basket.items()}))
                self._note(basket, member=False, points=0)
            told = self._call("POST", "/imports/purchases", "\n".join(lines), key=self.shop.owner)
            assert (told["added"], told["faulty"]) == (len(part), 0), told.body

    def _is_known(self, basket: Basket) -> bool:
        kind = role(basket.household)
        return kind in ("guest", "joins", "member") or (kind == "friend" and basket.household in self._members)

    def _joins_on(self, household: int) -> datetime:
        """Over a stretch in which both sides of joining can be compared."""
        spread = (self.size.months - 1) * 30 - 2 * self.size.days
        return OPENS + timedelta(days=self.size.days + household * 37 % spread)

    def _buy(self, basket: Basket) -> None:
        household, kind = basket.household, role(basket.household)
        if household not in self._members and (
            kind == "member" or (kind in ("joins", "friend") and self.now >= self._joins_on(household))
        ):
            self._join(household)
        body = {
            "order_id": basket.order,
            "total": basket.total,
            "currency": "USD",
            "occurred_at": basket.at.isoformat(),
            "items": basket.items(),
        }
        if self._is_known(basket):
            body["email"] = _email(household)
        answer = self._call("POST", "/purchases", body)
        member = answer["member_id"] is not None
        self._note(basket, member=member, points=answer["points"])
        if member:
            if answer["points"]:
                self.lived.acts.append({"at": basket.at, "household": household})
            self._move(household, basket.at, answer["tier_change"])
            self._settle(household, basket.order)
            if self.chance.random() < 0.2:
                self._redeem(household, basket.order)

    def _note(self, basket: Basket, *, member: bool, points: int) -> None:
        row = {
            "order": basket.order,
            "household": basket.household,
            "at": basket.at,
            "total": basket.total,
            "costed": basket.costed,
            "cost": basket.cost,
            "member": member,
            "known": self._is_known(basket),
            "tier": self._tiers.get(basket.household) if member else None,
            "points": points,
            "categories": basket.categories,
        }
        self.lived.orders.append(row)
        if self.chance.random() < 0.08 and basket.total > 1:
            amount = self.chance.choice((basket.total, basket.total // 2))
            self._plan(self.now + timedelta(days=9), partial(self._refund, row, amount))

    def _join(self, household: int) -> None:
        named: dict[str, Any] = {"email": _email(household)}
        advocate = None
        if role(household) == "friend" and self._members:
            advocate = self.chance.choice(sorted(self._members))
            named["referral_code"] = self.shop.member(self._members[advocate])["referral_code"]
        answer = self._call("POST", "/members", named)
        self._members[household] = answer["member_id"]
        self._tiers[household] = answer["tier"]["id"]
        found = {"household": household, "at": self.now, "member": answer["member_id"], "advocate": advocate}
        self.lived.joins.append(found)
        self.lived.moves.append({"at": self.now, "from": None, "to": answer["tier"]["id"]})
        if advocate is not None:
            for days in (6, 20, 40):
                self._plan(self.now + timedelta(days=days), partial(self._advance, household))

    def _advance(self, household: int) -> None:
        """What the schedule does to a member who is due: points lapse, a referral settles."""
        program_id = self.shop.program_id
        here, theirs = keys.program(program_id), keys.head(program_id, self._members[household])
        found = load([here, theirs])
        advance_member(programs.written(found[here]), members.head_of(found[theirs]), self.now)

    def _move(self, household: int, at: datetime, change: dict[str, Any] | None) -> None:
        if change is not None:
            self._tiers[household] = change["to"]
            self.lived.moves.append({"at": at, **change})

    def _redeem(self, household: int, order: str) -> None:
        reward = self.chance.choice(("loaf", "tea"))
        answer = self.shop.redeem(self._members[household], reward, order)
        if answer.status != 201:
            assert answer.code == "insufficient_points", answer.body
            return
        found = {"household": household, "at": self.now, "reward": reward, "ended": None, "outcome": None}
        self.lived.vouchers.append(found)
        self.lived.acts.append({"at": self.now, "household": household})
        self._vouchers.setdefault(household, []).append({"code": answer["code"], "note": found})

    def _settle(self, household: int, order: str) -> None:
        """A voucher taken at a visit before is used at this one, or thought better of."""
        for held in self._vouchers.pop(household, []):
            outcome = self.chance.choice(("used", "used", "cancelled"))
            path, body = ("use", {"order_id": order}) if outcome == "used" else ("cancel", {})
            self._call("POST", f"/vouchers/{held['code']}/{path}", body)
            held["note"].update(ended=self.now, outcome=outcome)

    def _refund(self, row: dict[str, Any], amount: int) -> None:
        answer = self.shop.refund(row["order"], "back", amount)
        assert answer.status == 201, answer.body
        left = row["total"] - amount
        self.lived.refunds.append(
            {
                **{name: row[name] for name in ("order", "household", "known")},
                "at": self.now,
                "amount": amount,
                "member": answer["member_id"] is not None,
                "costed": row["costed"] - row["costed"] * left // row["total"],
                "cost": row["cost"] - row["cost"] * left // row["total"],
            }
        )
        if answer["member_id"] is not None:
            self._move(row["household"], self.now, answer["tier_change"])

    def _read_ledger(self) -> None:
        """Every entry, as the owner downloads them."""
        cursor = ""
        while True:
            page = self.shop.call("GET", f"/ledger/export?limit=1000{cursor}", key=self.shop.owner)
            assert page.status == 200, page.body
            for line in page.body.splitlines():
                entry = json.loads(line)
                if entry["member_id"] is not None:
                    entry["at"] = datetime.fromisoformat(entry.pop("occurred_at"))
                    entry["cause"], entry["cause_id"] = entry["cause"]["type"], entry["cause"]["id"]
                    self.lived.ledger.append(entry)
            if "Next-Cursor" not in page.headers:
                return
            cursor = f"&cursor={page.headers['Next-Cursor']}"


def _email(household: int) -> str:
    return f"house{household}@example.com"


def live(shop: Shop, size: Size = SIZE, seed: int = 7, tell: Callable[[str], None] = lambda _: None) -> Lived:
    """Lives the grocer's orders; the shop is open from OPENS on. Answers what was done, and tells how far it is."""
    life = Life(shop, size, seed, tell)
    held, calls = calling.hold_to_contract, iter(range(10**9))

    def now_and_then(*answer: Any) -> None:
        if next(calls) % CHECKED == 0:
            held(*answer)

    level = logger.log_level
    logger.setLevel("WARNING")
    try:
        with (
            patch("chalicelib.clock.now", lambda: life.now.astimezone(UTC)),
            patch.object(calling, "hold_to_contract", now_and_then),
        ):
            return life.live()
    finally:
        logger.setLevel(level)
