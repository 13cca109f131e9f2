"""Two accounts that become one: what moves, what is counted together, and both entries to the last field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.domain import merging
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import FORMER, IDLE, MIXED, NEVER, Contact, Head, Referral, Tier
from chalicelib.domain.program import Program
from chalicelib.domain.tiers import BUCKETS
from tests.domain.sales import MS, NOW, PRIZE, TODAY, shop

ANN = Head(member_id="ann", enrolled_ms=200, version=9, sequence=4)
OLD = Head(member_id="old", enrolled_ms=100, version=3, sequence=6)


def merge(target: Head = ANN, source: Head = OLD, program: Program | None = None) -> merging.Merged:
    return merging.merge(
        source,
        target,
        program or shop(),
        4,
        cause=("merge", "k"),
        fingerprint="f",
        now=NOW,
        booked_by="key:k",
    )


def after(target: dict[str, Any], source: dict[str, Any], program: Program | None = None) -> Head:
    return merge(replace(ANN, **target), replace(OLD, **source), program).target


def test_everything_moves_and_is_counted_together() -> None:
    ann = replace(
        ANN,
        lots={NEVER: 10, 21000: 20},
        spent=4,
        lapsed={20000: 1, 20001: 5},
        pending={20700: {NEVER: 7}, 20699: {NEVER: 6}},
        lifetime=50,
        idle_on=20900,
        idle_months=6,
        idle_lapsed_sequence=2,
        idle_lapsed_on=20100,
        days={20618: 4},
        window={20618: 500},
        counts="sr",
        stamps={"c": 1, "y": 5},
        taken={"r": 1, "t": 2},
        check_ins=(TODAY, 2),
        purchases=2,
        first_purchase_on=20500,
        referral=Referral("cleo"),
        referrals_paid=(2026, 2),
        merged_from=("p",),
        notice_days=7,
        plans={"a": ("club", 20700), "b": ("club", 20710)},
        plans_told=20600,
        anniversary_on=20800,
    )
    old = replace(
        OLD,
        lots={NEVER: 30, 21001: 40},
        spent=9,
        lapsed={20000: 2},
        pending={20700: {NEVER: 1, 21000: 3}, 20702: {NEVER: 8}},
        lifetime=70,
        idle_on=20950,
        idle_months=12,
        idle_lapsed_sequence=3,
        idle_lapsed_on=20200,
        days={20618: 1, 20617: 2},
        window={20618: 50, 20617: 60},
        counts="sr",
        stamps={"c": 2, "x": 1},
        taken={"r": 3, "u": 4},
        check_ins=(TODAY, 1),
        purchases=3,
        first_purchase_on=20400,
        referrals_paid=(2026, 3),
        merged_from=("q", "o"),
        notice_days=30,
        plans={"b": ("patron", 20720), "c": ("patron", 20730)},
        plans_told=20610,
        birthday_on=20750,
    )
    done = merge(ann, old)
    assert done.target == replace(
        ann,
        enrolled_ms=100,
        sequence=5,
        lots={NEVER: 40, 21000: 20, 21001: 40},
        spent=13,
        lapsed={20000: 3, 20001: 5},
        pending={20700: {NEVER: 8, 21000: 3}, 20699: {NEVER: 6}, 20702: {NEVER: 8}},
        lifetime=120,
        idle_on=20950,
        idle_months=12,
        days={20618: 5, 20617: 2},
        window={20618: 550, 20617: 60},
        stamps={"c": 3, "y": 5, "x": 1},
        taken={"r": 4, "t": 2, "u": 4},
        check_ins=(TODAY, 3),
        purchases=5,
        first_purchase_on=20400,
        referral=replace(Referral("cleo"), state="refused", reason="member_before"),
        referrals_paid=(2026, 5),
        merged_from=("p", "q", "o", "old"),
        plans={"a": ("club", 20700), "b": ("club", 20710), "c": ("patron", 20730)},
        plans_told=20610,
        birthday_on=20750,
    )
    assert done.source == Head(
        member_id="old", enrolled_ms=100, status="merged", version=3, sequence=7, merged_into="ann"
    )
    told = Entry(
        kind="transfer",
        cause=("merge", "k"),
        booked_by="key:k",
        occurred_ms=MS,
        booked_ms=MS,
        program_version=4,
        fingerprint="f",
    )
    assert done.entries == (
        replace(told, points=-61, held=12, reason="Merged into another account", member_id="old", sequence=7),
        replace(
            told,
            cause=("merged", "k"),
            points=61,
            held=-12,
            reason="Brought along from another account",
            member_id="ann",
            sequence=5,
            balance_after=87,
        ),
    )
    assert done.vouchers == ()


def test_two_new_accounts_make_a_new_one() -> None:
    done = merge()
    assert done.target == replace(ANN, enrolled_ms=100, sequence=5, merged_from=("old",))
    assert [entry.tier_change for entry in done.entries] == [None, None]


def test_what_cancels_out_is_not_kept() -> None:
    there = after({"lots": {5: 3, 6: -2}, "lapsed": {4: 1}}, {"lots": {5: -3, 6: 1}, "lapsed": {4: -1}})
    assert (there.lots, there.lapsed) == ({6: -1}, {})


@pytest.mark.parametrize(
    ("of_target", "of_source", "together"),
    [
        ((TODAY, 2), (TODAY, 1), (TODAY, 3)),
        ((TODAY, 2), (TODAY - 1, 9), (TODAY, 2)),
        ((TODAY - 1, 9), (TODAY, 2), (TODAY, 2)),
        ((0, 0), (TODAY, 4), (TODAY, 4)),
    ],
)
def test_limits_of_a_day_and_of_a_year_are_not_opened_again(
    of_target: tuple[int, int], of_source: tuple[int, int], together: tuple[int, int]
) -> None:
    for field in ("check_ins", "referrals_paid"):
        assert getattr(after({field: of_target}, {field: of_source}), field) == together


@pytest.mark.parametrize(
    ("of_target", "of_source", "latest", "earliest"),
    [(None, None, None, None), (5, None, 5, 5), (None, 6, 6, 6), (5, 6, 6, 5), (6, 5, 6, 5)],
)
def test_idle_points_idle_from_the_later_sign_of_life_and_the_first_purchase_is_the_earlier(
    of_target: int | None, of_source: int | None, latest: int | None, earliest: int | None
) -> None:
    assert after({"idle_on": of_target}, {"idle_on": of_source}).idle_on == latest
    assert after({"first_purchase_on": of_target}, {"first_purchase_on": of_source}).first_purchase_on == earliest


@pytest.mark.parametrize(
    ("of_target", "of_source", "enrolled", "months", "told"), [(3, 8, 3, 8, 8), (8, 3, 3, 8, 8), (5, 5, 5, 5, 5)]
)
def test_the_longer_membership_and_the_longer_promise_hold(
    of_target: int, of_source: int, enrolled: int, months: int, told: int
) -> None:
    ours, theirs = ({"enrolled_ms": one, "idle_months": one, "plans_told": one} for one in (of_target, of_source))
    there = after(ours, theirs)
    assert (there.enrolled_ms, there.idle_months, there.plans_told) == (enrolled, months, told)


@pytest.mark.parametrize(
    ("of_target", "of_source", "together"), [("sr", "sr", "sr"), ("sr", "vl", MIXED), ("sr", None, MIXED)]
)
def test_counts_of_different_things_make_none(of_target: str, of_source: str | None, together: str) -> None:
    assert after({"counts": of_target}, {"counts": of_source}).counts == together


def test_the_days_that_are_kept_apart_stay_few() -> None:
    ours = {TODAY - 2 * day: 1 for day in range(BUCKETS)}
    theirs = {TODAY - 2 * day - 1: 1 for day in range(BUCKETS)}
    window = after({"window": ours}, {"window": theirs}).window
    assert (len(window), sum(window.values())) == (BUCKETS, 2 * BUCKETS)


@pytest.mark.parametrize(
    ("ours", "theirs", "noticed"),
    [
        ({"noticed": (9, 5)}, {"noticed": (5, 9)}, (5, 9)),
        ({"noticed": (5,)}, {}, (5,)),
        ({"noticed": (5,)}, {"lots": {5: 1}}, ()),
        ({"lots": {5: 1}}, {"noticed": (5,)}, ()),
        ({"noticed": (5,)}, {"lots": {6: 1, NEVER: 2}}, (5,)),
        ({"noticed": (5,)}, {"lots": {IDLE: 1}, "idle_on": 5}, ()),
        ({"noticed": (5,)}, {"lots": {IDLE: 1}, "idle_on": 6}, (5,)),
        ({"noticed": (5,), "lots": {5: 1}}, {"noticed": (6,), "lots": {6: 1}}, (5, 6)),
    ],
)
def test_a_notice_was_given_where_it_was_given_for_all_that_lapses_then(
    ours: dict[str, Any], theirs: dict[str, Any], noticed: tuple[int, ...]
) -> None:
    assert after(ours, theirs).noticed == noticed


LOW, HIGH = Tier("one", 1, 100), Tier("two", 2, 50)


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"),
    [
        (None, None, None),
        (LOW, None, LOW),
        (None, LOW, LOW),
        (LOW, HIGH, HIGH),
        (HIGH, LOW, HIGH),
        (HIGH, Tier("two", 3, 60), Tier("two", 3, 60)),
        (Tier("two", 3, 60), HIGH, Tier("two", 3, 60)),
        (HIGH, Tier("two", 3, 50), HIGH),
        (HIGH, Tier("two", 3, None), Tier("two", 3, None)),
        (Tier("two", 3, None), HIGH, Tier("two", 3, None)),
        (Tier("gone", 3, 900), LOW, LOW),
    ],
)
def test_the_higher_tier_is_held_and_of_the_same_the_one_held_longer(
    ours: Tier | None, theirs: Tier | None, kept: Tier | None
) -> None:
    there = after({"tier": ours, "tier_before": ours}, {"tier": theirs, "tier_before": theirs})
    assert (there.tier, there.tier_before) == (kept, kept)


def test_without_tiers_in_the_program_a_tier_that_was_held_stays_known() -> None:
    plain = shop(tiers=None)
    assert after({"tier": LOW}, {}, plain).tier == LOW
    assert after({}, {"tier": LOW}, plain).tier == LOW
    assert after({"tier": LOW}, {"tier": HIGH}, plain).tier == HIGH


@pytest.mark.parametrize(
    ("ours", "theirs", "left", "rose"),
    [
        (LOW, HIGH, ("two", None), ("one", "two")),
        (None, LOW, ("one", None), (None, "one")),
        (HIGH, LOW, ("one", None), None),
        (HIGH, None, None, None),
        (HIGH, Tier("two", 3, 60), ("two", None), None),
    ],
)
def test_each_sides_entry_tells_how_its_tier_moved(
    ours: Tier | None, theirs: Tier | None, left: tuple[str, None] | None, rose: tuple[str | None, str] | None
) -> None:
    done = merge(replace(ANN, tier=ours), replace(OLD, tier=theirs))
    assert [entry.tier_change for entry in done.entries] == [left, rose]


CARDS = [
    {"id": "c", "name": "C", "required": 4, "reward_id": "r"},
    {"id": "d", "name": "D", "required": 1, "reward_id": "r"},
    {"id": "e", "name": "E", "required": 1, "reward_id": "gone"},
    {"id": "g", "name": "G", "required": 3, "reward_id": "r"},
]


def test_half_filled_cards_make_full_ones_and_each_issues_its_voucher() -> None:
    program = shop(stamp_cards=CARDS)
    done = merge(replace(ANN, stamps={"c": 3, "e": 1, "g": 1}), replace(OLD, stamps={"c": 6, "e": 1, "g": 2}), program)
    assert done.target.stamps == {"c": 1, "e": 2, "g": 0}
    prize = replace(PRIZE, order_id=None, member_id="ann", balance_after=0)
    assert done.vouchers == tuple(
        replace(
            prize,
            origin=f"merge/{card}/{number}/k",
            cause=("stamp_card", f"{card}/k/{number}"),
            card_id=card,
            sequence=6 + number,
        )
        for number, card in enumerate("ccg")
    )
    assert done.target.sequence == 8


def test_the_contact_is_completed_and_every_identity_keeps_finding_the_member() -> None:
    ann = Contact(
        email="ann@x",
        tags=("a", "b"),
        also=(("email", "first@x"),),
        invites=("i1", "i2"),
        former=(("email", "f1"), ("email", "f2")),
        found_by={"email": "found@x"},
        marketing=True,
        locale="de",
    )
    old = Contact(
        email="old@x",
        phone="+1",
        name="Old",
        external_id="x-1",
        birthday="1990-01-01",
        locale="en",
        tags=("b", "c"),
        also=(("phone", "+2"), ("email", "first@x")),
        invites=("i2", "i3"),
        former=(("email", "f2"), ("email", "f3")),
        found_by={"email": "older@x", "phone": "+9"},
    )
    assert merging.joined(ann, old) == Contact(
        email="ann@x",
        phone="+1",
        name="Old",
        external_id="x-1",
        birthday="1990-01-01",
        locale="de",
        marketing=True,
        tags=("a", "b", "c"),
        also=(("email", "first@x"), ("email", "older@x"), ("phone", "+9"), ("external_id", "x-1"), ("phone", "+2")),
        invites=("i1", "i2", "i3"),
        former=(("email", "f1"), ("email", "f2"), ("email", "f3")),
        found_by={"email": "found@x", "phone": "+9"},
    )
    named = Contact(name="Ann", birthday="1991-02-02", email="ann@x")
    kept = merging.joined(named, replace(old, marketing=True))
    assert (kept.name, kept.birthday, kept.locale, kept.marketing) == ("Ann", "1991-02-02", "en", False)


def test_an_identity_that_waits_for_its_confirmation_is_not_filled_from_the_other_account() -> None:
    waiting = Contact(found_by={"phone": None})
    there = merging.joined(waiting, Contact(phone="+1", found_by={"phone": "+9"}))
    assert (there.phone, there.found_by, there.also) == (None, {"phone": None}, (("phone", "+9"),))


def test_only_the_latest_former_identities_are_remembered() -> None:
    many = tuple(("email", f"f{number}") for number in range(FORMER))
    there = merging.joined(Contact(former=many), Contact(former=(("email", "last"),)))
    assert there.former == (*many[1:], ("email", "last"))


def test_the_vouchers_of_full_cards_count_their_days_from_the_merge() -> None:
    done = merging.merge(
        replace(OLD, stamps={"c": 4}),
        ANN,
        shop(),
        4,
        cause=("merge", "k"),
        fingerprint="f",
        now=NOW + timedelta(days=3),
        booked_by="key:k",
    )
    assert [voucher.valid_until for voucher in done.vouchers] == [TODAY + 33]
