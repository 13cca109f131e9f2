"""Changes what is known about a person; a new email or phone moves the identity and loses nothing."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from chalicelib.actions.admission import Call, active_head, enter
from chalicelib.actions.attempt import attempt
from chalicelib.actions.person import Person
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day
from chalicelib.domain.errors import Refused
from chalicelib.domain.member import FORMER, IDENTITIES, Contact
from chalicelib.domain.yearly import with_birthday
from chalicelib.store import entries, keys, members
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, commit, put_new


def change_contact(call: Call, member_id: str, changes: dict[str, Any], *, identify: bool = True) -> Person:
    """Applies the given fields; None clears one. With ``identify`` a new email, phone or external id finds the member
    from now on; without, it is shown but finds nobody, and what found the member before still does.

    Raises Refused: ``identity_taken`` (another member's), ``identity_required`` (none would be left).
    """
    return attempt(lambda: _once(call, member_id, changes, identify))


def _once(call: Call, member_id: str, changes: dict[str, Any], identify: bool) -> Person:
    program_id = call.credential.program_id
    head_key, contact_key = keys.head(program_id, member_id), keys.contact(program_id, member_id)
    given = [(kind, str(changes[kind])) for kind in IDENTITIES if changes.get(kind) is not None]
    wanted = {members.identity_key(program_id, kind, value): kind for kind, value in given}
    admitted = enter(call.credential, [head_key, contact_key, *wanted])
    head = active_head(admitted, member_id)
    row = admitted.found[contact_key]
    before, version = members.contact_of(row), int(row.v)
    for key, kind in wanted.items():
        if identify and key in admitted.found and admitted.found[key].m != member_id:
            raise Refused("identity_taken", f"Another member has this {kind}; merge the two instead.")
    after = _changed(before, changes, identify)
    if not after.identities():
        raise Refused("identity_required", "Keep at least one of email, phone and external_id.")
    writes = [Write(members.contact_row(program_id, member_id, after, version + 1), Row.v == version)]
    present, moved = advance(head, admitted.program, admitted.version, call.now, admitted.booked_by)
    if after.birthday != before.birthday:
        today = local_day(call.now, admitted.program.time_zone)
        celebrating = with_birthday(present, admitted.program, after.birthday, today)
        if celebrating != present:
            present = celebrating
            writes.append(members.move(program_id, head, present))
            writes.extend(entries.book(admitted.program, made) for made in moved)
    commit([*writes, *_moved_identities(program_id, member_id, before, after, set(admitted.found))])
    return Person(admitted, present, after)


def _changed(before: Contact, changes: dict[str, Any], identify: bool) -> Contact:
    found_by = dict(before.found_by)
    for kind in IDENTITIES:
        if kind not in changes:
            continue
        if identify or changes[kind] is None or changes[kind] == before.identified(kind):
            found_by.pop(kind, None)
        else:
            found_by[kind] = before.identified(kind)
    after = replace(before, **changes, found_by=found_by)
    known = after.identities()
    gone = [pair for pair in (*before.former, *before.identities()) if pair not in known]
    return replace(after, former=tuple(dict.fromkeys(gone))[-FORMER:])


def _moved_identities(
    program_id: str, member_id: str, before: Contact, after: Contact, existing: set[Key]
) -> list[Write]:
    """Takes away what no longer finds the member and adds what does now; one that stays the same is not touched."""
    old = {members.identity_key(program_id, kind, value) for kind, value in before.identities()}
    new = {members.identity_key(program_id, kind, value): (kind, value) for kind, value in after.identities()}
    gone = [Write(Row(*key, t="ID"), Row.m == member_id, delete=True) for key in sorted(old - set(new))]
    come = [
        put_new(members.identity(program_id, kind, value, member_id))
        for key, (kind, value) in new.items()
        if key not in old and key not in existing
    ]
    return [*gone, *come]
