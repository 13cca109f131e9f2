"""The program document: what a shop promises, as data. Frozen, versioned, immutable once written.

Money is integer minor units of ``currency``; percentages are integers (150 is one and a half times); dates are
days of the program's own ``time_zone``, both ends included.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from chalicelib.domain.text import Identifier, Label

Name = Label
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", extra={"must": "a currency's three capital letters, such as EUR"})
]
Locale = Annotated[
    str, Meta(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$(?!\n)", extra={"must": "a language such as en, or pt-BR"})
]
Points = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Minor = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Percent = Annotated[int, Meta(ge=0, le=10_000)]
Days = Annotated[int, Meta(ge=0, le=3_650)]
Benefits = Annotated[list[Name], Meta(max_length=20)]
Categories = Annotated[list[Name], Meta(max_length=200)]


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the program document; unknown fields are refused."""


class Pilot(Document, frozen=True, kw_only=True):
    max_members: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    ends_on: date | None = None


class Enrolment(Document, frozen=True, kw_only=True):
    mode: Literal["open", "invite"] = "open"
    welcome_points: Points = 0
    welcome_again_days: Days = 365
    claim_purchases_days: Annotated[int, Meta(ge=0, le=366)] = 0
    pilot: Pilot | None = None


class Multiplier(Document, frozen=True, kw_only=True):
    """More points for some categories (none named: for every line), on the days named."""

    id: Identifier
    name: Name
    categories: Categories = []
    percent: Annotated[int, Meta(ge=1, le=10_000)]
    starts_on: date | None = None
    ends_on: date | None = None


class CheckIn(Document, frozen=True, kw_only=True):
    """A visit without a purchase: ``points``, or a stamp on ``card_id``, at most ``per_day`` times a day."""

    points: Points = 0
    card_id: Identifier | None = None
    per_day: Annotated[int, Meta(ge=1, le=100)] = 1


class Earning(Document, frozen=True, kw_only=True):
    points: Annotated[int, Meta(ge=0, le=1_000_000)] = 1
    per_amount: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 100
    pending_days: Annotated[int, Meta(ge=0, le=366)] = 0
    excluded_categories: Categories = []
    multipliers: Annotated[list[Multiplier], Meta(max_length=100)] = []
    check_in: CheckIn | None = None
    birthday_points: Points = 0
    anniversary_points: Points = 0
    daily_cap: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None


class Expiry(Document, frozen=True, kw_only=True):
    """When points lapse. ``months`` serves rolling and inactivity; ``month``, ``day``, ``after_years`` calendar.

    29 February lapses on the 28th where the year has no 29th. A checked calendar always has ``after_years``: 1 where
    the document leaves it out.
    """

    policy: Literal["none", "rolling", "calendar", "inactivity"] = "none"
    months: Annotated[int, Meta(ge=1, le=120)] | None = None
    month: Annotated[int, Meta(ge=1, le=12)] | None = None
    day: Annotated[int, Meta(ge=1, le=31)] | None = None
    after_years: Annotated[int, Meta(ge=0, le=10)] | None = None
    notice_days: Annotated[int, Meta(ge=0, le=366)] = 0


class Level(Document, frozen=True, kw_only=True):
    id: Identifier
    name: Name
    threshold: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
    percent: Percent = 100
    benefits: Benefits = []


class Tiers(Document, frozen=True, kw_only=True):
    """``threshold`` is in minor units, points or purchases as ``basis`` says; levels rise from the lowest."""

    basis: Literal["spend", "points", "visits"]
    window: Literal["rolling_year", "calendar_year", "lifetime"] = "rolling_year"
    downgrade: Literal["one_level", "to_earned", "never"] = "to_earned"
    grace_days: Annotated[int, Meta(ge=0, le=366)] = 0
    levels: Annotated[list[Level], Meta(min_length=1, max_length=20)]


class StampCard(Document, frozen=True, kw_only=True):
    id: Identifier
    name: Name
    categories: Categories = []
    per: Literal["item", "visit"] = "item"
    required: Annotated[int, Meta(ge=1, le=1_000)]
    reward_id: Identifier


class Reward(Document, frozen=True, kw_only=True):
    """What points buy. ``value`` is minor units, or percent for ``percent_off``; ``cost`` is the shop's own."""

    id: Identifier
    name: Name
    kind: Literal["amount_off", "percent_off", "free_product", "gift_card", "experience"]
    value: Minor = 0
    cost: Minor = 0
    points: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    valid_days: Annotated[int, Meta(ge=1, le=3_650)] | None = None
    minimum_tier: Identifier | None = None
    minimum_purchase: Minor = 0
    stock: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    per_member: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    starts_on: date | None = None
    ends_on: date | None = None

    def offered(self, today: date) -> bool:
        """Whether the shop offers it on a day of its own, both ends included."""
        return (self.starts_on or today) <= today <= (self.ends_on or today)


class Referral(Document, frozen=True, kw_only=True):
    advocate_points: Points = 0
    friend_points: Points = 0
    minimum_purchase: Minor = 0
    settle_days: Annotated[int, Meta(ge=0, le=366)] = 0
    yearly_cap: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


class Plan(Document, frozen=True, kw_only=True):
    """A paid membership; ``provider_prices`` maps a payment provider to its price ids.

    While a payment that failed is tried again, the plan is held ``grace_days`` longer than it was paid for.
    """

    id: Identifier
    name: Name
    percent: Percent = 100
    benefits: Benefits = []
    grace_days: Annotated[int, Meta(ge=0, le=90)] = 7
    provider_prices: dict[
        Identifier, Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=50)]
    ] = {}


class Staff(Document, frozen=True, kw_only=True):
    """The most that one staff action may move: points, and a purchase's total in minor units. None: no limit.

    ``backdate_days``: how far back a sale or an enrolment that staff enter may lie.
    """

    adjustment_cap: Points | None = None
    purchase_cap: Minor | None = None
    backdate_days: Days | None = None


class Close(Document, frozen=True, kw_only=True):
    """An orderly end: nothing earns after the first date, nothing redeems after the second."""

    last_earn_on: date
    last_redeem_on: date


class Program(Document, frozen=True, kw_only=True):
    program_id: Identifier
    name: Name
    currency: Currency
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]
    locales: Annotated[list[Locale], Meta(min_length=1, max_length=20)] = msgspec.field(default_factory=lambda: ["en"])
    enrolment: Enrolment = Enrolment()
    earning: Earning = Earning()
    expiry: Expiry = Expiry()
    tiers: Tiers | None = None
    stamp_cards: Annotated[list[StampCard], Meta(max_length=20)] = []
    rewards: Annotated[list[Reward], Meta(max_length=200)] = []
    referral: Referral | None = None
    plans: Annotated[list[Plan], Meta(max_length=20)] = []
    close: Close | None = None
    storefront_origins: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)] = []
    staff: Staff = Staff()

    def reward(self, reward_id: str) -> Reward | None:
        return next((reward for reward in self.rewards if reward.id == reward_id), None)

    def level_rank(self, level_id: str | None) -> int:
        """The place of a tier level from the lowest (0); -1 for none or one that the program no longer has."""
        if self.tiers is not None:
            for rank, level in enumerate(self.tiers.levels):
                if level.id == level_id:
                    return rank
        return -1


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The tz database's zone; ``ZoneInfoNotFoundError`` (a KeyError) where there is none."""
    return ZoneInfo(name)
