"""What every signature check shares: one refusal, constant-time comparison, and the age of a timestamp."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from chalicelib.domain.errors import Refused

TOLERANCE_SECONDS = 300

_DIGITS = re.compile(r"[0-9]{1,12}")


def refusal() -> Refused:
    """One answer for every failed check: it must not tell a forger which part was wrong."""
    return Refused(
        "bad_signature",
        "The signature does not match this body, or is missing or too old. "
        "Check the webhook's secret and address, and send the body exactly as it was signed.",
    )


def header(headers: Mapping[str, str], name: str) -> str:
    """The header's value (``name`` in lower case). Raises ``bad_signature`` where it is missing or empty."""
    value = headers.get(name)
    if not value:
        raise refusal()
    return value


def fresh(seconds: str, now: datetime) -> str:
    """``seconds`` since 1970 as they were signed, at most 300 s from ``now`` on either side, else ``bad_signature``."""
    if not _DIGITS.fullmatch(seconds) or abs(now.timestamp() - int(seconds)) > TOLERANCE_SECONDS:
        raise refusal()
    return seconds


def sha256(secret: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 of the parts, one after the other."""
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(part)
    return mac.digest()


def require_match(expected: Iterable[bytes], given: Sequence[str]) -> None:
    """Some expected signature is some given one. Every pair is compared, so the time taken does not tell which."""
    told = [value.encode("utf-8", "replace") for value in given]
    found = False
    for wanted in expected:
        for value in told:
            found |= hmac.compare_digest(wanted, value)
    if not found:
        raise refusal()
