"""The table that AWS gets is the table that one machine gets."""

from __future__ import annotations

import botocore.session
import pytest
from chalice.package import TemplateDeepMerger, YAMLTemplateSerializer
from moto import mock_aws

from infra.local import table, template

KEYS_AND_PROJECTIONS = {
    "statement": ("spk", "ssk", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["d", "t"]}),
    "journal": ("jpk", "jsk", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["d", "t"]}),
    "due": ("dpk", "dsk", {"ProjectionType": "KEYS_ONLY"}),
    "directory": ("npk", "nsk", {"ProjectionType": "KEYS_ONLY"}),
}


def schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def test_the_table_has_its_keys_and_four_indexes() -> None:
    create = template.table().create
    assert create["KeySchema"] == schema("pk", "sk")
    assert create["GlobalSecondaryIndexes"] == [
        {"IndexName": name, "KeySchema": schema(partition, sort), "Projection": projection}
        for name, (partition, sort, projection) in KEYS_AND_PROJECTIONS.items()
    ]
    keyed = {"pk", "sk", *(key for each in KEYS_AND_PROJECTIONS.values() for key in each[:2])}
    assert {each["AttributeName"]: each["AttributeType"] for each in create["AttributeDefinitions"]} == dict.fromkeys(
        keyed, "S"
    )


def test_the_table_is_paid_by_use_streams_expires_and_can_be_recovered() -> None:
    made = template.table()
    assert made.create["BillingMode"] == "PAY_PER_REQUEST"
    assert made.create["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert made.time_to_live == {"AttributeName": "ttl", "Enabled": True}
    assert made.recovery == {"PointInTimeRecoveryEnabled": True}


def test_the_table_outlives_its_stack_unless_a_deployment_says_otherwise() -> None:
    resource = template.load()["Resources"]["RegularsTable"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert template.table().create["DeletionProtectionEnabled"] is True
    thrown_away = template.table(parameters={"DeletionProtection": "false", "TableName": "trial"})
    assert thrown_away.create["DeletionProtectionEnabled"] is False
    assert thrown_away.name == thrown_away.create["TableName"] == "trial"


def test_a_property_that_would_be_lost_on_one_machine_is_refused() -> None:
    changed = template.load()
    changed["Resources"]["RegularsTable"]["Properties"]["LocalSecondaryIndexes"] = []
    with pytest.raises(template.UnreadableTemplate, match="LocalSecondaryIndexes"):
        template.table(changed)


@pytest.mark.parametrize("value", [{"Ref": "Elsewhere"}, {"Fn::Sub": "${AWS::StackName}"}])
def test_a_value_that_only_cloudformation_knows_is_refused(value: dict[str, str]) -> None:
    changed = template.load()
    changed["Resources"]["RegularsTable"]["Properties"]["TableName"] = value
    with pytest.raises(template.UnreadableTemplate):
        template.table(changed)


def test_chalice_reads_the_template_as_we_do_and_merges_it_beside_its_own_resources() -> None:
    ours = YAMLTemplateSerializer().load_template(template.TEMPLATE.read_text(encoding="utf-8"))
    assert ours == template.load()
    chalices = {"Resources": {"APIHandler": {"Type": "AWS::Serverless::Function"}}, "Outputs": {"APIHandlerName": {}}}
    merged = TemplateDeepMerger().merge(ours, chalices)
    assert set(merged) == {"Parameters", "Conditions", "Resources", "Outputs"}
    assert set(merged["Resources"]) == {"APIHandler", *ours["Resources"]}
    assert set(merged["Outputs"]) == {"APIHandlerName", *ours["Outputs"]}


@mock_aws
def test_the_same_definition_makes_the_table_for_the_fast_tests() -> None:
    client = botocore.session.get_session().create_client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    assert table.ensure(client) is True
    assert table.ensure(client) is False
    made = client.describe_table(TableName="regulars")["Table"]
    assert {index["IndexName"] for index in made["GlobalSecondaryIndexes"]} == set(KEYS_AND_PROJECTIONS)
