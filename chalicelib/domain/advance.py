"""What time alone has done to a member: one pure function, committed by the schedule and by every action.

``advance`` answers the head as it is now and what it leaves behind; ``next_date`` the earliest day on which time will
do something again, which is what the due index holds. Each thing happens as of its own day, whenever it is told, so a
late run ends where a punctual one would.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from chalicelib.domain import bonus, plan, points, tiers, yearly
from chalicelib.domain.calendar import day_number, day_of, local_day, milliseconds, start_of
from chalicelib.domain.history import Event, Made, What
from chalicelib.domain.ledger import Entry, Kind, post
from chalicelib.domain.member import MIXED, Head
from chalicelib.domain.program import Program
from chalicelib.domain.wording import number_of


def begin(head: Head, program: Program, birthday: str | None, today: int) -> Head:
    """What a new member is promised by dates: notices, birthdays, anniversaries. ``birthday`` is an ISO date."""
    head = tiers.adopt(replace(head, notice_days=program.expiry.notice_days), program.tiers)
    return yearly.with_anniversary(yearly.with_birthday(head, program, birthday, today), program, today)


def advance(head: Head, program: Program, version: int, now: datetime, booked_by: str) -> tuple[Head, list[Made]]:
    """Everything that is due up to ``now``, in the order of its days.

    What needs more than the head is left to the schedule, and stays due: a referral, which has two sides, and a tier
    whose basis the owner changed, which needs the member's entries.
    """
    told = _Telling(program, version, now, booked_by)
    return _caught_up(head, program, local_day(now, program.time_zone), told), told.made


def reassess(
    head: Head,
    program: Program,
    version: int,
    birthday: str | None,
    amounts: dict[int, int] | None,
    now: datetime,
    booked_by: str,
) -> tuple[Head, list[Made]]:
    """The member in line with a program whose owner changed it; what was promised until a day stays until that day.

    ``amounts`` is the tier's basis by day of the member's whole life, where it has to be counted anew.
    """
    today = local_day(now, program.time_zone)
    told = _Telling(program, version, now, booked_by)
    if amounts is not None and program.tiers is not None:
        head = tiers.recount(head, program.tiers, amounts)
    head = _caught_up(head, program, today, told)
    head = replace(head, notice_days=program.expiry.notice_days)
    if (head.birthday_on is None) != (birthday is None or program.earning.birthday_points == 0):
        head = yearly.with_birthday(head, program, birthday, today)
    if (head.anniversary_on is None) != (program.earning.anniversary_points == 0):
        head = yearly.with_anniversary(head, program, today)
    head = _in_line(head, program, today, told)
    return _caught_up(head, program, today, told), told.made


def concerns_members(old: Program, new: Program) -> bool:
    """Whether the change of a program calls for a new assessment of its members."""
    gifts = [(one.earning.birthday_points > 0, one.earning.anniversary_points > 0) for one in (old, new)]
    return old.tiers != new.tiers or old.expiry.notice_days != new.expiry.notice_days or gifts[0] != gifts[1]


def _in_line(head: Head, program: Program, today: int, told: _Telling) -> Head:
    """The tier under changed rules: never lower before its day, higher at once."""
    if program.tiers is None:
        untold = head.tier is not None and head.tier.until is None
        return replace(head, tier=None if untold else head.tier, tier_before=None, window={}, counts=None)
    if head.tier is None:
        head = replace(head, tier=bonus.ground_tier(program, today))
        if head.tier is not None:
            told.tier(head, None, today, "Everybody holds this tier")
    if head.tier is not None and head.tier.until is None:
        level = program.tiers.levels[tiers.rank(program.tiers, head.tier.id)]
        until = tiers.held_until(program.tiers, level, today)
        if until is not None:
            head = replace(head, tier=tiers.held(program.tiers, level, today, head.tier.since))
            told.tier(head, level.id, today, "The owner changed the tiers; this one is held until the new window ends")
    head, change = tiers.promote(head, program.tiers, today)
    if change is not None:
        told.tier(head, change[0], today, "The owner changed the tiers; the window reaches this one")
    return head


def _caught_up(head: Head, program: Program, today: int, told: _Telling) -> Head:
    """All that is due up to a day, day by day."""
    if head.status == "active" and program.tiers is not None:
        named = tiers.renamed(head, program.tiers)
        if named.tier is not None and head.tier is not None and named.tier != head.tier:
            reason = f"The level {head.tier.id} is no more; {named.tier.id} is held in its place"
            told.tier(named, head.tier.id, today, reason)
        head = named
    while (day := _own_date(head, program)) is not None and day <= today:
        before, head = head, _on_day(head, program, day, told)
        if head == before:
            raise RuntimeError(f"day {day} is due and brings nothing")  # better than a loop without end
    return head


def next_date(head: Head) -> int | None:
    """The day number on which time alone changes this member next; None where nothing is awaited."""
    if head.status != "active":
        return None
    days = _dates(head)
    if head.tier is not None and head.tier.until is not None:
        days.append(head.tier.until + 1)
    if head.referral is not None and head.referral.state == "settling" and head.referral.settles_on is not None:
        days.append(head.referral.settles_on)
    if head.counts == MIXED:
        days.append(0)  # overdue: the schedule counts anew from the entries
    return min(days, default=None)


def _own_date(head: Head, program: Program) -> int | None:
    """The next day on which the head and the program alone say what happens."""
    if head.status != "active":
        return None
    days = _dates(head)
    if head.tier is not None and head.tier.until is not None:
        if program.tiers is None or tiers.counted(head, program.tiers):
            days.append(head.tier.until + 1)
    return min(days, default=None)


def _dates(head: Head) -> list[int]:
    last_days = [day for lot in head.lots if (day := points.last_day(head, lot)) is not None]
    days = [day + 1 for day in last_days]
    if head.notice_days:
        days.extend(day - head.notice_days for day in last_days if day not in head.noticed)
    days.extend(head.pending)
    days.extend(plan.ends(head))
    days.extend(day for day in (head.birthday_on, head.anniversary_on) if day is not None)
    return days


def _on_day(head: Head, program: Program, day: int, told: _Telling) -> Head:
    """All that one day brings: what lapses, what is released, tier and plans, what is celebrated, what is announced."""
    head = _lapsed(head, day, told)
    if day in head.pending:
        head, released = points.release(head, day)
        head = points.start_idling(head, program.expiry, day)
        if released:
            head = told.entry(head, "release", released, "release", day, "Points are available now")
        head = _lapsed(head, day, told)  # what waited longer than it was promised to last
    if head.tier is not None and head.tier.until is not None and head.tier.until < day:
        head = _assessed(head, program, day, told)
    head, over = plan.ended(head, program, day)
    for ended, last in over:
        told.plan(head, ended.name, last, day)
    if head.birthday_on is not None and head.birthday_on <= day:
        head = _birthday(head, program, head.birthday_on, told)
    if head.anniversary_on is not None and head.anniversary_on <= day:
        head = _anniversary(head, program, head.anniversary_on, told)
    return _notices(head, day, told)


def _lapsed(head: Head, day: int, told: _Telling) -> Head:
    if not any((on := points.last_day(head, lot)) is not None and on < day for lot in head.lots):
        return head
    head, lost = points.lapse(head, day - 1)
    if lost == 0:
        return head
    return told.entry(head, "expire", -lost, "expiry", day, f"Points could be used until {day_of(day - 1)}")


def _assessed(head: Head, program: Program, day: int, told: _Telling) -> Head:
    assert head.tier is not None
    if program.tiers is None:
        after = replace(head, tier=None, tier_before=None)
        told.tier(after, head.tier.id, day, "The program has no tiers any more")
        return after
    if not tiers.counted(head, program.tiers):
        return head
    after = tiers.assess(head, program.tiers, day)
    if after.tier is None:
        reason = "The last window no longer reaches this tier"
    elif after.tier.id == head.tier.id:
        reason = "Earned again: held for another time"
    elif tiers.rank(program.tiers, after.tier.id) > tiers.rank(program.tiers, head.tier.id):
        reason = "The last window reaches a higher tier"
    else:
        reason = f"The last window no longer reaches {head.tier.id}"
    told.tier(after, head.tier.id, day, reason)
    return after


def _birthday(head: Head, program: Program, on: int, told: _Telling) -> Head:
    amount = program.earning.birthday_points
    if amount == 0 or not _earns(program, on):
        return replace(head, birthday_on=None, leap_birthday=False)
    head = yearly.after_birthday(head, on, paid=True)
    return told.gift(head, amount, "birthday", on, "Happy birthday")


def _anniversary(head: Head, program: Program, on: int, told: _Telling) -> Head:
    amount = program.earning.anniversary_points
    if amount == 0 or not _earns(program, on):
        return replace(head, anniversary_on=None)
    years = day_of(on).year - day_of(yearly.joined_on(head, program)).year
    head = yearly.after_anniversary(head, program, on)
    return told.gift(head, amount, "anniversary", on, f"{number_of(years, 'year')} a member")


def _earns(program: Program, day: int) -> bool:
    return program.close is None or day <= day_number(program.close.last_earn_on)


def _notices(head: Head, day: int, told: _Telling) -> Head:
    if not head.notice_days:
        return head
    left = {on: rest for rest, on in points.expiring(head)}
    for on in sorted({on for lot in head.lots if (on := points.last_day(head, lot)) is not None}):
        if on in head.noticed or on - head.notice_days > day:
            continue
        head = replace(head, noticed=(*(known for known in head.noticed if known >= day), on))
        if on in left:
            told.notice(head, left[on], on, day)
    return head


class _Telling:
    """What happened, as it will be put: entries in the member's chain, events beside it."""

    def __init__(self, program: Program, version: int, now: datetime, booked_by: str) -> None:
        self._program, self._version, self._now, self._booked_by = program, version, now, booked_by
        self.made: list[Made] = []

    def _occurred(self, day: int) -> datetime:
        return min(start_of(day, self._program.time_zone), self._now)

    def entry(self, head: Head, kind: Kind, amount: int, what: str, day: int, reason: str) -> Head:
        head, made = post(
            head,
            Entry(
                kind=kind,
                points=amount,
                cause=(what, f"{head.member_id}/{day_of(day)}/{head.version}.{head.sequence}"),
                reason=reason,
                booked_by=self._booked_by,
                occurred_ms=milliseconds(self._occurred(day)),
                booked_ms=milliseconds(self._now),
                program_version=self._version,
            ),
        )
        self.made.append(made)
        return head

    def gift(self, head: Head, amount: int, what: str, day: int, reason: str) -> Head:
        """Once a year: the year is in the cause, the day is not, for a birthday is nobody's business."""
        head, made = bonus.give(
            head,
            self._program,
            self._version,
            amount,
            cause=(what, f"{head.member_id}/{day_of(day).year}"),
            reason=reason,
            now=self._now,
            booked_by=self._booked_by,
            occurred_at=self._occurred(day),
            by_itself=True,
        )
        self.made.append(made)
        return head

    def tier(self, head: Head, before: str | None, day: int, reason: str) -> None:
        change = (before, None if head.tier is None else head.tier.id)
        until = None if head.tier is None else head.tier.until
        self._event(head, "tier", day, f"{day_of(day)}", reason, tier_change=change, until=until)

    def notice(self, head: Head, amount: int, on: int, day: int) -> None:
        reason = f"{number_of(amount, 'point')} can be used until {day_of(on)}"
        self._event(head, "notice", day, f"{day_of(on)}", reason, points=amount, expires_on=on)

    def plan(self, head: Head, name: str, last: int, day: int) -> None:
        self._event(head, "plan", day, f"{day_of(day)}", f"{name} was held until {day_of(last)}", until=last)

    def _event(
        self,
        head: Head,
        what: What,
        day: int,
        which: str,
        reason: str,
        *,
        points: int = 0,
        expires_on: int | None = None,
        tier_change: tuple[str | None, str | None] | None = None,
        until: int | None = None,
    ) -> None:
        self.made.append(
            Event(
                what=what,
                cause=(what, f"{head.member_id}/{which}/{head.version}.{head.sequence}.{len(self.made)}"),
                reason=reason,
                points=points,
                expires_on=expires_on,
                tier_change=tier_change,
                until=until,
                member_id=head.member_id,
                sequence=head.sequence,
                booked_by=self._booked_by,
                occurred_ms=milliseconds(self._occurred(day)),
                booked_ms=milliseconds(self._now),
                program_version=self._version,
            )
        )
