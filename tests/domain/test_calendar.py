"""Days and moments as a shop counts them, at their edges."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.calendar import end_of_month, milliseconds, start_of
from tests.domain.sales import TODAY


@pytest.fixture
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("machine_in_tokyo")
@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", "2026-06-15T00:00+00:00"),
        ("Europe/Berlin", "2026-06-14T22:00+00:00"),
        ("America/New_York", "2026-06-15T04:00+00:00"),
        ("Asia/Kolkata", "2026-06-14T18:30+00:00"),
    ],
)
def test_a_day_begins_at_the_shops_midnight_told_in_universal_time(zone: str, moment: str) -> None:
    begun = start_of(TODAY, zone)
    assert (begun, begun.tzinfo) == (datetime.fromisoformat(moment), UTC)


def test_milliseconds_are_whole_and_rounded_down() -> None:
    day_ms = 86_400_000
    begun = datetime(1970, 1, 3, tzinfo=UTC)
    for microseconds, told in [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (999_999, 999), (1_000_000, 1_000)]:
        found = milliseconds(begun + timedelta(microseconds=microseconds))
        assert (found, type(found)) == (2 * day_ms + told, int)


def test_the_last_day_of_a_month_is_its_own_from_any_day_of_any_month() -> None:
    for first in (1, 28, 31):
        assert end_of_month(date(2026, 1, first), 1) == date(2026, 2, 28)
        assert end_of_month(date(2027, 1, first), 13) == date(2028, 2, 29)
        assert end_of_month(date(2026, 1, first)) == date(2026, 1, 31)
