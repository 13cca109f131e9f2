"""Prints what calls and schedules cost, what starting takes and what a million purchases cost, and writes it all to
docs/benchmarks.md.

Ends with 1 when anything is above its bound. Arguments are how many members are held; 2,000 and 20,000 without.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

os.environ.update(
    AWS_DEFAULT_REGION="eu-central-1",
    AWS_ACCESS_KEY_ID="bench",
    AWS_SECRET_ACCESS_KEY="bench",
    AWS_EC2_METADATA_DISABLED="true",
    REGULARS_SECRET="only-for-the-bench-only-for-the-bench",
    REGULARS_TABLE="regulars",
)
os.environ.pop("REGULARS_ENDPOINT", None)


def main() -> int:
    from tests.bench.page import write
    from tests.bench.sections import all_of

    found = []
    for section in all_of([int(size) for size in sys.argv[1:]] or [2_000, 20_000]):
        print(section.text(), flush=True)
        found.append(section)
    write(found, datetime.now(UTC).date())
    return 0 if all(section.within for section in found) else 1


if __name__ == "__main__":
    sys.exit(main())
