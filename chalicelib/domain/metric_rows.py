"""The journal's rows as a fold reads them: of each entry only what is counted, decoded without the rest.

The names are the stored ones of ``ledger``, ``purchase``, ``voucher``; what a row does not have takes its default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chalicelib.domain.purchase import Line

Change = tuple[str | None, str | None]
_COMMON = {
    "kind": "k",
    "points": "p",
    "status": "st",
    "expires_on": "ex",
    "cause": "c",
    "amount": "a",
    "sequence": "q",
    "held": "h",
    "at": "t",
    "member": "m",
    "change": "tc",
}


class Sold(
    msgspec.Struct,
    rename={
        **_COMMON,
        "total": "T",
        "delivery": "D",
        "tax": "X",
        "lines": "L",
        "tier": "ti",
        "stamps": "S",
        "buyer": "g",
    },
    gc=False,
):
    """A purchase, or a member's claim of one."""

    at: int
    total: int
    points: int = 0
    status: str = "posted"
    expires_on: int | None = None
    sequence: int = 0
    member: str | None = None
    delivery: int = 0
    tax: int = 0
    lines: tuple[Line, ...] = ()
    tier: str | None = None
    stamps: tuple[Any, ...] = ()
    change: Change | None = None
    buyer: str | None = None


class Movement(msgspec.Struct, rename={**_COMMON, "enrolled_ms": "E", "advocate": "A", "tier": "ti"}):
    """Any entry of points that is no purchase, refund or voucher; with ``enrolled_ms`` the entry of a joining."""

    kind: str
    at: int
    cause: tuple[str, str]
    points: int = 0
    status: str = "posted"
    expires_on: int | None = None
    held: int = 0
    member: str | None = None
    change: Change | None = None
    enrolled_ms: int = 0
    advocate: str | None = None
    tier: str | None = None


class Return(msgspec.Struct, rename={**_COMMON, "buyer": "g", "costed": "gk", "cost": "gc", "cards": "W"}):
    """A refund: ``costed`` and ``cost`` are by how much the goods of known cost, and that cost, became less."""

    at: int
    amount: int
    points: int = 0
    status: str = "posted"
    held: int = 0
    member: str | None = None
    change: Change | None = None
    buyer: str | None = None
    costed: int = 0
    cost: int = 0
    cards: tuple[tuple[str, int], ...] = ()

    def movement(self) -> Movement:
        return Movement("refund", self.at, ("refund", ""), self.points, self.status, None, self.held, self.member)


class Issue(msgspec.Struct, rename={**_COMMON, "reward": "R", "voucher_kind": "K", "value": "A", "cost": "C"}):
    """A voucher issued: bought with points, completed by stamps, or a gift card sold."""

    kind: str
    at: int
    voucher_kind: str
    points: int = 0
    member: str | None = None
    reward: str | None = None
    value: int = 0
    cost: int = 0


class End(msgspec.Struct, rename={**_COMMON, "reward": "R", "outcome": "O", "issued_ms": "I", "cost": "C"}):
    """A voucher used, cancelled or expired."""

    at: int
    outcome: str
    points: int = 0
    amount: int | None = None
    reward: str | None = None
    issued_ms: int = 0
    cost: int = 0


class Told(msgspec.Struct, rename={"what": "w", "at": "t", "change": "tc", "cause": "c", "member": "m"}):
    """What happened to a member beside the points, such as a tier that ended."""

    at: int
    what: str
    cause: tuple[str, str]
    member: str
    change: Change | None = None


class Spending(msgspec.Struct, rename=_COMMON):
    """Money that a gift card paid."""

    at: int
    amount: int


READERS: dict[str, Callable[[str | bytes], Any]] = {
    "PURCHASE": msgspec.json.Decoder(Sold).decode,
    "CLAIM": msgspec.json.Decoder(Sold).decode,
    "REFUND": msgspec.json.Decoder(Return).decode,
    "ENTRY": msgspec.json.Decoder(Movement).decode,
    "VOUCHER": msgspec.json.Decoder(Issue).decode,
    "SETTLED": msgspec.json.Decoder(End).decode,
    "EVENT": msgspec.json.Decoder(Told).decode,
    "SPEND": msgspec.json.Decoder(Spending).decode,
}
"""By type of row; other types count nowhere."""
