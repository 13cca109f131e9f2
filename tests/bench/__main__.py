"""Prints round trips and write units of each action and of what time does, what a due run costs among more and more
members held, processor time of an earn, and the time to import the app.

Ends with 1 when anything is above its bound. Arguments are how many members are held; 2,000 and 20,000 without.
"""

from __future__ import annotations

import os
import sys

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
    from tests.bench import costs, processor, startup
    from tests.time import costs as due_runs

    within = True
    print(f"{'action':<58}{'round trips':>14}{'write units':>14}")
    for cost in (*costs.measured(), *costs.by_time()):
        within &= cost.within
        print(f"{cost.action:<58}{_of(cost.round_trips, cost.most_trips)}{_of(cost.write_units, cost.most_units)}")
    print()
    sys.stdout.flush()
    within &= due_runs.told([int(size) for size in sys.argv[1:]] or [2_000, 20_000])
    print()
    for time in (processor.measured(), startup.measured()):
        within &= time.within
        print(time.what)
        for name, milliseconds in time.parts:
            print(f"  {name:<56}{milliseconds:>20.2f} ms")
        print(f"  {'ratio':<56}{time.ratio:>14.2f} ≤ {time.most}{'' if time.within else '  TOO MUCH'}")
        sys.stdout.flush()
    return 0 if within else 1


def _of(used: int, most: int) -> str:
    return f"{f'{used} ≤ {most}' if used <= most else f'{used} > {most} !':>14}"


if __name__ == "__main__":
    sys.exit(main())
