"""Merging two accounts of one person: everything moves, and nothing that may be had once is had twice."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.domain import points, referral, tiers, yearly
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.ledger import Entry, post
from chalicelib.domain.member import FORMER, IDENTITIES, MIXED, Contact, Head, Tier
from chalicelib.domain.program import Program
from chalicelib.domain.voucher import Voucher, issue


class Merged(msgspec.Struct, frozen=True):
    """Both heads after it, the transfer on each side, and the vouchers of cards that became full together."""

    source: Head
    target: Head
    entries: tuple[Entry, Entry]
    vouchers: tuple[Voucher, ...]


def merge(
    source: Head,
    target: Head,
    program: Program,
    version: int,
    *,
    cause: tuple[str, str],
    fingerprint: str,
    now: datetime,
    booked_by: str,
) -> Merged:
    """Moves the source's balance, lots with their dates, pending points, stamps, tier (the higher) and counters.

    Limits are counted together, so a merge opens no limit again. Both heads are up to date and active.
    """
    balance, held = points.available(source), points.pending(source)
    moved = Entry(
        kind="transfer",
        cause=cause,
        booked_by=booked_by,
        occurred_ms=milliseconds(now),
        booked_ms=milliseconds(now),
        program_version=version,
    )
    after = replace(
        _counters(source, target, program),
        lots=_sum(target.lots, source.lots),
        spent=target.spent + source.spent,
        lapsed=_sum(target.lapsed, source.lapsed),
        pending={
            day: _sum(target.pending.get(day, {}), source.pending.get(day, {}))
            for day in {**target.pending, **source.pending}
        },
        lifetime=target.lifetime + source.lifetime,
        merged_from=(*target.merged_from, *source.merged_from, source.member_id),
    )
    emptied = Head(
        member_id=source.member_id,
        enrolled_ms=source.enrolled_ms,
        status="merged",
        version=source.version,
        sequence=source.sequence,
        merged_into=target.member_id,
    )
    emptied, out = post(
        emptied,
        replace(
            moved,
            points=-balance,
            held=held,
            reason="Merged into another account",
            fingerprint=fingerprint,
            tier_change=None if source.tier is None else (source.tier.id, None),
        ),
    )
    after, arrived = post(
        after,
        replace(
            moved,
            cause=arrival(cause),
            points=balance,
            held=-held,
            reason="Brought along from another account",
            fingerprint=fingerprint,
            tier_change=_rise(target, after),
        ),
    )
    after, vouchers = _full_cards(after, program, version, cause[1], now, booked_by)
    return Merged(emptied, after, (out, arrived), vouchers)


def _rise(before: Head, after: Head) -> tuple[str | None, str | None] | None:
    """The tier that came along, where it was the higher."""
    was, now = (None if head.tier is None else head.tier.id for head in (before, after))
    return None if was == now else (was, now)


def arrival(cause: tuple[str, str]) -> tuple[str, str]:
    """The cause of the entry on the target's side, of that on the source's."""
    return "merged", cause[1]


def _sum(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    return {key: total for key in {**one, **other} if (total := one.get(key, 0) + other.get(key, 0))}


def _counters(source: Head, target: Head, program: Program) -> Head:
    day = max(source.check_ins[0], target.check_ins[0])
    visits = sum(head.check_ins[1] for head in (source, target) if head.check_ins[0] == day)
    year = max(source.referrals_paid[0], target.referrals_paid[0])
    paid = sum(head.referrals_paid[1] for head in (source, target) if head.referrals_paid[0] == year)
    cards, rewards = {**target.stamps, **source.stamps}, {**target.taken, **source.taken}
    idle = [head.idle_on for head in (source, target) if head.idle_on is not None]
    firsts = [head.first_purchase_on for head in (source, target) if head.first_purchase_on is not None]
    same = source.counts == target.counts
    return replace(
        yearly.together(target, source),
        enrolled_ms=min(source.enrolled_ms, target.enrolled_ms),
        idle_on=max(idle, default=None),
        idle_months=max(source.idle_months, target.idle_months),
        noticed=_noticed(source, target),
        # Two counts of different things make none: the schedule counts anew from the entries of both.
        counts=target.counts if same else MIXED,
        days=_sum(target.days, source.days),
        window=tiers.merged(_sum(target.window, source.window)),
        tier=_higher(source.tier, target.tier, program),
        tier_before=_higher(source.tier_before, target.tier_before, program),
        stamps={card: source.stamps.get(card, 0) + target.stamps.get(card, 0) for card in cards},
        taken={reward: source.taken.get(reward, 0) + target.taken.get(reward, 0) for reward in rewards},
        check_ins=(day, visits),
        purchases=source.purchases + target.purchases,
        first_purchase_on=min(firsts, default=None),
        referral=referral.together(target, source),
        referrals_paid=(year, paid),
        plans={**source.plans, **target.plans},
        plans_told=max(source.plans_told, target.plans_told),
    )


def _noticed(source: Head, target: Head) -> tuple[int, ...]:
    """Days of which notice was given for all that lapses then; where one account had none of it, the other's counts."""
    days = {*source.noticed, *target.noticed}
    return tuple(sorted(day for day in days if all(_knows(head, day) for head in (source, target))))


def _knows(head: Head, day: int) -> bool:
    return day in head.noticed or all(points.last_day(head, lot) != day for lot in head.lots)


def _higher(one: Tier | None, other: Tier | None, program: Program) -> Tier | None:
    """The higher of two tiers, and of the same the one held longer."""
    if program.tiers is None or one is None or other is None:
        return one or other
    ranks = (tiers.rank(program.tiers, one.id), tiers.rank(program.tiers, other.id))
    if ranks[0] != ranks[1]:
        return one if ranks[0] > ranks[1] else other
    if one.until is None or other.until is None:
        return one if one.until is None else other
    return one if one.until > other.until else other


def _full_cards(
    head: Head, program: Program, version: int, cause_id: str, now: datetime, booked_by: str
) -> tuple[Head, tuple[Voucher, ...]]:
    """Two half-filled cards may make a full one: its voucher is issued, as by a purchase."""
    vouchers: list[Voucher] = []
    for card in program.stamp_cards:
        reward = program.reward(card.reward_id)
        while reward is not None and head.stamps.get(card.id, 0) >= card.required:
            head = replace(head, stamps={**head.stamps, card.id: head.stamps[card.id] - card.required})
            made = issue(
                reward,
                origin=f"merge/{card.id}/{len(vouchers)}/{cause_id}",
                day=local_day(now, program.time_zone),
                cause=("stamp_card", f"{card.id}/{cause_id}/{len(vouchers)}"),
                booked_by=booked_by,
                now_ms=milliseconds(now),
                program_version=version,
                currency=program.currency,
                card_id=card.id,
            )
            head, posted = post(head, made)
            vouchers.append(posted)
    return head, tuple(vouchers)


def joined(target: Contact, source: Contact) -> Contact:
    """The target's contact as it is, completed by what only the source had; every identity keeps finding the member.

    Consent stays the target's: nobody consents by being merged.
    """
    missing = [kind for kind in IDENTITIES if getattr(target, kind) is None and kind not in target.found_by]
    found_by = {kind: value for kind, value in source.found_by.items() if kind in missing}
    also = [pair for pair in source.identities() if pair not in target.identities()]
    return replace(
        target,
        **{kind: getattr(source, kind) for kind in missing},
        found_by={**target.found_by, **found_by},
        name=target.name or source.name,
        birthday=target.birthday or source.birthday,
        locale=target.locale or source.locale,
        tags=tuple(dict.fromkeys((*target.tags, *source.tags))),
        also=tuple(dict.fromkeys((*target.also, *also))),
        former=tuple(dict.fromkeys((*target.former, *source.former)))[-FORMER:],
        invites=tuple(dict.fromkeys((*target.invites, *source.invites))),
    )
