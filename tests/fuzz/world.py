"""A shop in which every call finds what it asks about, and what the table holds before and after a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from chalicelib.api.door import Door, Operation
from tests.moments import at
from tests.shop import Reply, Shop, opened, program

NOW = "2026-06-01T12:00:00Z"
SALE = {
    "total": 1000,
    "delivery": 100,
    "tax": 100,
    "currency": "EUR",
    "occurred_at": "2026-06-01T11:00:00Z",
    "payment_fingerprint": "card-1",
    "items": [{"sku": "a", "name": "Cake", "category": "food", "quantity": 1, "amount": 800, "cost": 300}],
    "voucher_codes": [],
}
CONTACT = {
    "email": "bea@example.com",
    "phone": "+36 30 765 4321",
    "name": "Bea",
    "birthday": "1990-02-03",
    "locale": "en",
    "consent": {"marketing": True},
}
PRICED = {"kind": "percent_off", "value": 10, "cost": 10, "points": 10, "valid_days": 5, "stock": 3, "per_member": 1}


def document() -> dict[str, Any]:
    """The corner café with every part that a program can have."""
    made = program()
    return {
        **made,
        "enrolment": {"mode": "open", "welcome_points": 50, "pilot": {"max_members": 9, "ends_on": "2027-01-01"}},
        "tiers": {
            "basis": "spend",
            "grace_days": 10,
            "levels": [
                {"id": "friend", "name": "Friend", "threshold": 0},
                {"id": "regular", "name": "Regular", "threshold": 5000, "percent": 150, "benefits": ["A smile"]},
            ],
        },
        "plans": [{"id": "club", "name": "Club", "percent": 200, "provider_prices": {"stripe": ["price_1"]}}],
        "close": None,
        "rewards": [*made["rewards"], {"id": "ten", "name": "Ten", "minimum_tier": "friend", **PRICED}],
    }


BODIES: dict[str, dict[str, Any]] = {
    "POST /members": {
        **CONTACT,
        "external_id": "crm-2",
        "tags": ["vip"],
        "referral_code": None,
        "invite_code": None,
        "enrolled_at": "2026-05-01T10:00:00+02:00",
    },
    "PATCH /members/{member_id}": {**CONTACT, "external_id": "crm-3", "tags": ["vip"]},
    "PATCH /me": CONTACT,
    "POST /members/{member_id}/adjustments": {"points": 5, "reason": "Sorry"},
    "POST /members/{member_id}/check-ins": {},
    "POST /members/{member_id}/sessions": {},
    "POST /members/{member_id}/redemptions": {"reward_id": "free-coffee"},
    "POST /members/{member_id}/merge": {"from_member_id": "m0"},
    "POST /me/redemptions": {"reward_id": "free-coffee"},
    "POST /purchases": {"order_id": "new", "member_id": None, "email": None, "external_id": None, **SALE},
    "POST /purchases/estimate": {"member_id": None, "email": None, "external_id": None, **SALE},
    "POST /purchases/{order_id}/refunds": {"refund_id": "r", "amount": 1, "occurred_at": "2026-06-01T11:30:00Z"},
    "POST /purchases/{order_id}/claim": {"member_id": "m0"},
    "POST /vouchers/{code}/use": {"order_id": "o", "amount": 5},
    "POST /vouchers/{code}/cancel": {},
    "POST /gift-cards": {"amount": 500, "recipient_email": "carl@example.com"},
    "POST /gift-cards/forget-recipient": {"email": "carl@example.com"},
    "POST /invites": {"uses": 1, "note": "For Carl", "expires_on": "2026-12-31"},
    "PUT /program": {"version": 1, "program": document()},
    "POST /program/check": {"program": document()},
    "POST /program/backtest": {"program": document(), "against": None, "from": None, "to": None},
    "POST /program/close": {"last_earn_on": "2027-01-01", "last_redeem_on": "2027-02-01"},
    "POST /keys": {"role": "staff", "name": "Till"},
    "PUT /webhooks/{provider}": {
        "secrets": ["whsec_" + "c2VjcmV0" * 4],
        "livemode": True,
        "account": "acct_1",
        "url": "https://example.com/hook",
    },
}
"""A body that each call takes, with every field of it. A call without one here fails a test."""

TYPED = [one for one in Door.operations if one.body is not None]


def label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


class World:
    """One shop on a table, seeded; ``call`` sends as the role that the operation asks for."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.written = Written()
        self.turn = 0
        self.ann = shop.enrol(email="ann@example.com", phone="+36301234567", name="Ann")
        shop.buy("o-1", 5000, self.ann)
        shop.adjust(self.ann, 5000, "seed")
        for key in (shop.staff, shop.storefront, shop.owner):
            shop.call("GET", "/program", key=key)  # a key's first use in a day is noted, by whatever call it is
        code = str(shop.redeem(self.ann, "five-off", "seed")["code"])
        self.token = str(shop.call("POST", f"/members/{self.ann}/sessions")["token"])
        key_id = str(shop.call("POST", "/keys", {"role": "staff", "name": "Spare"}, key=shop.owner)["key_id"])
        invite = str(shop.call("POST", "/invites", {}, key=shop.owner)["code"])
        self.path = {
            "member_id": self.ann,
            "order_id": "o-1",
            "code": code,
            "version": "1",
            "key_id": key_id,
            "provider": "stripe",
            "program_id": shop.program_id,
            "event_id": "0",
            "name": "participation",
            "invite": invite,
        }

    def key(self, operation: Operation) -> str | None:
        if not operation.roles:
            return None
        return self.token if operation.roles == ("member",) else self.shop.owner

    def url(self, operation: Operation, **changes: str) -> str:
        """The operation's path with what is there, or with what is given; percent-encoded whole."""
        path = operation.path
        for name, value in {**self.path, **changes}.items():
            path = path.replace("{" + name + "}", quote(value, safe=""))
        return path

    def call(self, operation: Operation, body: Any = None, query: str = "", **changes: str) -> Reply:
        path = self.url(operation, **changes) + (f"?{query}" if query else "")
        return self.shop.call(operation.method, path, body, key=self.key(operation), idem="fuzz")


@contextmanager
def begun() -> Iterator[World]:
    from chalicelib.store import table

    with opened(document()) as shop, at(NOW):
        made = World(shop)
        events = table.connection().client.meta.events
        events.register("after-call.dynamodb", made.written.noted)
        events.register("provide-client-params.dynamodb", within_limits)
        events.register("provide-client-params.dynamodb", made.written.asked)
        try:
            yield made
        finally:
            events.unregister("after-call.dynamodb", made.written.noted)
            events.unregister("provide-client-params.dynamodb", within_limits)
            events.unregister("provide-client-params.dynamodb", made.written.asked)


class Written:
    """Counts the writes that the database took, so that what was refused is known to have changed nothing."""

    KINDS = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")

    def __init__(self) -> None:
        self.count = 0
        self.guess = False

    def asked(self, params: dict[str, Any], **_: Any) -> None:
        # That a wrong code was sent is counted: the one thing that a refusal writes.
        self.guess = "#GUESSES#" in str(params.get("Key"))

    def noted(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        told = str(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        self.count += model.name in self.KINDS and told == "200" and not self.guess


def within_limits(params: dict[str, Any], **_: Any) -> None:
    """Refuses keys that the real database refuses and the one in process takes: empty ones and those that are too long.

    Raises AssertionError, which the app answers as a fault of its own.
    """
    most = {"pk": 2048, "spk": 2048, "jpk": 2048, "dpk": 2048, "npk": 2048}
    most |= {"sk": 1024, "ssk": 1024, "jsk": 1024, "dsk": 1024, "nsk": 1024}

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                if name in most and isinstance(part, dict) and "S" in part:
                    assert 0 < len(part["S"].encode()) <= most[name], name
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(params)
    if "KeyConditionExpression" in params:
        for value in params.get("ExpressionAttributeValues", {}).values():
            assert 0 < len(value.get("S", "x").encode()) <= 1024
