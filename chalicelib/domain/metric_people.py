"""Who is who: members by when and how they joined, guests and merged accounts under who they are now, rewards taken."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import msgspec

from chalicelib.domain.metric_facts import Facts, Joining


class People(msgspec.Struct, array_like=True):
    """One year of one slice, or all that a report reads."""

    joins: dict[str, Joining]
    aliases: dict[str, str]
    merges: dict[str, dict[str, str]]
    takes: dict[str, dict[str, dict[int, int]]]
    paid: dict[str, dict[str, tuple[int, int]]]

    @classmethod
    def of(cls, facts: Facts) -> People:
        takes = {
            reward: {member: dict(sorted(days.items())) for member, days in sorted(takers.items())}
            for reward, takers in sorted(facts.takes.items())
        }
        merges = {cause: dict(sorted(ends.items())) for cause, ends in sorted(facts.merges.items())}
        paid = {friend: dict(sorted(sides.items())) for friend, sides in sorted(facts.paid.items())}
        return cls(dict(sorted(facts.joins.items())), dict(sorted(facts.aliases.items())), merges, takes, paid)

    def packed(self) -> bytes:
        return zlib.compress(msgspec.msgpack.encode(self), 6)

    @classmethod
    def read(cls, blobs: Iterable[bytes]) -> People:
        """All slices and years together, with merged accounts among the aliases."""
        total = cls({}, {}, {}, {}, {})
        for blob in blobs:
            more = msgspec.msgpack.decode(zlib.decompress(blob), type=cls)
            total.joins.update(more.joins)
            total.aliases.update(more.aliases)
            for cause, ends in more.merges.items():
                total.merges.setdefault(cause, {}).update(ends)
            for reward, takers in more.takes.items():
                mine = total.takes.setdefault(reward, {})
                for member, days in takers.items():
                    known = mine.setdefault(member, {})
                    for day, count in days.items():
                        known[day] = known.get(day, 0) + count
            for friend, sides in more.paid.items():
                total.paid.setdefault(friend, {}).update(sides)
        for ends in total.merges.values():
            if len(ends) == 2:
                total.aliases[ends["merge"]] = ends["merged"]
        return total

    def who(self, name: str) -> str:
        """Whom a buyer key or a member is now."""
        seen = {name}
        while (other := self.aliases.get(name)) is not None and other not in seen:
            seen.add(other)
            name = other
        return name

    def members(self, until: int) -> dict[str, Joining]:
        """Everybody who joined up to a day, accounts merged since as the one they are now, with the first joining."""
        found: dict[str, Joining] = {}
        for name, joining in self.joins.items():
            if joining.day <= until:
                who = self.who(name)
                known = found.get(who)
                if known is None or joining.day < known.day:
                    found[who] = joining
        return found

    def takers(self, first: int, last: int, reward: str | None = None) -> Iterator[str]:
        """Members, as who they are now, who took a reward (any, where none is named) between two days."""
        chosen = self.takes.items() if reward is None else [(reward, self.takes.get(reward, {}))]
        for _, members in chosen:
            for member, days in members.items():
                if any(first <= day <= last for day in days):
                    yield self.who(member)
