"""Ends a voucher whose last day is over: unused it is settled as expired, exactly once; its points stay spent."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.calendar import day_of, milliseconds, start_of
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import pricing, programs, vouchers
from chalicelib.store.table import Row, commit


def expire_voucher(
    written: programs.Written, sealed: str, issued: Row, settled: Row | None, now: datetime, booked_by: str
) -> int:
    """Ends the voucher as it was read; answers the write units used. Raises Lost where it moved since."""
    if "dpk" not in issued.attribute_values:
        return 0  # it left the index since the index was read
    voucher, program = issued.document(Voucher), written.program
    used_up = voucher.voucher_kind == "gift_card" and int(issued.n or 0) == 0
    if settled is not None or used_up or voucher.valid_until is None:
        vouchers.no_longer_due(program.program_id, sealed)
        return 2
    left = None if issued.n is None else int(issued.n)
    end = Settled(
        kind="reverse",
        outcome="expired",
        cause=("voucher", voucher.origin),
        reward_id=voucher.reward_id,
        member_id=voucher.member_id,
        reason=f"{voucher.name} could be used until {day_of(voucher.valid_until)}",
        booked_by=booked_by,
        occurred_ms=milliseconds(min(start_of(voucher.valid_until + 1, program.time_zone), now)),
        booked_ms=milliseconds(now),
        program_version=written.version,
        amount=left,
    )
    writes = vouchers.expired(program, sealed, end, left)
    commit(writes)
    return pricing.units(writes)
