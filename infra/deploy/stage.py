"""Makes what CloudFormation deploys: a zip that is the same for the same commit, and a template that names it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deploy import compose
from infra.local import template as templates
from infra.local.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
PACKAGED = ("app.py", "chalicelib", "vendor", "requirements.txt")
ARCHITECTURES = ("arm64", "x86_64")

CLIENTS = ("dynamodb", "sqs", "ssm", "ses", "sesv2")
"""The AWS services whose descriptions stay in the package; botocore brings 400 more, 90 % of the whole."""
_PREFIXES = ("dynamodb", "sqs", "ssm", "email")
_ONLY = {"ssm": frozenset({"GetParameter"})}
"""Where one call of hundreds is made, the rest is left out: reading it would cost each first request 30 ms."""
_ALWAYS = ("endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json")

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A packaged deployment. ``digest`` names the zip's content."""

    zip: Path
    template: dict[str, Any]
    digest: str


def package(stage: str, architecture: str | None = None, out: Path | None = None) -> Package:
    """Package the app for a stage of .chalice/config.json, into build/<stage> unless told otherwise.

    The architecture is the stage's own unless given; the Python version is the one that this runs on, for the
    package holds compiled code. Raises Trouble.
    """
    folder = out or BUILD / stage
    work = _laid_out(folder / "app", stage, architecture)
    made = _chalice_package(work, stage)
    unpacked = folder / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    with zipfile.ZipFile(made / "deployment.zip") as archive:
        archive.extractall(unpacked)
    trim(unpacked)
    compile_all(unpacked)
    zip_path = folder / "regulars.zip"
    zip_folder(unpacked, zip_path)
    composed = _composed(made)
    (folder / "template.json").write_text(json.dumps(composed, indent=1), encoding="utf-8")
    return Package(zip_path, composed, hashlib.sha256(zip_path.read_bytes()).hexdigest())


def template(stage: str, out: Path | None = None) -> dict[str, Any]:
    """The template alone, as ``package`` makes it."""
    folder = out or BUILD / stage
    return _composed(_chalice_package(_laid_out(folder / "app", stage, None), stage))


def _composed(made: Path) -> dict[str, Any]:
    return compose.composed(templates.load(made / "sam.yaml"), compose.entries())


def _laid_out(work: Path, stage: str, architecture: str | None) -> Path:
    """A clean copy of what is packaged: what git knows, where there is git, so nothing lying about gets in.

    The folder is kept, for Chalice keeps in it the dependencies that it downloaded.
    """
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    if stage not in config["stages"]:
        raise Trouble(f"There is no stage {stage}; .chalice/config.json has {', '.join(sorted(config['stages']))}.")
    if architecture is not None:
        if architecture not in ARCHITECTURES:
            raise Trouble(f"ARCHITECTURE must be {' or '.join(ARCHITECTURES)}, not {architecture!r}.")
        for settings in (config, *config["stages"].values()):
            settings["lambda_architecture"] = architecture
    for name in PACKAGED:
        shutil.rmtree(work / name, ignore_errors=True)
    for source in _sources():
        target = work / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, target)
    (work / ".chalice").mkdir(parents=True, exist_ok=True)
    (work / ".chalice" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return work


def _sources() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PACKAGED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    else:
        walked = (path for name in PACKAGED for path in ((ROOT / name).rglob("*"), [ROOT / name]))
        found = [str(path.relative_to(ROOT)) for paths in walked for path in paths if path.is_file()]
    return sorted(name for name in found if "__pycache__" not in name)


def _chalice_package(work: Path, stage: str) -> Path:
    made = work.parent / "chalice"
    shutil.rmtree(made, ignore_errors=True)
    command = [*chalice_command(stage, made), "--merge-template", str(templates.TEMPLATE)]
    done = subprocess.run(command, cwd=work, env=chalice_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"Chalice could not package the app:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    return made


def chalice_command(stage: str, made: Path) -> list[str]:
    """Packages the app of the working folder into ``made``."""
    entry = "import sys; from chalice.cli import main; sys.exit(main())"
    return [sys.executable, "-c", entry, "package", "--stage", stage, "--template-format", "yaml", str(made)]


def chalice_environment() -> dict[str, str]:
    """A region is all that packaging needs: importing the app must need nothing at all."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "REGULARS_"))}
    return kept | {"AWS_DEFAULT_REGION": "eu-central-1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def trim(unpacked: Path) -> None:
    """Leave out what no function reads: the descriptions of services that are never called.

    botocore reads the list of all services' endpoints whenever it makes a client; a tenth of it is as good.
    """
    data = unpacked / "botocore" / "data"
    for place in data.iterdir():
        if place.is_dir() and place.name not in CLIENTS:
            shutil.rmtree(place)
        elif place.is_file() and place.name not in _ALWAYS:
            place.unlink()
    endpoints = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in ("sts", *_PREFIXES) if name in services}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")), encoding="utf-8")
    for service, operations in _ONLY.items():
        for described in (data / service).rglob("service-2.json.gz"):
            whole = json.loads(gzip.decompress(described.read_bytes()))
            described.write_bytes(gzip.compress(json.dumps(_narrowed(whole, operations)).encode(), mtime=0))


def _narrowed(model: dict[str, Any], operations: frozenset[str]) -> dict[str, Any]:
    """A service's description with only these operations and the shapes that they reach."""
    kept = {name: one for name, one in model["operations"].items() if name in operations}
    shapes: dict[str, Any] = {}
    reached = [kept]
    while reached:
        for name in _shapes_in(reached.pop()):
            if name not in shapes:
                shapes[name] = model["shapes"][name]
                reached.append(shapes[name])
    return {**model, "operations": kept, "shapes": shapes}


def _shapes_in(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _shapes_in(each)
    elif isinstance(part, dict):
        if isinstance(part.get("shape"), str):
            yield part["shape"]
        for each in part.values():
            yield from _shapes_in(each)


def compile_all(unpacked: Path) -> None:
    """Compile beside each source, never to be checked against it: the zip's times mean nothing.

    In a process of its own with a fixed hash seed, or the order of sets would make each package differ.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "-f", "-j", "1", "-s", str(unpacked)),
            *("--invalidation-mode", "unchecked-hash", str(unpacked)),
        ],
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Trouble(f"The package does not compile:\n{done.stdout.strip()[-2000:]}")


def zip_folder(folder: Path, target: Path) -> None:
    """The same bytes for the same files: sorted, undated, with one mode for all."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = 0o100755 << 16 if path.suffix == ".so" else 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
