"""From what the domain decided to what the API answers."""

from __future__ import annotations

from datetime import date

from chalicelib.actions.earn import Booked
from chalicelib.actions.person import Person
from chalicelib.actions.settle_voucher import Held
from chalicelib.api import answers
from chalicelib.domain import ledger, points, tiers
from chalicelib.domain import plan as plans
from chalicelib.domain.calendar import day_of, local_day, moment_of
from chalicelib.domain.explanation import Reason, explain
from chalicelib.domain.member import Head
from chalicelib.domain.money import format_amount
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import sealing, vouchers


def _day(number: int | None) -> date | None:
    return None if number is None else day_of(number)


def member(person: Person, now_ms: int) -> answers.Member:
    head, contact, program = person.head, person.contact, person.admitted.program
    today = local_day(moment_of(now_ms), program.time_zone)
    program_id = program.program_id
    return answers.Member(
        member_id=head.member_id,
        status=head.status,
        email=contact.email,
        phone=contact.phone,
        name=contact.name,
        external_id=contact.external_id,
        birthday=None if contact.birthday is None else date.fromisoformat(contact.birthday),
        enrolled_at=moment_of(head.enrolled_ms),
        points=answers.Points(points.available(head), points.pending(head), head.lifetime),
        expiring=[answers.Expiring(left, day_of(day)) for left, day in points.expiring(head)],
        tier=tier(head, program, today),
        stamps=[
            answers.Stamps(card.id, card.name, head.stamps.get(card.id, 0), card.required)
            for card in program.stamp_cards
        ],
        referral_code=sealing.referral_code(program_id, head.member_id) if head.status == "active" else None,
        card_code=sealing.card_code(program_id, head.member_id) if head.status == "active" else None,
        merged_into=head.merged_into,
        program_closes=closing(program),
        plan=plan(head, program, today),
        locale=contact.locale,
        tags=list(contact.tags),
        consent=answers.MemberConsent(contact.marketing),
    )


def plan(head: Head, program: Program, today: int) -> answers.MemberPlan | None:
    """The paid plan that is held today, and its last day as far as it is paid or in grace."""
    held = plans.on(head, program, today)
    return None if held is None else answers.MemberPlan(held[0], day_of(held[1]))


def closing(program: Program) -> answers.Closing | None:
    return None if program.close is None else answers.Closing(program.close.last_earn_on, program.close.last_redeem_on)


def tier(head: Head, program: Program, today: int) -> answers.MemberTier | None:
    """The tier held, how far the sum inside the window is, and what the next one needs. None without tiers."""
    if program.tiers is None:
        return None
    levels = program.tiers.levels
    on = tiers.latest_day(head, today) if program.tiers.window == "rolling_year" else today
    progress = tiers.total(head, program.tiers, on)
    held = tiers.rank(program.tiers, head.tier.id if head.tier else None)
    level = levels[held] if held >= 0 else None
    following = levels[held + 1] if held + 1 < len(levels) else None
    return answers.MemberTier(
        id=level.id if level else None,
        name=level.name if level else None,
        since=_day(head.tier.since) if head.tier else None,
        until=_day(head.tier.until) if head.tier else None,
        progress=progress,
        next=None
        if following is None
        else answers.NextTier(following.id, following.name, max(0, following.threshold - progress)),
        benefits=list(level.benefits) if level else [],
    )


def entry(made: ledger.Entry) -> answers.Entry:
    cause_type, cause_id = made.cause
    return answers.Entry(
        entry_id=f"{cause_type}:{cause_id}" if cause_type != "refund" else f"refund:{made.order_id}:{cause_id}",
        kind=made.kind,
        points=made.points,
        status=made.status,
        available_on=_day(made.available_on),
        expires_on=_day(made.expires_on),
        cause=answers.Cause(cause_type, cause_id),
        order_id=made.order_id,
        amount=made.amount,
        reason=made.reason or _REASONS.get(made.kind, ""),
        balance_after=made.balance_after,
        sequence=made.sequence,
        booked_by=made.booked_by,
        occurred_at=moment_of(made.occurred_ms),
        booked_at=moment_of(made.booked_ms),
    )


_REASONS = {"earn": "Purchase", "refund": "Refund"}


def voucher(held: Held) -> answers.VoucherAnswer:
    answer = _voucher(held.program_id, held.voucher, held.settled, held.today)
    if held.balance is not None:
        answer.balance = held.balance
        if held.balance == 0 and answer.status == "issued":
            answer.status = "used"
        answer.used_by_order = held.order_id
    return answer


def _voucher(program_id: str, made: Voucher, end: Settled | None, today: int | None) -> answers.VoucherAnswer:
    """``today`` None: as it was when it was issued."""
    status = "issued" if end is None else end.outcome
    if end is None and today is not None and made.valid_until is not None and made.valid_until < today:
        status = "expired"
    gift = made.voucher_kind == "gift_card"
    return answers.VoucherAnswer(
        code=vouchers.code_of(program_id, made),
        reward_id=made.reward_id,
        name=made.name,
        kind=made.voucher_kind,
        value=made.value,
        balance=made.value if gift else None,
        status=status,
        member_id=made.member_id,
        points=-made.points,
        issued_at=moment_of(made.booked_ms),
        expires_on=_day(made.valid_until),
        used_by_order=end.order_id if end is not None and end.outcome == "used" else None,
    )


def new_voucher(program_id: str, made: Voucher) -> answers.VoucherAnswer:
    return _voucher(program_id, made, None, None)


def _stamps(program: Program, rows: list[tuple[str, int]]) -> list[answers.StampsEarned]:
    names = {card.id: card.name for card in program.stamp_cards}
    return [answers.StampsEarned(card_id, names.get(card_id, card_id), count) for card_id, count in rows]


def _tier_change(change: tuple[str | None, str | None] | None) -> answers.TierChange | None:
    return None if change is None else answers.TierChange(*change)


def purchase(booked: Booked) -> answers.Purchase:
    """A purchase as it was first answered."""
    made, program = booked.purchase, booked.written.program
    return answers.Purchase(
        order_id=str(made.order_id),
        member_id=made.member_id,
        total=made.total,
        refunded=made.gone[0],
        currency=made.currency,
        occurred_at=moment_of(made.occurred_ms),
        points=made.points,
        points_status="none" if made.member_id is None else made.status,
        available_on=_day(made.available_on),
        expires_on=_day(made.expires_on),
        explanation=explain(program, made),
        stamps=_stamps(program, [(row.card_id, made.stamps_after(row, made.gone[0])) for row in made.stamps]),
        vouchers_issued=[new_voucher(program.program_id, one) for one in booked.issued],
        tier_change=_tier_change(made.tier_change),
    )


def purchase_now(booked: Booked, refunds: list[Refund], today: int) -> answers.PurchaseWithRefunds:
    """A purchase as it is: what it is worth after its refunds, with each of them."""
    made, program = booked.purchase, booked.written.program
    first = purchase(booked)
    released = made.available_on is not None and made.available_on <= today
    fields = {name: getattr(first, name) for name in first.__struct_fields__}
    return answers.PurchaseWithRefunds(
        **{
            **fields,
            "refunded": booked.refunded,
            "points": made.points_after(booked.refunded),
            "explanation": [*first.explanation, *_given_back(program, made, booked.refunded)],
            "points_status": "posted" if released else first.points_status,
            "stamps": _stamps(program, [(row.card_id, made.stamps_after(row, booked.refunded)) for row in made.stamps]),
        },
        refunds=[refund(program, made) for made in refunds],
    )


def _given_back(program: Program, made: Purchase, refunded: int) -> list[Reason]:
    """The line that makes the explanation of a refunded purchase add up to what it is worth now."""
    if refunded == made.gone[0] or made.member_id is None:
        return []
    text = f"{format_amount(refunded, program.currency)} of {format_amount(made.total, program.currency)} went back"
    return [Reason("refund", text, made.points_after(refunded) - made.points)]


def refund(program: Program, made: Refund) -> answers.RefundAnswer:
    return answers.RefundAnswer(
        refund_id=made.refund_id,
        order_id=str(made.order_id),
        member_id=made.member_id,
        amount=(made.amount or 0) if made.asked is None else made.asked,
        refunded=made.refunded,
        currency=made.currency,
        points=made.points,
        points_status=made.status,
        stamps=[answers.StampsTaken(card_id, -taken) for card_id, taken in made.stamps],
        vouchers_cancelled=[sealing.voucher_code(program.program_id, origin) for origin in made.cancelled],
        tier_change=_tier_change(made.tier_change),
        balance_after=None if made.member_id is None else made.balance_after,
        occurred_at=moment_of(made.occurred_ms),
        booked_at=moment_of(made.booked_ms),
    )


def estimate(made: Purchase, program: Program) -> answers.Estimate:
    return answers.Estimate(
        member_id=made.member_id,
        total=made.total,
        currency=made.currency,
        points=made.points,
        points_status="none" if made.member_id is None else made.status,
        explanation=explain(program, made),
        stamps=_stamps(program, [(row.card_id, row.stamps) for row in made.stamps]),
        tier_change=_tier_change(made.tier_change),
    )
