"""The whole ledger over HTTP, as JSON lines by pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date

import msgspec

from chalicelib.actions.admission import enter
from chalicelib.actions.export_ledger import Place, export_ledger
from chalicelib.api import present
from chalicelib.api.door import OWNER, Answer, Asked, Door, Query
from chalicelib.domain.errors import Fault, Invalid, Refused

door = Door(__name__)
MOST = 1_000


@door.call(
    "GET",
    "/ledger/export",
    roles=OWNER,
    summary="Every entry, as JSON lines; the Next-Cursor header names the next page, and is absent on the last",
    content_type="application/x-ndjson",
    query=(
        Query("from", "The first day of booking, ISO; the program's first where it is left out."),
        Query("to", "The last day of booking, ISO; today where it is left out."),
        Query("limit", "How many entries, 1 to 1000; 1000 where it is left out."),
        Query("cursor", "The Next-Cursor of the page before."),
    ),
)
def get_ledger_export(asked: Asked) -> Answer:
    enter(asked.credential)  # first: whoever may not call learns nothing about what they sent
    page = export_ledger(asked.call, _day(asked, "from"), _day(asked, "to"), _place(asked), _limit(asked))
    lines = []
    for entry in page.entries:
        told = msgspec.to_builtins(present.entry(entry))
        lines.append(msgspec.json.encode({"member_id": entry.member_id, **told}).decode())
    headers = {}
    if page.following is not None:
        headers["Next-Cursor"] = urlsafe_b64encode(msgspec.json.encode(page.following)).decode()
    return Answer(body="\n".join([*lines, ""]), headers=headers)


def _day(asked: Asked, name: str) -> date | None:
    text = asked.query.get(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid([Fault(f"/{name}", "Must be a date, such as 2027-01-31.")]) from None


def _limit(asked: Asked) -> int:
    text = asked.query.get("limit", str(MOST))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise Invalid([Fault("/limit", f"Must be a number from 1 to {MOST}.")])
    return int(text)


def _place(asked: Asked) -> Place | None:
    text = asked.query.get("cursor")
    if text is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(text.encode()), type=Place)
    except (ValueError, msgspec.DecodeError):
        raise Refused("invalid_cursor", "Send the Next-Cursor of the page before, unchanged.") from None
