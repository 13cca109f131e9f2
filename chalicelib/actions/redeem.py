"""Redeems points for a reward: the voucher, the debit and the stock in one transaction."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chalicelib.actions.admission import Call, active_head, enter, not_found
from chalicelib.actions.attempt import attempt
from chalicelib.domain import points, tiers
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day, milliseconds
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import fingerprint, post
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program, Reward
from chalicelib.domain.voucher import Voucher, issue, obstacles
from chalicelib.store import entries, keys, members, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, commit


class Redeemed(msgspec.Struct, frozen=True):
    voucher: Voucher
    replayed: bool


def redeem(call: Call, member_id: str, reward_id: str, idempotency_key: str) -> Redeemed:
    """Raises Refused: ``insufficient_points``, ``limit_reached``, ``out_of_stock``, ``tier_too_low``,
    ``reward_not_available``, ``reward_not_found``, ``member_not_found``, ``cause_conflict``."""
    program_id = call.credential.program_id
    origin = vouchers.redemption_origin(program_id, member_id, idempotency_key)
    voucher_key = keys.voucher(program_id, vouchers.sealed_origin(program_id, origin))
    return attempt(lambda: _once(call, member_id, reward_id, origin, voucher_key), [voucher_key])


def stock_taken(row: Row | None) -> int:
    return 0 if row is None else int(row.n or 0)


def what_hinders(program: Program, head: Head, reward: Reward, taken_of_stock: int, today: int) -> list[Refused]:
    """Everything that keeps this member from taking a reward now; empty when they can."""
    minimum = None
    if reward.minimum_tier is not None and program.tiers is not None:
        minimum = tiers.rank(program.tiers, reward.minimum_tier)
    held = -1 if program.tiers is None else tiers.rank(program.tiers, head.tier.id if head.tier else None)
    return obstacles(
        reward,
        available=points.available(head),
        taken=head.taken.get(reward.id, 0),
        tier_rank=held,
        minimum_rank=minimum,
        stock_taken=taken_of_stock,
        today=today,
        closed_on=None if program.close is None else program.close.last_redeem_on,
    )


def _once(call: Call, member_id: str, reward_id: str, origin: str, voucher_key: Key) -> Redeemed:
    program_id = call.credential.program_id
    stock_key = keys.stock(program_id, reward_id)
    admitted = enter(call.credential, [keys.head(program_id, member_id), voucher_key, stock_key])
    program, version = admitted.program, admitted.version
    asked = fingerprint(reward_id)
    if voucher_key in admitted.found:
        known = admitted.found[voucher_key].document(Voucher)
        if known.fingerprint != asked:
            raise Refused(
                "cause_conflict", "This Idempotency-Key redeemed another reward; use a new key for each wish."
            )
        return Redeemed(known, True)
    head = active_head(admitted, member_id)
    reward = program.reward(reward_id)
    if reward is None:
        not_found("reward")
    present, moved = advance(head, program, version, call.now, admitted.booked_by)
    today = local_day(call.now, program.time_zone)
    hindrances = what_hinders(program, present, reward, stock_taken(admitted.found.get(stock_key)), today)
    if hindrances:
        raise hindrances[0]
    spent = points.touch(points.spend(present, reward.points), program.expiry, today)
    if reward.per_member is not None:
        spent = replace(spent, taken={**spent.taken, reward.id: spent.taken.get(reward.id, 0) + 1})
    after, voucher = post(
        spent,
        issue(
            reward,
            origin=origin,
            day=today,
            cause=("redemption", origin.partition("/")[2]),
            booked_by=admitted.booked_by,
            now_ms=milliseconds(call.now),
            program_version=version,
            currency=program.currency,
            points=reward.points,
            fingerprint=asked,
        ),
    )
    writes = [vouchers.issued(program, voucher), members.move(program_id, head, after)]
    if reward.stock is not None:
        writes.append(vouchers.take_stock(program_id, reward.id, reward.stock))
    commit([*writes, *(entries.book(program, entry) for entry in moved)])
    return Redeemed(voucher, False)
