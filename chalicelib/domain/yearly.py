"""Days that come once a year for a member: the birthday, and that of joining.

The year of birth is nobody's business here: the head knows only the next day on which to celebrate. 29 February is
kept on the 28th of common years.
"""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from chalicelib.domain.calendar import day_number, day_of, in_year, local_day, moment_of
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program

APART_DAYS = 300
"""Two birthdays of one member lie in two calendar years and at least so many days apart, however often the date that
they gave is changed."""


def _next(month: int, day: int, first: int) -> int:
    """The first such date on or after a day."""
    year = day_of(first).year
    on = day_number(in_year(year, month, day))
    return on if on >= first else day_number(in_year(year + 1, month, day))


def with_birthday(head: Head, program: Program, birthday: str | None, today: int) -> Head:
    """The member with the birthday that they gave (ISO date), or without one; today counts."""
    if birthday is None or program.earning.birthday_points == 0:
        return replace(head, birthday_on=None, leap_birthday=False)
    born = date.fromisoformat(birthday)
    first = today
    if head.birthday_paid:
        new_year = day_number(date(day_of(head.birthday_paid).year + 1, 1, 1))
        first = max(today, new_year, head.birthday_paid + APART_DAYS)
    leap = (born.month, born.day) == (2, 29)
    return replace(head, birthday_on=_next(born.month, born.day, first), leap_birthday=leap)


def after_birthday(head: Head, on: int, paid: bool) -> Head:
    """The birthday of a day is over; the next is a year later."""
    was = day_of(on)
    month, day = (2, 29) if head.leap_birthday else (was.month, was.day)
    following = day_number(in_year(was.year + 1, month, day))
    return replace(head, birthday_on=following, birthday_paid=on if paid else head.birthday_paid)


def joined_on(head: Head, program: Program) -> int:
    """The day of joining, as the shop counts days."""
    return local_day(moment_of(head.enrolled_ms), program.time_zone)


def with_anniversary(head: Head, program: Program, today: int) -> Head:
    """The member with the next anniversary of joining, today's included; none where the program gives nothing."""
    if program.earning.anniversary_points == 0:
        return replace(head, anniversary_on=None)
    joined = joined_on(head, program)
    since = day_of(joined)
    return replace(head, anniversary_on=_next(since.month, since.day, max(today, joined + 1)))


def after_anniversary(head: Head, program: Program, on: int) -> Head:
    return with_anniversary(head, program, on + 1)


def together(target: Head, source: Head) -> Head:
    """The days of two accounts that become one: the birthday once, the anniversary of who joined first, and neither
    in a year in which either account had its own."""
    birthday = target if target.birthday_on is not None else source
    paid = max(target.birthday_paid, source.birthday_paid)
    celebrated = birthday.birthday_on
    if celebrated is not None and paid and day_of(celebrated).year <= day_of(paid).year:
        celebrated = after_birthday(birthday, celebrated, paid=False).birthday_on
    first, later = sorted((target, source), key=lambda head: head.enrolled_ms)
    anniversary = first.anniversary_on
    if anniversary is not None and later.anniversary_on is not None:
        was = day_of(anniversary)
        year = max(was.year, day_of(later.anniversary_on).year)
        anniversary = day_number(in_year(year, was.month, was.day))
    return replace(
        target,
        birthday_on=celebrated,
        leap_birthday=birthday.leap_birthday,
        birthday_paid=paid,
        anniversary_on=anniversary or later.anniversary_on,
    )


def forgotten(head: Head) -> Head:
    """The member without any trace of a birthday, as erasing a person leaves them."""
    return replace(head, birthday_on=None, leap_birthday=False, birthday_paid=0)
