"""A member's balance proved from the entries: each difference is told in its own words."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import reconciliation
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import NEVER, Head

EARNED = Entry(kind="earn", points=30, balance_after=30, sequence=1, cause=("order", "o"), occurred_ms=1, booked_ms=1)
WAITING = replace(EARNED, points=50, status="pending", available_on=9, sequence=2)
SPENT = replace(EARNED, kind="redeem", points=-10, balance_after=20, sequence=3)
TAKEN = replace(EARNED, kind="refund", points=-5, held=5, status="pending", balance_after=20, sequence=4)
BROUGHT = replace(EARNED, kind="transfer", points=7, held=-4, balance_after=27, sequence=5)
RELEASED = replace(EARNED, kind="release", points=15, balance_after=42, sequence=6)
ENTRIES = [EARNED, WAITING, SPENT, TAKEN, BROUGHT, RELEASED]
HEAD = Head(member_id="m", enrolled_ms=0, sequence=6, lots={NEVER: 52}, spent=10, pending={9: {NEVER: 34}})


def test_what_agrees_needs_no_word() -> None:
    assert reconciliation.differences(HEAD, ENTRIES) == []
    assert reconciliation.differences(Head(member_id="m", enrolled_ms=0), []) == []


@pytest.mark.parametrize(
    ("head", "entries", "told"),
    [
        (
            {"sequence": 7},
            ENTRIES,
            ["the head counts 7 entries; 6 are there"],
        ),
        (
            {"spent": 9},
            ENTRIES,
            ["the head has 43 points; the entries add up to 42"],
        ),
        (
            {"pending": {9: {NEVER: 33}}},
            ENTRIES,
            ["the head holds 33 pending points; the entries leave 34"],
        ),
        (
            {},
            [*ENTRIES[:2], replace(SPENT, balance_after=21), *ENTRIES[3:]],
            ["entry 3 says 21 after it; the entries add up to 20"],
        ),
        (
            {},
            [EARNED, replace(WAITING, balance_after=80), *ENTRIES[2:]],
            ["entry 2 says 80 after it; the entries add up to 30"],
        ),
        (
            {},
            [EARNED, *ENTRIES[2:]],
            [
                "entry 2 of the chain is missing: the next is 3",
                "the head counts 6 entries; 5 are there",
                "the head has 42 points; the entries add up to 30",
                "the head holds 34 pending points; the entries leave 0",
            ],
        ),
    ],
)
def test_each_difference_is_told_in_its_own_words(head: dict[str, Any], entries: list[Entry], told: list[str]) -> None:
    assert reconciliation.differences(replace(HEAD, **head), entries) == told


def test_a_members_turn_is_always_the_same_and_turns_are_shared_out() -> None:
    assert [reconciliation.turn(member_id) for member_id in ("m1", "m2", "ann")] == [15, 5, 19]
    shared = Counter(reconciliation.turn(f"member-{number}") for number in range(2_800))
    assert set(shared) == set(range(reconciliation.TURNS)) and max(shared.values()) < 200
