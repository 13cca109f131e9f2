"""A batch is read item by item: somebody may act between the reading of one item and that of the next.

For every pair of things done to one sale or by one member, the readings of one are torn apart at every item while the
other happens. Whatever it saw, answers and ledger must be as if one had come after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import pytest

from chalicelib.actions import earn, gift_card, grant, settle_voucher
from chalicelib.actions.claim import claim
from chalicelib.domain import points
from chalicelib.domain.errors import Refused
from chalicelib.domain.purchase import Refund, Sale
from chalicelib.domain.reconciliation import differences
from chalicelib.store import entries, keys, stories, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import Row
from tests.memory import Memory, remembered
from tests.payments.test_tellings_at_once import hear, of
from tests.payments.till import charge, dispute, refund, session
from tests.test_properties import Till
from tests.test_races import give_back, sell, take

Act = Callable[[Till], object]
SALE = "A"


def told_by_the_shop(till: Till) -> None:
    sell(till, SALE, 1_000)


def a_guests(till: Till) -> None:
    sell(till, SALE, 1_000, member=False)


def told_by_both(till: Till) -> None:
    sell(till, SALE, 1_000)
    hear(till, charge("pi", 1_000, **of(SALE)))


def a_guests_told_by_both(till: Till) -> None:
    sell(till, SALE, 1_000, member=False)
    hear(till, charge("pi", 1_000, **of(SALE)))


def told_by_the_provider(till: Till) -> None:
    hear(till, charge("pi", 1_000, **of(SALE)))


def told_by_the_provider_and_disputed(till: Till) -> None:
    told_by_the_provider(till)
    hear(till, dispute("created", "pi", "dp_1", 400))


SALES: list[Act] = [
    told_by_the_shop,
    a_guests,
    told_by_both,
    a_guests_told_by_both,
    told_by_the_provider,
    told_by_the_provider_and_disputed,
]

TO_A_SALE: dict[str, Act] = {
    "the shop gives a part back": lambda till: give_back(till, SALE, "r1", 300),
    "the shop gives everything back": lambda till: give_back(till, SALE, "r2", 1_000),
    "the provider gives a part back": lambda till: hear(till, refund("pi", "re_1", 500)),
    "a payment is disputed": lambda till: hear(till, dispute("created", "pi", "dp_2", 300)),
    "a dispute is won": lambda till: hear(till, dispute("closed", "pi", "dp_1", 400, status="won")),
    "the provider tells more": lambda till: hear(till, session("pi", 1_000, tax=200, **of(SALE))),
    "the shop tells it": lambda till: sell(till, SALE, 1_000),
    "a card pays": lambda till: settle_voucher.use(till.call(), card(till), SALE, 400),
    "another card pays": lambda till: settle_voucher.use(till.call(), card(till, "k2"), SALE, 700),
    "it is claimed": lambda till: claim(till.call(), SALE, till.member_id),
}


def with_a_voucher(till: Till) -> None:
    sell(till, "before", 1_000)
    take(till, "small", "first")


def voucher(till: Till) -> str:
    """The code of the one that was redeemed first: told again, so it is answered as then."""
    return vouchers.code_of(till.program_id, take(till, "small", "first").voucher)


def buy_with(till: Till, code: str, order_id: str = "with") -> object:
    order = earn.Order(
        order_id=order_id,
        sale=Sale(total=800, currency="EUR"),
        fingerprint="with",
        member_id=till.member_id,
        voucher_codes=(code,),
    )
    return earn.earn(till.call(), order)


BY_A_MEMBER: dict[str, Act] = {
    "a reward is redeemed": lambda till: take(till, "large", "key"),
    "another is redeemed": lambda till: take(till, "large", "key2"),
    "points are taken": lambda till: grant.adjust(till.call(), till.member_id, -120, "By hand", "key"),
    "a voucher is used": lambda till: settle_voucher.use(till.call(), voucher(till), "elsewhere", None),
    "a voucher is used in a purchase": lambda till: buy_with(till, voucher(till)),
    "a card is used in a purchase": lambda till: buy_with(till, card(till), "paid"),
    "a voucher is cancelled": lambda till: settle_voucher.cancel(till.call(), voucher(till)),
    "a card is cancelled": lambda till: settle_voucher.cancel(till.call(), card(till)),
    "a card pays": lambda till: settle_voucher.use(till.call(), card(till), "before", 700),
    "a purchase goes back": lambda till: give_back(till, "before", "r", 1_000),
}


def card(till: Till, key: str = "k1") -> str:
    return vouchers.code_of(till.program_id, gift_card.sell_card(till.call(), 1_000, None, key).voucher)


def done(till: Till, act: Act) -> str:
    try:
        told = act(till)
    except Refused as refusal:
        # A card that was just cancelled has nothing left: either says so.
        return "insufficient_balance" if refusal.code == "voucher_settled" else refusal.code
    return told if isinstance(told, str) else "done"


def state(till: Till) -> tuple[object, ...]:
    """What anybody could see of it: the member's points, what the cards hold, how the sale stands."""
    head = till.head()
    assert differences(head, till.memory.chain(till.program_id, till.member_id)) == []
    around = {row.key: row for row in till.memory.rows(stories.around(till.program_id, SALE))}
    sale = stories.stands(around, till.program_id, SALE)
    cards = tuple(int(item.get("n", 0)) for item in till.memory.items.values() if item["t"] == "VOUCHER")
    its = None if sale is None else sale.purchase
    stands = None if sale is None else (sale.refunded, sale.held)
    return points.available(head), sorted(cards), stands, its and (its.member_id, its.points, its.tax)


class Torn:
    """A table in memory whose reading number ``reading`` is torn: ``apart`` is read before the rest of it, or after,
    and ``act`` happens in between."""

    def __init__(self, memory: Memory, reading: int, apart: int, first: bool, act: Callable[[], object]) -> None:
        self.memory, self.whole = memory, memory.rows
        self.reading, self.apart, self.first, self.act = reading, apart, first, act
        self.count = 0
        self.widths: list[int] = []

    def rows(self, wanted: Iterable[Key]) -> Iterator[Row]:
        asked = list(wanted)
        self.widths.append(len(asked))
        number = self.count
        self.count += 1
        if number != self.reading or self.apart >= len(asked):
            return self.whole(asked)
        alone = [asked[self.apart]]
        others = asked[: self.apart] + asked[self.apart + 1 :]
        before = list(self.whole(alone if self.first else others))
        self.memory.rows = self.whole  # type: ignore[method-assign]  # torn once; put there by ``tear``
        self.act()
        return iter([*before, *self.whole(others if self.first else alone)])


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with remembered() as memory:
        made = Till("plain", memory)

        def refunds_of(program_id: str, order_id: str) -> list[Refund]:
            pk, _ = keys.purchase(program_id, order_id)
            kept = [Row(**item) for item in memory.items.values() if item["t"] == "REFUND" and item["pk"] == pk]
            return [row.document(Refund) for row in kept]

        monkeypatch.setattr(entries, "refunds_of", refunds_of)
        card(made)
        card(made, "k2")
        yield made


def ends(till: Till, world: dict[Any, Any], *acts: Act) -> tuple[list[str], tuple[object, ...]]:
    """What each act is answered, one after the other, and how it all stands then."""
    till.memory.items = deepcopy(world)
    return [done(till, act) for act in acts], state(till)


def torn_ends(
    till: Till, world: dict[Any, Any], act: Act, other: Act
) -> Iterator[tuple[str, tuple[list[str], tuple[object, ...]]]]:
    """How ``act`` ends, torn at each item of its first two readings in turn while ``other`` happens."""
    for reading in (0, 1):
        apart, width = 0, 1
        while apart < width:
            for first in (True, False):
                till.memory.items = deepcopy(world)
                heard: list[str] = []
                torn = Torn(till.memory, reading, apart, first, partial(_hear, till, other, heard))
                till.memory.rows = torn.rows  # type: ignore[method-assign]  # taken away below
                try:
                    told = done(till, act)
                finally:
                    till.memory.rows = torn.whole  # type: ignore[method-assign]  # as it was
                width = torn.widths[reading] if reading < len(torn.widths) else 0
                if heard:
                    where = f"item {apart} of reading {reading} {'before' if first else 'after'} the rest"
                    yield where, ([told, *heard], state(till))
            apart += 1


def _hear(till: Till, act: Act, heard: list[str]) -> None:
    heard.append(done(till, act))


def all_pairs(till: Till, acts: dict[str, Act]) -> list[str]:
    """What ended in a way that no order of the two explains."""
    world, wrong, count = till.memory.items, [], 0
    for name, act in acts.items():
        for other_name, other in acts.items():
            told, then = ends(till, world, act, other)
            answers, after = ends(till, world, other, act)
            explained = [(told, then), (answers[::-1], after)]
            for where, ended in torn_ends(till, world, act, other):
                count += 1
                if ended not in explained:
                    wrong.append(f"{name}, {where}, while {other_name}: {ended}, not one of {explained}")
    assert count > 500
    return wrong


@pytest.mark.parametrize("world", SALES, ids=lambda one: one.__name__)
def test_whoever_reads_a_sale_while_another_moves_it_ends_as_one_after_the_other(till: Till, world: Act) -> None:
    world(till)
    assert all_pairs(till, TO_A_SALE) == []


def test_whoever_reads_a_member_while_another_moves_them_ends_as_one_after_the_other(till: Till) -> None:
    with_a_voucher(till)
    assert all_pairs(till, BY_A_MEMBER) == []
