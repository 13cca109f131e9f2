"""Folding again, late, or in another order ends at the rollups of one clean pass."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from chalicelib.actions import fold
from chalicelib.actions.report import KINDS
from chalicelib.domain.calendar import local_day
from chalicelib.store import keys, rollups
from chalicelib.store.table import Lost
from tests.metrics import counting, grocer
from tests.metrics.beside import beside
from tests.metrics.grocer import Lived
from tests.metrics.living import live
from tests.moments import at
from tests.shop import Shop, program


@pytest.fixture(scope="module")
def weeks() -> Iterator[tuple[Shop, Lived]]:
    """A few households, of whom late refunds and late bookings are told."""
    with at(grocer.OPENS.isoformat()), beside(grocer.document()) as shop:
        yield shop, live(shop, grocer.Size(10, 4, 21))


def test_any_order_of_days_and_slices_and_any_day_twice_gives_the_same_rollups(weeks: tuple[Shop, Lived]) -> None:
    shop, lived = weeks
    days = sorted(lived.days)
    counting.count(shop, days)
    clean = counting.standing(shop)
    assert any(len(part) > 0 for part in clean.values())
    for seed in range(3):
        chance = random.Random(seed)
        counting.count(shop, days + chance.sample(days, len(days) // 2), chance)
        assert counting.standing(shop) == clean


def test_a_fold_that_ends_before_the_late_refunds_is_caught_up_by_the_next(weeks: tuple[Shop, Lived]) -> None:
    shop, lived = weeks
    days = sorted(lived.days)
    counting.count(shop, days)
    clean = counting.standing(shop)
    counting.count(shop, days[: len(days) // 2])
    counting.count(shop, days[len(days) // 3 :])
    assert counting.standing(shop) == clean


def test_two_workers_on_two_days_of_one_slice_lose_nothing(weeks: tuple[Shop, Lived]) -> None:
    shop, lived = weeks
    days = sorted(lived.days)
    counting.count(shop, days)
    clean = counting.standing(shop)
    busy = next(number for number in range(16) if rollups.version(shop.program_id, "SUMS", 2017, number))
    real, interfered = rollups.replace, []

    def late(program_id: str, what: str, year: int, slice_number: int, data: bytes, seen: int) -> None:
        if not interfered:
            interfered.append(True)
            real(program_id, what, year, slice_number, b"what another worker wrote", seen)
        real(program_id, what, year, slice_number, data, seen)

    with patch.object(rollups, "replace", late), patch("time.sleep"):
        fold.roll_up(shop.program_id, busy, 2017)
    assert interfered and counting.standing(shop) == clean


def test_a_rollup_is_never_written_over_what_was_not_read(weeks: tuple[Shop, Lived]) -> None:
    shop, _ = weeks
    with pytest.raises(Lost):
        rollups.replace(shop.program_id, "SUMS", 2017, 3, b"", 999)


def test_the_nightly_run_goes_on_where_it_was_and_again_changes_nothing() -> None:
    def night(moment: str) -> int:
        as_of = datetime.fromisoformat(moment)
        return sum(fold.fold_until(shop.program_id, number, as_of, as_of).rows for number in range(keys.SHARDS))

    with ExitStack() as opened:
        opened.enter_context(at("2026-03-01T10:00:00+00:00"))
        shop = opened.enter_context(beside(program()))
        for day, total in (("2026-03-02", 1000), ("2026-03-04", 2000), ("2026-04-20", 4000)):
            with at(f"{day}T10:00:00+00:00"):
                shop.buy(f"order-{day}", total)
        assert night("2026-03-03T02:00:00+00:00") == 1
        assert night("2026-03-05T02:00:00+00:00") == 1, "only what was booked since"
        assert night("2026-05-01T02:00:00+00:00") == 1, "and over weeks that nobody folded"
        clean = counting.standing(shop)
        assert night("2026-05-01T02:00:00+00:00") == 0
        assert night("2026-03-04T12:00:00+00:00") == 1, "an old day again is folded alone"
        assert counting.standing(shop) == clean
        told = counting.report(shop, "participation", **{"from": "2026-03-01", "to": "2026-04-30"})
        assert told["figures"]["guest_sales"] == 7000
        assert told["folded_through"] == "2026-05-01"


def test_what_is_booked_later_on_the_day_of_a_run_is_seen_by_the_next() -> None:
    with at("2026-03-01T10:00:00+00:00"), beside(program()) as shop:
        for hour in ("10", "20"):
            with at(f"2026-03-02T{hour}:00:00+00:00"):
                shop.buy(f"order-{hour}", 1000)
            if hour == "10":
                now = datetime(2026, 3, 2, 12, tzinfo=UTC)
                for number in range(keys.SHARDS):
                    fold.fold_until(shop.program_id, number, now, now)
        now = datetime(2026, 3, 3, 1, tzinfo=UTC)
        for number in range(keys.SHARDS):
            fold.fold_until(shop.program_id, number, now, now)
        assert (
            counting.report(shop, "participation", **{"from": "2026-03-01", "to": "2026-03-04"})["figures"][
                "guest_sales"
            ]
            == 2000
        )


def test_what_the_index_shows_only_after_midnight_is_seen_by_the_next_night() -> None:
    with at("2026-03-01T10:00:00+00:00"), beside(program()) as shop:
        for night in ("2026-03-02T22:05:00+00:00", "2026-03-03T22:05:00+00:00"):  # five past midnight in Helsinki
            now = datetime.fromisoformat(night)
            for number in range(keys.SHARDS):
                fold.fold_until(shop.program_id, number, now, now)
            with at("2026-03-02T21:59:59+00:00"):
                shop.buy("last-second", 1000)
        told = counting.report(shop, "participation", **{"from": "2026-03-02", "to": "2026-03-02"})["figures"]
        assert told["guest_sales"] == 1000


def test_a_claim_moves_a_guests_purchase_to_the_member_and_changes_no_total() -> None:
    with at("2026-03-02T10:00:00+00:00"), beside(program()) as shop:
        shop.buy("receipt", 1500)
        shop.buy("mail", 2500, email="ann@example.com")
        ann = shop.enrol(email="ann@example.com")
        assert shop.call("POST", "/purchases/receipt/claim", {"member_id": ann}).status == 201
        counting.count(shop, [local_day(datetime(2026, 3, 2, 10, tzinfo=UTC), "Europe/Helsinki")])
        window = {"from": "2026-03-01", "to": "2026-03-03"}
        figures = counting.report(shop, "participation", **window)["figures"]
        assert (figures["member_sales"], figures["guest_sales"], figures["anonymous_purchases"]) == (4000, 0, 0)
        repeat = counting.report(shop, "repeat", **window)["figures"]["all"]
        assert (repeat["customers"], repeat["purchases"]) == (1, 2), "the guest and the member are one person"


def test_what_was_bought_as_a_guest_long_ago_is_the_members_history() -> None:
    with at("2025-01-02T10:00:00+00:00"), beside(program()) as shop:
        shop.buy("old", 2500, email="ann@example.com")
        with at("2026-03-02T10:00:00+00:00"):
            ann = shop.enrol(email="ann@example.com")
            shop.buy("new", 1500, ann)
        days = [
            local_day(datetime(year, month, 2, 10, tzinfo=UTC), "Europe/Helsinki")
            for year, month in ((2025, 1), (2026, 3))
        ]
        counting.count(shop, days)
        told = counting.report(shop, "top-customers", **{"from": "2025-01-01", "to": "2026-03-03"})["figures"]
        assert told["best"] == [{"member_id": ann, "purchases": 2, "sales": 4000, "margin": 0}]
        members = counting.report(shop, "participation", **{"from": "2025-01-01", "to": "2026-03-03"})["figures"]
        assert members["member_sales"] == 1500, "it was no member's purchase when it was made"


def test_two_accounts_that_are_merged_are_one_customer() -> None:
    with at("2026-03-02T10:00:00+00:00"), beside(program()) as shop:
        ann, other = shop.enrol(email="ann@example.com"), shop.enrol(email="other@example.com")
        shop.buy("one", 1500, ann)
        shop.buy("two", 2500, other)
        body = {"from_member_id": other}
        assert shop.call("POST", f"/members/{ann}/merge", body, key=shop.staff, idem="m").status in (200, 201)
        counting.count(shop, [local_day(datetime(2026, 3, 2, 10, tzinfo=UTC), "Europe/Helsinki")])
        window = {"from": "2026-03-01", "to": "2026-03-03"}
        repeat = counting.report(shop, "repeat", **window)["figures"]["members"]
        assert (repeat["customers"], repeat["purchases"]) == (1, 2)
        assert counting.report(shop, "activity", **window)["figures"]["members"] == 1


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_empty_shop_gets_a_sensible_answer(name: str) -> None:
    with beside(program()) as shop:
        told = counting.report(shop, name, **{"from": "2026-01-01", "to": "2026-02-01"})
        assert told["question"].endswith("?") and told["formula"]
        assert any("folded" in note for note in told["notes"])
        one_day = counting.report(shop, name, **{"from": "2026-01-01", "to": "2026-01-01"})
        assert one_day["window"] == {"from": "2026-01-01", "to": "2026-01-01"}
