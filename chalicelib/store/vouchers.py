"""Vouchers: issued once by their cause, settled once by a conditional put; and the stock of limited rewards."""

from __future__ import annotations

from chalicelib.domain.program import Program
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import keys
from chalicelib.store.entries import entry_row
from chalicelib.store.sealing import mac, voucher_code, voucher_mac
from chalicelib.store.table import Row, Write, note, put_new


def code_of(program_id: str, voucher: Voucher) -> str:
    return voucher_code(program_id, voucher.origin)


def sealed_origin(program_id: str, origin: str) -> str:
    """The key part of the voucher that a cause issued."""
    return voucher_mac(program_id, voucher_code(program_id, origin))


def sealed_code(program_id: str, code: str) -> str:
    return voucher_mac(program_id, code)


def redemption_origin(program_id: str, member_id: str, idempotency_key: str) -> str:
    """The cause of a redemption: its caller's key, scoped to program, call and member, and hashed."""
    return "redemption/" + mac("idempotency", program_id, "redemption", member_id, idempotency_key)


def cause_id(program_id: str, call: str, member_id: str, idempotency_key: str) -> str:
    """The id of a cause that a caller named by an Idempotency-Key."""
    return mac("idempotency", program_id, call, member_id, idempotency_key)


def issued(program: Program, voucher: Voucher) -> Write:
    key = keys.voucher(program.program_id, sealed_origin(program.program_id, voucher.origin))
    row = entry_row(program, key, "VOUCHER", voucher, chained=voucher.member_id is not None)
    if voucher.voucher_kind == "gift_card":
        row.n = voucher.value  # the balance: compared by each spending, and in no index
    if voucher.valid_until is not None:
        sealed = sealed_origin(program.program_id, voucher.origin)
        row.dpk, row.dsk = keys.due_voucher(program.program_id, sealed, voucher.valid_until + 1)
    return put_new(row)


def settled(program: Program, sealed: str, end: Settled, *, chained: bool) -> Write:
    return put_new(
        entry_row(program, keys.voucher_settled(program.program_id, sealed), "SETTLED", end, chained=chained)
    )


def expired(program: Program, sealed: str, end: Settled, balance_seen: int | None) -> list[Write]:
    """The end of a voucher that nobody used in time; it stands in its member's history. Fails where it was settled
    meanwhile, or where money moved on a gift card since it was read."""
    row = entry_row(program, keys.voucher_settled(program.program_id, sealed), "SETTLED", end, chained=False)
    if end.member_id is not None:
        row.spk, row.ssk = keys.history_of_member(program.program_id, end.member_id, end.booked_ms, sealed)
    issued_row = Row(*keys.voucher(program.program_id, sealed))
    as_seen = Row.pk.exists() if balance_seen is None else Row.n == balance_seen
    return [put_new(row), Write(issued_row, as_seen, actions=_NOT_DUE)]


def no_longer_due(program_id: str, sealed: str) -> None:
    """Takes a voucher that was settled before its time out of the index of what is due."""
    note(Row(*keys.voucher(program_id, sealed)), _NOT_DUE)


_NOT_DUE = (Row.dpk.remove(), Row.dsk.remove())


def take_stock(program_id: str, reward_id: str, stock: int) -> Write:
    """One more of a reward taken; fails where none is left."""
    row = Row(*keys.stock(program_id, reward_id))
    free = Row.n.does_not_exist() | (Row.n < stock) if stock > 0 else Row.n < 0
    return Write(row, free, actions=(Row.n.add(1), Row.t.set("STOCK")))


def return_stock(program_id: str, reward_id: str) -> Write:
    row = Row(*keys.stock(program_id, reward_id))
    return Write(row, Row.n > 0, actions=(Row.n.add(-1),))
