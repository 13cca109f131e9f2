"""One household's year: tells the service what it does, keeps the independent account beside it, compares at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from infra.local.replay.expected import Account, Bought, Document, Voucher
from infra.local.replay.plan import Plan
from infra.local.replay.receipts import Receipt
from infra.local.replay.stripe_events import Payment, signature
from infra.local.replay.till import Answer, Till
from infra.local.trouble import Trouble

Report = Callable[[str], None]


@dataclass
class Household:
    """``day`` and ``now`` are given with each evening: the shop's tills are told of the day's baskets at its end."""

    number: int
    till: Till
    program: Document
    report: Report
    member_id: str = ""
    account: Account = field(init=False)
    held: dict[str, Voucher] = field(default_factory=dict)
    """Vouchers that can still be used, by their code."""
    returns: list[tuple[date, str, int, Payment | None]] = field(default_factory=list)

    @property
    def email(self) -> str:
        return f"household-{self.number}@grocer.example"

    def returns_on(self, day: date) -> bool:
        return any(when <= day for when, *_ in self.returns)

    def evening(self, plans: list[Plan], day: date, now: datetime) -> None:
        """Everything of one day, in its order."""
        for plan in plans:
            if not self.member_id:
                self._join(day)
            self._buy(plan, day, now)
        due = [each for each in self.returns if each[0] <= day]
        self.returns = [each for each in self.returns if each[0] > day]
        for _, order, percent, payment in due:
            self._return(order, percent, payment, now)
        for plan in plans:
            if plan.overreaches:
                self._redeem(self._dearest(), plan, day)
            elif plan.spends:
                self._spend(plan, day)

    def _tell(self, what: str, send: Callable[[], Answer], again: bool, expect: int = 201) -> Answer:
        """Send it, twice where ``again``: the second answer must be the first."""
        first = send()
        if first.status != expect:
            self.report(f"{what}: answered {first.status}, not {expect}: {first.body}")
        elif again:
            second = send()
            if (second.status, second.replayed, second.body) != (200, True, first.body):
                self.report(f"{what}, sent again: answered {second.status} {second.body}, first {first.body}")
        return first

    def _join(self, day: date) -> None:
        body = {"email": self.email, "external_id": f"household-{self.number}", "consent": {"marketing": False}}
        answer = self.till.call("enrol", "POST", "/members", body)
        if answer.status != 201:
            raise Trouble(f"{self.email} cannot join: {answer.status} {answer.body}")
        self.member_id = answer.body["member_id"]
        self.account = Account(self.program, day)

    # Buying

    def _buy(self, plan: Plan, day: date, now: datetime) -> None:
        basket = plan.receipt.basket
        if plan.stripe:
            payment = Payment(
                plan.receipt,
                str(basket.basket_id) if plan.named else None,
                self.member_id if plan.by_id else None,
                self.email,
            )
            order = payment.known_as
            self._pay(payment, plan, now)
            self.account.buy(order, plan.receipt, day)
        else:
            payment, order = None, str(basket.basket_id)
            self._checkout(order, plan, day)
        for each in plan.returns:
            self.returns.append((day + timedelta(days=each.after_days), order, each.percent, payment))

    def _pay(self, payment: Payment, plan: Plan, now: datetime) -> None:
        for place, kind in enumerate(plan.stripe):
            answer = self._webhook(payment.event(kind, now), now)
            told = (answer.status, (answer.body or {}).get("outcome"))
            if told != (200, "known" if place else "booked"):
                self.report(f"{payment.known_as}: {kind} was answered {answer.status} {answer.body}")

    def _webhook(self, body: bytes, now: datetime) -> Answer:
        path = f"/webhooks/stripe/{self.program['program_id']}"
        return self.till.call("webhook", "POST", path, body, headers={"Stripe-Signature": signature(body, now)})

    def _checkout(self, order: str, plan: Plan, day: date) -> None:
        receipt, codes = self._with_voucher(plan, day)
        body: dict[str, Any] = {
            "order_id": order,
            "total": receipt.total,
            "delivery": receipt.delivery,
            "tax": receipt.tax,
            "currency": "USD",
            "occurred_at": receipt.basket.at.isoformat(),
            "voucher_codes": codes,
            "items": [
                {"sku": line.sku, "quantity": line.quantity, "amount": line.cents}
                | ({} if line.department is None else {"category": line.department})
                for line in receipt.basket.lines
            ],
        }
        body |= {"member_id": self.member_id} if plan.by_id else {"email": self.email}
        answer = self._tell(order, lambda: self.till.call("purchase", "POST", "/purchases", body), plan.again)
        before = self.account.tier_id
        bought = self.account.buy(order, receipt, day)
        for code in codes:
            self.held.pop(code).status = "used"
        if answer.status == 201:
            self._compare(order, answer.body, bought, before)

    def _with_voucher(self, plan: Plan, day: date) -> tuple[Receipt, list[str]]:
        receipt = plan.receipt
        for code, voucher in self.held.items():
            reward = next(each for each in self.program["rewards"] if each["id"] == voucher.reward)
            fits = reward["kind"] == "amount_off" and receipt.goods >= reward.get("minimum_purchase", 0)
            if plan.uses_voucher and fits and voucher.status_on(day) == "issued":
                off = min(reward["value"], receipt.goods)
                return Receipt(receipt.basket, receipt.delivery, receipt.tax, voucher=off), [code]
        return receipt, []

    def _compare(self, order: str, answer: dict[str, Any], bought: Bought, tier_before: str) -> None:
        """What the service answered of a purchase with what was worked out here; learns the codes of its vouchers."""
        issued = [voucher for card in bought.vouchers.values() for voucher in card]
        tier = self.account.tier_id
        told = {
            "points": answer["points"],
            "sum of the explanation": sum(step["points"] for step in answer["explanation"]),
            "stamps": {each["card_id"]: each["stamps"] for each in answer["stamps"]},
            "vouchers": [each["reward_id"] for each in answer["vouchers_issued"]],
            "tier change": answer["tier_change"],
        }
        wanted = {
            "points": bought.granted,
            "sum of the explanation": bought.granted,
            "stamps": bought.stamps,
            "vouchers": [each.reward for each in issued],
            "tier change": None if tier == tier_before else {"from": tier_before, "to": tier},
        }
        for name, value in wanted.items():
            if told[name] != value:
                self.report(f"purchase {order}: {name} {told[name]}, worked out {value}")
        for each, voucher in zip(answer["vouchers_issued"], issued, strict=False):
            self.held[each["code"]] = voucher

    # Returning

    def _return(self, order: str, percent: int, payment: Payment | None, now: datetime) -> None:
        bought = self.account.bought[order]
        left = bought.total - bought.refunded
        cents = left if percent == 100 else min(left, max(1, bought.total * percent // 100))
        if cents == 0:
            return
        again = (bought.total + percent) % 10 == 0
        if payment is None:
            body = {"refund_id": f"{order}-{bought.refunded}", "amount": cents, "occurred_at": now.isoformat()}
            path = f"/purchases/{order}/refunds"
            self._tell(f"refund of {order}", lambda: self.till.call("refund", "POST", path, body), again)
        else:
            event = payment.event("charge.refunded", now, bought.refunded + cents)
            for wanted in ("booked", "known") if again else ("booked",):
                answer = self._webhook(event, now)
                if (answer.status, (answer.body or {}).get("outcome")) != (200, wanted):
                    self.report(f"refund of {order}: the webhook was answered {answer.status} {answer.body}")
        self.account.refund(order, cents)

    # Spending

    def _dearest(self) -> str:
        return str(max(self.program["rewards"], key=lambda reward: int(reward["points"]))["id"])

    def _spend(self, plan: Plan, day: date) -> None:
        """Look at the catalogue; take the dearest reward that can be had, or use a voucher where there is none."""
        answer = self.till.call("catalogue", "GET", f"/rewards?member_id={self.member_id}")
        told = {reward["id"]: reward["points"] for reward in answer.body["items"] if reward["can_take"]}
        if set(told) != self.account.takeable(day):
            self.report(f"{self.email} on {day}: can take {sorted(told)}, worked out {self.account.takeable(day)}")
        if told:
            self._redeem(max(told, key=lambda reward: int(told[reward])), plan, day)
        else:
            self._use(plan, day)

    def _redeem(self, reward: str, plan: Plan, day: date) -> None:
        possible = reward in self.account.takeable(day)
        once = {"Idempotency-Key": f"{plan.receipt.basket.basket_id}"}
        path = f"/members/{self.member_id}/redemptions"
        answer = self._tell(
            f"{self.email} redeems {reward} on {day} with {self.account.available(day)} points",
            lambda: self.till.call("redeem", "POST", path, {"reward_id": reward}, headers=once),
            plan.again and possible,
            201 if possible else 422,
        )
        if answer.status != 201:
            self._compare_refusal(answer, reward, day)
            return
        voucher = self.account.redeem(reward, day)
        self.held[answer.body["code"]] = voucher
        if plan.regrets:
            self._cancel(answer.body["code"], day)

    def _cancel(self, code: str, day: date) -> None:
        path = f"/vouchers/{code}/cancel"
        self._tell(
            f"cancelling of {self.email}", lambda: self.till.call("cancel", "POST", path, {}), again=False, expect=200
        )
        self.account.cancel(self.held.pop(code), day)

    def _compare_refusal(self, answer: Answer, reward: str, day: date) -> None:
        told, worked_out = answer.body.get("available"), self.account.available(day)
        if answer.body.get("code") == "insufficient_points" and told != worked_out:
            self.report(f"{self.email} on {day}: refused {reward} with {told} points, worked out {worked_out}")

    def _use(self, plan: Plan, day: date) -> None:
        """Hand over what no basket pays with: a free product, an evening."""
        for code, voucher in list(self.held.items()):
            reward = next(each for each in self.program["rewards"] if each["id"] == voucher.reward)
            if plan.uses_voucher and reward["kind"] != "amount_off" and voucher.status_on(day) == "issued":
                self._hand_over(code, str(plan.receipt.basket.basket_id), plan.again)
                return

    def _hand_over(self, code: str, order: str, again: bool) -> None:
        path = f"/vouchers/{code}/use"
        self._tell(f"voucher of {self.email}", lambda: self.till.call("use", "POST", path, {"order_id": order}), again)
        self.held.pop(code).status = "used"
