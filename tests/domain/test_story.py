"""What a sale's tellings come to, whatever their order: the same money is counted once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from chalicelib.domain import story as stories
from chalicelib.domain.purchase import Line, Sale
from chalicelib.domain.story import Return, Story, Telling

Step = Callable[[Story], Story]
SALE = Telling(10_000, "EUR")


def shop(name: str, amount: int) -> Step:
    return lambda story: stories.returned(story, name, Return(amount, 5, by_shop=True))


def provider(name: str, amount: int, made: int = 5) -> Step:
    return lambda story: stories.returned(story, name, Return(amount, made, by_provider=True))


def failed(name: str, amount: int, at: int = 20) -> Step:
    return lambda story: stories.returned(story, name, Return(amount, 5, failed=True, failed_ms=at, by_provider=True))


def in_all(amount: int, at: int = 10) -> Step:
    return lambda story: stories.returned_in_all(story, at, amount)


def dispute(amount: int, state: str) -> Step:
    return lambda story: stories.disputed(story, "dp", amount, state)


def ends(steps: Sequence[Step]) -> set[tuple[int, int]]:
    """What every order of the steps comes to, each step told twice: (gone back, held)."""
    found = set()
    for order in itertools.permutations(steps):
        story = stories.told(Story(order_id="A"), SALE, None)
        for step in (*order, *order[::-1]):
            story = step(story)
        found.add((story.refunded, story.disputed))
    return found


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([provider("re", 400)], (400, 0)),
        ([shop("R", 400), provider("re", 400)], (400, 0)),
        ([shop("R", 400), provider("re", 400), provider("re2", 100)], (500, 0)),
        ([shop("R", 400), shop("R2", 400), provider("re", 400)], (800, 0)),
        ([shop("R", 1_000), provider("re", 500), provider("re2", 500)], (1_000, 0)),
        ([shop("R", 400), provider("re", 300)], (700, 0)),
        ([shop("R", 400), provider("R", 400), provider("re", 400)], (800, 0)),
        ([in_all(400), provider("re", 400)], (400, 0)),
        ([in_all(400), in_all(900, 11), provider("re", 400)], (900, 0)),
        ([shop("R", 400), in_all(400)], (400, 0)),
        ([provider("re", 400), failed("re", 400)], (0, 0)),
        ([in_all(400), failed("re", 400)], (0, 0)),
        ([in_all(400, 30), failed("re", 400)], (400, 0)),
        ([in_all(20_000)], (10_000, 0)),
        ([dispute(4_000, "open")], (0, 4_000)),
        ([dispute(4_000, "open"), provider("re", 9_000)], (9_000, 1_000)),
        ([dispute(4_000, "open"), dispute(4_000, "won")], (0, 0)),
        ([dispute(4_000, "open"), dispute(4_000, "lost"), provider("re", 1_000)], (5_000, 0)),
    ],
)
def test_the_same_money_is_counted_once_in_every_order(steps: list[Step], end: tuple[int, int]) -> None:
    assert ends(steps) == {end}


def test_the_richest_telling_decides_and_the_shops_own_above_all() -> None:
    tellings = [
        Telling(10_000, "EUR"),
        Telling(10_000, "EUR", tax=500, detail=1),
        Telling(10_000, "EUR", tax=2_000, delivery=500, detail=2),
        Telling(10_000, "EUR", tax=100, detail=stories.SHOP),
    ]
    for count, best in ((2, 1), (3, 2), (4, 3)):
        for order in itertools.permutations(tellings[:count]):
            story = Story(order_id="A")
            for telling in order:
                story = stories.told(story, telling, None)
            assert story.best == tellings[best]


def test_two_stories_joined_know_what_either_knew() -> None:
    one = provider("re", 400)(stories.told(Story(order_id="A", ids=("A",)), SALE, "b"))
    other = dispute(900, "open")(
        provider("re2", 100)(Story(order_id="pi", ids=("pi",), payment="a", emails=(("email", "x"),)))
    )
    for story in (stories.joined(one, other), stories.joined(other, one)):
        assert (story.refunded, story.disputed, story.ids, story.emails) == (500, 900, ("A", "pi"), (("email", "x"),))


def test_of_two_tellings_that_tell_as_much_apart_the_one_with_more_tax_and_delivery_decides() -> None:
    poorest_first = [
        Telling(10_000, "EUR", tax=1, delivery=2),
        Telling(10_000, "EUR", tax=1, delivery=3),
        Telling(10_000, "EUR", tax=2, delivery=2),
        Telling(10_000, "EUR", tax=2, delivery=2, lines=(Line("a", None, 1, 1),)),
        Telling(10_000, "EUR", tax=2, delivery=2, lines=(Line("b", None, 1, 1),)),
        Telling(10_000, "EUR", detail=1),
    ]
    for poorer, richer in itertools.pairwise(poorest_first):
        for order in ((poorer, richer), (richer, poorer)):
            story = Story(order_id="A")
            for telling in order:
                story = stories.told(story, telling, None)
            assert story.best == richer


def test_a_telling_is_the_sale_that_it_tells() -> None:
    lines = (Line("a", "cake", 1, 700),)
    telling = Telling(1_000, "EUR", 200, 100, 2, lines, 5, "stripe")
    assert telling.sale == Sale(total=1_000, currency="EUR", tax=200, delivery=100, lines=lines)


def test_what_paid_is_the_first_of_what_was_told_by_name() -> None:
    for told in itertools.permutations(["b", None, "a"]):
        story = Story(order_id="A")
        for payment in told:
            story = stories.told(story, SALE, payment)
        assert story.payment == "a"
    assert stories.told(Story(order_id="A"), SALE, None).payment is None


def test_without_a_telling_of_the_sale_nothing_limits_what_went_back() -> None:
    story = dispute(300, "open")(provider("re", 400)(Story(order_id="A")))
    assert (story.refunded, story.disputed) == (400, 300)


@pytest.mark.parametrize(
    ("made", "failed_at", "total_at", "left"),
    [
        (5, 20, 19, 0),
        (5, 20, 20, 400),
        (10, 20, 10, 0),
        (11, 20, 10, 400),
        (None, 20, 10, 0),
        (5, None, 10, 400),
    ],
)
def test_a_total_counts_what_was_made_before_it_and_failed_only_after_it(
    made: int | None, failed_at: int | None, total_at: int, left: int
) -> None:
    for by_provider in (True, False):
        gone = Return(400, made, failed=True, failed_ms=failed_at, by_provider=by_provider, by_shop=not by_provider)
        story = stories.returned(stories.told(Story(order_id="A"), SALE, None), "re", gone)
        assert stories.returned_in_all(story, total_at, 400).refunded == (left if by_provider else 400)


def test_a_refund_told_again_keeps_the_larger_amount_and_the_earlier_times() -> None:
    told = [
        Return(400, 7, failed=True, failed_ms=30, by_shop=True),
        Return(300, 5, failed_ms=None, by_provider=True),
        Return(100, None, failed_ms=20),
    ]
    for order in itertools.permutations(told):
        story = Story(order_id="A")
        for one in order:
            story = stories.returned(story, "re", one)
        assert story.returns == {"re": Return(400, 5, True, 20, True, True)}
    two = stories.returned(stories.returned(Story(order_id="A"), "b", told[1]), "a", told[1])
    assert list(two.returns.items()) == [("a", told[1]), ("b", told[1])]


def test_of_two_tellings_of_a_dispute_the_further_one_decides_and_then_the_larger() -> None:
    for order in itertools.permutations([(900, "open"), (500, "won"), (300, "lost"), (400, "lost")]):
        story = Story(order_id="A")
        for amount, state in order:
            story = dispute(amount, state)(story)
        assert story.disputes == {"dp": (400, "lost")}
    two = stories.disputed(stories.disputed(Story(order_id="A"), "b", 1, "won"), "a", 2, "open")
    assert list(two.disputes.items()) == [("a", (2, "open")), ("b", (1, "won"))]


def test_stories_that_are_one_sales_end_alike_whichever_keeps_its_place() -> None:
    one = Story(
        order_id="A",
        ids=("A", "x"),
        best=replace(SALE, detail=1),
        payment="b",
        member_ids=("m2",),
        customers=(("c", "2"),),
        emails=(("email", "b"),),
        returns={"r1": Return(100, 4, by_shop=True)},
        totals=((9, 100),),
        disputes={"d1": (50, "won")},
        fee=True,
    )
    other = Story(
        order_id="pi",
        ids=("pi", "x"),
        best=replace(SALE, detail=2),
        payment="a",
        member_ids=("m1", "m2"),
        customers=(("c", "1"),),
        emails=(("email", "a"),),
        returns={"r1": Return(200, 5, by_provider=True), "r0": Return(5)},
        totals=((8, 50), (9, 100)),
        disputes={"d0": (60, "open")},
    )
    both = Story(
        order_id="A",
        ids=("A", "pi", "x"),
        best=replace(SALE, detail=2),
        payment="a",
        member_ids=("m1", "m2"),
        customers=(("c", "1"), ("c", "2")),
        emails=(("email", "a"), ("email", "b")),
        returns={"r0": Return(5), "r1": Return(200, 4, by_shop=True, by_provider=True)},
        totals=((8, 50), (9, 100)),
        disputes={"d0": (60, "open"), "d1": (50, "won")},
        fee=True,
    )
    assert stories.joined(one, other) == both
    assert stories.joined(other, one) == replace(both, order_id="pi")
    untold = replace(other, best=None, payment=None)
    assert stories.joined(one, untold) == replace(both, best=one.best, payment="b")
    assert not stories.joined(other, replace(other, order_id="z")).fee
