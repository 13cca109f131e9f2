"""The frame of one telling: who says it and when, and what becomes of what cannot be read or is not the program's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chalicelib.payments import payload
from chalicelib.payments.facts import GOODS, PART, TOTAL, Fact, Ignored, Paid, Unbookable
from chalicelib.payments.payload import Document, Unreadable


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an event before its content is read. ``ids`` name its payment as far as they are legible."""

    provider: str
    event: str
    event_id: str | None = None
    told_at: datetime | None = None
    ids: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """The fields that every fact has (``facts.Told``)."""
        return {"provider": self.provider, "event": self.event, "event_id": self.event_id, "told_at": self.told_at}

    def ignored(self, reason: str) -> list[Fact]:
        return [Ignored(**self.fields(), reason=reason)]

    def about(self, payment_id: str, order_id: str | None, *aliases: object) -> dict[str, Any]:
        """The fields that every fact of a payment has (``facts.OfPayment``); unusable aliases name nothing."""
        named = [alias for alias in map(payload.identity, aliases) if alias and alias not in (payment_id, order_id)]
        return self.fields() | {
            "payment_id": payment_id,
            "order_id": order_id or payment_id,
            "aliases": tuple(dict.fromkeys(named)),
        }


def tell(
    provider: str,
    raw: bytes,
    frame: Callable[[Document], Telling],
    content: Callable[[Telling, Document], list[Fact]],
) -> list[Fact]:
    """The facts of one body. ``frame`` must not raise; whatever ``content`` cannot read becomes ``Unbookable``."""
    telling = Telling(provider=provider, event="unknown")
    try:
        document = payload.parse(raw)
        telling = frame(document)
        return content(telling, document)
    except Unreadable as error:
        return [Unbookable(**telling.fields(), reason=error.reason, detail=error.detail, ids=telling.ids)]


def require_bound(settings: Mapping[str, object], *, live: object, account: object) -> None:
    """The event is of the mode and the account that the program is bound to, where it is bound to any.

    ``live`` or ``account`` None: the provider does not say. Raises ``Unreadable``.
    """
    mode, owner = settings.get("livemode"), settings.get("account")
    if isinstance(mode, bool) and live is not None and live is not mode:
        raise Unreadable("livemode_mismatch", f"The program takes {'live' if mode else 'test'} events only.")
    if owner and account is not None and account != owner:
        raise Unreadable("account_mismatch", "The event is of another account than the program's.")


def apart(tax: int | None, delivery: int | None) -> dict[str, Any]:
    """What of a total earns nothing, as fields of ``Paid``; None where the telling does not know."""
    detail = (TOTAL, PART, GOODS)[(tax is not None) + (delivery is not None)]
    return {"tax_minor": tax or 0, "delivery_minor": delivery or 0, "detail": detail}


def coherent(paid: Paid) -> Paid:
    """``paid`` where its parts fit into its total. Raises ``Unreadable`` (bad_amount)."""
    if paid.tax_minor + paid.delivery_minor > paid.total_minor:
        raise Unreadable("bad_amount", "Tax and delivery together are more than the total.")
    return paid
