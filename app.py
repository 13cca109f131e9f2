"""The Chalice object and the list of what it serves; no logic."""

from __future__ import annotations

from chalice.app import Chalice

from chalicelib import collecting
from chalicelib.api import (
    history,
    imports,
    ledger,
    me,
    members,
    people,
    program,
    public,
    purchases,
    reconciliation,
    reports,
    rewards,
    service,
    webhooks,
)
from chalicelib.triggers import audit, metrics, operator, proving, queue, schedules

app = Chalice(app_name="regulars", configure_logs=False)
app.api.cors = False

for _room in (
    members,
    history,
    purchases,
    rewards,
    people,
    me,
    program,
    public,
    ledger,
    reports,
    imports,
    webhooks,
    reconciliation,
    service,
):
    app.register_blueprint(_room.door)
for _trigger in (operator, schedules, metrics, proving, queue, audit):
    app.register_blueprint(_trigger.blueprint)

collecting.resume()
