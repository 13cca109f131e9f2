"""Days and months as a shop counts them, in the program's own time zone.

A *day number* is a count of days since 1970-01-01: what heads and sort keys hold, because it is small and sorts.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from chalicelib.domain.program import zone

_EPOCH = date(1970, 1, 1).toordinal()
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def day_number(day: date) -> int:
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    return date.fromordinal(number + _EPOCH)


@lru_cache(maxsize=4096)
def local_day(moment: datetime, time_zone: str) -> int:
    """The day number on which ``moment`` falls for the shop. One decision asks for the same moment many times."""
    return day_number(moment.astimezone(zone(time_zone)).date())


def start_of(number: int, time_zone: str) -> datetime:
    """The first moment of a day for the shop, in UTC; on daylight-saving days too."""
    return datetime.combine(day_of(number), time.min, zone(time_zone)).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day so many months later; a day that the month lacks becomes its last."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def end_of_month(day: date, months_later: int = 0) -> date:
    """The last day of the month that lies so many months after ``day``'s."""
    first = add_months(day.replace(day=1), months_later)
    return first.replace(day=monthrange(first.year, first.month)[1])


def in_year(year: int, month: int, day: int) -> date:
    """A yearly date in a given year; 29 February is kept on 28 February of common years."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, exactly (float timestamps round)."""
    since = moment - _BEGINNING
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def moment_of(ms: int) -> datetime:
    return _BEGINNING + timedelta(milliseconds=ms)
