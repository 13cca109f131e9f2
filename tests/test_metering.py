"""The meter itself: each rule by which DynamoDB bills, on the real table's indexes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.store import table
from tests.metering import Bill, metered, size


@pytest.fixture
def client() -> Iterator[Any]:
    from moto import mock_aws

    from infra.local.table import create

    with mock_aws():
        table._Link.connection = None
        made = table.connection().client
        create(made)
        yield made
    table._Link.connection = None


def item(**attributes: Any) -> dict[str, Any]:
    given = {"pk": "a", "sk": "b", **attributes}
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in given.items()}


def put(client: Any, **attributes: Any) -> Bill:
    with metered(client) as bill:
        client.put_item(TableName="regulars", Item=item(**attributes))
    return bill


def transact(client: Any, *writes: dict[str, Any]) -> Bill:
    with metered(client) as bill:
        client.transact_write_items(
            TransactItems=[{kind: {"TableName": "regulars", **part}} for one in writes for kind, part in one.items()]
        )
    return bill


def units(bill: Bill) -> list[tuple[int, int]]:
    return [(charge.table, charge.index) for charge in bill.charges]


def test_a_put_costs_a_unit_for_each_started_kilobyte(client: Any) -> None:
    assert units(put(client, d="x" * (1024 - size(item(d=""))))) == [(1, 0)]
    assert units(put(client, d="x" * (1025 - size(item(d=""))))) == [(2, 0)]


def test_a_smaller_item_over_a_larger_one_costs_what_the_larger_was(client: Any) -> None:
    put(client, d="x" * 3000)
    assert units(put(client, d="x")) == [(3, 0)]


def test_a_transaction_costs_twice_and_its_indexes_once(client: Any) -> None:
    bill = transact(client, {"Put": {"Item": item(jpk="day", jsk="1")}})
    assert units(bill) == [(2, 1)]
    assert bill.write_units == 3
    assert bill.round_trips == 1


def test_a_check_in_a_transaction_costs_what_a_write_does_and_touches_no_index(client: Any) -> None:
    put(client, dpk="DUE", dsk="1")
    check = {"Key": item(), "ConditionExpression": "attribute_exists(pk)"}
    bill = transact(client, {"ConditionCheck": check}, {"Put": {"Item": item(sk="c")}})
    assert units(bill) == [(2, 0), (2, 0)]


def test_an_index_is_charged_when_the_entry_comes_when_its_key_moves_and_when_it_goes(client: Any) -> None:
    assert units(put(client)) == [(1, 0)]
    assert units(put(client, dpk="DUE", dsk="1")) == [(1, 1)]
    assert units(put(client, dpk="DUE", dsk="1", v=7)) == [(1, 0)], "only keys stand in the due index"
    assert units(put(client, dpk="DUE", dsk="2", v=7)) == [(1, 2)]
    assert units(put(client, v=7)) == [(1, 1)]


def test_half_a_key_puts_nothing_into_an_index(client: Any) -> None:
    assert units(put(client, dpk="DUE")) == [(1, 0)]


def test_an_index_is_charged_when_what_it_projects_changes_and_by_its_own_size(client: Any) -> None:
    put(client, spk="m", ssk="1", t="E", d="x")
    assert units(put(client, spk="m", ssk="1", t="E", d="x", n=1)) == [(1, 0)], "n is projected nowhere"
    assert units(put(client, spk="m", ssk="1", t="E", d="x" * 1100)) == [(2, 2)]


def test_an_update_is_priced_by_what_it_leaves(client: Any) -> None:
    put(client, dpk="DUE", dsk="1", d="x" * 1000)
    change = {
        "Key": item(),
        "UpdateExpression": "SET dsk = :moved, d = :longer",
        "ExpressionAttributeValues": {":moved": {"S": "2"}, ":longer": {"S": "x" * 2100}},
    }
    with metered(client) as bill:
        client.update_item(TableName="regulars", **change)
    assert units(bill) == [(3, 2)]


def test_a_deletion_costs_what_the_item_was(client: Any) -> None:
    put(client, dpk="DUE", dsk="1", d="x" * 2000)
    with metered(client) as bill:
        client.delete_item(TableName="regulars", Key=item())
    assert units(bill) == [(2, 1)]


def test_a_failed_condition_costs_the_table_alone(client: Any) -> None:
    put(client)
    with metered(client) as bill, pytest.raises(table.Lost):
        client.put_item(
            TableName="regulars",
            Item=item(jpk="day", jsk="1", d="x" * 1500),
            ConditionExpression="attribute_not_exists(pk)",
        )
    assert units(bill) == [(2, 0)]
    assert bill.round_trips == 1


def test_every_item_of_a_cancelled_transaction_is_charged(client: Any) -> None:
    put(client)
    refused = {"Item": item(jpk="day", jsk="1"), "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(table.Lost), metered(client) as bill:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "regulars", **refused}},
                {"Put": {"TableName": "regulars", "Item": item(sk="c", spk="m", ssk="1")}},
            ]
        )
    assert units(bill) == [(2, 0), (2, 0)]


def test_reads_are_round_trips_without_write_units(client: Any) -> None:
    with metered(client) as bill:
        client.get_item(TableName="regulars", Key=item())
        client.query(
            TableName="regulars", KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}
        )
    assert (bill.operations, bill.write_units) == (["GetItem", "Query"], 0)


def test_a_retry_under_the_hood_is_a_round_trip_of_its_own(client: Any) -> None:
    from botocore.awsrequest import AWSResponse

    answers = [500, None]

    def stumble(request: Any, **_: Any) -> Any:
        return None if answers.pop(0) is None else AWSResponse(request.url, 500, {}, _Nothing())

    client.meta.events.register_first("before-send.dynamodb.PutItem", stumble)
    bill = put(client, d="x")
    assert bill.operations == ["PutItem", "PutItem"]
    assert answers == []


class _Nothing:
    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "é"}, 2),
        ({"N": "0"}, 2),
        ({"N": "7"}, 2),
        ({"N": "123"}, 3),
        ({"N": "-123"}, 4),
        ({"N": "1200"}, 2),
        ({"B": "AAAA"}, 3),
        ({"BOOL": True}, 1),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"ab": {"S": "c"}}}, 3 + 1 + 2 + 1),
        ({"SS": ["a", "bc"]}, 3),
    ],
)
def test_values_have_the_sizes_that_dynamodb_counts(value: dict[str, Any], expected: int) -> None:
    assert size({"a": value}) == 1 + expected
