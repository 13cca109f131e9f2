"""Assesses one member under the program as it stands now: after the owner changed tiers, notices or yearly gifts."""

from __future__ import annotations

from datetime import datetime

from chalicelib.actions.attempt import attempt
from chalicelib.domain import tiers
from chalicelib.domain.advance import reassess
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Head
from chalicelib.domain.purchase import Purchase, Refund
from chalicelib.domain.restating import Standing
from chalicelib.domain.tier_basis import by_day
from chalicelib.store import entries, keys, members, pricing, programs, stories
from chalicelib.store.table import Lost, Row, Write, commit, load

PAGE = 500


def assess_member(program_id: str, member_id: str, now: datetime, booked_by: str) -> int:
    """Brings a member in line with the program; answers the write units used, 0 where nothing had to change.

    What was promised stays: a tier is held until its window ends. Asked again it changes nothing.
    """
    return attempt(lambda: _once(program_id, member_id, now, booked_by))


def _once(program_id: str, member_id: str, now: datetime, booked_by: str) -> int:
    asked = [keys.program(program_id), keys.head(program_id, member_id), keys.contact(program_id, member_id)]
    found = load(asked)
    if asked[0] not in found or asked[1] not in found:
        return 0
    written = programs.written(found[asked[0]])
    program = written.program
    head = members.head_of(found[asked[1]])
    if head.status != "active":
        return 0
    birthday = members.contact_of(found[asked[2]]).birthday if asked[2] in found else None
    amounts = None
    if program.tiers is not None and not tiers.counted(head, program.tiers):
        life = _life(program_id, head)
        amounts = by_day(life, program, _restated(program_id, head, life))
    after, made = reassess(head, program, written.version, birthday, amounts, now, booked_by)
    if after == head:
        return 0
    writes: list[Write] = [members.move(program_id, head, after)]
    writes.extend(entries.book(program, one) for one in made)
    commit(writes)
    return pricing.units(writes)


def _life(program_id: str, head: Head) -> list[Entry]:
    """Every entry of a member and of the accounts merged into them.

    The statement is an index and may lag behind: a chain that is not whole yet is read again.
    """
    found: list[Entry] = []
    for member_id in (head.member_id, *head.merged_from):
        own: list[Entry] = []
        before: int | None = None
        while rows := entries.statement(program_id, member_id, before, PAGE):
            own.extend(_entry(row) for row in rows)
            before = own[-1].sequence
        if member_id == head.member_id and len(own) != head.sequence:
            raise Lost
        found.extend(own)
    return found


def _restated(program_id: str, head: Head, life: list[Entry]) -> dict[str, Standing]:
    """Sales that a correction moved (a richer telling, another buyer, a dispute), as they stand for this member."""
    owners = {head.member_id, *head.merged_from}
    restated: dict[str, Standing] = {}
    for order_id in dict.fromkeys(entry.order_id for entry in life if entry.cause[0] == "correction"):
        stands = stories.stands(load(stories.around(program_id, str(order_id))), program_id, str(order_id))
        restated.setdefault(str(order_id), Standing(None))
        if stands is not None and stands.purchase.member_id in owners:
            # By the name that the sale has now: it may have been booked twice, and this was the name that went.
            restated[str(stands.purchase.order_id)] = Standing(stands.purchase, stands.refunded)
    return restated


def _entry(row: Row) -> Entry:
    kinds: dict[str, type[Entry]] = {"PURCHASE": Purchase, "CLAIM": Purchase, "REFUND": Refund}
    return row.document(kinds.get(row.t, Entry))
