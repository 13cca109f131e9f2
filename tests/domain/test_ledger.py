"""An entry takes the next place in its member's chain; a request's fingerprint tells its content and nothing else."""

from __future__ import annotations

from msgspec.structs import replace

from chalicelib.domain.ledger import Entry, fingerprint, post
from chalicelib.domain.member import Head


def test_an_entry_stands_at_the_next_place_with_the_balance_of_then() -> None:
    head = Head(member_id="m1", enrolled_ms=0, lots={9: 7}, spent=2, sequence=4)
    entry = Entry(kind="earn", points=7, cause=("order", "o"), occurred_ms=1, booked_ms=2)
    after, posted = post(head, entry)
    assert after == replace(head, sequence=5)
    assert posted == replace(entry, member_id="m1", sequence=5, balance_after=5)


def test_a_fingerprint_is_the_contents_whatever_its_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1}) == "0855bfc20eb6cfaa4be7d6"
    assert len(fingerprint("x")) == 22
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
