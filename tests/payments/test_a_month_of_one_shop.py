"""A month of one shop, delivered shuffled, three times over and with answers lost, is the month delivered in order."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.actions import enrol, govern
from chalicelib.actions.admission import Call, Credential
from chalicelib.api import hearing
from chalicelib.domain import points
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.member import Contact
from chalicelib.domain.program_rules import check
from chalicelib.domain.reconciliation import differences
from chalicelib.domain.voucher import Voucher
from chalicelib.store import members, stories
from chalicelib.store.table import Row
from tests.memory import Memory, remembered
from tests.payments.till import charge, dispute, event, line, refund, session
from tests.shop import program

PAYMENTS, MEMBERS = 500, 40
START = datetime(2026, 9, 1, 8, tzinfo=UTC)
END = START + timedelta(days=40)
Event = dict[str, Any]


def month(seed: int) -> list[Event]:
    """500 payments, each told by session, intent and charge; one in twenty refunded, some disputed, in their order."""
    chance = random.Random(seed)
    told: list[tuple[int, Event]] = []
    for number in range(PAYMENTS):
        at = int((START + timedelta(days=30 * number / PAYMENTS)).timestamp())
        sale, name = f"pi_{number}", f"A-{number}"
        coffee, beans = chance.randint(1, 3), chance.randint(0, 2)
        lines = [line("COFFEE", 350 * coffee, "coffee", coffee)]
        lines += [line("BEANS", 1_400 * beans, "beans", beans)] if beans else []
        goods = 350 * coffee + 1_400 * beans
        tax, shipping = goods // 5, chance.choice([0, 490])
        total = goods + tax + shipping
        who = chance.randint(0, MEMBERS + 10)
        email = f"buyer{who}@example.com"
        details = {"email": email}
        about: Event = {"metadata": {"order_id": name}, "customer_details": details, "line_items": {"data": lines}}
        told.append((at, dated(session(sale, total, tax=tax, shipping=shipping, **about), at)))
        intent = {"id": sale, "object": "payment_intent", "amount": total, "amount_received": total, "currency": "eur"}
        told.append((at + 1, dated(event("payment_intent.succeeded", {**intent, "receipt_email": email}), at)))
        told.append((at + 2, dated(charge(sale, total, billing_details=details), at)))
        if chance.random() < 0.05:
            back = chance.choice([total, total // 2])
            told.append((at + 90_000, dated(refund(sale, f"re_{number}", back), at + 90_000)))
            whole = charge(sale, total, "charge.refunded", amount_refunded=back, billing_details=details)
            told.append((at + 90_001, dated(whole, at + 90_001)))
        if chance.random() < 0.01:
            status = chance.choice(["won", "lost"])
            told.append((at + 100_000, dated(dispute("created", sale, f"dp_{number}", total), at + 100_000)))
            closed = dispute("closed", sale, f"dp_{number}", total, status=status)
            told.append((at + 200_000, dated(closed, at + 200_000)))
    return [one for _, one in sorted(told, key=lambda row: row[0])]


def dated(told: Event, at: int) -> Event:
    told["created"] = told["data"]["object"]["created"] = at
    return told


def deliver(memory: Memory, deliveries: Sequence[Event], lost: random.Random | None) -> dict[str, Any]:
    """Delivers events to a new shop; with ``lost``, one answer in ten never arrives and is sent again at the end."""
    document = check(program(enrolment={"mode": "open", "welcome_points": 50, "claim_purchases_days": 0}))
    program_id = document.program_id
    owner = Credential(program_id=program_id, agent="operator", roles=frozenset({"owner"}))
    call = Call(credential=owner, now=START)
    govern.create_program(document, key_id="k", key_secret="s", call=call)
    for number in range(MEMBERS):
        joining = enrol.Joining(contact=Contact(email=f"buyer{number}@example.com"))
        enrol.enrol(call, joining, f"m{number:02d}")
    provider = Call(credential=Credential(program_id=program_id, agent="provider:stripe", roles=owner.roles), now=END)
    write = memory.write
    waiting = list(deliveries)
    if lost is not None:

        def unsure(writes: Any) -> None:
            sooner = lost.random()
            if sooner < 0.05:
                raise Unavailable
            write(writes)
            if sooner < 0.10:
                raise Unavailable

        memory.write = unsure  # type: ignore[method-assign]  # the database whose answers are lost
    while waiting:
        again = []
        for told in waiting:
            try:
                noted = hearing.hear(provider, "stripe", json.dumps(told).encode(), {}, {})
                assert noted.outcome in ("booked", "known"), noted
            except Unavailable:
                again.append(told)
        waiting = again
    memory.write = write  # type: ignore[method-assign]  # and it answers again
    return state(memory, program_id)


def state(memory: Memory, program_id: str) -> dict[str, Any]:
    """Every member's balances and every sale as it stands; each balance proved against its entries."""
    seen: dict[str, Any] = {}
    filled: Counter[str] = Counter()
    for item in memory.items.values():
        if item["t"] == "VOUCHER" and (item["pk"], "SETTLED") not in memory.items:
            filled[str(Row(**item).document(Voucher).member_id)] += 1
    for row in [Row(**item) for item in memory.items.values() if item["t"] == "HEAD"]:
        head = members.head_of(row)
        assert differences(head, memory.chain(program_id, head.member_id)) == []
        # Which sale filled a card, and so whose refund cancels its voucher, is settled by the order of the sales; how
        # many stamps there are is not.
        stamps = head.stamps.get("coffee", 0) + 10 * filled[head.member_id]
        held = (points.available(head), points.pending(head), head.lifetime, stamps, head.purchases, head.lots)
        seen[head.member_id] = (*held, head.window, head.spent)
    for number in range(PAYMENTS):
        name = f"A-{number}"
        around = {row.key: row for row in memory.rows(stories.around(program_id, name))}
        stands = stories.stands(around, program_id, name)
        assert stands is not None
        sale = stands.purchase
        worth = sale.points_after(stands.refunded + stands.held)
        seen[name] = (sale.member_id, sale.total, stands.refunded, stands.held, worth, sale.tax, sale.lines)
    return seen


def test_a_month_shuffled_three_times_over_with_lost_answers_equals_the_month_in_order() -> None:
    told = month(7)
    with remembered() as memory:
        once = deliver(memory, told, None)
    chance = random.Random(11)
    thrice = [one for one in told for _ in range(3)]
    chance.shuffle(thrice)
    with remembered() as memory:
        shuffled = deliver(memory, thrice, chance)
    assert len(told) > 3 * PAYMENTS
    assert sum(1 for row in once.values() if len(row) == 8 and row[0]) > MEMBERS // 2
    assert {name for name in once if once[name] != shuffled[name]} == set()
