"""Every route, every role, own and others: what the table says is what the service does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.api.door import Door, Operation
from chalicelib.store import table
from tests.access.table import NO_OBJECT, NOBODY, ROWS
from tests.fuzz.world import NOW, World, document, label
from tests.moments import at
from tests.shop import Reply, Shop, beside, opened

OPERATIONS = Door.operations
CLOSED = [one for one in OPERATIONS if one.roles]
OBJECTS = {
    "member_id": "m0000000000000000",
    "order_id": "o-9",
    "code": "AAAAA-BBBBB-CCCCC-DDDDD",
    "key_id": "k0000000000",
    "event_id": "0",
    "version": "99",
}
"""An id of nothing, for each kind of object that a path can name."""
QUERIES = {"GET /members": "?email=nobody@example.com"}
"""Without a question this call lists, which is for staff and owner alone; tests/api/test_members.py has that."""


class Two:
    """Two shops of one deployment. ``theirs`` are the other's objects by the names that paths give them."""

    def __init__(self, shop: Shop) -> None:
        self.own = World(shop)
        self.other = World(beside(document()))
        self.theirs = {**self.other.path, "version": "2"}
        changed = {"version": 1, "program": {**document(), "program_id": self.other.shop.program_id, "name": "Two"}}
        assert self.other.shop.call("PUT", "/program", changed, key=self.other.shop.owner).status == 200
        self.other.shop.buy("o-theirs", 1000, self.other.ann)
        self.theirs["order_id"] = "o-theirs"

        self.token, self.ended = self.session(), self.session()
        shop.call("DELETE", "/me/session", key=self.ended)
        made = shop.call("POST", "/keys", {"role": "owner", "name": "Gone"}, key=shop.owner)
        shop.call("DELETE", f"/keys/{made['key_id']}", key=shop.owner)
        self.gone = str(made["key"])

    def session(self) -> str:
        return str(self.own.shop.call("POST", f"/members/{self.own.ann}/sessions")["token"])

    def key(self, role: str) -> str | None:
        shop = self.own.shop
        if role == "member":
            return self.token
        return {"storefront": shop.storefront, "staff": shop.staff, "owner": shop.owner, NOBODY: None}[role]


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    with opened(document()) as shop, at(NOW):
        yield Two(shop)


@contextmanager
def calls() -> Iterator[list[str]]:
    """What is asked of the database meanwhile, by kind of call."""
    seen: list[str] = []

    def noted(model: Any, **_: Any) -> None:
        seen.append(model.name)

    events = table.connection().client.meta.events
    events.register("before-call.dynamodb", noted)
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", noted)


def send(two: Two, operation: Operation, key: str | None, ids: dict[str, str], body: Any = None) -> Reply:
    url = two.own.url(operation, **ids) + QUERIES.get(label(operation), "")
    return two.own.shop.call(operation.method, url, body, key=key, idem="who")


def test_every_route_has_a_row() -> None:
    assert set(ROWS) == {label(one) for one in OPERATIONS}, "a call without a row: say in tests/access/table.py who may"


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_who_may_is_let_in_and_who_may_not_is_refused(two: Two, operation: Operation) -> None:
    """With ids of nothing and an empty body, so that who is let in changes nothing."""
    allowed = ROWS[label(operation)].split()
    for role in ("storefront", "staff", "owner", "member"):
        key = two.session() if (label(operation), role) == ("DELETE /me/session", "member") else two.key(role)
        reply = send(two, operation, key, OBJECTS, {} if operation.body is not None else None)
        if role in allowed or NOBODY in allowed:
            assert reply.status not in (401, 403), (role, reply.body)
        else:
            assert (reply.status, reply.code) == (403, "forbidden"), (role, reply.body)
    nobody = send(two, operation, None, OBJECTS)
    assert (nobody.status == 401) == (NOBODY not in allowed), nobody.body


@pytest.mark.parametrize("operation", CLOSED, ids=label)
def test_nobody_unknown_or_ended_is_let_in_anywhere(two: Two, operation: Operation) -> None:
    shop = two.own.shop
    answers = []
    for key in (
        "rk_corner-cafe_" + "0" * 32,
        shop.owner[:-1],
        shop.owner + "0",
        shop.owner.replace("corner-cafe", two.other.shop.program_id),
        two.gone,
        two.ended,
        f"{two.token}.x",
    ):
        reply = send(two, operation, key, OBJECTS, "{broken")
        assert (reply.status, reply.code) == (401, "unauthorized"), key
        answers.append((reply.body, reply.headers))
    assert all(answer == answers[0] for answer in answers), "whatever is wrong with a credential, the answer is one"


@pytest.mark.parametrize("operation", [one for one in CLOSED if "{" in one.path], ids=label)
def test_an_object_of_another_program_is_as_absent_as_one_that_is_not_there(two: Two, operation: Operation) -> None:
    """The same bytes and headers after the same calls of the database: neither shows what the other shop has."""
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    names = [name for name in names if name not in NO_OBJECT]
    body = {
        "POST /members/{member_id}/merge": {"from_member_id": two.own.ann},
        "POST /members/{member_id}/redemptions": {"reward_id": "five-off"},
        "POST /members/{member_id}/adjustments": {"points": 1, "reason": "x"},
        "POST /purchases/{order_id}/refunds": {"refund_id": "r", "amount": 1},
        "POST /purchases/{order_id}/claim": {"member_id": two.own.ann},
        "POST /vouchers/{code}/use": {"order_id": "o-9", "amount": 1},
    }.get(label(operation), {} if operation.body is not None else None)
    for name in names:
        theirs = two.theirs["invite"] if label(operation) == "DELETE /invites/{code}" else two.theirs[name]
        for key in (two.own.shop.owner, two.own.shop.staff):
            with calls() as absent_cost:
                absent = send(two, operation, key, {name: OBJECTS[name]}, body)
            with calls() as foreign_cost:
                foreign = send(two, operation, key, {name: theirs}, body)
            assert absent.status in (404, 403, 204)
            assert (foreign.status, foreign.body, foreign.headers) == (absent.status, absent.body, absent.headers)
            assert foreign_cost == absent_cost


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/members/{own}/merge", {"from_member_id": "{}"}),
        ("POST", "/purchases/guest/claim", {"member_id": "{}"}),
        ("POST", "/purchases/estimate", {"total": 100, "currency": "EUR", "member_id": "{}"}),
        ("GET", "/rewards?member_id={}", None),
        ("GET", "/members?cursor={}", None),
    ],
)
def test_a_member_of_another_program_named_elsewhere_is_absent_too(two: Two, method: str, path: str, body: Any) -> None:
    shop = two.own.shop
    shop.buy("guest", 1000)
    answers = []
    for member_id in (OBJECTS["member_id"], two.other.ann):
        sent = None if body is None else {name: value if value != "{}" else member_id for name, value in body.items()}
        where = path.replace("{own}", two.own.ann).replace("{}", member_id)
        with calls() as cost:
            reply = shop.call(method, where, sent, key=shop.owner, idem="named")
        answers.append((reply.status, reply.body, cost))
    assert answers[0] == answers[1]


def test_what_belongs_to_another_program_is_not_found_by_what_it_is_called(two: Two) -> None:
    shop, other = two.own.shop, two.other.shop
    bea = other.enrol(email="bea@other.example", phone="+36309999999", external_id="crm-9")
    card = other.member(bea)["card_code"]
    for query in ("email=bea@other.example", "phone=%2B36309999999", "external_id=crm-9", f"card={card}"):
        assert shop.call("GET", f"/members?{query}").code == "member_not_found"
    code = other.member(bea)["referral_code"]
    assert shop.call("POST", "/members", {"email": "x@example.com", "referral_code": code}).code == (
        "referral_code_unknown"
    )
    assert shop.call("POST", "/members", {"email": "x@example.com", "invite_code": two.theirs["invite"]}).code == (
        "invite_unknown"
    )
    sale = {"order_id": "o-v", "total": 9000, "currency": "EUR", "voucher_codes": [two.theirs["code"]]}
    assert shop.call("POST", "/purchases", sale).code == "voucher_unknown"
    assert other.call("GET", f"/vouchers/{two.theirs['code']}")["status"] == "issued"
    bought = shop.buy("o-2", 1000, bea)
    assert (bought.status, bought["member_id"]) == (201, None), "a stranger's id makes a guest, and says no more"


def test_a_member_reaches_nobody_else_by_any_word_in_a_request(two: Two) -> None:
    """The id comes from the token alone: naming somebody else changes whose answer it is for no call."""
    shop = two.own.shop
    bob = shop.enrol(email="bob@example.com")
    token = two.key("member")
    mine = shop.call("GET", "/me", key=token)
    for path in (f"/me?member_id={bob}", f"/me/ledger?member_id={bob}", f"/me/rewards?member_id={bob}"):
        assert shop.call("GET", path, key=token).status == 400
    for body in ({"member_id": bob, "name": "X"}, {"name": "X", "from_member_id": bob}):
        assert shop.call("PATCH", "/me", body, key=token).status == 400
    asked = {"total": 1000, "currency": "EUR"}
    own = shop.call("POST", "/purchases/estimate", asked, key=token).body
    for named in ({"member_id": bob}, {"email": "bob@example.com"}):
        assert shop.call("POST", "/purchases/estimate", {**asked, **named}, key=token).body == own
    assert shop.call("GET", "/me", key=token, headers={"x-member-id": bob, "x-role": "owner"}).body == mine.body
    assert shop.call("GET", "/me", key=f"{token} rk_corner-cafe_x").code == "unauthorized"
