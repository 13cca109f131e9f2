"""The owner's hold on the program: creating it, changing it by whole versions, making and revoking keys."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from chalicelib.actions.admission import Admitted, Call, digest_of, enter
from chalicelib.actions.attempt import attempt
from chalicelib.domain.advance import concerns_members
from chalicelib.domain.calendar import day_of, local_day, milliseconds, moment_of
from chalicelib.domain.errors import Fault, Invalid, Refused
from chalicelib.domain.program import Close, Program
from chalicelib.store import due, invites, keys, programs
from chalicelib.store.table import Lost, Write, commit

CURRENCY_DAYS = 7
"""For so many days after its creation a program that booked nothing may change its currency; then never again."""


class NewKey(msgspec.Struct, frozen=True):
    """A key just made: ``key`` is told this once and stored nowhere."""

    key: str
    record: programs.ApiKey


def key_text(program_id: str, secret: str) -> str:
    return f"rk_{program_id}_{secret}"


def create_program(program: Program, *, key_id: str, key_secret: str, call: Call) -> NewKey:
    """A new program with its first owner key. Raises Refused ``program_exists``."""
    now_ms = milliseconds(call.now)
    written = programs.Written(program=program, version=1, written_by="operator", written_ms=now_ms, created_ms=now_ms)
    key = _key(program.program_id, "owner", "first owner key", key_id, key_secret, now_ms, "operator")
    try:
        commit([*programs.create(written), *programs.add_key(key.record)])
    except Lost:
        raise Refused(
            "program_exists",
            f"A program {program.program_id} exists already; its owner changes it with PUT /v1/program.",
        ) from None
    return key


def replace_program(call: Call, seen_version: int, program: Program) -> Admitted:
    """Makes a document the next version. Promises made keep the version that they were made under.

    Raises Refused ``stale_version`` where another came in between, Invalid for a changed id or a fixed currency.
    """
    admitted = enter(call.credential)
    old = admitted.written
    if old.version != seen_version:
        raise _stale(old.version)
    faults: list[Fault] = []
    if program.close is None and old.program.close is not None:
        program = msgspec.structs.replace(program, close=old.program.close)
    if program.close is not None and program.close != old.program.close:
        today = day_of(local_day(call.now, old.program.time_zone))
        faults.extend(_close_faults(program.close, old.program.close, today, "/program/close"))
    if program.program_id != old.program.program_id:
        faults.append(Fault("/program/program_id", f"Must stay {old.program.program_id}: every key and link names it."))
    if program.currency != old.program.currency and not _currency_is_free(call, old):
        faults.append(Fault("/program/currency", f"Must stay {old.program.currency}: purchases were booked in it."))
    if faults:
        raise Invalid(faults, "invalid_program")
    new = programs.Written(
        program=program,
        version=old.version + 1,
        written_by=admitted.booked_by,
        written_ms=milliseconds(call.now),
        created_ms=old.created_ms,
    )
    try:
        changed = [*_uncounted(old.program, program), *_to_assess(call, old.program, new)]
        commit([*programs.replace(old, new), *changed])
    except Lost:
        raise _stale(old.version + 1) from None
    return Admitted(new, admitted.role, admitted.booked_by, {})


def _uncounted(old: Program, new: Program) -> list[Write]:
    """Without a cap on members nobody counts places; should a cap come again, it counts anew."""
    counted, counts = (one.enrolment.pilot is not None and one.enrolment.pilot.max_members for one in (old, new))
    return [invites.end_places(old.program_id)] if counted and not counts else []


def _to_assess(call: Call, old: Program, new: programs.Written) -> list[Write]:
    """Where the change concerns what time does to members, the next due run assesses every one of them again."""
    if not concerns_members(old, new.program):
        return []
    return [due.mark_program(new.program, new.version, local_day(call.now, new.program.time_zone))]


def close_program(call: Call, close: Close) -> Admitted:
    """An orderly end, as the next version of the program: its dates may be moved later, never into the past.

    Raises Invalid for dates that are past or out of order, Refused ``stale_version`` where a change came in between.
    """
    admitted = enter(call.credential)
    program = admitted.program
    if close == program.close:
        return admitted  # asked again
    faults = _close_faults(close, program.close, day_of(local_day(call.now, program.time_zone)), "")
    if faults:
        raise Invalid(faults, "invalid_program")
    return replace_program(call, admitted.version, msgspec.structs.replace(program, close=close))


def _close_faults(close: Close, promised: Close | None, today: date, at: str) -> list[Fault]:
    """What an end may not say: a day that is past, redeeming that ends before earning, less than was promised."""
    faults = []
    if close.last_earn_on < today and (promised is None or close.last_earn_on != promised.last_earn_on):
        faults.append(Fault(f"{at}/last_earn_on", f"Must be {today} or later: what was earned before stays earned."))
    if close.last_redeem_on < close.last_earn_on:
        faults.append(
            Fault(f"{at}/last_redeem_on", "Must not be before last_earn_on: what is earned must be redeemable.")
        )
    if promised is not None:
        for name in ("last_earn_on", "last_redeem_on"):
            if getattr(close, name) < getattr(promised, name):
                faults.append(Fault(f"{at}/{name}", f"Must not be before {getattr(promised, name)}, as was promised."))
    return faults


def _stale(version: int) -> Refused:
    return Refused(
        "stale_version",
        f"The program is at version {version} now; read it, apply your change and send that.",
        version=version,
    )


def _currency_is_free(call: Call, old: programs.Written) -> bool:
    created = moment_of(old.created_ms)
    if call.now - created > timedelta(days=CURRENCY_DAYS):
        return False
    zone = old.program.time_zone
    days = range(local_day(created, zone), local_day(call.now, zone) + 1)
    return not any(programs.booked_on(old.program.program_id, day) for day in days)


def add_key(call: Call, role: str, name: str, *, key_id: str, key_secret: str) -> NewKey:
    admitted = enter(call.credential)
    key = _key(admitted.program_id, role, name, key_id, key_secret, milliseconds(call.now), admitted.booked_by)
    commit(programs.add_key(key.record))
    return key


def _key(program_id: str, role: str, name: str, key_id: str, key_secret: str, now_ms: int, created_by: str) -> NewKey:
    text = key_text(program_id, key_secret)
    return NewKey(
        text,
        programs.ApiKey(
            key_id=key_id,
            program_id=program_id,
            role=role,
            name=name,
            digest=digest_of(text),
            created_ms=now_ms,
            created_by=created_by,
        ),
    )


def revoke_key(call: Call, key_id: str) -> None:
    """Refused from now on; a second time changes nothing. Raises Refused ``key_not_found``, ``own_key``."""

    def once() -> None:
        admitted = enter(call.credential, [keys.api_key_listing(call.credential.program_id, key_id)])
        row = admitted.found.get(keys.api_key_listing(admitted.program_id, key_id))
        if row is None:
            raise Refused("key_not_found", "There is no such key in this program; GET /v1/keys lists them.")
        record = programs.api_key(row)
        if record.revoked_ms is not None:
            return
        if admitted.booked_by == f"key:{key_id}":
            raise Refused("own_key", "A key cannot revoke itself; use another owner key.")
        commit(programs.revoke_key(record, milliseconds(call.now)))

    attempt(once)
