"""What is bought together: by month, the baskets with a category, with two of them, and who bought which.

Only lines with a category count. Exact for a shop of up to MOST categories in a year; where there are more, the ones
in fewest baskets share the name OTHER.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

from chalicelib.domain.calendar import day_of
from chalicelib.domain.metric_facts import Facts, Order

MOST = 100
OTHER = "(other)"
WIDE = 1 << 16


class Baskets(msgspec.Struct, array_like=True):
    """One year of one slice as reports read it; categories by their places in ``names``."""

    names: list[str] = msgspec.field(default_factory=list)
    baskets: dict[int, int] = msgspec.field(default_factory=dict)
    counts: dict[int, list[int]] = msgspec.field(default_factory=dict)
    codes: list[int] = msgspec.field(default_factory=list)
    """Pairs: first place × WIDE + second place, the first one's name before the other's."""
    pairs: dict[int, list[int]] = msgspec.field(default_factory=dict)
    """By month, a number for each of ``codes``."""
    bought: dict[str, bytes] = msgspec.field(default_factory=dict)
    """Buyer: twelve months after each other, in each a bit for a category, little end first."""

    @classmethod
    def of(cls, facts: Facts) -> Baskets:
        """Equal sums give equal bytes, whatever order they came in."""
        read = msgspec.msgpack.Decoder(Order).decode
        heard = [
            (counted, day_of(day).month, [read(order) for order in orders])
            for counted, by_day in ((1, facts.orders), (0, facts.claims))
            for day, orders in by_day.items()
        ]
        totals: dict[str, int] = {}
        for counted, _, orders in heard:
            for order in orders:
                for name in order.lines:
                    if name is not None:
                        totals[name] = totals.get(name, 0) + counted
        kept = sorted(totals, key=lambda name: (-totals[name], name))
        if len(kept) > MOST:
            kept = kept[: MOST - 1]
        names = sorted({*kept, OTHER} if len(kept) < len(totals) else kept)
        index = {name: at for at, name in enumerate(names)}
        place: dict[str | None, int] = {name: index.get(name, index.get(OTHER, 0)) for name in totals}
        told = cls(names=names)
        sets: dict[int, dict[int, int]] = {}
        masks: dict[str, list[int]] = {}
        for counted, month, orders in heard:
            mine = sets.setdefault(month, {})
            for order in orders:
                mask = 0
                for name in order.lines:
                    if name is not None:
                        mask |= 1 << place[name]
                if not mask:
                    continue
                if counted:
                    mine[mask] = mine.get(mask, 0) + 1
                if order.buyer is not None:
                    if order.buyer not in masks:
                        masks[order.buyer] = [0] * 12
                    masks[order.buyer][month - 1] |= mask
        told._count(sets)
        width = told.width()
        for buyer, of_months in sorted(masks.items()):
            told.bought[buyer] = b"".join(mask.to_bytes(width, "little") for mask in of_months)
        return told

    def _count(self, sets: dict[int, dict[int, int]]) -> None:
        """Counts categories and pairs of baskets, which are given by month as sets of bits."""
        paired: dict[int, dict[int, int]] = {}
        for month, baskets in sorted(sets.items()):
            if not baskets:
                continue
            counts = [0] * len(self.names)
            pairs = paired[month] = {}
            for mask, many in baskets.items():
                held = list(places(mask))
                for one in held:
                    counts[one] += many
                for first, second in combinations(held, 2):
                    code = first * WIDE + second
                    pairs[code] = pairs.get(code, 0) + many
            self.baskets[month], self.counts[month] = sum(baskets.values()), counts
        self.codes.extend(sorted({code for pairs in paired.values() for code in pairs}))
        for month, pairs in paired.items():
            self.pairs[month] = [pairs.get(code, 0) for code in self.codes]

    def width(self) -> int:
        """Bytes of one month of one buyer."""
        return (len(self.names) + 7) // 8

    def counted(self, months: Iterable[int]) -> list[int]:
        """Baskets with each category over some months."""
        rows = [self.counts[month] for month in months if month in self.counts]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * len(self.names)

    def paired(self, months: Iterable[int]) -> list[int]:
        """Baskets with each pair over some months."""
        rows = [self.pairs[month] for month in months if month in self.pairs]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * len(self.codes)

    def bought_in(self, months: range) -> Iterator[tuple[str, int]]:
        """Who bought anything over some months that follow each other, and what: a bit for each of ``names``."""
        width = self.width()
        starts = [(month - 1) * width for month in months]
        for buyer, masks in self.bought.items():
            mask = 0
            for start in starts:
                mask |= int.from_bytes(masks[start : start + width], "little")
            if mask:
                yield buyer, mask


def places(mask: int) -> Iterator[int]:
    """The places of the bits that are set, in order."""
    while mask:
        bit = mask & -mask
        yield bit.bit_length() - 1
        mask ^= bit
