"""The table: one row type for every item, one consistent read, one transaction, one query.

An item is its keys, the few attributes that conditions compare, and its document: ``d``, JSON that the owner can
read in the console, or ``h``, a head in MessagePack, which keeps it under 1 KB. So what is stored is declared once,
as the domain's structs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib import settings
from chalicelib.domain.errors import Unavailable
from chalicelib.store import metering
from chalicelib.store.keys import Key

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
    """``t`` type, ``v`` version or counter that conditions compare, ``n`` a second counter, ``m`` member it names."""

    class Meta:
        table_name = "unset"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    t = UnicodeAttribute()
    d = UnicodeAttribute(null=True)
    h = BinaryAttribute(null=True, legacy_encoding=False)
    v = NumberAttribute(null=True)
    n = NumberAttribute(null=True)
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

    @property
    def key(self) -> Key:
        return self.pk, self.sk

    def document(self, kind: type[T]) -> T:
        """The stored struct."""
        decode: Any = _decoder
        document: T = decode(kind).decode(self.d)
        return document


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind)


def encode(document: object) -> str:
    return msgspec.json.encode(document).decode()


class Lost(Exception):
    """A condition failed or another transaction was in the way: nothing was written, read and decide again."""


class _Link:
    connection: Connection | None = None
    address: tuple[str, str | None, str] | None = None


def connection() -> Connection:
    """The one connection, made on first use from the settings as they are then."""
    address = (settings.table_name(), settings.endpoint(), settings.region())
    if _Link.connection is None or _Link.address != address:
        meta: Any = Row.Meta
        meta.table_name, meta.host, meta.region = address
        # Two tries of a second each fit in a request's time; the caller may ask again and nothing is booked twice.
        meta.connect_timeout_seconds, meta.read_timeout_seconds = 2, 5
        meta.max_retry_attempts, meta.max_pool_connections = 3, 32
        Row._connection = None
        _Link.connection = Row._get_connection().connection
        metering.attach(_Link.connection.client)
        _Link.address = address
    return _Link.connection


def load(keys: Iterable[Key]) -> dict[Key, Row]:
    """The items that exist under these keys, read consistently in one round trip. Raises Unavailable."""
    connection()
    wanted = list(dict.fromkeys(keys))
    try:
        return {row.key: row for row in Row.batch_get(wanted, consistent_read=True)}
    except PynamoDBException as error:
        raise _unavailable(error) from error


class Write(msgspec.Struct, frozen=True):
    """One item of a transaction: put ``row`` whole, or change ``row`` by ``actions``, or delete it."""

    row: Row
    condition: Condition | None = None
    actions: tuple[Any, ...] = ()
    delete: bool = False


def put_new(row: Row) -> Write:
    return Write(row, Row.pk.does_not_exist())


def commit(writes: Sequence[Write]) -> None:
    """All of the writes or none. Raises Lost when a condition failed or a transaction stood in the way."""
    if len(writes) == 1 and not writes[0].actions and not writes[0].delete:
        return _put(writes[0])
    try:
        with TransactWrite(connection=connection()) as transaction:
            for write in writes:
                if write.delete:
                    transaction.delete(write.row, condition=write.condition)
                elif write.actions:
                    transaction.update(write.row, actions=list(write.actions), condition=write.condition)
                else:
                    transaction.save(write.row, condition=write.condition)
    except TransactWriteError as error:
        codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
        if codes & {"ConditionalCheckFailed", "TransactionConflict"} or error.cause_response_code in _PASSING:
            raise Lost from error
        raise _unavailable(error) from error
    except PynamoDBException as error:
        raise _unavailable(error) from error


def note(row: Row, actions: Sequence[Any]) -> None:
    """Changes what no decision rests on, such as a count: outside any transaction, unguarded. Raises Unavailable."""
    connection()
    try:
        row.update(actions=list(actions))
    except PynamoDBException as error:
        raise _unavailable(error) from error


_PASSING = {"TransactionInProgressException", "TransactionConflictException"}


def _put(write: Write) -> None:
    connection()
    try:
        write.row.save(condition=write.condition)
    except PutError as error:
        if error.cause_response_code in {"ConditionalCheckFailedException", *_PASSING}:
            raise Lost from error
        raise _unavailable(error) from error
    except PynamoDBException as error:
        raise _unavailable(error) from error


def _unavailable(error: PynamoDBException) -> Exception:
    """Throttling, outages and timeouts are for the caller to ask again; anything else is a fault of ours."""
    if error.cause_response_code in _FAULTS:
        return error
    return Unavailable()


_FAULTS = {"ValidationException", "AccessDeniedException", "ResourceNotFoundException", "SerializationException"}
