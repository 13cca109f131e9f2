"""One CloudFormation stack: a change set made, shown, refused where it would touch the table, applied, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from infra.deploy.account import Account
from infra.local.trouble import Trouble

TABLE = "RegularsTable"
WAIT_SECONDS = 1800
_DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}

Say = Callable[[str], None]


class Stack:
    """The stack of one stage, named ``regulars-<stage>`` unless told otherwise."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._formation = account.client("cloudformation")
        self._pause = 0.2 if account.endpoint else 3.0
        self._dynamodb = account.client("dynamodb")

    def described(self) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            found: dict[str, Any] = self._formation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else found

    def outputs(self) -> dict[str, str]:
        found = self.described()
        if found is None:
            raise Trouble(f"There is no stack {self.name}; `make deploy STAGE=…` makes one.")
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def apply(self, template_url: str, parameters: Mapping[str, str], say: Say) -> bool:
        """Make a change set of the template, show it, apply it and wait. Answers False where nothing changes.

        Raises Trouble where the table would be replaced or removed, and where CloudFormation gives up.
        """
        standing = self.described()
        if standing is not None and standing["StackStatus"] == "ROLLBACK_COMPLETE":
            self.delete()  # its first creation failed: CloudFormation changes nothing about such a stack
            standing = None
        change_set = f"deploy-{time.time_ns() // 1_000_000}"
        request: dict[str, Any] = {
            "StackName": self.name,
            "ChangeSetName": change_set,
            "ChangeSetType": "CREATE" if standing is None else "UPDATE",
            "TemplateURL": template_url,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        if standing is None and self._has_table(parameters["TableName"]):
            # The table that an earlier stack left standing becomes this one's, with all that is in it.
            request["ImportExistingResources"] = True
        self._formation.create_change_set(**request)
        made = self._change_set_made(change_set)
        if made is None:
            self._formation.delete_change_set(StackName=self.name, ChangeSetName=change_set)
            return False
        self._show(made, say)
        self._formation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        self._wait()
        return True

    def _has_table(self, name: str) -> bool:
        try:
            self._dynamodb.describe_table(TableName=name)
        except self._dynamodb.exceptions.ResourceNotFoundException:
            return False
        return True

    def _change_set_made(self, change_set: str) -> list[dict[str, Any]] | None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self._formation.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if found["Status"] == "CREATE_COMPLETE":
                changes = list(found["Changes"])
                while token := found.get("NextToken"):
                    found = self._formation.describe_change_set(
                        StackName=self.name, ChangeSetName=change_set, NextToken=token
                    )
                    changes.extend(found["Changes"])
                return changes
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                if "didn't contain changes" in reason or "No updates" in reason:
                    return None
                raise Trouble(f"CloudFormation refuses the template: {reason}")
            time.sleep(self._pause)
        raise Trouble("CloudFormation did not make the change set in time.")

    def _show(self, changes: list[dict[str, Any]], say: Say) -> None:
        for each in changes:
            change = each["ResourceChange"]
            replaced = change.get("Replacement") in ("True", "Conditional")
            say(
                f"  {change['Action']:<8} {change['ResourceType']:<34} {change['LogicalResourceId']}"
                f"{' (replaced)' if replaced else ''}"
            )
            if change["LogicalResourceId"] == TABLE and (
                change["Action"] == "Remove" or change.get("Replacement") == "True"
            ):
                raise Trouble(
                    "This would replace the table, so nothing was applied: keys cannot change under kept data; "
                    "see docs/operations.md, Changing the table."
                )

    def _wait(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        status = ""
        while time.monotonic() < deadline:
            found = self._formation.describe_stacks(StackName=self.name)["Stacks"][0]
            status = found["StackStatus"]
            if status in _DONE:
                return
            if not status.endswith("IN_PROGRESS"):
                raise Trouble(f"The stack ended as {status}. {self._first_failure()}")
            time.sleep(self._pause)
        raise Trouble(f"The stack is still {status}; CloudFormation's console says why.")

    def _first_failure(self) -> str:
        events = self._formation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        if not failed:
            return ""
        first = failed[-1]
        return f"First to fail: {first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"

    def delete(self) -> None:
        self._formation.delete_stack(StackName=self.name)
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self.described()
            if found is None:
                return
            if found["StackStatus"] == "DELETE_FAILED":
                raise Trouble(f"The stack could not be deleted. {self._first_failure()}")
            time.sleep(self._pause)
        raise Trouble("The stack is still being deleted; CloudFormation's console says why.")
