"""The journal read by slices, and the rollups that are folded from it: bounded pieces, replaced whole.

Read and written with the client itself: a fold passes over millions of rows, and a model of each would cost more than
the fold. A document that outgrows an item is cut into pieces; a reader that meets pieces of two writings reads again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import settings
from chalicelib.domain.errors import Unavailable
from chalicelib.store import keys
from chalicelib.store.keys import Key
from chalicelib.store.table import Lost, connection

PIECE_BYTES = 300_000
"""An item holds 400 KB; a piece leaves room for its keys."""
TRIES = 5


def journal(program_id: str, booked_day: int, slice_number: int) -> Iterator[tuple[str, str]]:
    """The type and document of everything booked on a day, in one slice of buyers, page by page."""
    asked = {
        "IndexName": "journal",
        "KeyConditionExpression": "jpk = :slice",
        "ExpressionAttributeValues": {":slice": {"S": keys.journal_slice(program_id, booked_day, slice_number)}},
        "ProjectionExpression": "t, d",
    }
    for page in _pages(asked):
        for item in page:
            yield item["t"]["S"], item["d"]["S"]


def facts(program_id: str, year: int, slice_number: int) -> Iterator[bytes]:
    """What each booked day added to a year of a slice, read consistently, in the order of booking."""
    pk, _ = keys.booked_facts(program_id, year, slice_number, 0, 0)
    yield from (data for _, data in _blobs(pk, "BOOKED#", "BOOKED$"))


def write_facts(program_id: str, year: int, slice_number: int, booked_day: int, data: bytes) -> None:
    """Replaces what a booked day adds to a year."""
    _write([keys.booked_facts(program_id, year, slice_number, booked_day, n) for n in range(_count(data))], data, 0)


def all_of(program_id: str, what: str, first_year: int, last_year: int) -> list[bytes]:
    """A kind of rollup over some years: every slice's, by year and slice."""
    return [data for _, data in read_by_year(program_id, what, first_year, last_year)]


def read_by_year(program_id: str, what: str, first_year: int, last_year: int) -> list[tuple[int, bytes]]:
    return [(year, data) for year, _, data in read_by_slice(program_id, what, first_year, last_year)]


def read_by_slice(program_id: str, what: str, first_year: int, last_year: int) -> list[tuple[int, int, bytes]]:
    """The same with year and slice."""
    pk, first = keys.rollup(program_id, what, first_year, 0, 0)
    last = keys.rollup(program_id, what, last_year, 99, 999)[1]
    found = []
    for place, data in _blobs(pk, first, last):
        _, year, number = place.split("#")
        found.append((int(year), int(number), data))
    return found


def version(program_id: str, what: str, year: int, slice_number: int) -> int:
    """The version at which a rollup stands, 0 for none, read consistently."""
    key = keys.rollup(program_id, what, year, slice_number, 0)
    item = _call("get_item", Key=_key(key), ConsistentRead=True, ProjectionExpression="v").get("Item")
    return 0 if item is None else int(item["v"]["N"])


def replace(program_id: str, what: str, year: int, slice_number: int, data: bytes, seen: int) -> None:
    """Replaces a rollup. Raises Lost where somebody else did since its version was ``seen``."""
    places = [keys.rollup(program_id, what, year, slice_number, n) for n in range(_count(data))]
    _write(places, data, seen + 1, seen)


def folded(program_id: str) -> dict[int, tuple[int, int]]:
    """By slice: the last booked day folded, and the last that nothing can be added to any more (day numbers)."""
    pk, _ = keys.folded(program_id, 0)
    asked = {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
        "ExpressionAttributeValues": {":pk": {"S": pk}, ":sk": {"S": "FOLDED#"}},
        "ConsistentRead": True,
    }
    items = [item for page in _pages(asked) for item in page]
    return {int(item["sk"]["S"].partition("#")[2]): (int(item["v"]["N"]), int(item["n"]["N"])) for item in items}


def set_folded(program_id: str, slice_number: int, through: int, complete: int) -> None:
    """Notes how far a slice is folded. A note that is too low costs the next run some reading, nothing else."""
    item = {
        **_key(keys.folded(program_id, slice_number)),
        "t": {"S": "FOLDED"},
        "v": {"N": str(through)},
        "n": {"N": str(complete)},
    }
    _call("put_item", Item=item)


def _count(data: bytes) -> int:
    return max(1, -(-len(data) // PIECE_BYTES))


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _write(places: Sequence[Key], data: bytes, version: int, seen: int | None = None) -> None:
    """The first piece last: its version is the guard, and it says how many pieces belong to it."""
    writing = f"{version}.{crc32(data):08x}"
    for number in reversed(range(len(places))):
        piece = data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
        item = {
            **_key(places[number]),
            "t": {"S": "ROLLUP"},
            "v": {"N": str(version)},
            "n": {"N": str(len(places))},
            "m": {"S": writing},
            "h": {"B": piece},
        }
        guard: dict[str, Any] = {}
        if seen is not None and number == 0:
            guard = {"ConditionExpression": "attribute_not_exists(pk)"}
            if seen:
                guard = {"ConditionExpression": "v = :seen", "ExpressionAttributeValues": {":seen": {"N": str(seen)}}}
        _call("put_item", Item=item, **guard)


def _blobs(pk: str, first: str, last: str) -> Iterator[tuple[str, bytes]]:
    """Whole documents between two sort keys, in order. Raises Unavailable where pieces never fit together."""
    for _ in range(TRIES):
        try:
            yield from list(_whole(pk, first, last))
        except _Torn:
            continue
        return
    raise Unavailable()


class _Torn(Exception):
    """Pieces of two writings were read."""


def _whole(pk: str, first: str, last: str) -> Iterator[tuple[str, bytes]]:
    asked = {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
        "ProjectionExpression": "sk, n, m, h",
        "ConsistentRead": True,
    }
    pieces: list[bytes] = []
    wanted, name, writing = 0, "", ""
    for page in _pages(asked):
        for item in page:
            place, _, number = item["sk"]["S"].rpartition("#")
            if number == "000":
                if len(pieces) < wanted:
                    raise _Torn
                pieces, wanted, name, writing = [], int(item["n"]["N"]), place, item["m"]["S"]
            elif len(pieces) == wanted and place == name:
                continue  # left over from a longer writing
            elif place != name or item["m"]["S"] != writing:
                raise _Torn
            pieces.append(item["h"]["B"])
            if len(pieces) == wanted:
                yield name, b"".join(pieces)
    if len(pieces) < wanted:
        raise _Torn


def _pages(asked: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    start: dict[str, Any] = {}
    while True:
        answer = _call("query", **asked, **start)
        yield answer["Items"]
        following = answer.get("LastEvaluatedKey")
        if following is None:
            return
        start = {"ExclusiveStartKey": following}


def _call(operation: str, **asked: Any) -> dict[str, Any]:
    """Raises Lost where a condition failed, Unavailable where the database is away or throttles."""
    client = connection().client
    try:
        answer: dict[str, Any] = getattr(client, operation)(TableName=settings.table_name(), **asked)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            raise Lost from error
        if code in ("ValidationException", "AccessDeniedException", "ResourceNotFoundException"):
            raise
        raise Unavailable() from error
    except BotoCoreError as error:
        raise Unavailable() from error
    return answer
