"""The owner's reports at the end of a run: their totals are the sums of what the model's members have."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.proof.judge import Judge
from tests.proof.schedule import Nights


def hold_reports(judge: Judge, nights: Nights) -> None:
    """Folds everything that was booked, and compares."""
    judge.line.stage.ms += 86_400_000  # what a fast clock booked for tomorrow is of the past by then
    nights.run_to_the_end("metrics")
    for program in judge.model.rules:
        for name, wanted in (("points", _points), ("participation", _sales), ("rewards", _rewards)):
            figures = _report(judge, program, name)
            for figure, value in wanted(judge, program).items():
                judge.checked["figures"] = judge.checked.get("figures", 0) + 1
                if figures[figure] != value:
                    judge.differ(f"report {name} of {program}: {figure} is {figures[figure]}, the model has {value}")


def _report(judge: Judge, program: str, name: str) -> dict[str, Any]:
    key = judge.client.keys[program, "owner"]
    reply = judge.client.service.call("GET", f"/reports/{name}", None, {"authorization": f"Bearer {key}"})
    assert reply.status == 200, reply
    figures: dict[str, Any] = reply.body["figures"]
    return figures


def _points(judge: Judge, program: str) -> dict[str, int]:
    members = [one for one in judge.model.members.values() if one.program == program]
    by_kind: Counter[str] = Counter()
    for member in members:
        for entry in member.chain:
            by_kind[entry["kind"]] += entry["points"] if entry["status"] == "posted" else 0
    cards = [one for one in judge.issued(program) if one.kind == "gift_card"]
    return {
        "outstanding": sum(member.points.available for member in members),
        "pending": sum(member.points.pending for member in members),
        "redeemed": -by_kind["redeem"],
        "expired": -by_kind["expire"],
        "adjusted": by_kind["adjust"],
        "gift_cards_issued": sum(card.value for card in cards),
        # Money of a refunded order that comes back to a card which ended meanwhile is still somebody's.
        "gift_card_liability": sum((card.balance or 0) - card.ended_with for card in cards),
    }


def _sales(judge: Judge, program: str) -> dict[str, int]:
    orders = [one for one in judge.model.orders.values() if one.program == program and one.booked]
    return {"refunded": sum(order.refunded for order in orders)}


def _rewards(judge: Judge, program: str) -> dict[str, int]:
    vouchers = [one for one in judge.issued(program) if one.reward is not None]
    ends = Counter(voucher.end for voucher in vouchers)
    return {
        "issued": len(vouchers),
        "points": sum(voucher.points for voucher in vouchers),
        "cancelled": ends["cancelled"],
        "expired": ends["expired"],
    }
