"""One AWS account and region: its clients, the bucket of packages, the deployment's secret."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import surroundings
from infra.local.trouble import Trouble

Client = Any  # botocore makes its clients at run time; they have no types


@dataclass(frozen=True)
class Account:
    """Clients of one account. ``endpoint`` is set where an embedded cloud stands in for AWS."""

    session: Any
    region: str
    endpoint: str | None = None

    def client(self, service: str) -> Client:
        # An invocation may take as long as a function's first start and its work; it is never to be sent twice.
        from botocore.config import Config

        config = Config(read_timeout=930, retries={"max_attempts": 1 if service == "lambda" else 5})
        return self.session.create_client(service, region_name=self.region, endpoint_url=self.endpoint, config=config)

    def number(self) -> str:
        """The account's id. Raises Trouble where there are no credentials that work."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise Trouble(f"No AWS credentials that work: {error}") from None


def opened(region: str, endpoint: str | None) -> Account:
    """The account that the environment's credentials are for. Raises Trouble without a region."""
    import botocore.session

    session = botocore.session.get_session()
    found = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not found:
        raise Trouble("Say where: REGION=eu-central-1, or set AWS_REGION.")
    return Account(session, found, endpoint)


class Bucket:
    """Where packages and templates wait to be deployed: private, named after the account and region."""

    def __init__(self, account: Account) -> None:
        self.name = f"regulars-deployments-{account.number()}-{account.region}"
        self._s3 = account.client("s3")
        self._region = account.region
        self._endpoint = account.endpoint

    def ensure(self) -> None:
        from botocore.exceptions import ClientError

        try:
            self._s3.head_bucket(Bucket=self.name)
            return
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise Trouble(f"The bucket {self.name} cannot be used: {error}") from None
        # us-east-1 is the one region that may not be named here.
        where = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        self._s3.create_bucket(Bucket=self.name, **({"CreateBucketConfiguration": where} if where else {}))
        self._s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )

    def put_file(self, key: str, path: Path) -> str:
        with path.open("rb") as body:
            self._s3.put_object(Bucket=self.name, Key=key, Body=body)
        return f"s3://{self.name}/{key}"

    def put_text(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=text.encode())

    def address(self, key: str) -> str:
        """Where CloudFormation reads it."""
        if self._endpoint:
            return f"{self._endpoint}/{self.name}/{key}"
        return f"https://{self.name}.s3.{self._region}.amazonaws.com/{key}"

    def get_text(self, key: str) -> str | None:
        try:
            body: bytes = self._s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        return body.decode()

    def has(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._s3.head_object(Bucket=self.name, Key=key)
        except ClientError:
            return False
        return True


def ensure_secret(account: Account, name: str) -> bool:
    """Make the deployment's secret where there is none; answers whether it was made. It is never changed."""
    ssm = account.client("ssm")
    try:
        ssm.put_parameter(
            Name=name,
            Value=surroundings.new_secret(),
            Type="SecureString",
            Description="Regulars: what identities, codes and tokens are made from. Losing it makes the table useless.",
            Overwrite=False,
        )
    except ssm.exceptions.ParameterAlreadyExists:
        return False
    return True


class History:
    """What was deployed, newest last: the templates that a rollback goes back to."""

    def __init__(self, bucket: Bucket, stack: str) -> None:
        self._bucket = bucket
        self._key = f"{stack}/history.json"

    def all(self) -> list[dict[str, str]]:
        text = self._bucket.get_text(self._key)
        found: list[dict[str, str]] = [] if text is None else json.loads(text)
        return found

    def keep(self, deployments: list[dict[str, str]]) -> None:
        self._bucket.put_text(self._key, json.dumps(deployments[-50:], indent=1))
