"""What the API answers, as types. Times are RFC 3339 in UTC, dates ISO, money minor units of the program's currency."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from chalicelib.domain.advice import Advice
from chalicelib.domain.explanation import Reason
from chalicelib.domain.ledger import Kind
from chalicelib.domain.voucher import VoucherKind


class Points(msgspec.Struct):
    """``available`` may be negative after a refund: a debt that the next earning pays."""

    available: int
    pending: int
    lifetime: int


class Expiring(msgspec.Struct):
    points: int
    expires_on: date


class NextTier(msgspec.Struct):
    id: str
    name: str
    remaining: int


class MemberTier(msgspec.Struct):
    """``progress`` is the basis inside the window; ``until`` the last day held, grace included."""

    id: str | None
    name: str | None
    since: date | None
    until: date | None
    progress: int
    next: NextTier | None
    benefits: list[str]


class Stamps(msgspec.Struct):
    card_id: str
    name: str
    stamps: int
    required: int


class MemberPlan(msgspec.Struct):
    id: str
    until: date | None


class Closing(msgspec.Struct):
    """The program is ending: nothing earns after the first date, nothing redeems after the second."""

    last_earn_on: date
    last_redeem_on: date


class MemberConsent(msgspec.Struct):
    marketing: bool


class Member(msgspec.Struct, kw_only=True):
    member_id: str
    status: Literal["active", "merged", "erased"]
    email: str | None
    phone: str | None
    name: str | None
    external_id: str | None
    birthday: date | None
    enrolled_at: datetime
    points: Points
    expiring: list[Expiring]
    tier: MemberTier | None
    stamps: list[Stamps]
    referral_code: str | None
    card_code: str | None
    merged_into: str | None
    program_closes: Closing | None
    plan: MemberPlan | None
    locale: str | None
    tags: list[str]
    consent: MemberConsent


class Cause(msgspec.Struct):
    type: str
    id: str


class Entry(msgspec.Struct, kw_only=True):
    """One movement. A ``pending`` one never counts; the ``release`` that follows is posted."""

    entry_id: str
    kind: Kind
    points: int
    status: Literal["posted", "pending"]
    available_on: date | None
    expires_on: date | None
    cause: Cause
    order_id: str | None
    amount: int | None
    reason: str
    balance_after: int
    sequence: int
    booked_by: str
    occurred_at: datetime
    booked_at: datetime


class VoucherAnswer(msgspec.Struct, kw_only=True):
    code: str
    reward_id: str | None
    name: str
    kind: VoucherKind
    value: int
    balance: int | None
    status: Literal["issued", "used", "cancelled", "expired"]
    member_id: str | None
    points: int
    issued_at: datetime
    expires_on: date | None
    used_by_order: str | None


class StampsEarned(msgspec.Struct):
    card_id: str
    name: str
    stamps: int


class StampsTaken(msgspec.Struct):
    card_id: str
    stamps: int


class TierChange(msgspec.Struct, rename={"from_": "from"}):
    from_: str | None
    to: str | None


class RefundAnswer(msgspec.Struct, kw_only=True):
    """``points`` is what the refund moved (negative or zero), ``refunded`` the purchase's total with this one."""

    refund_id: str
    order_id: str
    member_id: str | None
    amount: int
    refunded: int
    currency: str
    points: int
    points_status: Literal["posted", "pending"]
    stamps: list[StampsTaken]
    vouchers_cancelled: list[str]
    tier_change: TierChange | None
    balance_after: int | None
    occurred_at: datetime
    booked_at: datetime


class Purchase(msgspec.Struct, kw_only=True):
    """``points`` are those of the purchase now; as it was first answered, those that it earned."""

    order_id: str
    member_id: str | None
    total: int
    refunded: int
    currency: str
    occurred_at: datetime
    points: int
    points_status: Literal["posted", "pending", "none"]
    available_on: date | None
    expires_on: date | None
    explanation: list[Reason]
    stamps: list[StampsEarned]
    vouchers_issued: list[VoucherAnswer]
    tier_change: TierChange | None


class PurchaseWithRefunds(Purchase, kw_only=True):
    refunds: list[RefundAnswer]


class Estimate(msgspec.Struct, kw_only=True):
    """What a sale would earn; nothing is written."""

    member_id: str | None
    total: int
    currency: str
    points: int
    points_status: Literal["posted", "pending", "none"]
    explanation: list[Reason]
    stamps: list[StampsEarned]
    tier_change: TierChange | None


class Obstacle(msgspec.Struct):
    code: str
    detail: str


class RewardAnswer(msgspec.Struct, kw_only=True):
    """``can_take``, ``points_missing`` and ``obstacles`` are told where a member is named."""

    id: str
    name: str
    kind: VoucherKind
    value: int
    points: int
    valid_days: int | None
    minimum_tier: str | None
    minimum_purchase: int
    per_member: int | None
    stock_left: int | None
    starts_on: date | None
    ends_on: date | None
    can_take: bool | None
    points_missing: int | None
    obstacles: list[Obstacle] | None


class Session(msgspec.Struct):
    token: str
    expires_at: datetime


class ProgramAnswer(msgspec.Struct, kw_only=True):
    version: int
    program: dict[str, Any]
    advice: list[Advice]


class KeyAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``key`` is told once, when it is made."""

    key_id: str
    role: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_on: date | None
    key: str | msgspec.UnsetType = msgspec.UNSET


class VersionAnswer(msgspec.Struct):
    """Who wrote a version of the program, and when."""

    version: int
    written_by: str
    written_at: datetime


class Versions(msgspec.Struct):
    items: list[VersionAnswer]
    next_cursor: str | None


class Members(msgspec.Struct):
    items: list[Member]
    next_cursor: str | None


class Entries(msgspec.Struct):
    items: list[Entry]
    next_cursor: str | None


class Vouchers(msgspec.Struct):
    items: list[VoucherAnswer]
    next_cursor: str | None


class Rewards(msgspec.Struct):
    items: list[RewardAnswer]
    next_cursor: str | None


class Keys(msgspec.Struct):
    items: list[KeyAnswer]
    next_cursor: str | None


class ProviderAnswer(msgspec.Struct, kw_only=True):
    """``secrets`` counts those set; they are never answered back."""

    provider: str
    secrets: int
    livemode: bool | None
    account: str | None
    url: str | None
    last_heard_at: datetime | None
    ignored: int
    set_aside: int


class Providers(msgspec.Struct):
    items: list[ProviderAnswer]
    next_cursor: str | None


class AsideAnswer(msgspec.Struct, kw_only=True):
    """An event that could not be booked as it stands. ``ids`` name its payment, as far as they could be read."""

    id: str
    provider: str
    event: str
    event_id: str | None
    reason: str
    detail: str
    ids: list[str]
    told_at: datetime | None
    set_aside_at: datetime
    expires_at: datetime | None


class Asides(msgspec.Struct):
    items: list[AsideAnswer]
    next_cursor: str | None


class Heard(msgspec.Struct):
    """What became of a provider's event: booked, booked before, of no interest, or set aside with a reason."""

    outcome: Literal["booked", "known", "ignored", "set_aside"]


class PublicReward(msgspec.Struct):
    id: str
    name: str
    kind: VoucherKind
    value: int
    points: int
    minimum_tier: str | None


class PublicTier(msgspec.Struct):
    id: str
    name: str
    threshold: int
    percent: int
    benefits: list[str]


class PublicProgram(msgspec.Struct, kw_only=True):
    """The program for shoppers: ``rules`` are sentences in ``locale``, made from the program itself."""

    program_id: str
    name: str
    currency: str
    locale: str
    direction: Literal["ltr", "rtl"]
    rules: list[str]
    rewards: list[PublicReward]
    tiers: list[PublicTier]
    program_closes: Closing | None


class Health(msgspec.Struct):
    status: Literal["ok"]
