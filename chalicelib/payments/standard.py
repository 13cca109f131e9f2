"""Any other sender: signed as https://www.standardwebhooks.com says (v1), told in our own words (docs/payments.md)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.payments import facts, payload, signing
from chalicelib.payments.facts import Fact, Line, Paid
from chalicelib.payments.payload import Document, Unreadable, branch, identity
from chalicelib.payments.telling import Telling, apart, require_bound, tell

PROVIDER = "standard"
KEPT_HEADERS = ("webhook-id",)


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, url: str) -> None:
    """``webhook-signature``: space-separated ``v1,`` + base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    message_id = signing.header(headers, "webhook-id")
    seconds = signing.fresh(signing.header(headers, "webhook-timestamp"), now)
    given = [part.partition(",") for part in signing.header(headers, "webhook-signature").split(" ")]
    prefix = f"{message_id}.{seconds}.".encode("utf-8", "replace")
    keys = [key for key in map(_key, secrets) if key]
    expected = [base64.b64encode(signing.sha256(key, prefix, raw)) for key in keys]
    signing.require_match(expected, [signature for version, _, signature in given if version == "v1"])


def _key(secret: str) -> bytes:
    """The bytes behind ``whsec_`` + base64; empty, so never used, where a secret is not of this form."""
    bare = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def translate(raw: bytes, headers: Mapping[str, str], settings: Mapping[str, object]) -> list[Fact]:
    """The facts of one event. ``settings``: ``livemode`` and ``account`` bind it to the program where set."""

    def frame(event: Document) -> Telling:
        data = event.get("data")
        data = data if isinstance(data, dict) else {}
        ids = (identity(data.get(name)) for name in ("order_id", "payment_id", "refund_id", "dispute_id"))
        return Telling(
            provider=PROVIDER,
            event=identity(event.get("type")) or "unknown",
            event_id=identity(headers.get("webhook-id")),
            told_at=payload.legible_text_instant(event.get("timestamp")),
            ids=tuple(dict.fromkeys(named for named in ids if named)),
        )

    def content(telling: Telling, event: Document) -> list[Fact]:
        translation = _EVENTS.get(telling.event)
        if translation is None:
            return telling.ignored("unknown_event")
        data = branch(event, "data")
        require_bound(settings, live=data.get("live"), account=data.get("account"))
        return translation(telling, data)

    return tell(PROVIDER, raw, frame, content)


def _named(telling: Telling, data: Document) -> dict[str, Any]:
    return telling.about(payload.required_id(data, "payment_id"), _own_id(data, "order_id"))


def _own_id(data: Document, name: str) -> str | None:
    """Where we say what may stand, what may not is told to the sender instead of being passed over."""
    value = data.get(name)
    if value is not None and identity(value) is None:
        raise Unreadable("missing_id", f"{name} is not 1 to 128 characters of A-Z a-z 0-9 . _ : @ + / = -.")
    return identity(value)


def _moment(telling: Telling, data: Document) -> datetime | None:
    value = data.get("occurred_at")
    return telling.told_at if value is None else payload.instant_of_text(value, "occurred_at")


def _amount_or_none(data: Document, name: str) -> int | None:
    return None if data.get(name) is None else payload.minor(data.get(name), name)


def _purchase(telling: Telling, data: Document) -> Paid:
    items = tuple(_line(row) for row in payload.rows(data, "items"))
    split = apart(_amount_or_none(data, "tax"), _amount_or_none(data, "delivery"))
    # Tax and delivery may exceed the total here as in POST /purchases: a voucher may have paid the difference.
    return Paid(
        **_named(telling, data),
        **split | ({"detail": facts.LINES} if items else {}),
        total_minor=payload.minor(data.get("total"), "total"),
        currency=payload.currency(data.get("currency")),
        occurred_at=_moment(telling, data),
        member_id=_own_id(data, "member_id"),
        customer_id=_own_id(data, "customer_id"),
        email=payload.email(data.get("email")),
        payment_fingerprint=_own_id(data, "payment_fingerprint"),
        items=items,
    )


def _line(row: Document) -> Line:
    return Line(
        sku=payload.required_id(row, "sku"),
        name=payload.label(row.get("name")),
        category=payload.label(row.get("category")),
        quantity=payload.minor(row.get("quantity"), "quantity"),
        amount_minor=payload.minor(row.get("amount"), "amount"),
    )


def _paid(telling: Telling, data: Document) -> list[Fact]:
    return [_purchase(telling, data)]


def _refund(telling: Telling, data: Document) -> list[Fact]:
    """By ``refund_id`` and ``amount``, by ``refunded_total``, or by both."""
    carried = branch(data, "purchase")
    purchase = _purchase(telling, {**carried, "payment_id": data.get("payment_id")}) if carried else None
    fields = _named(telling, data) | {"currency": payload.currency(data.get("currency"))}
    moment = _moment(telling, data)
    told: list[Fact] = []
    failed = telling.event == "payment.refund_failed"
    if failed or data.get("refund_id") is not None or data.get("refunded_total") is None:
        refund_id, amount = payload.required_id(data, "refund_id"), payload.minor(data.get("amount"), "amount")
        one = fields | {"refund_id": refund_id, "amount_minor": amount}
        if failed:
            return [facts.RefundFailed(**one, failed_at=moment)]
        told.append(facts.Refunded(**one, occurred_at=moment, purchase=purchase))
    if data.get("refunded_total") is not None:
        total = payload.minor(data.get("refunded_total"), "refunded_total")
        told.append(facts.RefundedInAll(**fields, refunded_minor=total, occurred_at=moment, purchase=purchase))
    return told


def _dispute(telling: Telling, data: Document) -> list[Fact]:
    fields = _named(telling, data) | {
        "dispute_id": payload.required_id(data, "dispute_id"),
        "amount_minor": payload.minor(data.get("amount"), "amount"),
        "currency": payload.currency(data.get("currency")),
        "occurred_at": _moment(telling, data),
    }
    if telling.event == "payment.dispute_opened":
        return [facts.DisputeOpened(**fields)]
    if data.get("outcome") not in ("won", "lost"):
        raise Unreadable("malformed", "outcome is neither won nor lost.")
    return [facts.DisputeClosed(**fields, won=data.get("outcome") == "won")]


_EVENTS = {
    "payment.paid": _paid,
    "payment.refunded": _refund,
    "payment.refund_failed": _refund,
    "payment.dispute_opened": _dispute,
    "payment.dispute_closed": _dispute,
}
