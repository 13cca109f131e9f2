"""The program document: two whole examples are right, and each thing that cannot work is told at its place."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.domain.errors import Invalid
from chalicelib.domain.program import Program
from chalicelib.domain.program_rules import MOST_BYTES, check

EXAMPLES = Path(__file__).parents[2] / "programs"
SMALLEST = {"program_id": "shop", "name": "Shop", "currency": "EUR", "time_zone": "Europe/Budapest"}
REWARD = {"id": "off", "name": "Off", "kind": "amount_off", "value": 500, "points": 100}
CARD = {"id": "coffee", "name": "Coffee", "required": 10, "reward_id": "off"}
DOUBLE = {"id": "double", "name": "Double", "percent": 200}


def level(name: str, threshold: int) -> dict[str, object]:
    return {"id": name, "name": name, "threshold": threshold}


def plan(name: str, **prices: list[str]) -> dict[str, object]:
    return {"id": name, "name": name, "provider_prices": prices}


def faults(data: object) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        check(data)
    assert caught.value.code == "invalid_program"
    told = [fault.pointer for fault in caught.value.faults]
    assert len(told) == len(set(told)), "one place is told twice"
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["corner-cafe", "boutique"])
def test_the_examples_are_right_and_keep_what_they_say(name: str) -> None:
    program = check(example(name))
    written = msgspec.to_builtins(program)
    assert check(written) == program
    for field, value in example(name).items():
        assert msgspec.convert({**written, field: value}, Program) == program


def test_the_smallest_program_takes_its_defaults() -> None:
    program = check(SMALLEST)
    assert (program.earning.points, program.earning.per_amount, program.earning.daily_cap) == (1, 100, None)
    assert (program.expiry.policy, program.tiers, program.referral, program.locales) == ("none", None, None, ["en"])


def test_a_calendar_without_years_lapses_in_the_year_after_earning() -> None:
    program = check({**SMALLEST, "expiry": {"policy": "calendar", "month": 2, "day": 29}})
    assert program.expiry.after_years == 1


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"currency": "XXX"}, "/currency", "ISO 4217"),
    ({"currency": "eur"}, "/currency", "three capital letters"),
    ({"currency": "EUR\n"}, "/currency", "three capital letters"),
    ({"time_zone": "Europe/Atlantis"}, "/time_zone", "tz database"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone", "tz database"),
    ({"time_zone": "Europe"}, "/time_zone", "tz database"),
    ({"time_zone": "localtime"}, "/time_zone", "tz database"),
    ({"time_zone": ""}, "/time_zone", "1 to 64 characters"),
    ({"program_id": "Shop"}, "/program_id", "lower-case"),
    ({"program_id": "a-"}, "/program_id", "lower-case"),
    ({"name": " "}, "/name", "printable"),
    ({"locales": []}, "/locales", "1 to 20 items"),
    ({"locales": ["en", "hu", "en"]}, "/locales/2", "already"),
    ({"enrolment": {"pilot": {}}}, "/enrolment/pilot", "max_members"),
    ({"earning": {"multipliers": [DOUBLE, DOUBLE]}}, "/earning/multipliers/1/id", "same id"),
    ({"earning": {"multipliers": [{**DOUBLE, "percent": 0}]}}, "/earning/multipliers/0/percent", "from 1 to 10000"),
    (
        {"earning": {"multipliers": [{**DOUBLE, "starts_on": "2026-05-02", "ends_on": "2026-05-01"}]}},
        "/earning/multipliers/0/ends_on",
        "Ends before it starts",
    ),
    ({"earning": {"check_in": {}}}, "/earning/check_in", "Gives nothing"),
    ({"earning": {"check_in": {"card_id": "coffee"}}}, "/earning/check_in/card_id", "No stamp card"),
    (
        {"earning": {"check_in": {"card_id": "coffee", "points": 1}}, "stamp_cards": [CARD], "rewards": [REWARD]},
        "/earning/check_in",
        "not both",
    ),
    ({"expiry": {"policy": "rolling"}}, "/expiry/months", "Required"),
    ({"expiry": {"policy": "inactivity"}}, "/expiry/months", "Required"),
    ({"expiry": {"months": 12}}, "/expiry/months", "remove it"),
    ({"expiry": {"policy": "rolling", "months": 12, "day": 1}}, "/expiry/day", "remove it"),
    ({"expiry": {"policy": "rolling", "months": 12, "after_years": 1}}, "/expiry/after_years", "remove it"),
    ({"expiry": {"policy": "calendar", "month": 12}}, "/expiry/day", "Required"),
    ({"expiry": {"policy": "calendar", "day": 12}}, "/expiry/month", "Required"),
    ({"expiry": {"policy": "calendar", "month": 2, "day": 30}}, "/expiry/day", "from 1 to 29"),
    ({"expiry": {"policy": "calendar", "month": 4, "day": 31}}, "/expiry/day", "from 1 to 30"),
    ({"expiry": {"policy": "calendar", "month": 4, "day": 1, "months": 3}}, "/expiry/months", "remove it"),
    ({"tiers": {"basis": "spend", "levels": []}}, "/tiers/levels", "1 to 20 items"),
    ({"tiers": {"basis": "spend", "levels": [level("a", 0), level("a", 9)]}}, "/tiers/levels/1/id", "same id"),
    (
        {"tiers": {"basis": "spend", "levels": [level("a", 5), level("b", 5)]}},
        "/tiers/levels/1/threshold",
        "more than 5",
    ),
    ({"stamp_cards": [CARD]}, "/stamp_cards/0/reward_id", "No reward"),
    ({"stamp_cards": [CARD, CARD], "rewards": [REWARD]}, "/stamp_cards/1/id", "same id"),
    ({"rewards": [REWARD, REWARD]}, "/rewards/1/id", "same id"),
    ({"rewards": [{**REWARD, "value": 0}]}, "/rewards/0/value", "at least 1"),
    ({"rewards": [{**REWARD, "kind": "gift_card", "value": 0}]}, "/rewards/0/value", "at least 1"),
    ({"rewards": [{**REWARD, "kind": "percent_off", "value": 0}]}, "/rewards/0/value", "from 1 to 100"),
    ({"rewards": [{**REWARD, "kind": "percent_off", "value": 101}]}, "/rewards/0/value", "from 1 to 100"),
    ({"rewards": [{**REWARD, "minimum_tier": "gold"}]}, "/rewards/0/minimum_tier", "no tiers"),
    (
        {"rewards": [{**REWARD, "minimum_tier": "gold"}], "tiers": {"basis": "visits", "levels": [level("a", 0)]}},
        "/rewards/0/minimum_tier",
        "No tier level",
    ),
    (
        {"rewards": [{**REWARD, "starts_on": "2026-05-02", "ends_on": "2026-05-01"}]},
        "/rewards/0/ends_on",
        "Ends before it starts",
    ),
    ({"plans": [plan("a"), plan("a")]}, "/plans/1/id", "same id"),
    (
        {"plans": [plan("a", stripe=["p1", "p2"]), plan("b", stripe=["p3", "p1"])]},
        "/plans/1/provider_prices/stripe/1",
        "already leads",
    ),
    ({"storefront_origins": ["https://a.example", "https://a.example"]}, "/storefront_origins/1", "already"),
    ({"storefront_origins": ["https://a.example:443"]}, "/storefront_origins/0", "remove :443"),
    ({"sorefront_origins": []}, "/sorefront_origins", "Unknown field"),
]


@pytest.mark.parametrize(("part", "pointer", "told"), WRONG)
def test_what_cannot_work_is_told_at_its_place(part: dict[str, object], pointer: str, told: str) -> None:
    found = faults({**SMALLEST, **part})
    assert list(found) == [pointer]
    assert told in found[pointer]


@pytest.mark.parametrize(
    "part",
    [
        {"expiry": {"policy": "calendar", "month": 2, "day": 29, "after_years": 0}},
        {"expiry": {"policy": "none", "months": None, "month": None}},
        {"tiers": {"basis": "spend", "levels": [level("a", 10), level("b", 11)]}},
        {"earning": {"check_in": {"card_id": "coffee"}}, "stamp_cards": [CARD], "rewards": [REWARD]},
        {"earning": {"multipliers": [{**DOUBLE, "starts_on": "2026-05-01", "ends_on": "2026-05-01"}]}},
        {"plans": [plan("a", stripe=["p1"]), plan("b", square=["p1"])]},
        {"rewards": [{**REWARD, "kind": "percent_off", "value": 100}]},
        {"rewards": [{**REWARD, "kind": "experience", "value": 0}]},
        {"enrolment": {"pilot": {"ends_on": "2027-01-01"}}},
        {
            "storefront_origins": [
                "http://127.0.0.1:8000",
                "https://shop.example",
                "http://[::1]:3000",
                "http://localhost",
            ]
        },
    ],
)
def test_what_works_is_taken(part: dict[str, object]) -> None:
    assert check({**SMALLEST, **part})


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/path",
        "https://shop.example?x",
        "https://user@shop.example",
        "https://Shop.example",
        "https://*.shop.example",
        "https://shop.example:0",
        "https://shop.example:65536",
        "https://shop.example\n",
        "https://-shop.example",
        "https://shop..example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    assert list(faults({**SMALLEST, "storefront_origins": ["https://a.example", origin]})) == ["/storefront_origins/1"]


def test_a_wrong_type_in_one_place_hides_no_fault_in_another() -> None:
    document = deepcopy(example("boutique"))
    document["name"] = 5
    document["earning"]["points"] = "5"
    document["earning"]["multipliers"] = [{**DOUBLE, "starts_on": "2026-05-02", "ends_on": "2026-05-01"}]
    document["expiry"]["day"] = 32
    document["expiry"]["months"] = 3
    document["tiers"]["grace_days"] = -1
    document["tiers"]["levels"][1]["threshold"] = 0
    document["rewards"][0]["kind"] = "cash"
    document["rewards"][1]["minimum_tier"] = "bronze"
    document["stamp_cards"] = [{**CARD, "reward_id": "gift-25"}, {**CARD, "id": "tea", "reward_id": "none"}]
    document["more"] = 1
    assert set(faults(document)) == {
        "/name",
        "/earning/points",
        "/earning/multipliers/0/ends_on",
        "/expiry/day",
        "/expiry/months",
        "/tiers/grace_days",
        "/tiers/levels/1/threshold",
        "/rewards/0/kind",
        "/rewards/1/minimum_tier",
        "/stamp_cards/1/reward_id",
        "/more",
    }


def test_a_list_that_cannot_be_read_makes_no_reference_wrong() -> None:
    tiers = {"basis": "spend", "levels": 5}
    assert set(faults({**SMALLEST, "stamp_cards": [CARD], "rewards": 5})) == {"/rewards"}
    assert set(faults({**SMALLEST, "rewards": [{**REWARD, "minimum_tier": "a"}], "tiers": tiers})) == {"/tiers/levels"}


@pytest.mark.parametrize("document", [None, [], 5, "text", {}, {"rewards": [None, [], {"id": []}]}, {"tiers": [1]}])
def test_anything_else_is_refused_in_the_same_way(document: object) -> None:
    assert faults(document)


def test_faults_stand_where_the_document_stands_in_the_request() -> None:
    with pytest.raises(Invalid) as caught:
        check({**SMALLEST, "currency": "XXX"}, at="/program")
    assert [fault.pointer for fault in caught.value.faults] == ["/program/currency"]


def test_a_document_too_long_to_store_is_refused() -> None:
    categories = [f"{number:0120}" for number in range(200)]
    multipliers = [{**DOUBLE, "id": f"m{number}", "categories": categories} for number in range(10)]
    found = faults({**SMALLEST, "earning": {"multipliers": multipliers}})
    assert list(found) == [""]
    assert f"at most {MOST_BYTES}" in found[""]


@pytest.mark.parametrize(
    ("days", "offered"),
    [
        ({}, [True, True, True]),
        ({"starts_on": "2026-06-02"}, [False, True, True]),
        ({"ends_on": "2026-06-02"}, [True, True, False]),
        ({"starts_on": "2026-06-02", "ends_on": "2026-06-02"}, [False, True, False]),
        ({"starts_on": "2026-06-03"}, [False, False, True]),
    ],
)
def test_a_reward_is_offered_from_its_first_day_to_its_last(days: dict[str, str], offered: list[bool]) -> None:
    reward = check({**SMALLEST, "rewards": [{**REWARD, **days}]}).rewards[0]
    assert [reward.offered(date(2026, 6, day)) for day in (1, 2, 3)] == offered
