"""Signs bodies as each provider does, with its own library where it has one; and the sample events of events/."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import stripe
from square.utils.webhooks_helper import verify_signature
from standardwebhooks import Webhook

NOW = datetime(2025, 10, 1, 10, 0, 5, tzinfo=UTC)
URL = "https://api.example.com/v1/webhooks/any/corner-cafe"
SECRET = "whsec_" + base64.b64encode(b"the secret of one endpoint only!").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"the secret of another program !!").decode()

EVENTS = Path(__file__).parents[2] / "events"


class Sender(NamedTuple):
    """``sign`` answers the headers; ``timed``: the scheme signs its own time."""

    sign: Callable[[bytes, str, datetime], dict[str, str]]
    signature_header: str
    timed: bool


def _stripe(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    return {
        "stripe-signature": stripe.WebhookSignature.generate_signature_header(
            payload=raw.decode(), secret=secret, timestamp=int(at.timestamp())
        )
    }


def _square(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Square's library checks and does not sign, so what is signed here is held to its check."""
    signature = base64.b64encode(hmac.digest(secret.encode(), URL.encode() + raw, hashlib.sha256)).decode()
    assert verify_signature(
        request_body=raw.decode(), signature_header=signature, signature_key=secret, notification_url=URL
    )
    return {"x-square-hmacsha256-signature": signature}


def _shopify(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    signature = base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()
    return {"x-shopify-hmac-sha256": signature}


def _standard(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    return {
        "webhook-id": "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_2Lh9KRb0pzN4LePd3XiA4v12Axj", at, raw.decode()),
    }


SENDERS: Mapping[str, Sender] = {
    "shopify": Sender(_shopify, "x-shopify-hmac-sha256", timed=False),
    "square": Sender(_square, "x-square-hmacsha256-signature", timed=False),
    "standard": Sender(_standard, "webhook-signature", timed=True),
    "stripe": Sender(_stripe, "stripe-signature", timed=True),
}


def samples(provider: str) -> list[Path]:
    return sorted((EVENTS / provider).glob("*.json"))


def sample(provider: str, name: str) -> bytes:
    return (EVENTS / provider / f"{name}.json").read_bytes()


def told_in_headers(path: Path) -> dict[str, str]:
    """What a provider says of an event outside its body; a Shopify sample's name begins with its topic."""
    topic = "/".join(path.name.split(".")[:2])
    return {
        "shopify": {
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": "boutique.example.com",
            "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
            "x-shopify-triggered-at": "2025-10-03T12:21:10.000000000Z",
        },
        "square": {"square-environment": "Production"},
        "standard": {"webhook-id": "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj"},
    }.get(path.parent.name, {})
