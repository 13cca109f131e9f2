"""The one Logger and the one Metrics. Nothing personal, no key, token, code or signature is ever given to them.

A request is one line of JSON: what was asked, by which program, how it ended, how long it took, what it cost the
table. Where it counts as business (a member enrolled, a purchase earned, a refusal) the same line carries the metric
in CloudWatch's embedded format, so that counting costs no second line and no call.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib import settings

SERVICE = settings.service()
logger = Logger(service=SERVICE)

COUNTED = {
    "POST /members": "Enrolled",
    "POST /purchases": "Earned",
    "POST /purchases/{order_id}/claim": "Earned",
    "POST /purchases/{order_id}/refunds": "Refunded",
    "POST /members/{member_id}/redemptions": "Redeemed",
    "POST /me/redemptions": "Redeemed",
}
"""The calls that count as business when they happen the first time (201), each by its metric's name."""


def request(
    *,
    now: datetime,
    request_id: str,
    route: str,
    program: str | None,
    member: str | None,
    status: int,
    outcome: str,
    milliseconds: float,
    units: float,
) -> None:
    """The line of one request. ``outcome`` is ``ok`` or a refusal's code, ``units`` the table's capacity units."""
    line: dict[str, Any] = {"request_id": request_id, "route": route, "status": status, "outcome": outcome}
    if program is not None:
        line["program"] = program
    if member is not None:
        line["member"] = member
    line["milliseconds"] = milliseconds
    line["units"] = units
    metric = None
    if outcome != "ok":
        metric = _metric("Refused", outcome)
    elif status == 201 and route in COUNTED:
        metric = _metric(COUNTED[route])
    _write("request", line, metric, now)


def count(name: str, value: float, now: datetime) -> None:
    """A metric beside the requests' own, such as ``SetAside``."""
    _write("metric", {name: value}, _metric(name), now)


def _write(message: str, line: dict[str, Any], metric: dict[str, Any] | None, now: datetime) -> None:
    # Written here and not through the Logger, whose line takes a tenth of a millisecond; its level still decides.
    if logger.log_level > logging.INFO:
        return
    whole: dict[str, Any] = {
        "level": "INFO",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "message": message,
        "service": SERVICE,
    }
    if metric is not None:
        whole |= metric
        whole["_aws"] = {**metric["_aws"], "Timestamp": int(now.timestamp() * 1000)}
    whole |= line
    sys.stdout.write(msgspec.json.encode(whole).decode() + "\n")
    sys.stdout.flush()


@lru_cache(maxsize=512)
def _metric(name: str, code: str | None = None) -> dict[str, Any]:
    """One more of a metric, in CloudWatch's embedded format as Powertools writes it; only its time is still to set."""
    metrics = EphemeralMetrics(namespace="Regulars", service=SERVICE)
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    if code is not None:
        metrics.add_dimension(name="code", value=code)
    embedded: dict[str, Any] = dict(metrics.serialize_metric_set())
    return embedded
