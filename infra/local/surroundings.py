"""The environment in which the app runs on one machine: its settings, and nothing that leads to a real account."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping

from infra.local import cloud


def new_secret() -> str:
    """A deployment's secret, 384 random bits."""
    return secrets.token_urlsafe(48)


def settings(endpoint: str, table_name: str, secret: str, queue_url: str = "") -> dict[str, str]:
    """Every variable that the app reads, and those that keep its AWS client on this machine."""
    return {
        "REGULARS_ENDPOINT": endpoint,
        "REGULARS_TABLE": table_name,
        "REGULARS_SECRET": secret,
        "REGULARS_QUEUE_URL": queue_url,
        "REGULARS_STAGE": "local",
        "AWS_REGION": cloud.REGION,
        "AWS_DEFAULT_REGION": cloud.REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def enter(chosen: dict[str, str], environment: MutableMapping[str, str] = os.environ) -> None:
    """Give the process these settings before the app is imported, and take away those of a real AWS account."""
    for name in [name for name in environment if name.startswith(("AWS_", "REGULARS_"))]:
        del environment[name]
    environment.update(chosen)
    # A proxy set for the internet must not be asked for this machine.
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, (environment.get(name), "127.0.0.1", "localhost")))
    # A line and a metrics record for each request would bury what a person is meant to read.
    environment.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
    environment.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
