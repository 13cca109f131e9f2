"""The program and its keys over HTTP: whole versions, promises that keep theirs, keys that end at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.errors import Invalid, Refused
from chalicelib.triggers import operator
from tests.moments import at
from tests.shop import Reply, Shop, beside, opened, program


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop, at("2026-06-01T12:00:00Z"):
        yield shop


def change(shop: Shop, version: int, **changes: Any) -> Reply:
    document = {**shop.call("GET", "/program")["program"], **changes}
    return shop.call("PUT", "/program", {"version": version, "program": document}, key=shop.owner)


def test_a_program_is_read_as_it_was_given_with_advice() -> None:
    shop = beside(program())
    answer = shop.call("GET", "/program")
    assert (answer.status, answer["version"]) == (200, 1)
    given = program()
    for field in ("name", "currency", "time_zone", "rewards", "stamp_cards", "referral", "staff"):
        kept = answer["program"][field]
        if isinstance(kept, dict):
            assert {name: kept[name] for name in given[field]} == given[field]
        elif isinstance(kept, list):
            assert [{name: row[name] for name in old} for row, old in zip(kept, given[field], strict=True)] == given[
                field
            ]
        else:
            assert kept == given[field]
    assert isinstance(answer["advice"], list)


def test_a_change_makes_the_next_version_and_the_old_one_stays_readable() -> None:
    shop = beside(program())
    answer = change(shop, 1, name="Renamed")
    assert (answer.status, answer["version"], answer["program"]["name"]) == (200, 2, "Renamed")
    assert shop.call("GET", "/program")["version"] == 2
    assert shop.call("GET", "/program/versions/1")["program"]["name"] == "Corner Café Regulars"
    assert shop.call("GET", "/program/versions/2")["program"]["name"] == "Renamed"
    for version in ("3", "0", "x", "-1", "999999999"):
        assert shop.call("GET", f"/program/versions/{version}").code == "version_not_found"


def test_a_change_of_a_version_that_is_not_the_present_one_is_refused() -> None:
    shop = beside(program())
    assert change(shop, 1, name="First").status == 200
    second = change(shop, 1, name="Second")
    assert (second.status, second.code, second["version"]) == (409, "stale_version", 2)
    assert change(shop, 3, name="Third").code == "stale_version"
    assert shop.call("GET", "/program")["program"]["name"] == "First"


def test_every_fault_of_a_document_is_told_at_its_pointer(café: Shop) -> None:
    document = program(currency="XXX", time_zone="Mars/Base", surprise=1)
    document["rewards"][0]["points"] = -1
    document["stamp_cards"][0]["reward_id"] = "gone"
    answer = café.call("PUT", "/program", {"version": 1, "program": document}, key=café.owner)
    assert (answer.status, answer.code) == (422, "invalid_program")
    assert {fault["pointer"] for fault in answer["errors"]} == {
        "/program/currency",
        "/program/time_zone",
        "/program/surprise",
        "/program/rewards/0/points",
        "/program/stamp_cards/0/reward_id",
    }
    assert café.call("GET", "/program")["version"] == 1


def test_a_check_advises_and_writes_nothing(café: Shop) -> None:
    document = {**program(), "name": "Only asked"}
    answer = café.call("POST", "/program/check", {"program": document}, key=café.owner)
    assert (answer.status, answer["program"]["name"]) == (200, "Only asked")
    assert café.call("GET", "/program")["program"]["name"] != "Only asked"
    bad = café.call("POST", "/program/check", {"program": {}}, key=café.owner)
    assert (bad.status, bad.code) == (422, "invalid_program")


def test_the_program_id_never_changes() -> None:
    answer = change(beside(program()), 1, program_id="other")
    assert (answer.status, answer["errors"][0]["pointer"]) == (422, "/program/program_id")


def test_the_currency_is_fixed_by_the_first_booking() -> None:
    shop = beside(program())
    assert change(shop, 1, currency="HUF").status == 200
    assert change(shop, 2, currency="EUR").status == 200
    assert shop.buy("first", 100).status == 201
    answer = change(shop, 3, currency="HUF")
    assert (answer.status, answer["errors"][0]["pointer"]) == (422, "/program/currency")
    assert change(shop, 3, name="Other things may change").status == 200


def test_the_currency_is_fixed_by_any_booking_not_only_a_sale() -> None:
    shop = beside(program())
    shop.enrol(email="ann@example.com")
    assert change(shop, 1, currency="HUF").status == 422


def test_points_keep_the_expiry_that_they_were_earned_under() -> None:
    shop = beside(program(enrolment={"welcome_points": 0}))
    ann = shop.enrol(email="ann@example.com")
    assert shop.buy("before", 1000, ann)["expires_on"] == "2027-06-30"
    change(shop, 1, expiry={"policy": "rolling", "months": 1})
    assert shop.buy("after", 700, ann)["expires_on"] == "2026-07-31"
    assert shop.member(ann)["expiring"] == [
        {"points": 7, "expires_on": "2026-07-31"},
        {"points": 10, "expires_on": "2027-06-30"},
    ]
    with at("2026-08-01T12:00:00Z"):
        assert shop.available(ann) == 10
    assert [entry["expires_on"] for entry in shop.ledger(ann) if entry["kind"] == "earn"] == [
        "2027-06-30",
        "2026-07-31",
    ]


def test_a_voucher_keeps_what_it_promised() -> None:
    shop = beside(program())
    ann = shop.enrol(email="ann@example.com")
    shop.adjust(ann, 1000, "k")
    voucher = shop.redeem(ann, "five-off", "k").body
    rewards = [{**row, "value": 1, "points": 1, "valid_days": 1} for row in program()["rewards"]]
    assert change(shop, 1, rewards=rewards).status == 200
    assert shop.call("GET", f"/vouchers/{voucher['code']}").body == voucher
    assert change(shop, 2, rewards=[], stamp_cards=[]).status == 200
    assert shop.call("POST", f"/vouchers/{voucher['code']}/cancel")["status"] == "cancelled"
    assert shop.available(ann) == 1050


def test_a_refund_counts_by_the_rule_that_the_purchase_was_booked_under() -> None:
    shop = beside(program())
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o", 1000, ann)
    change(shop, 1, earning={"points": 100, "per_amount": 1})
    assert shop.refund("o", "r", 500)["points"] == -5
    assert shop.call("GET", "/purchases/o")["points"] == 5


def test_only_the_owner_changes_the_program_and_sees_keys(café: Shop) -> None:
    for key in (café.storefront, café.staff):
        assert café.call("GET", "/program", key=key).status == 200
        body = {"version": 1, "program": program()}
        assert café.call("PUT", "/program", body, key=key).code == "forbidden"
        assert café.call("POST", "/program/check", {"program": program()}, key=key).code == "forbidden"
        assert café.call("GET", "/keys", key=key).code == "forbidden"
        assert café.call("POST", "/keys", {"role": "owner", "name": "x"}, key=key).code == "forbidden"
        assert café.call("DELETE", "/keys/k1", key=key).code == "forbidden"


def test_a_key_is_told_once_and_never_listed() -> None:
    shop = beside(program())
    made = shop.call("POST", "/keys", {"role": "staff", "name": "Till 2"}, key=shop.owner)
    assert made.status == 201
    assert made["key"].startswith(f"rk_{shop.program_id}_")
    assert shop.call("GET", "/program", key=made["key"]).status == 200
    listed = shop.call("GET", "/keys", key=shop.owner)
    assert len(listed["items"]) == 4
    assert all("key" not in row for row in listed["items"])
    text = str(listed.body)
    for key in (made["key"], shop.owner, shop.staff):
        assert key not in text
        assert key.rpartition("_")[2] not in text
    assert {row["role"] for row in listed["items"]} == {"owner", "staff", "storefront"}
    assert {row["name"] for row in listed["items"]} >= {"Till 2"}


def test_nothing_in_the_table_holds_a_key(café: Shop) -> None:
    from chalicelib.store.table import Row

    stored = " ".join(str(row.attribute_values) for row in Row.scan())
    for key in (café.owner, café.staff, café.storefront):
        assert key.rpartition("_")[2] not in stored


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list() -> None:
    shop = beside(program())
    made = shop.call("POST", "/keys", {"role": "staff", "name": "Till 2"}, key=shop.owner)
    path = f"/keys/{made['key_id']}"
    assert shop.call("DELETE", path, key=shop.owner).status == 204
    refused = shop.call("GET", "/program", key=made["key"])
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert shop.call("DELETE", path, key=shop.owner).status == 204
    row = next(row for row in shop.call("GET", "/keys", key=shop.owner)["items"] if row["key_id"] == made["key_id"])
    assert row["revoked_at"] == "2026-06-01T12:00:00Z"
    assert shop.call("DELETE", "/keys/kunknown", key=shop.owner).code == "key_not_found"


def test_a_key_cannot_revoke_itself() -> None:
    shop = beside(program())
    owner = next(row for row in shop.call("GET", "/keys", key=shop.owner)["items"] if row["role"] == "owner")
    answer = shop.call("DELETE", f"/keys/{owner['key_id']}", key=shop.owner)
    assert (answer.status, answer.code) == (409, "own_key")
    assert shop.call("GET", "/keys", key=shop.owner).status == 200


def test_keys_are_listed_by_pages() -> None:
    shop = beside(program())
    seen, cursor = [], ""
    while True:
        page = shop.call("GET", f"/keys?limit=1{cursor}", key=shop.owner)
        seen += [row["key_id"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 3


def test_a_key_of_one_program_does_nothing_in_another(café: Shop) -> None:
    other = beside(program())
    forged = café.owner.replace("corner-cafe", other.program_id)
    assert café.call("GET", "/program", key=forged).status == 401
    key_id = other.call("GET", "/keys", key=other.owner)["items"][0]["key_id"]
    assert café.call("DELETE", f"/keys/{key_id}", key=café.owner).code == "key_not_found"


def test_the_operator_creates_a_program_once_and_can_always_issue_an_owner_key(café: Shop) -> None:
    with pytest.raises(Refused) as refusal:
        operator.create_program({"program": program()}, None)
    assert refusal.value.code == "program_exists"
    with pytest.raises(Invalid) as invalid:
        operator.create_program({"program": {"program_id": "x"}}, None)
    assert "/program/name" in {fault.pointer for fault in invalid.value.faults}
    with pytest.raises(Invalid):
        operator.create_program({}, None)
    issued = operator.issue_owner_key({"program_id": café.program_id}, None)
    assert café.call("GET", "/keys", key=issued["key"]).status == 200
    with pytest.raises(Refused):
        operator.issue_owner_key({"program_id": "nowhere"}, None)
