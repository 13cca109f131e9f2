"""Payment providers over HTTP: the door that they call, and how the owner sets it up."""

from __future__ import annotations

import re
from contextlib import suppress

from chalicelib import telemetry
from chalicelib.actions import configure
from chalicelib.actions.admission import Call, Credential
from chalicelib.api import answers, requests
from chalicelib.api.door import OWNER, Answer, Asked, Door
from chalicelib.api.pages import PAGE
from chalicelib.domain.calendar import milliseconds, moment_of
from chalicelib.domain.errors import Refused, Unavailable
from chalicelib.payments import registry, signing
from chalicelib.store import asides, keys, providers
from chalicelib.store.table import load
from chalicelib.telemetry import logger

door = Door(__name__)

HEARD_EVERY_MS = 60_000
_ASIDE_ID = re.compile(r"[0-9]{13}-[0-9a-z]{16}")


@door.call(
    "POST",
    "/webhooks/{provider}/{program_id}",
    roles=(),
    summary="What a payment provider tells, signed by it",
    answer=answers.Heard,
    raw=True,
)
def post_webhook(asked: Asked) -> Answer:
    name, program_id = asked.path["provider"], asked.path["program_id"]
    provider = registry.provider(name)
    setting_key, heard_key = keys.provider(program_id, name), keys.provider_heard(program_id, name)
    found = load([setting_key, heard_key])
    if setting_key not in found:
        # A forger must not learn which programs there are: nobody's secret signed this.
        raise signing.refusal()
    setting = providers.setting_of(found[setting_key])
    headers = {str(header).lower(): str(value) for header, value in asked.headers.items()}
    try:
        secrets = providers.secrets_of(program_id, setting)
    except ValueError as error:
        logger.error("provider secrets are unreadable", extra={"program": program_id, "provider": name})
        raise Unavailable("The provider's secrets cannot be read; its owner must set them again.") from error
    provider.verify(asked.raw, headers, secrets, asked.now, setting.url or _address(asked, headers))
    from chalicelib.api import hearing  # with all that booking needs: no other call pays for it

    noted = hearing.hear(by_provider(asked, program_id, name), name, asked.raw, headers, setting.bound())
    if noted.outcome in _COUNTED:
        telemetry.count(_COUNTED[noted.outcome], 1, asked.now)
    heard = providers.heard_of(found.get(heard_key))
    ignored, now_ms = int(noted.outcome == "ignored"), milliseconds(asked.now)
    if ignored or heard.last_ms is None or heard.last_ms + HEARD_EVERY_MS <= now_ms:
        with suppress(Unavailable):  # the event is booked; sending it again would tell nothing new
            providers.note_heard(program_id, name, now_ms, ignored)
    return Answer(body=answers.Heard(outcome=noted.outcome))


_COUNTED = {"booked": "Booked", "set_aside": "SetAside"}
"""What became of an event, and the metric by which it counts."""


def by_provider(asked: Asked, program_id: str, name: str) -> Call:
    """Who books what a provider told."""
    credential = Credential(program_id=program_id, agent=f"provider:{name}", roles=frozenset({"owner"}))
    return Call(credential=credential, now=asked.now)


def _address(asked: Asked, headers: dict[str, str]) -> str:
    """The address that was called, which Square signs."""
    host, _, path = asked.url.partition("/")
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host') or host}/{path}"


def _presented(setting: providers.Setting, heard: providers.Heard, set_aside: int) -> answers.ProviderAnswer:
    return answers.ProviderAnswer(
        provider=setting.provider,
        secrets=setting.count,
        livemode=setting.livemode,
        account=setting.account,
        url=setting.url,
        last_heard_at=None if heard.last_ms is None else moment_of(heard.last_ms),
        ignored=heard.ignored,
        set_aside=set_aside,
    )


def require_provider(name: str) -> None:
    if name not in registry.providers():
        known = ", ".join(registry.providers())
        raise Refused("provider_not_found", f"There is no payment provider of this name; use {known}.")


@door.call(
    "PUT",
    "/webhooks/{provider}",
    roles=OWNER,
    summary="Set a payment provider up: its secrets (several while rotating), mode and account",
    body=requests.ProviderSetting,
    answer=answers.ProviderAnswer,
)
def put_webhook(asked: Asked) -> Answer:
    name = asked.path["provider"]
    body: requests.ProviderSetting = asked.body
    if name not in registry.providers():
        configure.admit(asked.call)
    require_provider(name)
    done = configure.configure(
        asked.call, name, list(body.secrets), livemode=body.livemode, account=body.account, url=body.url
    )
    return Answer(body=_presented(*done, asides.counted(asked.credential.program_id)[name]))


@door.call(
    "GET",
    "/webhooks",
    roles=OWNER,
    summary="The payment providers that are set up: when each was last heard, what is set aside",
    answer=answers.Providers,
    query=PAGE,
)
def get_webhooks(asked: Asked) -> Answer:
    configure.admit(asked.call)
    asked.limit()
    rows = providers.listed(asked.credential.program_id, registry.providers())
    aside = asides.counted(asked.credential.program_id)
    items = [_presented(setting, heard, aside[setting.provider]) for setting, heard in rows]
    return Answer(body=answers.Providers(items=items, next_cursor=None))


@door.call(
    "GET",
    "/webhooks/set-aside",
    roles=OWNER,
    summary="Events that could not be booked, newest first, with their reasons",
    answer=answers.Asides,
    query=PAGE,
)
def get_set_aside(asked: Asked) -> Answer:
    configure.admit(asked.call)
    limit = asked.limit()
    before = asked.query.get("cursor")
    if before is not None and not _ASIDE_ID.fullmatch(before):
        raise Refused("invalid_cursor", "Send the next_cursor of the page before, unchanged.")
    rows = asides.listed(asked.credential.program_id, before, limit + 1)
    items = [_aside(aside_id, aside) for aside_id, aside in rows[:limit]]
    return Answer(body=answers.Asides(items=items, next_cursor=items[-1].id if len(rows) > limit else None))


@door.call(
    "POST",
    "/webhooks/set-aside/{event_id}/replay",
    roles=OWNER,
    summary="Book a set-aside event after what kept it back was put right; booked, it leaves the list",
    answer=answers.Heard,
)
def post_replay(asked: Asked) -> Answer:
    configure.admit(asked.call)
    program_id, aside_id = asked.credential.program_id, asked.path["event_id"]
    aside = asides.read(program_id, aside_id) if _ASIDE_ID.fullmatch(aside_id) else None
    if aside is None:
        raise Refused("event_not_found", "No event of this id is set aside; GET /v1/webhooks/set-aside lists them.")
    key = keys.provider(program_id, aside.provider)
    row = load([key]).get(key)
    bound = {} if row is None else providers.setting_of(row).bound()
    from chalicelib.api import hearing

    try:
        noted = hearing.again(by_provider(asked, program_id, aside.provider), aside_id, aside, bound)
    except ValueError as error:
        raise Refused(
            "event_not_found", "This event was sealed under a deployment secret that is gone; have it sent again."
        ) from error
    return Answer(body=answers.Heard(outcome=noted.outcome))


def _aside(aside_id: str, aside: asides.Aside) -> answers.AsideAnswer:
    expires_ms = asides.expires_ms(aside)
    return answers.AsideAnswer(
        id=aside_id,
        provider=aside.provider,
        event=aside.event,
        event_id=aside.event_id,
        reason=aside.reason,
        detail=aside.detail,
        ids=list(aside.ids),
        told_at=None if aside.told_ms is None else moment_of(aside.told_ms),
        set_aside_at=moment_of(aside.aside_ms),
        expires_at=None if expires_ms is None else moment_of(expires_ms),
    )
