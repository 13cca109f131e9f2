"""What anybody may read about a program, in their own language."""

from __future__ import annotations

import json
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from chalicelib.pages import rules_text
from tests.moments import at
from tests.shop import Shop, opened, program

FOLDER = Path(rules_text.__file__).parent / "rules"


def read(shop: Shop, language: str) -> dict[str, Any]:
    reply = shop.call("GET", f"/public/{shop.program_id}", key=None, headers={"accept-language": language})
    assert reply.status == 200
    body: dict[str, Any] = reply.body
    return body


def test_anybody_reads_the_rules_rewards_and_tiers(shop: Shop) -> None:
    told = read(shop, "en")
    assert told["name"] == "Corner Café Regulars"
    assert "Points for every 1.00 EUR you spend: 1." in told["rules"]
    assert [reward["id"] for reward in told["rewards"]] == ["free-coffee", "five-off", "barista-evening"]
    assert "cost" not in json.dumps(told["rewards"]), "what a reward costs the shop is the shop's own"


@pytest.mark.parametrize(
    ("accept", "locale"),
    [
        ("fi", "fi"),
        ("en;q=0.2, fi;q=0.9", "fi"),
        ("fi;q=0, en", "en"),
        ("sv, de", "en"),
        ("fi-FI,x;q=nonsense", "fi"),
        ("", "en"),
    ],
)
def test_the_language_is_the_best_that_the_program_speaks(shop: Shop, accept: str, locale: str) -> None:
    assert read(shop, accept)["locale"] == locale


def test_arabic_is_told_from_right_to_left() -> None:
    with opened(program(locales=["ar", "en"])) as shop:
        told = read(shop, "ar-EG")
    assert (told["locale"], told["direction"]) == ("ar", "rtl")


def test_a_cache_keeps_each_language_apart(shop: Shop) -> None:
    reply = shop.call("GET", f"/public/{shop.program_id}", key=None, headers={"accept-language": "fi"})
    assert reply.headers["Cache-Control"].startswith("public")
    assert {name.strip() for name in reply.headers["Vary"].split(",")} == {"Accept-Language", "Origin"}


def test_an_unknown_program_is_not_found(shop: Shop) -> None:
    for name in ("nowhere", "CURRENT%23", "x" * 200):
        assert shop.call("GET", f"/public/{name}", key=None).code == "program_not_found"


def test_every_language_says_every_rule_with_the_same_facts() -> None:
    english = json.loads((FOLDER / "en.json").read_text(encoding="utf-8"))
    for path in FOLDER.glob("*.json"):
        words = json.loads(path.read_text(encoding="utf-8"))
        assert set(words) == set(english), path.stem
        for rule, sentence in words.items():
            facts = {name for _, name, _, _ in Formatter().parse(sentence) if name}
            assert facts == {name for _, name, _, _ in Formatter().parse(english[rule]) if name}, (path.stem, rule)


def test_only_rewards_that_can_be_taken_today_are_told() -> None:
    gone, due = {"ends_on": "2026-05-31"}, {"starts_on": "2026-06-02"}
    today = {"starts_on": "2026-06-01", "ends_on": "2026-06-01"}
    rewards = [
        {"id": f"r{number}", "name": name, "kind": "free_product", "points": 100, **days}
        for number, (name, days) in enumerate((("Gone", gone), ("Due", due), ("Today", today), ("Always", {})))
    ]
    with at("2026-06-01T12:00:00Z"), opened(program(rewards=rewards, stamp_cards=[])) as shop:
        told = read(shop, "en")
    words = " ".join(told["rules"])
    assert "get you Today" in words and "get you Always" in words
    assert "Gone" not in words and "Due" not in words
    assert [one["name"] for one in told["rewards"]] == ["Today", "Always"]


def test_a_better_rate_without_a_last_day_is_told_from_its_first_day_on() -> None:
    rates = [
        {"id": "happy", "name": "Happy hour", "percent": 200, "starts_on": "2026-06-01"},
        {"id": "cake", "name": "Cake week", "percent": 300, "categories": ["cake", "tart"], "ends_on": "2026-06-30"},
    ]
    with at("2026-06-02T12:00:00Z"), opened(program(earning={"multipliers": rates})) as shop:
        told = read(shop, "en")["rules"]
    assert "Happy hour: points at 200 % from 2026-06-01 on." in told
    assert "Cake week (cake, tart): points at 300 % from 2026-06-02 to 2026-06-30." in told


def test_one_visit_a_day_is_not_told_as_times() -> None:
    with opened(program(earning={"check_in": {"points": 2, "per_day": 1}})) as shop:
        assert "A visit brings 2 points. Visits that count in a day: 1." in read(shop, "en")["rules"]
