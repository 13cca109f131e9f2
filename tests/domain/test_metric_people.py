"""Who is who, packed by year and read again: who joined when, under whose name, and who took what."""

from __future__ import annotations

import zlib

import msgspec

from chalicelib.domain.metric_facts import Facts, Joining
from chalicelib.domain.metric_people import People
from tests.domain.buyers import people
from tests.domain.june import day

FACTS = Facts(
    joins={"bob": Joining(20), "ann": Joining(10, "bob", "gold")},
    aliases={"guest2": "bob", "guest1": "ann"},
    merges={"c2": {"merged": "ann", "merge": "old"}, "c1": {"merge": "x"}},
    takes={"tea": {"bob": {9: 1, 8: 2}, "ann": {7: 3}}, "cake": {"ann": {6: 1}}},
    paid={"bob": {"friend": (20, 5), "advocate": (21, 6)}, "ann": {"friend": (11, 1)}},
)


def stored(made: People) -> People:
    return msgspec.msgpack.decode(zlib.decompress(made.packed()), type=People)


def test_equal_facts_are_equal_bytes_whatever_order_they_came_in() -> None:
    made = People.of(FACTS)
    assert made == People(FACTS.joins, FACTS.aliases, FACTS.merges, FACTS.takes, FACTS.paid)
    assert stored(made) == made
    ordered = Facts(
        joins={"ann": Joining(10, "bob", "gold"), "bob": Joining(20)},
        aliases={"guest1": "ann", "guest2": "bob"},
        merges={"c1": {"merge": "x"}, "c2": {"merge": "old", "merged": "ann"}},
        takes={"cake": {"ann": {6: 1}}, "tea": {"ann": {7: 3}, "bob": {8: 2, 9: 1}}},
        paid={"ann": {"friend": (11, 1)}, "bob": {"advocate": (21, 6), "friend": (20, 5)}},
    )
    assert People.of(ordered).packed() == made.packed()
    assert list(made.joins) == ["ann", "bob"]
    assert list(made.takes["tea"]["bob"]) == [8, 9]


def test_slices_and_years_are_put_together_and_a_merged_account_is_the_one_it_went_into() -> None:
    more = Facts(
        joins={"cid": Joining(30)},
        aliases={"guest3": "cid"},
        merges={"c1": {"merged": "cid"}, "c3": {"merged": "ann"}},
        takes={"tea": {"bob": {9: 4, 5: 1}, "cid": {7: 1}}, "bun": {"cid": {1: 1}}},
        paid={"ann": {"advocate": (12, 2)}, "cid": {"friend": (31, 3)}},
    )
    total = People.read([People.of(FACTS).packed(), People.of(more).packed()])
    assert total == People(
        {"ann": Joining(10, "bob", "gold"), "bob": Joining(20), "cid": Joining(30)},
        {"guest1": "ann", "guest2": "bob", "guest3": "cid", "old": "ann", "x": "cid"},
        {
            "c1": {"merge": "x", "merged": "cid"},
            "c2": {"merge": "old", "merged": "ann"},
            "c3": {"merged": "ann"},
        },
        {
            "cake": {"ann": {6: 1}},
            "tea": {"ann": {7: 3}, "bob": {8: 2, 9: 5, 5: 1}, "cid": {7: 1}},
            "bun": {"cid": {1: 1}},
        },
        {
            "ann": {"friend": (11, 1), "advocate": (12, 2)},
            "bob": {"friend": (20, 5), "advocate": (21, 6)},
            "cid": {"friend": (31, 3)},
        },
    )
    assert People.read([]) == People({}, {}, {}, {}, {})


def test_a_name_is_followed_to_its_end_and_never_in_a_circle() -> None:
    known = people(aliases={"guest": "old", "old": "ann", "a": "b", "b": "a", "self": "self", "tail": "a"})
    assert [known.who(name) for name in ("guest", "old", "ann", "stranger")] == ["ann", "ann", "ann", "stranger"]
    assert [known.who(name) for name in ("a", "b", "self", "tail")] == ["b", "a", "self", "b"]


def test_members_joined_by_a_day_and_one_who_was_merged_with_the_first_joining() -> None:
    joins = {"old": "2026-01-01", "ann": "2026-01-02", "bob": "2026-01-03", "late": "2026-01-02", "bab": "2026-01-03"}
    known = people(joins, {"old": "ann", "late": "bob"})
    first, second, third = (day(f"2026-01-0{number}") for number in (1, 2, 3))
    assert known.members(first - 1) == {}
    assert known.members(first) == {"ann": Joining(first)}
    assert known.members(second) == {"ann": Joining(first), "bob": Joining(second)}
    assert known.members(third) == {"ann": Joining(first), "bob": Joining(second), "bab": Joining(third)}


def test_of_two_joinings_on_one_day_the_first_that_was_read_stays() -> None:
    known = people(aliases={"old": "ann"})
    known.joins.update({"old": Joining(5, "bob"), "ann": Joining(5)})
    assert known.members(5) == {"ann": Joining(5, "bob")}


def test_takers_of_a_reward_or_of_any_between_two_days() -> None:
    known = people(aliases={"old": "ann"})
    known.takes.update({"tea": {"old": {10: 1, 30: 1}, "bob": {20: 1}, "cid": {21: 1}}, "cake": {"dot": {9: 1, 15: 1}}})
    assert list(known.takers(10, 20)) == ["ann", "bob", "dot"]
    assert list(known.takers(10, 20, "tea")) == ["ann", "bob"]
    assert list(known.takers(11, 19, "cake")) == ["dot"]
    assert list(known.takers(11, 14)) == []
    assert list(known.takers(1, 99, "bun")) == []
