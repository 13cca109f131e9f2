"""What a sale's tellings come to, whatever their order: the same money is counted once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from chalicelib.domain import story as stories
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
