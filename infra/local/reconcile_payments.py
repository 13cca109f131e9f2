"""Holds a provider's exported list of payments against a running service: `make reconcile-payments FILE=…`.

Needs nothing but Python. KEY, an owner's key, is read from the environment, so that no list of processes shows it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USAGE = "make reconcile-payments FILE=payments.csv URL=http://127.0.0.1:8080 KEY=rk_… [PROVIDER=stripe] [BOOK=yes]"
ROWS = 50
"""Payments in one call: booking each takes a few round trips, and a call has 20 seconds."""


class Stopped(Exception):
    """It cannot go on; the message is one sentence."""


def main(arguments: list[str]) -> int:
    """Answers the exit code: 0 where the ledger has all, 2 where payments differ or are missing, 1 where it failed."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.reconcile_payments", allow_abbrev=False)
    for name, default in (("file", ""), ("url", ""), ("provider", "stripe"), ("book", "no")):
        parser.add_argument(f"--{name}", default=default)
    chosen = parser.parse_args(arguments)
    key = os.environ.get("KEY", "")
    try:
        if not chosen.file or not chosen.url or not key or chosen.book not in ("yes", "no"):
            raise Stopped(f"Say which file, which service and the owner's key: {USAGE}")
        address = f"{chosen.url.rstrip('/')}/v1/reconciliations/{chosen.provider}?book={chosen.book}"
        counted: Counter[str] = Counter()
        for part in parts(Path(chosen.file)):
            answer = sent(address, key, part)
            counted.update(payments=answer["payments"], same=answer["same"], booked=answer["booked"])
            for row in answer["items"]:
                print(told(row))
                counted["open"] += row["outcome"] not in ("booked", "known")
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return 1
    print(
        f"{counted['payments']} payments: {counted['same']} as in the ledger, {counted['booked']} booked now, "
        f"{counted['open']} to look at"
    )
    return 2 if counted["open"] else 0


def parts(path: Path) -> Iterator[bytes]:
    """The file in pieces of ROWS rows, each with the heading."""
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Stopped(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    if not rows:
        raise Stopped(f"{path} is empty.")
    for at in range(1, len(rows), ROWS):
        written = io.StringIO(newline="")
        csv.writer(written).writerows([rows[0], *rows[at : at + ROWS]])
        yield written.getvalue().encode()


def sent(address: str, key: str, body: bytes) -> Any:
    if not address.startswith(("http://", "https://")):
        raise Stopped("URL must begin with http:// or https://.")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Stopped(refusal(error.code, error.read())) from error
    except OSError as error:
        raise Stopped(f"The service cannot be reached: {error}") from error


def refusal(status: int, body: bytes) -> str:
    """What a refusal says to do; the whole body where it is not the service's."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, LookupError, TypeError):
        text = str(json.loads(text)["detail"])
    return f"The service refused ({status}): {text}"


def told(row: Any) -> str:
    """One line about one payment."""
    what = {
        "missing": "is missing",
        "total_differs": f"has {row['booked_total']} in the ledger",
        "refunded_differs": f"has {row['booked_refunded']} of {row['refunded']} refunded in the ledger",
    }[row["state"]]
    done = "" if row["outcome"] is None else f": {row['outcome'].replace('_', ' ')}"
    return f"{row['payment_id']} ({row['total']}) {what}{done}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
