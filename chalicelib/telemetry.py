"""The one Logger and the one Metrics. Nothing personal, no key, token, code or signature is ever given to them."""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="regulars")
