"""What a cold start waits for: only what most requests need. ``make bench`` tells the time; this keeps the cause."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LATER = {
    "boto3": "the store holds the one client, and it is botocore's",
    "chalice.cli": "for packaging",
    "chalice.deploy": "for packaging",
    "chalicelib.api.openapi": "for the document and its page",
    "cryptography": "PyJWT's other algorithms",
    "jinja2": "for pages",
    "jwt": "for member tokens",
    "jsonschema": "for tests",
    "moto": "for tests",
    "aws_xray_sdk": "a third of a second, even when it is off",
    "yaml": "for one machine and packaging",
}


def imported(environment: dict[str, str]) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", "import app, sys; print(*sys.modules)"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def test_importing_the_app_brings_nothing_that_few_requests_need() -> None:
    modules = imported(dict(os.environ))
    assert "chalicelib.api.purchases" in modules
    assert {name: why for name, why in LATER.items() if name in modules} == {}


def test_importing_the_app_needs_no_setting_and_opens_no_connection() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS", "REGULARS", "POWERTOOLS"))}
    told = subprocess.run(
        [sys.executable, "-c", "import app; from chalicelib.store import table; print(table._Link.connection)"],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "None"
