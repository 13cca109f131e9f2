"""Vouchers: issued once by their cause, settled once by a conditional put; and the stock of limited rewards."""

from __future__ import annotations

from chalicelib.domain.program import Program
from chalicelib.domain.voucher import Settled, Voucher
from chalicelib.store import keys
from chalicelib.store.entries import entry_row
from chalicelib.store.sealing import mac, voucher_code, voucher_mac
from chalicelib.store.table import Row, Write, put_new


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
    return put_new(row)


def settled(program: Program, sealed: str, end: Settled, *, chained: bool) -> Write:
    return put_new(
        entry_row(program, keys.voucher_settled(program.program_id, sealed), "SETTLED", end, chained=chained)
    )


def take_stock(program_id: str, reward_id: str, stock: int) -> Write:
    """One more of a reward taken; fails where none is left."""
    row = Row(*keys.stock(program_id, reward_id))
    free = Row.n.does_not_exist() | (Row.n < stock) if stock > 0 else Row.n < 0
    return Write(row, free, actions=(Row.n.add(1), Row.t.set("STOCK")))


def return_stock(program_id: str, reward_id: str) -> Write:
    row = Row(*keys.stock(program_id, reward_id))
    return Write(row, Row.n > 0, actions=(Row.n.add(-1),))
