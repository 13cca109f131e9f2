"""The command behind `make replay`: HOUSEHOLDS (100) and SEED (1) come from the environment."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from chalice.local import LambdaContext

from infra.local import machine, signals
from infra.local.replay import grocer, stripe_events
from infra.local.replay.household import Household
from infra.local.replay.plan import plan
from infra.local.replay.proof import Totals, prove
from infra.local.replay.till import Till
from infra.local.replay.year import WORKERS, Clock, Year
from infra.local.trouble import Trouble

PROGRAM = Path(__file__).parent / "program.json"
MOST_SHOWN = 30


def main() -> int:
    signals.listen()
    promised = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            differences, report = replay(_number("HOUSEHOLDS", 100), _number("SEED", 1))
    except signals.Stopped:
        return 130
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print("\n".join(report), file=promised)
    for sentence in differences[:MOST_SHOWN]:
        print(f"  {sentence}", file=promised)
    if len(differences) > MOST_SHOWN:
        print(f"  and {len(differences) - MOST_SHOWN} more", file=promised)
    return 1 if differences else 0


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name) or str(otherwise)
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise Trouble(f"{name} must be a number from 1 on, not {text!r}.")
    return int(text)


def replay(size: int, seed: int) -> tuple[list[str], list[str]]:
    """Lives the year of so many households; answers the differences and the report's lines."""
    _progress("Reading the grocer's year ...")
    baskets = grocer.baskets(size, random.Random(seed))
    document = machine.read_program(PROGRAM)
    started = time.monotonic()
    with machine.serving(document, PROGRAM, machine.claim(0), data=None) as served:
        clock = Clock()
        differences: list[str] = []
        till = _opened(served, document)
        numbers = sorted({basket.household for basket in baskets})
        households = {number: Household(number, till, document, differences.append) for number in numbers}
        year = Year(ZoneInfo(document["time_zone"]), households, clock)
        for basket in baskets:
            year.add(plan(basket, seed))
        clock.now = year.evening_of(min(year.days))
        clock.install()
        last = year.live(lambda now: _due(served.address, now), _progress)
        _progress("Proving every balance ...")
        proving = Till(till.address, till.key)
        with ThreadPoolExecutor(WORKERS) as pool:
            totals = Totals()
            for each in pool.map(lambda household: prove(household, proving, last), households.values()):
                totals.add(each)
        proved = _reconcile(document["program_id"], differences)
        if proved != len(households):
            differences.append(f"reconcile saw {proved} members; {len(households)} joined")
    return differences, _report(till, totals, len(households), proved, differences, time.monotonic() - started, last)


def _opened(served: machine.Machine, document: dict[str, Any]) -> Till:
    """Stripe set up by the owner, and the storefront's till."""
    owner = Till(served.address, served.owner_key)
    heard = owner.call("owner", "PUT", "/webhooks/stripe", {"secrets": [stripe_events.SECRET]})
    made = owner.call("owner", "POST", "/keys", {"role": "storefront", "name": "The grocer's tills"})
    for answer, wanted in ((heard, 200), (made, 201)):
        if answer.status != wanted:
            raise Trouble(f"Setting {document['program_id']} up was refused: {answer.status} {answer.body}")
    return Till(served.address, made.body["key"])


def _due(address: str, now: datetime) -> None:
    """Runs the schedule that moves whom time moves, as of now and to its end."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=600)
    try:
        body = json.dumps({"time": now.isoformat()})
        connection.request("POST", "/_local/schedules/due", body, {"Content-Type": "application/json"})
        answered = connection.getresponse()
        content = answered.read()
        if answered.status != 200:
            raise Trouble(f"The schedule of {now} answered {answered.status}: {content.decode()[:300]}")
    finally:
        connection.close()


def _reconcile(program_id: str, differences: list[str]) -> int:
    """The operator's own proof, page by page; answers how many members it saw."""
    operator = importlib.import_module("chalicelib.triggers.operator")
    context = LambdaContext("operator", memory_size=256)
    seen, cursor = 0, None
    while True:
        page: dict[str, Any] = operator.reconcile({"program_id": program_id, "cursor": cursor, "limit": 100}, context)
        seen += int(page["members"])
        differences += [f"reconcile, {each['member_id']}: {'; '.join(each['details'])}" for each in page["differences"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


def _report(
    till: Till, totals: Totals, members: int, proved: int, differences: list[str], seconds: float, last: date
) -> list[str]:
    def calls(kind: str, status: int) -> int:
        return till.calls[kind, status]

    points = totals.points
    slowest, kind = till.slowest
    again = sum(calls(kind, 200) for kind in ("purchase", "refund", "redeem", "use"))
    rows = {
        "members": f"{members:,}, by tier: {_counted(totals.tiers)}",
        "purchases": f"{calls('purchase', 201):,} over the API; {calls('webhook', 200):,} webhooks of card payments",
        "refunds": f"{calls('refund', 201):,} over the API; those of cards are among the webhooks",
        "told again": f"{again:,} calls, each answered as the first time",
        "points": f"{points['earn'] + points['release'] + points['bonus']:,} earned, {-points['refund']:,} taken back, "
        f"{-points['redeem']:,} spent, {points['reverse']:,} given back, {-points['expire']:,} lapsed",
        "outstanding": f"{totals.available:,} available and {totals.pending:,} pending on {last}",
        "stamps": f"{totals.stamps_open:,} on open cards",
        "vouchers": f"{sum(totals.vouchers.values()):,}: {_counted(totals.vouchers)}",
        "refused": f"{calls('redeem', 422):,} redemptions without enough points, tier or allowance",
        "ledger": f"{totals.entries:,} entries of {proved:,} members proved",
        "requests": f"{len(till.seconds):,}, median {till.median_milliseconds:.1f} ms, "
        f"slowest {slowest * 1000:.0f} ms ({kind}), {len(till.seconds) / max(seconds, 0.001):.0f} a second",
        "took": f"{seconds:.0f} seconds",
        "differences": f"{len(differences):,}",
    }
    return [f"{name:<12} {value}" for name, value in rows.items()]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def _progress(line: str) -> None:
    """One line that is written over on a terminal, and lines of a log elsewhere."""
    end = "\r" if sys.stderr.isatty() and not line.endswith("...") else "\n"
    print(f"\x1b[K{line}" if end == "\r" else line, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
