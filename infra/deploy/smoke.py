"""What must hold right after a deployment, seen from outside over HTTP."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from infra.local.trouble import Trouble

TRIES = 5


def test(address: str, key: str | None = None) -> None:
    """It answers, reaches its table, and refuses strangers. Raises Trouble with what it answered instead."""
    _expect(address, "/v1/health", None, 200)
    # A key that cannot exist makes it read the secret's neighbour, the table: refused means that it could.
    _expect(address, "/v1/program", "rk_smoke-test_" + "0" * 32, 401)
    if key is not None:
        _expect(address, "/v1/program", key, 200)


def _expect(address: str, path: str, key: str | None, status: int) -> None:
    seen: Any = None
    for attempt in range(TRIES):
        seen, body = _get(address.rstrip("/") + path, key)
        if seen == status:
            return
        time.sleep(attempt)  # a new API answers some requests with what stood there before
    raise Trouble(f"The smoke test failed: GET {path} answered {seen}, not {status}: {body[:300]}")


def _get(url: str, key: str | None) -> tuple[int, str]:
    asked = urllib.request.Request(url, headers={} if key is None else {"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answered:
            return answered.status, answered.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def told(payload: bytes) -> dict[str, Any]:
    """A function's answer, as a mapping."""
    found: dict[str, Any] = json.loads(payload)
    return found
