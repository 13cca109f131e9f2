"""What a program document must keep beyond its types: ids that exist, dates in order, fields that their kind needs.

The rules look at whichever parts can be read, so a wrong type in one place does not hide a fault in another.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar
from zoneinfo import available_timezones

import msgspec

from chalicelib.domain import money
from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.program import (
    CheckIn,
    Currency,
    Expiry,
    Level,
    Locale,
    Multiplier,
    Pilot,
    Plan,
    Program,
    Reward,
    StampCard,
)
from chalicelib.domain.reading import read
from chalicelib.domain.reading_faults import pointer

T = TypeVar("T")

MOST_BYTES = 200_000
"""The longest document, as compact JSON: a version is one item of the database, which takes 400 KB."""

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_FIELDS_OF_POLICY: dict[str, tuple[set[str], set[str]]] = {  # policy: (needed, also allowed)
    "none": (set(), set()),
    "rolling": ({"months"}, set()),
    "inactivity": ({"months"}, set()),
    "calendar": ({"month", "day"}, {"after_years"}),
}
_LEAP_YEAR = 2024


def check(data: object, at: str = "") -> Program:
    """The program that ``data`` (decoded JSON) describes; ``at`` is where it stands in the request.

    Raises ``Invalid`` (``invalid_program``) with every fault at its pointer.
    """
    faults: list[Fault] = []
    program: Program | None = None
    try:
        program = read(data, Program)
    except Invalid as invalid:
        faults += invalid.faults
    parts = _Parts(data)
    told = {fault.pointer for fault in faults}
    faults += [fault for rule in _RULES for fault in rule(parts) if fault.pointer not in told]
    if program is None or faults:
        raise Invalid([Fault(at + fault.pointer, fault.detail) for fault in faults], "invalid_program")
    if program.expiry.policy == "calendar" and program.expiry.after_years is None:
        yearly = msgspec.structs.replace(program.expiry, after_years=1)
        return msgspec.structs.replace(program, expiry=yearly)
    return program


class _Parts:
    """The document's readable parts, each as its type; what cannot be read has its own faults already."""

    def __init__(self, data: object) -> None:
        self.data = data

    def raw(self, *path: str) -> object:
        found = self.data
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def one(self, kind: type[T], *path: str) -> T | None:
        return _readable(self.raw(*path), kind)

    def each(self, kind: type[T], *path: str) -> Iterator[tuple[str, T]]:
        """The readable items of a list, each with its pointer."""
        at = _at(*path)
        for index, item in enumerate(self.rows(*path)):
            readable = _readable(item, kind)
            if readable is not None:
                yield pointer(at, index), readable

    def rows(self, *path: str) -> list[object]:
        found = self.raw(*path)
        return found if isinstance(found, list) else []

    def ids(self, *path: str) -> list[tuple[str, object]]:
        """The id of every item of a list, readable otherwise or not, with the id's pointer."""
        at = _at(*path)
        return [
            (pointer(pointer(at, index), "id"), item["id"])
            for index, item in enumerate(self.rows(*path))
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        ]

    def lacks(self, name: str, *path: str) -> bool:
        """Whether a readable list (or none at all) has no item with this id."""
        readable = self.raw(*path) is None or isinstance(self.raw(*path), list)
        return readable and name not in {known for _, known in self.ids(*path)}


def _readable(data: object, kind: type[T]) -> T | None:
    try:
        return None if data is None else msgspec.convert(data, kind)
    except msgspec.ValidationError:
        return None


def _at(*path: str) -> str:
    at = ""
    for name in path:
        at = pointer(at, name)
    return at


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    # These two are in some machines' tz directories and name no place.
    return frozenset(available_timezones() - {"Factory", "localtime"})


def _size(parts: _Parts) -> Iterator[Fault]:
    try:
        size = len(msgspec.json.encode(parts.data))
    except (RecursionError, UnicodeEncodeError):  # such a value is a fault of its own
        return
    if size > MOST_BYTES:
        yield Fault("", f"The document has {size} bytes; shorten it to at most {MOST_BYTES}.")


def _currency(parts: _Parts) -> Iterator[Fault]:
    currency = parts.one(Currency, "currency")
    if currency is not None and currency not in money.EXPONENTS:
        yield Fault("/currency", "Not a currency of ISO 4217; give a code such as EUR, KRW or BHD.")


def _time_zone(parts: _Parts) -> Iterator[Fault]:
    name = parts.raw("time_zone")
    if isinstance(name, str) and name not in _time_zones():
        yield Fault("/time_zone", "Not a time zone of the tz database; give a name such as Europe/Helsinki.")


def _locales(parts: _Parts) -> Iterator[Fault]:
    yield from _repeats(parts.each(Locale, "locales"), "This language stands in the list already; remove it here.")


def _pilot(parts: _Parts) -> Iterator[Fault]:
    pilot = parts.one(Pilot, "enrolment", "pilot")
    if pilot is not None and pilot.max_members is None and pilot.ends_on is None:
        yield Fault("/enrolment/pilot", "Give max_members, ends_on or both; or leave the pilot out.")


def _ids(parts: _Parts) -> Iterator[Fault]:
    lists = [("earning", "multipliers"), ("tiers", "levels"), ("stamp_cards",), ("rewards",), ("plans",)]
    for path in lists:
        yield from _repeats(parts.ids(*path), "Another one in this list has the same id; give each its own.")


def _periods(parts: _Parts) -> Iterator[Fault]:
    dated: list[tuple[str, Multiplier | Reward]] = [
        *parts.each(Multiplier, "earning", "multipliers"),
        *parts.each(Reward, "rewards"),
    ]
    for at, item in dated:
        if item.starts_on is not None and item.ends_on is not None and item.ends_on < item.starts_on:
            yield Fault(f"{at}/ends_on", "Ends before it starts; give a day on or after starts_on.")


def _check_in(parts: _Parts) -> Iterator[Fault]:
    check_in = parts.one(CheckIn, "earning", "check_in")
    if check_in is None:
        return
    if check_in.card_id is None:
        if check_in.points == 0:
            yield Fault("/earning/check_in", "Gives nothing: give points or a card_id, or leave the check-in out.")
    elif check_in.points:
        yield Fault("/earning/check_in", "Gives points or a stamp, not both: remove points or card_id.")
    elif parts.lacks(check_in.card_id, "stamp_cards"):
        yield Fault("/earning/check_in/card_id", "No stamp card has this id; give the id of one of stamp_cards.")


def _expiry(parts: _Parts) -> Iterator[Fault]:
    policy = parts.raw("expiry", "policy")
    policy = "none" if policy is None else policy
    if not isinstance(policy, str) or policy not in _FIELDS_OF_POLICY:
        return
    needed, allowed = _FIELDS_OF_POLICY[policy]
    for name in ("months", "month", "day", "after_years"):
        given = parts.raw("expiry", name) is not None
        if name in needed and not given:
            yield Fault(f"/expiry/{name}", f'Required when the policy is "{policy}".')
        elif given and name not in needed | allowed:
            yield Fault(f"/expiry/{name}", f'Means nothing when the policy is "{policy}"; remove it.')
    expiry = parts.one(Expiry, "expiry")
    if policy == "calendar" and expiry is not None and expiry.month is not None and expiry.day is not None:
        days = monthrange(_LEAP_YEAR, expiry.month)[1]
        if expiry.day > days:
            yield Fault("/expiry/day", f"Month {expiry.month} has no such day; give one from 1 to {days}.")


def _thresholds(parts: _Parts) -> Iterator[Fault]:
    before: int | None = None
    for at, level in parts.each(Level, "tiers", "levels"):
        if before is not None and level.threshold <= before:
            yield Fault(f"{at}/threshold", f"Levels rise: give more than {before}, the level before it.")
        before = level.threshold


def _stamp_cards(parts: _Parts) -> Iterator[Fault]:
    for at, card in parts.each(StampCard, "stamp_cards"):
        if parts.lacks(card.reward_id, "rewards"):
            yield Fault(f"{at}/reward_id", "No reward has this id; give the id of one of rewards.")


def _rewards(parts: _Parts) -> Iterator[Fault]:
    for at, reward in parts.each(Reward, "rewards"):
        if reward.kind == "percent_off" and not 1 <= reward.value <= 100:
            yield Fault(f"{at}/value", "A percent_off takes from 1 to 100 percent.")
        elif reward.kind in ("amount_off", "gift_card") and reward.value == 0:
            yield Fault(f"{at}/value", f"Give the {reward.kind} a value of at least 1 minor unit.")
        if reward.minimum_tier is None:
            continue
        if parts.raw("tiers") is None:
            yield Fault(f"{at}/minimum_tier", "The program has no tiers; remove it, or add tiers.")
        elif parts.lacks(reward.minimum_tier, "tiers", "levels"):
            yield Fault(f"{at}/minimum_tier", "No tier level has this id; give the id of one of tiers.levels.")


def _prices(parts: _Parts) -> Iterator[Fault]:
    prices = (
        (pointer(pointer(f"{at}/provider_prices", provider), index), (provider, price))
        for at, plan in parts.each(Plan, "plans")
        for provider, listed in plan.provider_prices.items()
        for index, price in enumerate(listed)
    )
    yield from _repeats(prices, "This price already leads to a plan; a price belongs to one plan, once.")


def _origins(parts: _Parts) -> Iterator[Fault]:
    origins = list(parts.each(str, "storefront_origins"))
    for at, origin in origins:
        match = _ORIGIN.fullmatch(origin)
        if match is None or int(match["port"] or 0) > 65_535:
            yield Fault(at, "Must be an origin such as https://shop.example: lower case, no path, no slash at the end.")
        elif (match["scheme"], match["port"]) in (("http", "80"), ("https", "443")):
            yield Fault(at, f"Browsers leave the usual port out: remove :{match['port']}.")
    yield from _repeats(origins, "This origin stands in the list already; remove it here.")


def _repeats(pairs: Iterable[tuple[str, object]], detail: str) -> Iterator[Fault]:
    seen: set[object] = set()
    for at, value in pairs:
        if value in seen:
            yield Fault(at, detail)
        seen.add(value)


_RULES: tuple[Callable[[_Parts], Iterator[Fault]], ...] = (
    _size,
    _currency,
    _time_zone,
    _locales,
    _pilot,
    _ids,
    _periods,
    _check_in,
    _expiry,
    _thresholds,
    _stamp_cards,
    _rewards,
    _prices,
    _origins,
)
