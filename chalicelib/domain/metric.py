"""The fold: rows of the journal, one after the other, into the facts of the years in which they occurred."""

from __future__ import annotations

from chalicelib.domain.calendar import day_of, local_day, moment_of
from chalicelib.domain.metric_facts import ANY, COUNTERS, REWARD, Facts, Joining, Order, new_facts
from chalicelib.domain.metric_rows import Change, End, Issue, Movement, Return, Sold, Told, read_row

_AT = {name: place for place, name in enumerate(COUNTERS)}
_MEMBER, _GUEST = _AT["member_purchases"], _AT["guest_purchases"]
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

_QUARTER_MS = 900_000
_EXACT_FROM_MS = 94_694_400_000
"""1973: since then every zone's offset is whole quarters of an hour."""


class Fold:
    """Folds rows of the journal into facts by the year in which each occurred."""

    def __init__(self, time_zone: str) -> None:
        self._zone = time_zone
        self._days: dict[int, int] = {}
        self._years: dict[int, tuple[int, int]] = {}
        self.facts: dict[int, Facts] = {}
        self.joined: list[str] = []
        """Members who joined in what was folded: their purchases as guests are theirs."""

    def add(self, kind: str, document: str | bytes) -> None:
        """One row: its type and its stored document."""
        told = read_row(kind, document)
        if told is None:
            return
        day = self._day(told.at)
        facts, month = self._of(day)
        if isinstance(told, Sold):
            self._sold(facts, told, kind, day, month)
        elif isinstance(told, Return):
            _returned(facts, told, day)
        elif isinstance(told, Issue):
            _issued(facts, told, day)
        elif isinstance(told, End):
            self._ended(facts, told, day)
        elif isinstance(told, Movement):
            self._moved(facts, told, day)
        elif isinstance(told, Told):
            if told.what == "tier" and told.change is not None and told.change[0] != told.change[1]:
                _move(facts, told.change, day)
        else:
            _day(facts, day)[_AT["cards_spent"]] += told.amount

    def _day(self, ms: int) -> int:
        quarter = ms // _QUARTER_MS
        day = self._days.get(quarter)
        if day is None:
            day = local_day(moment_of(ms), self._zone)
            if ms >= _EXACT_FROM_MS:
                self._days[quarter] = day
        return day

    def _of(self, day: int) -> tuple[Facts, int]:
        place = self._years.get(day)
        if place is None:
            on = day_of(day)
            place = self._years[day] = (on.year, on.month)
        facts = self.facts.get(place[0])
        if facts is None:
            facts = self.facts[place[0]] = new_facts()
        return facts, place[1]

    def _sold(self, facts: Facts, sold: Sold, kind: str, day: int, month: int) -> None:
        row = _day(facts, day)
        total = sold.total
        if kind != "CLAIM":
            who = sold.member if sold.sequence else sold.buyer
            facts.orders.append(Order(sold.at, who, total, sold.delivery, sold.tax, _by_category(sold)))
        costed, cost = sold.costs()
        member = sold.member if sold.sequence else None
        claimed = kind == "CLAIM"
        if member is None or claimed:
            # A claim moves a guest's purchase to the member who claimed it.
            sign = -1 if claimed else 1
            row[_GUEST] += sign
            row[_GUEST + 1] += sign * total
            row[_GUEST + 4] += sign * costed
            row[_GUEST + 5] += sign * cost
            if sold.buyer is None:
                row[12] += sign
                row[13] += sign * total
            else:
                _history(facts, sold.buyer, day, sign, sign * total, sign * costed, sign * cost, 0)
                if not claimed:
                    facts.baskets.add(sold.buyer, month, sold.lines)
            if sold.buyer is None and not claimed:
                facts.baskets.add(None, month, sold.lines)
        if member is None:
            return
        row[_MEMBER] += 1
        row[_MEMBER + 1] += total
        row[_MEMBER + 4] += costed
        row[_MEMBER + 5] += cost
        _history(facts, member, day, 1, total, costed, cost, 1 if sold.points or sold.stamps else 0)
        if claimed:
            facts.baskets.remember(member, month, sold.lines)
        else:
            facts.baskets.add(member, month, sold.lines)
        if sold.points:
            row[_AT["pending"] if sold.status == "pending" else _AT["earned"]] += sold.points
            if sold.expires_on is not None:
                _lot(facts, sold.expires_on)[0] += sold.points
        if sold.tier is not None:
            of_tier = facts.tiers.setdefault(sold.tier, {}).setdefault(day, [0, 0])
            of_tier[0] += 1
            of_tier[1] += total
        if sold.change is not None:
            _move(facts, sold.change, day)

    def _ended(self, facts: Facts, end: End, day: int) -> None:
        row = _day(facts, day)
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

    def _moved(self, facts: Facts, moved: Movement, day: int) -> None:
        row = _day(facts, day)
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
            facts.merges.setdefault(moved.cause[1], {})[cause] = moved.member

    def alias(self, buyer: str, member: str) -> None:
        """What somebody bought as a guest is the history of the member that they became."""
        for facts in self.facts.values():
            if member in facts.joins:
                facts.aliases[buyer] = member

    def _joined(self, moved: Movement) -> None:
        assert moved.member is not None
        on = self._day(moved.enrolled_ms or moved.at)
        facts, _ = self._of(on)
        facts.joins[moved.member] = Joining(on, moved.advocate, moved.tier)
        row = _day(facts, on)
        row[_AT["joined"]] += 1
        if moved.advocate is not None:
            row[_AT["joined_by_referral"]] += 1
        if moved.tier is not None:
            _move(facts, (None, moved.tier), on)
        self.joined.append(moved.member)


def _by_category(sold: Sold) -> list[tuple[str | None, int, int, int | None]]:
    """Lines of one category earn as one line does; those of known cost stand apart."""
    lines: dict[tuple[str | None, bool], list[int]] = {}
    for line in sold.lines:
        key = line.category, line.cost is None
        known = lines.get(key)
        if known is None:
            lines[key] = [line.quantity, line.amount, line.cost or 0]
        else:
            known[0] += line.quantity
            known[1] += line.amount
            known[2] += line.cost or 0
    return [(key[0], row[0], row[1], None if key[1] else row[2]) for key, row in lines.items()]


def _day(facts: Facts, day: int) -> list[int]:
    row = facts.days.get(day)
    if row is None:
        row = facts.days[day] = [0] * len(COUNTERS)
    return row


def _history(
    facts: Facts, buyer: str, day: int, purchases: int, sales: int, costed: int, cost: int, active: int
) -> list[int]:
    days = facts.buyers.get(buyer)
    if days is None:
        days = facts.buyers[buyer] = {}
    row = days.get(day)
    if row is None:
        row = days[day] = [purchases, sales, 0, costed, cost, active]
        return row
    row[0] += purchases
    row[1] += sales
    row[3] += costed
    row[4] += cost
    row[5] += active
    return row


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


def _returned(facts: Facts, back: Return, day: int) -> None:
    row = _day(facts, day)
    at = _GUEST if back.member is None else _MEMBER
    row[at + 2] += 1
    row[at + 3] += back.amount
    row[at + 4] -= back.costed
    row[at + 5] -= back.cost
    who = back.member or back.buyer
    if who is not None:
        _history(facts, who, day, 0, 0, -back.costed, -back.cost, 0)[2] += back.amount
    _points(row, back.movement())
    row[_AT["cards_returned"]] += sum(amount for _, amount in back.cards)
    if back.change is not None:
        _move(facts, back.change, day)


def _issued(facts: Facts, issue: Issue, day: int) -> None:
    row = _day(facts, day)
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
