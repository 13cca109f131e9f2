"""A program's payment providers: how each is set up, its secrets sealed, and when it was last heard."""

from __future__ import annotations

import msgspec

from chalicelib.store import keys
from chalicelib.store.sealing import seal, unseal
from chalicelib.store.table import Row, Write, encode, load, note

_PURPOSE = "provider-secrets"


class Setting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``sealed`` are the webhook's secrets, encrypted; ``url`` the address the provider calls, where it is not ours.

    ``livemode`` and ``account`` bind what may be booked; None binds nothing.
    """

    provider: str
    sealed: str
    count: int
    livemode: bool | None = None
    account: str | None = None
    url: str | None = None
    written_ms: int = 0
    written_by: str = ""

    def bound(self) -> dict[str, object]:
        """What a translation checks an event against."""
        return {"livemode": self.livemode, "account": self.account}


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """When a provider's signature was last good (milliseconds, at most a minute late), and how much was of no use."""

    last_ms: int | None = None
    ignored: int = 0


def sealed(program_id: str, secrets: list[str]) -> str:
    """The secrets as they are stored: readable only with the deployment's secret, and for this program alone."""
    return seal(_PURPOSE, program_id, msgspec.json.encode(secrets))


def secrets_of(program_id: str, setting: Setting) -> list[str]:
    """The secrets of a setting. Raises ``ValueError`` where the deployment's secret is no longer the one they had."""
    return msgspec.json.decode(unseal(_PURPOSE, program_id, setting.sealed), type=list[str])


def setting_of(row: Row) -> Setting:
    return row.document(Setting)


def put(program_id: str, setting: Setting) -> Write:
    return Write(Row(*keys.provider(program_id, setting.provider), t="PROVIDER", d=encode(setting)))


def heard_of(row: Row | None) -> Heard:
    return Heard() if row is None else Heard(last_ms=None if row.v is None else int(row.v), ignored=int(row.n or 0))


def listed(program_id: str, names: list[str]) -> list[tuple[Setting, Heard]]:
    """The providers that are set up, of those that there are."""
    found = load(
        [key for name in names for key in (keys.provider(program_id, name), keys.provider_heard(program_id, name))]
    )
    return [
        (setting_of(found[key]), heard_of(found.get(keys.provider_heard(program_id, name))))
        for name in names
        if (key := keys.provider(program_id, name)) in found
    ]


def note_heard(program_id: str, name: str, now_ms: int, ignored: int) -> None:
    """Counts outside any transaction, so that no two webhooks stand in each other's way."""
    row = Row(*keys.provider_heard(program_id, name))
    actions = [Row.v.set(now_ms), Row.t.set("HEARD")]
    note(row, [*actions, Row.n.add(ignored)] if ignored else actions)
