"""``make proof``: one seed or several, on the embedded engine, at an endpoint, or in this process."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="make proof", description=__doc__)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--ops", type=int, default=5_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--faults", type=int, default=50, help="of a thousand calls to the database")
    parser.add_argument("--engine", choices=("embedded", "inside"), default="embedded")
    parser.add_argument("--hour", type=int, default=2_500, help="operations between two quiet points")
    parser.add_argument("--minutes", type=float, default=0, help="end each seed at the quiet point after so long")
    given = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets are gone through in the order of their hashes: a run replays exactly with these fixed.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.proof", *sys.argv[1:]])
    from tests.proof.run import run

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with contextlib.ExitStack() as stack:
        endpoint = os.environ.get("REGULARS_PROOF_ENDPOINT")
        name = f"the engine at {endpoint}"
        if endpoint is None and given.engine == "embedded":
            from infra.local.cloud import started

            endpoint = stack.enter_context(started(services=("dynamodb",))).endpoint
            name = "the embedded cloud"
        elif endpoint is None:
            name = "the engine in this process"
        failed = 0
        for seed in map(int, given.seed.split(",")):
            result = run(
                seed,
                given.ops,
                given.threads,
                endpoint,
                given.faults,
                given.hour,
                name,
                progress=progress,
                minutes=given.minutes,
            )
            print(result, flush=True)
            failed += bool(result.count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
