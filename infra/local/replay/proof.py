"""The end of the year: every balance against its ledger, and against what was worked out independently."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from infra.local.replay.household import Household, Report
from infra.local.replay.till import Till


@dataclass
class Totals:
    """What the service itself says of the year, summed over its members."""

    entries: int = 0
    points: Counter[str] = field(default_factory=Counter)
    """Posted points by kind of entry."""
    available: int = 0
    pending: int = 0
    stamps_open: int = 0
    vouchers: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)

    def add(self, other: Totals) -> None:
        self.entries += other.entries
        self.available += other.available
        self.pending += other.pending
        self.stamps_open += other.stamps_open
        for mine, others in (
            (self.points, other.points),
            (self.vouchers, other.vouchers),
            (self.tiers, other.tiers),
        ):
            mine.update(others)


def prove(household: Household, till: Till, day: date) -> Totals:
    """Reads one member whole over HTTP and reports every difference."""
    path = f"/members/{household.member_id}"
    member = till.call("member", "GET", path).body
    entries = till.pages("ledger", f"{path}/ledger")
    vouchers = till.pages("vouchers", f"{path}/vouchers")

    def report(sentence: str) -> None:
        household.report(f"{household.email}: {sentence}")

    _chain(entries, member, report)
    _purchases(entries, household, report)
    _against_account(member, vouchers, household, day, report)
    totals = Totals(entries=len(entries), available=member["points"]["available"], pending=member["points"]["pending"])
    for entry in entries:
        if entry["status"] == "posted":
            totals.points[entry["kind"]] += entry["points"]
    totals.stamps_open = sum(card["stamps"] for card in member["stamps"])
    totals.vouchers.update(voucher["status"] for voucher in vouchers)
    totals.tiers[member["tier"]["id"]] += 1
    return totals


def _chain(entries: list[dict[str, Any]], member: dict[str, Any], report: Report) -> None:
    """The statement alone: no gap, each balance follows from the one before, it adds up, nothing is there twice."""
    balance = 0
    for place, entry in enumerate(entries[::-1], start=1):
        if entry["sequence"] != place:
            return report(f"entry {place} of the statement has sequence {entry['sequence']}")
        if entry["status"] == "posted":
            balance += entry["points"]
        if entry["balance_after"] != balance:
            return report(f"entry {place} says {entry['balance_after']}, the entries before add up to {balance}")
    if balance != member["points"]["available"]:
        report(f"has {member['points']['available']} points, the statement adds up to {balance}")
    causes = Counter((entry["cause"]["type"], entry["cause"]["id"], entry["order_id"]) for entry in entries)
    for cause, times in causes.items():
        if times > 1 and cause[0] != "voucher":
            report(f"{cause} was booked {times} times")
    return None


def _purchases(entries: list[dict[str, Any]], household: Household, report: Report) -> None:
    """Each purchase earned what was worked out, and each of its refunds is there."""
    earned = {entry["order_id"]: entry["points"] for entry in entries if entry["kind"] == "earn"}
    wanted = {order: bought.granted for order, bought in household.account.bought.items()}
    for order in sorted(earned.keys() | wanted.keys()):
        if earned.get(order) != wanted.get(order):
            report(f"purchase {order} earned {earned.get(order)}, worked out {wanted.get(order)}")
    returned: dict[str, int] = defaultdict(int)
    for entry in entries:
        if entry["kind"] == "refund":
            returned[entry["order_id"]] += entry["amount"]
    for order, bought in household.account.bought.items():
        if returned[order] != bought.refunded:
            report(f"purchase {order} has refunds of {returned[order]} cents; {bought.refunded} went back")


def _against_account(
    member: dict[str, Any], vouchers: list[dict[str, Any]], household: Household, day: date, report: Report
) -> None:
    account = household.account
    statuses = Counter((voucher["reward_id"], voucher["status"]) for voucher in vouchers)
    wanted = Counter((voucher.reward, voucher.status_on(day)) for voucher in account.vouchers)
    stamps = {card["id"]: account.stamps[card["id"]] for card in household.program["stamp_cards"]}
    for name, told, worked_out in (
        ("available points", member["points"]["available"], account.available(day)),
        ("pending points", member["points"]["pending"], account.pending(day)),
        ("tier", member["tier"]["id"], account.tier_id),
        ("stamps", {each["card_id"]: each["stamps"] for each in member["stamps"]}, stamps),
        ("vouchers", dict(statuses), dict(wanted)),
    ):
        if told != worked_out:
            report(f"{name} {told}, worked out {worked_out}")
