"""A due run costs what is due, not what is held; the long form is ``python -m tests.time.costs``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chalicelib.actions.advance_member import advance_member
from chalicelib.domain.calendar import local_day
from chalicelib.store import members, programs, table
from tests.metering import metered
from tests.shop import Shop, program
from tests.time import changes, costs
from tests.time.engine_world import on_engine


def test_a_run_costs_what_is_due_and_not_what_is_held() -> None:
    few, many = costs.run(40, 20), costs.run(400, 20)
    assert few.bill.operations.count("Query") == many.bill.operations.count("Query")
    assert abs(many.requests - few.requests) <= few.requests * 0.1
    assert abs(many.units - few.units) <= few.units * 0.1


def test_one_change_of_a_member_takes_two_round_trips_and_eight_units_at_most() -> None:
    found = list(changes.measured())
    assert len(found) == 10
    assert [one for one in found if one.round_trips > 2 or one.units > 8] == []


def test_a_page_of_members_shares_all_but_their_own_transactions() -> None:
    cost = costs.run(60, 60)
    assert cost.bill.operations.count("TransactWriteItems") == cost.due
    pages = cost.bill.operations.count("BatchGetItem")
    assert pages == 16, "sixty members fit on one page of each slice"
    asked = 1 + 16 + 16  # marked programs; the oldest due; each slice's page
    noted = 1 + 2 * pages  # the run; each page before and after
    assert cost.requests == cost.due + pages + asked + noted + pages, "and each page looks for those set aside"


def test_several_changes_of_a_member_on_one_day_are_one_transaction() -> None:
    rules = program(
        enrolment={"mode": "open"},
        earning={"points": 1, "per_amount": 1, "pending_days": 14, "birthday_points": 10, "anniversary_points": 5},
        expiry={"policy": "none"},
    )
    day = datetime(2026, 6, 15, 3, tzinfo=UTC)
    with on_engine():
        made = Shop(rules)
        version = programs.read_version(made.program_id, 1)
        assert version is not None
        today = local_day(day, rules["time_zone"])
        head = replace(costs.waiting_for_release(1, today), birthday_on=today, anniversary_on=today)
        costs.put([members.head_row(made.program_id, head)])
        with metered(table.connection().client) as bill:
            advance_member(version, head, day + timedelta(hours=1))
        assert bill.operations == ["TransactWriteItems"]
        assert len(bill.charges) == 4, "the head, the release and two gifts"
