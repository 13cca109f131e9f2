"""Reads infra/template.yaml, so that one machine and every test make the table that AWS gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"

# CloudFormation's properties that CreateTable takes under the same name and in the same form.
_SAME_AS_CREATE_TABLE = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "TableName",
)
_IN_CALLS_OF_THEIR_OWN = ("PointInTimeRecoverySpecification", "TimeToLiveSpecification")
_IN_ANOTHER_FORM = ("DeletionProtectionEnabled", "StreamSpecification")


class UnreadableTemplate(Exception):
    """The template says something that cannot be made on one machine; the message names it."""


@dataclass(frozen=True)
class Table:
    """A table as the template defines it, in the words of DynamoDB's own calls."""

    name: str
    create: Mapping[str, Any]
    time_to_live: Mapping[str, Any] | None
    recovery: Mapping[str, Any] | None


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; a loader of its own, since Chalice changes the shared one."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        # CloudFormation takes this one with a dot, and only in the short form.
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """The whole template, short forms written out as Chalice writes them (``!Ref A`` is ``{"Ref": "A"}``)."""
    with path.open(encoding="utf-8") as file:
        template: dict[str, Any] = yaml.load(file, Loader=_Loader)  # a subclass of SafeLoader
    return template


def table(template: Mapping[str, Any] | None = None, parameters: Mapping[str, str] | None = None) -> Table:
    """The one table. ``parameters`` overrides the template's defaults, as a deployment would.

    Raises UnreadableTemplate when there is not exactly one table, or a property that would silently be lost here.
    """
    template = load() if template is None else template
    resources = template.get("Resources", {})
    found = [resource for resource in resources.values() if resource.get("Type") == "AWS::DynamoDB::Table"]
    if len(found) != 1:
        raise UnreadableTemplate(f"The template defines {len(found)} tables; the app keeps everything in one.")
    values = {name: given.get("Default") for name, given in template.get("Parameters", {}).items()}
    values.update(parameters or {})
    properties = {name: _resolved(value, values) for name, value in found[0]["Properties"].items()}
    unknown = sorted(set(properties) - {*_SAME_AS_CREATE_TABLE, *_IN_CALLS_OF_THEIR_OWN, *_IN_ANOTHER_FORM})
    if unknown:
        raise UnreadableTemplate(f"The table's {', '.join(unknown)} cannot be made on one machine yet.")
    create = {name: properties[name] for name in _SAME_AS_CREATE_TABLE if name in properties}
    # Parameters are strings; the API wants a boolean.
    create["DeletionProtectionEnabled"] = str(properties.get("DeletionProtectionEnabled", False)).lower() == "true"
    if "StreamSpecification" in properties:
        create["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return Table(
        name=create["TableName"],
        create=create,
        time_to_live=properties.get("TimeToLiveSpecification"),
        recovery=properties.get("PointInTimeRecoverySpecification"),
    )


def _resolved(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, parameters) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        if value["Ref"] not in parameters:
            raise UnreadableTemplate(f"The table refers to {value['Ref']}, which is no parameter of the template.")
        return parameters[value["Ref"]]
    functions = [name for name in value if name.startswith("Fn::")]
    if functions:
        raise UnreadableTemplate(f"The table uses {functions[0]}, which only CloudFormation can resolve.")
    return {name: _resolved(each, parameters) for name, each in value.items()}
