"""The whole ledger as API.md and LOYALTY.md tell it: plain Python, in memory, sharing no code with the service.

``decide`` says what the service must answer to an operation at a moment, in the state in which the model is; ``do``
lets it happen. An operation that was decided before is answered as the first time.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime
from typing import Any

from tests.proof.model_people import People
from tests.proof.model_things import Member, Order, Outcome, Spend, Voucher, refused, unusable

CARDS_AN_ORDER = 4


class Model(People):
    """Several programs on one table. ``born`` are the vouchers that the last effect issued, in their order."""

    def decide(self, op: Any, now: datetime) -> Outcome:
        """What the service must answer to ``op`` (its kind, arguments and program) at a moment by its clock."""
        decided: Outcome = getattr(self, f"_{op.kind}")(op, op.program, self.rules[op.program].day(now), now)
        return decided

    def do(self, op: Any, now: datetime) -> tuple[Outcome, dict[str, Any]]:
        """Lets an operation happen; answers what must have been told."""
        self.born.clear()
        outcome = self.decide(op, now)
        told = {} if outcome.effect is None else outcome.effect()
        if outcome.effect is not None:
            self.done[op.cause] = (op.asked, told)
        return outcome, told

    def _again(self, op: Any) -> Outcome | None:
        """The first answer to the same cause; a conflict where it was asked for something else."""
        known = self.done.get(op.cause)
        if known is None:
            return None
        return Outcome(200, facts=known[1]) if known[0] == op.asked else refused(409, "cause_conflict")

    def _member(self, program: str, member_id: str) -> Member | None:
        return self.members.get((program, member_id))

    @staticmethod
    def _gone(member: Member | None) -> Outcome | None:
        """Why nothing can be done with a member; None for one who can move."""
        if member is None:
            return refused(404, "member_not_found")
        if member.merged_into is not None:
            return refused(409, "member_merged", merged_into=member.merged_into)
        return None

    # --- people

    def _enrol(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        rules = self.rules[program]
        known = self.living(program, self.identities.get((program, op.args["email"])))
        if known is not None:
            return Outcome(200, facts={"member_id": known.member_id})
        advocate = op.args.get("advocate")
        if advocate is not None and (program, advocate) not in self.members:
            return refused(422, "referral_code_unknown")

        def effect() -> dict[str, Any]:
            member = Member(program, op.learned("member_id"), today, now.timestamp())
            self.members[program, member.member_id] = member
            self.identities[program, op.args["email"]] = member.member_id
            member.points.advance(today)
            if advocate is not None:
                by = self.living(program, advocate)
                assert by is not None
                member.advocate, member.referral = by.member_id, "joined"
                if op.args["email"] in self.guests:
                    member.referral, member.why = "refused", "bought_before"
            points = rules.document["enrolment"]["welcome_points"]
            if points:
                last = rules.last_day(today)
                member.points.grant(points, last)
                member.post("bonus", "welcome", points, expires_on=last.isoformat())
            return {"member_id": member.member_id, **member.seen(rules, today)}

        return Outcome(201, effect=effect)

    def _get_member(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        member = self._member(program, op.args["member_id"])
        if member is None:
            return refused(404, "member_not_found")
        return Outcome(200, facts=member.seen(self.rules[program], today))

    def _adjust(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        member, points = self._member(program, op.args["member_id"]), op.args["points"]
        if again := self._again(op):
            return again
        if gone := self._gone(member):
            return gone
        assert member is not None
        has = member.points.on(today).available
        if op.role == "staff" and abs(points) > self.rules[program].document["staff"]["adjustment_cap"]:
            return refused(422, "staff_cap_exceeded")
        if points < 0 and has + points < 0:
            return refused(422, "insufficient_points", available=has, required=-points)

        def effect() -> dict[str, Any]:
            member.advance(today)
            last = self.rules[program].last_day(today)
            if points > 0:
                member.points.grant(points, last)
            else:
                member.points.spent -= points
            expires = last.isoformat() if points > 0 else None
            return dict(_shown(member.post("adjust", "adjustment", points, expires_on=expires)))

        return Outcome(201, effect=effect)

    def _check_in(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        member, rule = self._member(program, op.args["member_id"]), self.rules[program].earning["check_in"]
        if again := self._again(op):
            return again
        if gone := self._gone(member):
            return gone
        assert member is not None
        # Where somebody's clock was in tomorrow already, a visit by a slower one is of tomorrow too.
        visited = max([today, *member.visits])
        if member.visits.get(visited, 0) >= rule["per_day"]:
            return refused(422, "check_in_limit", limit=rule["per_day"])

        def effect() -> dict[str, Any]:
            member.advance(today)
            member.visits[visited] = member.visits.get(visited, 0) + 1
            last = self.rules[program].last_day(today)
            member.points.grant(rule["points"], last)
            return dict(_shown(member.post("bonus", "check_in", rule["points"], expires_on=last.isoformat())))

        return Outcome(201, effect=effect)

    # --- rewards and vouchers

    def _redeem(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        member, rules = self._member(program, op.args["member_id"]), self.rules[program]
        if again := self._again(op):
            return again
        if gone := self._gone(member):
            return gone
        assert member is not None
        reward = rules.rewards.get(op.args["reward_id"])
        if reward is None:
            return refused(404, "reward_not_found")
        has, taken = member.points.on(today).available, member.taken.get(reward["id"], 0)
        if reward.get("stock") is not None and self.stock.get((program, reward["id"]), 0) >= reward["stock"]:
            return refused(422, "out_of_stock")
        if reward.get("per_member") is not None and taken >= reward["per_member"]:
            return refused(422, "limit_reached", taken=taken)
        if has < reward["points"]:
            return refused(422, "insufficient_points", available=has, required=reward["points"])

        def effect() -> dict[str, Any]:
            member.advance(today)
            assert member.points.available >= reward["points"], "granted without cover"
            member.points.spent += reward["points"]
            voucher = self._issue(program, reward, member, today, points=reward["points"])
            if voucher.limited:
                member.taken[reward["id"]] = taken + 1
            if voucher.stocked:
                self.stock[program, reward["id"]] = self.stock.get((program, reward["id"]), 0) + 1
            member.post("redeem", "redemption", -reward["points"])
            self.name(voucher, op.learned("code"))
            return voucher.new()

        return Outcome(201, effect=effect)

    def _sell_card(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        if again := self._again(op):
            return again
        amount = op.args["amount"]

        def effect() -> dict[str, Any]:
            card = Voucher(program, None, "gift_card", amount, balance=amount)
            self.born.append(card)
            self.name(card, op.learned("code"))
            return card.new()

        return Outcome(201, effect=effect)

    def _get_voucher(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        voucher = self.codes.get((program, op.args["code"]))
        return refused(404, "voucher_not_found") if voucher is None else Outcome(200, facts=voucher.seen(today))

    def _use(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        voucher, order_id = self.codes.get((program, op.args["code"])), op.args["order_id"]
        if voucher is None:
            return refused(404, "voucher_not_found")
        if voucher.kind == "gift_card":
            return self._spend(voucher, program, order_id, op.args.get("amount"), today)
        if voucher.end == "used" and voucher.order == order_id:
            return Outcome(200, facts=voucher.seen(today))
        if (why := unusable(voucher, today, None)) is not None:
            return why

        def effect() -> dict[str, Any]:
            voucher.end, voucher.order = "used", order_id
            return voucher.seen(today)

        return Outcome(201, effect=effect)

    def _spend(self, card: Voucher, program: str, order_id: str, amount: int | None, today: date) -> Outcome:
        if amount is None:
            return refused(422, "amount_required")
        order = self.order(program, order_id)
        for spend in order.spends:
            if spend.card is card:
                if spend.paid != amount:
                    return refused(409, "cause_conflict")
                then = {"status": "issued" if spend.left else "used"}  # however the card ended since
                return Outcome(200, facts={**card.seen(today, spend.left, order_id), **then})
        if card.end is not None:
            return refused(409, "voucher_settled")
        if len(order.spends) >= CARDS_AN_ORDER:
            return refused(422, "too_many_vouchers")
        assert card.balance is not None
        if amount > card.balance:
            return refused(422, "insufficient_balance", balance=card.balance, required=amount)
        in_total = card.reward is None
        if order.booked:
            left = order.total - order.refunded - self.paid_in_total(order, order.refunded)
            if (in_total and amount > left) or (order.refunded and order.refunded == order.total):
                return refused(422, "amount_exceeds_order", left=max(0, left))
        if (why := unusable(card, today, None)) is not None:
            return why

        def effect() -> dict[str, Any]:
            assert card.balance is not None
            card.balance -= amount
            order.spends.append(Spend(card, amount, in_total, order.refunded if order.booked else 0, card.balance))
            return card.seen(today, card.balance, order_id)

        return Outcome(201, effect=effect)

    @staticmethod
    def paid_in_total(order: Order, refunded: int) -> int:
        """What bought cards paid of an order, less what its refunds put back on them."""
        backs = zip(order.spends, order.back_on_cards(refunded), strict=True)
        return sum(spend.paid - back for spend, back in backs if spend.in_total)

    def _cancel(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        voucher = self.codes.get((program, op.args["code"]))
        if voucher is None:
            return refused(404, "voucher_not_found")
        if voucher.end == "cancelled":
            return Outcome(200, facts=voucher.seen(today))
        if voucher.end is not None or (voucher.balance is not None and voucher.balance != voucher.value):
            return refused(409, "voucher_settled")
        if voucher.last_day is not None and voucher.last_day < today:
            return refused(422, "voucher_expired")

        def effect() -> dict[str, Any]:
            member = self.living(program, voucher.member)
            if voucher.balance is not None:
                voucher.balance = 0
            if member is not None:
                member.advance(today)
                member.points.give_back(voucher.points, today)
                if voucher.limited and voucher.reward is not None:
                    member.taken[voucher.reward["id"]] -= 1
            if voucher.stocked and voucher.reward is not None:
                self.stock[program, voucher.reward["id"]] -= 1
            voucher.end = "cancelled"
            if member is not None:
                amount = 0 if voucher.kind == "gift_card" else None
                amount = voucher.value if voucher.kind == "gift_card" else amount
                member.post("reverse", "voucher", voucher.points, amount=amount)
            return voucher.seen(today)

        return Outcome(200, effect=effect)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in deepcopy(entry).items() if name != "cause"}
