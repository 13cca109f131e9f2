"""Events of payment providers that could not be booked: each once, with its reason, until it is replayed.

What was understood is kept as it was understood, without a personal datum. What was not is kept as it came, encrypted,
for KEPT_DAYS days: erasing a person looks into it, and removes what names them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from chalicelib.store import keys
from chalicelib.store.sealing import mac, seal, unseal
from chalicelib.store.table import Row, Write, connection, encode, load

KEPT_DAYS = 30
MOST = 1_000
"""So many are counted for the owner; who has more will not read them one by one."""
_PURPOSE = "set-aside"
_DAY_MS = 86_400_000


class Aside(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``told`` are the tellings that were not booked, ``sealed`` the body and headers of what was not understood."""

    provider: str
    event: str
    event_id: str | None = None
    reason: str
    detail: str = ""
    ids: tuple[str, ...] = ()
    told_ms: int | None = None
    aside_ms: int
    told: tuple[msgspec.Raw, ...] = ()
    sealed: str | None = None


def id_of(program_id: str, provider: str, told_ms: int | None, raw: bytes) -> str:
    """The same event set aside again is the same item; the list sorts by when it was told."""
    return f"{told_ms or 0:013d}-{mac('set-aside', program_id, provider, raw.decode('latin-1'))[:16].lower()}"


def sealed(program_id: str, raw: bytes, headers: dict[str, str]) -> str:
    return seal(_PURPOSE, program_id, msgspec.msgpack.encode((raw, headers)))


def unsealed(program_id: str, text: str) -> tuple[bytes, dict[str, str]]:
    """What was sealed. Raises ValueError where the deployment's secret is another."""
    body: tuple[bytes, dict[str, str]] = msgspec.msgpack.decode(
        unseal(_PURPOSE, program_id, text), type=tuple[bytes, dict[str, str]]
    )
    return body


def put(program_id: str, aside_id: str, aside: Aside) -> Write:
    """Whatever was there before: the last reason stands."""
    ttl = None if aside.sealed is None else aside.aside_ms // 1000 + KEPT_DAYS * 86_400
    return Write(Row(*keys.event_aside(program_id, aside_id), t="ASIDE", d=encode(aside), ttl=ttl))


def drop(program_id: str, aside_id: str) -> Write:
    return Write(Row(*keys.event_aside(program_id, aside_id), t="ASIDE"), delete=True)


def read(program_id: str, aside_id: str) -> Aside | None:
    key = keys.event_aside(program_id, aside_id)
    row = load([key]).get(key)
    return None if row is None else row.document(Aside)


def listed(program_id: str, before: str | None, limit: int) -> list[tuple[str, Aside]]:
    """Newest first, older than the id ``before``."""
    connection()
    pk, first = keys.event_aside(program_id, "")
    condition = Row.sk.startswith(first) if before is None else Row.sk.between(first, f"{first}{before}")
    rows: Any = Row.query(pk, condition, scan_index_forward=False, limit=limit + 1, consistent_read=True)
    found = [(row.sk.removeprefix(first), row.document(Aside)) for row in rows]
    return [(aside_id, aside) for aside_id, aside in found if aside_id != before][:limit]


def counted(program_id: str) -> Counter[str]:
    """How many each provider has, up to MOST."""
    return Counter(aside.provider for _, aside in listed(program_id, None, MOST))


def expires_ms(aside: Aside) -> int | None:
    return None if aside.sealed is None else aside.aside_ms + KEPT_DAYS * _DAY_MS


def naming(program_id: str, values: set[str]) -> list[Write]:
    """Removes every event kept as it came that holds one of a person's identities."""
    wanted = [value.casefold() for value in values if value]
    writes = []
    for aside_id, aside in listed(program_id, None, MOST):
        if aside.sealed is None:
            continue
        try:
            raw = unsealed(program_id, aside.sealed)[0].decode("utf-8", "replace").casefold()
        except ValueError:
            raw = ""  # sealed under a secret that is gone: nobody can read it any more
        if not raw or any(value in raw for value in wanted):
            writes.append(drop(program_id, aside_id))
    return writes
