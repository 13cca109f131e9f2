"""Tiers by the day: what is counted where, what a sum reaches, until when, and what a refund leaves."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import tiers
from chalicelib.domain.calendar import day_number
from chalicelib.domain.member import Head, Tier
from chalicelib.domain.program import Level, Tiers
from chalicelib.domain.tiers import BUCKETS, RECENT_DAYS


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


LEVELS = [
    Level(id="low", name="Low", threshold=0),
    Level(id="mid", name="Mid", threshold=100),
    Level(id="top", name="Top", threshold=200),
]
ROLLING = Tiers(basis="spend", levels=LEVELS)
YEARLY = Tiers(basis="spend", window="calendar_year", levels=LEVELS)
FOREVER = Tiers(basis="visits", window="lifetime", levels=LEVELS)
ANN = Head(member_id="m1", enrolled_ms=0, counts="sr")
JUNE = day("2026-06-15")


def test_what_is_counted_is_named_by_basis_and_window() -> None:
    assert [tiers.counting(one) for one in (ROLLING, YEARLY, FOREVER)] == ["sr", "sc", "vl"]
    assert tiers.counted(ANN, ROLLING) and not tiers.counted(ANN, YEARLY) and not tiers.counted(ANN, None)


def test_counting_begins_for_whoever_has_nothing_to_count_yet() -> None:
    new = replace(ANN, counts="")
    assert tiers.adopt(new, ROLLING) == ANN
    assert tiers.adopt(new, None) == new
    by_points = Tiers(basis="points", levels=LEVELS)
    assert tiers.adopt(new, by_points).counts == "pr"
    for known in (
        replace(new, first_purchase_on=0),
        replace(new, window={5: 1}),
    ):
        assert tiers.adopt(known, ROLLING) == known
    for earned in (replace(new, lifetime=1), replace(new, pending={5: {0: 1}})):
        assert tiers.adopt(earned, by_points) == earned
        assert tiers.adopt(earned, ROLLING).counts == "sr"


def test_a_day_is_counted_as_itself_as_its_year_or_for_ever() -> None:
    assert [tiers.bucket(one, JUNE) for one in (ROLLING, YEARLY, FOREVER)] == [JUNE, day("2026-12-31"), 0]


def test_amounts_are_added_and_taken_back_where_they_stand() -> None:
    once = tiers.count(ANN, ROLLING, JUNE, 5)
    assert once == replace(ANN, window={JUNE: 5})
    assert tiers.count(once, ROLLING, JUNE, 7).window == {JUNE: 12}
    assert tiers.count(once, ROLLING, JUNE, -5).window == {}
    assert tiers.count(once, ROLLING, JUNE, 0) is once
    assert tiers.count(ANN, None, JUNE, 5) is ANN
    assert tiers.count(ANN, YEARLY, JUNE, 5) is ANN, "what these tiers count is something else"
    assert tiers.count(once, ROLLING, JUNE - 9, -2).window == {JUNE: 3}, "merged into a later day"
    two = replace(ANN, window={JUNE: 5, JUNE + 9: 6})
    assert tiers.count(two, ROLLING, JUNE - 9, -2).window == {JUNE: 3, JUNE + 9: 6}
    assert tiers.count(once, ROLLING, JUNE + 1, -2).window == {JUNE: 5, JUNE + 1: -2}
    forever = tiers.count(replace(ANN, counts="vl"), FOREVER, JUNE, 1)
    assert tiers.count(forever, FOREVER, 5, 1).window == {0: 2}


def test_what_is_older_than_any_window_is_forgotten() -> None:
    """Twenty-six months before the latest day, and the days of grace."""
    graced = Tiers(basis="spend", grace_days=10, levels=LEVELS)
    first = day("2024-04-15")
    old = replace(ANN, window={first - 1: 1, first: 2, JUNE - 1: 3})
    assert tiers.count(old, ROLLING, JUNE, 4).window == {first: 2, JUNE - 1: 3, JUNE: 4}
    assert tiers.count(old, graced, JUNE, 4).window == {**old.window, JUNE: 4}
    assert tiers.count(replace(ANN, window={JUNE: 5}), ROLLING, first - 1, -1).window == {JUNE: 5}
    assert tiers.count(replace(ANN, window={JUNE: 5}), ROLLING, first, -1).window == {JUNE: 4}


def test_many_days_become_few_and_nothing_is_counted_for_less_time() -> None:
    few = dict.fromkeys(range(BUCKETS), 1)
    assert tiers.merged(dict(few)) == few
    days = {10 * number: 1 for number in range(BUCKETS + 1)}
    assert tiers.merged(dict(days)) == {**{key: 1 for key in days if key > 10}, 10: 2}
    last = 5_000
    old = {100: 1, 900: 2, last - RECENT_DAYS + 1: 4}
    recent = {last - number: 1 for number in range(BUCKETS - 2)}
    assert tiers.merged({**old, **recent}) == {900: 3, last - RECENT_DAYS + 1: 4, **recent}
    tight = {last - 390: 1, last - 300: 1, last - 299: 1, **{last - 5 * number: 1 for number in range(BUCKETS - 2)}}
    after = tiers.merged(dict(tight))
    assert len(after) == BUCKETS and sum(after.values()) == BUCKETS + 1


def test_a_sum_is_of_the_window_that_ends_on_a_day() -> None:
    window = {day("2025-06-15"): 1, day("2025-06-16"): 2, JUNE: 4, JUNE + 1: 8}
    assert tiers.total(replace(ANN, window=window), ROLLING, JUNE) == 6
    years = {day("2025-12-31"): 3, day("2026-12-31"): 5}
    assert tiers.total(replace(ANN, window=years), YEARLY, JUNE) == 5
    assert tiers.total(replace(ANN, window={}), YEARLY, JUNE) == 0
    assert tiers.total(replace(ANN, window={0: 7, 9: 1}), FOREVER, JUNE) == 8


def test_a_level_is_reached_at_exactly_its_threshold() -> None:
    found = [tiers.level_reached(ROLLING, amount) for amount in (-1, 0, 99, 100, 199, 200, 999)]
    assert [None if one is None else one.id for one in found] == [None, "low", "low", "mid", "mid", "top", "top"]
    assert [tiers.rank(ROLLING, one) for one in ("low", "mid", "top", "other", None)] == [0, 1, 2, -1, -1]


@pytest.mark.parametrize(
    ("rules", "level", "until"),
    [
        (ROLLING, 1, "2027-06-30"),
        (Tiers(basis="spend", grace_days=10, levels=LEVELS), 1, "2027-07-10"),
        (YEARLY, 1, "2027-12-31"),
        (FOREVER, 1, None),
        (Tiers(basis="spend", downgrade="never", levels=LEVELS), 1, None),
        (ROLLING, 0, None),
    ],
)
def test_a_level_is_held_to_its_day(rules: Tiers, level: int, until: str | None) -> None:
    last = None if until is None else day(until)
    assert tiers.held_until(rules, LEVELS[level], JUNE) == last
    assert tiers.held(rules, LEVELS[level], JUNE, 5) == Tier(LEVELS[level].id, 5, last, 100 * level, JUNE)


LOW = Tier("low", 5)
MID = tiers.held(ROLLING, LEVELS[1], JUNE, JUNE)
TOP = tiers.held(ROLLING, LEVELS[2], JUNE, JUNE)


def test_a_sum_lifts_to_what_it_reaches_and_never_lowers() -> None:
    ready = replace(ANN, window={JUNE: 100}, tier=LOW)
    assert tiers.promote(ready, ROLLING, JUNE) == (replace(ready, tier=MID, tier_before=LOW), ("low", "mid"))
    assert tiers.promote(replace(ready, tier=None), ROLLING, JUNE)[1] == (None, "mid")
    for same in (
        replace(ready, tier=MID),
        replace(ready, tier=TOP),
        replace(ready, counts="sc"),
        replace(ready, window={}),
    ):
        assert tiers.promote(same, ROLLING, JUNE) == (same, None)
    assert tiers.promote(ready, None, JUNE) == (ready, None)
    late = tiers.promote(replace(ready, window={JUNE - 30: 60, JUNE: 40}), ROLLING, JUNE - 30)[0]
    assert late.tier == MID, "a late sale counts together with what came after it"
    of_year = replace(ANN, counts="sc", window={day("2025-12-31"): 100}, tier=LOW)
    assert tiers.promote(of_year, YEARLY, day("2025-03-01"))[1] == ("low", "mid")
    assert tiers.promote(of_year, YEARLY, JUNE)[1] is None


def lowered(window: dict[int, int], had: int, **head: Any) -> tuple[str | None, Any]:
    before = replace(ANN, **{"tier": MID, "window": {JUNE: had}, **head})
    after, change = tiers.demote_after_refund(replace(before, window=window), ROLLING, JUNE, before, JUNE + 3)
    return None if after.tier is None else after.tier.id, change


def test_a_refund_lowers_at_once_what_its_purchase_had_lifted() -> None:
    assert lowered({JUNE: 99}, 100) == ("low", ("mid", "low"))
    assert lowered({JUNE: 100}, 150) == ("mid", None), "still reached"
    assert lowered({JUNE: 50}, 99) == ("mid", None), "no sum had earned it"
    assert lowered({JUNE: 99, JUNE + 2: 1}, 100) == ("mid", None), "what came later reaches it by itself"
    assert lowered({JUNE: 99}, 100, tier_before=replace(MID, id="mid")) == ("mid", ("mid", "mid"))
    assert lowered({JUNE: 99}, 100, tier_before=replace(MID, until=JUNE + 3)) == ("mid", ("mid", "mid"))
    assert lowered({JUNE: 99}, 100, tier_before=replace(MID, until=JUNE + 2)) == ("low", ("mid", "low"))
    assert lowered({JUNE: 99}, 250, tier=TOP, tier_before=LOW) == ("low", ("top", "low"))
    assert lowered({JUNE: 150}, 250, tier=TOP, tier_before=LOW) == ("mid", ("top", "mid"))
    assert lowered({JUNE: 0}, 100, tier=replace(MID, id="gone")) == ("gone", None)
    assert lowered({JUNE: 0}, 100, counts="sc") == ("mid", None)
    assert lowered({JUNE: 0}, 100, tier=None) == (None, None)
    high = Tiers(basis="spend", levels=LEVELS[1:])
    head = replace(ANN, tier=MID, window={JUNE: 0})
    before = replace(head, window={JUNE: 100})
    assert tiers.demote_after_refund(head, high, JUNE, before, JUNE)[1] == ("mid", None)
    assert tiers.demote_after_refund(head, ROLLING, JUNE + 1, before, JUNE) == (head, None), "bought after the lift"
    assert tiers.demote_after_refund(head, None, JUNE, before, JUNE) == (head, None)
    by_mercy = replace(head, window={JUNE: 50})
    assert tiers.demote_after_refund(head, high, JUNE, by_mercy, JUNE) == (head, None), "no sum reached any level"
    since = replace(head, tier=Tier("mid", JUNE))
    assert tiers.demote_after_refund(since, ROLLING, JUNE, before, JUNE)[1] == ("mid", "low")


@pytest.mark.parametrize(
    ("downgrade", "window", "held", "left"),
    [
        ("to_earned", {}, "top", "low"),
        ("to_earned", {JUNE - 5: 100}, "top", "mid"),
        ("to_earned", {JUNE - 5: 200}, "top", "top"),
        ("one_level", {}, "top", "mid"),
        ("one_level", {JUNE - 5: 200}, "mid", "top"),
        ("one_level", {}, "low", "low"),
        ("never", {}, "top", "top"),
    ],
)
def test_at_the_windows_end_a_tier_falls_as_the_program_says(
    downgrade: Any, window: dict[int, int], held: str, left: str
) -> None:
    rules = Tiers(basis="spend", downgrade=downgrade, levels=LEVELS)
    before = replace(ANN, tier=Tier(held, 7), tier_before=LOW, window=window)
    after = tiers.assess(before, rules, JUNE)
    assert after.tier is not None and after.tier_before is None
    assert (after.tier.id, after.tier.since) == (left, 7 if left == held else JUNE)
    assert after.tier.reached == JUNE - 1
    bare = Tiers(basis="spend", downgrade="to_earned", levels=LEVELS[1:])
    assert tiers.assess(replace(before, window={}), bare, JUNE).tier is None


def test_of_calendar_years_the_last_and_the_running_one_count() -> None:
    new_year = day("2027-02-01")
    head = replace(ANN, counts="sc", tier=Tier("mid", 5), window={day("2026-12-31"): 100, day("2027-12-31"): 200})
    after = tiers.assess(head, YEARLY, new_year).tier
    assert after is not None and (after.id, after.reached) == ("top", new_year - 1)
    last = tiers.assess(replace(head, window={day("2026-12-31"): 100}), YEARLY, new_year).tier
    assert last is not None and (last.id, last.reached) == ("mid", day("2026-12-31"))


def test_a_level_that_is_gone_is_held_as_the_next_higher_one() -> None:
    fewer = Tiers(basis="spend", levels=[LEVELS[0], LEVELS[2]])
    head = replace(ANN, tier=MID)
    assert tiers.renamed(head, fewer).tier == Tier("top", MID.since, MID.until, 200, MID.reached)
    assert tiers.renamed(replace(head, tier=TOP), Tiers(basis="spend", levels=LEVELS[:2])).tier == Tier(
        "mid", TOP.since, TOP.until, 100, TOP.reached
    )
    assert tiers.renamed(head, ROLLING) is head
    none = replace(head, tier=None)
    assert tiers.renamed(none, fewer) is none


def test_counting_anew_takes_a_whole_life_into_the_buckets() -> None:
    amounts = {day("2020-01-01"): 9, JUNE - 1: 2, JUNE: 3, JUNE + 1: 0}
    assert tiers.recount(replace(ANN, counts="", window={1: 1}), ROLLING, amounts) == replace(
        ANN, window={JUNE - 1: 2, JUNE: 3}
    )
    years = tiers.recount(ANN, YEARLY, {JUNE: 3, JUNE - 1: 2})
    assert (years.counts, years.window) == ("sc", {day("2026-12-31"): 5})


def test_amounts_stand_on_their_own_day_and_a_late_refund_on_the_day_it_was_merged_into() -> None:
    later = replace(ANN, window={JUNE + 9: 1})
    assert tiers.count(later, ROLLING, JUNE, 5).window == {JUNE: 5, JUNE + 9: 1}
    assert tiers.count(ANN, ROLLING, JUNE, -5).window == {JUNE: -5}


def test_the_closest_neighbours_are_merged_first() -> None:
    days = {1_000 + 10 * number - (9 if number > 20 else 0): 1 for number in range(BUCKETS + 1)}
    assert tiers.merged(dict(days)) == {**{key: 1 for key in days if key not in (1_200, 1_201)}, 1_201: 2}


def test_a_sale_of_last_year_lifts_by_last_years_sum() -> None:
    head = replace(ANN, counts="sc", tier=LOW, window={day("2025-12-31"): 100, day("2026-12-31"): 5})
    assert tiers.promote(head, YEARLY, day("2025-03-01"))[1] == ("low", "mid")
    assert tiers.promote(head, YEARLY, JUNE)[1] is None


def test_who_falls_begins_anew_and_forgets_what_was_held_before() -> None:
    before = replace(ANN, tier=TOP, tier_before=LOW, window={JUNE: 250})
    fallen, _ = tiers.demote_after_refund(replace(before, window={JUNE: 150}), ROLLING, JUNE, before, JUNE + 3)
    assert (fallen.tier, fallen.tier_before) == (tiers.held(ROLLING, LEVELS[1], JUNE, JUNE + 3), None)
    back, _ = tiers.demote_after_refund(replace(before, window={}), ROLLING, JUNE, before, JUNE + 3)
    assert (back.tier, back.tier_before) == (LOW, None)
    bare = Tiers(basis="spend", levels=LEVELS[1:])
    gone = tiers.assess(replace(before, window={}), bare, JUNE)
    assert (gone.tier, gone.tier_before) == (None, None)


def test_of_two_windows_the_higher_level_counts_and_of_equal_ones_the_later() -> None:
    new_year = day("2027-02-01")
    bare = Tiers(basis="spend", window="calendar_year", levels=LEVELS[1:])
    head = replace(ANN, counts="sc", tier=Tier("mid", 5), window={day("2027-12-31"): 100})
    found = tiers.assess(head, bare, new_year).tier
    assert found is not None and (found.id, found.reached) == ("mid", new_year - 1)
    both = tiers.assess(replace(head, window={day("2026-12-31"): 100, day("2027-12-31"): 100}), YEARLY, new_year).tier
    assert both is not None and (both.id, both.reached) == ("mid", new_year - 1)


def test_a_level_of_the_same_threshold_takes_the_place_of_one_that_is_gone() -> None:
    other = Level(id="other", name="Other", threshold=100)
    renamed = tiers.renamed(replace(ANN, tier=MID), Tiers(basis="spend", levels=[LEVELS[0], other, LEVELS[2]]))
    assert renamed.tier is not None and renamed.tier.id == "other"
    dear = replace(TOP, id="gone", threshold=500)
    last = tiers.renamed(replace(ANN, tier=dear), ROLLING)
    assert last.tier is not None and last.tier.id == "top"
    ground = replace(ANN, tier=LOW)
    assert tiers.renamed(ground, ROLLING) is ground
