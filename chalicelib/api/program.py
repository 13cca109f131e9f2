"""The program over HTTP: read, check, change by whole versions; keys; what anybody may know."""

from __future__ import annotations

import msgspec

from chalicelib import clock
from chalicelib.actions import govern
from chalicelib.actions.admission import Admitted, Call, enter, not_found
from chalicelib.api import answers, requests
from chalicelib.api.door import OWNER, STAFF, Answer, Asked, Door
from chalicelib.api.pages import PAGE, sequence_of
from chalicelib.domain.advice import advise
from chalicelib.domain.calendar import moment_of
from chalicelib.domain.program import Close
from chalicelib.domain.program_rules import check
from chalicelib.store import programs

door = Door(__name__)


def program_answer(written: programs.Written, judged: tuple[Admitted, Call] | None = None) -> answers.ProgramAnswer:
    """``judged``: by the shop's own figures, where it has any."""
    shop = None
    if judged is not None:
        # Reports come with it: only where the owner changes the program, not with every start.
        from chalicelib.actions.report import shop_figures

        shop = shop_figures(*judged)
    return answers.ProgramAnswer(
        version=written.version,
        program=msgspec.to_builtins(written.program),
        advice=advise(written.program)
        if shop is None
        else advise(
            written.program,
            shop.average_purchase,
            purchases_per_month=shop.purchases_per_month,
            margin_percent=shop.margin_percent,
        ),
    )


@door.call(
    "GET", "/program", roles=STAFF, summary="The program as it stands, with advice", answer=answers.ProgramAnswer
)
def get_program(asked: Asked) -> Answer:
    return Answer(body=program_answer(enter(asked.credential).written))


@door.call(
    "GET",
    "/program/versions/{version}",
    roles=STAFF,
    summary="One version of the program",
    answer=answers.ProgramAnswer,
)
def get_program_version(asked: Asked) -> Answer:
    enter(asked.credential)
    text = asked.path["version"]
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        not_found("version")
    written = programs.read_version(asked.credential.program_id, int(text))
    return Answer(body=program_answer(written or not_found("version")))


@door.call(
    "PUT",
    "/program",
    roles=OWNER,
    summary="Change the program: the whole document, with the version it was read at",
    body=requests.ProgramChange,
    answer=answers.ProgramAnswer,
)
def put_program(asked: Asked) -> Answer:
    body: requests.ProgramChange = asked.body
    enter(asked.credential)
    program = check(body.program, at="/program")
    admitted = govern.replace_program(asked.call, body.version, program)
    return Answer(body=program_answer(admitted.written, (admitted, asked.call)))


@door.call(
    "POST",
    "/program/check",
    roles=OWNER,
    summary="Validate a program document and advise on it; writes nothing",
    body=requests.ProgramCheck,
    answer=answers.ProgramAnswer,
)
def post_program_check(asked: Asked) -> Answer:
    admitted = enter(asked.credential)
    program = check(asked.body.program, at="/program")
    written = msgspec.structs.replace(admitted.written, program=program)
    return Answer(body=program_answer(written, (admitted, asked.call)))


def key_answer(record: programs.ApiKey, used_ms: int | None, text: str | None = None) -> answers.KeyAnswer:
    return answers.KeyAnswer(
        key_id=record.key_id,
        role=record.role,
        name=record.name,
        created_at=moment_of(record.created_ms),
        revoked_at=None if record.revoked_ms is None else moment_of(record.revoked_ms),
        last_used_on=None if used_ms is None else moment_of(used_ms).date(),
        key=msgspec.UNSET if text is None else text,
    )


@door.call("GET", "/keys", roles=OWNER, summary="The program's keys, never their text", answer=answers.Keys, query=PAGE)
def get_keys(asked: Asked) -> Answer:
    enter(asked.credential)
    limit = asked.limit()
    rows = programs.key_listings(asked.credential.program_id, limit, asked.query.get("cursor"))
    cursor = rows[-1][0].key_id if len(rows) == limit else None
    return Answer(body=answers.Keys([key_answer(*row) for row in rows], cursor))


@door.call(
    "POST",
    "/keys",
    roles=OWNER,
    summary="Make a key; its text is answered this once",
    body=requests.NewKey,
    answer=answers.KeyAnswer,
    status=201,
)
def post_key(asked: Asked) -> Answer:
    made = govern.add_key(
        asked.call, asked.body.role, asked.body.name, key_id=clock.new_id("k", 10), key_secret=clock.new_id("", 32)
    )
    return Answer(body=key_answer(made.record, None, made.key))


@door.call("DELETE", "/keys/{key_id}", roles=OWNER, summary="Revoke a key, at once", status=204)
def delete_key(asked: Asked) -> Answer:
    govern.revoke_key(asked.call, asked.path["key_id"])
    return Answer(status=204)


@door.call(
    "GET",
    "/program/versions",
    roles=OWNER,
    summary="Every version of the program, newest first: who wrote it and when",
    answer=answers.Versions,
    query=PAGE,
)
def get_program_versions(asked: Asked) -> Answer:
    enter(asked.credential)
    limit = asked.limit()
    rows = programs.versions(asked.credential.program_id, limit, sequence_of(asked))
    told = [answers.VersionAnswer(row.version, row.written_by, moment_of(row.written_ms)) for row in rows]
    cursor = str(rows[-1].version) if len(rows) == limit and rows[-1].version > 1 else None
    return Answer(body=answers.Versions(told, cursor))


@door.call(
    "POST",
    "/program/close",
    roles=OWNER,
    summary="An orderly end: nothing earns after the first date, nothing redeems after the second",
    body=requests.CloseProgram,
    answer=answers.ProgramAnswer,
)
def post_program_close(asked: Asked) -> Answer:
    body: requests.CloseProgram = asked.body
    done = govern.close_program(asked.call, Close(last_earn_on=body.last_earn_on, last_redeem_on=body.last_redeem_on))
    return Answer(body=program_answer(done.written))
