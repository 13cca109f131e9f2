"""What the attacks of this folder found, each once more by itself."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.fuzz.world import World, begun


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with begun() as made:
        yield made


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z"])
def test_a_moment_outside_of_every_calendar_is_refused(world: World, moment: str) -> None:
    """In UTC these lie before the first year or after the last: it was a fault of ours."""
    sale = {"total": 100, "currency": "EUR", "occurred_at": moment}
    refused = world.shop.call("POST", "/purchases/estimate", sale)
    assert (refused.status, refused["errors"][0]["pointer"]) == (400, "/occurred_at")
    assert world.shop.call("POST", "/members", {"email": "x@example.com", "enrolled_at": moment}).status == 400


def test_a_search_for_nothing_that_counts_finds_nobody(world: World) -> None:
    """Signs that are no letters fold to nothing, and the database refuses to look for what begins with nothing."""
    for query in ("#", "~", "\u0301", "~ #"):
        found = world.shop.call("GET", f"/members?query={quote(query)}", key=world.shop.staff)
        assert (found.status, found["items"]) == (200, []), query
    assert world.shop.call("GET", "/members?query=%20", key=world.shop.staff)["items"] != []


def test_a_long_name_in_any_script_can_join_and_be_found(world: World) -> None:
    """One sign may fold to eighteen letters, and an index's key holds 1,024 bytes."""
    name = "\ufdfa" * 120
    joined = world.shop.call("POST", "/members", {"email": "long@example.com", "name": name})
    assert (joined.status, joined["name"]) == (201, name)
    found = world.shop.call("GET", f"/members?query={quote(name[:100])}", key=world.shop.staff)
    assert [one["member_id"] for one in found["items"]] == [joined["member_id"]]


def test_what_is_too_long_for_a_key_never_reaches_one(world: World) -> None:
    for path in (f"/members/{'%F0%9F%98%80' * 900}", f"/members?cursor={'%F0%9F%98%80' * 900}"):
        assert world.shop.call("GET", path, key=world.shop.staff).status == 400


def test_an_empty_place_in_a_cursor_is_refused(world: World) -> None:
    cursor = urlsafe_b64encode(b'[1,""]').decode()
    refused = world.shop.call("GET", f"/members/{world.ann}/history?cursor={cursor}")
    assert (refused.status, refused.code) == (400, "invalid_cursor")


def test_whoever_may_not_call_learns_nothing_from_what_a_handler_reads(world: World) -> None:
    """Checks that a call makes itself, before it has looked up who asks, answered 400 to strangers."""
    shop, stranger = world.shop, "rk_corner-cafe_" + "0" * 32
    for method, path, body in (
        ("POST", "/members", {}),
        ("POST", f"/members/{world.ann}/adjustments", {"points": 0, "reason": "x"}),
        ("GET", f"/members/{world.ann}/ledger?cursor=x", None),
        ("GET", "/members?limit=0", None),
        ("POST", f"/members/{world.ann}/merge", {"from_member_id": world.ann}),
    ):
        assert shop.call(method, path, body, key=stranger, idem="k").code == "unauthorized", path
        assert shop.call(method, path, body, key=world.token, idem="k").code == "forbidden", path
