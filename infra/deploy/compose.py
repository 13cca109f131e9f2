"""Completes the packaged template from infra/functions.yaml: each function's name, role, log and alarms.

Chalice knows the functions and what starts them; infra/template.yaml has what they share; a function's own
entry says what it may do. A function without an entry, or an entry without a function, is refused.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local import template
from infra.local.trouble import Trouble

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions.yaml"
STREAM_LAG_MS = 3_600_000
_KNOWN = {"environment", "events", "operator", "properties", "statements"}

Entry = Mapping[str, Any]


def entries() -> dict[str, Entry]:
    """Every function's entry, by its id in the template."""
    found: dict[str, Entry] = _written_out(template.load(FUNCTIONS))
    return found


def _written_out(part: Any) -> Any:
    """``!GetAtt Queue.Arn`` as JSON wants it: a list. YAML alone may say it in one word."""
    if isinstance(part, list):
        return [_written_out(each) for each in part]
    if not isinstance(part, dict):
        return part
    target = part.get("Fn::GetAtt")
    if isinstance(target, str):
        return {"Fn::GetAtt": target.split(".", 1)}
    return {name: _written_out(each) for name, each in part.items()}


def composed(packaged: Mapping[str, Any], described: Mapping[str, Entry]) -> dict[str, Any]:
    """The whole template. Raises Trouble when functions and entries do not match."""
    whole: dict[str, Any] = copy.deepcopy(dict(packaged))
    resources = whole["Resources"]
    functions = {name for name, one in resources.items() if one.get("Type") == "AWS::Serverless::Function"}
    typeless = sorted(name for name, one in resources.items() if "Type" not in one)
    if typeless:
        raise Trouble(f"infra/template.yaml changes {', '.join(typeless)}, which Chalice does not make.")
    if functions != set(described):
        raise Trouble(
            f"infra/functions.yaml must describe every function and no other: it lacks "
            f"{', '.join(sorted(functions - set(described))) or 'none'} and has besides "
            f"{', '.join(sorted(set(described) - functions)) or 'none'}."
        )
    for function, entry in described.items():
        unknown = sorted(set(entry) - _KNOWN)
        if unknown:
            raise Trouble(f"infra/functions.yaml: {function} has {', '.join(unknown)}, which nothing reads.")
        _complete(resources, function, entry)
    return whole


def short_name(function: str) -> str:
    """``CreateProgram`` is ``create-program``: what stands in the console, behind the stack's name."""
    if function == "APIHandler":
        return "api"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", function).lower()


def _complete(resources: dict[str, Any], function: str, entry: Entry) -> None:
    name = {"Fn::Sub": f"${{AWS::StackName}}-{short_name(function)}"}
    log_name = f"/aws/lambda/${{AWS::StackName}}-{short_name(function)}"
    properties = resources[function]["Properties"]
    properties.update(
        {
            "FunctionName": name,
            "Role": {"Fn::GetAtt": [f"{function}Role", "Arn"]},
            "Tracing": {"Ref": "Tracing"},
            "Environment": {"Variables": {**_ENVIRONMENT, **entry.get("environment", {})}},
            **entry.get("properties", {}),
        }
    )
    # The log must stand before the function runs, or Lambda makes one that is kept for ever.
    resources[function]["DependsOn"] = [f"{function}Log"]
    _tune(function, properties, entry.get("events", {}))
    resources[f"{function}Log"] = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": {"Fn::Sub": log_name}, "RetentionInDays": {"Ref": "LogDays"}},
    }
    sources = properties.get("Events", {}).values()
    statements = [*(one for event in sources for one in _reading(event)), *entry.get("statements", [])]
    failed = (
        properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    )
    if failed is not None:
        statements.append({"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": failed})
    resources[f"{function}Role"] = _role(log_name, statements)
    if not entry.get("operator"):
        # Whoever runs a function by hand sees its error; an alarm is for those that nobody watches.
        resources[f"{function}Errors"] = _alarm(name, "Errors", f"{function} failed: docs/operations.md, Errors")
        resources[f"{function}Throttles"] = _alarm(
            name, "Throttles", f"{function} had no room to run: docs/operations.md, Throttles"
        )
    if any(event["Type"] == "DynamoDB" for event in sources):
        behind = _alarm(name, "IteratorAge", f"{function} is behind the stream: docs/operations.md, Stream lag")
        behind["Properties"].update(Statistic="Maximum", Threshold=STREAM_LAG_MS)
        resources[f"{function}Lag"] = behind


_ENVIRONMENT: dict[str, Any] = {
    "REGULARS_TABLE": {"Ref": "RegularsTable"},
    "REGULARS_STAGE": {"Ref": "Stage"},
    "REGULARS_SECRET_PARAMETER": {"Ref": "SecretParameter"},
    "POWERTOOLS_SERVICE_NAME": {"Ref": "AWS::StackName"},
    "POWERTOOLS_METRICS_NAMESPACE": "Regulars",
    # The metrics that the alarms watch are lines of this level.
    "POWERTOOLS_LOG_LEVEL": "INFO",
}


def _tune(function: str, properties: dict[str, Any], tuned: Mapping[str, Any]) -> None:
    """Give what starts the function what Chalice's decorators cannot say, such as partial batches."""
    events = properties.get("Events", {})
    if set(tuned) - set(events):
        raise Trouble(f"infra/functions.yaml: {function} has the events {sorted(events)}, not {sorted(tuned)}.")
    for name, more in tuned.items():
        events[name]["Properties"].update(more)
    if any(event["Type"] == "Schedule" for event in events.values()) and "EventInvokeConfig" not in properties:
        raise Trouble(f"infra/functions.yaml: {function} must say in EventInvokeConfig where its failures go.")
    for name, event in events.items():
        missing = sorted(_MUST_SAY.get(event["Type"], set()) - set(event["Properties"]))
        if missing:
            raise Trouble(f"infra/functions.yaml: {function}'s {name} must say {', '.join(missing)}.")


_MUST_SAY: dict[str, set[str]] = {
    "SQS": {"FunctionResponseTypes"},
    "DynamoDB": {
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "FunctionResponseTypes",
        "MaximumRetryAttempts",
    },
}


def _reading(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What Lambda itself does in a function's name, to bring it what stands in a queue or a stream."""
    if event["Type"] == "SQS":
        calls = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        return [{"Effect": "Allow", "Action": calls, "Resource": event["Properties"]["Queue"]}]
    if event["Type"] == "DynamoDB":
        calls = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
        failed = event["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
        return [
            {"Effect": "Allow", "Action": calls, "Resource": event["Properties"]["Stream"]},
            {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": failed},
        ]
    return []


def _role(log_name: str, allowed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own_log = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {
            "Fn::Sub": f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{log_name}:*"
        },
    }
    # X-Ray's calls name no resource, so AWS takes only "*" here; the statement is there only while tracing is on.
    tracing = {
        "Effect": "Allow",
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": "*",
    }
    statements = [own_log, *allowed]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            },
            "Policies": [
                {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}},
                {
                    "Fn::If": [
                        "Traced",
                        {"PolicyName": "tracing", "PolicyDocument": {"Version": "2012-10-17", "Statement": [tracing]}},
                        {"Ref": "AWS::NoValue"},
                    ]
                },
            ],
        },
    }


def _alarm(function_name: Mapping[str, Any], metric: str, description: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": description,
            "Namespace": "AWS/Lambda",
            "MetricName": metric,
            "Dimensions": [{"Name": "FunctionName", "Value": function_name}],
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "AlarmTopic"}],
            "OKActions": [{"Ref": "AlarmTopic"}],
        },
    }
