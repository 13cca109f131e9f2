"""The only reader of the environment. Every value is read when asked for, so importing never fails."""

from __future__ import annotations

import os
from functools import cache


class Misconfigured(RuntimeError):
    """The deployment lacks a setting; the message names it."""


def table_name() -> str:
    return os.environ.get("REGULARS_TABLE", "regulars")


def endpoint() -> str | None:
    """The database's address on one machine or in a test; None means AWS itself."""
    return os.environ.get("REGULARS_ENDPOINT") or None


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-central-1"


def stage() -> str:
    return os.environ.get("REGULARS_STAGE", "dev")


def service() -> str:
    """Under what name this deployment's logs and metrics stand: its stack's, so that two do not mix."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or "regulars"


def queue_url() -> str:
    """Where the work of scheduled runs waits. Raises Misconfigured where this function was given no queue."""
    value = os.environ.get("REGULARS_QUEUE_URL", "")
    if not value:
        raise Misconfigured("REGULARS_QUEUE_URL must name the queue on which scheduled work waits.")
    return value


def secret() -> bytes:
    """The deployment's secret, from which identities' HMACs, voucher codes and member tokens are made.

    On AWS it is read once from the Parameter Store, where REGULARS_SECRET_PARAMETER names it, and kept as long as
    the process lives; elsewhere it is REGULARS_SECRET itself. Raises Misconfigured when it is absent or shorter than
    32 characters: guessable codes are worse than none.
    """
    name = os.environ.get("REGULARS_SECRET_PARAMETER")
    value = _parameter(name) if name else os.environ.get("REGULARS_SECRET", "")
    if len(value) < 32:
        raise Misconfigured(f"{name or 'REGULARS_SECRET'} must be set to at least 32 random characters.")
    return value.encode()


@cache
def _parameter(name: str) -> str:
    """A SecureString of the Parameter Store. Raises Misconfigured where it cannot be read."""
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    client = botocore.session.get_session().create_client("ssm", region_name=region())
    try:
        return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except (BotoCoreError, ClientError) as error:
        raise Misconfigured(f"The secret {name} cannot be read: {type(error).__name__}.") from error
