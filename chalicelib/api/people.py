"""What is about people and promises over HTTP: claims, merges, referrals, invites, sessions, leaving."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from chalicelib import clock
from chalicelib.actions import claim, end_session, erase, export, inviting, merge, settle_referral
from chalicelib.actions.admission import active_head, enter
from chalicelib.api import answers, people_answers, present, requests
from chalicelib.api.door import MEMBER, OWNER, STAFF, Answer, Asked, Door
from chalicelib.api.members import member_answer
from chalicelib.api.pages import PAGE
from chalicelib.domain.calendar import day_of, local_day, moment_of
from chalicelib.domain.member import Referral
from chalicelib.domain.purchase import Purchase
from chalicelib.store import keys, sealing

door = Door(__name__)


@door.call(
    "POST",
    "/purchases/{order_id}/claim",
    roles=STAFF,
    summary="A guest's receipt earns for a member, once",
    body=requests.Claim,
    answer=answers.Purchase,
    status=201,
)
def post_claim(asked: Asked) -> Answer:
    booked = claim.claim(asked.call, asked.path["order_id"], asked.body.member_id)
    return Answer(body=present.purchase(booked), replayed=booked.replayed)


@door.call(
    "POST",
    "/members/{member_id}/merge",
    roles=("staff",),
    summary="Merge another account of the same person into this one",
    body=requests.Merge,
    answer=people_answers.Merged,
    status=201,
    idempotent=True,
)
def post_merge(asked: Asked) -> Answer:
    done = merge.merge(asked.call, asked.path["member_id"], asked.body.from_member_id, asked.idempotency_key)
    body = people_answers.Merged(
        member_id=asked.path["member_id"], from_member_id=done.source_id, entry=present.entry(done.entry)
    )
    return Answer(body=body, replayed=done.replayed)


@door.call("DELETE", "/members/{member_id}", roles=OWNER, summary="Erase a person; the ledger stays", status=204)
def delete_member(asked: Asked) -> Answer:
    erase.erase(asked.call, asked.path["member_id"])
    return Answer(status=204)


@door.call(
    "GET",
    "/members/{member_id}/export",
    roles=("owner", "storefront"),
    summary="All that is held about a person",
    answer=people_answers.Export,
)
def get_export(asked: Asked) -> Answer:
    return _export(asked, asked.path["member_id"])


@door.call("GET", "/me/export", roles=MEMBER, summary="All that is held about you", answer=people_answers.Export)
def get_my_export(asked: Asked) -> Answer:
    return _export(asked, asked.own_id)


def _export(asked: Asked, member_id: str) -> Answer:
    held = export.gather(asked.call, member_id)
    program = held.person.admitted.program
    body = people_answers.Export(
        member=member_answer(asked, held.person),
        identities=[{"kind": kind, "value": value} for kind, value in held.person.contact.identities()],
        former_identities=[{"kind": kind, "value": value} for kind, value in held.person.contact.former],
        entries=[present.entry(entry) for entry in held.entries],
        purchases=[_bought(made) for made in held.purchases],
        purchases_as_guest=[_bought(made) for made in held.as_guest],
        vouchers=[present.voucher(voucher) for voucher in held.vouchers],
        brought_by_a_friend=held.person.head.referral is not None,
        referrals=[_friend(friend, program.time_zone, named=False) for friend in held.friends],
        notes=held.notes,
        gift_cards_meant_for_you=held.gift_cards,
    )
    return Answer(body=msgspec.json.format(msgspec.json.encode(body)).decode())


def _bought(made: Purchase) -> dict[str, Any]:
    return {
        "order_id": made.order_id,
        "occurred_at": moment_of(made.occurred_ms),
        "total": made.total,
        "currency": made.currency,
        "items": [
            {"sku": line.sku, "category": line.category, "quantity": line.quantity, "amount": line.amount}
            for line in made.lines
        ],
    }


def _friend(friend: settle_referral.Friend, time_zone: str, *, named: bool) -> people_answers.FriendAnswer:
    known = friend.head.referral or Referral("")
    joined = local_day(moment_of(friend.head.enrolled_ms), time_zone)
    return people_answers.FriendAnswer(
        member_id=friend.head.member_id if named else None,
        name=friend.contact.name if named else None,
        state=known.state,
        reason=known.reason,
        joined_on=day_of(joined),
        settles_on=None if known.settles_on is None else day_of(known.settles_on),
    )


def _referrals(asked: Asked, member_id: str, *, named: bool) -> Answer:
    admitted = enter(asked.credential, [keys.head(asked.credential.program_id, member_id)])
    head = active_head(admitted, member_id)
    program = admitted.program
    rule = program.referral
    code = sealing.referral_code(program.program_id, member_id)
    year, paid = head.referrals_paid
    this_year = day_of(local_day(asked.now, program.time_zone)).year
    friends = settle_referral.friends_of(program.program_id, head)
    return Answer(
        body=people_answers.ReferralAnswer(
            code=code,
            link=f"?ref={code}",
            advocate_points=0 if rule is None else rule.advocate_points,
            friend_points=0 if rule is None else rule.friend_points,
            paid_this_year=paid if year == this_year else 0,
            yearly_cap=None if rule is None else rule.yearly_cap,
            items=[_friend(friend, program.time_zone, named=named) for friend in friends],
            next_cursor=None,
        )
    )


@door.call(
    "GET",
    "/members/{member_id}/referrals",
    roles=STAFF,
    summary="The friends whom a member brought, how far each is, and why one is not paid",
    answer=people_answers.ReferralAnswer,
)
def get_referrals(asked: Asked) -> Answer:
    return _referrals(asked, asked.path["member_id"], named=True)


@door.call(
    "GET",
    "/me/referral",
    roles=MEMBER,
    summary="Your code, and how far your friends are",
    answer=people_answers.ReferralAnswer,
)
def get_my_referral(asked: Asked) -> Answer:
    return _referrals(asked, asked.own_id, named=False)


@door.call(
    "POST",
    "/invites",
    roles=OWNER,
    summary="Make an invite code, for one use or many",
    body=requests.NewInvite,
    answer=people_answers.InviteAnswer,
    status=201,
)
def post_invite(asked: Asked) -> Answer:
    body: requests.NewInvite = asked.body
    made = inviting.invite(asked.call, clock.new_id("i"), body.uses, body.note, body.expires_on)
    return Answer(body=_invite(asked, made))


def _invite(asked: Asked, made: inviting.Counted) -> people_answers.InviteAnswer:
    invite = made.invite
    return people_answers.InviteAnswer(
        code=sealing.invite_code(asked.credential.program_id, invite.invite_id),
        uses=invite.uses,
        used=made.used,
        note=invite.note,
        expires_on=_day(invite.expires_on),
        created_at=moment_of(invite.created_ms),
    )


def _day(number: int | None) -> date | None:
    return None if number is None else day_of(number)


@door.call(
    "GET",
    "/invites",
    roles=OWNER,
    summary="Invites, and how often each was used",
    answer=people_answers.Invites,
    query=PAGE,
)
def get_invites(asked: Asked) -> Answer:
    rows, cursor = inviting.list_invites(asked.call, asked.limit(), asked.query.get("cursor"))
    return Answer(body=people_answers.Invites([_invite(asked, row) for row in rows], cursor))


@door.call("DELETE", "/invites/{code}", roles=OWNER, summary="End an invite; who came by it stays", status=204)
def delete_invite(asked: Asked) -> Answer:
    inviting.end_invite(asked.call, asked.path["code"])
    return Answer(status=204)


@door.call("DELETE", "/me/session", roles=MEMBER, summary="End this token", status=204)
def delete_my_session(asked: Asked) -> Answer:
    end_session.end_own(asked.call)
    return Answer(status=204)


@door.call(
    "DELETE", "/members/{member_id}/sessions", roles=("storefront",), summary="End all of a member's tokens", status=204
)
def delete_sessions(asked: Asked) -> Answer:
    end_session.end_all(asked.call, asked.path["member_id"])
    return Answer(status=204)
