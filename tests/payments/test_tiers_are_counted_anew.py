"""When the owner changes what tiers count, sales count as the providers' tellings left them, not as first booked."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.actions.assess_member import assess_member
from tests.payments.test_any_order_ends_the_same import TIERS, deliver
from tests.payments.till import Till, charge, refund, session
from tests.shop import Shop, opened, program

VISITS = {**TIERS, "basis": "visits"}


def told_in_many_ways(shop: Shop) -> tuple[str, str]:
    """Ann's sale told richer and disputed, one told as Bob's that was hers, and one booked twice under two names."""
    till = Till(shop)
    ann, bob = shop.enrol(email="ann@example.com"), shop.enrol(email="bob@example.com")
    shop.buy("A-3", 3_000, ann)
    deliver(
        till,
        [
            charge("pi_1", 12_000, billing_details={"email": "ann@example.com"}),
            session("pi_1", 12_000, tax=2_000, shipping=1_000),
            charge("pi_2", 6_000, billing_details={"email": "bob@example.com"}),
            session("pi_2", 6_000, metadata={"member_id": ann}),
            refund("pi_2", "re_2", 1_500),
            charge("pi_3", 3_000, billing_details={"email": "ann@example.com"}),
            session("pi_3", 3_000, metadata={"order_id": "A-3"}),
        ],
    )
    return ann, bob


def progress(shop: Shop, member_id: str) -> int:
    return int(shop.member(member_id)["tier"]["progress"])


def test_what_counts_after_the_change_is_what_would_have_counted_from_the_first() -> None:
    with opened(program(tiers=TIERS)) as shop:
        ann, bob = told_in_many_ways(shop)
        from_the_first = [progress(shop, one) for one in (ann, bob)]
    with opened(program(tiers=VISITS)) as shop:
        ann, bob = told_in_many_ways(shop)
        then = {"version": 1, "program": program(tiers=TIERS)}
        assert shop.call("PUT", "/program", then, key=shop.owner).status == 200
        for one in (ann, bob):
            assess_member(shop.program_id, one, datetime.now(UTC), "test")
        assert [progress(shop, one) for one in (ann, bob)] == from_the_first == [9_000 + 4_500 + 3_000, 0]
