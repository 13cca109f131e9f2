"""Members over HTTP: enrol, find, change, adjust, check in, and a browser's session."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from chalicelib import clock
from chalicelib.actions import change_contact as changing
from chalicelib.actions import enrol as enrolling
from chalicelib.actions import grant, listing
from chalicelib.actions import person as people
from chalicelib.actions.admission import active_head, enter, not_found
from chalicelib.api import answers, present, requests
from chalicelib.api.auth import member_token
from chalicelib.api.door import STAFF, Answer, Asked, Door, Query
from chalicelib.api.pages import PAGE, entries_page, vouchers_page
from chalicelib.domain.calendar import milliseconds
from chalicelib.domain.errors import Fault, Invalid
from chalicelib.domain.member import Contact
from chalicelib.store import keys

door = Door(__name__)
FIND = tuple(
    Query(kind, f"Answers the one member with this {what}.")
    for kind, what in (
        ("email", "email"),
        ("phone", "phone number"),
        ("external_id", "external id"),
        ("card", "card code"),
    )
)


def member_answer(asked: Asked, person: people.Person) -> answers.Member:
    return present.member(person, milliseconds(asked.now))


@door.call(
    "POST",
    "/members",
    roles=STAFF,
    summary="Enrol a member, or answer the one who has this identity already",
    body=requests.NewMember,
    answer=answers.Member,
    status=201,
)
def post_member(asked: Asked) -> Answer:
    body: requests.NewMember = asked.body
    if not (body.email or body.phone or body.external_id):
        raise Invalid([Fault("", "Give at least one of email, phone and external_id.")])
    joining = enrolling.Joining(
        contact=Contact(
            email=body.email,
            phone=body.phone,
            name=body.name,
            external_id=body.external_id,
            birthday=None if body.birthday is None else body.birthday.isoformat(),
            locale=body.locale,
            marketing=body.consent is not None and body.consent.marketing,
            tags=tuple(body.tags),
        ),
        referral_code=body.referral_code,
        invite_code=body.invite_code,
        enrolled_at=body.enrolled_at,
    )
    person = enrolling.enrol(asked.call, joining, clock.new_id("m"))
    return Answer(body=member_answer(asked, person), replayed=person.replayed)


@door.call(
    "GET",
    "/members",
    roles=("storefront", "staff"),
    summary="Find one member by identity (storefront, staff), or list and search them (staff, owner)",
    answer=answers.Members | answers.Member,
    query=(
        *FIND,
        Query("query", "The start of a name, or a whole email, phone number or code."),
        Query("tier", "Only members who hold this tier."),
        Query("tag", "Only members with this tag."),
        *PAGE,
    ),
)
def get_members(asked: Asked) -> Answer:
    for kind in ("email", "phone", "external_id", "card"):
        if kind in asked.query:
            person = people.find_member(asked.call, kind, asked.query[kind])
            return Answer(body=member_answer(asked, person or not_found("member")))
    call = msgspec.structs.replace(asked.call, credential=asked.credential.asking("staff", "owner"))
    found, cursor = listing.list_members(
        call,
        query=asked.query.get("query", ""),
        tier=asked.query.get("tier"),
        tag=asked.query.get("tag"),
        cursor=asked.query.get("cursor"),
        limit=asked.limit(),
    )
    return Answer(body=answers.Members([member_answer(asked, person) for person in found], cursor))


@door.call("GET", "/members/{member_id}", roles=STAFF, summary="One member", answer=answers.Member)
def get_member(asked: Asked) -> Answer:
    person = people.read_member(asked.call, asked.path["member_id"])
    return Answer(body=member_answer(asked, person or not_found("member")))


def changes_of(body: Any) -> dict[str, Any]:
    """The contact's fields that a change names, as they are kept."""
    given = {name: getattr(body, name) for name in body.__struct_fields__ if getattr(body, name) is not UNSET}
    if "consent" in given:
        given["marketing"] = given.pop("consent").marketing
    if given.get("birthday") is not None:
        given["birthday"] = given["birthday"].isoformat()
    if "tags" in given:
        given["tags"] = tuple(given["tags"])
    return given


@door.call(
    "PATCH",
    "/members/{member_id}",
    roles=STAFF,
    summary="Change contact, consent, birthday, locale or tags",
    body=requests.MemberChange,
    answer=answers.Member,
)
def patch_member(asked: Asked) -> Answer:
    person = changing.change_contact(asked.call, asked.path["member_id"], changes_of(asked.body))
    return Answer(body=member_answer(asked, person))


@door.call(
    "GET",
    "/members/{member_id}/ledger",
    roles=STAFF,
    summary="A member's entries, newest first",
    answer=answers.Entries,
    query=PAGE,
)
def get_ledger(asked: Asked) -> Answer:
    return entries_page(asked, asked.path["member_id"])


@door.call(
    "GET",
    "/members/{member_id}/vouchers",
    roles=STAFF,
    summary="A member's vouchers, newest first",
    answer=answers.Vouchers,
    query=PAGE,
)
def get_member_vouchers(asked: Asked) -> Answer:
    return vouchers_page(asked, asked.path["member_id"])


@door.call(
    "POST",
    "/members/{member_id}/adjustments",
    roles=("staff",),
    summary="Correct a balance by hand; staff within the program's cap; never below zero",
    body=requests.Adjustment,
    answer=answers.Entry,
    status=201,
    idempotent=True,
)
def post_adjustment(asked: Asked) -> Answer:
    body: requests.Adjustment = asked.body
    if body.points == 0:
        raise Invalid([Fault("/points", "Must not be zero.")])
    done = grant.adjust(asked.call, asked.path["member_id"], body.points, body.reason, asked.idempotency_key)
    return Answer(body=present.entry(done.entry), replayed=done.replayed)


@door.call(
    "POST",
    "/members/{member_id}/check-ins",
    roles=STAFF,
    summary="A visit without a purchase: points or a stamp, within the program's limit",
    body=requests.CheckIn,
    answer=answers.Entry,
    status=201,
    idempotent=True,
)
def post_check_in(asked: Asked) -> Answer:
    done = grant.check_in(asked.call, asked.path["member_id"], asked.idempotency_key)
    return Answer(body=present.entry(done.entry), replayed=done.replayed)


@door.call(
    "POST",
    "/members/{member_id}/sessions",
    roles=("storefront",),
    summary="A short-lived token for one member's browser",
    body=requests.Nothing,
    answer=answers.Session,
    status=201,
)
def post_session(asked: Asked) -> Answer:
    member_id = asked.path["member_id"]
    admitted = enter(asked.credential, [keys.head(asked.credential.program_id, member_id)])
    head = active_head(admitted, member_id)
    token, expires_at = member_token(admitted.program_id, head.member_id, asked.now, clock.new_id("s"))
    return Answer(body=answers.Session(token, expires_at))
