"""The command behind `make schedule`: runs a schedule on the machine that is being served, as of a moment."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from datetime import UTC, datetime

from infra.local.__main__ import USUAL_PORT

RUN_SECONDS = 3_600


def main(arguments: list[str]) -> int:
    """Prints the run's record; 1 and a sentence where it could not be run."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.schedule", description=__doc__, allow_abbrev=False)
    parser.add_argument("--name", required=True, help="the schedule, such as due")
    parser.add_argument("--at", default="", help="as of when, with an offset: 2027-01-01T03:00:00Z; now where left out")
    parser.add_argument("--port", default="", help=f"where the machine is served, {USUAL_PORT} where left out")
    asked = parser.parse_args(arguments)
    time = asked.at or datetime.now(UTC).isoformat(timespec="seconds")
    address = f"127.0.0.1:{asked.port or USUAL_PORT}"
    connection = http.client.HTTPConnection(address, timeout=RUN_SECONDS)
    try:
        path = f"/_local/schedules/{asked.name}"
        connection.request("POST", path, json.dumps({"time": time}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except OSError as error:
        print(
            f"Nothing is served at {address} ({error.strerror}); start it with make serve or make run.", file=sys.stderr
        )
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        print(told["detail"], file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
