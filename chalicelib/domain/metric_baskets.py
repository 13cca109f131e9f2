"""What is bought together: by month, the baskets with a category, with two of them, and who bought which.

Only lines with a category count. A fold notes each basket as the set of its categories; a rollup holds what the
reports ask for. Exact for a shop of up to MOST categories in a year; where there are more, the ones in fewest baskets
share the name OTHER.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

MOST = 100
OTHER = "(other)"
WIDE = 1 << 16
SEPARATOR = "\x1f"
"""Between the categories of a basket; no label from outside holds a control character."""


class Heard(msgspec.Struct, array_like=True):
    """Baskets as they came. Keys of the outer dictionaries are months, 1 to 12; a basket is its categories in order."""

    sets: dict[int, dict[str, int]] = msgspec.field(default_factory=dict)
    bought: dict[str, dict[int, list[str]]] = msgspec.field(default_factory=dict)
    """Buyer, month: the baskets that they bought, some more than once."""

    def add(self, buyer: str | None, month: int, categories: Iterable[str | None], *, counted: bool) -> None:
        """One basket, of somebody or of nobody known; not ``counted`` where it was before, for somebody else."""
        basket = SEPARATOR.join(sorted([name for name in categories if name is not None]))
        if not basket:
            return
        if counted:
            sets = self.sets.get(month)
            if sets is None:
                sets = self.sets[month] = {}
            sets[basket] = sets.get(basket, 0) + 1
        if buyer is not None:
            months = self.bought.get(buyer)
            if months is None:
                self.bought[buyer] = {month: [basket]}
            elif month in months:
                months[month].append(basket)
            else:
                months[month] = [basket]

    def merge(self, more: Heard) -> None:
        for month, sets in more.sets.items():
            mine = self.sets.setdefault(month, {})
            for basket, count in sets.items():
                mine[basket] = mine.get(basket, 0) + count
        for buyer, months in more.bought.items():
            known = self.bought.setdefault(buyer, {})
            for month, baskets in months.items():
                known[month] = [*known[month], *baskets] if month in known else baskets


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
    def of(cls, heard: Heard) -> Baskets:
        """Equal sums give equal bytes, whatever order they were heard in."""
        totals: dict[str, int] = {}
        for sets in heard.sets.values():
            for basket, count in sets.items():
                for name in basket.split(SEPARATOR):
                    totals[name] = totals.get(name, 0) + count
        for months in heard.bought.values():
            for baskets in months.values():
                for basket in baskets:
                    for name in basket.split(SEPARATOR):
                        totals.setdefault(name, 0)
        kept = sorted(totals, key=lambda name: (-totals[name], name))
        if len(kept) > MOST:
            kept = kept[: MOST - 1]
        names = sorted({*kept, OTHER} if len(kept) < len(totals) else kept)
        index = {name: at for at, name in enumerate(names)}
        place = {name: index.get(name, index.get(OTHER, 0)) for name in totals}
        told = cls(names=names)
        paired: dict[int, dict[int, int]] = {}
        for month, sets in sorted(heard.sets.items()):
            counts = [0] * len(names)
            pairs = paired[month] = {}
            for basket, count in sets.items():
                places = sorted({place[name] for name in basket.split(SEPARATOR)})
                for one in places:
                    counts[one] += count
                for first, second in combinations(places, 2):
                    code = first * WIDE + second
                    pairs[code] = pairs.get(code, 0) + count
            told.baskets[month], told.counts[month] = sum(sets.values()), counts
        told.codes.extend(sorted({code for pairs in paired.values() for code in pairs}))
        for month, pairs in paired.items():
            told.pairs[month] = [pairs.get(code, 0) for code in told.codes]
        width = told.width()
        for buyer, months in sorted(heard.bought.items()):
            masks = [0] * 12
            for month, baskets in months.items():
                for basket in baskets:
                    for name in basket.split(SEPARATOR):
                        masks[month - 1] |= 1 << place[name]
            told.bought[buyer] = b"".join(mask.to_bytes(width, "little") for mask in masks)
        return told

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

    def bought_in(self, months: range) -> Iterator[tuple[str, list[int]]]:
        """Who bought anything over some months that follow each other, and the places of what."""
        width = self.width()
        starts = [(month - 1) * width for month in months]
        places = range(len(self.names))
        for buyer, masks in self.bought.items():
            mask = 0
            for start in starts:
                mask |= int.from_bytes(masks[start : start + width], "little")
            if mask:
                yield buyer, [at for at in places if mask >> at & 1]
