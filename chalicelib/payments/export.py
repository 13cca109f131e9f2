"""Reads a provider's exported list of payments (CSV with a heading) as the facts that its webhooks would have told.

Columns are found by the names that Stripe's and others' exports give them; amounts are decimals of the currency.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from chalicelib.domain.errors import Fault, Invalid
from chalicelib.payments import facts, payload
from chalicelib.payments.facts import Paid, RefundedInAll
from chalicelib.payments.payload import Unreadable, identity

COLUMNS = {
    "payment": ("paymentintent id", "payment intent id", "payment_intent", "payment_id", "payment id", "id"),
    "charge": ("charge id", "charge_id", "id"),
    "order": ("order_id (metadata)", "order_id", "metadata.order_id", "reference id", "reference_id"),
    "member": ("member_id (metadata)", "member_id", "metadata.member_id"),
    "amount": ("amount", "total", "gross", "total collected"),
    "refunded": ("amount refunded", "amount_refunded", "refunded"),
    "currency": ("currency",),
    "at": ("created date (utc)", "created (utc)", "created", "occurred_at", "date"),
    "email": ("customer email", "email"),
    "customer": ("customer id", "customer_id"),
    "status": ("status",),
}
NEEDED = ("payment", "amount", "currency", "at")
ARRIVED = {"", "paid", "succeeded", "refunded", "partially refunded", "partial refund", "completed", "complete"}
"""What a status says of money that arrived; a row of any other is passed over."""


class Listed(msgspec.Struct, frozen=True):
    """One row: the payment, and what went back of it in all, where anything did."""

    paid: Paid
    refunded: RefundedInAll | None


def read_payments(provider: str, raw: bytes) -> list[Listed]:
    """The payments that arrived. Raises Invalid with every row that cannot be read, by its line."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid([Fault("", "Must be CSV in UTF-8.")]) from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
        columns = {what: next((names[one] for one in known if one in names), None) for what, known in COLUMNS.items()}
        missing = [what for what in NEEDED if columns[what] is None]
        if missing:
            wanted = "; ".join(f"{what}: one of {', '.join(COLUMNS[what])}" for what in missing)
            raise Invalid([Fault("", f"The heading lacks columns. {wanted}.")])
        return list(_read(provider, rows, columns))
    except csv.Error as error:
        raise Invalid([Fault("", f"Not CSV that can be read, near line {rows.line_num}.")]) from error


def _read(provider: str, rows: csv.DictReader[str], columns: dict[str, str | None]) -> Iterator[Listed]:
    faults = []
    for row in rows:
        given = {what: (row.get(name) or "").strip() if name else "" for what, name in columns.items()}
        if given["status"].lower() not in ARRIVED:
            continue
        try:
            yield _listed(provider, given)
        except Unreadable as error:
            faults.append(Fault(f"/{rows.line_num}", error.detail))
    if faults:
        raise Invalid(faults)


def _listed(provider: str, given: dict[str, str]) -> Listed:
    currency = payload.currency(given["currency"])
    payment_id = payload.required_id({"payment": given["payment"]}, "payment")
    at = _moment(given["at"])
    order_id, charge = identity(given["order"] or None), identity(given["charge"] or None)
    about = {
        "provider": provider,
        "event": "export",
        "told_at": at,
        "payment_id": payment_id,
        "order_id": order_id or payment_id,
        "aliases": (charge,) if charge and charge not in (payment_id, order_id) else (),
        "currency": currency,
    }
    paid = Paid(
        **about,  # type: ignore[arg-type]  # the fields are those of a Told and an OfPayment
        total_minor=payload.minor_of_decimal(given["amount"].replace(",", ""), currency, "amount"),
        occurred_at=at,
        member_id=identity(given["member"] or None),
        customer_id=identity(given["customer"] or None),
        email=payload.email(given["email"]),
        detail=facts.TOTAL,
    )
    back = payload.minor_of_decimal(given["refunded"].replace(",", "") or "0", currency, "amount refunded")
    # An export does not say when the money went back: not before the payment, and by now.
    refunded = RefundedInAll(**about, refunded_minor=back, occurred_at=at) if back else None  # type: ignore[arg-type]  # as above
    return Listed(paid, refunded)


def _moment(text: str) -> datetime:
    """RFC 3339, or as exports write it: without an offset, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("bad_time", "The time is none that can be read; write 2026-10-01 10:00:00.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
