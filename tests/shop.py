"""A shop for tests: one program on a table in process, called as API Gateway calls the deployed function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from app import app
from chalicelib.triggers import operator
from tests.contract import hold_to_contract

PROGRAMS = Path(__file__).parent.parent / "programs"


def program(name: str = "corner-cafe", **changes: Any) -> dict[str, Any]:
    """An example program's document, with some of its top-level parts changed."""
    document: dict[str, Any] = json.loads((PROGRAMS / f"{name}.json").read_text())
    return {**document, **changes}


class Reply(msgspec.Struct):
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        return str(self.body["code"])

    def __getitem__(self, field: str) -> Any:
        return self.body[field]


class Shop:
    """Calls the app in process. ``owner``, ``storefront`` and ``staff`` are keys of its program."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        made = operator.create_program({"program": document or program()}, None)
        self.program_id = made["program_id"]
        self.owner: str = made["key"]
        self.storefront = self._key("storefront")
        self.staff = self._key("staff")

    def _key(self, role: str) -> str:
        return str(self.call("POST", "/keys", {"role": role, "name": role}, key=self.owner)["key"])

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        idem: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One HTTP call under /v1; the storefront's key unless another is given, None for no credential."""
        sent = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            sent["authorization"] = f"Bearer {key or self.storefront}"
        if idem is not None:
            sent["idempotency-key"] = idem
        raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        return send(method, path, raw, sent)

    def enrol(self, **fields: Any) -> str:
        """A member's id; an email is made up where none is given."""
        given = fields or {"email": f"ann{id(fields)}@example.com"}
        return str(self.call("POST", "/members", given)["member_id"])

    def buy(self, order_id: str, total: int, member_id: str | None = None, **fields: Any) -> Reply:
        body = {"order_id": order_id, "total": total, "currency": "EUR", **fields}
        return self.call("POST", "/purchases", body if member_id is None else {**body, "member_id": member_id})

    def refund(self, order_id: str, refund_id: str, amount: int) -> Reply:
        return self.call(
            "POST", f"/purchases/{quote(order_id, safe='')}/refunds", {"refund_id": refund_id, "amount": amount}
        )

    def redeem(self, member_id: str, reward_id: str, idem: str) -> Reply:
        return self.call("POST", f"/members/{member_id}/redemptions", {"reward_id": reward_id}, idem=idem)

    def adjust(self, member_id: str, points: int, idem: str) -> Reply:
        body = {"points": points, "reason": "test"}
        return self.call("POST", f"/members/{member_id}/adjustments", body, key=self.owner, idem=idem)

    def member(self, member_id: str) -> Any:
        return self.call("GET", f"/members/{member_id}").body

    def available(self, member_id: str) -> int:
        return int(self.member(member_id)["points"]["available"])

    def ledger(self, member_id: str) -> list[Any]:
        """All entries, oldest first, through the pages."""
        items: list[Any] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/members/{member_id}/ledger?limit=100{cursor}").body
            items.extend(page["items"])
            if page["next_cursor"] is None:
                return items[::-1]
            cursor = f"&cursor={page['next_cursor']}"

    def differences(self) -> list[Any]:
        """What reconciling every member finds; none when all balances are proved."""
        found: list[Any] = []
        cursor = None
        while True:
            page = operator.reconcile({"program_id": self.program_id, "cursor": cursor}, None)
            found.extend(page["differences"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found


_ROUTES = [(re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"), path) for path in app.routes]


def send(method: str, path: str, raw: str, headers: dict[str, str]) -> Reply:
    """The event that API Gateway makes of a request, given to the app's own handler."""
    bare, _, query = path.partition("?")
    full = "/v1" + bare
    # A fixed path wins over one with parameters, as it does at API Gateway.
    fitting = sorted(
        ((pattern.match(full), route) for pattern, route in _ROUTES if pattern.match(full)),
        key=lambda one: "{" in one[1],
    )
    match, route = fitting[0]
    assert match is not None
    from urllib.parse import parse_qs

    event = {
        "requestContext": {"resourcePath": route, "httpMethod": method, "path": full, "domainName": "localhost"},
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
        "pathParameters": match.groupdict() or None,
        "stageVariables": None,
        "body": raw,
        "isBase64Encoded": False,
    }
    answer = app(event, None)
    text = answer["body"]
    hold_to_contract(method, route, answer["statusCode"], answer["headers"].get("Content-Type", ""), text)
    body = json.loads(text) if text and answer["headers"].get("Content-Type", "").endswith(("/json", "+json")) else text
    return Reply(answer["statusCode"], body, answer["headers"])


class _Kept:
    connection: Any = None


@contextmanager
def opened(document: dict[str, Any] | None = None) -> Iterator[Shop]:
    """A shop on a table of its own, in this process."""
    from moto import mock_aws

    from chalicelib.store import table
    from infra.local.table import create
    from tests import quick_transactions

    quick_transactions.install()
    # The client is made once for all tests: making one costs more than a test. One made before moto would go to AWS.
    if table._Link.connection is not _Kept.connection:
        table._Link.connection = None
    with mock_aws():
        create(table.connection().client)
        _Kept.connection = table._Link.connection
        yield Shop(document)


def beside(document: dict[str, Any]) -> Shop:
    """Another shop on the table of the one that is open, under a name of its own: cheaper than another table."""
    return Shop({**document, "program_id": f"shop-{next(_NUMBERS)}"})


_NUMBERS = count(1)
