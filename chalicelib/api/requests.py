"""The bodies that callers send, as types: what is validated is what the OpenAPI document describes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.domain.text import ExternalId, Label

Minor = Annotated[int, Meta(ge=0, le=1_000_000_000_000, extra={"must": "an integer of minor units, from 0"})]
PositiveMinor = Annotated[int, Meta(ge=1, le=1_000_000_000_000, extra={"must": "an integer of minor units, from 1"})]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^\s@\x00-\x1f\x7f<>]{1,64}@[^\s@\x00-\x1f\x7f<>]{1,189}$(?!\n)",
        extra={"must": "an email address, such as ann@example.com"},
    ),
]
Phone = Annotated[
    str,
    Meta(
        pattern=r"^\+?(?=(?:[^0-9]*[0-9]){4})[0-9 ()./-]{4,32}$(?!\n)",
        extra={"must": "a phone number: digits, spaces and + ( ) . / -, such as +36 30 123 4567"},
    ),
]
Locale = Annotated[
    str, Meta(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$(?!\n)", extra={"must": "a language tag, such as en or pt-BR"})
]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", extra={"must": "an ISO 4217 code, such as EUR"})]
Moment = Annotated[datetime, Meta(tz=True)]
EARLIEST, LATEST = 1970, 9000
"""Years of a moment: what lies outside cannot be told in every time zone, nor counted in milliseconds from 1970."""
Tags = Annotated[list[Label], Meta(max_length=50)]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request body; unknown fields are refused, and so are moments that no shop's clock shows."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            moment = getattr(self, name)
            if isinstance(moment, datetime) and not EARLIEST <= moment.year <= LATEST:
                # In msgspec's own form of a refusal, which names the field.
                raise ValueError(f"Must lie between the years {EARLIEST} and {LATEST} - at `$.{name}`")
            if isinstance(moment, datetime):
                # The same moment with another offset is the same content of a call that is sent again.
                msgspec.structs.force_setattr(self, name, moment.astimezone(UTC))


class Consent(Body, frozen=True, kw_only=True):
    marketing: bool


class NewMember(Body, frozen=True, kw_only=True):
    email: Email | None = None
    phone: Phone | None = None
    external_id: ExternalId | None = None
    name: Label | None = None
    birthday: date | None = None
    locale: Locale | None = None
    consent: Consent | None = None
    referral_code: Label | None = None
    invite_code: Label | None = None
    tags: Tags = []
    enrolled_at: Moment | None = None


class MemberChange(Body, frozen=True, kw_only=True, omit_defaults=True):
    """Fields left out stay as they are; null clears one."""

    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    external_id: ExternalId | UnsetType | None = UNSET
    name: Label | UnsetType | None = UNSET
    birthday: date | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    consent: Consent | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


class OwnChange(Body, frozen=True, kw_only=True, omit_defaults=True):
    """What a member may change of themselves."""

    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    name: Label | UnsetType | None = UNSET
    birthday: date | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    consent: Consent | UnsetType = UNSET


class Item(Body, frozen=True, kw_only=True):
    """A line of an order; ``amount`` and ``cost`` are the whole line's, in minor units."""

    sku: Label
    name: Label | None = None
    category: Label | None = None
    quantity: Annotated[int, Meta(ge=1, le=100_000)]
    amount: Minor
    cost: Minor | None = None


class EstimateRequest(Body, frozen=True, kw_only=True):
    member_id: ExternalId | None = None
    email: Email | None = None
    external_id: ExternalId | None = None
    total: Minor
    delivery: Minor = 0
    tax: Minor = 0
    currency: Currency
    occurred_at: Moment | None = None
    payment_fingerprint: Label | None = None
    items: Annotated[list[Item], Meta(max_length=1_000)] = []
    voucher_codes: Annotated[list[Label], Meta(max_length=40)] = []


class NewPurchase(EstimateRequest, frozen=True, kw_only=True):
    order_id: ExternalId


class NewRefund(Body, frozen=True, kw_only=True):
    refund_id: ExternalId
    amount: PositiveMinor
    occurred_at: Moment | None = None


class Adjustment(Body, frozen=True, kw_only=True):
    points: Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
    reason: Label


class CheckIn(Body, frozen=True, kw_only=True):
    """Nothing needs to be said about a check-in."""


class Redemption(Body, frozen=True, kw_only=True):
    reward_id: Label


class VoucherUse(Body, frozen=True, kw_only=True):
    order_id: ExternalId
    amount: PositiveMinor | None = None


class NewGiftCard(Body, frozen=True, kw_only=True):
    amount: PositiveMinor
    recipient_email: Email | None = None


class Recipient(Body, frozen=True, kw_only=True):
    email: Email


class Claim(Body, frozen=True, kw_only=True):
    member_id: ExternalId


class Merge(Body, frozen=True, kw_only=True):
    from_member_id: ExternalId


class NewInvite(Body, frozen=True, kw_only=True):
    """``note`` is for the owner alone, and is erased with the person whom it let in."""

    uses: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    note: Label | None = None
    expires_on: date | None = None


class CloseProgram(Body, frozen=True, kw_only=True):
    """Nothing earns after the first date, nothing redeems after the second."""

    last_earn_on: date
    last_redeem_on: date


class Nothing(Body, frozen=True, kw_only=True):
    """An empty object."""


class ProgramChange(Body, frozen=True, kw_only=True):
    version: Annotated[int, Meta(ge=1)]
    program: dict[str, Any]


class ProgramCheck(Body, frozen=True, kw_only=True):
    program: dict[str, Any]


class NewKey(Body, frozen=True, kw_only=True):
    role: Literal["storefront", "staff", "owner"]
    name: Label


class ProviderSetting(Body, frozen=True, kw_only=True):
    """``secrets``: several while one is being rotated. ``account`` and ``livemode`` bind the provider's account.

    ``url``: the address given to the provider, where a proxy stands between (Square signs it).
    """

    secrets: Annotated[list[Annotated[str, Meta(min_length=8, max_length=500)]], Meta(min_length=1, max_length=5)]
    livemode: bool | None = None
    account: Label | None = None
    url: Annotated[str, Meta(max_length=500, pattern=r"^https?://[!-~]+$(?!\n)")] | None = None
