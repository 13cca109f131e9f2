"""Who was merged or has left, and what waits: counted where it belongs, whatever was folded first."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import permutations

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.store import keys
from chalicelib.store.table import load
from tests.memory import Memory
from tests.metrics import counting
from tests.metrics.beside import Places, beside, standing_at
from tests.moments import at
from tests.payments.senders import SECRET, SENDERS, sample
from tests.payments.till import Till
from tests.shop import Shop, opened, program

WINDOW = {"from": "2026-01-01", "to": "2026-04-30"}
TIERS = {
    "basis": "spend",
    "window": "lifetime",
    "downgrade": "never",
    "levels": [{"id": "all", "name": "All", "threshold": 0}, {"id": "gold", "name": "Gold", "threshold": 5_000}],
}


RULES = program(tiers=TIERS, enrolment={"mode": "open", "claim_purchases_days": 0})


def noon(day: str) -> str:
    return f"{day}T12:00:00+00:00"


def number(day: str) -> int:
    return local_day(datetime.fromisoformat(noon(day)), "Europe/Helsinki")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(noon("2026-01-01")), beside(RULES) as made:
        yield made


def merge(shop: Shop, into: str, other: str) -> None:
    answer = shop.call("POST", f"/members/{into}/merge", {"from_member_id": other}, key=shop.staff, idem="merge")
    assert answer.status in (200, 201), answer.body


def erase(shop: Shop, member: str) -> None:
    assert shop.call("DELETE", f"/members/{member}", key=shop.owner).status == 204


def in_tiers(shop: Shop) -> dict[str, int]:
    return {row["tier"]: row["members"] for row in counting.report(shop, "tiers", **WINDOW)["rows"]}


def customers(shop: Shop) -> int:
    return int(counting.report(shop, "repeat", **WINDOW)["figures"]["all"]["customers"])


def test_two_accounts_that_are_merged_stand_in_one_tier(shop: Shop) -> None:
    ann, other = shop.enrol(email="ann@example.com"), shop.enrol(email="other@example.com")
    shop.buy("rich", 6_000, other)
    counting.count(shop, [number("2026-01-01")])
    assert in_tiers(shop) == {"all": 1, "gold": 1}
    merge(shop, ann, other)
    assert shop.member(ann)["tier"]["id"] == "gold"
    counting.count(shop, [number("2026-01-01")])
    assert in_tiers(shop) == {"all": 0, "gold": 1}


def test_who_left_stands_in_no_tier(shop: Shop) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("rich", 6_000, ann)
    with at(noon("2026-02-01")):
        erase(shop, ann)
        erase(shop, ann)
    counting.count(shop, [number("2026-01-01"), number("2026-02-01")])
    assert in_tiers(shop) == {"all": 0, "gold": 0}
    told = counting.report(shop, "tiers", **WINDOW)["figures"]
    assert {"from": "gold", "to": None, "members": 1} in told["moves"]
    assert told["sales"] == 6_000, "what they bought was bought"


def guests_who_become_one(shop: Shop) -> str:
    """Two guests of two emails, two accounts, one person. Answers the account that lives on."""
    shop.buy("as-a-guest", 1_000, email="ann@example.com")
    shop.buy("as-another", 2_000, email="anna@work.example.com")
    with at(noon("2026-01-10")):
        other = shop.enrol(email="anna@work.example.com")
    with at(noon("2026-01-20")):
        ann = shop.enrol(email="ann@example.com")
    with at(noon("2026-02-01")):
        shop.buy("as-a-member", 3_000, other)
        merge(shop, ann, other)
    return ann


DAYS = [number(day) for day in ("2026-01-01", "2026-01-10", "2026-01-20", "2026-02-01")]


@pytest.mark.parametrize("order", list(permutations(DAYS)))
def test_a_merge_is_seen_whichever_day_is_folded_first_and_again(shop: Shop, order: tuple[int, ...]) -> None:
    guests_who_become_one(shop)
    counting.count(shop, DAYS)
    clean = counting.standing(shop)
    assert customers(shop) == 1
    counting.count(shop, [*order, *DAYS], random.Random(1))
    assert counting.standing(shop) == clean


def test_what_was_folded_before_a_merge_is_as_if_it_were_folded_after_it(shop: Shop) -> None:
    shop.buy("as-a-guest", 1_000, email="ann@example.com")
    ann, other = shop.enrol(email="ann@example.com"), shop.enrol(email="anna@work.example.com")
    counting.count(shop, [number("2026-01-01")])
    before = counting.standing(shop)
    with at(noon("2026-02-01")):
        merge(shop, other, ann)
    counting.count(shop, [number("2026-02-01")])
    caught_up = counting.standing(shop)
    counting.count(shop, [number("2026-01-01")])
    assert counting.standing(shop) == caught_up != before
    assert customers(shop) == 1


def test_after_somebody_left_nothing_links_them_to_what_they_bought_as_a_guest() -> None:
    for early in (True, False):
        with standing_at(Places(Memory())), at(noon("2026-01-01")):
            shop = Shop(RULES)
            ann = guests_who_become_one(shop)
            if early:
                counting.count(shop, DAYS)
                assert customers(shop) == 1
            with at(noon("2026-03-01")):
                erase(shop, ann)
            gone = number("2026-03-01")
            counting.count(shop, [gone] if early else [gone, *DAYS])
            assert customers(shop) == 3, "two guests, and whoever the member was"
            assert not any(part[1] for (what, _, _), part in counting.standing(shop).items() if what == "PEOPLE")


def test_a_refund_told_before_its_purchase_counts_once_both_are_there() -> None:
    with at(noon("2026-01-01")), opened(program()) as shop:
        told_out_of_order(shop)


def told_out_of_order(shop: Shop) -> None:
    till = Till(shop)

    def tell(name: str) -> None:
        raw = sample("stripe", name)
        signed = SENDERS["stripe"].sign(raw, SECRET, datetime.fromisoformat(noon("2026-01-01")))
        assert till.deliver(raw, signed).status == 200

    tell("refund.created")
    key = keys.purchase(shop.program_id, "pi_3SGh4kB7Tq9nXyLw1c0RrT5u")
    assert load([key])[key].t == "WAITING", "a name that waits is no purchase"
    counting.count(shop, [number("2026-01-01")])
    window = {"from": "2025-01-01", "to": "2026-12-31"}
    figures = counting.report(shop, "participation", **window)["figures"]
    assert (figures["guest_purchases"], figures["refunds"]) == (0, 0)
    tell("charge.succeeded")
    for _ in range(2):
        counting.count(shop, [number("2026-01-01")])
        figures = counting.report(shop, "participation", **window)["figures"]
        assert (figures["guest_purchases"], figures["guest_sales"]) == (1, 5_988)
        assert (figures["refunds"], figures["refunded"]) == (1, 1_200)
