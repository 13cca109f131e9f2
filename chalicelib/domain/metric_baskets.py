"""What is bought together: by month, the baskets with a category, with two of them, and who bought which.

Only lines with a category count. Exact for a shop of up to MOST categories in a year; where there are more, the ones
in fewest baskets share the name OTHER.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import msgspec

from chalicelib.domain.purchase import Line

MOST = 100
OTHER = "(other)"
WIDE = 1 << 16


class Baskets(msgspec.Struct, array_like=True):
    """Keys of the outer dictionaries are months (1 to 12); ``pairs`` and ``counts`` name categories by their place."""

    names: dict[str, int] = msgspec.field(default_factory=dict)
    baskets: dict[int, int] = msgspec.field(default_factory=dict)
    counts: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)
    pairs: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)
    """First place × 65536 + second place, the first one's name before the other's."""
    bought: dict[str, dict[int, list[int]]] = msgspec.field(default_factory=dict)
    """Buyer, month: the places of what they bought."""

    def _places(self, lines: tuple[Line, ...]) -> list[int]:
        names = {line.category for line in lines if line.category is not None}
        return [self._place(name) for name in sorted(names)]

    def _place(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def add(self, buyer: str | None, month: int, lines: tuple[Line, ...]) -> None:
        """One basket, of somebody or of nobody known."""
        places = self._places(lines)
        if not places:
            return
        self.baskets[month] = self.baskets.get(month, 0) + 1
        counts = self.counts.get(month)
        if counts is None:
            counts, self.pairs[month] = self.counts.setdefault(month, {}), {}
        for place in places:
            counts[place] = counts.get(place, 0) + 1
        pairs = self.pairs[month]
        for first, second in combinations(places, 2):
            code = first * WIDE + second
            pairs[code] = pairs.get(code, 0) + 1
        if buyer is not None:
            self._remember(buyer, month, places)

    def remember(self, buyer: str, month: int, lines: tuple[Line, ...]) -> None:
        """Who bought it, for a basket that was counted before."""
        places = self._places(lines)
        if places:
            self._remember(buyer, month, places)

    def _remember(self, buyer: str, month: int, places: list[int]) -> None:
        months = self.bought.get(buyer)
        if months is None:
            months = self.bought[buyer] = {}
        known = months.get(month)
        months[month] = places if known is None else list({*known, *places})

    def merge(self, more: Baskets) -> None:
        """Adds another's sums; the same result in any order once it is put in order."""
        place = [self._place(name) for name in more.names]
        for month, baskets in more.baskets.items():
            self.baskets[month] = self.baskets.get(month, 0) + baskets
        for month, counts in more.counts.items():
            mine = self.counts.setdefault(month, {})
            for at, count in counts.items():
                mine[place[at]] = mine.get(place[at], 0) + count
        for month, pairs in more.pairs.items():
            mine = self.pairs.setdefault(month, {})
            for code, count in pairs.items():
                moved = place[code // WIDE] * WIDE + place[code % WIDE]
                mine[moved] = mine.get(moved, 0) + count
        for buyer, months in more.bought.items():
            for month, places in months.items():
                self._remember(buyer, month, [place[at] for at in places])

    def in_order(self) -> Baskets:
        """The same with names in order and at most MOST of them, so that equal sums are equal bytes."""
        totals = dict.fromkeys(self.names, 0)
        known = self.in_places()
        for counts in self.counts.values():
            for at, count in counts.items():
                totals[known[at]] += count
        kept = sorted(totals, key=lambda name: (-totals[name], name))
        if len(kept) > MOST:
            kept = kept[: MOST - 1]
        names = sorted({*kept, OTHER} if len(kept) < len(self.names) else kept)
        index = {name: at for at, name in enumerate(names)}
        place = [index.get(name, index.get(OTHER, 0)) for name in known]
        ordered = Baskets(names=index, baskets=dict(sorted(self.baskets.items())))
        for month, counts in sorted(self.counts.items()):
            ordered.counts[month] = _summed((place[at], count) for at, count in counts.items())
        for month, pairs in sorted(self.pairs.items()):
            ordered.pairs[month] = _summed(
                (min(a, b) * WIDE + max(a, b), count)
                for code, count in pairs.items()
                if (a := place[code // WIDE]) != (b := place[code % WIDE])
            )
        for buyer, months in sorted(self.bought.items()):
            ordered.bought[buyer] = {
                month: sorted({place[at] for at in places}) for month, places in sorted(months.items())
            }
        return ordered

    def in_places(self) -> list[str]:
        """The names by their places."""
        return sorted(self.names, key=self.names.__getitem__)


def _summed(rows: Iterable[tuple[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for at, count in rows:
        total[at] = total.get(at, 0) + count
    return dict(sorted(total.items()))
