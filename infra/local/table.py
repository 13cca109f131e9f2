"""Makes the template's table in whatever answers DynamoDB's API: the embedded cloud, moto, another engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local import template
from infra.local.trouble import Trouble

Client = Any  # botocore makes its clients at run time; they have no types


def create(client: Client, definition: template.Table | None = None) -> template.Table:
    """Make the table with its indexes, stream, time to live and recovery; answers what was made.

    The table must not exist. It is waited for, so the next call may write to it.
    """
    definition = definition or template.table()
    client.create_table(**definition.create)
    client.get_waiter("table_exists").wait(TableName=definition.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    if definition.time_to_live is not None:
        client.update_time_to_live(TableName=definition.name, TimeToLiveSpecification=dict(definition.time_to_live))
    if definition.recovery is not None:
        client.update_continuous_backups(
            TableName=definition.name, PointInTimeRecoverySpecification=dict(definition.recovery)
        )
    return definition


def ensure(client: Client, definition: template.Table | None = None) -> bool:
    """Make the table unless kept data brought it along; answers whether it was made.

    Raises Trouble when the table that stands there has other keys or indexes than the template.
    """
    definition = definition or template.table()
    try:
        standing = client.describe_table(TableName=definition.name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        create(client, definition)
        return True
    if _shape(standing) != _shape(definition.create):
        raise Trouble(
            f"The kept data's table {definition.name} has other keys or indexes than infra/template.yaml; "
            "serve it with the version that made it, or choose a new DATA folder."
        )
    return False


def _shape(table: Mapping[str, Any]) -> object:
    """Keys, indexes and projections, whatever their order: what cannot change under an app that relies on it."""

    def keys(schema: list[dict[str, str]]) -> list[tuple[str, str]]:
        return sorted((key["KeyType"], key["AttributeName"]) for key in schema)

    indexes = {
        index["IndexName"]: (
            keys(index["KeySchema"]),
            index["Projection"]["ProjectionType"],
            sorted(index["Projection"].get("NonKeyAttributes", [])),
        )
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    return keys(table["KeySchema"]), indexes
