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
