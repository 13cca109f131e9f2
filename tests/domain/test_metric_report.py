"""What every report is made of: fractions with their parts, and the months of a window."""

from __future__ import annotations

import pytest

from chalicelib.domain.metric_report import Rate, month_index, month_name, months, rate
from tests.domain.june import day


def test_a_fraction_stands_beside_its_parts_and_has_no_value_over_nothing() -> None:
    assert rate(1, 4) == Rate(value=0.25, numerator=1, denominator=4)
    assert rate(3, 0) == Rate(value=None, numerator=3, denominator=0)
    assert rate(-1, 1) == Rate(value=-1.0, numerator=-1, denominator=1)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-01-31", "2026-01-31", [("2026-01", "2026-01-31", "2026-01-31")]),
        (
            "2025-12-30",
            "2026-02-01",
            [
                ("2025-12", "2025-12-30", "2025-12-31"),
                ("2026-01", "2026-01-01", "2026-01-31"),
                ("2026-02", "2026-02-01", "2026-02-01"),
            ],
        ),
        ("2024-02-01", "2024-02-29", [("2024-02", "2024-02-01", "2024-02-29")]),
        ("2026-01-02", "2026-01-01", []),
    ],
)
def test_a_window_is_cut_where_months_end(first: str, last: str, expected: list[tuple[str, str, str]]) -> None:
    told = [(name, day(begun), day(ended)) for name, begun, ended in expected]
    assert list(months(day(first), day(last))) == told


@pytest.mark.parametrize(
    ("text", "index"), [("2025-12-31", 24311), ("2026-01-01", 24312), ("2026-02-28", 24313), ("2026-12-01", 24323)]
)
def test_a_month_has_a_number_and_a_name(text: str, index: int) -> None:
    assert month_index(day(text)) == index
    assert month_name(index) == text[:7]
