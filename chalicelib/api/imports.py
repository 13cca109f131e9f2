"""Purchases from before the program, sent as a file: once in a shop's life, so what reads it is imported here."""

from __future__ import annotations

from chalicelib.actions.admission import enter
from chalicelib.api.door import OWNER, Answer, Asked, Door

door = Door(__name__)

MOST_BYTES = 1_048_576
"""A file of a few thousand orders; a longer history is sent in several."""


def _imported() -> type:
    from chalicelib.actions.import_purchases import Imported

    return Imported


@door.call(
    "POST",
    "/imports/purchases",
    roles=OWNER,
    summary="Record purchases from before the program: CSV with a heading, or JSON lines; they earn nothing",
    answer=_imported,
    raw=True,
    most_bytes=MOST_BYTES,
)
def post_imports_purchases(asked: Asked) -> Answer:
    from chalicelib.actions.import_purchases import import_purchases
    from chalicelib.domain.past_order import read_orders

    enter(asked.credential)  # whoever may not call learns nothing about the body
    return Answer(body=import_purchases(asked.call, read_orders(asked.raw)))
