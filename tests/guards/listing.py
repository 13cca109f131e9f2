"""All guards, and docs/guards.md made from them."""

from __future__ import annotations

from pathlib import Path

from tests.guards import Guard, callers, decisions, later, writes

PAGE = Path(__file__).parent.parent.parent / "docs" / "guards.md"
ROOMS = (
    ("Conditions on writes", writes),
    ("Decisions", decisions),
    ("Callers and what they send", callers),
    ("Later systems", later),
)
ALL: list[Guard] = [one for _, room in ROOMS for one in room.GUARDS]

_HEAD = """# Guards

Every guard of the product's heart: a condition on a write, a fingerprint, a floor, a cap, a role, a signature.
`make guards` deletes each in turn in a copy of the repository and runs its tests: a guard that can be deleted unseen,
or a row here that is not so, fails it. This page is made from the list in `tests/guards`
(`python -m tests.guards.listing`), and a test holds the two together.

*Covered* means that deleting this one alone changes nothing, because another still holds; where both matter, a row
deletes them together.
"""


def page() -> str:
    parts = [_HEAD]
    for title, room in ROOMS:
        parts.append(f"\n## {title}\n\n| guard | where | without it |\n|---|---|---|\n")
        for one in room.GUARDS:
            places = ", ".join(dict.fromkeys(f"`{file.removeprefix('chalicelib/')}`" for file, _, _ in one.cuts))
            fails = ", ".join(f"`{test.rpartition('::')[2]}` fails" for test in one.tests)
            parts.append(
                f"| {one.name} | {places} | {f'covered by: {one.covered_by}' if one.covered_by else fails} |\n"
            )
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
