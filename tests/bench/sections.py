"""What is measured, section by section: each made when it is asked for, since some take a minute."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout

from chalicelib.telemetry import logger
from infra.cost.__main__ import read, services
from tests.bench import costs, processor, startup
from tests.bench.page import Section
from tests.bench.processor import Time
from tests.time import costs as due_runs

MILLION = 1_000_000
MOST_DOLLARS = 10
MOST_COLD = 1.1
MOST_BYTES = 15_000_000


def all_of(sizes: Sequence[int]) -> Iterator[Section]:
    logger.setLevel("ERROR")
    made: tuple[Callable[[], Section], ...] = (
        actions,
        lambda: due(sizes),
        counting,
        lambda: time_of(processor.measured()),
        lambda: time_of(startup.measured()),
        cold,
        money,
    )
    for section in made:
        yield section()


def actions() -> Section:
    found = [*costs.measured(), *costs.by_time()]
    rows = [(one.action, _of(one.round_trips, one.most_trips), _of(one.write_units, one.most_units)) for one in found]
    told = "Requests to the table, and write units as DynamoDB bills them, counted from the requests."
    within = all(one.within for one in found)
    return Section("What a call costs", told, ("action", "round trips", "write units"), tuple(rows), within)


def due(sizes: Sequence[int]) -> Section:
    found = list(due_runs.measured(sizes))
    rows = [
        (
            f"{one.held:,}",
            f"{one.due:,}",
            f"{one.requests:,}",
            f"{one.requests / one.due:.2f}",
            f"{one.units:,}",
            f"{one.units / one.due:.2f}",
        )
        for one in found
    ]
    requests, units = [one.requests for one in found], [one.units for one in found]
    within = max(requests) <= 1.1 * min(requests) and max(units) <= 1.1 * min(units)
    told = "The schedule that moves whom time moves costs what is due, not what is held."
    columns = ("members held", "due", "requests", "a member", "write units", "a member")
    return Section("What a due run costs", told, columns, tuple(rows), within)


def counting() -> Section:
    from tests.metrics import speed

    with redirect_stdout(sys.stderr):
        rows = tuple(speed.measured())
    told = (
        "A shop of three years, each with the customers, orders and lines of a real grocer's year (2,469, 155,848 and "
        "nine an order): the schedule that counts for the reports, the reports, and a program tried on one of the "
        "years. Processor time of one core, the best of several, the table in memory."
    )
    within = all(keeps(measured, promised) for _, measured, promised in rows)
    return Section("What counting, reports and a trial take", told, ("", "measured", "promised"), rows, within)


def keeps(measured: str, promised: str) -> bool:
    """Whether a figure is what was promised of it, both as the page has them: ``224 ms`` and ``≤ 200 ms``."""
    found, bound = (float(re.sub(r"[^\d.]", "", text) or 0) for text in (measured, promised))
    return not promised or (found >= bound if promised.startswith("≥") else found <= bound)


def time_of(found: Time) -> Section:
    rows = [(name, f"{milliseconds:.2f} ms") for name, milliseconds in found.parts]
    title = found.what[0].upper() + found.what[1:].partition(" (")[0]
    told = found.what.partition("(")[2].rstrip(")").capitalize() + "; medians."
    ratio = ("ratio", f"{found.ratio:.2f} ≤ {found.most}")
    return Section(title, told, ("", "median"), (*rows, ratio), found.within)


def cold() -> Section:
    """Under AWS's own runtime client; the package of this machine's architecture."""
    from tests.deploy.cold_start import measure

    with redirect_stdout(sys.stderr):
        found = measure()
    rows = (
        ("until it waits for its first event", *_both(found.ready, found.hello_ready), f"≤ {MOST_COLD}"),
        ("until it answered one read of the table", *_both(found.first, found.hello_first), ""),
        ("processor time of both", *_both(found.processor, found.hello_processor), ""),
        (
            "package, zipped",
            f"{found.zip_bytes / 1e6:.1f} MB",
            f"{found.hello_zip_bytes / 1e6:.1f} MB",
            "",
            f"≤ {MOST_BYTES / 1e6:.0f} MB",
        ),
    )
    told = (
        "The unpacked zip in a fresh process under AWS's runtime client, in turns with a bare Chalice hello that makes "
        "a boto3 client and reads one item, packaged alike; medians of 11. The hello makes its client before it waits, "
        "this one with its first request, which also reads and decodes a program and writes its line of the log."
    )
    within = found.ready / found.hello_ready <= MOST_COLD and found.zip_bytes <= MOST_BYTES
    return Section("Cold start and package", told, ("", "this", "bare hello", "ratio", "bound"), rows, within)


def money() -> Section:
    book = read("prices.json")
    found = services(MILLION, read("counts.json"), book["prices"])
    rows = [(name, f"${dollars:.2f}") for name, dollars in sorted(found.items(), key=lambda one: -one[1])]
    total = sum(found.values())
    told = f"By the counts above and AWS's list prices of {book['as_of']} in {book['region']}; `make cost` says more."
    together = ("together", f"${total:.2f} ≤ ${MOST_DOLLARS}")
    return Section("A million purchases", told, ("service", "dollars"), (*rows, together), total <= MOST_DOLLARS)


def _both(ours: float, bare: float) -> tuple[str, str, str]:
    return f"{ours:.0f} ms", f"{bare:.0f} ms", f"{ours / bare:.2f}"


def _of(used: int, most: int) -> str:
    return f"{used} ≤ {most}" if used <= most else f"{used} > {most} !"
