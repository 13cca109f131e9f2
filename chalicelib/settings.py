"""The only reader of the environment. Every value is read when asked for, so importing never fails."""

from __future__ import annotations

import os


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


def secret() -> bytes:
    """The deployment's secret, from which identities' HMACs, voucher codes and member tokens are made.

    Raises Misconfigured when it is absent or shorter than 32 characters: guessable codes are worse than none.
    """
    value = os.environ.get("REGULARS_SECRET", "")
    if len(value) < 32:
        raise Misconfigured("REGULARS_SECRET must be set to at least 32 random characters.")
    return value.encode()
