"""A payment provider that calls a test's shop: signs an event as the provider would, and sends it to the webhook."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from tests.payments.senders import SECRET, SENDERS
from tests.shop import Reply, Shop, send


class Till:
    """``provider`` of a shop, set up with ``SECRET``."""

    def __init__(self, shop: Shop, provider: str = "stripe", **setting: Any) -> None:
        self.shop, self.provider = shop, provider
        reply = shop.call("PUT", f"/webhooks/{provider}", {"secrets": [SECRET], **setting}, key=shop.owner)
        assert reply.status == 200, reply.body

    def send(
        self, event: dict[str, Any] | bytes, *, secret: str = SECRET, headers: dict[str, str] | None = None
    ) -> Reply:
        """Delivers one event, signed now."""
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        signed = SENDERS[self.provider].sign(raw, secret, datetime.fromtimestamp(int(time.time()), UTC))
        return self.deliver(raw, {**signed, **(headers or {})})

    def deliver(self, raw: bytes, headers: dict[str, str]) -> Reply:
        path = f"/webhooks/{self.provider}/{self.shop.program_id}"
        return send("POST", path, raw.decode(), {"content-type": "application/json", **headers})

    def outcome(self, event: dict[str, Any] | bytes) -> str:
        reply = self.send(event)
        assert reply.status == 200, reply.body
        return str(reply["outcome"])


def event(kind: str, thing: dict[str, Any], at: int | None = None) -> dict[str, Any]:
    """One event of Stripe's about a thing, told now unless another second is given."""
    moment = int(time.time()) if at is None else at
    name = "_".join([kind, *(str(thing.get(field, "")) for field in ("id", "status", "amount_refunded"))])
    return {
        "id": f"evt_{name}",
        "object": "event",
        "type": kind,
        "created": moment,
        "livemode": True,
        "data": {"object": {"created": moment, **thing}},
    }


def charge(payment: str, amount: int, kind: str = "charge.succeeded", **fields: Any) -> dict[str, Any]:
    """A charge: it knows the sum alone. ``amount_refunded`` and another kind make it one that was refunded."""
    thing = {"id": f"ch_{payment}", "object": "charge", "payment_intent": payment, "status": "succeeded"}
    return event(kind, {**thing, "amount": amount, "currency": "eur", "captured": True, **fields})


def session(payment: str, total: int, *, tax: int = 0, shipping: int = 0, **fields: Any) -> dict[str, Any]:
    """A checkout session: it knows tax and delivery, and whatever else is given."""
    thing = {
        "id": f"cs_{payment}",
        "object": "checkout.session",
        "mode": "payment",
        "payment_intent": payment,
        "payment_status": "paid",
        "amount_total": total,
        "currency": "eur",
        "total_details": {"amount_tax": tax, "amount_shipping": shipping, "amount_discount": 0},
    }
    return event("checkout.session.completed", {**thing, **fields})


def line(sku: str, amount: int, category: str | None = None, quantity: int = 1) -> dict[str, Any]:
    metadata = {"sku": sku} | ({} if category is None else {"category": category})
    price = {"id": f"price_{sku}", "metadata": metadata}
    return {"id": f"li_{sku}", "amount_total": amount, "amount_tax": 0, "quantity": quantity, "price": price}


def refund(payment: str, refund_id: str, amount: int, kind: str = "refund.created", **fields: Any) -> dict[str, Any]:
    thing = {"id": refund_id, "object": "refund", "payment_intent": payment, "charge": f"ch_{payment}"}
    return event(kind, {**thing, "amount": amount, "currency": "eur", "status": "succeeded", **fields})


def dispute(end: str, payment: str, dispute_id: str, amount: int, status: str = "needs_response") -> dict[str, Any]:
    thing = {"id": dispute_id, "object": "dispute", "payment_intent": payment, "charge": f"ch_{payment}"}
    return event(f"charge.dispute.{end}", {**thing, "amount": amount, "currency": "eur", "status": status})
