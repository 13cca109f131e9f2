"""The zip: the same bytes for the same sources, small, compiled, and enough by itself to serve an earn."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from infra.deploy import stage
from infra.local import cloud, table
from tests.deploy.packaged import PROGRAM, gateway, package, unpacked
from tests.runtime_api import client_alone, run

MEGABYTE = 1_000_000


def test_it_is_at_most_15_megabytes() -> None:
    assert package().zip.stat().st_size <= 15 * MEGABYTE


def test_the_same_files_make_the_same_bytes_whenever_and_in_whatever_order(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "inner").mkdir(parents=True)
        for file in sorted(("b.py", "a.py", "inner/c.so"), reverse=name == "two"):
            (folder / file).write_text("value = frozenset({'x', 'y', 'z'})\n" if file.endswith("py") else "", "utf-8")
        stage.compile_all(folder)
        stage.zip_folder(folder, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_packaging_again_makes_the_same_package(tmp_path: Path) -> None:
    again = tmp_path / "again"
    subprocess.run(["cp", "-r", str(unpacked()), str(again)], check=True)
    for compiled in again.rglob("*.pyc"):
        compiled.unlink()
    stage.compile_all(again)
    stage.zip_folder(again, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == package().zip.read_bytes()


def test_every_module_is_compiled_and_never_compared_with_its_source() -> None:
    with zipfile.ZipFile(package().zip) as archive:
        names = set(archive.namelist())
        tag = sys.implementation.cache_tag
        for name in names:
            if name.endswith(".py") and name.startswith(("chalicelib/", "app.py", "pynamodb/")):
                folder, _, module = name.rpartition("/")
                compiled = f"{folder}/__pycache__/".lstrip("/") + module.replace(".py", f".{tag}.pyc")
                assert compiled in names, name
                # PEP 552: flags 1 is a hash that is not checked.
                assert archive.read(compiled)[4:8] == b"\x01\x00\x00\x00"


def test_nothing_is_inside_that_no_function_needs() -> None:
    top = {path.name for path in unpacked().iterdir()}
    assert not top & {"tests", "infra", "docs", "events", "boto3", "pydantic", "s3transfer", "aws_xray_sdk", ".chalice"}
    assert {path.name for path in (unpacked() / "botocore" / "data").iterdir() if path.is_dir()} == set(stage.CLIENTS)


def test_every_distribution_inside_is_pinned() -> None:
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", (stage.ROOT / "requirements.txt").read_text(), re.MULTILINE))
    plain = {name.lower().replace("-", "_"): version for name, version in pinned.items()}
    inside = dict(path.name.removesuffix(".dist-info").split("-") for path in unpacked().glob("*.dist-info"))
    assert {name.lower(): version for name, version in inside.items()} == plain


def test_every_service_that_the_code_makes_a_client_for_is_described_inside() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (stage.ROOT / "chalicelib").rglob("*.py"))
    made = set(re.findall(r"""create_client\(\s*["'](\w+)["']""", sources)) | {"dynamodb"}
    assert made <= set(stage.CLIENTS)


def test_the_http_function_imports_no_tracer_no_pydantic_and_no_resource_of_boto3() -> None:
    listed = subprocess.run(
        [sys.executable, "-S", "-P", "-c", "import sys, app; print('\\n'.join(sys.modules))"],
        cwd=unpacked(),
        env={"PYTHONPATH": str(unpacked()), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    tops = {name.partition(".")[0] for name in listed}
    assert "chalicelib" in tops and "pynamodb" in tops
    assert not tops & {"pydantic", "boto3", "aws_xray_sdk", "requests", "tests"}
    # Powertools imports its own tracing module whatever one asks for; what costs is X-Ray's library, above.
    sources = [path.read_text(encoding="utf-8") for path in (stage.ROOT / "chalicelib").rglob("*.py")]
    assert not [source for source in sources if "Tracer" in source]
    # Each provider is imported by its own webhook only, sealing by who stores secrets.
    assert not [name for name in listed if re.match(r"chalicelib\.payments\.(stripe|square|shopify|standard)$", name)]
    # What makes reports, tries programs and reads past orders is imported by who asks for it.
    assert not [
        name for name in listed if re.search(r"^chalicelib.*\.(metric_\w+|report|backtest|fold|past_order)$", name)
    ]


def test_the_collector_works_again_once_the_app_is_imported_and_passes_over_what_was() -> None:
    asked = "import gc, sys, app; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    told = subprocess.run(
        [sys.executable, "-S", "-P", "-c", asked],
        cwd=unpacked(),
        env={"PYTHONPATH": str(unpacked()), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["True", "True"]


def test_the_zip_alone_serves_an_earn_under_awss_own_runtime_client(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    with zipfile.ZipFile(package().zip) as archive:
        archive.extractall(task)
    with client_alone(tmp_path) as client, cloud.started() as running:
        table.create(running.client("dynamodb"))
        environment = {
            "AWS_ENDPOINT_URL": running.endpoint,
            "REGULARS_SECRET": "only-for-tests-only-for-tests-only",
            "POWERTOOLS_SERVICE_NAME": "package",
        }
        operator = "chalicelib.triggers.operator.create_program"
        made = run(task, client, operator, [{"program": json.loads(PROGRAM.read_text())}], environment).answers[0]
        key = made["key"]
        enrolled = gateway("POST", "/members", {"email": "ann@example.com"}, key)
        sale = {"order_id": "zip-1", "email": "ann@example.com", "total": 1250, "currency": "EUR"}
        ran = run(task, client, "app.app", [enrolled, *[gateway("POST", "/purchases", sale, key)] * 2], environment)
    assert [answer["statusCode"] for answer in ran.answers] == [201, 201, 200]
    first, again = (json.loads(answer["body"]) for answer in ran.answers[1:])
    assert first["points"] == 12 and again == first
    lines = [json.loads(line) for line in ran.output.splitlines() if line.startswith('{"level"')]
    assert [line["route"] for line in lines] == ["POST /members", "POST /purchases", "POST /purchases"]
    assert lines[0]["request_id"] == "0a1b2c3d-0000-4000-8000-000000000000"
    assert lines[1]["Earned"] and "Earned" not in lines[2] and lines[1]["units"] > 0
    assert "ann@example.com" not in ran.output and key not in ran.output


def test_both_stages_can_be_packaged() -> None:
    made = {"prod": package().template, "dev": stage.template("dev")}
    for name, template in made.items():
        assert template["Resources"]["RestAPI"]["Properties"]["StageName"] == name
