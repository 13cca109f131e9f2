"""Lists by pages: a member's entries and vouchers, and the cursor that names where the next page begins."""

from __future__ import annotations

from chalicelib.actions import listing
from chalicelib.api import answers, present
from chalicelib.api.door import Answer, Asked, Query
from chalicelib.domain.errors import Refused

PAGE = (
    Query("limit", "How many items, 1 to 100; 20 where it is left out."),
    Query("cursor", "The next_cursor of the page before."),
)


def sequence_of(asked: Asked) -> int | None:
    """The cursor of a statement: the sequence below which the page begins."""
    text = asked.query.get("cursor")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged.")
    return int(text)


def entries_page(asked: Asked, member_id: str) -> Answer:
    rows, cursor = listing.list_entries(asked.call, member_id, sequence_of(asked), asked.limit())
    return Answer(body=answers.Entries([present.entry(row) for row in rows], cursor))


def vouchers_page(asked: Asked, member_id: str) -> Answer:
    held, places = listing.list_vouchers(asked.call, member_id, _places(asked), asked.limit())
    cursor = None if places is None else "-".join(map(str, places))
    return Answer(body=answers.Vouchers([present.voucher(one) for one in held], cursor))


def _places(asked: Asked) -> tuple[int, ...]:
    """The cursor of vouchers: a sequence for each account that became this member."""
    text = asked.query.get("cursor")
    if text is None:
        return ()
    parts = text.split("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged.")
    return tuple(int(part) for part in parts)
