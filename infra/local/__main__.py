"""The commands behind `make run` and `make serve`."""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from infra.local import demo, machine, signals
from infra.local.trouble import Trouble

USUAL_PORT = 8080
USAGE = "make serve PORT=8080 PROGRAM=programs/corner-cafe.json"
DEMO_PROGRAM = Path(__file__).resolve().parent.parent.parent / "programs" / "corner-cafe.json"


Say = Callable[[str], None]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Trouble(f"{message[:1].upper()}{message[1:]}; see `python -m infra.local --help`.")


def main(arguments: list[str]) -> int:
    """Run one command until it is told to stop; answers the exit code. Only what it promises is on standard output."""
    signals.listen()
    promised = sys.stdout

    def say(line: str) -> None:
        print(line, file=promised, flush=True)

    try:
        # The app's log goes to standard output, as AWS wants it; here that would mix with what a script reads.
        with contextlib.redirect_stdout(sys.stderr):
            command(arguments, say)
    except signals.Stopped:
        return 0
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def command(arguments: list[str], say: Say) -> None:
    """Do what the arguments say, telling ``say`` what was promised. Raises Trouble, and Stopped when told to stop."""
    parser = _Parser(prog="python -m infra.local", description=__doc__, allow_abbrev=False)
    parser.add_argument("command", choices=["run", "serve"])
    parser.add_argument("--port", default="", help="on loopback; run looks for a free one when none is given")
    parser.add_argument("--program", default="", help="the file of serve's program document")
    parser.add_argument("--data", default="", help="a folder in which serve keeps its data between runs")
    parser.add_argument("--stop-with-parent", action="store_true", help="end when the process that started this ends")
    chosen = parser.parse_args(arguments)
    parent = signals.Parent() if chosen.stop_with_parent else None
    if chosen.command == "run":
        _run(chosen.port, parent, say)
    else:
        _serve(chosen.port, chosen.program, chosen.data, parent, say)


def _run(port: str, parent: signals.Parent | None, say: Say) -> None:
    """A café with a little life in it, and what to try on it."""
    listening = machine.claim(port_number(port)) if port else _usual_or_free()
    program = machine.read_program(DEMO_PROGRAM)
    with machine.serving(program, DEMO_PROGRAM, listening, data=None) as served:
        say(demo.live(served.address, served.owner_key))
        served.stay(parent)


def _serve(port: str, program: str, data: str, parent: signals.Parent | None, say: Say) -> None:
    """One empty program for whoever started this."""
    if not port:
        raise Trouble(f"PORT is missing: {USAGE}")
    if not program:
        raise Trouble(f"PROGRAM is missing: {USAGE}")
    source = Path(program)
    document = machine.read_program(source)
    listening = machine.claim(port_number(port))
    with machine.serving(document, source, listening, Path(data) if data else None) as served:
        if served.kept:
            print(
                f"The program was already in {data}, so {source} was left aside; PUT /v1/program changes it.",
                file=sys.stderr,
            )
        say(f"owner-key: {served.owner_key}")
        say(f"ready: {served.address}")
        served.stay(parent)


def port_number(port: str) -> int:
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        raise Trouble(f"PORT must be a number from 1 to 65535, not {port!r}.")
    return int(port)


def _usual_or_free() -> socket.socket:
    try:
        return machine.claim(USUAL_PORT)
    except Trouble:
        return machine.claim(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
