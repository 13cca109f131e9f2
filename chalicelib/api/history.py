"""What a member went through, over HTTP: tiers, releases, expiries, notices, birthdays; newest first."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from chalicelib.actions.tell_history import Passage, tell_history
from chalicelib.api.answers import TierChange
from chalicelib.api.door import MEMBER, STAFF, Answer, Asked, Door
from chalicelib.api.pages import PAGE
from chalicelib.domain.calendar import day_of, moment_of

door = Door(__name__)


class Happened(msgspec.Struct, kw_only=True):
    """One thing that happened. ``tier_change`` names the tier before and after (the same twice: held for another
    time, to ``until``); ``points`` moved, or lapse after ``expires_on`` where ``what`` is ``notice``. A
    ``plan`` was held to ``until``."""

    what: Literal[
        "welcome",
        "tier",
        "release",
        "expiry",
        "notice",
        "plan",
        "birthday",
        "anniversary",
        "referral",
        "merged",
        "voucher_expired",
    ]
    reason: str
    points: int
    tier_change: TierChange | None
    until: date | None
    expires_on: date | None
    order_id: str | None
    occurred_at: datetime
    booked_at: datetime


class History(msgspec.Struct):
    """A page may hold fewer items than were asked for; ``next_cursor`` tells whether there are more."""

    items: list[Happened]
    next_cursor: str | None


@door.call(
    "GET",
    "/members/{member_id}/history",
    roles=STAFF,
    summary="What a member went through, newest first: tiers, releases, expiries, notices, birthdays",
    answer=History,
    query=PAGE,
)
def get_history(asked: Asked) -> Answer:
    return _page(asked, asked.path["member_id"])


@door.call("GET", "/me/history", roles=MEMBER, summary="What you went through", answer=History, query=PAGE)
def get_my_history(asked: Asked) -> Answer:
    return _page(asked, asked.own_id)


def _page(asked: Asked, member_id: str) -> Answer:
    told, cursor = tell_history(asked.call, member_id, asked.query.get("cursor"), asked.limit())
    return Answer(body=History([_happened(one) for one in told], cursor))


def _happened(passage: Passage) -> Happened:
    return Happened(
        what=passage.what,  # type: ignore[arg-type]  # domain.history names them; a test holds the two together
        reason=passage.reason,
        points=passage.points,
        tier_change=None if passage.change is None else TierChange(*passage.change),
        until=None if passage.until is None else day_of(passage.until),
        expires_on=None if passage.expires_on is None else day_of(passage.expires_on),
        order_id=passage.order_id,
        occurred_at=moment_of(passage.occurred_ms),
        booked_at=moment_of(passage.booked_ms),
    )
