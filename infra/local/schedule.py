"""The command behind `make schedule`: runs a schedule on the machine that is being served, as of a moment."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from infra.local.__main__ import USUAL_PORT, port_number
from infra.local.trouble import Trouble

RUN_SECONDS = 3_600


def main(arguments: list[str]) -> int:
    """Prints the run's record; 1 and a sentence where it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.schedule", description=__doc__, allow_abbrev=False)
    parser.add_argument("--name", required=True, help="the schedule, such as due")
    parser.add_argument("--at", default="", help="as of when, with an offset: 2027-01-01T03:00:00Z; now where left out")
    parser.add_argument("--port", default="", help=f"where the machine is served, {USUAL_PORT} where left out")
    asked = parser.parse_args(arguments)
    try:
        record = run(asked.name, _moment(asked.at), port_number(asked.port) if asked.port else USUAL_PORT)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(json.dumps(record, indent=2))
    return 0


def _moment(text: str) -> str:
    if not text:
        return datetime.now(UTC).isoformat(timespec="seconds")
    try:
        if datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass
    raise Trouble(f"AT must be a moment with an offset, such as 2027-01-01T03:00:00Z, not {text!r}.")


def run(name: str, time: str, port: int) -> Any:
    """The record of a run on the machine that is served at a port. Raises Trouble."""
    address = f"127.0.0.1:{port}"
    connection = http.client.HTTPConnection(address, timeout=RUN_SECONDS)
    try:
        path = f"/_local/schedules/{quote(name, safe='')}"
        connection.request("POST", path, json.dumps({"time": time}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise Trouble(told["detail"])
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Trouble(f"Nothing is served at {address} ({why}); start it with make serve or make run.") from None
    except (http.client.HTTPException, ValueError, LookupError, TypeError):
        raise Trouble(f"What is served at {address} is another program; name this one's port with PORT=…") from None
    finally:
        connection.close()
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
