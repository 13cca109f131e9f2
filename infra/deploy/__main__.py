"""The commands behind `make package`, `make deploy`, `make rollback` and `make destroy`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.deploy import smoke, stage
from infra.deploy.account import Account, Bucket, History, ensure_secret, opened
from infra.deploy.stack import Stack
from infra.local.machine import read_program
from infra.local.trouble import Trouble


def main(arguments: list[str]) -> int:
    """Run one command; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__, allow_abbrev=False)
    parser.add_argument("command", choices=["package", "deploy", "rollback", "destroy"])
    parser.add_argument("--stage", default="dev", help="a stage of .chalice/config.json")
    parser.add_argument("--stack", default="", help="the stack's name; regulars-<stage> unless given")
    parser.add_argument("--region", default="")
    parser.add_argument("--architecture", default="", help="arm64 or x86_64; the stage's own unless given")
    parser.add_argument("--program", default="", help="a program document to create after deploying")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template")
    parser.add_argument("--table", default="", help="destroy only: the table's name, to delete it with all it holds")
    parser.add_argument("--endpoint", default="", help="an embedded cloud instead of AWS")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "package":
            made = stage.package(chosen.stage, chosen.architecture or None)
            _validate(made)
            print(f"{made.zip} {made.zip.stat().st_size} bytes, sha256 {made.digest}")
            return 0
        account = opened(chosen.region, chosen.endpoint or None)
        stack = Stack(account, chosen.stack or f"regulars-{chosen.stage}")
        if chosen.command == "deploy":
            _deploy(chosen, account, stack)
        elif chosen.command == "rollback":
            _rollback(account, stack)
        else:
            _destroy(account, stack, chosen.table)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "botocore":
            raise
        print(f"AWS refused: {error}", file=sys.stderr)  # its messages name the call and the permission
        return 1
    return 0


def _validate(package: stage.Package) -> None:
    """cfn-lint, on the template as CloudFormation gets it. Raises Trouble with what it found."""
    template = package.zip.parent / "template.json"
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())", str(template)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Trouble(f"cfn-lint finds faults in {template}:\n{(done.stdout or done.stderr).strip()}")


def _parameters(chosen: argparse.Namespace, stack: Stack, standing: dict[str, Any] | None) -> dict[str, str]:
    """What the stack has keeps its value; what is said now wins."""
    kept = {one["ParameterKey"]: one["ParameterValue"] for one in (standing or {}).get("Parameters", [])}
    first = {"TableName": stack.name, "Stage": chosen.stage, "SecretParameter": f"/{stack.name}/secret"}
    said = {}
    for pair in chosen.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Trouble(f"--set takes NAME=VALUE, not {pair!r}.")
        said[name] = value
    return {**first, **kept, **said}


def _deploy(chosen: argparse.Namespace, account: Account, stack: Stack) -> None:
    program = read_program(Path(chosen.program)) if chosen.program else None
    made = stage.package(chosen.stage, chosen.architecture or None)
    if not account.endpoint:
        _validate(made)  # an embedded cloud finds its own faults, and sooner
    standing = stack.described()
    parameters = _parameters(chosen, stack, standing)
    unknown = sorted(set(parameters) - set(made.template["Parameters"]))
    for name in unknown:
        if standing is None or name in {pair.partition("=")[0] for pair in chosen.set}:
            raise Trouble(f"The template has no parameter {name}.")
        del parameters[name]  # it had one, in a version that is gone
    bucket = Bucket(account)
    bucket.ensure()
    code = f"packages/{made.digest}.zip"
    if not bucket.has(code):
        bucket.put_file(code, made.zip)
    template = _with_code(made.template, f"s3://{bucket.name}/{code}")
    kept = f"{stack.name}/templates/{_moment()}-{made.digest[:12]}.json"
    bucket.put_text(kept, json.dumps(template))
    if ensure_secret(account, parameters["SecretParameter"]):
        print(f"Made the deployment's secret, {parameters['SecretParameter']}.")
    print(f"Changes to {stack.name} in {account.region}:")
    if stack.apply(bucket.address(kept), parameters, print):
        history = History(bucket, stack.name)
        history.keep([*history.all(), {"template": kept, "package": made.digest, "at": _moment()}])
    else:
        print("  none")
    _finish(account, stack, program)


def _with_code(template: dict[str, Any], address: str) -> dict[str, Any]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = address
    return template


def _finish(account: Account, stack: Stack, program: dict[str, Any] | None) -> None:
    """Smoke-test it, and where a program was given create it and print its first key."""
    outputs = stack.outputs()
    address = outputs["EndpointURL"]
    if account.endpoint:
        stage_name = address.rstrip("/").rpartition("/")[2]
        address = f"{account.endpoint}/restapis/{outputs['RestAPIId']}/{stage_name}/_user_request_"
    key = None if program is None else _created(account, stack, program)
    smoke.test(address, key)
    print(f"address: {address.rstrip('/')}")
    if key is not None:
        print(f"owner-key: {key}")
        print("This key is shown this once and stored nowhere.")
    elif program is None:
        print("A program is made with PROGRAM=<its document>, now or later.")


def _created(account: Account, stack: Stack, program: dict[str, Any]) -> str | None:
    answered = account.client("lambda").invoke(
        FunctionName=f"{stack.name}-create-program", Payload=json.dumps({"program": program}).encode()
    )
    told = smoke.told(answered["Payload"].read())
    if "FunctionError" not in answered:
        return str(told["key"])
    if "exists already" in str(told.get("errorMessage")):
        print(f"The program {program.get('program_id')} is there already; its owner changes it with PUT /v1/program.")
        return None
    raise Trouble(f"The program was refused: {told.get('errorMessage')}")


def _rollback(account: Account, stack: Stack) -> None:
    """Apply what was deployed before, table and data as they are. Raises Trouble where there is nothing before."""
    standing = stack.described()
    bucket = Bucket(account)
    history = History(bucket, stack.name)
    deployments = history.all()
    if standing is None or len(deployments) < 2:
        raise Trouble(f"There is nothing before what {stack.name} runs now.")
    before = deployments[-2]
    kept = {one["ParameterKey"]: one["ParameterValue"] for one in standing.get("Parameters", [])}
    text = bucket.get_text(before["template"])
    if text is None:
        raise Trouble(f"The template {before['template']} is gone from the bucket; deploy its commit instead.")
    known = json.loads(text)["Parameters"]
    print(f"Back to what was deployed at {before['at']}:")
    stack.apply(
        bucket.address(before["template"]), {name: value for name, value in kept.items() if name in known}, print
    )
    history.keep(deployments[:-1])
    _finish(account, stack, None)


def _destroy(account: Account, stack: Stack, table: str) -> None:
    """Take the stack down. The table and the secret stay unless the table is named: told once is not enough."""
    standing = stack.described()
    if standing is not None:
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in standing.get("Parameters", [])}
        if table and table != parameters["TableName"]:
            raise Trouble(f"The table of {stack.name} is {parameters['TableName']}, not {table}; nothing was deleted.")
        stack.delete()
        print(f"{stack.name} is deleted.")
    elif not table:
        raise Trouble(f"There is no stack {stack.name}.")
    if not table:
        print("The table and the secret stay. To delete them with all they hold: make destroy … TABLE=<its name>")
        return
    dynamodb = account.client("dynamodb")
    try:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
    except dynamodb.exceptions.ResourceNotFoundException:
        raise Trouble(f"There is no table {table}.") from None
    secret = f"/{stack.name}/secret"
    ssm = account.client("ssm")
    try:
        ssm.delete_parameter(Name=secret)
    except ssm.exceptions.ParameterNotFound:
        print(f"There was no secret {secret}.")
    print(f"The table {table} and its secret are deleted. Backups, where there are any, stay.")


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
