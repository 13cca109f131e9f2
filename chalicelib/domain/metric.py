"""The fold: rows of the journal, one after the other, into the facts of the years in which they occurred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from chalicelib.domain.calendar import day_of, local_day, moment_of
from chalicelib.domain.history import ERASURE
from chalicelib.domain.metric_facts import ANY, COUNTERS, REWARD, Facts, Joining, new_facts
from chalicelib.domain.metric_rows import READERS, Change, End, Issue, Movement, Return, Sold, Told
from chalicelib.domain.program import zone

_AT = {name: place for place, name in enumerate(COUNTERS)}
_MEMBER, _GUEST, _ANONYMOUS = _AT["member_purchases"], _AT["guest_purchases"], _AT["anonymous_purchases"]
_EARNED, _PENDING = _AT["earned"], _AT["pending"]
_POINTS = {
    "earn": _AT["earned"],
    "bonus": _AT["bonus"],
    "release": _AT["released"],
    "redeem": _AT["redeemed"],
    "refund": _AT["taken_back"],
    "reverse": _AT["given_back"],
    "expire": _AT["expired"],
    "transfer": _AT["transferred"],
}
_TAKES = {"redeem", "refund", "expire"}
"""Kinds that take points, whose sum is told as a positive number."""

_DAY_MS = 86_400_000
_encode = msgspec.msgpack.Encoder().encode


class Fold:
    """Folds rows of the journal into facts by the year in which each occurred."""

    def __init__(self, time_zone: str) -> None:
        self._zone = time_zone
        self._offsets: dict[int, int | None] = {}
        self._heres: dict[int, tuple[Facts, list[int]]] = {}
        self.facts: dict[int, Facts] = {}
        self.rows = 0
        self.joined: list[str] = []
        """Members who joined in what was folded: their purchases as guests are theirs."""
        self.changed: list[str] = []
        """Members who were merged or erased: whose purchases as a guest are theirs is to be found anew."""

    def add(self, kind: str, document: str | bytes) -> None:
        """One row: its type and its stored document."""
        read = READERS.get(kind)
        if read is None:
            return
        told = read(document)
        at = told.at
        number = at // _DAY_MS
        offset = self._offsets[number] if number in self._offsets else self._offset(number)
        day = self._day(at) if offset is None else (at + offset) // _DAY_MS
        facts, row = self._heres[day] if day in self._heres else self._here(day)
        if isinstance(told, Sold):
            _sold(facts, row, told, day, claimed=kind == "CLAIM")
        elif isinstance(told, Return):
            _returned(facts, row, told, day)
        elif isinstance(told, Issue):
            _issued(facts, row, told, day)
        elif isinstance(told, End):
            self._ended(facts, row, told, day)
        elif isinstance(told, Movement):
            self._moved(facts, row, told, day)
        elif isinstance(told, Told):
            if told.what == "tier" and told.change is not None and told.change[0] != told.change[1]:
                _move(facts, told.change, day)
            if told.cause[0] == ERASURE:
                self.changed.append(told.member)
        else:
            row[_AT["cards_spent"]] += told.amount

    def _offset(self, number: int) -> int | None:
        """The zone's offset on a day of UTC; None where it moves within the day. So the zone is asked once a day."""
        ends = [moment_of(number * _DAY_MS + at).astimezone(zone(self._zone)) for at in (0, _DAY_MS)]
        same = ends[0].utcoffset() == ends[1].utcoffset()
        offset = self._offsets[number] = _ms_of(ends[0].utcoffset()) if same else None
        return offset

    def _day(self, ms: int) -> int:
        """The shop's day of a moment."""
        number = ms // _DAY_MS
        offset = self._offsets[number] if number in self._offsets else self._offset(number)
        return local_day(moment_of(ms), self._zone) if offset is None else (ms + offset) // _DAY_MS

    def _here(self, day: int) -> tuple[Facts, list[int]]:
        """Where a day's rows are counted: the facts of its year, and its counters."""
        year = day_of(day).year
        facts = self.facts.get(year)
        if facts is None:
            facts = self.facts[year] = new_facts()
        row = facts.days[day] = [0] * len(COUNTERS)
        self._heres[day] = facts, row
        return facts, row

    def _ended(self, facts: Facts, row: list[int], end: End, day: int) -> None:
        if end.points:
            row[_AT["given_back"]] += end.points
        row[_AT["cards_ended"]] += end.amount or 0
        if end.reward is not None:
            sums = _reward(facts, end.reward, day)
            if end.outcome == "used":
                sums[3] += 1
                sums[4] += end.cost
                if end.issued_ms:
                    sums[7] += day - self._day(end.issued_ms)
            elif end.outcome == "cancelled":
                sums[5] += 1
            else:
                sums[6] += 1

    def _moved(self, facts: Facts, row: list[int], moved: Movement, day: int) -> None:
        _points(row, moved)
        cause = moved.cause[0]
        if moved.points > 0 and moved.expires_on is not None and moved.kind in ("bonus", "adjust", "earn"):
            _lot(facts, moved.expires_on)[0] += moved.points
        if moved.kind == "expire" and moved.points < 0:
            # What lapses at a day's beginning could be used until the day before.
            _lot(facts, day - 1)[1] -= moved.points
        if moved.change is not None:
            _move(facts, moved.change, day)
        if moved.member is None:
            return
        if cause == "check_in":
            row[_AT["check_ins"]] += 1
            _history(facts, moved.member, day, 0, 0, 0, 0, 1)
        elif cause == "referral":
            friend, _, side = moved.cause[1].rpartition("/")
            row[_AT["referral_points"]] += moved.points
            facts.paid.setdefault(friend, {})[side] = (day, moved.points)
        elif cause == "welcome":
            self._joined(moved)
        elif cause in ("merge", "merged"):
            self.changed.append(moved.member)
            facts.merges.setdefault(moved.cause[1], {})[cause] = moved.member

    def alias(self, buyer: str, member: str) -> None:
        """What somebody bought as a guest is the history of the member that they became."""
        for facts in self.facts.values():
            if member in facts.joins:
                facts.aliases[buyer] = member

    def _joined(self, moved: Movement) -> None:
        assert moved.member is not None
        on = self._day(moved.enrolled_ms or moved.at)
        facts, row = self._heres.get(on) or self._here(on)
        facts.joins[moved.member] = Joining(on, moved.advocate, moved.tier)
        row[_AT["joined"]] += 1
        if moved.advocate is not None:
            row[_AT["joined_by_referral"]] += 1
        if moved.tier is not None:
            _move(facts, (None, moved.tier), on)
        self.joined.append(moved.member)


def _ms_of(offset: timedelta | None) -> int:
    assert offset is not None  # a moment in a zone has one
    return offset // timedelta(milliseconds=1)


def _sold(facts: Facts, row: list[int], sold: Sold, day: int, *, claimed: bool) -> None:
    """A purchase, or a claim that moves a guest's purchase to the member who claimed it. Most rows are these."""
    # Of a category, quantity, amount and cost: lines of one category earn as one line does. A category has a cost
    # where all of its lines have. Goods whose cost is known are counted as ``purchase.costs`` counts them.
    lines: dict[str | None, list[Any]] = {}
    listed = costed = cost = 0
    for line in sold.lines:
        amount, its_cost, category = line.amount, line.cost, line.category
        listed += amount
        if its_cost is not None:
            costed += amount
            cost += its_cost
        if category in lines:
            known = lines[category]
            known[0] += line.quantity
            known[1] += amount
            known[2] = None if its_cost is None or known[2] is None else known[2] + its_cost
        else:
            lines[category] = [line.quantity, amount, its_cost]
    total = sold.total
    if costed:
        goods = max(0, total - sold.delivery - sold.tax)
        costed = costed * goods // listed if goods < listed else costed
    member = sold.member if sold.sequence else None
    order = msgspec.Raw(_encode((sold.at, member or sold.buyer, total, sold.delivery, sold.tax, lines)))
    orders = facts.claims if claimed else facts.orders
    if day in orders:
        orders[day].append(order)
    else:
        orders[day] = [order]
    if member is None or claimed:
        sign = -1 if claimed else 1
        row[_GUEST] += sign
        row[_GUEST + 1] += sign * total
        row[_GUEST + 4] += sign * costed
        row[_GUEST + 5] += sign * cost
        if sold.buyer is None:
            row[_ANONYMOUS] += sign
            row[_ANONYMOUS + 1] += sign * total
        else:
            _history(facts, sold.buyer, day, sign, sign * total, sign * costed, sign * cost, 0)
    if member is None:
        return
    row[_MEMBER] += 1
    row[_MEMBER + 1] += total
    row[_MEMBER + 4] += costed
    row[_MEMBER + 5] += cost
    points = sold.points
    done = (day, 1, total, 0, costed, cost, 1 if points or sold.stamps else 0)
    if member in facts.buyers:
        facts.buyers[member].extend(done)
    else:
        facts.buyers[member] = list(done)
    if points:
        row[_PENDING if sold.status == "pending" else _EARNED] += points
        if sold.expires_on is not None:
            _lot(facts, sold.expires_on)[0] += points
    if sold.tier is not None:
        of_tier = facts.tiers.setdefault(sold.tier, {}).setdefault(day, [0, 0])
        of_tier[0] += 1
        of_tier[1] += total
    if sold.change is not None:
        _move(facts, sold.change, day)


def _history(
    facts: Facts, buyer: str, day: int, purchases: int, sales: int, costed: int, cost: int, active: int
) -> None:
    row = (day, purchases, sales, 0, costed, cost, active)
    if buyer in facts.buyers:
        facts.buyers[buyer].extend(row)
    else:
        facts.buyers[buyer] = list(row)


def _reward(facts: Facts, reward: str, day: int) -> list[int]:
    return facts.rewards.setdefault(reward, {}).setdefault(day, [0] * len(REWARD))


def _lot(facts: Facts, last_day: int) -> list[int]:
    return facts.lots.setdefault(last_day, [0, 0])


def _move(facts: Facts, change: Change, day: int) -> None:
    days = facts.moves.setdefault(f"{change[0] or ''}>{change[1] or ''}", {})
    days[day] = days.get(day, 0) + 1


def _points(row: list[int], moved: Movement) -> None:
    if moved.status == "pending":
        row[_AT["pending"]] += moved.points
        return
    row[_AT["pending"]] -= moved.held + (moved.points if moved.kind == "release" else 0)
    if moved.kind == "adjust":
        at = _AT["adjusted_up"] if moved.points > 0 else _AT["adjusted_down"]
        row[at] += abs(moved.points)
    else:
        row[_POINTS[moved.kind]] += -moved.points if moved.kind in _TAKES else moved.points


def _returned(facts: Facts, row: list[int], back: Return, day: int) -> None:
    at = _GUEST if back.member is None else _MEMBER
    row[at + 2] += 1
    row[at + 3] += back.amount
    row[at + 4] -= back.costed
    row[at + 5] -= back.cost
    who = back.member or back.buyer
    if who is not None:
        facts.buyers.setdefault(who, []).extend((day, 0, 0, back.amount, -back.costed, -back.cost, 0))
    _points(row, back.movement())
    row[_AT["cards_returned"]] += sum(amount for _, amount in back.cards)
    if back.change is not None:
        _move(facts, back.change, day)


def _issued(facts: Facts, row: list[int], issue: Issue, day: int) -> None:
    if issue.points:
        row[_AT["redeemed"]] -= issue.points
    if issue.voucher_kind == "gift_card":
        row[_AT["cards_issued"]] += issue.value
    if issue.reward is None or issue.member is None:
        return
    sums = _reward(facts, issue.reward, day)
    sums[0] += 1
    sums[1] -= issue.points
    sums[2] += issue.cost
    takers = facts.takes.setdefault(issue.reward, {}).setdefault(issue.member, {})
    takers[day] = takers.get(day, 0) + 1
    if issue.kind == "redeem":
        redeemed = facts.takes.setdefault(ANY, {}).setdefault(issue.member, {})
        redeemed[day] = redeemed.get(day, 0) + 1
        _history(facts, issue.member, day, 0, 0, 0, 0, 1)
