"""Compares what each function was seen to call with what its role in the packaged template lets it call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Call = tuple[str, str, str]

ALLOWED_EVERYWHERE = {
    ("xray:PutTraceSegments", "*"): "X-Ray's calls name no resource, so AWS takes no other; only while tracing is on",
    ("xray:PutTelemetryRecords", "*"): "the same",
}
"""The only permissions on every resource, each with its reason."""

UNSEEN = {"logs:CreateLogStream", "logs:PutLogEvents"}
"""What the Lambda service does in a function's name, on the function's own log: no test can see it."""

READS_A_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
READS_A_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
NEVER = {"dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:CreateTable"}


def statements(template: Mapping[str, Any], function: str) -> list[dict[str, Any]]:
    """Every statement of a function's role, those under a condition too."""
    role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    found = []
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        plain = policy["Fn::If"][1] if "Fn::If" in policy else policy
        found.extend(plain["PolicyDocument"]["Statement"])
    return found


def functions(template: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function")


def resource_kind(resource: Any) -> str:
    """``table``, ``index/due``, ``stream``, ``queue/WorkQueue``, ``secret``, or the text as it stands."""
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        target = resource["Fn::GetAtt"]
        name, attribute = target if isinstance(target, list) else target.split(".")
        if name == "RegularsTable":
            return "table" if attribute == "Arn" else "stream"
        return f"queue/{name}"
    text = str(resource.get("Fn::Sub", resource)) if isinstance(resource, dict) else str(resource)
    if "/index/" in text:
        return text[text.index("index/") :]
    return "secret" if ":parameter" in text else text


def granted(template: Mapping[str, Any], function: str) -> set[tuple[str, str]]:
    """Each action with each resource that a role names, except those that only Lambda itself uses."""
    properties = template["Resources"][function]["Properties"]
    events = properties.get("Events", {}).values()
    own = set()
    if "EventInvokeConfig" in properties:
        failed = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]
        own.add(("sqs:SendMessage", resource_kind(failed)))
    for event in events:
        if event["Type"] == "SQS":
            own |= {(action, resource_kind(event["Properties"]["Queue"])) for action in READS_A_QUEUE}
        if event["Type"] == "DynamoDB":
            failed = event["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]
            own |= {(action, "stream") for action in READS_A_STREAM} | {("sqs:SendMessage", resource_kind(failed))}
    found = set()
    for statement in statements(template, function):
        listed = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        found |= {(action, resource_kind(each)) for action in statement["Action"] for each in listed}
    return {one for one in found if one not in own and one[0] not in UNSEEN and one not in ALLOWED_EVERYWHERE}


def compared(calls: Iterable[Call], template: Mapping[str, Any], only: str | None = None) -> list[str]:
    """What differs between the calls seen and the roles, a line each; none when they are the same."""
    seen = set(calls)
    faults = []
    for function in functions(template) if only is None else [only]:
        made = {(action, resource) for name, action, resource in seen if name == function}
        allowed = granted(template, function)
        faults += [
            f"{function} calls {action} on {kind}, which its role lacks" for action, kind in sorted(made - allowed)
        ]
        faults += [f"{function} may {action} on {kind}, and never does" for action, kind in sorted(allowed - made)]
    return faults
