"""The table: one row type for every item, one consistent read, one transaction, one query.

An item is its keys, the few attributes that conditions compare, and its document: ``d``, JSON that the owner can
read in the console, or ``h``, a head in MessagePack, which keeps it under 1 KB. So what is stored is declared once,
as the domain's structs.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Update
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib import settings
from chalicelib.domain.errors import Unavailable
from chalicelib.store import metering, outcome
from chalicelib.store.keys import Key
from chalicelib.store.outcome import Lost as Lost

T = TypeVar("T")


class Statement(GlobalSecondaryIndex["Row"]):  # type: ignore[no-untyped-call]  # PynamoDB left it untyped
    class Meta:
        index_name = "statement"
        projection = IncludeProjection(["d", "t"])

    spk = UnicodeAttribute(hash_key=True)
    ssk = UnicodeAttribute(range_key=True)


class Journal(GlobalSecondaryIndex["Row"]):  # type: ignore[no-untyped-call]  # PynamoDB left it untyped
    class Meta:
        index_name = "journal"
        projection = IncludeProjection(["d", "t"])

    jpk = UnicodeAttribute(hash_key=True)
    jsk = UnicodeAttribute(range_key=True)


class Due(GlobalSecondaryIndex["Row"]):  # type: ignore[no-untyped-call]  # PynamoDB left it untyped
    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    dpk = UnicodeAttribute(hash_key=True)
    dsk = UnicodeAttribute(range_key=True)


class Directory(GlobalSecondaryIndex["Row"]):  # type: ignore[no-untyped-call]  # PynamoDB left it untyped
    class Meta:
        index_name = "directory"
        projection = KeysOnlyProjection()

    npk = UnicodeAttribute(hash_key=True)
    nsk = UnicodeAttribute(range_key=True)


class Row(Model):
    """``t`` type, ``v`` version or counter that conditions compare, ``n`` a second counter, ``m`` member it names. Of a
    purchase: ``g`` how often a gift card paid since it was booked, ``s`` its story when that last moved it."""

    class Meta:
        table_name = "unset"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    t = UnicodeAttribute()
    d = UnicodeAttribute(null=True)
    h = BinaryAttribute(null=True, legacy_encoding=False)
    v = NumberAttribute(null=True)
    n = NumberAttribute(null=True)
    g = NumberAttribute(null=True)
    s = NumberAttribute(null=True)
    m = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)
    spk = UnicodeAttribute(null=True)
    ssk = UnicodeAttribute(null=True)
    jpk = UnicodeAttribute(null=True)
    jsk = UnicodeAttribute(null=True)
    dpk = UnicodeAttribute(null=True)
    dsk = UnicodeAttribute(null=True)
    npk = UnicodeAttribute(null=True)
    nsk = UnicodeAttribute(null=True)

    statement = Statement()
    journal = Journal()
    due = Due()
    directory = Directory()

    # PynamoDB's own three look through every attribute of the class for each item, a quarter of a request's time.
    # No attribute here has a default, another name in the table, or a form of its own.

    def __init__(
        self, hash_key: str | None = None, range_key: str | None = None, _user_instantiated: bool = True, **given: Any
    ) -> None:
        self.attribute_values = given if hash_key is None else {"pk": hash_key, "sk": range_key, **given}

    @classmethod
    def from_raw_data(cls, data: dict[str, dict[str, Any]]) -> Row:
        row = cls()
        for name, value in data.items():
            ((letter, held),) = value.items()
            row.attribute_values[name] = int(held) if letter == "N" else held
        return row

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        return {
            name: {_LETTERS[name]: str(value) if _LETTERS[name] == "N" else value}
            for name, value in self.attribute_values.items()
            if value is not None
        }

    @property
    def key(self) -> Key:
        return self.pk, self.sk

    def document(self, kind: type[T]) -> T:
        """The stored struct."""
        decode: Any = _decoder
        document: T = decode(kind).decode(self.d)
        return document


_LETTERS = {name: attribute.attr_type for name, attribute in Row.get_attributes().items()}


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)


def encode(document: object) -> str:
    return msgspec.json.encode(document).decode()


class _Link:
    connection: Connection | None = None
    address: tuple[str, str | None, str] | None = None
    making = threading.Lock()


def connection() -> Connection:
    """The one connection, made on first use from the settings as they are then."""
    address = (settings.table_name(), settings.endpoint(), settings.region())
    if _Link.connection is None or _Link.address != address:
        with _Link.making:
            if _Link.connection is None or _Link.address != address:
                _Link.connection = _connect(*address)
                _Link.address = address
    return _Link.connection


def _connect(table_name: str, endpoint: str | None, region: str) -> Connection:
    meta: Any = Row.Meta
    meta.table_name, meta.host, meta.region = table_name, endpoint, region
    # Three tries at most fit into a request's time; the caller may ask again and nothing is booked twice.
    meta.connect_timeout_seconds, meta.read_timeout_seconds = 1, 5
    meta.max_retry_attempts, meta.max_pool_connections = 2, 32
    Row._connection = None
    made = Row._get_connection().connection
    metering.attach(made.client)
    outcome.attach(made.client)
    return made


MOST_KEYS = 100
"""What one BatchGetItem may name."""
UNPROCESSED_TRIES = 6
NOTE_TRIES = 4


def load(keys: Iterable[Key]) -> dict[Key, Row]:
    """The items that exist under these keys, read consistently in one round trip. Raises Unavailable."""
    wanted = list(dict.fromkeys(keys))
    found: dict[Key, Row] = {}
    for at in range(0, len(wanted), MOST_KEYS):
        found.update((row.key, row) for row in _fetch(wanted[at : at + MOST_KEYS]))
    return found


def _fetch(keys: Sequence[Key]) -> list[Row]:
    client, name = connection().client, settings.table_name()
    left = {name: {"Keys": [_named(key) for key in keys], "ConsistentRead": True}}
    rows: list[Row] = []
    for tries in range(UNPROCESSED_TRIES):
        answer = client.batch_get_item(RequestItems=left, ReturnConsumedCapacity="TOTAL")
        rows.extend(Row.from_raw_data(item) for item in answer["Responses"].get(name, ()))
        left = answer.get("UnprocessedKeys")
        if not left:
            return rows
        # The database had no room for all of it: that much is throttled, and the rest is asked for again.
        time.sleep(random.uniform(0, 0.02 * 2**tries))
    raise Unavailable


class Write(msgspec.Struct, frozen=True):
    """One item of a transaction: put ``row`` whole, or change ``row`` by ``actions``, or delete it."""

    row: Row
    condition: Condition | None = None
    actions: tuple[Any, ...] = ()
    delete: bool = False


_ABSENT = Row.pk.does_not_exist()


def put_new(row: Row) -> Write:
    return Write(row, _ABSENT)


def commit(writes: Sequence[Write]) -> None:
    """All of the writes or none. Raises Lost when a condition failed or a transaction stood in the way, Unavailable
    when the database cannot be reached or has no room."""
    if len(writes) == 1 and not writes[0].actions and not writes[0].delete:
        _put(writes[0])  # half the price of a transaction of one, and the same promise
    else:
        _transact(writes)


def _put(write: Write) -> None:
    connection().client.put_item(**_request(write)["Put"], ReturnConsumedCapacity="TOTAL")


def _transact(writes: Sequence[Write]) -> None:
    requests = [_request(write) for write in writes]
    connection().client.transact_write_items(TransactItems=requests, ReturnConsumedCapacity="TOTAL")


def note(row: Row, actions: Sequence[Any]) -> None:
    """Changes what no decision rests on, such as a count: outside any transaction, unguarded. Raises Unavailable."""
    change = _request(Write(row, actions=tuple(actions)))["Update"]
    for _ in range(NOTE_TRIES):
        try:
            connection().client.update_item(**change, ReturnConsumedCapacity="TOTAL")
        except Lost:
            continue  # a transaction had the item just then; there is nothing to decide again
        return
    raise Unavailable


def _request(write: Write) -> dict[str, dict[str, Any]]:
    """A write as the database takes it."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    part: dict[str, Any] = {"TableName": settings.table_name()}
    if write.condition is not None:
        part["ConditionExpression"] = write.condition.serialize(names, values)
    if write.delete:
        kind, part["Key"] = "Delete", _named(write.row.key)
    elif write.actions:
        kind, part["Key"] = "Update", _named(write.row.key)
        part["UpdateExpression"] = Update(*write.actions).serialize(names, values)
    else:
        kind, part["Item"] = "Put", write.row.serialize()
    if names:
        part["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
    if values:
        part["ExpressionAttributeValues"] = values
    return {kind: part}


def _named(key: Key) -> dict[str, dict[str, str]]:
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}
