"""Who may call: closed by default, one role a key, a member's token for that member alone, for a short time."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from chalicelib.api.door import Door, Operation
from tests.moments import at
from tests.shop import Shop, beside, opened, program

NOW = "2026-06-01T12:00:00Z"
CLOSED = [operation for operation in Door.operations if operation.roles]


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at(NOW):
        yield shop


def token_of(shop: Shop, member_id: str) -> str:
    answer = shop.call("POST", f"/members/{member_id}/sessions")
    assert answer.status == 201
    return str(answer["token"])


def path_of(operation: Operation) -> str:
    """The call's path with something in each place."""
    return operation.path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("operation", CLOSED, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize("key", [None, "rk_corner-cafe_00000000000000000000000000000000", "nonsense", "a.b.c"])
def test_no_call_answers_without_a_good_credential(café: Shop, operation: Operation, key: str | None) -> None:
    answer = café.call(operation.method, path_of(operation), key=key)
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", CLOSED, ids=lambda one: f"{one.method} {one.path}")
def test_every_call_refuses_the_roles_that_it_does_not_name(café: Shop, operation: Operation) -> None:
    shown = {"storefront": café.storefront, "staff": café.staff, "owner": café.owner}
    shown["member"] = token_of(café, café.enrol(email=f"{operation.name}@example.com"))
    may = set(operation.roles) | ({"owner"} if set(operation.roles) - {"member"} else set())
    for role, key in shown.items():
        if role not in may:
            answer = café.call(operation.method, path_of(operation), key=key, idem="k")
            assert (answer.status, answer.code) == (403, "forbidden"), role


def test_the_roles_of_the_contract() -> None:
    """The table of API.md, so that a role that opens by mistake is seen."""
    expected = {
        "POST /members": {"storefront", "staff"},
        "GET /members/{member_id}": {"storefront", "staff"},
        "PATCH /members/{member_id}": {"storefront", "staff"},
        "GET /members/{member_id}/ledger": {"storefront", "staff"},
        "GET /members/{member_id}/vouchers": {"storefront", "staff"},
        "POST /members/{member_id}/adjustments": {"staff"},
        "POST /members/{member_id}/check-ins": {"storefront", "staff"},
        "POST /members/{member_id}/sessions": {"storefront"},
        "POST /members/{member_id}/redemptions": {"storefront", "staff"},
        "POST /purchases": {"storefront", "staff"},
        "POST /purchases/estimate": {"storefront", "member"},
        "GET /purchases/{order_id}": {"storefront", "staff"},
        "POST /purchases/{order_id}/refunds": {"storefront", "staff"},
        "GET /rewards": {"storefront", "staff"},
        "GET /vouchers/{code}": {"storefront", "staff"},
        "POST /vouchers/{code}/use": {"storefront", "staff"},
        "POST /vouchers/{code}/cancel": {"storefront", "staff"},
        "GET /program": {"storefront", "staff"},
        "PUT /program": {"owner"},
        "POST /program/check": {"owner"},
        "GET /keys": {"owner"},
        "POST /keys": {"owner"},
        "DELETE /keys/{key_id}": {"owner"},
    }
    declared = {f"{one.method} {one.path}": set(one.roles) for one in Door.operations}
    assert {call: declared[call] for call in expected} == expected
    mine = {
        call: roles
        for call, roles in declared.items()
        if " /me" in call and not call.partition(" /me")[2][:1].isalpha()
    }
    assert mine
    assert set(map(frozenset, mine.values())) == {frozenset({"member"})}
    open_to_all = {call for call, roles in declared.items() if not roles}
    assert {call for call in open_to_all if not call.partition(" ")[2].startswith(("/public", "/webhooks"))} == {
        "GET /health",
        "GET /openapi.json",
        "GET /docs",
    }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic abc",
        "Bearer",
        "Bearer ",
        "bearer\trk_x_y",
        "Bearer rk_corner-cafe_é",
        "Bearer " + "x" * 2000,
        "rk_a_b",
    ],
)
def test_a_header_that_is_no_credential_is_refused(café: Shop, header: str) -> None:
    answer = café.call("GET", "/program", key=None, headers={"authorization": header})
    assert (answer.status, answer.code) == (401, "unauthorized")


def test_the_scheme_is_read_in_any_case(café: Shop) -> None:
    answer = café.call("GET", "/program", key=None, headers={"authorization": f"bEARER {café.staff}"})
    assert answer.status == 200


def test_a_members_token_shows_that_member_alone(café: Shop) -> None:
    ann, bob = café.enrol(email="ann@example.com"), café.enrol(email="bob@example.com")
    token = token_of(café, ann)
    assert café.call("GET", "/me", key=token)["member_id"] == ann
    assert [row["points"] for row in café.call("GET", "/me/ledger", key=token)["items"]] == [50]
    assert café.call("GET", "/me/vouchers", key=token)["items"] == []
    assert café.call("GET", "/me/rewards", key=token)["items"][0]["can_take"] is False
    for member_id in (ann, bob):
        assert café.call("GET", f"/members/{member_id}", key=token).code == "forbidden"
        assert café.redeem(member_id, "five-off", "k").code == "insufficient_points"
    café.adjust(ann, 1000, "k")
    redeemed = café.call("POST", "/me/redemptions", {"reward_id": "five-off"}, key=token, idem="mine")
    assert (redeemed.status, redeemed["member_id"]) == (201, ann)
    again = café.call("POST", "/me/redemptions", {"reward_id": "five-off"}, key=token, idem="mine")
    assert (again.status, again.body) == (200, redeemed.body)
    assert (café.available(ann), café.available(bob)) == (850, 50)
    assert café.ledger(ann)[-1]["booked_by"].startswith("member")


def test_a_members_token_ends_after_an_hour(café: Shop) -> None:
    ann = café.enrol(email="hour@example.com")
    session = café.call("POST", f"/members/{ann}/sessions")
    assert session["expires_at"] == "2026-06-01T13:00:00Z"
    with at("2026-06-01T12:59:59.999Z"):
        assert café.call("GET", "/me", key=session["token"]).status == 200
    with at("2026-06-01T13:00:00Z"):
        assert café.call("GET", "/me", key=session["token"]).code == "unauthorized"


def _changed(token: str, **claims: Any) -> str:
    """The token with other claims under the old signature."""
    head, body, signature = token.split(".")
    told = json.loads(urlsafe_b64decode(body + "=="))
    forged = urlsafe_b64encode(json.dumps({**told, **claims}).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


def test_a_forged_token_is_refused(café: Shop) -> None:
    ann, bob = café.enrol(email="forge-a@example.com"), café.enrol(email="forge-b@example.com")
    token = token_of(café, ann)
    told = jwt.decode(token, options={"verify_signature": False})
    unsigned = jwt.encode(told, None, algorithm="none")
    elsewhere = jwt.encode(told, "another secret of more than thirty-two characters", algorithm="HS256")
    for forged in (
        _changed(token, sub=bob),
        _changed(token, exp=told["exp"] + 3600),
        unsigned,
        unsigned + token.rpartition(".")[2],
        elsewhere,
        token[:-2],
    ):
        answer = café.call("GET", "/me", key=forged)
        assert (answer.status, answer.code) == (401, "unauthorized")


def test_a_token_of_this_deployment_made_for_something_else_is_refused(café: Shop) -> None:
    from chalicelib.api.auth import _key

    told = jwt.decode(token_of(café, café.enrol(email="aud@example.com")), options={"verify_signature": False})
    for changes in ({"aud": "other"}, {"exp": None}, {"exp": "tomorrow"}):
        claims = {name: value for name, value in {**told, **changes}.items() if value is not None}
        answer = café.call("GET", "/me", key=jwt.encode(claims, _key(), algorithm="HS256"))
        assert (answer.status, answer.code) == (401, "unauthorized"), changes


def test_a_token_of_one_program_finds_nobody_in_another(café: Shop) -> None:
    from chalicelib.api.auth import _key

    other = beside(program())
    ann = café.enrol(email="program@example.com")
    told = jwt.decode(token_of(café, ann), options={"verify_signature": False})
    moved = jwt.encode({**told, "iss": other.program_id}, _key(), algorithm="HS256")
    assert café.call("GET", "/me", key=moved).code == "unauthorized"


def test_a_member_changes_their_contact_but_a_new_email_finds_nobody_yet(café: Shop) -> None:
    ann = café.enrol(email="old@example.com", name="Ann")
    token = token_of(café, ann)
    changed = café.call("PATCH", "/me", {"email": "new@example.com", "locale": "fi"}, key=token)
    assert (changed.status, changed["email"], changed["locale"]) == (200, "new@example.com", "fi")
    assert café.call("GET", "/members?email=new%40example.com").status == 404
    assert café.call("GET", "/members?email=old%40example.com")["member_id"] == ann
    assert café.call("PATCH", f"/members/{ann}", {"email": "new@example.com"}).status == 200
    assert café.call("GET", "/members?email=new%40example.com")["member_id"] == ann
    assert café.call("GET", "/members?email=old%40example.com").status == 404


def test_a_member_cannot_take_somebody_elses_email_by_naming_it(café: Shop) -> None:
    bob = café.enrol(email="taken@example.com")
    ann = café.enrol(email="taker@example.com")
    token = token_of(café, ann)
    assert café.call("PATCH", "/me", {"email": "taken@example.com"}, key=token).status == 200
    assert café.call("GET", "/members?email=taken%40example.com")["member_id"] == bob
    assert café.call("PATCH", f"/members/{ann}", {"email": "taken@example.com"}).code == "identity_taken"
    assert café.call("PATCH", "/me", {"external_id": "x"}, key=token).status == 400
    assert café.call("PATCH", "/me", {"tags": ["vip"]}, key=token).status == 400


def test_whoever_may_not_call_learns_nothing_about_the_body(café: Shop) -> None:
    assert café.call("POST", "/purchases", "{broken", key="rk_corner-cafe_x").code == "unauthorized"
    assert café.call("PUT", "/program", "{broken", key=café.staff).code == "forbidden"
    assert café.call("POST", "/members/m1/adjustments", {}, key=café.storefront).code == "forbidden"
    assert café.call("GET", "/keys?surprise=1", key=café.staff).code == "forbidden"
