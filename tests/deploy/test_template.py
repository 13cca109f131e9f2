"""The packaged template, resource by resource: what no emulator shows, so that AWS alone would."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from chalice.utils import to_cfn_resource_name

from app import app
from chalicelib.api.errors import STATUS
from infra.deploy import compose
from infra.local import template
from infra.local.trouble import Trouble
from tests.deploy.packaged import FOLDER, package
from tests.permissions import NEVER, functions, statements

BY_HAND = {"CreateProgram", "IssueOwnerKey", "Reconcile"}
# Packaging takes seconds, so what tests are made from is read from the sources; a test below holds the two together.
FUNCTIONS = sorted(compose.entries())
GATEWAY = sorted(template.load()["Resources"]["RestAPI"]["Properties"]["GatewayResponses"].items())


@cache
def resources() -> dict[str, Any]:
    found: dict[str, Any] = package().template["Resources"]
    return found


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources()[name]["Properties"]
    return found


def of_type(kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources().items() if one["Type"] == kind}


def test_cfn_lint_finds_nothing() -> None:
    package()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from cfnlint.runner import main; sys.exit(main())",
            str(FOLDER / "template.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_handler_of_the_app_is_a_function_and_no_other() -> None:
    named = {
        to_cfn_resource_name(name)
        for name, one in app.handler_map.items()
        if type(one).__name__ == "EventSourceHandler"
    }
    assert set(functions(package().template)) == {"APIHandler", *named} == set(FUNCTIONS)


def test_the_table_keeps_its_data_whatever_happens_to_the_stack() -> None:
    table = resources()["RegularsTable"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["Properties"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert package().template["Parameters"]["DeletionProtection"]["Default"] == "true"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_its_own_role_log_and_settings(function: str) -> None:
    found = properties(function)
    assert found["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    assert found["Tracing"] == {"Ref": "Tracing"}
    variables = found["Environment"]["Variables"]
    assert variables["REGULARS_TABLE"] == {"Ref": "RegularsTable"}
    assert variables["REGULARS_SECRET_PARAMETER"] == {"Ref": "SecretParameter"}
    assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"  # the metrics are lines of this level
    assert "REGULARS_SECRET" not in variables and "REGULARS_ENDPOINT" not in variables
    log = properties(f"{function}Log")
    assert log["RetentionInDays"] == {"Ref": "LogDays"}
    # The log that Lambda writes to is named after the function: the same name, or it would be kept for ever.
    assert log["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + found["FunctionName"]["Fn::Sub"]
    assert resources()[function]["DependsOn"] == [f"{function}Log"]
    trust = properties(f"{function}Role")["AssumeRolePolicyDocument"]["Statement"]
    assert [one["Principal"] for one in trust] == [{"Service": "lambda.amazonaws.com"}]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_names_its_resources_and_never_a_dangerous_call(function: str) -> None:
    for statement in statements(package().template, function):
        assert statement["Effect"] == "Allow"
        assert not NEVER & set(statement["Action"])
        assert not any("*" in action for action in statement["Action"])
        listed = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for resource in listed:
            text = json.dumps(resource)
            if resource == "*":
                assert all(action.startswith("xray:") for action in statement["Action"])
            elif "log-group" in text:
                assert text.count("*") == 1 and text.endswith(':*"}')
            else:
                assert "*" not in text


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in BY_HAND])
def test_a_function_that_nobody_watches_has_alarms(function: str) -> None:
    for metric in ("Errors", "Throttles"):
        alarm = properties(f"{function}{metric}")
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", metric)
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": properties(function)["FunctionName"]}]


def test_every_alarm_tells_somebody_and_says_where_it_is_explained() -> None:
    operations = (compose.FUNCTIONS.parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        place, _, heading = alarm["AlarmDescription"].partition("docs/operations.md, ")
        assert place and f"### {heading}\n" in operations, name


@pytest.mark.parametrize("alarm", ["WorkDeadLettersAlarm", "EventDeadLettersAlarm"])
def test_one_dead_letter_is_an_alarm(alarm: str) -> None:
    found = properties(alarm)
    assert (found["MetricName"], found["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    assert found["Dimensions"][0]["Value"]["Fn::GetAtt"] == [alarm.removesuffix("Alarm"), "QueueName"]


def test_a_difference_or_a_late_member_is_an_alarm() -> None:
    assert properties("ReconcileAlarm")["MetricName"] == "ReconcileDifferences"
    late = properties("OldestDueAlarm")
    assert (late["MetricName"], late["TreatMissingData"]) == ("OldestDueDays", "breaching")


def test_a_function_that_falls_behind_the_stream_is_an_alarm() -> None:
    behind = properties("AuditLag")
    assert (behind["MetricName"], behind["Statistic"], behind["Threshold"]) == ("IteratorAge", "Maximum", 3_600_000)
    assert behind["Dimensions"] == [{"Name": "FunctionName", "Value": properties("Audit")["FunctionName"]}]


def test_each_metric_of_ours_that_an_alarm_watches_is_written_by_what_a_schedule_or_the_stream_starts() -> None:
    watched = {
        alarm["MetricName"] for alarm in of_type("AWS::CloudWatch::Alarm").values() if alarm["Namespace"] == "Regulars"
    }
    written = {
        name
        for path in (compose.FUNCTIONS.parent.parent / "chalicelib" / "triggers").glob("*.py")
        for name in re.findall(r'telemetry\.count\("(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert watched == {"OldestDueDays", "ReconcileDifferences", "SetAside"}
    assert watched - {"SetAside"} <= written  # set aside is told by the webhook that sets aside
    for function, schedule in (("Due", "rate(1 hour)"), ("Prove", "rate(1 day)")):
        ((_, event),) = properties(function)["Events"].items()
        assert event["Properties"]["Schedule"] == schedule


def test_queues_are_encrypted_and_give_up_after_finite_tries() -> None:
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
        if not name.endswith("DeadLetters"):
            assert 1 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 5, name
            dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            assert properties(dead)["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_starts_a_function_reports_parts_tries_finitely_and_keeps_failures(function: str) -> None:
    found = properties(function)
    for event in found.get("Events", {}).values():
        given = event["Properties"]
        if event["Type"] == "SQS":
            assert given["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            queue = properties(given["Queue"]["Fn::GetAtt"][0])
            assert queue["VisibilityTimeout"] > found["Timeout"]
        elif event["Type"] == "DynamoDB":
            assert given["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert given["BisectBatchOnFunctionError"] is True
            assert 1 <= given["MaximumRetryAttempts"] <= 10
            assert given["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
        else:
            assert event["Type"] == "Schedule"
            asynchronous = found["EventInvokeConfig"]
            assert asynchronous["MaximumRetryAttempts"] <= 2
            assert asynchronous["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_the_api_is_regional_throttled_and_traced_by_setting() -> None:
    api = properties("RestAPI")
    assert api["EndpointConfiguration"] == "REGIONAL"
    assert api["TracingEnabled"] == {"Fn::If": ["Traced", True, False]}
    settings = api["MethodSettings"][0]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}


@pytest.mark.parametrize(("name", "answer"), GATEWAY, ids=[name for name, _ in GATEWAY])
def test_what_the_gateway_refuses_by_itself_looks_like_every_other_error(name: str, answer: dict[str, Any]) -> None:
    body = json.loads(answer["ResponseTemplates"]["application/json"])
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert str(body["status"]) == answer["StatusCode"]
    assert body["type"] == f"/v1/docs#{body['code']}"
    if body["code"] != "too_many_requests":  # only the gateway counts requests
        assert STATUS[body["code"]] == body["status"]
    headers = answer["ResponseParameters"]["Headers"]
    assert headers["Content-Type"] == "'application/problem+json'"
    assert headers["Access-Control-Allow-Origin"] == "'*'"
    if answer["StatusCode"] in ("429", "503"):
        assert headers["Retry-After"] == "'1'"


def test_the_gateway_answers_for_what_has_no_route_and_for_whatever_is_not_listed() -> None:
    answers = properties("RestAPI")["GatewayResponses"]
    assert answers == dict(GATEWAY)
    assert answers["MISSING_AUTHENTICATION_TOKEN"]["StatusCode"] == "404"
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT"} <= set(answers)


def test_the_dashboard_is_json_that_names_what_the_app_counts() -> None:
    body = json.loads(properties("Dashboard")["DashboardBody"]["Fn::Sub"])
    assert len(body["widgets"]) >= 5
    for metric in ("Enrolled", "Earned", "Redeemed", "SetAside", "OldestDueDays"):
        assert metric in json.dumps(body)


def test_paths_beside_each_other_name_their_parameter_alike() -> None:
    """API Gateway refuses two names for one place; Chalice does not look."""
    names: dict[str, set[str]] = {}
    for path in properties("RestAPI")["DefinitionBody"]["paths"]:
        parts = path.strip("/").split("/")
        for place, part in enumerate(parts):
            if part.startswith("{"):
                names.setdefault("/".join(parts[:place]), set()).add(part)
    assert {place: found for place, found in names.items() if len(found) > 1} == {}


def test_a_function_without_an_entry_and_an_entry_without_a_function_are_refused() -> None:
    whole, described = package().template, compose.entries()
    with pytest.raises(Trouble, match="lacks Reconcile"):
        compose.composed(whole, {name: one for name, one in described.items() if name != "Reconcile"})
    with pytest.raises(Trouble, match="besides Misspelt"):
        compose.composed(whole, {**described, "Misspelt": {}})
    with pytest.raises(Trouble, match="nothing reads"):
        compose.composed(whole, {**described, "Reconcile": {**described["Reconcile"], "statments": []}})


def test_a_misspelt_resource_of_the_template_is_refused() -> None:
    whole = copy.deepcopy(package().template)
    whole["Resources"]["RestApi"] = {"Properties": {}}
    with pytest.raises(Trouble, match="RestApi"):
        compose.composed(whole, compose.entries())
