"""What happens in the shops: shoppers, staff and a payment provider, each operation chosen by the seed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from tests.proof.doing import Op
from tests.proof.stage import Stage

MENU = (("coffee", 320), ("coffee", 450), ("pastry", 280), ("lunch", 1150), ("beans", 1790), ("gift-card", 2000))
WEIGHTS = {
    "buy": 28,
    "refund": 11,
    "redeem": 14,
    "use": 8,
    "cancel": 5,
    "adjust": 3,
    "check_in": 4,
    "enrol": 7,
    "sell_card": 2,
    "spend_card": 5,
    "claim": 2,
    "merge": 1,
    "tell": 10,
    "get_member": 4,
    "get_voucher": 2,
    "again": 5,
    "other": 2,
    "foreign": 1,
}


class Facts:
    """What clients know of one shop, from what they were answered."""

    def __init__(self) -> None:
        self.members: list[str] = []
        self.hot: list[str] = []
        self.referral_codes: dict[str, str] = {}
        self.emails: list[str] = []
        self.orders: list[tuple[str, int]] = []
        self.guest_orders: list[str] = []
        self.guest_emails: list[str] = []
        self.told_orders: list[tuple[str, int, dict[str, Any]]] = []
        self.waiting: list[Op] = []
        self.codes: list[str] = []
        self.cards: list[str] = []
        self.done: list[Op] = []


class Traffic:
    """Makes the next operation. ``programs`` are the shops' ids."""

    def __init__(self, stage: Stage, programs: list[str], rewards: dict[str, list[str]]) -> None:
        self.stage, self.rewards = stage, rewards
        self.facts = {program: Facts() for program in programs}
        self.twins: list[Op] = []
        self._count = 0

    @property
    def dice(self) -> random.Random:
        return self.stage.random

    def heat(self) -> None:
        """New favourites: members on whom the next hour's traffic presses together."""
        for facts in self.facts.values():
            facts.hot = self.dice.sample(facts.members, min(6, len(facts.members)))

    def left_over(self) -> Op | None:
        """What a provider has still to tell of the hour's sales."""
        waiting = next((facts.waiting for facts in self.facts.values() if facts.waiting), None)
        return None if waiting is None else waiting.pop(self.dice.randrange(len(waiting)))

    def next(self) -> Op:
        if self.twins:
            return self.twins.pop()
        op = self._next()
        if self.dice.random() < 0.04:
            self.twins.append(op)  # somebody else tells the same at the same moment
        return op

    def _next(self) -> Op:
        program = self.dice.choice(list(self.facts))
        facts = self.facts[program]
        kinds = list(WEIGHTS)
        while True:
            kind = "enrol" if len(facts.members) < 12 else self.dice.choices(kinds, list(WEIGHTS.values()))[0]
            op: Op | None = getattr(self, f"_{kind}")(program, facts)
            if op is not None:
                return op

    def _new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _who(self, facts: Facts) -> str:
        return self.dice.choice(facts.hot if facts.hot and self.dice.random() < 0.35 else facts.members)

    def _recent(self, things: list[Any]) -> Any:
        """One of the latest mostly, for things are told, used and refunded soon; None where there are none."""
        if not things:
            return None
        dice = self.dice.random()
        return self.dice.choice(things[-5:] if dice < 0.4 else things[-40:] if dice < 0.85 else things)

    def _enrol(self, program: str, facts: Facts) -> Op:
        email = f"{self._new('p')}@{program}.example"
        dice = self.dice.random()
        if dice < 0.1 and facts.emails:
            email = self._recent(facts.emails)
        elif dice < 0.2 and facts.guest_emails:
            email = self.dice.choice(facts.guest_emails)
        body: dict[str, Any] = {"email": email}
        args: dict[str, Any] = {"email": email}
        if facts.members and self.dice.random() < 0.4:
            args["advocate"] = self._who(facts)
            body["referral_code"] = facts.referral_codes[args["advocate"]]
        return Op("enrol", program, "storefront", "POST", "/members", body, args, ("enrol", program, email))

    def _sale(self) -> dict[str, Any]:
        if self.dice.random() < 0.35:
            total = self.dice.randrange(1, 6000)
            return {"total": total, "currency": "EUR"}
        items: list[dict[str, Any]] = []
        for _ in range(self.dice.randrange(1, 4)):
            category, price = self.dice.choice(MENU)
            quantity = self.dice.choice((1, 1, 1, 2, 3, 12))
            items.append({"sku": category, "category": category, "quantity": quantity, "amount": price * quantity})
        listed = sum(item["amount"] for item in items)
        discount = self.dice.randrange(0, listed // 3) if self.dice.random() < 0.3 else 0
        delivery, tax = self.dice.choice((0, 0, 390)), self.dice.choice((0, 57))
        sale: dict[str, Any] = {"total": listed - discount + delivery + tax, "currency": "EUR", "items": items}
        return sale | {name: value for name, value in (("delivery", delivery), ("tax", tax)) if value}

    def _buy(self, program: str, facts: Facts) -> Op:
        order_id, sale = self._new("o"), self._sale()
        if facts.waiting and self.dice.random() < 0.2:
            told = facts.waiting.pop()
            if told.kind == "buy":
                self.twins.append(told)  # the shop tells what a provider tells too, twice at the same moment
            return told
        body: dict[str, Any] = {"order_id": order_id, **sale}
        dice = self.dice.random()
        if dice < 0.82:
            body["member_id"] = self._who(facts)
        elif dice < 0.95:
            body["email"] = f"{self._new('g')}@{program}.example"
        if self.dice.random() < 0.12:
            back = timedelta(seconds=self.dice.randrange(0, 2 * 86_400))
            body["occurred_at"] = (self.stage.now() - back).isoformat()
        if facts.codes and self.dice.random() < 0.12:
            codes = [str(self._recent(facts.codes)) for _ in range(self.dice.randrange(1, 3))]
            body["voucher_codes"] = sorted(set(codes))
        if facts.cards and self.dice.random() < 0.06:
            body["voucher_codes"] = [*body.get("voucher_codes", ()), self._recent(facts.cards)]
        role = "staff" if self.dice.random() < 0.1 else "storefront"
        return Op("buy", program, role, "POST", "/purchases", body, body, ("order", program, order_id))

    def _refund(self, program: str, facts: Facts) -> Op | None:
        order = self._recent(facts.orders)
        if order is None:
            return None
        if self.dice.random() < 0.15:
            self.twins.append(self._back(program, *order))  # two at the same moment
        return self._back(program, *order)

    def _back(self, program: str, order_id: str, total: int) -> Op:
        amount = total if self.dice.random() < 0.25 else self.dice.randrange(1, total // 2 + 2)
        args = {"order_id": order_id, "refund_id": self._new("r"), "amount": amount}
        body = {"refund_id": args["refund_id"], "amount": amount}
        path, cause = f"/purchases/{order_id}/refunds", ("refund", program, order_id, args["refund_id"])
        return Op("refund", program, "storefront", "POST", path, body, args, cause)

    def _redeem(self, program: str, facts: Facts) -> Op:
        member_id, reward_id = self._who(facts), self.dice.choice([*self.rewards[program], "rare"])
        body, idem = {"reward_id": reward_id}, self._new("k")
        path = f"/members/{member_id}/redemptions"
        args = {**body, "member_id": member_id}
        role, cause = self.dice.choice(("storefront", "storefront", "member")), ("redeem", program, member_id, idem)
        return Op("redeem", program, role, "POST", path, body, args, cause, idem)

    def _use(self, program: str, facts: Facts) -> Op | None:
        code = self._recent(facts.codes)
        if code is None:
            return None
        if self.dice.random() < 0.2:
            path, cause = f"/vouchers/{code}/cancel", ("cancel", program, code)
            self.twins.append(Op("cancel", program, "staff", "POST", path, {}, {"code": code}, cause))
        body = {"order_id": f"u{self.dice.randrange(3)}-{code[-5:]}"}
        args = {**body, "code": code}
        return Op("use", program, "staff", "POST", f"/vouchers/{code}/use", body, args, ("use", program, code))

    def _spend_card(self, program: str, facts: Facts) -> Op | None:
        code = self._recent(facts.cards)
        if code is None:
            return None
        known = self._recent(facts.orders) if self.dice.random() < 0.5 else None
        if known and self.dice.random() < 0.5:
            self.twins.append(self._back(program, *known))  # it goes back while the card pays
        order_id = known[0] if known else f"w{self.dice.randrange(40)}-{self._count // 400}"
        body = {"order_id": order_id, "amount": self.dice.randrange(1, 900)}
        args = {**body, "code": code}
        return Op("use", program, "storefront", "POST", f"/vouchers/{code}/use", body, args, ("use", program, code))

    def _cancel(self, program: str, facts: Facts) -> Op | None:
        code = self._recent(facts.codes if self.dice.random() < 0.85 else facts.cards)
        if code is None:
            return None
        path, cause = f"/vouchers/{code}/cancel", ("cancel", program, code)
        return Op("cancel", program, "staff", "POST", path, {}, {"code": code}, cause)

    def _adjust(self, program: str, facts: Facts) -> Op:
        member_id, idem = self._who(facts), self._new("k")
        points = self.dice.choice((-1, 1)) * self.dice.randrange(1, 650)
        body = {"points": points, "reason": "counted again"}
        args, path = {"member_id": member_id, "points": points}, f"/members/{member_id}/adjustments"
        role, cause = self.dice.choice(("staff", "owner")), ("adjust", program, member_id, idem)
        return Op("adjust", program, role, "POST", path, body, args, cause, idem)

    def _check_in(self, program: str, facts: Facts) -> Op:
        member_id, idem = self._who(facts), self._new("k")
        path, cause = f"/members/{member_id}/check-ins", ("check_in", program, member_id, idem)
        return Op("check_in", program, "staff", "POST", path, {}, {"member_id": member_id}, cause, idem)

    def _sell_card(self, program: str, facts: Facts) -> Op:
        idem, body = self._new("k"), {"amount": self.dice.randrange(500, 5000)}
        return Op(
            "sell_card", program, "storefront", "POST", "/gift-cards", body, body, ("gift_card", program, idem), idem
        )

    def _claim(self, program: str, facts: Facts) -> Op | None:
        order_id = self._recent(facts.guest_orders)
        if order_id is None:
            return None
        body = {"member_id": self._who(facts)}
        args, path = {**body, "order_id": order_id}, f"/purchases/{order_id}/claim"
        return Op("claim", program, "storefront", "POST", path, body, args, ("claim", program, order_id))

    def _merge(self, program: str, facts: Facts) -> Op:
        member_id, from_id = self.dice.sample(facts.members, 2)
        if facts.hot and self.dice.random() < 0.3 and facts.hot[0] != from_id:
            member_id = facts.hot[0]
        body, idem = {"from_member_id": from_id}, self._new("k")
        args, path = {**body, "member_id": member_id}, f"/members/{member_id}/merge"
        return Op("merge", program, "staff", "POST", path, body, args, ("merge", program, member_id, idem), idem)

    def _tell(self, program: str, facts: Facts) -> Op:
        """The provider's events of one sale come in any order, for they are made together and told at random."""
        mine = [op for op in facts.waiting if op.kind == "tell"]
        if mine and self.dice.random() < 0.75:
            op = self.dice.choice(mine)
            facts.waiting.remove(op)
            return op
        order_id, sale, member_id = self._new("t"), self._sale(), self._who(facts)
        told = [self._event(program, order_id, "paid", {**sale, "member_id": member_id})]
        for _ in range(self.dice.choice((0, 0, 1, 2))):
            amount = self.dice.randrange(1, sale["total"] + 1)
            told.append(self._event(program, order_id, "refunded", {"refund_id": self._new("q"), "amount": amount}))
        if self.dice.random() < 0.3:
            dispute = {"dispute_id": self._new("d"), "amount": self.dice.randrange(1, sale["total"] + 1)}
            told.append(self._event(program, order_id, "dispute_opened", dispute))
            outcome = {**dispute, "outcome": self.dice.choice(("won", "lost"))}
            told.append(self._event(program, order_id, "dispute_closed", outcome))
        if self.dice.random() < 0.3:
            body = {"order_id": order_id, **sale, "member_id": member_id}
            cause = ("order", program, order_id)
            told.append(Op("buy", program, "storefront", "POST", "/purchases", body, body, cause))
        self.dice.shuffle(told)
        facts.waiting.extend(told)
        tells = [op for op in told if op.kind == "tell"]
        facts.waiting.remove(tells[0])
        return tells[0]

    def _event(self, program: str, order_id: str, event: str, more: dict[str, Any]) -> Op:
        data = {"payment_id": f"pay-{order_id}", "order_id": order_id, "currency": "EUR", **more}
        if "items" in data:
            data["items"] = [dict(item) for item in data["items"]]
        body = {"type": f"payment.{event}", "timestamp": self.stage.now().isoformat(), "data": data}
        names = {name: more.get(name) for name in ("refund_id", "dispute_id")}
        cause = ("told", program, order_id, event, *names.values())
        args = {"event": event, "order_id": order_id, "occurred_at": body["timestamp"], **more}
        return Op("tell", program, "provider", "POST", f"/webhooks/standard/{program}", body, args, cause)

    def _get_member(self, program: str, facts: Facts) -> Op:
        member_id = self._who(facts)
        return self._reading("get_member", program, f"/members/{member_id}", {"member_id": member_id})

    def _get_voucher(self, program: str, facts: Facts) -> Op | None:
        code = self._recent(facts.codes + facts.cards[-10:])
        return None if code is None else self._reading("get_voucher", program, f"/vouchers/{code}", {"code": code})

    def _reading(self, kind: str, program: str, path: str, args: dict[str, Any]) -> Op:
        return Op(kind, program, "storefront", "GET", path, None, args, (kind, self._new("g")))

    def _again(self, program: str, facts: Facts) -> Op | None:
        """The same operation told once more, soon or much later."""
        op: Op | None = self._recent(facts.done)
        return op

    def _other(self, program: str, facts: Facts) -> Op | None:
        """Another content under a name that was used."""
        op: Op | None = self._recent(facts.done)
        if op is None or op.kind not in ("buy", "refund", "adjust", "redeem", "sell_card") or op.program != program:
            return None
        more = {
            "buy": {"total": op.args.get("total", 0) + 1},
            "refund": {"amount": op.args.get("amount", 0) + 1},
            "adjust": {"points": op.args.get("points", 0) + 1 or 1},
            "redeem": {"reward_id": self.rewards[program][0]},
            "sell_card": {"amount": op.args.get("amount", 0) + 1},
        }[op.kind]
        body, args = {**op.body, **more}, {**op.args, **more}
        return Op(op.kind, program, op.role, op.method, op.path, body, args, op.cause, op.idem)

    def _foreign(self, program: str, facts: Facts) -> Op | None:
        """Something of another shop, by its right id."""
        theirs = self.facts[next(name for name in self.facts if name != program)]
        if self.dice.random() < 0.5 and theirs.codes:
            code = self._recent(theirs.codes)
            return self._reading("get_voucher", program, f"/vouchers/{code}", {"code": code})
        if not theirs.members:
            return None
        member_id = self.dice.choice(theirs.members)
        return self._reading("get_member", program, f"/members/{member_id}", {"member_id": member_id})

    def note(self, op: Op, status: int, body: Any) -> None:
        """What a client learns from an answer."""
        facts = self.facts[op.program]
        if op.kind in ("get_member", "get_voucher"):
            return
        facts.done.append(op)
        del facts.done[:-3000]
        if status != 201:
            return
        if op.kind == "enrol":
            facts.members.append(body["member_id"])
            facts.referral_codes[body["member_id"]] = body["referral_code"]
            facts.emails.append(op.args["email"])
            if len(facts.hot) < 4:
                facts.hot.append(body["member_id"])
        elif op.kind == "buy":
            if not op.args["order_id"].startswith("t") and op.args["total"] > 0:
                facts.orders.append((op.args["order_id"], op.args["total"]))
            if body["member_id"] is None:
                facts.guest_orders.append(op.args["order_id"])
                if op.args.get("email"):
                    facts.guest_emails.append(op.args["email"])
        elif op.kind == "redeem":
            (facts.cards if body["kind"] == "gift_card" else facts.codes).append(body["code"])
        elif op.kind == "merge":
            if self.dice.random() < 0.8 and op.args["from_member_id"] in facts.members:
                facts.members.remove(op.args["from_member_id"])
        elif op.kind == "sell_card":
            facts.cards.append(body["code"])
        if op.kind in ("buy", "claim"):
            facts.codes.extend(voucher["code"] for voucher in body["vouchers_issued"])
