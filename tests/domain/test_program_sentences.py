"""What each rule of the program document says, word for word, and where exactly it begins to say it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chalicelib.domain import program_rules
from chalicelib.domain.errors import Invalid
from chalicelib.domain.program import Program, zone
from chalicelib.domain.program_rules import MOST_BYTES, check

SMALLEST = {"program_id": "shop", "name": "Shop", "currency": "EUR", "time_zone": "Europe/Budapest"}
REWARD = {"id": "off", "name": "Off", "kind": "amount_off", "value": 500, "points": 100}
CARD = {"id": "coffee", "name": "Coffee", "required": 10, "reward_id": "off"}
DOUBLE = {"id": "double", "name": "Double", "percent": 200}
BACKWARDS = {"starts_on": "2026-05-02", "ends_on": "2026-05-01"}
TWO = [{"id": "a", "name": "A", "threshold": 5}, {"id": "b", "name": "B", "threshold": 6}]
PLAN = {"id": "plus", "name": "Plus"}

ORIGIN = "Must be an origin such as https://shop.example: lower case, no path, no slash at the end."
SAME_ID = "Another one in this list has the same id; give each its own."
TOO_EARLY = "Ends before it starts; give a day on or after starts_on."
NO_REWARD = "No reward has this id; give the id of one of rewards."
NO_TIER = "No tier level has this id; give the id of one of tiers.levels."
NO_TIERS = "The program has no tiers; remove it, or add tiers."
NO_ZONE = "Not a time zone of the tz database; give a name such as Europe/Helsinki."
NOTHING = "Gives nothing: give points or a card_id, or leave the check-in out."
PERCENT = "A percent_off takes from 1 to 100 percent."
TAKEN = "This price already leads to a plan; a price belongs to one plan, once."


def told(part: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        check({**SMALLEST, **part})
    except Invalid as invalid:
        assert invalid.code == "invalid_program"
        return [(fault.pointer, fault.detail) for fault in invalid.faults]
    return []


def reward(**more: Any) -> dict[str, Any]:
    return {"rewards": [{**REWARD, **more}]}


def levels(*thresholds: int) -> dict[str, Any]:
    made = [{"id": f"l{place}", "name": "L", "threshold": at} for place, at in enumerate(thresholds)]
    return {"tiers": {"basis": "spend", "levels": made}}


def expiry(policy: str, **more: Any) -> dict[str, Any]:
    return {"expiry": {"policy": policy, **more}}


def means_nothing(policy: str) -> str:
    return f'Means nothing when the policy is "{policy}"; remove it.'


def required(policy: str) -> str:
    return f'Required when the policy is "{policy}".'


SENTENCES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"currency": "XXX"}, [("/currency", "Not a currency of ISO 4217; give a code such as EUR, KRW or BHD.")]),
    ({"time_zone": "Europe/Atlantis"}, [("/time_zone", NO_ZONE)]),
    ({"locales": ["en", "en"]}, [("/locales/1", "This language stands in the list already; remove it here.")]),
    (
        {"enrolment": {"pilot": {}}},
        [("/enrolment/pilot", "Give max_members, ends_on or both; or leave the pilot out.")],
    ),
    ({"earning": {"multipliers": [DOUBLE, DOUBLE]}}, [("/earning/multipliers/1/id", SAME_ID)]),
    ({"tiers": {"basis": "spend", "levels": [TWO[0], {**TWO[1], "id": "a"}]}}, [("/tiers/levels/1/id", SAME_ID)]),
    ({"stamp_cards": [CARD, CARD], "rewards": [REWARD]}, [("/stamp_cards/1/id", SAME_ID)]),
    ({"rewards": [REWARD, REWARD, REWARD]}, [("/rewards/1/id", SAME_ID), ("/rewards/2/id", SAME_ID)]),
    ({"plans": [PLAN, PLAN]}, [("/plans/1/id", SAME_ID)]),
    ({"earning": {"multipliers": [{**DOUBLE, **BACKWARDS}]}}, [("/earning/multipliers/0/ends_on", TOO_EARLY)]),
    (reward(**BACKWARDS), [("/rewards/0/ends_on", TOO_EARLY)]),
    ({"earning": {"check_in": {}}}, [("/earning/check_in", NOTHING)]),
    (
        {"earning": {"check_in": {"card_id": "coffee", "points": 1}}},
        [("/earning/check_in", "Gives points or a stamp, not both: remove points or card_id.")],
    ),
    (
        {"earning": {"check_in": {"card_id": "tea"}}, "stamp_cards": [CARD], **reward()},
        [("/earning/check_in/card_id", "No stamp card has this id; give the id of one of stamp_cards.")],
    ),
    (expiry("rolling"), [("/expiry/months", required("rolling"))]),
    (expiry("calendar"), [("/expiry/month", required("calendar")), ("/expiry/day", required("calendar"))]),
    (
        expiry("none", months=1, month=1, day=1, after_years=1),
        [(f"/expiry/{name}", means_nothing("none")) for name in ("months", "month", "day", "after_years")],
    ),
    ({"expiry": {"day": 1}}, [("/expiry/day", means_nothing("none"))]),
    (expiry("inactivity", months=1, month=1), [("/expiry/month", means_nothing("inactivity"))]),
    (expiry("calendar", month=2, day=30), [("/expiry/day", "Month 2 has no such day; give one from 1 to 29.")]),
    (expiry("calendar", month=9, day=31), [("/expiry/day", "Month 9 has no such day; give one from 1 to 30.")]),
    (levels(7, 7), [("/tiers/levels/1/threshold", "Levels rise: give more than 7, the level before it.")]),
    (
        levels(7, 9, 8, 3),
        [
            ("/tiers/levels/2/threshold", "Levels rise: give more than 9, the level before it."),
            ("/tiers/levels/3/threshold", "Levels rise: give more than 8, the level before it."),
        ],
    ),
    ({"stamp_cards": [CARD]}, [("/stamp_cards/0/reward_id", NO_REWARD)]),
    (reward(kind="percent_off", value=101), [("/rewards/0/value", PERCENT)]),
    (reward(kind="percent_off", value=0), [("/rewards/0/value", PERCENT)]),
    (reward(value=0), [("/rewards/0/value", "Give the amount_off a value of at least 1 minor unit.")]),
    (reward(kind="gift_card", value=0), [("/rewards/0/value", "Give the gift_card a value of at least 1 minor unit.")]),
    (reward(minimum_tier="gold"), [("/rewards/0/minimum_tier", NO_TIERS)]),
    ({**reward(minimum_tier="gold"), **levels(0)}, [("/rewards/0/minimum_tier", NO_TIER)]),
    (
        {"plans": [{**PLAN, "provider_prices": {"stripe": ["p", "q"], "square": ["p", "p"]}}]},
        [("/plans/0/provider_prices/square/1", TAKEN)],
    ),
    ({"storefront_origins": ["https://Shop.example"]}, [("/storefront_origins/0", ORIGIN)]),
    ({"storefront_origins": ["https://a.example:65536"]}, [("/storefront_origins/0", ORIGIN)]),
    (
        {"storefront_origins": ["https://a.example:443", "http://a.example:80"]},
        [
            ("/storefront_origins/0", "Browsers leave the usual port out: remove :443."),
            ("/storefront_origins/1", "Browsers leave the usual port out: remove :80."),
        ],
    ),
    (
        {"storefront_origins": ["http://a.example", "http://a.example"]},
        [("/storefront_origins/1", "This origin stands in the list already; remove it here.")],
    ),
]


@pytest.mark.parametrize(("part", "faults"), SENTENCES)
def test_each_rule_says_in_a_sentence_what_to_do(part: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    assert told(part) == faults


@pytest.mark.parametrize(
    "part",
    [
        reward(kind="percent_off", value=1),
        reward(kind="percent_off", value=100),
        reward(value=1),
        reward(kind="gift_card", value=1),
        reward(kind="free_product", value=0),
        reward(kind="amount_off", value=101),
        levels(7, 8),
        expiry("calendar", month=12, day=31),
        expiry("calendar", month=4, day=30, after_years=10),
        expiry("inactivity", months=1),
        {"earning": {"check_in": {"points": 1}}},
        {"enrolment": {"pilot": {"max_members": 1}}},
        {"storefront_origins": ["https://a.example:65535", "https://a.example:80", "http://a.example:443"]},
        {"storefront_origins": ["http://a.example:1", "https://a.example", "http://a.example"]},
        {"time_zone": "UTC"},
    ],
)
def test_the_last_value_that_works_is_taken(part: dict[str, Any]) -> None:
    assert told(part) == []


def test_a_reward_for_everybody_hides_no_fault_of_the_next() -> None:
    rewards = [REWARD, {**REWARD, "id": "b", "minimum_tier": "gold"}, {**REWARD, "id": "c", "value": 0}]
    assert told({"rewards": rewards}) == [
        ("/rewards/1/minimum_tier", NO_TIERS),
        ("/rewards/2/value", "Give the amount_off a value of at least 1 minor unit."),
    ]


@pytest.mark.parametrize("policy", [5, [], {}, "never"])
def test_a_policy_that_is_none_of_them_is_the_only_fault_of_the_expiry(policy: object) -> None:
    words = 'Must be one of "calendar", "inactivity", "none", "rolling".'
    assert told({"expiry": {"policy": policy, "months": 12}}) == [("/expiry/policy", words)]


def test_a_document_may_have_as_many_bytes_as_can_be_stored_and_no_more() -> None:
    def of(size: int) -> dict[str, Any]:
        multipliers: list[dict[str, Any]] = [
            {**DOUBLE, "id": f"m{number}", "categories": ["c" * 120] * 122} for number in range(13)
        ]
        document: dict[str, Any] = {**SMALLEST, "earning": {"multipliers": multipliers}}
        missing = size - len(msgspec.json.encode(document))
        while missing > 222:
            multipliers[0]["categories"].append("d" * 100)  # with quotes and a comma 103 bytes
            missing -= 103
        for part in (missing // 2, missing - missing // 2):
            multipliers[0]["categories"].append("e" * (part - 3))
        assert len(msgspec.json.encode(document)) == size
        return document

    assert check(of(MOST_BYTES)).name == "Shop"
    faults = told(of(MOST_BYTES + 1))
    assert faults == [("", "The document has 200001 bytes; shorten it to at most 200000.")]


@pytest.mark.parametrize("name", ["Factory", "localtime"])
def test_a_zone_that_names_no_place_is_refused_also_where_the_machine_has_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_rules, "available_timezones", lambda: {"UTC", "Factory", "localtime"})
    program_rules._time_zones.cache_clear()
    try:
        assert told({"time_zone": name}) == [("/time_zone", NO_ZONE)]
        assert told({"time_zone": "UTC"}) == []
    finally:
        program_rules._time_zones.cache_clear()


LIMITS: list[tuple[str, int, int]] = [
    ("enrolment/pilot/max_members", 1, 10_000_000),
    ("enrolment/welcome_points", 0, 1_000_000_000),
    ("enrolment/welcome_again_days", 0, 3_650),
    ("enrolment/claim_purchases_days", 0, 366),
    ("earning/points", 0, 1_000_000),
    ("earning/per_amount", 1, 1_000_000_000),
    ("earning/pending_days", 0, 366),
    ("earning/birthday_points", 0, 1_000_000_000),
    ("earning/anniversary_points", 0, 1_000_000_000),
    ("earning/daily_cap", 1, 1_000_000_000),
    ("expiry/notice_days", 0, 366),
    ("referral/advocate_points", 0, 1_000_000_000),
    ("referral/friend_points", 0, 1_000_000_000),
    ("referral/minimum_purchase", 0, 10**12),
    ("referral/settle_days", 0, 366),
    ("referral/yearly_cap", 0, 1_000_000),
    ("staff/adjustment_cap", 0, 1_000_000_000),
    ("staff/purchase_cap", 0, 10**12),
    ("staff/backdate_days", 0, 3_650),
]


@pytest.mark.parametrize(("path", "low", "high"), LIMITS)
def test_a_number_is_taken_to_its_limits_and_refused_beyond(path: str, low: int, high: int) -> None:
    def with_number(number: int) -> dict[str, Any]:
        held: Any = number
        for name in reversed(path.split("/")):
            held = {name: held}
        return dict(held)

    assert told(with_number(low)) == told(with_number(high)) == []
    for beyond in (low - 1, high + 1):
        [(pointer, detail)] = told(with_number(beyond))
        assert (pointer, detail.removesuffix(", or null.").removesuffix(".")) == (
            f"/{path}",
            f"Must be an integer from {low} to {high}",
        )


def test_a_programs_rewards_and_levels_are_found_by_their_ids() -> None:
    rewards = [REWARD, {**REWARD, "id": "b", "minimum_tier": "l1"}]
    program = check({**SMALLEST, "rewards": rewards, **levels(3, 5, 8)})
    assert program.reward("b") == program.rewards[1]
    assert program.reward("c") is None
    assert [program.level_rank(name) for name in ("l0", "l1", "l2", "l3", None)] == [0, 1, 2, -1, -1]
    assert msgspec.convert(SMALLEST, Program).level_rank("l0") == -1
    assert msgspec.convert(SMALLEST, Program).level_rank(None) == -1


def test_a_zone_is_the_tz_databases_own() -> None:
    assert zone("Europe/Helsinki").key == "Europe/Helsinki"
    with pytest.raises(KeyError):
        zone("Europe/Atlantis")
