"""Points, vouchers, gift cards and paid plans that end while somebody uses them, or while nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.actions import attempt, redeem, settle_voucher, subscribe, walk
from chalicelib.domain import points
from chalicelib.domain.errors import Refused
from chalicelib.domain.plan import PlanStory
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import runs
from chalicelib.store.sealing import voucher_code
from chalicelib.store.table import Row
from tests.moments import at
from tests.people.people import operators_call
from tests.shop import opened, program
from tests.time.costs import walked
from tests.time.life import rules
from tests.time.world import World, world

START = datetime(2026, 1, 10, 12, tzinfo=UTC)
LAPSED = datetime(2026, 2, 28, 23, tzinfo=UTC)
"""Midnight in Budapest after the last day of January's points."""
ENDED = datetime(2026, 1, 31, 0, tzinfo=UTC)
"""After the last day of what was redeemed on START for 20 days."""
REWARDS = [
    {"id": "tea", "name": "Tea", "kind": "free_product", "value": 200, "cost": 50, "points": 60, "valid_days": 20},
    {"id": "card", "name": "Card", "kind": "gift_card", "value": 500, "cost": 500, "points": 10, "valid_days": 20},
]


@contextmanager
def shop(available: int = 100) -> Iterator[World]:
    """One member with so many points that lapse at the end of February."""
    with world(rules(expiry={"policy": "rolling", "months": 1}, rewards=REWARDS), START) as made:
        made.enrol("ann")
        made.buy("ann", available, "o")
        yield made


def kinds(made: World) -> list[tuple[str, int]]:
    return [(entry.kind, entry.points) for entry in made.memory.chain(made.program.program_id, "ann")]


def between(real: Callable[..., Any], happens: Callable[[], object]) -> Callable[..., Any]:
    """A reading after which, once, something else happens before its reader goes on."""
    over = False

    def read(*asked: Any, **more: Any) -> Any:
        nonlocal over
        found = real(*asked, **more)
        if not over:
            over = True
            happens()
        return found

    return read


def test_a_redemption_that_comes_before_the_lapse_it_raced_leaves_the_rest_to_lapse() -> None:
    with shop() as made:

        def at_the_last_minute() -> None:
            made.now = LAPSED - timedelta(seconds=1)
            redeem.redeem(made.call(), "ann", "tea", "k")

        with patch.object(walk, "load", between(walk.load, at_the_last_minute)):
            record = made.run(LAPSED)
        assert (record.done, record.failed) == (1, 0)
        assert kinds(made) == [("earn", 100), ("redeem", -60), ("expire", -40)]
        assert points.available(made.head("ann")) == 0


def test_a_redemption_that_comes_after_the_lapse_it_raced_is_refused() -> None:
    with shop() as made:
        made.now = LAPSED - timedelta(seconds=1)
        call = made.call()  # at the counter the day is not over
        with (
            patch.object(redeem, "enter", between(redeem.enter, lambda: made.run(LAPSED))),
            pytest.raises(Refused, match="points"),
        ):
            redeem.redeem(call, "ann", "tea", "k")
        assert kinds(made) == [("earn", 100), ("expire", -100)]
        assert points.available(made.head("ann")) == 0


@pytest.mark.parametrize("first", ["the schedule", "the redemption"])
def test_after_midnight_either_books_the_lapse_and_neither_books_it_twice(first: str) -> None:
    with shop() as made:
        made.now = LAPSED

        def refused() -> None:
            with pytest.raises(Refused):
                redeem.redeem(made.call(), "ann", "tea", "k")

        for act in (made.run, refused) if first == "the schedule" else (refused, made.run):
            act()
        assert kinds(made) == [("earn", 100), ("expire", -100)]


def voucher_of(made: World, kind: str) -> tuple[str, Row]:
    rows = [Row(**item) for item in made.memory.items.values() if item.get("t") == "VOUCHER"]
    row = next(row for row in rows if row.document(Voucher).voucher_kind == kind)
    return voucher_code(made.program.program_id, row.document(Voucher).origin), row


def ends(made: World) -> list[str]:
    rows = [Row(**item) for item in made.memory.items.values() if item.get("t") == "SETTLED"]
    return [row.document(Settled).outcome for row in rows]


def test_a_gift_card_with_money_left_ends_once_and_pays_no_more() -> None:
    with shop() as made:
        redeem.redeem(made.call(), "ann", "card", "k")
        code, _ = voucher_of(made, "gift_card")
        settle_voucher.use(made.call(), code, "order-1", 200)
        for _ in range(2):
            made.run(ENDED)
        assert ends(made) == ["expired"]
        made.now = ENDED
        with pytest.raises(Refused) as refused:
            settle_voucher.use(made.call(), code, "order-2", 100)
        assert refused.value.code in ("voucher_expired", "voucher_settled")
        assert voucher_of(made, "gift_card")[1].n == 300, "what an order took stays taken, the rest is nobody's"
        end = next(Row(**item) for item in made.memory.items.values() if item.get("t") == "SETTLED")
        assert end.document(Settled).amount == 300, "or the owner's report would count it as owed for ever"


def test_a_gift_card_that_was_spent_whole_only_leaves_the_index() -> None:
    with shop() as made:
        redeem.redeem(made.call(), "ann", "card", "k")
        code, row = voucher_of(made, "gift_card")
        assert row.dsk.startswith("2026-01-31")
        settle_voucher.use(made.call(), code, "order-1", 500)
        assert made.run(ENDED).done == 1
        assert ends(made) == []
        assert made.run(ENDED + timedelta(days=1)).due == 0


@pytest.mark.parametrize(("amount", "end"), [(200, ["expired"]), (500, [])])
def test_money_taken_while_a_gift_card_ends_is_taken_and_what_was_spent_whole_has_no_other_end(
    amount: int, end: list[str]
) -> None:
    with shop() as made:
        redeem.redeem(made.call(), "ann", "card", "k")
        code, _ = voucher_of(made, "gift_card")

        def at_the_last_minute() -> None:
            made.now = ENDED - timedelta(hours=2)
            settle_voucher.use(made.call(), code, "order-1", amount)

        with patch.object(walk, "load", between(walk.load, at_the_last_minute)), patch.object(attempt.time, "sleep"):
            assert made.run(ENDED).failed == 0
        assert voucher_of(made, "gift_card")[1].n == 500 - amount
        assert ends(made) == end
        assert runs.those_aside(made.program.program_id, None, 10) == []


def test_a_paid_plan_ends_by_the_schedule_and_stands_in_the_members_history() -> None:
    club = {"id": "club", "name": "Club", "percent": 200, "provider_prices": {"stripe": ["price_club"]}}
    document = program(enrolment={"mode": "open"}, plans=[club], expiry={"policy": "none"}, referral=None)
    with at("2026-05-01T12:00:00+00:00"), opened(document) as made:
        ann = made.enrol(email="ann@example.com")
        paid = PlanStory(
            subscription_id="sub_1",
            member_ids=(ann,),
            prices=("price_club",),
            paid_until_ms=int(datetime(2026, 5, 31, 12, tzinfo=UTC).timestamp() * 1000),
        )
        news = subscribe.PlanNews(provider="stripe", at_ms=0, story=paid)
        assert subscribe.subscribe(operators_call(made), news).outcome == "booked"
        assert made.member(ann)["plan"]["until"] == "2026-05-31"
        for moment in ("2026-05-31T20:00:00+00:00", "2026-05-31T21:00:00+00:00", "2026-06-01T21:00:00+00:00"):
            with at(moment):
                walked(datetime.fromisoformat(moment))
                told = made.call("GET", f"/members/{ann}/history")["items"]
                over = moment >= "2026-05-31T21"  # midnight in Helsinki
                assert [(one["what"], one["until"]) for one in told] == ([("plan", "2026-05-31")] if over else [])
                assert (made.member(ann)["plan"] is None) == over
        assert told[0]["reason"] == "Club was held until 2026-05-31"
