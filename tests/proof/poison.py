"""A record that nobody can read: a schedule must pass it by, say so, and go on; restored, it is as it was."""

from __future__ import annotations

import random
from typing import Any

from tests.proof.doing import Op
from tests.proof.service import Service

GARBAGE = b"\xc1 nobody can read this"


class Poison:
    """Two members of each shop, whom no other traffic touches; in turn one of them is spoilt for an hour."""

    def __init__(self, service: Service, programs: list[str]) -> None:
        self.service = service
        self.joining = [self._joining(program, number) for program in programs for number in range(2)]
        self.members: list[tuple[str, str]] = []
        self.spoilt: str | None = None
        self.count = 0
        self._kept: dict[str, Any] = {}

    @staticmethod
    def _joining(program: str, number: int) -> Op:
        email = f"poisoned{number}@{program}.example"
        body = {"email": email}
        return Op("enrol", program, "storefront", "POST", "/members", body, dict(body), ("enrol", program, email))

    def spoil(self, dice: random.Random) -> None:
        """Makes one head unreadable, and due."""
        if not self.members:
            return
        from chalicelib.store import keys

        program, self.spoilt = dice.choice(self.members)
        pk, sk = keys.head(program, self.spoilt)
        self._kept = self._read(pk, sk)
        # Long overdue, so it stands before everybody else of its slice.
        dpk, dsk = keys.due(program, self.spoilt, 20_000)
        self._write({**self._kept, "h": {"B": GARBAGE}, "dpk": {"S": dpk}, "dsk": {"S": dsk}})
        self.count += 1

    def mend(self) -> None:
        if self.spoilt is not None:
            self._write(self._kept)
            self.spoilt = None

    def _read(self, pk: str, sk: str) -> dict[str, Any]:
        wanted = {self.service.table: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}}], "ConsistentRead": True}}
        found = self.service.client.batch_get_item(RequestItems=wanted)["Responses"][self.service.table]
        item: dict[str, Any] = found[0]
        return item

    def _write(self, item: dict[str, Any]) -> None:
        self.service.client.put_item(TableName=self.service.table, Item=item)
