"""Merges two accounts of one person in one transaction; the other's ledger stays readable and says where it went."""

from __future__ import annotations

import msgspec

from chalicelib.actions.admission import Admitted, Call, active_head, enter
from chalicelib.actions.attempt import attempt
from chalicelib.domain import merging
from chalicelib.domain.advance import advance
from chalicelib.domain.errors import Refused
from chalicelib.domain.ledger import Entry, fingerprint
from chalicelib.domain.member import Contact
from chalicelib.store import entries, invites, keys, members, vouchers
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, commit


class Merged(msgspec.Struct, frozen=True):
    """What arrived at the target: the entry that brought it, the same however often it is asked."""

    entry: Entry
    source_id: str
    replayed: bool


def merge(call: Call, target_id: str, source_id: str, idempotency_key: str) -> Merged:
    """Moves the source's balance, identities and promises to the target.

    Raises Refused: ``merge_with_itself``, ``member_not_found``, ``member_merged`` (either went elsewhere before, so
    no circle can close), ``cause_conflict``.
    """
    cause = ("merge", vouchers.cause_id(call.credential.program_id, "merge", target_id, idempotency_key))
    arrived_key = keys.cause(call.credential.program_id, *merging.arrival(cause))
    return attempt(lambda: _once(call, target_id, source_id, cause, arrived_key), [arrived_key])


def _once(call: Call, target_id: str, source_id: str, cause: tuple[str, str], arrived_key: Key) -> Merged:
    program_id = call.credential.program_id
    places_key = keys.places(program_id)
    contact_keys = [keys.contact(program_id, one) for one in (target_id, source_id)]
    heads = [keys.head(program_id, one) for one in (target_id, source_id)]
    admitted = enter(call.credential, [arrived_key, places_key, *heads, *contact_keys])
    if target_id == source_id:
        raise Refused("merge_with_itself", "These are the same member; name two.")
    program, version = admitted.program, admitted.version
    asked = fingerprint(source_id)
    if arrived_key in admitted.found:
        known = entries.entry_of(admitted.found[arrived_key])
        if known.fingerprint != asked:
            raise Refused("cause_conflict", "This Idempotency-Key merged another account; use a new key.")
        return Merged(known, source_id, True)
    target, source = active_head(admitted, target_id), active_head(admitted, source_id)
    now, booked_by = call.now, admitted.booked_by
    target_now, target_moved = advance(target, program, version, now, booked_by)
    source_now, source_moved = advance(source, program, version, now, booked_by)
    done = merging.merge(
        source_now,
        target_now,
        program,
        version,
        cause=cause,
        fingerprint=asked,
        now=now,
        booked_by=booked_by,
    )
    commit(
        [
            *(entries.book(program, entry) for entry in (*done.entries, *target_moved, *source_moved)),
            *(vouchers.issued(program, voucher) for voucher in done.vouchers),
            members.move(program_id, source, done.source),
            members.move(program_id, target, done.target),
            *_contacts(admitted, target_id, source_id),
            *invites.one_less(program_id, admitted.found.get(places_key)),
        ]
    )
    return Merged(done.entries[1], source_id, False)


def _contact(admitted: Admitted, member_id: str) -> tuple[Contact, int]:
    row = admitted.found.get(keys.contact(admitted.program_id, member_id))
    return (Contact(), 0) if row is None else (members.contact_of(row), int(row.v))


def _contacts(admitted: Admitted, target_id: str, source_id: str) -> list[Write]:
    """The personal data ends in one place: the target's. The source's identities find the target from now on."""
    program_id = admitted.program_id
    (target, version), (source, seen) = _contact(admitted, target_id), _contact(admitted, source_id)
    after = merging.joined(target, source)
    moved = [
        Write(members.identity(program_id, kind, value, target_id), Row.m == source_id)
        for kind, value in dict.fromkeys(source.identities())
    ]
    return [
        Write(members.contact_row(program_id, target_id, after, version + 1), Row.v == version),
        Write(Row(*keys.contact(program_id, source_id), t="CONTACT"), Row.v == seen, delete=True),
        *moved,
    ]
