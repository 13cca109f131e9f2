"""Functions that only the account's operator can invoke: create a program, issue an owner key, reconcile."""

from __future__ import annotations

from typing import Any

import msgspec
from chalice.app import Blueprint

from chalicelib import clock, telemetry
from chalicelib.actions import govern
from chalicelib.actions.admission import Call, Credential
from chalicelib.actions.reconcile import reconcile as reconcile_page
from chalicelib.domain.advice import advise
from chalicelib.domain.program_rules import check

blueprint = Blueprint(__name__)
OPERATOR = "operator"


def _call(program_id: str) -> Call:
    credential = Credential(program_id=program_id, agent=OPERATOR, roles=frozenset({"owner"}))
    return Call(credential=credential, now=clock.now())


@blueprint.lambda_function(name="create_program")
def create_program(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Creates the program ``event["program"]`` and answers its first owner key, this once.

    Raises Invalid with every fault of the document, Refused ``program_exists``.
    """
    program = check(event.get("program"), at="/program")
    key_id, key_secret = clock.new_id("k", 10), clock.new_id("", 32)
    made = govern.create_program(program, key_id=key_id, key_secret=key_secret, call=_call(program.program_id))
    advice = msgspec.to_builtins(advise(program))
    return {"program_id": program.program_id, "version": 1, "key_id": key_id, "key": made.key, "advice": advice}


@blueprint.lambda_function(name="issue_owner_key")
def issue_owner_key(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A new owner key for ``event["program_id"]``: what helps when the last one was lost."""
    key_id, key_secret = clock.new_id("k", 10), clock.new_id("", 32)
    call = _call(str(event.get("program_id", "")))
    made = govern.add_key(call, "owner", "issued by the operator", key_id=key_id, key_secret=key_secret)
    return {"program_id": call.credential.program_id, "key_id": key_id, "key": made.key}


@blueprint.lambda_function(name="reconcile")
def reconcile(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Proves a page of members' balances: ``program_id``, ``limit`` (100), ``cursor`` of the page before."""
    done = reconcile_page(str(event.get("program_id", "")), event.get("cursor"), int(event.get("limit", 100)))
    telemetry.count("ReconcileDifferences", len(done.differences), clock.now())
    answer: dict[str, Any] = msgspec.to_builtins(done)
    return answer
