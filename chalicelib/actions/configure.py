"""Sets a payment provider up: the owner's secrets, sealed before they are stored, and what they are bound to."""

from __future__ import annotations

from chalicelib.actions.admission import Admitted, Call, enter
from chalicelib.domain.calendar import milliseconds
from chalicelib.store import keys, providers
from chalicelib.store.table import commit


def admit(call: Call) -> Admitted:
    return enter(call.credential)


def configure(
    call: Call, name: str, secrets: list[str], *, livemode: bool | None, account: str | None, url: str | None
) -> tuple[providers.Setting, providers.Heard]:
    """Replaces how a provider is set up, whole. While a secret is rotated both stand in ``secrets``."""
    program_id = call.credential.program_id
    heard_key = keys.provider_heard(program_id, name)
    admitted = enter(call.credential, [heard_key])
    setting = providers.Setting(
        provider=name,
        sealed=providers.sealed(program_id, secrets),
        count=len(secrets),
        livemode=livemode,
        account=account,
        url=url,
        written_ms=milliseconds(call.now),
        written_by=admitted.booked_by,
    )
    commit([providers.put(program_id, setting)])
    return setting, providers.heard_of(admitted.found.get(heard_key))
