"""How long a cold start takes under AWS's own runtime client, beside a bare Chalice and boto3 hello, packaged alike.

A ratio of two medians taken in turns on one machine: the machine's own speed falls out of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from infra.deploy import stage
from infra.local import cloud, table
from tests.deploy.packaged import ARCHITECTURE, PROGRAM, gateway, package
from tests.runtime_api import Ran, client_alone, run

HELLO = """
import boto3
from chalice.app import Chalice

app = Chalice(app_name="hello")
client = boto3.client("dynamodb")


@app.route("/v1/hello")
def hello():
    found = client.get_item(TableName="regulars", Key={"pk": {"S": "hello"}, "sk": {"S": "hello"}}, ConsistentRead=True)
    return {"found": "Item" in found}
"""
ROUNDS = 11


class ColdStart(msgspec.Struct, frozen=True):
    """Medians in milliseconds: until the function waits for its first event, until it has answered it, and the
    processor time of all that."""

    ready: float
    hello_ready: float
    first: float
    hello_first: float
    processor: float
    hello_processor: float
    zip_bytes: int
    hello_zip_bytes: int


def hello_zip(folder: Path) -> Path:
    """The bare hello, through the same packaging: the same trimming, the same compiling."""
    work = folder / "hello"
    (work / ".chalice").mkdir(parents=True)
    (work / "app.py").write_text(HELLO, encoding="utf-8")
    (work / "requirements.txt").write_text("boto3==1.44.5\n", encoding="utf-8")
    config: dict[str, Any] = {"version": "2.0", "app_name": "hello", "autogen_policy": True}
    config["stages"] = {"prod": {"api_gateway_stage": "prod", "lambda_architecture": ARCHITECTURE}}
    (work / ".chalice" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    subprocess.run(
        stage.chalice_command("prod", folder / "made"), cwd=work, check=True, env=stage.chalice_environment()
    )
    unpacked = folder / "unpacked-hello"
    with zipfile.ZipFile(folder / "made" / "deployment.zip") as archive:
        archive.extractall(unpacked)
    stage.trim(unpacked)
    stage.compile_all(unpacked)
    stage.zip_folder(unpacked, folder / "hello.zip")
    return folder / "hello.zip"


def measure(rounds: int = ROUNDS) -> ColdStart:
    folder = Path(tempfile.mkdtemp(prefix="regulars-cold-"))
    try:
        return _measured(folder, rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, rounds: int) -> ColdStart:
    ours, hello = package().zip, hello_zip(folder)
    tasks = {"ours": folder / "ours", "hello": folder / "task-hello"}
    for name, source in (("ours", ours), ("hello", hello)):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tasks[name])
    with client_alone(folder) as client, cloud.started() as running:
        table.create(running.client("dynamodb"))
        settings = {"AWS_ENDPOINT_URL": running.endpoint, "REGULARS_SECRET": "only-for-tests-only-for-tests-only"}
        operator = "chalicelib.triggers.operator.create_program"
        made = run(tasks["ours"], client, operator, [{"program": json.loads(PROGRAM.read_text())}], settings)
        key = made.answers[0]["key"]

        def ours_once() -> Ran:
            return run(tasks["ours"], client, "app.app", [gateway("GET", "/program", None, key)], settings)

        def hello_once() -> Ran:
            return run(tasks["hello"], client, "app.app", [gateway("GET", "/hello", None, "")], settings)

        seen: dict[Callable[[], Ran], list[Ran]] = {ours_once: [], hello_once: []}
        for once in seen:  # the files come into the machine's cache
            once()
        for _ in range(rounds):
            for once, found in seen.items():
                found.append(once())
    for found in seen.values():
        assert all(one.answers[0]["statusCode"] == 200 for one in found), found[0].answers
    mine, bare = seen[ours_once], seen[hello_once]
    return ColdStart(
        ready=1000 * median(one.ready for one in mine),
        hello_ready=1000 * median(one.ready for one in bare),
        first=1000 * median(one.first for one in mine),
        hello_first=1000 * median(one.first for one in bare),
        processor=1000 * median(one.processor for one in mine),
        hello_processor=1000 * median(one.processor for one in bare),
        zip_bytes=ours.stat().st_size,
        hello_zip_bytes=hello.stat().st_size,
    )


if __name__ == "__main__":
    found = measure()
    for name in ("ready", "first", "processor"):
        ours, bare = getattr(found, name), getattr(found, f"hello_{name}")
        print(f"{name:<12}{ours:>8.0f} ms {bare:>8.0f} ms {ours / bare:>8.2f}")
    print(f"{'zip':<12}{found.zip_bytes / 1e6:>8.1f} MB {found.hello_zip_bytes / 1e6:>8.1f} MB")
