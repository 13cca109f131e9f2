"""Rewards and vouchers over HTTP: the catalogue, redemption, use, cancellation."""

from __future__ import annotations

from chalicelib.actions import catalogue, gift_card, redeem, settle_voucher
from chalicelib.api import answers, present, requests
from chalicelib.api.door import OWNER, STAFF, Answer, Asked, Door, Query
from chalicelib.api.pages import PAGE
from chalicelib.domain.errors import Refused

door = Door(__name__)


def rewards_answer(asked: Asked, member_id: str | None) -> Answer:
    """A page of the catalogue, in the owner's order; with a member, what each reward still needs."""
    rows = []
    offers, cursor = _page(asked, catalogue.read(asked.call, member_id))
    for offer in offers:
        reward = offer.reward
        rows.append(
            answers.RewardAnswer(
                id=reward.id,
                name=reward.name,
                kind=reward.kind,
                value=reward.value,
                points=reward.points,
                valid_days=reward.valid_days,
                minimum_tier=reward.minimum_tier,
                minimum_purchase=reward.minimum_purchase,
                per_member=reward.per_member,
                stock_left=None if reward.stock is None else max(0, reward.stock - offer.stock_taken),
                starts_on=reward.starts_on,
                ends_on=reward.ends_on,
                can_take=None if offer.hindrances is None else not offer.hindrances,
                points_missing=offer.points_missing,
                obstacles=None
                if offer.hindrances is None
                else [answers.Obstacle(refusal.code, refusal.detail) for refusal in offer.hindrances],
            )
        )
    return Answer(body=answers.Rewards(rows, cursor))


def _page(asked: Asked, offers: list[catalogue.Offered]) -> tuple[list[catalogue.Offered], str | None]:
    """What follows the reward that the cursor names, and the cursor of the next page where there is one."""
    limit, cursor, first = asked.limit(), asked.query.get("cursor"), 0
    if cursor is not None:
        ids = [offer.reward.id for offer in offers]
        if cursor not in ids:
            raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged, or begin again.")
        first = ids.index(cursor) + 1
    page = offers[first : first + limit]
    return page, page[-1].reward.id if first + limit < len(offers) else None


@door.call(
    "GET",
    "/rewards",
    roles=STAFF,
    summary="The catalogue; with a member, what each can take now and what is missing",
    answer=answers.Rewards,
    query=(Query("member_id", "The member whose points and tier the rewards are compared with."), *PAGE),
)
def get_rewards(asked: Asked) -> Answer:
    return rewards_answer(asked, asked.query.get("member_id"))


@door.call(
    "POST",
    "/members/{member_id}/redemptions",
    roles=STAFF,
    summary="Redeem points for a reward",
    body=requests.Redemption,
    answer=answers.VoucherAnswer,
    status=201,
    idempotent=True,
)
def post_redemption(asked: Asked) -> Answer:
    return redemption_answer(asked, asked.path["member_id"])


def redemption_answer(asked: Asked, member_id: str) -> Answer:
    done = redeem.redeem(asked.call, member_id, asked.body.reward_id, asked.idempotency_key)
    return Answer(body=present.new_voucher(asked.credential.program_id, done.voucher), replayed=done.replayed)


@door.call("GET", "/vouchers/{code}", roles=STAFF, summary="A voucher by its code", answer=answers.VoucherAnswer)
def get_voucher(asked: Asked) -> Answer:
    return Answer(body=present.voucher(settle_voucher.look_up(asked.call, asked.path["code"])))


@door.call(
    "POST",
    "/vouchers/{code}/use",
    roles=STAFF,
    summary="Use a voucher for one order",
    body=requests.VoucherUse,
    answer=answers.VoucherAnswer,
    status=201,
)
def post_voucher_use(asked: Asked) -> Answer:
    held = settle_voucher.use(asked.call, asked.path["code"], asked.body.order_id, asked.body.amount)
    return Answer(body=present.voucher(held), replayed=held.replayed)


@door.call(
    "POST",
    "/vouchers/{code}/cancel",
    roles=STAFF,
    summary="Cancel a voucher: its points come back, once",
    body=requests.Nothing,
    answer=answers.VoucherAnswer,
)
def post_voucher_cancel(asked: Asked) -> Answer:
    held = settle_voucher.cancel(asked.call, asked.path["code"])
    return Answer(body=present.voucher(held), replayed=held.replayed)


@door.call(
    "POST",
    "/gift-cards",
    roles=STAFF,
    summary="Sell a gift card; it earns nothing and keeps its balance over many orders",
    body=requests.NewGiftCard,
    answer=answers.VoucherAnswer,
    status=201,
    idempotent=True,
)
def post_gift_card(asked: Asked) -> Answer:
    body: requests.NewGiftCard = asked.body
    sold = gift_card.sell_card(asked.call, body.amount, body.recipient_email, asked.idempotency_key)
    return Answer(body=present.new_voucher(asked.credential.program_id, sold.voucher), replayed=sold.replayed)


@door.call(
    "POST",
    "/gift-cards/forget-recipient",
    roles=OWNER,
    summary="Erase whom gift cards were meant for, of one email",
    body=requests.Recipient,
    status=204,
)
def post_forget_recipient(asked: Asked) -> Answer:
    gift_card.forget_recipient(asked.call, asked.body.email)
    return Answer(status=204)
