"""By what a member is found, how a joining is written, and which entries their history shows."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from chalicelib.domain.history import told_as
from chalicelib.domain.joining import Joined, joined
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact, Head, Referral, Tier

ANN = Contact(email="ann@example.com", phone="+4930123", name="Ann", external_id="c-1")


def test_a_member_is_found_by_each_identity_that_they_gave() -> None:
    given = [("email", "ann@example.com"), ("phone", "+4930123"), ("external_id", "c-1")]
    assert ANN.identities() == given
    assert [ANN.identified(kind) for kind, _ in given] == [value for _, value in given]
    assert Contact(phone="+4930123").identities() == [("phone", "+4930123")]
    assert Contact(name="Ann").identities() == []
    assert Contact().identified("email") is None


def test_until_it_is_confirmed_the_former_email_finds_a_member() -> None:
    contact = replace(ANN, found_by={"email": "old@example.com", "phone": None})
    assert contact.identified("email") == "old@example.com"
    assert contact.identified("phone") is None
    assert contact.identities() == [("email", "old@example.com"), ("external_id", "c-1")]


def test_a_merged_accounts_identities_find_the_member_too_and_none_twice() -> None:
    also = (("email", "second@example.com"), ("external_id", "c-1"))
    assert replace(ANN, also=also).identities() == [*ANN.identities(), ("email", "second@example.com")]


WELCOME = Entry(
    kind="bonus",
    points=5,
    expires_on=9,
    cause=("welcome", "m1"),
    reason="Welcome",
    balance_after=5,
    sequence=1,
    booked_by="key:k",
    occurred_ms=70,
    booked_ms=80,
    member_id="m1",
    fingerprint="f",
    program_version=3,
)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (Head(member_id="m1", enrolled_ms=60), {}),
        (Head(member_id="m1", enrolled_ms=60, referral=Referral("bob")), {"advocate": "bob"}),
        (Head(member_id="m1", enrolled_ms=60, tier=Tier("silver", 1)), {"tier": "silver"}),
    ],
)
def test_a_joining_is_its_welcome_with_when_by_whom_and_into_which_tier(head: Head, known: dict[str, Any]) -> None:
    assert joined(WELCOME, head) == Joined(**asdict(WELCOME), enrolled_ms=60, **known)


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("welcome", "welcome"),
        ("birthday", "birthday"),
        ("anniversary", "anniversary"),
        ("referral", "referral"),
        ("merge", "merged"),
        ("merged", "merged"),
        ("release", "release"),
        ("expiry", "expiry"),
        ("order", None),
        ("adjustment", None),
    ],
)
def test_the_history_shows_what_a_sale_did_only_where_it_moved_the_tier(cause: str, told: str | None) -> None:
    entry = replace(WELCOME, cause=(cause, "welcome"))
    assert told_as(entry) == told
    assert told_as(replace(entry, tier_change=(None, "silver"))) == (told or "tier")
