"""The member's own view; who they are comes from the token alone."""

from __future__ import annotations

from chalicelib.actions import change_contact as changing
from chalicelib.actions import person as people
from chalicelib.actions.admission import not_found
from chalicelib.api import answers, requests
from chalicelib.api.door import MEMBER, Answer, Asked, Door
from chalicelib.api.members import changes_of, member_answer
from chalicelib.api.pages import PAGE, entries_page, vouchers_page
from chalicelib.api.rewards import redemption_answer, rewards_answer

door = Door(__name__)


@door.call("GET", "/me", roles=MEMBER, summary="Yourself", answer=answers.Member)
def get_me(asked: Asked) -> Answer:
    person = people.read_member(asked.call, asked.own_id)
    return Answer(body=member_answer(asked, person or not_found("member")))


@door.call(
    "PATCH",
    "/me",
    roles=MEMBER,
    summary="Change your contact, consent or locale; a new email or phone finds you once the storefront confirms it",
    body=requests.OwnChange,
    answer=answers.Member,
)
def patch_me(asked: Asked) -> Answer:
    person = changing.change_contact(asked.call, asked.own_id, changes_of(asked.body), identify=False)
    return Answer(body=member_answer(asked, person))


@door.call("GET", "/me/ledger", roles=MEMBER, summary="Your entries, newest first", answer=answers.Entries, query=PAGE)
def get_my_ledger(asked: Asked) -> Answer:
    return entries_page(asked, asked.own_id)


@door.call(
    "GET",
    "/me/rewards",
    roles=MEMBER,
    summary="What you can take and what is missing",
    answer=answers.Rewards,
    query=PAGE,
)
def get_my_rewards(asked: Asked) -> Answer:
    return rewards_answer(asked, asked.own_id)


@door.call(
    "POST",
    "/me/redemptions",
    roles=MEMBER,
    summary="Redeem your points for a reward",
    body=requests.Redemption,
    answer=answers.VoucherAnswer,
    status=201,
    idempotent=True,
)
def post_my_redemption(asked: Asked) -> Answer:
    return redemption_answer(asked, asked.own_id)


@door.call(
    "GET", "/me/vouchers", roles=MEMBER, summary="Your vouchers, newest first", answer=answers.Vouchers, query=PAGE
)
def get_my_vouchers(asked: Asked) -> Answer:
    return vouchers_page(asked, asked.own_id)
