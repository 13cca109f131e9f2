"""Watches the table's stream: whatever was changed against the ledger's rules raises the alarm within minutes.

The nightly proof (``proving``) recomputes every balance; this sees a change that no code of ours makes as it happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import clock, telemetry
from chalicelib.domain import audit as rules
from chalicelib.store import members
from chalicelib.store.changes import Change, change_of
from chalicelib.telemetry import logger

blueprint = Blueprint(__name__)


# The stream is a placeholder: infra/functions.yaml names the deployment's own. It holds back what is new, which
# breaks no rule, and waits for a minute or a hundred changes, so that watching costs next to nothing.
@blueprint.on_dynamodb_record("arn:aws:dynamodb:::stream", name="audit", maximum_batching_window_in_seconds=60)
def audit(event: DynamoDBEvent) -> dict[str, Any]:
    """Tells every broken rule in the log and counts them. From a record that cannot be read Lambda goes on by itself:
    it comes again, alone in the end, and is dead-lettered."""
    broken = 0
    unread = []
    for record in event.to_dict()["Records"]:
        try:
            broken += _look(change_of(record))
        except Exception as error:
            logger.error("record unread", extra={"fault": type(error).__name__})
            unread.append({"itemIdentifier": str(record["dynamodb"]["SequenceNumber"])})
            break  # what follows comes again with it
    if broken:
        telemetry.count("ReconcileDifferences", broken, clock.now())
    return {"batchItemFailures": unread}


def _look(change: Change) -> bool:
    """Whether the change breaks a rule; the log says which, and of whom."""
    before, after = change.before, change.after
    if before is None:
        return False
    told: Mapping[str, str] = {}
    rule = None
    if before.t == "HEAD":
        head = members.head_of(before)
        rule = rules.of_head(head, None if after is None else members.head_of(after))
        told = {"member": head.member_id}
    elif before.t in rules.ENTRIES:
        rule = rules.of_entry(before.d, None if after is None else after.d)
    if rule is None:
        return False
    program_id = before.pk.split("#")[1]
    logger.error("ledger changed by another hand", extra={"rule": rule, "program": program_id, **told})
    return True
