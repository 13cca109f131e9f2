"""The package of this machine's architecture, made once for all tests that look at it."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

from infra.deploy import stage

ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
FOLDER = stage.BUILD / "tests"


@cache
def package() -> stage.Package:
    return stage.package("prod", ARCHITECTURE, FOLDER)


def unpacked() -> Path:
    """What stands in the zip, as Lambda unpacks it."""
    package()
    return FOLDER / "unpacked"
