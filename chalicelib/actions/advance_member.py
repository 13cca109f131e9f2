"""Moves one member to the present: what time owes is committed, whoever asks, once."""

from __future__ import annotations

from datetime import datetime

from chalicelib.actions.admission import Call, Credential
from chalicelib.actions.assess_member import assess_member
from chalicelib.actions.settle_referral import settle_referral
from chalicelib.domain.advance import advance, next_date
from chalicelib.domain.calendar import local_day
from chalicelib.domain.member import Head
from chalicelib.store import entries, members, pricing, programs
from chalicelib.store.table import commit

SCHEDULE = "schedule:due"
REFERRAL_UNITS = 16
"""What settling a referral is promised to cost at most."""


def advance_member(written: programs.Written, head: Head, now: datetime) -> int:
    """Commits what time has done to a member as they were read; answers the write units used.

    0 where nothing was due. What needs more than the head follows in transactions of its own: a referral, and an
    assessment by entries. Raises Lost where the member moved since.
    """
    program_id, today = written.program.program_id, local_day(now, written.program.time_zone)
    used = 0
    if head.referral is not None and head.referral.settles_on is not None and head.referral.settles_on <= today:
        credential = Credential(program_id=program_id, agent=SCHEDULE, roles=frozenset({"owner"}))
        settle_referral(Call(credential=credential, now=now), head.member_id)
        # Both sides were brought up to date with it, so the head as it was read is gone.
        return REFERRAL_UNITS
    after, made = advance(head, written.program, written.version, now, SCHEDULE)
    if after != head:
        writes = [
            members.move(program_id, head, after),
            *(entries.book(written.program, one) for one in made),
        ]
        commit(writes)
        used = pricing.units(writes)
    following = next_date(after)
    if following is not None and following <= today:
        used += assess_member(program_id, head.member_id, now, SCHEDULE)
    return used
