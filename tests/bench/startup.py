"""The time to import the app in a fresh interpreter, beside Chalice and an AWS client, which any such app needs.

Both with bytecode, as the package is deployed: what compiling costs is paid when the package is made.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.processor import Time

RUNS = 7
MOST = 1.2
ROOT = Path(__file__).resolve().parent.parent.parent
APP = "import app"
LEAST = "import boto3, chalice; boto3.client('dynamodb', region_name='eu-central-1')"
_TOLD = "import time; begun = time.process_time(); {}; print((time.process_time() - begun) * 1000)"


def measured() -> Time:
    """The ratio of the medians of several fresh interpreters each, taking turns."""
    with tempfile.TemporaryDirectory() as bytecode:
        spent: dict[str, list[float]] = {APP: [], LEAST: []}
        for what in spent:
            _import(what, bytecode)
        for _ in range(RUNS):
            for what, times in spent.items():
                times.append(_import(what, bytecode))
    whole, least = (statistics.median(spent[what]) for what in (APP, LEAST))
    return Time(
        "processor time of an import (fresh interpreters, bytecode there)",
        (("import app", whole), ("import chalice and boto3, make a DynamoDB client", least)),
        whole / least,
        MOST,
    )


def _import(what: str, bytecode: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    told = subprocess.run(
        [sys.executable, "-c", _TOLD.format(what)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout)
