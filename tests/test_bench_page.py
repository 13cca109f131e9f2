"""The page of benchmarks: every section's rows as measured, what is not within its bounds told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from unittest.mock import patch

from tests.bench import page
from tests.bench.page import Section
from tests.bench.sections import MOST_DOLLARS, actions, keeps, money

EARN = Section("What a call costs", "Counted.", ("action", "units"), (("earn", "6 ≤ 6"),))


def test_the_page_holds_each_section_as_a_table_with_the_day_and_the_machines_kind(tmp_path: Path) -> None:
    with patch.object(page, "PAGE", tmp_path / "benchmarks.md"):
        page.write([EARN], date(2026, 11, 22))
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "on 2026-11-22" in text and "processors" in text and "Python 3." in text
    assert text.endswith("## What a call costs\n\nCounted.\n\n| action | units |\n| --- | ---: |\n| earn | 6 ≤ 6 |\n")


def test_what_is_above_its_bound_is_told_beside_its_title() -> None:
    assert "NOT WITHIN" not in EARN.text()
    assert "NOT WITHIN" in Section("A", "", ("a",), (("1",),), within=False).text()


def test_every_action_and_a_million_purchases_keep_their_bounds() -> None:
    assert actions().within
    found = money()
    assert found.within and found.rows[-1][1].endswith(f"≤ ${MOST_DOLLARS}")


def test_what_counting_and_reports_take_is_held_to_what_is_promised() -> None:
    kept = [("61,112", "≥ 50,000"), ("28.4 MB", ""), ("200 ms", "≤ 200 ms"), ("17.0 s", "≤ 20 s")]
    assert [keeps(*row) for row in kept] == [True] * len(kept)
    broken = [("49,999", "≥ 50,000"), ("224 ms", "≤ 200 ms"), ("20.1 s", "≤ 20 s")]
    assert [keeps(*row) for row in broken] == [False] * len(broken)
