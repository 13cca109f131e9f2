"""Each function's role is exactly what the function does: driven here through everything that it may, one by one.

The whole suite is watched besides, and compared with the same roles when it ends (tests/watched.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest

from app import app
from chalicelib.actions import walk
from chalicelib.actions.advance_member import advance_member
from chalicelib.triggers import operator
from infra.deploy import compose
from infra.deploy.stage import ROOT
from tests.deploy.nights import nights
from tests.deploy.packaged import package
from tests.moments import at
from tests.permissions import NEVER, compared, functions, granted, resource_kind, statements
from tests.shop import Shop, opened, program
from tests.store.streams import stream_of
from tests.watched import Call, recording, whole

FUNCTIONS = sorted(compose.entries())
SPRING = "2026-03-02T12:00:00+00:00"
NIGHT = "2026-03-03T03:00:00+00:00"
NEXT_NIGHT = "2026-03-04T03:00:00+00:00"
YEARS_LATER = "2028-06-01T03:00:00+00:00"
LEVELS = [{"id": "guest", "name": "Guest", "threshold": 0}, {"id": "friend", "name": "Friend", "threshold": 9_000}]


@pytest.fixture(scope="module")
def calls() -> Iterator[set[Call]]:
    """What every function called in the life of one shop."""
    with recording() as seen:
        live()
    yield seen


def live() -> None:
    rules = program(storefront_origins=["https://shop.example"], tiers={"basis": "spend", "levels": LEVELS})
    with at(SPRING), opened(rules) as shop, nights() as asleep:
        people(shop)
        with at(SPRING):
            everything_that_is_asked(shop)
            operator.issue_owner_key({"program_id": shop.program_id}, None)
        changed(shop)  # so that there is somebody to assess anew
        for schedule in ("due", "metrics"):
            assert asleep.run(schedule, NIGHT) == 0
        assert asleep.run("prove", NIGHT, ours=False) == 0
        assert asleep.run("metrics", NEXT_NIGHT, ours=False) == 0
        broken(lambda: asleep.run("due", YEARS_LATER))
        assert asleep.run("due", YEARS_LATER) == 0
        with at(YEARS_LATER):
            assert shop.differences() == []
        app.handler_map["audit"]({"Records": stream_of("regulars")}, None)


def people(shop: Shop) -> None:
    shop.buy("guest", 700, email="cleo@example.com")
    for name in ("ann", "ben", "cleo", "dan"):
        shop.enrol(email=f"{name}@example.com", name=name.title())


def everything_that_is_asked(shop: Shop) -> None:
    """Every kind of call that the HTTP function makes, on the table and each of its indexes."""
    ann, ben = (found(shop, name) for name in ("Ann", "Ben"))
    shop.buy("o1", 50_000, ann, items=[{"sku": "latte", "category": "coffee", "quantity": 10, "amount": 50_000}])
    assert shop.refund("o1", "r1", 1_000).status == 201
    shop.adjust(ann, 1_000, "grant")
    assert shop.redeem(ann, "barista-evening", "k").status == 201
    assert len(shop.ledger(ann)) > 2
    assert shop.call("GET", "/ledger/export?from=2026-03-01&to=2026-03-02", key=shop.owner).status == 200
    assert shop.call("GET", "/keys", key=shop.owner).status == 200
    assert shop.call("DELETE", f"/members/{ben}", key=shop.owner).status in (200, 204)


def found(shop: Shop, name: str) -> str:
    return str(shop.call("GET", f"/members?query={name}", key=shop.staff).body["items"][0]["member_id"])


def changed(shop: Shop) -> None:
    """The owner changes what members are assessed by."""
    read = shop.call("GET", "/program", key=shop.owner).body
    document = read["program"]
    levels = [{**level, "threshold": level["threshold"] // 2} for level in document["tiers"]["levels"]]
    then = {**document, "tiers": {**document["tiers"], "levels": levels}}
    answer = shop.call("PUT", "/program", {"version": read["version"], "program": then}, key=shop.owner)
    assert answer.status == 200, answer.body


def broken(night: Callable[[], object]) -> None:
    """A night in which one member cannot be moved: set aside, and taken up again by the next."""
    failed: list[Any] = []

    def breaks(written: Any, head: Any, now: Any) -> int:
        if not failed:
            failed.append(head)
            raise ValueError
        return advance_member(written, head, now)

    with patch.object(walk, "advance_member", breaks):
        night()
    assert failed


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_is_what_its_function_calls_and_nothing_else(calls: set[Call], function: str) -> None:
    assert compared(calls, package().template, function) == []


def test_the_whole_life_calls_nothing_that_no_function_is_known_for(calls: set[Call]) -> None:
    assert {name for name, _, _ in calls} <= set(functions(package().template))


def grants() -> list[tuple[str, str, str]]:
    template = package().template
    return [(function, *one) for function in functions(template) for one in sorted(granted(template, function))]


def test_taking_away_any_one_permission_is_seen(calls: set[Call]) -> None:
    for function, action, kind in grants():
        narrowed = copy.deepcopy(statements(package().template, function))
        for statement in narrowed:
            listed = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if action in statement["Action"] and kind in map(resource_kind, listed):
                statement["Action"].remove(action)
        faults = compared(calls, with_role(function, narrowed), function)
        assert f"{function} calls {action} on {kind}, which its role lacks" in faults


def test_adding_any_one_permission_is_seen(calls: set[Call]) -> None:
    every = {(action, kind) for _, action, kind in grants()} | {(each, "table") for each in NEVER}
    for function in FUNCTIONS:
        for action, kind in every - granted(package().template, function):
            more = {"Effect": "Allow", "Action": [action], "Resource": _resource(kind)}
            template = with_role(function, [*statements(package().template, function), more])
            assert f"{function} may {action} on {kind}, and never does" in compared(calls, template, function)


@pytest.mark.parametrize(
    ("args", "more", "is_whole"),
    [
        (["tests"], {"ignore": ["tests/e2e"]}, True),  # as make test says it
        (["tests"], {}, True),
        (["tests/deploy"], {}, False),
        (["tests"], {"ignore": ["tests/time"]}, False),
        (["tests"], {"keyword": "earn"}, False),
        (["tests"], {"deselect": ["tests/deploy/test_roles.py"]}, False),
    ],
)
def test_only_a_run_of_everything_says_that_a_permission_is_never_used(
    args: list[str], more: dict[str, Any], is_whole: bool
) -> None:
    nothing = {"keyword": "", "markexpr": "", "deselect": None, "ignore_glob": None, "lf": False, "ignore": None}
    option = SimpleNamespace(**{**nothing, "collectonly": False, **more})
    asked = SimpleNamespace(option=option, args=args, rootpath=ROOT, invocation_params=SimpleNamespace(dir=ROOT))
    assert whole(cast(pytest.Config, asked)) is is_whole


def with_role(function: str, allowed: list[Any]) -> dict[str, Any]:
    """The packaged template with another role for one function."""
    resources = package().template["Resources"]
    role = resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]
    policy = {"PolicyName": "own", "PolicyDocument": {"Statement": allowed}}
    return {"Resources": {**resources, role: {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}}}


def _resource(kind: str) -> Any:
    if kind == "table":
        return {"Fn::GetAtt": ["RegularsTable", "Arn"]}
    if kind.startswith("index/"):
        return {"Fn::Sub": "${RegularsTable.Arn}/" + kind}
    if kind.startswith("queue/"):
        return {"Fn::GetAtt": [kind.removeprefix("queue/"), "Arn"]}
    return {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${SecretParameter}"}
