"""Programs and their versions, API keys, and the web origins that may call from a browser."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from pynamodb.expressions.condition import Condition

from chalicelib.domain.program import Program
from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, connection, encode, load, put_new


class Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a program as it was written: the document, by whom, when (milliseconds since the epoch)."""

    program: Program
    version: int
    written_by: str
    written_ms: int
    created_ms: int


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key's record; the key itself is nowhere. ``digest`` is the SHA-256 that it is found by."""

    key_id: str
    program_id: str
    role: str
    name: str
    digest: str
    created_ms: int
    created_by: str
    revoked_ms: int | None = None


@lru_cache(maxsize=64)
def _parsed(text: str) -> Written:
    # A version never changes, so its text can stand for it; parsing a program costs more than the rest of a request.
    return msgspec.json.decode(text, type=Written)


def written(row: Row) -> Written:
    return _parsed(row.d)


def read_version(program_id: str, version: int) -> Written | None:
    key = keys.program_version(program_id, version)
    found = load([key])
    return written(found[key]) if key in found else None


def versions(program_id: str, limit: int, before: int | None) -> list[Written]:
    """Versions of a program, newest first, older than ``before``."""
    connection()
    pk, _ = keys.program(program_id)
    condition: Condition = Row.sk.startswith("VERSION#")
    if before is not None:
        condition = Row.sk.between("VERSION#", f"VERSION#{before - 1:08d}")
    return [written(row) for row in Row.query(pk, condition, scan_index_forward=False, limit=limit)]


def create(new: Written) -> list[Write]:
    """A new program: fails where one of that id exists."""
    return [
        put_new(_row(keys.program(new.program.program_id), new)),
        put_new(_row(keys.program_version(new.program.program_id, new.version), new)),
        put_new(Row(*keys.listed_program(new.program.program_id), t="LISTED")),
        *(Write(_origin(text, new.program.program_id)) for text in new.program.storefront_origins),
    ]


def all_programs() -> list[str]:
    """The ids of every program of the deployment."""
    connection()
    pk, _ = keys.listed_program("")
    return [row.sk for row in Row.query(pk)]


def replace(old: Written, new: Written) -> list[Write]:
    """The next version of a program: fails where another came in between."""
    program_id = new.program.program_id
    before, after = set(old.program.storefront_origins), set(new.program.storefront_origins)
    return [
        Write(_row(keys.program(program_id), new), Row.v == old.version),
        put_new(_row(keys.program_version(program_id, new.version), new)),
        *(Write(_origin(text, program_id)) for text in sorted(after - before)),
        *(Write(_origin(text, program_id), delete=True) for text in sorted(before - after)),
    ]


def _row(key: Key, written: Written) -> Row:
    return Row(*key, t="PROGRAM", v=written.version, d=encode(written))


def _origin(text: str, program_id: str) -> Row:
    return Row(*keys.origin(text, program_id), t="ORIGIN")


def origin_is_known(text: str) -> bool:
    """Whether any program of this deployment lets that web origin call."""
    connection()
    pk, _ = keys.origin(text, "")
    return next(iter(Row.query(pk, limit=1)), None) is not None


def origin_is_allowed(program_id: str, text: str) -> bool:
    """Whether that program lets that web origin call."""
    key = keys.origin(text, program_id)
    return key in load([key])


def api_key(row: Row) -> ApiKey:
    return row.document(ApiKey)


def add_key(new: ApiKey) -> list[Write]:
    """The key by its digest, where a caller is looked up, and by its id, where the owner sees it."""
    return [
        put_new(Row(*keys.api_key(new.digest), t="KEY", d=encode(new))),
        put_new(Row(*keys.api_key_listing(new.program_id, new.key_id), t="KEYLISTING", d=encode(new))),
    ]


def use_key(used: ApiKey, now_ms: int) -> list[Write]:
    """When a key was last used, where it is looked up and where it is listed; fails for one that was revoked."""
    places = (keys.api_key(used.digest), keys.api_key_listing(used.program_id, used.key_id))
    return [Write(Row(*key), Row.pk.exists(), actions=(Row.n.set(now_ms),)) for key in places]


def revoke_key(old: ApiKey, revoked_ms: int) -> list[Write]:
    """From the moment this commits the key is refused; the listing remembers it."""
    gone = msgspec.structs.replace(old, revoked_ms=revoked_ms)
    return [
        Write(Row(*keys.api_key(old.digest), t="KEY"), delete=True),
        # Changed and not put anew: when it was last used stands beside the document.
        Write(Row(*keys.api_key_listing(old.program_id, old.key_id)), Row.pk.exists(), (Row.d.set(encode(gone)),)),
    ]


def key_listings(program_id: str, limit: int, after: str | None) -> list[tuple[ApiKey, int | None]]:
    """The program's keys by id, after ``after``, each with the day's moment (milliseconds) of its last use."""
    connection()
    pk, _ = keys.program(program_id)
    condition: Condition = Row.sk.startswith("KEY#")
    if after is not None:
        condition = Row.sk.between(f"KEY#{after}\x00", "KEY#\x7f")
    rows = Row.query(pk, condition, limit=limit)
    return [(row.document(ApiKey), None if row.n is None else int(row.n)) for row in rows]


def booked_on(program_id: str, day: int) -> bool:
    """Whether anything at all was booked on that day (day number)."""
    connection()
    return any(
        next(iter(Row.journal.query(keys.journal_slice(program_id, day, number), limit=1)), None) is not None
        for number in range(keys.SHARDS)
    )
