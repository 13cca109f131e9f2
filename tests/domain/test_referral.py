"""A referral from joining to payment: who looks like one person, what qualifies, what is paid and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import referral
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import NEVER, Contact, Head, Referral
from chalicelib.domain.program import Program
from chalicelib.domain.program import Referral as Rule
from chalicelib.domain.purchase import Basis, Purchase
from tests.domain.sales import BOUGHT, MS, NOW, SOLD_MS, TODAY, shop

RULE = Rule(advocate_points=50, friend_points=20, minimum_purchase=630, settle_days=14, yearly_cap=2)
OPEN = shop(referral={"advocate_points": 50, "friend_points": 20, "minimum_purchase": 630, "settle_days": 14})
JOINED = Referral("cleo")
WAITS = Referral("cleo", "settling", None, "o-1", TODAY)
PAID = Referral("cleo", "paid")
FRIEND = Head(member_id="ann", enrolled_ms=SOLD_MS, referral=JOINED, sequence=3, counts="sr")
CLEO = Head(member_id="cleo", enrolled_ms=0, sequence=8, counts="sr")


@pytest.mark.parametrize(
    ("email", "mailbox"),
    [
        (" Ann@Example.com ", "ann@example.com"),
        ("ann+shop+two@example.com", "ann@example.com"),
        ("a.n.n@example.com", "a.n.n@example.com"),
        ("A.n.n+x@gmail.com", "ann@gmail.com"),
        ("a.nn@GoogleMail.com", "ann@gmail.com"),
        ('"a@b"+shop@example.com', '"a@b"@example.com'),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("zo\u0065\u0308@example.com", "zo\u00eb@example.com"),
    ],
)
def test_a_mailbox_is_the_same_however_it_is_written(email: str, mailbox: str) -> None:
    assert referral.mailbox(email) == mailbox


@pytest.mark.parametrize(
    ("phone", "end"),
    [
        ("+36 30 123 4567", "301234567"),
        ("0036301234567", "301234567"),
        ("06-30-123-4567", "301234567"),
        ("0301234", "301234"),
        ("+49 (0)170 12", "49017012"),
    ],
)
def test_a_phone_is_the_same_however_it_is_dialled(phone: str, end: str) -> None:
    assert referral.digits(phone) == end


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (Contact(email="a@x"), Contact(email="b@x"), None),
        (Contact(email="a+1@x"), Contact(email="A@x"), "same_email"),
        (Contact(also=(("email", "a@x"),)), Contact(found_by={"email": "a@x"}), "same_email"),
        (Contact(email="new@x", found_by={"email": "old@x"}), Contact(email="NEW@x"), "same_email"),
        (Contact(phone="+36301234567"), Contact(phone="06 30 123 4567"), "same_phone"),
        (Contact(also=(("phone", "+36301234567"),)), Contact(phone="06301234567"), "same_phone"),
        (Contact(email="a@x", phone="1"), Contact(email="a@x", phone="1"), "same_email"),
        (Contact(email="123456789@x"), Contact(phone="123456789"), None),
        (Contact(), Contact(), None),
        (Contact(external_id="a@x"), Contact(external_id="a@x"), None),
    ],
)
def test_contacts_that_share_a_mailbox_or_a_phone_look_like_one_person(
    one: Contact, other: Contact, reason: str | None
) -> None:
    assert referral.same_person(one, other) == referral.same_person(other, one) == reason


def test_a_program_that_asks_for_nothing_still_asks_for_goods_that_earn() -> None:
    assert [referral.least(Rule(minimum_purchase=amount)) for amount in (0, 1, 2)] == [1, 1, 2]
    assert [referral.worth(None, 0), referral.worth(BOUGHT, 0), referral.worth(BOUGHT, 500)] == [0, 630, 315]


@pytest.mark.parametrize(
    ("refunded", "occurred", "after"),
    [
        (0, SOLD_MS, Referral("cleo", "settling", None, "o-1", TODAY - 1 + 14)),
        (0, MS, Referral("cleo", "settling", None, "o-1", TODAY + 14)),
        (0, SOLD_MS - 12 * 3_600_000, Referral("cleo", "settling", None, "o-1", TODAY - 1 + 14)),
        (0, SOLD_MS - 12 * 3_600_000 - 1, Referral("cleo", "refused", "bought_before")),
        (1, SOLD_MS, JOINED),
    ],
)
def test_the_first_purchase_of_the_minimum_starts_the_settling_time(
    refunded: int, occurred: int, after: Referral
) -> None:
    bought = replace(BOUGHT, occurred_ms=occurred)
    assert referral.qualify(FRIEND, OPEN, bought, refunded) == replace(FRIEND, referral=after)


@pytest.mark.parametrize("known", [None, PAID, Referral("cleo", "refused", "ring")])
def test_what_is_settled_or_was_never_begun_is_left_alone(known: Referral | None) -> None:
    head = replace(FRIEND, referral=known)
    before = replace(BOUGHT, occurred_ms=0)
    assert referral.qualify(head, OPEN, BOUGHT) == referral.qualify(head, OPEN, before) == head
    assert referral.qualify(FRIEND, shop(), BOUGHT) == FRIEND, "the program offers none"


def test_the_first_such_purchase_decides_and_a_purchase_of_before_ends_it_even_while_it_settles() -> None:
    assert referral.qualify(FRIEND, OPEN, BOUGHT).referral == replace(WAITS, settles_on=TODAY + 13)
    settling = replace(FRIEND, referral=WAITS)
    assert referral.qualify(settling, OPEN, replace(BOUGHT, order_id="o-2")) == settling
    ended = referral.qualify(settling, OPEN, replace(BOUGHT, occurred_ms=0)).referral
    assert ended == Referral("cleo", "refused", "bought_before", "o-1", None)


def test_a_refusal_says_why_and_one_that_was_paid_stays_paid() -> None:
    refused = referral.refuse(replace(FRIEND, referral=WAITS), "ring")
    assert refused == replace(FRIEND, referral=Referral("cleo", "refused", "ring", "o-1", None))
    for known in (None, PAID):
        head = replace(FRIEND, referral=known)
        assert referral.refuse(head, "ring") == head


def brought(member_id: str, enrolled: int, known: Referral | None, *merged: str) -> Head:
    return Head(member_id=member_id, enrolled_ms=enrolled, referral=known, merged_from=merged)


def refused(reason: str, advocate: str = "cleo") -> Referral:
    return Referral(advocate, "refused", reason)


@pytest.mark.parametrize(
    ("older", "newer", "together"),
    [
        ((None,), (None,), None),
        ((JOINED,), (None,), JOINED),
        ((None,), (JOINED,), refused("member_before")),
        ((JOINED,), (Referral("dora"),), JOINED),
        ((None,), (PAID,), PAID),
        ((PAID,), (Referral("dora", "paid"),), PAID),
        ((Referral("dora"),), (PAID,), PAID),
        ((Referral("new"),), (None,), refused("same_member", "new")),
        ((Referral("old"),), (None,), refused("same_member", "old")),
        ((None,), (Referral("old"),), refused("same_member", "old")),
        ((None, "gone"), (Referral("gone"),), refused("same_member", "gone")),
        ((Referral("gone"),), (None, "gone"), refused("same_member", "gone")),
        ((refused("ring"),), (JOINED,), refused("ring")),
    ],
)
def test_one_person_was_brought_by_whoever_brought_their_older_account(
    older: tuple[Any, ...], newer: tuple[Any, ...], together: Referral | None
) -> None:
    first, later = brought("old", 1, *older), brought("new", 2, *newer)
    assert referral.together(first, later) == referral.together(later, first) == together


def test_of_accounts_as_old_as_each_other_the_one_that_lives_on_counts_as_the_older() -> None:
    target, source = brought("a", 1, JOINED), brought("b", 1, Referral("dora"))
    assert referral.together(target, source) == JOINED
    assert referral.together(source, target) == Referral("dora")


def settle(friend: Head | None = None, advocate: Head | None = CLEO, **changed: Any) -> referral.Settled:
    given: dict[str, Any] = {
        "program": shop(),
        "purchase": BOUGHT,
        "refunded": 0,
        "rule": RULE,
        "following": None,
        "disputed": False,
        "refusal": None,
        "now": NOW,
        **changed,
    }
    program: Program = given.pop("program")
    purchase: Purchase | None = given.pop("purchase")
    waits = replace(FRIEND, referral=WAITS) if friend is None else friend
    return referral.settle(waits, advocate, program, 4, purchase, given.pop("refunded"), booked_by="schedule", **given)


def stands(**changed: Any) -> Referral | None:
    """The friend's referral after settling; nothing may have been paid."""
    done = settle(**changed)
    assert (done.advocate, done.entries) == (None, ())
    assert replace(done.friend, referral=WAITS) == replace(FRIEND, referral=WAITS)
    return done.friend.referral


FOR_FRIEND = Entry(
    kind="bonus",
    points=20,
    cause=("referral", "ann/friend"),
    reason="You came by a friend's code",
    booked_by="schedule",
    occurred_ms=MS,
    booked_ms=MS,
    program_version=4,
    member_id="ann",
    sequence=4,
    balance_after=20,
)


def test_both_sides_are_paid_once_by_an_entry_each() -> None:
    done = settle()
    assert done.entries == (
        FOR_FRIEND,
        replace(
            FOR_FRIEND,
            points=50,
            cause=("referral", "ann/advocate"),
            reason="A friend you brought has bought",
            member_id="cleo",
            sequence=9,
            balance_after=50,
        ),
    )
    paid = replace(WAITS, state="paid", settles_on=None)
    assert done.friend == replace(FRIEND, referral=paid, lots={NEVER: 20}, lifetime=20, sequence=4)
    assert done.advocate == replace(CLEO, lots={NEVER: 50}, lifetime=50, sequence=9, referrals_paid=(2026, 1))
    again = settle(done.friend, done.advocate)
    assert (again.friend, again.advocate, again.entries) == (done.friend, None, ())


@pytest.mark.parametrize("known", [None, JOINED, PAID, refused("ring"), replace(WAITS, settles_on=TODAY + 1)])
def test_nothing_is_paid_before_its_day_or_beside_a_referral_that_settles(known: Referral | None) -> None:
    head = replace(FRIEND, referral=known)
    assert settle(head, rule=None) == settle(head) == referral.Settled(head, None, ())


def test_a_referral_without_a_day_may_settle() -> None:
    assert len(settle(replace(FRIEND, referral=replace(WAITS, settles_on=None))).entries) == 2


def test_what_the_program_never_promised_is_refused() -> None:
    assert stands(rule=None) == replace(WAITS, state="refused", reason="not_offered", settles_on=None)


@pytest.mark.parametrize("refusal", ["ring", "same_payment"])
def test_one_that_is_not_to_be_paid_is_refused_with_its_reason(refusal: str) -> None:
    after = replace(WAITS, state="refused", reason=refusal, settles_on=None)
    assert stands(refusal=refusal) == stands(refusal=refusal, disputed=True) == after


def test_while_the_payment_is_disputed_it_is_looked_at_again_a_week_later() -> None:
    assert stands(disputed=True) == replace(WAITS, settles_on=TODAY + 7)


def test_a_purchase_refunded_below_the_minimum_leaves_the_next_to_qualify() -> None:
    assert stands(refunded=1) == stands(purchase=None) == stands(refunded=1, refusal="ring") == JOINED
    later = replace(BOUGHT, order_id="o-2", occurred_ms=MS)
    assert stands(refunded=1, following=later) == replace(WAITS, order_id="o-2", settles_on=TODAY + 14)
    assert stands(purchase=replace(BOUGHT, basis=Basis()), rule=Rule(friend_points=1)) == JOINED


@pytest.mark.parametrize(
    ("so_far", "counted"), [((2026, 1), (2026, 2)), ((2025, 9), (2026, 1)), ((2027, 9), (2026, 1))]
)
def test_the_advocate_is_paid_up_to_the_cap_of_the_running_year(
    so_far: tuple[int, int], counted: tuple[int, int]
) -> None:
    done = settle(advocate=replace(CLEO, referrals_paid=so_far))
    assert done.advocate is not None and done.advocate.referrals_paid == counted
    assert done.friend.referral is not None and done.friend.referral.reason is None


@pytest.mark.parametrize(
    ("advocate", "reason"), [(None, "advocate_left"), (replace(CLEO, referrals_paid=(2026, 2)), "yearly_cap")]
)
def test_beyond_the_cap_or_without_an_advocate_the_friend_is_paid_alone(advocate: Head | None, reason: str) -> None:
    done = settle(advocate=advocate)
    assert (done.advocate, done.entries) == (None, (FOR_FRIEND,))
    assert done.friend.referral == replace(WAITS, state="paid", reason=reason, settles_on=None)


def test_a_side_that_is_promised_nothing_gets_no_entry_and_the_friend_still_counts() -> None:
    for rule, sides in ((Rule(advocate_points=5), ["ann/advocate"]), (Rule(friend_points=5), ["ann/friend"])):
        done = settle(rule=rule)
        assert [entry.cause[1] for entry in done.entries] == sides
        assert done.advocate is not None and done.advocate.referrals_paid == (2026, 1)
    many = settle(rule=Rule(advocate_points=1), advocate=replace(CLEO, referrals_paid=(2026, 99)))
    assert many.advocate is not None and many.advocate.referrals_paid == (2026, 100), "no cap was set"
    assert settle(rule=Rule(yearly_cap=0), advocate=CLEO).advocate is None


def test_days_are_those_of_the_shop() -> None:
    far = shop(time_zone="Pacific/Kiritimati", referral={"settle_days": 1})
    late = datetime(2026, 6, 15, 20, 0, tzinfo=UTC)  # the 16th over there
    bought = replace(BOUGHT, occurred_ms=milliseconds(late))
    after = referral.qualify(FRIEND, far, bought).referral
    assert after is not None and after.settles_on == TODAY + 2
    tomorrow = replace(FRIEND, referral=replace(WAITS, settles_on=TODAY + 1))
    assert settle(tomorrow, program=far, now=late).entries
    assert not settle(tomorrow, now=late).entries and settle(tomorrow, now=NOW + timedelta(days=1)).entries
