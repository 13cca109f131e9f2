"""Reads the catalogue: each reward with its stock and, for a member, what still stands in the way."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Call, active_head, enter
from chalicelib.actions.redeem import stock_taken, what_hinders
from chalicelib.domain import points
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day
from chalicelib.domain.errors import Refused
from chalicelib.domain.program import Reward
from chalicelib.store import keys
from chalicelib.store.table import load


class Offered(msgspec.Struct, frozen=True):
    """``hindrances`` and ``points_missing`` are None where no member was named."""

    reward: Reward
    stock_taken: int
    hindrances: list[Refused] | None
    points_missing: int | None


def read(call: Call, member_id: str | None) -> list[Offered]:
    """Every reward of the program, in the owner's order. Raises Refused ``member_not_found``."""
    program_id = call.credential.program_id
    admitted = enter(call.credential, [] if member_id is None else [keys.head(program_id, member_id)])
    program = admitted.program
    stocked = {reward.id: keys.stock(program_id, reward.id) for reward in program.rewards if reward.stock is not None}
    stock = load(stocked.values()) if stocked else {}
    present = None
    if member_id is not None:
        head = active_head(admitted, member_id)
        present, _ = advance(head, program, admitted.version, call.now, admitted.booked_by)
    today = local_day(call.now, program.time_zone)
    rows = []
    for reward in program.rewards:
        taken = stock_taken(stock.get(stocked[reward.id])) if reward.id in stocked else 0
        hindrances = missing = None
        if present is not None:
            hindrances = what_hinders(program, present, reward, taken, today)
            missing = max(0, reward.points - points.available(present))
        rows.append(Offered(reward, taken, hindrances, missing))
    return rows
