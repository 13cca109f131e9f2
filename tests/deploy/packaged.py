"""The package of this machine's architecture, made once for all tests that look at it."""

from __future__ import annotations

import json
import platform
from functools import cache
from pathlib import Path
from typing import Any

from infra.deploy import stage

ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
FOLDER = stage.BUILD / "tests"
PROGRAM = stage.ROOT / "programs" / "corner-cafe.json"


@cache
def package() -> stage.Package:
    return stage.package("prod", ARCHITECTURE, FOLDER)


def unpacked() -> Path:
    """What stands in the zip, as Lambda unpacks it."""
    package()
    return FOLDER / "unpacked"


def gateway(method: str, route: str, body: Any, key: str, **parameters: str) -> dict[str, Any]:
    """The event that API Gateway makes of a request."""
    path = "/v1" + route
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", value)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return {
        "resource": "/v1" + route,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/v1" + route,
            "httpMethod": method,
            "path": "/prod" + path,
            "requestId": "0a1b2c3d-0000-4000-8000-000000000000",
            "domainName": "api.example.com",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
