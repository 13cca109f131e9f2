"""The nightly proof: a turn of the members each night, everybody in four weeks, and a difference is counted."""

from __future__ import annotations

import json
from datetime import date, timedelta
from unittest.mock import patch

import pytest

from chalicelib.actions import reconcile
from chalicelib.domain.calendar import day_number
from chalicelib.domain.reconciliation import TURNS, turn
from chalicelib.store import heads, keys, members, runs, table
from chalicelib.store.table import Row
from chalicelib.triggers import proving
from tests.deploy.nights import Nights, nights
from tests.moments import at
from tests.shop import opened

FIRST = date(2026, 3, 2)


def record_of(asleep: Nights, moment: str, *, ours: bool) -> runs.Record:
    seen: list[str] = []
    real = runs.begun

    def begun(run_id: str, what: runs.Begun) -> table.Write:
        seen.append(run_id)
        return real(run_id, what)

    with patch.object(runs, "begun", begun):
        assert asleep.run("prove", moment, ours=ours) == 0
    found = runs.record(seen[0])
    assert found is not None
    return found


def test_in_four_weeks_every_member_was_proved_once() -> None:
    proved: list[str] = []
    real = reconcile.prove

    def noted(program_id: str, member_ids: list[str]) -> reconcile.Reconciled:
        proved.extend(member_ids)
        return real(program_id, member_ids)

    with at(f"{FIRST}T12:00:00+00:00"), opened() as shop, nights() as asleep:
        everybody = [shop.enrol(email=f"m{number}@example.com") for number in range(9)]
        with patch.object(reconcile, "prove", noted), patch.object(proving, "MEMBERS_A_PAGE", 4):
            for night in range(TURNS):
                day = FIRST + timedelta(days=night)
                before = len(proved)
                assert asleep.run("prove", f"{day}T03:00:00+00:00") == 0
                assert {turn(one) for one in proved[before:]} <= {day_number(day) % TURNS}
    assert sorted(proved) == sorted(everybody)


def test_whoever_asks_has_everybody_proved_and_a_difference_raises_the_alarms_metric(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with at(f"{FIRST}T12:00:00+00:00"), opened() as shop, nights() as asleep:
        ann, ben = shop.enrol(email="ann@example.com"), shop.enrol(email="ben@example.com")
        shop.buy("o1", 5_000, ann)
        assert record_of(asleep, f"{FIRST}T13:00:00+00:00", ours=False).failed == 0
        key = keys.head(shop.program_id, ann)
        head = members.head_of(table.load([key])[key])
        head.lots.update({lot: points + 7 for lot, points in head.lots.items()})
        forged = Row(*key, t="HEAD", v=head.version, h=heads.encode(head))
        table.connection().client.put_item(TableName="regulars", Item=forged.serialize())
        capsys.readouterr()
        found = record_of(asleep, f"{FIRST}T14:00:00+00:00", ours=False)
    assert (found.due, found.done, found.failed, found.finished) == (2, 1, 1, 1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "ReconcileDifferences" in line]
    assert [line["ReconcileDifferences"] for line in lines] == [1]
    assert [vars(one)["member"] for one in caplog.records if one.getMessage() == "balance differs"] == [ann]
    assert ben != ann


def test_out_of_time_the_next_worker_goes_on_behind_the_last_member() -> None:
    with at(f"{FIRST}T12:00:00+00:00"), opened() as shop, nights() as asleep:
        for number in range(5):
            shop.enrol(email=f"m{number}@example.com", name=f"Name {number}")
        with patch.object(proving, "MEMBERS_A_PAGE", 2), patch("chalicelib.triggers.queue.MARGIN_MS", 10**9):
            found = record_of(asleep, f"{FIRST}T13:00:00+00:00", ours=False)
    assert (found.due, found.done, found.finished) == (5, 5, 1)


def test_a_member_who_cannot_be_read_is_a_difference_and_holds_up_nobody_elses_proof() -> None:
    with at(f"{FIRST}T12:00:00+00:00"), opened() as shop, nights() as asleep:
        ann = shop.enrol(email="ann@example.com")
        shop.enrol(email="ben@example.com")
        poisoned = Row(*keys.head(shop.program_id, ann), t="HEAD", v=1, h=b"\xc1")
        table.connection().client.put_item(TableName="regulars", Item=poisoned.serialize())
        found = record_of(asleep, f"{FIRST}T14:00:00+00:00", ours=False)
        assert [one["details"] for one in shop.differences()] == [["what is stored cannot be read: DecodeError"]]
    assert (found.due, found.done, found.failed, found.finished) == (2, 1, 1, 1)
