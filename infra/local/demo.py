"""A little life in the corner café, lived through the HTTP API as a till would, and what to try next."""

from __future__ import annotations

import json
from typing import Any

import httpx

from infra.local.trouble import Trouble

COFFEE = {"sku": "flat-white", "name": "Flat white", "category": "coffee", "amount": 450}
BUN = {"sku": "korvapuusti", "name": "Cinnamon bun", "category": "pastry", "amount": 380}
BEANS = {"sku": "beans-1kg", "name": "House beans, 1 kg", "category": "beans", "amount": 3400}

MEMBERS = (
    {"email": "ann@example.com", "name": "Ann Virtanen", "phone": "+358401234567", "consent": {"marketing": True}},
    {"email": "ben@example.com", "name": "Ben Okafor", "consent": {"marketing": False}},
    {"external_id": "till-77", "name": "Chiara Rossi", "locale": "fi", "consent": {"marketing": False}},
)

Receipt = tuple[tuple[dict[str, Any], int], ...]

# Whose (an identity, or none for a guest), which order, and what was on the receipt: (line, quantity).
PURCHASES: tuple[tuple[dict[str, str], str, Receipt], ...] = (
    ({"email": "ann@example.com"}, "receipt-1001", ((COFFEE, 2), (BUN, 1))),
    ({"email": "ann@example.com"}, "receipt-1002", ((BEANS, 3),)),
    ({"email": "ben@example.com"}, "receipt-1003", ((COFFEE, 11),)),
    ({"external_id": "till-77"}, "receipt-1004", ((BUN, 2), (COFFEE, 1))),
    ({}, "receipt-1005", ((COFFEE, 1),)),
)


class Till:
    """The API with one key."""

    def __init__(self, address: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"{address}/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def post(self, path: str, body: dict[str, Any], once: str | None = None) -> dict[str, Any]:
        """Send it and answer what came back; ``once`` is the Idempotency-Key. Raises Trouble at any refusal."""
        answered = self._client.post(path, json=body, headers={"Idempotency-Key": once} if once else {})
        if not answered.is_success:
            raise Trouble(f"The demo stopped: POST /v1{path} answered {answered.status_code} {answered.text}")
        content: dict[str, Any] = answered.json()
        return content

    def close(self) -> None:
        self._client.close()


def live(address: str, owner_key: str) -> str:
    """Enrol members, book purchases, a refund and a redemption; answers the text that says what to try."""
    owner = Till(address, owner_key)
    keys = {
        role: owner.post("/keys", {"role": role, "name": f"Demo {role}"})["key"] for role in ("storefront", "staff")
    }
    owner.close()
    till = Till(address, keys["storefront"])
    ann, _, _ = (till.post("/members", dict(member))["member_id"] for member in MEMBERS)
    for buyer, order_id, receipt in PURCHASES:
        till.post("/purchases", _purchase(buyer, order_id, receipt))
    till.post("/purchases/receipt-1004/refunds", {"refund_id": "return-1", "amount": BUN["amount"]})
    till.post(f"/members/{ann}/redemptions", {"reward_id": "free-coffee"}, once="demo-redemption")
    till.close()
    return _what_to_try(address, owner_key, keys["storefront"], keys["staff"], ann)


def _purchase(buyer: dict[str, str], order_id: str, receipt: Receipt) -> dict[str, Any]:
    items = [{**line, "quantity": quantity, "amount": line["amount"] * quantity} for line, quantity in receipt]
    total = sum(item["amount"] for item in items)
    return {"order_id": order_id, **buyer, "total": total, "currency": "EUR", "items": items}


def _what_to_try(address: str, owner_key: str, storefront_key: str, staff_key: str, member_id: str) -> str:
    coffee_and_bun = json.dumps(_purchase({"email": "ann@example.com"}, "receipt-2001", ((COFFEE, 1), (BUN, 1))))
    authorized = f"-H 'Authorization: Bearer {storefront_key}'"
    sends = "-H 'Content-Type: application/json'"
    return f"""
The Corner Café is open, with three members and their first purchases.

  API       {address}/v1
  Docs      {address}/v1/docs
  OpenAPI   {address}/v1/openapi.json

  Owner key       {owner_key}
  Storefront key  {storefront_key}
  Staff key       {staff_key}

Who is Ann, and how many points has she?
curl -s '{address}/v1/members?email=ann@example.com' {authorized}

She buys coffee and a bun. (Send it twice: it counts once.)
curl -s {address}/v1/purchases {authorized} {sends} -d '{coffee_and_bun}'

What has ever moved her points?
curl -s {address}/v1/members/{member_id}/ledger {authorized}

Nothing of this is kept. Ctrl-C closes it."""
