"""The Chalice object and the list of what it serves; no logic."""

from __future__ import annotations

from chalice.app import Chalice

from chalicelib.api import ledger, me, members, people, program, public, purchases, reports, rewards, service, webhooks
from chalicelib.triggers import operator

app = Chalice(app_name="regulars", configure_logs=False)
app.api.cors = False

for _room in (members, purchases, rewards, people, me, program, public, ledger, reports, webhooks, service):
    app.register_blueprint(_room.door)
app.register_blueprint(operator.blueprint)
