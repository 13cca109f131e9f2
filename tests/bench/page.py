"""One table after another, for the terminal and for docs/benchmarks.md, with the day and the machine's kind."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md"


class Section(msgspec.Struct, frozen=True):
    """``rows`` under ``columns``, as text; ``within`` tells whether all of it keeps its bounds."""

    title: str
    told: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    within: bool = True

    def text(self) -> str:
        widths = [max(len(row[place]) for row in (self.columns, *self.rows)) for place in range(len(self.columns))]
        lines = [
            "  ".join(
                text.ljust(width) if place == 0 else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in (self.columns, *self.rows)
        ]
        return "\n".join([f"{self.title}{'' if self.within else '  (NOT WITHIN ITS BOUNDS)'}", *lines, ""])

    def markdown(self) -> str:
        lines = [self.columns, tuple("---" if place == 0 else "---:" for place in range(len(self.columns))), *self.rows]
        return f"## {self.title}\n\n{self.told}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def machine() -> str:
    """What kind of machine this is; not which."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") if Path("/proc/cpuinfo").exists() else open(os.devnull) as told:
        names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    if names:
        model = f"{names[0]}, {model}"
    busy = f"{os.getloadavg()[0]:.0f} processes running on average"
    return f"{os.cpu_count()} processors ({model}), {busy}, {platform.system()}, Python {platform.python_version()}"


def write(sections: Sequence[Section], today: date) -> None:
    head = (
        "# Benchmarks\n\n"
        f"Measured by `make bench` on {today.isoformat()}: {machine()}. Counts are exact and the same everywhere; "
        "times are this machine's, so trust the ratios. Nothing was measured on AWS. A bound stands behind `≤`.\n\n"
    )
    PAGE.write_text(head + "\n".join(section.markdown() for section in sections), encoding="utf-8")
