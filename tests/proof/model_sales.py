"""The model's sales: bought, claimed, refunded, told by a payment provider, disputed; stamps and their vouchers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.proof.model_things import Member, Order, Outcome, Rules, Spend, Voucher, days_after, refused, unusable

CLAIM_DAYS = 30


class Sales:
    """``done`` is what was decided once, by its cause: what was asked and what was told."""

    def __init__(self, documents: dict[str, dict[str, Any]]) -> None:
        self.rules = {program: Rules(document) for program, document in documents.items()}
        self.members: dict[tuple[str, str], Member] = {}
        self.identities: dict[tuple[str, str], str] = {}
        self.guests: set[str] = set()
        self.orders: dict[tuple[str, str], Order] = {}
        self.codes: dict[tuple[str, str], Voucher] = {}
        self.stock: dict[tuple[str, str], int] = {}
        self.done: dict[Any, tuple[Any, dict[str, Any]]] = {}
        self.born: list[Voucher] = []

    def living(self, program: str, member_id: str | None) -> Member | None:
        """Whoever somebody is by now: accounts are merged into others."""
        found = self.members.get((program, member_id or ""))
        while found is not None and found.merged_into is not None:
            found = self.members[program, found.merged_into]
        return found

    def order(self, program: str, order_id: str) -> Order:
        return self.orders.setdefault((program, order_id), Order(program, order_id))

    def name(self, voucher: Voucher, code: str) -> None:
        voucher.code = code
        self.codes[voucher.program, code] = voucher

    def _issue(
        self, program: str, reward: dict[str, Any], member: Member, today: date, points: int = 0, by_card: bool = False
    ) -> Voucher:
        days = reward.get("valid_days")
        voucher = Voucher(
            program,
            reward,
            reward["kind"],
            reward["value"],
            points,
            member.member_id,
            None if days is None else today + timedelta(days=days),
            balance=reward["value"] if reward["kind"] == "gift_card" else None,
            by_card=by_card,
        )
        member.vouchers.append(voucher)
        self.born.append(voucher)
        return voucher

    # --- bought

    def _buy(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        asked, rules = op.args, self.rules[program]
        order = self.order(program, asked["order_id"])
        if order.answer is not None:
            if order.content == op.asked:
                return Outcome(200, facts=order.answer)
            return refused(409, "cause_conflict")
        if op.role == "staff" and asked["total"] > rules.document["staff"]["purchase_cap"]:
            return refused(422, "staff_cap_exceeded")
        used: list[Voucher] = []
        cards: list[tuple[Voucher, int]] = []
        left = asked["total"] - self._paid(order)
        found = [self.codes.get((program, code)) for code in dict.fromkeys(asked.get("voucher_codes", ()))]
        for voucher in found:
            if voucher is None:
                return refused(422, "voucher_unknown")
            if (voucher.end == "used" and voucher.order == order.order_id) or voucher.kind == "gift_card":
                continue
            if (why := unusable(voucher, today, asked["total"])) is not None:
                return why
            used.append(voucher)
        for voucher in found:
            if voucher is None or voucher.kind != "gift_card" or any(one.card is voucher for one in order.spends):
                continue
            if (why := unusable(voucher, today, asked["total"])) is not None:
                return why
            if voucher.reward is not None:
                return refused(422, "amount_required")
            amount = min(voucher.balance or 0, left)
            if amount <= 0:
                return refused(422, "insufficient_balance")
            if len(order.spends) + len(cards) >= 4:
                return refused(422, "too_many_vouchers")
            cards.append((voucher, amount))
            left -= amount
        member = self._buyer(program, asked)

        def effect() -> dict[str, Any]:
            first = not order.booked
            if first:
                self._book(order, op, member, today, now)
            for voucher in used:
                voucher.end, voucher.order = "used", order.order_id
            for card, amount in cards:
                assert card.balance is not None
                card.balance -= amount
                order.spends.append(Spend(card, amount, True, 0, card.balance))
            order.content = op.asked
            if first:
                self._earn(order, member, today, 0, "order")
            elif member is not None:
                member.advance(today)
            issued = [voucher for vouchers in order.filled.values() for voucher in vouchers]
            for voucher, answered in zip(issued, op.told("vouchers_issued"), strict=False):
                self.name(voucher, answered["code"])
            order.answer = self._told(order)
            if first and order.provider:
                self._follow(order, today)
            return order.answer

        return Outcome(201, effect=effect)

    @staticmethod
    def _paid(order: Order) -> int:
        return sum(spend.paid for spend in order.spends if spend.in_total)

    def _buyer(self, program: str, asked: dict[str, Any]) -> Member | None:
        found = self.living(program, asked.get("member_id"))
        if found is None and asked.get("email") is not None:
            found = self.living(program, self.identities.get((program, asked["email"])))
        return found

    def _book(self, order: Order, op: Any, member: Member | None, today: date, now: datetime) -> None:
        asked = op.args
        order.booked, order.total = True, asked["total"]
        order.delivery, order.tax = asked.get("delivery", 0), asked.get("tax", 0)
        order.items = asked.get("items", [])
        moment = datetime.fromisoformat(asked["occurred_at"]) if asked.get("occurred_at") else now
        order.occurred, order.happened = self.rules[order.program].day(moment), moment.timestamp()
        order.member, order.email = None if member is None else member.member_id, asked.get("email")
        if member is None and order.email is not None:
            self.guests.add(order.email)

    def _earn(self, order: Order, member: Member | None, today: date, refunded: int, cause: str) -> list[Voucher]:
        """Points, stamps and the cards that they fill; answers the vouchers of those."""
        if member is None:
            return []
        rules = self.rules[order.program]
        member.advance(today)
        cap = rules.earning["daily_cap"]
        granted = order.rule(rules, refunded)
        if cap is not None:
            granted = min(granted, max(0, cap - member.capped.get(order.occurred, 0)))
            member.capped[order.occurred] = member.capped.get(order.occurred, 0) + granted
        order.granted, order.last_day = granted, rules.last_day(order.occurred)
        until = days_after(order.occurred, rules.earning["pending_days"])
        waits = granted > 0 and until > today
        order.until, order.held_first = (until, True) if waits else (None, False)
        if waits:
            member.points.hold(granted, order.last_day, until)
        elif granted:
            member.points.grant(granted, order.last_day)
        filled: list[tuple[str, int]] = []
        for card in rules.cards:
            given = order.stamps_on(card)
            if given:
                order.stamps[card["id"]] = given
                count = member.stamps.get(card["id"], 0) + order.stamps_left(card["id"], refunded)
                full = max(0, count) // card["required"]
                member.stamps[card["id"]] = count - full * card["required"]
                filled.append((card["id"], full))
        member.orders.append(order)
        self._qualify(member, order, refunded)
        member.post(
            "earn",
            cause,
            granted,
            status="pending" if waits else "posted",
            available_on=until.isoformat() if waits else None,
            expires_on=order.last_day.isoformat() if granted else None,
            order_id=order.order_id,
            amount=order.total,
        )
        issued = []
        for card_id, full in filled:
            reward = rules.rewards[next(card["reward_id"] for card in rules.cards if card["id"] == card_id)]
            order.filled[card_id] = []
            for _ in range(full):
                voucher = self._issue(order.program, reward, member, today, by_card=True)
                order.filled[card_id].append(voucher)
                member.post("bonus", "stamp_card", order_id=order.order_id)
                issued.append(voucher)
        member.advance(today)
        return issued

    def _qualify(self, member: Member, order: Order, refunded: int) -> None:
        rules = self.rules[order.program]
        if member.referral not in ("joined", "settling"):
            return
        if order.occurred < member.joined:
            member.referral, member.why, member.settles = "refused", "bought_before", None
        elif member.referral == "joined" and order.worth(rules, refunded) >= max(1, rules.referral["minimum_purchase"]):
            self.wait(member, order)

    def wait(self, member: Member, order: Order) -> None:
        days = self.rules[order.program].referral["settle_days"]
        member.referral, member.qualified_by = "settling", order
        member.settles = days_after(order.occurred, days)

    def _told(self, order: Order, refunded: int = 0) -> dict[str, Any]:
        """The purchase as it is answered the first time; ``refunded`` had gone back before it was claimed."""
        status = "none" if order.member is None else "pending" if order.held_first else "posted"
        issued = [voucher for vouchers in order.filled.values() for voucher in vouchers]
        return {
            "order_id": order.order_id,
            "member_id": order.member,
            "total": order.total,
            "refunded": refunded,
            "points": order.granted,
            "points_status": status,
            "available_on": order.until.isoformat() if order.held_first and order.until else None,
            "expires_on": order.last_day.isoformat() if order.granted else None,
            "stamps": [{"card_id": card, "stamps": order.stamps_left(card, refunded)} for card in order.stamps],
            "vouchers_issued": [voucher.new() for voucher in issued],
        }

    def _claim(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        order = self.order(program, op.args["order_id"])
        member = self.members.get((program, op.args["member_id"]))
        if not order.booked:
            return refused(404, "purchase_not_found")
        if member is None:
            return refused(404, "member_not_found")
        if member.merged_into is not None:
            return refused(409, "member_merged", merged_into=member.merged_into)
        if order.claim is not None:
            if self.living(program, order.member) is member:
                return Outcome(200, facts=order.claim)
            return refused(409, "already_claimed")
        if order.member is not None:
            return refused(409, "already_claimed")
        if order.happened < (now - timedelta(days=CLAIM_DAYS)).timestamp():
            return refused(422, "claim_too_late", days=CLAIM_DAYS)
        if order.refunded and order.refunded == order.total:
            return refused(422, "nothing_to_claim")

        def effect() -> dict[str, Any]:
            order.member = member.member_id
            issued = self._earn(order, member, today, order.refunded, "claim")
            for voucher, answered in zip(issued, op.told("vouchers_issued"), strict=False):
                self.name(voucher, answered["code"])
            order.claim = self._told(order, order.refunded)
            return order.claim

        return Outcome(201, effect=effect)

    # --- gone back

    def _refund(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        order = self.order(program, op.args["order_id"])
        amount, refund_id = op.args["amount"], op.args["refund_id"]
        if not order.booked:
            return refused(404, "purchase_not_found")
        if refund_id in order.refunds:
            known, told = order.refunds[refund_id]
            return Outcome(200, facts=told) if known == amount else refused(409, "cause_conflict")
        left = order.total - order.refunded
        if amount > left:
            return refused(422, "refund_exceeds_purchase", left=left)

        def effect() -> dict[str, Any]:
            told = self._take_back(order, order.refunded + amount, 0, today, refund_id)
            order.refunds[refund_id] = (amount, told)
            return told

        return Outcome(201, effect=effect)

    def _take_back(self, order: Order, refunded: int, held: int, today: date, refund_id: str | None) -> dict[str, Any]:
        """Moves an order to so much gone back and so much held by disputes; answers the refund as it is told."""
        rules, before = self.rules[order.program], order.refunded
        amount = refunded - before
        was = order.deserved(rules, min(order.total, before + order.held))
        will = order.deserved(rules, min(order.total, refunded + held))
        backs = zip(order.spends, order.back_on_cards(before), order.back_on_cards(refunded), strict=True)
        for spend, had, has in backs:
            if has != had:
                assert spend.card.balance is not None
                spend.card.balance += has - had
        member = self.living(order.program, order.member)
        opened = held > order.held
        order.refunded, order.held = refunded, held
        told = {"refund_id": refund_id, "order_id": order.order_id, "amount": amount, "refunded": refunded}
        if refund_id is None:
            del told["refund_id"]
        if member is None:
            return {**told, "member_id": None, "points": 0, "balance_after": None}
        member.advance(today)
        points, status = 0, "posted"
        if will < was:
            out_of_held, taken = member.points.take_back(was - will, order.last_day, order.until)
            points, status = (-taken, "posted") if taken else (-out_of_held, "pending" if out_of_held else "posted")
        elif will > was:
            points = will - was
            if order.until is not None and order.until > today:
                member.points.hold(points, order.last_day, order.until)
                status = "pending"
            else:
                member.points.grant(points, order.last_day)
        stamps = self._unstamp(order, member, before, refunded)
        moved = amount > 0 or (amount == 0 and refund_id is not None)
        entry = member.post(
            "refund" if moved or opened else "reverse",
            "refund" if moved else "correction",
            points,
            status=status,
            order_id=order.order_id,
            amount=amount if moved else None,
        )
        member.advance(today)
        return {
            **told,
            "member_id": member.member_id,
            "points": points,
            "points_status": status,
            "stamps": stamps,
            "balance_after": entry["balance_after"],
        }

    def _unstamp(self, order: Order, member: Member, before: int, after: int) -> list[dict[str, Any]]:
        """Takes stamps back; an unused voucher that they completed goes with a card that falls below zero."""
        rows = []
        for card_id in order.stamps:
            taken = order.stamps_left(card_id, before) - order.stamps_left(card_id, after)
            if not taken:
                continue
            required = next(card["required"] for card in self.rules[order.program].cards if card["id"] == card_id)
            count = member.stamps.get(card_id, 0) - taken
            for voucher in reversed(order.filled.get(card_id, [])):
                if count < 0 and voucher.end is None:
                    voucher.end = "cancelled"
                    count += required
            member.stamps[card_id] = count
            rows.append({"card_id": card_id, "stamps": -taken})
        return rows

    # --- told by a provider

    def _tell(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        """A provider's event: it may come before its sale, twice and in any order, and the sale ends the same."""
        asked = op.args
        order = self.order(program, asked["order_id"])
        member = self._buyer(program, asked) if asked["event"] == "paid" else None
        if op.cause in self.done:
            return Outcome(200, facts={"outcome": "known"})

        def effect() -> dict[str, Any]:
            order.provider = True
            if asked["event"] == "paid":
                if not order.booked:
                    self._book(order, op, member, today, now)
                    self._earn(order, member, today, 0, "order")
                order.told = True
            elif asked["event"] == "refunded":
                order.returns[asked["refund_id"]] = asked["amount"]
            else:
                known = order.disputes.get(asked["dispute_id"], (0, "open"))
                state = "open" if asked["event"] == "dispute_opened" else asked["outcome"]
                rank = ("open", "won", "lost")
                order.disputes[asked["dispute_id"]] = max(
                    known, (asked["amount"], state), key=lambda one: (rank.index(one[1]), one[0])
                )
            if order.booked:
                self._follow(order, today)
            return {}

        return Outcome(200, facts={}, effect=effect)

    def _follow(self, order: Order, today: date) -> None:
        """What the provider's tellings add up to: refunds and lost disputes went back, open ones are held."""
        lost = sum(amount for amount, state in order.disputes.values() if state == "lost")
        opened = sum(amount for amount, state in order.disputes.values() if state == "open")
        refunded = min(order.total, sum(order.returns.values()) + lost)
        held = min(order.total, refunded + opened) - refunded
        if (refunded, held) != (order.refunded, order.held):
            self._take_back(order, refunded, held, today, None)
