"""Points that no sale brings: a check-in, a correction by hand."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chalicelib.actions.admission import Admitted, Call, active_head, enter
from chalicelib.actions.attempt import attempt
from chalicelib.domain import bonus
from chalicelib.domain.advance import advance
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry, fingerprint
from chalicelib.domain.member import Head
from chalicelib.store import entries, keys, members, vouchers
from chalicelib.store.table import commit


class Granted(msgspec.Struct, frozen=True):
    entry: Entry
    replayed: bool


def check_in(call: Call, member_id: str, idempotency_key: str) -> Granted:
    """Raises Refused: ``check_in_not_offered``, ``check_in_limit``, ``stamp_card_waits``, ``member_not_found``."""

    def decide(admitted: Admitted, head: Head, cause: tuple[str, str], asked: str) -> tuple[Head, Entry]:
        return bonus.check_in(
            head,
            admitted.program,
            admitted.version,
            cause=cause,
            now=call.now,
            booked_by=admitted.booked_by,
            fingerprint=asked,
        )

    cause = ("check_in", vouchers.cause_id(call.credential.program_id, "check_in", member_id, idempotency_key))
    return _granted(call, member_id, cause, fingerprint("check-in"), decide)


def adjust(call: Call, member_id: str, amount: int, reason: str, idempotency_key: str) -> Granted:
    """Raises Refused: ``staff_cap_exceeded``, ``insufficient_points``, ``member_not_found``, ``cause_conflict``."""

    def decide(admitted: Admitted, head: Head, cause: tuple[str, str], asked: str) -> tuple[Head, Entry]:
        cap = admitted.program.staff.adjustment_cap
        if admitted.role == "staff" and cap is not None and abs(amount) > cap:
            raise Refused(
                "staff_cap_exceeded", f"Staff may adjust at most {cap} points at once; ask the owner.", cap=cap
            )
        return bonus.adjust(
            head,
            admitted.program,
            admitted.version,
            amount,
            reason,
            cause=cause,
            now=call.now,
            booked_by=admitted.booked_by,
            fingerprint=asked,
        )

    cause = ("adjustment", vouchers.cause_id(call.credential.program_id, "adjustment", member_id, idempotency_key))
    return _granted(call, member_id, cause, fingerprint([amount, reason]), decide)


Decide = Callable[[Admitted, Head, tuple[str, str], str], tuple[Head, Entry]]


def _granted(call: Call, member_id: str, cause: tuple[str, str], asked: str, decide: Decide) -> Granted:
    cause_key = keys.cause(call.credential.program_id, *cause)
    return attempt(lambda: _once(call, member_id, cause, asked, decide), [cause_key])


def _once(call: Call, member_id: str, cause: tuple[str, str], asked: str, decide: Decide) -> Granted:
    program_id = call.credential.program_id
    cause_key = keys.cause(program_id, *cause)
    admitted = enter(call.credential, [keys.head(program_id, member_id), cause_key])
    if cause_key in admitted.found:
        known = entries.entry_of(admitted.found[cause_key])
        if known.fingerprint != asked:
            raise Refused("cause_conflict", "This Idempotency-Key was used with other content; use a new key.")
        return Granted(known, True)
    head = active_head(admitted, member_id)
    present, moved = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
    after, entry = decide(admitted, present, cause, asked)
    booked = [entries.book(admitted.program, made) for made in (*moved, entry)]
    commit([*booked, members.move(program_id, head, after)])
    return Granted(entry, False)
