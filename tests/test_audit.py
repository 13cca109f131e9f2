"""What watches the stream: silent over everything that the service itself does, loud over any other hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from app import app
from chalicelib.store import heads, keys, members, table
from chalicelib.store.table import Row
from infra.local import tasks
from tests.deploy.nights import nights
from tests.moments import at
from tests.people.people import claimed, merged
from tests.shop import Reply, Shop, opened, program
from tests.store.streams import stream_of

NOON = "2026-03-02T12:00:00+00:00"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with at(NOON), opened() as made:
        yield made


def audited(records: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = app.handler_map["audit"]({"Records": records}, tasks.context("audit"))
    return found


Captured = tuple[pytest.CaptureFixture[str], pytest.LogCaptureFixture]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Captured:
    return capsys, caplog


def differences(told: Captured) -> tuple[int, list[str]]:
    """What was counted for the alarm, and which rules the log names."""
    lines = [json.loads(line) for line in told[0].readouterr().out.splitlines() if line.startswith("{")]
    counted = sum(int(line.get("ReconcileDifferences", 0)) for line in lines)
    return counted, [vars(record)["rule"] for record in told[1].records if "rule" in vars(record)]


def lived(shop: Shop) -> None:
    """A little of everything that changes what is stored."""
    ann, ben = shop.enrol(email="ann@example.com"), shop.enrol(email="ben@example.com")
    coffees = [{"sku": "latte", "category": "coffee", "quantity": 10, "amount": 5_000}]
    done(shop.buy("o1", 5_000, ann, items=coffees))
    done(shop.refund("o1", "r1", 1_000))
    done(shop.adjust(ann, 1_000, "grant"))
    code = done(shop.redeem(ann, "free-coffee", "k1"))["code"]
    done(shop.call("POST", f"/vouchers/{code}/use", {"order_id": "o2"}))
    other = done(shop.redeem(ann, "barista-evening", "k2"))["code"]
    done(shop.call("POST", f"/vouchers/{other}/cancel", {}))
    done(shop.buy("guest", 700, email="cleo@example.com"))
    cleo = shop.enrol(email="cleo@example.com")
    claimed(shop, "guest", cleo)  # or it was when she joined
    done(merged(shop, ann, ben))
    done(shop.call("DELETE", f"/members/{cleo}", key=shop.owner))


def done(reply: Reply) -> Reply:
    assert reply.status in (200, 201, 204), reply.body
    return reply


def test_nothing_that_the_service_does_breaks_a_rule(shop: Shop, told: Captured) -> None:
    lived(shop)
    with nights() as asleep:
        assert asleep.run("due", "2028-06-01T03:00:00+00:00") == 0
    told[0].readouterr()
    records = stream_of("regulars")
    assert sum(record["eventName"] == "MODIFY" for record in records) > 10
    assert audited(records) == {"batchItemFailures": []}
    assert differences(told) == (0, [])


def by_hand(shop: Shop, member_id: str, **changes: Any) -> None:
    """A head as somebody else would write it."""
    key = keys.head(shop.program_id, member_id)
    before = members.head_of(table.load([key])[key])
    if changes.pop("moved", False):
        changes["version"] = before.version + 1
    row = Row(*key, t="HEAD", v=before.version, h=heads.encode(replace(before, **changes)))
    table.connection().client.put_item(TableName="regulars", Item=row.serialize())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"spent": -500}, "version_skipped"),
        ({"spent": -500, "moved": True}, "balance_without_entry"),
        ({"pending": {20_600: {0: 5}}, "moved": True}, "balance_without_entry"),
        ({"sequence": 1, "moved": True}, "chain_shortened"),
    ],
)
def test_a_head_written_by_another_hand_is_told(shop: Shop, told: Captured, changes: dict[str, Any], rule: str) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o1", 5_000, ann)
    shop.buy("o2", 5_000, ann)
    assert shop.call("GET", f"/members/{ann}").status == 200
    seen = len(stream_of("regulars"))
    by_hand(shop, ann, **changes)
    told[0].readouterr()
    audited(stream_of("regulars")[seen:])
    assert differences(told) == (1, [rule])


def test_an_entry_that_is_edited_or_deleted_is_told(shop: Shop, told: Captured) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o1", 5_000, ann)
    seen = len(stream_of("regulars"))
    client = table.connection().client
    pk, sk = keys.purchase(shop.program_id, "o1")
    named = {"pk": {"S": pk}, "sk": {"S": sk}}
    client.update_item(
        TableName="regulars", Key=named, UpdateExpression="SET d = :d", ExpressionAttributeValues={":d": {"S": "{}"}}
    )
    client.delete_item(TableName="regulars", Key=named)
    pk, sk = keys.head(shop.program_id, ann)
    client.delete_item(TableName="regulars", Key={"pk": {"S": pk}, "sk": {"S": sk}})
    told[0].readouterr()
    audited(stream_of("regulars")[seen:])
    assert differences(told) == (3, ["entry_edited", "entry_deleted", "head_deleted"])


def test_from_a_record_that_cannot_be_read_on_it_is_asked_again(shop: Shop, told: Captured) -> None:
    ann = shop.enrol(email="ann@example.com")
    shop.buy("o1", 5_000, ann)
    records = [record for record in stream_of("regulars") if record["eventName"] == "MODIFY"]
    poisoned = json.loads(json.dumps(records[-1]))
    poisoned["dynamodb"]["SequenceNumber"] = "42"
    poisoned["dynamodb"]["OldImage"]["h"] = {"B": base64.b64encode(b"\xc1").decode()}
    answer = audited([*records, poisoned, {**poisoned, "dynamodb": {"SequenceNumber": "43"}}])
    assert answer == {"batchItemFailures": [{"itemIdentifier": "42"}]}
    assert differences(told) == (0, [])


def test_what_is_new_breaks_no_rule(shop: Shop) -> None:
    assert program()["program_id"] == shop.program_id
    records = [record for record in stream_of("regulars") if record["eventName"] == "INSERT"]
    assert records and audited(records) == {"batchItemFailures": []}
