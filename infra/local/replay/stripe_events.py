"""Stripe's side of a payment: the sample events of events/stripe, filled with a basket's figures, and its signature."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from infra.local import template
from infra.local.replay.receipts import Receipt

SAMPLES = template.TEMPLATE.parent.parent / "events" / "stripe"
SECRET = "whsec_" + hashlib.sha256(b"the grocer's year").hexdigest()


@dataclass(frozen=True)
class Payment:
    """A payment by card. ``order_id`` None: the shop gave Stripe none, and the payment intent's id stands for it."""

    receipt: Receipt
    order_id: str | None
    member_id: str | None
    email: str

    @property
    def _number(self) -> str:
        return f"3Grocer{self.receipt.basket.basket_id}"

    @property
    def intent(self) -> str:
        return f"pi_{self._number}"

    @property
    def known_as(self) -> str:
        return self.order_id or self.intent

    def event(self, kind: str, now: datetime, refunded: int = 0) -> bytes:
        """One event of this payment, as Stripe would send it at ``now``."""
        event = copy.deepcopy(_sample(kind))
        event["id"] = f"evt_{kind.replace('.', '_')}_{self._number}_{refunded}"
        event["created"] = int(now.timestamp())
        thing = event["data"]["object"]
        metadata = {"order_id": self.order_id, "member_id": self.member_id}
        metadata |= {"tax": str(self.receipt.tax), "delivery": str(self.receipt.delivery)}
        thing["metadata"] = {name: value for name, value in metadata.items() if value is not None}
        thing["created"] = int(self.receipt.basket.at.timestamp())
        thing["currency"] = "usd"
        thing["customer"] = f"cus_Household{self.receipt.basket.household}"
        if event["type"].startswith("charge."):
            self._charge(thing, refunded)
        elif event["type"].startswith("payment_intent."):
            self._intent(thing)
        else:
            self._session(thing)
        return json.dumps(event).encode()

    def _charge(self, charge: dict[str, Any], refunded: int) -> None:
        charge |= {"id": f"ch_{self._number}", "payment_intent": self.intent, "amount_refunded": refunded}
        charge |= {"amount": self.receipt.total, "amount_captured": self.receipt.total}
        charge["refunded"] = refunded == self.receipt.total
        charge["billing_details"]["email"] = self.email
        charge["payment_method_details"]["card"]["fingerprint"] = f"Card{self.receipt.basket.household}"

    def _intent(self, intent: dict[str, Any]) -> None:
        intent |= {"id": self.intent, "latest_charge": f"ch_{self._number}", "receipt_email": self.email}
        intent |= {"amount": self.receipt.total, "amount_received": self.receipt.total}

    def _session(self, session: dict[str, Any]) -> None:
        session |= {"id": f"cs_live_{self._number}", "payment_intent": self.intent, "amount_total": self.receipt.total}
        session["amount_subtotal"] = self.receipt.goods
        session["customer_details"]["email"] = self.email
        session["shipping_cost"] = {
            "amount_subtotal": self.receipt.delivery,
            "amount_tax": 0,
            "amount_total": self.receipt.delivery,
            "shipping_rate": None,
        }
        session["total_details"] = {
            "amount_discount": 0,
            "amount_shipping": self.receipt.delivery,
            "amount_tax": self.receipt.tax,
        }


@cache
def _sample(kind: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((SAMPLES / f"{kind}.json").read_text(encoding="utf-8"))
    return event


def signature(body: bytes, now: datetime) -> str:
    """The Stripe-Signature header: scheme v1, https://docs.stripe.com/webhooks#verify-manually."""
    moment = str(int(now.timestamp()))
    return f"t={moment},v1={hmac.new(SECRET.encode(), moment.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
