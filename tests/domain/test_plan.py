"""Paid plans: what tellings of a subscription come to in any order, until when a plan is held, and which one."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import plan as plans
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.member import Head
from chalicelib.domain.plan import DAY_MS, KEPT_DAYS, CustomerStory, PlanStory, State
from chalicelib.domain.program import Plan
from tests.domain.sales import TODAY, shop

CLUB = Plan(id="club", name="Club", percent=200, grace_days=7, provider_prices={"stripe": ["p1", "p2"]})
PATRON = Plan(id="patron", name="Patron", percent=300, provider_prices={"stripe": ["p3"], "square": ["p1"]})
CLUBS = shop(
    plans=[
        {"id": "club", "name": "Club", "percent": 200, "provider_prices": {"stripe": ["p1", "p2"]}},
        {"id": "patron", "name": "Patron", "percent": 300, "provider_prices": {"stripe": ["p3"], "square": ["p1"]}},
        {"id": "idle", "name": "Idle"},
    ]
)
HEAD = Head(member_id="ann", enrolled_ms=0)
NOON = milliseconds(datetime(2026, 6, 15, 12, 0, tzinfo=UTC))  # of TODAY
EMPTY = PlanStory(subscription_id="sub")


def at(second: float) -> tuple[float, bool, float, str]:
    return (second, False, 0.0, "")


def test_what_was_told_comes_to_the_same_in_every_order_and_however_often() -> None:
    tellings = [
        PlanStory(
            subscription_id="sub", state=State(at(2), "active", 50), member_ids=("m2",), emails=(("email", "b"),)
        ),
        PlanStory(subscription_id="sub", state=State(at(3), "canceled", 40), ended_ms=90, customers=(("c", "2"),)),
        PlanStory(subscription_id="sub", paid_until_ms=70, prices=("p1",), priced=at(1), member_ids=("m1", "m2")),
        PlanStory(subscription_id="sub", paid_until_ms=60, failed_ms=20, prices=("p2", "p3"), priced=at(2)),
        PlanStory(subscription_id="", failed_ms=30, ended_ms=80, customers=(("c", "1"),), emails=(("email", "a"),)),
    ]
    for order in itertools.permutations(tellings):
        story = replace(EMPTY, owner="ann")
        for telling in (*order, *order[::-1]):
            story = plans.folded(story, telling)
        assert story == PlanStory(
            subscription_id="sub",
            state=State(at(3), "canceled", 40),
            paid_until_ms=70,
            failed_ms=30,
            ended_ms=80,
            prices=("p2", "p3"),
            priced=at(2),
            member_ids=("m1", "m2"),
            customers=(("c", "1"), ("c", "2")),
            emails=(("email", "a"), ("email", "b")),
            owner="ann",
        )


def test_nothing_told_is_nothing_known() -> None:
    assert plans.folded(EMPTY, PlanStory(subscription_id="other")) == EMPTY


@pytest.mark.parametrize(
    ("one", "other", "prices"),
    [
        ((("p1",), at(1)), (("p2",), at(2)), ("p2",)),
        ((("p1",), at(1)), (("p2",), at(1)), ("p2",)),
        ((("p1",), at(1)), ((), at(2)), ("p1",)),
        (((), at(2)), ((), at(1)), ()),
    ],
)
def test_the_newest_prices_decide_and_none_told_do_not_take_away_what_is_known(
    one: tuple[Any, Any], other: tuple[Any, Any], prices: tuple[str, ...]
) -> None:
    first, second = (replace(EMPTY, prices=told, priced=when) for told, when in (one, other))
    for before, news in ((first, second), (second, first)):
        story = plans.folded(before, news)
        assert (story.prices, story.priced) == (prices, max(one[1], other[1]))


def test_what_is_known_of_a_customer_grows() -> None:
    news = PlanStory(subscription_id="s2", member_ids=("m2", "m1"), emails=(("email", "b"),), customers=(("c", "x"),))
    known = CustomerStory(member_ids=("m3",), emails=(("email", "a"),), subscriptions=("s3", "s1"))
    assert plans.met(known, news) == CustomerStory(
        member_ids=("m1", "m2", "m3"), emails=(("email", "a"), ("email", "b")), subscriptions=("s1", "s2", "s3")
    )
    alone = plans.met(known, replace(news, subscription_id=""))
    assert alone.subscriptions == ("s1", "s3"), "a customer told alone names no subscription"


@pytest.mark.parametrize(
    ("provider", "prices", "plan_id"),
    [
        ("stripe", ("p1",), "club"),
        ("stripe", ("x", "p2"), "club"),
        ("stripe", ("p3",), "patron"),
        ("square", ("p1",), "patron"),
        ("stripe", ("p3", "p1"), "club"),
        ("square", ("p3",), None),
        ("stripe", (), None),
        ("other", ("p1",), None),
    ],
)
def test_a_price_pays_for_the_plan_that_names_it(provider: str, prices: tuple[str, ...], plan_id: str | None) -> None:
    found = plans.plan_of(CLUBS, provider, prices)
    assert (found and found.id) == plan_id


def until(zone: str = "UTC", **told: Any) -> int | None:
    day = plans.until(replace(EMPTY, **told), CLUB, zone)
    return None if day is None else day - TODAY


def state(status: str, end: int | None = None, cancel: int | None = None) -> State:
    return State(at(1), status, *(None if days is None else NOON + days * DAY_MS for days in (end, cancel)))


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ({}, None),
        ({"paid_until_ms": NOON}, 0),
        ({"state": state("active", 30)}, 30),
        ({"state": state("trialing", 30)}, 30),
        ({"state": state("active")}, None),
        ({"state": state("active", 30), "paid_until_ms": NOON}, 30),
        ({"state": state("active", 30), "paid_until_ms": NOON + 31 * DAY_MS}, 31),
        ({"state": state("canceled", 30), "paid_until_ms": NOON}, 0),
        ({"state": state("canceled", 30)}, None),
        ({"state": state("incomplete", 30)}, None),
        ({"state": state("past_due", 30), "paid_until_ms": NOON}, 7),
        ({"state": state("past_due", 30)}, None),
        ({"state": state("active", 30), "paid_until_ms": NOON, "failed_ms": NOON}, 30),
        ({"state": state("unpaid", 30), "paid_until_ms": NOON, "failed_ms": NOON}, 0),
        ({"failed_ms": NOON}, None),
        ({"failed_ms": NOON, "paid_until_ms": NOON}, 7),
        ({"failed_ms": NOON - DAY_MS, "paid_until_ms": NOON}, 7),
        ({"failed_ms": NOON - DAY_MS - 1, "paid_until_ms": NOON}, 0),
        ({"state": state("active", 30, 10)}, 10),
        ({"state": state("active", 30, 40)}, 30),
        ({"state": state("past_due", 30, 5), "paid_until_ms": NOON}, 5),
        ({"state": state("active", 30, 10), "ended_ms": NOON + 3 * DAY_MS}, 3),
        ({"state": state("active", 30, 10), "ended_ms": NOON + 20 * DAY_MS}, 10),
        ({"paid_until_ms": NOON, "ended_ms": NOON - DAY_MS}, -1),
        ({"paid_until_ms": NOON + 12 * 3_600_000 - 1}, 0),
        ({"paid_until_ms": NOON + 12 * 3_600_000}, 1),
        ({"paid_until_ms": NOON, "zone": "Pacific/Kiritimati"}, 1),
    ],
)
def test_a_plan_is_held_as_long_as_it_is_paid_and_in_grace_while_it_is_collected(
    told: dict[str, Any], last: int | None
) -> None:
    assert until(**told) == last


def test_so_many_days_a_plan_that_has_ended_stays_known() -> None:
    old, gone = TODAY - KEPT_DAYS, TODAY - KEPT_DAYS - 1
    for last, stays in ((TODAY, True), (old, True), (gone, False)):
        assert plans.held(HEAD, "b", "club", last, TODAY).plans == ({"b": ("club", last)} if stays else {})
    head = replace(HEAD, plans={"c": ("club", old), "a": ("club", gone), "b": ("club", 5)})
    assert list(plans.held(head, "b", "patron", TODAY, TODAY).plans.items()) == [
        ("b", ("patron", TODAY)),
        ("c", ("club", old)),
    ], "in the order of their names, so that a head is the same however it came about"
    same = replace(HEAD, plans={"b": ("club", TODAY)})
    assert plans.held(same, "b", None, TODAY, TODAY).plans == plans.held(same, "b", "club", None, TODAY).plans == {}
    assert plans.held(same, "b", "club", TODAY, TODAY) is same


def test_a_plan_ends_on_the_day_after_its_last_unless_that_was_told() -> None:
    head = replace(HEAD, plans={"a": ("club", 9), "b": ("club", 10), "c": ("club", 11)}, plans_told=10)
    assert plans.ends(head) == [11, 12]


@pytest.mark.parametrize(
    ("rows", "told", "day", "ended"),
    [
        ({"a": ("club", 9)}, 0, 10, [("club", 9)]),
        ({"a": ("club", 10)}, 0, 10, []),
        ({"a": ("club", 9)}, 9, 10, [("club", 9)]),
        ({"a": ("club", 9)}, 10, 10, []),
        ({"a": ("patron", 8), "b": ("club", 9)}, 0, 10, [("patron", 8), ("club", 9)]),
        ({"a": ("club", 9), "b": ("club", 9)}, 0, 10, [("club", 9)]),
        ({"a": ("club", 9), "b": ("club", 10)}, 0, 10, None),
        ({"a": ("gone", 9), "b": ("club", 8)}, 0, 10, [("club", 8)]),
        ({"a": ("gone", 9)}, 0, 10, None),
        ({}, 0, 10, []),
    ],
)
def test_each_plan_that_nothing_pays_for_any_more_is_told_once(
    rows: dict[str, tuple[str, int]], told: int, day: int, ended: list[tuple[str, int]] | None
) -> None:
    """None: something ended, and nobody is told of it."""
    head = replace(HEAD, plans=rows, plans_told=told)
    after, found = plans.ended(head, CLUBS, day)
    assert [(plan.id, last) for plan, last in found] == (ended or [])
    assert after == (head if ended == [] else replace(head, plans_told=day))


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ({}, None),
        ({"a": ("club", 10)}, ("club", 10)),
        ({"a": ("club", 9)}, None),
        ({"a": ("club", 30), "b": ("patron", 10)}, ("patron", 10)),
        ({"a": ("club", 30), "b": ("club", 31), "c": ("idle", 99)}, ("club", 31)),
        ({"a": ("gone", 30)}, None),
        ({"a": ("gone", 30), "b": ("idle", 11)}, ("idle", 11)),
    ],
)
def test_of_several_plans_the_one_that_gives_most_is_held(
    rows: dict[str, tuple[str, int]], held: tuple[str, int] | None
) -> None:
    assert plans.on(replace(HEAD, plans=rows), CLUBS, 10) == held
