"""The package deployed to an embedded cloud by the same command that deploys to AWS, with roles enforced."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local import cloud as clouds
from tests.deploy.packaged import ARCHITECTURE

SERVICES = (
    *("apigateway", "cloudformation", "dynamodb", "dynamodbstreams", "events", "iam", "kms", "lambda", "logs"),
    *("monitoring", "s3", "sns", "sqs", "ssm", "sts"),
)
# MiniStack's root: the person who deploys. The functions get keys of their own roles, and no more than these allow.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": clouds.REGION}
STACK = "regulars-dev"
DEPLOY_SECONDS = 400
ROOM_BYTES = 3_000_000_000


@dataclass
class Deployed:
    """A deployment. ``address`` is its API's, ``owner_key`` its first owner's."""

    cloud: clouds.Cloud
    address: str = ""
    owner_key: str = ""

    def run(self, command: str, *arguments: str) -> str:
        """A command of ``python -m infra.deploy``; answers what it printed, and fails with what it said."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "REGULARS_"))}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "infra.deploy",
                command,
                "--stage",
                "dev",
                "--endpoint",
                self.cloud.endpoint,
                *arguments,
            ],
            env=environment | CREDENTIALS,
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.cloud.last_words()}"
        for line in done.stdout.splitlines():
            name, _, value = line.partition(": ")
            if name == "address":
                self.address = value
            if name == "owner-key":
                self.owner_key = value
        return done.stdout

    def deploy(self, *arguments: str) -> str:
        printed = self.run("deploy", "--architecture", ARCHITECTURE, "--set", "DeletionProtection=false", *arguments)
        self._let_send_in_batches()
        self._spare_this_machine()
        return printed

    def _spare_this_machine(self) -> None:
        """Each worker unpacks the whole package for itself here: four of them instead of sixteen."""
        functions = self.client("lambda")
        for source in functions.list_event_source_mappings(FunctionName=f"{STACK}-work")["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": 4})

    def _let_send_in_batches(self) -> None:
        """This cloud asks for a permission of its own for a batch; AWS has only SendMessage, which covers it."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
                for statement in document["Statement"]:
                    if statement["Action"] == ["sqs:SendMessage"]:
                        statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
                iam.put_role_policy(RoleName=role["RoleName"], PolicyName=name, PolicyDocument=json.dumps(document))

    def client(self, service: str) -> Any:
        import botocore.session
        from botocore.config import Config

        return botocore.session.get_session().create_client(
            service,
            region_name=clouds.REGION,
            endpoint_url=self.cloud.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(read_timeout=120, retries={"max_attempts": 1}),
        )

    def http(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key or self.owner_key}"}
        return httpx.Client(base_url=f"{self.address}/v1", headers=headers, timeout=60, trust_env=False)


@contextmanager
def deployed() -> Iterator[Deployed]:
    with tempfile.TemporaryDirectory(prefix="regulars-e2e-", dir=_in_memory()) as scratch:
        more = {"AUTH": "true", "LAMBDA_ACCOUNT_CONCURRENCY": "40", "TMPDIR": scratch, "HOME": scratch}
        with clouds.started(services=SERVICES, more=more) as cloud:
            one = Deployed(cloud)
            one.deploy("--program", "programs/corner-cafe.json")
            yield one


def _in_memory() -> str | None:
    """Where files are in memory and there is room: each worker unpacks the package's thousands of files for itself,
    and to delete them takes some disks longer than all the tests."""
    place = Path("/dev/shm")
    return str(place) if place.is_dir() and shutil.disk_usage(place).free > ROOM_BYTES else None
