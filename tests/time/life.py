"""One member's life in the domain alone, told in lines such as ``2027-03-31T23:59 buy a 500``.

Points, minor units and the tier's spend are the same number here: one point for each minor unit.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chalicelib.domain import bonus, earning, plan, points, refunding, tiers, yearly
from chalicelib.domain.advance import advance, begin, reassess
from chalicelib.domain.calendar import day_number, day_of, local_day, milliseconds
from chalicelib.domain.history import Event, Made
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Purchase, Sale
from chalicelib.domain.tier_basis import by_day
from tests.shop import program

LEVELS: list[dict[str, Any]] = [
    {"id": "bronze", "name": "Bronze", "threshold": 0},
    {"id": "silver", "name": "Silver", "threshold": 100},
    {"id": "gold", "name": "Gold", "threshold": 500},
    {"id": "platinum", "name": "Platinum", "threshold": 2000},
]


def rules(**changes: Any) -> Program:
    """A program of one point for each minor unit; ``tiers`` completes the four levels, the rest replaces its part."""
    if changes.get("tiers") is not None:
        changes["tiers"] = {"basis": "spend", "levels": LEVELS, **changes["tiers"]}
    base = program(
        enrolment={"mode": "open"},
        earning={"points": 1, "per_amount": 1},
        expiry={"policy": "none"},
        stamp_cards=[],
        rewards=[],
        referral=None,
        time_zone="Europe/Budapest",
    )
    if "earning" in changes:
        changes["earning"] = {**base["earning"], **changes["earning"]}
    return check({**base, **changes})


class Life:
    """What happened to one member, and when; the same calls that actions make, without a table."""

    def __init__(self, first: Program, joined: str, birthday: str | None = None) -> None:
        self.program, self.version, self.birthday = first, 1, birthday
        now = self.moment(joined)
        today = local_day(now, first.time_zone)
        head = Head(member_id="m", enrolled_ms=milliseconds(now), tier=bonus.ground_tier(first, today), version=1)
        self.head = begin(head, first, birthday, today)
        self.entries: list[Entry] = []
        self.events: list[Event] = []
        self.purchases: dict[str, Purchase] = {}
        self.refunded: dict[str, int] = {}

    def moment(self, text: str) -> datetime:
        """A time of the program's own zone; noon where only the day is told."""
        told = text if "T" in text else f"{text}T12:00"
        return datetime.fromisoformat(told).replace(tzinfo=ZoneInfo(self.program.time_zone))

    def live(self, line: str, then: Program | None = None) -> None:
        when, verb, *words = line.split()
        now = self.moment(when)
        if verb == "rules":
            assert then is not None
            self.change(now, then)
            return
        present, made = advance(self.head, self.program, self.version, now, "test")
        self.keep(present, made)
        getattr(self, verb)(now, *words)
        late, made = advance(self.head, self.program, self.version, now, "test")
        self.keep(late, made)

    def night(self, now: datetime) -> None:
        """A run of the schedule."""
        self.keep(*advance(self.head, self.program, self.version, now, "test"))

    def keep(self, head: Head, made: list[Made]) -> None:
        if head == self.head:
            assert not made
            return
        self.head = replace(head, version=self.head.version + 1)
        self.entries.extend(one for one in made if isinstance(one, Entry))
        self.events.extend(one for one in made if isinstance(one, Event))

    def run(self, now: datetime) -> None:
        """Time alone; it was brought up to date already."""

    def buy(self, now: datetime, order_id: str, amount: str, occurred: str | None = None) -> None:
        at = None if occurred is None else self.moment(occurred)
        sale = Sale(total=int(amount), currency="EUR", occurred_at=at)
        done = earning.earn(self.head, self.program, self.version, sale, order_id=order_id, now=now, booked_by="test")
        self.purchases[order_id], self.refunded[order_id] = done.purchase, 0
        self.keep(done.head, [done.purchase])

    def refund(self, now: datetime, order_id: str, amount: str) -> None:
        purchase, seen = self.purchases[order_id], self.refunded[order_id]
        entry = refunding.refund_of(
            purchase, seen, int(amount), refund_id=f"r{len(self.entries)}", occurred_at=now, now=now, booked_by="test"
        )
        done = refunding.refund(self.head, self.program, purchase, entry, frozenset())
        assert done.head is not None
        self.refunded[order_id] = entry.refunded
        self.keep(done.head, [done.refund])

    def redeem(self, now: datetime, amount: str) -> None:
        taken = int(amount)
        assert points.available(self.head) >= taken, "the service would refuse this redemption"
        today = local_day(now, self.program.time_zone)
        self.entry(points.touch(points.spend(self.head, taken), self.program.expiry, today), "redeem", -taken, now)

    def cannot_redeem(self, now: datetime, amount: str) -> None:
        assert points.available(self.head) < int(amount)

    def cancel(self, now: datetime, amount: str) -> None:
        today = local_day(now, self.program.time_zone)
        self.entry(points.give_back(self.head, int(amount), today), "reverse", int(amount), now)

    def paid(self, now: datetime, plan_id: str, last: str, subscription: str = "s") -> None:
        """A provider tells that a plan is paid until a day."""
        today = local_day(now, self.program.time_zone)
        on = day_number(date.fromisoformat(last))
        self.keep(plan.held(self.head, subscription, plan_id, on, today), [])

    def entry(self, head: Head, kind: Any, amount: int, now: datetime) -> None:
        head, made = post(
            head,
            Entry(
                kind=kind,
                points=amount,
                cause=(kind, str(len(self.entries))),
                occurred_ms=milliseconds(now),
                booked_ms=milliseconds(now),
            ),
        )
        self.keep(head, [made])

    def born(self, now: datetime, birthday: str) -> None:
        self.birthday = birthday
        today = local_day(now, self.program.time_zone)
        self.keep(yearly.with_birthday(self.head, self.program, birthday, today), [])

    def change(self, now: datetime, then: Program) -> None:
        """The owner changes the program, and the walk assesses the member again."""
        self.program, self.version = then, self.version + 1
        amounts = None
        if then.tiers is not None and not tiers.counted(self.head, then.tiers):
            amounts = by_day(self.entries, then, {})
        head, made = reassess(self.head, then, self.version, self.birthday, amounts, now, "test")
        self.keep(head, made)

    def tier(self) -> str | None:
        """The tier held and its last day: ``gold 2028-03-31``."""
        tier = self.head.tier
        if tier is None:
            return None
        return tier.id if tier.until is None else f"{tier.id} {day_of(tier.until)}"

    def balance(self) -> str:
        held = points.pending(self.head)
        return f"{points.available(self.head)}" + (f" +{held}" if held else "")

    def ledger(self) -> str:
        """``earn+500? release+500``: each entry's kind and points; a question mark where they never counted."""
        return " ".join(f"{one.kind}{one.points:+d}" + ("?" if one.status == "pending" else "") for one in self.entries)

    def told(self) -> str:
        """``silver>gold gold=gold notice100 club-2026-05-31``: tiers moved by whatever moved them, notices, plans
        with their last day."""
        rows: list[tuple[int, str]] = []
        made: list[Made] = [*self.entries, *self.events]
        for one in made:
            if isinstance(one, Event) and one.what == "notice":
                rows.append((one.sequence, f"notice{one.points}"))
            elif isinstance(one, Event) and one.what == "plan":
                rows.append((one.sequence, f"{one.reason.partition(' ')[0].lower()}-{day_of(one.until or 0)}"))
            elif one.tier_change is not None:
                before, after = one.tier_change
                rows.append((one.sequence, f"{before}{'=' if before == after else '>'}{after}"))
        return " ".join(text for _, text in sorted(rows, key=lambda row: row[0]))
