"""A program tried on past orders gives what the live service gives for the same orders, order by order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.backtest import Past, run
from chalicelib.domain.calendar import local_day
from chalicelib.domain.program_rules import check
from chalicelib.domain.purchase import Line, Sale
from infra.local import backtest as command
from tests.metrics import counting, grocer
from tests.metrics.beside import beside
from tests.moments import at
from tests.shop import program

HOUSEHOLDS = 8


def rich() -> dict[str, Any]:
    """The grocer's own replay program: waiting points, multipliers, a cap, tiers, stamps, expiry."""
    path = Path(__file__).parent.parent.parent / "infra" / "local" / "replay" / "program.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def grocers_orders(months: int = 4) -> list[Past]:
    lines = grocer.baskets(HOUSEHOLDS, months)
    orders = []
    for order, group in lines.groupby("order", sort=False):
        of_order = tuple(Line(f"s{n}", row.category, 1, int(row.cents)) for n, row in enumerate(group.itertuples()))
        moment = group["at"].iloc[0].to_pydatetime()
        sale = Sale(total=int(group["cents"].sum()), currency="USD", occurred_at=moment, lines=of_order)
        orders.append(Past(str(group["household"].iloc[0]), str(order), sale))
    return sorted(orders, key=lambda past: (past.sale.occurred_at, past.order_id))


@pytest.mark.parametrize("document", [rich(), grocer.document()], ids=["rich", "plain"])
def test_points_equal_the_live_services_order_by_order(document: dict[str, Any]) -> None:
    tried: dict[str, int] = {}
    orders = grocers_orders()
    outcome = run(check(document), orders, watch=lambda past, points: tried.update({past.order_id: points}))
    lived: dict[str, int] = {}
    with at("2017-01-01T05:00:00+00:00"), beside(document) as shop:
        members: dict[str, str] = {}
        for past in orders:
            sale, buyer = past.sale, str(past.buyer)
            assert sale.occurred_at is not None
            with at(sale.occurred_at.isoformat()):
                if buyer not in members:
                    members[buyer] = shop.enrol(email=f"{buyer}@example.com")
                items = [
                    {"sku": line.sku, "category": line.category, "quantity": line.quantity, "amount": line.amount}
                    for line in sale.lines
                ]
                named = {"order_id": past.order_id, "member_id": members[buyer], "currency": "USD"}
                answer = shop.call("POST", "/purchases", {**named, "total": sale.total, "items": items})
                assert answer.status == 201, answer.body
                lived[past.order_id] = answer["points"]
    assert tried == lived
    assert outcome.points == sum(lived.values()) > 0
    assert outcome.customers == len(members)


def order(buyer: str | None, day: int, total: int, **fields: Any) -> Past:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC).replace(day=day)
    return Past(buyer, f"{buyer}-{day}", Sale(total=total, currency="EUR", occurred_at=moment, **fields))


def simple(**changes: Any) -> Any:
    reward = {"id": "cake", "name": "Cake", "kind": "free_product", "value": 500, "cost": 200, "points": 100}
    document = program(
        enrolment={"mode": "open"},
        earning={"points": 1, "per_amount": 100, "excluded_categories": ["gift-card"]},
        expiry={"policy": "none"},
        stamp_cards=[],
        rewards=[reward],
        referral=None,
    )
    return check({**document, **changes})


def test_rewards_cost_and_break_even_are_as_worked_out_by_hand() -> None:
    lines = (Line("a", "coffee", 1, 5000, 2500),)
    orders = [order("ann", day, 5000, lines=lines) for day in (1, 3, 5)]
    orders += [order("bo", 2, 5000, lines=lines), order(None, 4, 5000, lines=lines)]
    found = run(simple(), orders)
    assert (found.orders, found.sales, found.customers) == (5, 25_000, 2)
    assert (found.unknown_orders, found.unknown_sales) == (1, 5_000)
    assert (found.points, found.rewards_taken, found.outstanding_points) == (200, 1, 100)
    assert (found.reached_first_reward.numerator, found.reached_first_reward.denominator) == (1, 2)
    assert found.visits_to_first_reward == {"mean": 2.0, "median": 2.0, "most": 2.0}
    assert found.days_to_first_reward == {"mean": 2.0, "median": 2.0, "most": 2.0}
    assert (found.cost_of_rewards, found.cost_of_points_left, found.cost) == (200, 200, 400)
    assert (found.margin.numerator, found.margin.denominator) == (12_500, 25_000)
    assert found.break_even_lift == pytest.approx(400 / (12_500 - 400))
    assert [row["cost"] for row in found.gains if row["customers"]] == [200, 0]


def test_a_tier_that_nearly_nobody_reaches_is_advised_against() -> None:
    levels = [{"id": "all", "name": "All", "threshold": 0}, {"id": "gold", "name": "Gold", "threshold": 1_000_000}]
    tiers = {"basis": "spend", "window": "lifetime", "downgrade": "never", "levels": levels}
    orders = [order(f"c{number}", 1 + number % 28, 1000) for number in range(60)]
    codes = [
        advice.code
        for advice in run(simple(tiers=tiers), sorted(orders, key=lambda past: past.sale.occurred_at)).advice
    ]
    assert "tier_out_of_reach" in codes
    assert "tier_out_of_reach" not in [advice.code for advice in run(simple(), orders).advice]


def test_no_orders_give_an_answer_without_a_division() -> None:
    found = run(simple(), [])
    assert (found.orders, found.cost, found.break_even_lift, found.visits_to_first_reward) == (0, 0, None, None)
    assert found.reached_first_reward.value is None


def test_the_shops_own_orders_are_tried_over_http_and_nothing_is_written() -> None:
    with at("2026-03-02T10:00:00+00:00"), beside(program()) as shop:
        ann = shop.enrol(email="ann@example.com")
        for number in range(6):
            shop.buy(f"a{number}", 3000, ann)
        shop.buy("stranger", 500)
        counting.count(shop, [local_day(datetime(2026, 3, 2, 10, tzinfo=UTC), "Europe/Helsinki")])
        before = shop.ledger(ann), counting.standing(shop)
        body = {"program": program(), "against": program("boutique", currency="EUR"), "from": "2026-01-01"}
        told = shop.call("POST", "/program/backtest", body, key=shop.owner)
        assert told.status == 200, told.body
        first, second = told["outcomes"]
        assert (first["orders"], first["customers"], first["points"]) == (7, 1, 180)
        assert second["points"] == 900
        assert (told["slices"], told["of_slices"]) == (16, 16)
        assert (shop.ledger(ann), counting.standing(shop)) == before
        refused = shop.call("POST", "/program/backtest", {"program": {"name": 3}}, key=shop.owner)
        assert refused.status == 422
        assert shop.call("POST", "/program/backtest", body, key=shop.staff).status == 403


def test_advice_speaks_of_the_shops_own_average_purchase() -> None:
    with at("2026-03-02T10:00:00+00:00"), beside(program()) as shop:
        assumed = shop.call("POST", "/program/check", {"program": program()}, key=shop.owner)["advice"]
        ann = shop.enrol(email="ann@example.com")
        for number in range(40):
            shop.buy(f"a{number}", 300, ann)
        counting.count(shop, [local_day(datetime(2026, 3, 2, 10, tzinfo=UTC), "Europe/Helsinki")])
        document = program(stamp_cards=[])
        told = shop.call("POST", "/program/check", {"program": document}, key=shop.owner)["advice"]
        far = next(advice for advice in told if advice["code"] == "first_reward_far")
        assert "at the average purchase of 3.00 EUR" in far["detail"]
        assert not any("average purchase of 3.00" in advice["detail"] for advice in assumed)


def test_the_command_compares_two_documents_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = tmp_path / "orders.csv"
    rows = [f"o{n},2026-01-{n + 1:02d}T10:00:00Z,3000,ann@example.com" for n in range(20)]
    orders.write_text("\n".join(["order_id,occurred_at,total,email", *rows, "bad,now,x,"]))
    code = command.main(
        ["--program", "programs/corner-cafe.json", "--orders", str(orders), "--against", "programs/boutique.json"]
    )
    told = capsys.readouterr()
    assert code == 0
    assert "line 22" in told.err and "100 %" in told.err
    assert "Corner Café Regulars" in told.out and "Maison Privée" in told.out
    assert "points for purchases" in told.out and "600" in told.out


def test_the_command_says_in_a_sentence_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--program", "programs/corner-cafe.json"]) == 1
    assert "make backtest PROGRAM=" in capsys.readouterr().err
    assert command.main(["--program", "programs/corner-cafe.json", "--orders", "no-such-file.csv"]) == 1
    assert "cannot be read" in capsys.readouterr().err
