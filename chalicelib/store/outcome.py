"""What an answer of the database that is no success means: a lost race, a database that is away, or a fault of ours.

Judged in one place for every call, queries included, before botocore or PynamoDB raise anything of their own.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ConnectionError, HTTPClientError

from chalicelib.domain.errors import Unavailable


class Lost(Exception):
    """A condition failed or another transaction was in the way: nothing was written, read and decide again."""


_LOST = {
    "ConditionalCheckFailedException",
    # The token belongs to another transaction, so this one was not written.
    "IdempotentParameterMismatchException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_LOST_REASONS = {"ConditionalCheckFailed", "TransactionConflict"}
_AWAY = {
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
}
_AWAY_REASONS = {"ProvisionedThroughputExceeded", "ThrottlingError"}


def attach(client: Any) -> None:
    """Judge whatever this client is answered, after botocore's own tries."""
    client.meta.events.register("after-call.dynamodb", _judge, unique_id="regulars-judge")
    client.meta.events.register("after-call-error.dynamodb", _judge_silence, unique_id="regulars-judge-silence")


def _judge(parsed: dict[str, Any], http_response: Any, **_: Any) -> None:
    if http_response.status_code < 300:
        return
    code = parsed.get("Error", {}).get("Code")
    reasons = {reason.get("Code") for reason in parsed.get("CancellationReasons", ())}
    if code in _LOST or reasons & _LOST_REASONS:
        raise Lost
    # Where a reason is a fault of ours (an item too large), asking again would not help: that is left to be raised.
    if code in _AWAY or (reasons & _AWAY_REASONS and not reasons & {"ValidationError"}):
        raise Unavailable
    if http_response.status_code >= 500:
        raise Unavailable


def _judge_silence(exception: Exception, **_: Any) -> None:
    """No answer at all: a connection refused or cut, or nothing in time. What was asked may have been done; the
    cause decides when the caller asks again."""
    if isinstance(exception, HTTPClientError | ConnectionError):
        raise Unavailable from exception
