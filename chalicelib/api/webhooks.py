"""Payment providers over HTTP: the door that they call, and how the owner sets it up."""

from __future__ import annotations

from chalicelib import telemetry
from chalicelib.actions import configure, tell
from chalicelib.actions.admission import Call, Credential
from chalicelib.api import answers, hearing, requests
from chalicelib.api.door import OWNER, Answer, Asked, Door
from chalicelib.api.pages import PAGE
from chalicelib.domain.calendar import milliseconds, moment_of
from chalicelib.domain.errors import Refused, Unavailable
from chalicelib.payments import facts, registry, signing
from chalicelib.payments.facts import Fact
from chalicelib.store import keys, providers
from chalicelib.store.table import load
from chalicelib.telemetry import logger

door = Door(__name__)

HEARD_EVERY_MS = 60_000


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
    credential = Credential(program_id=program_id, agent=f"provider:{name}", roles=frozenset({"owner"}))
    call = Call(credential=credential, now=asked.now)
    notes = [_book(call, fact) for fact in provider.translate(asked.raw, headers, setting.bound())]
    heard = providers.heard_of(found.get(heard_key))
    if aside := sum(note.outcome == "set_aside" for note in notes):
        telemetry.count("SetAside", aside, asked.now)
    ignored = sum(note.outcome == "ignored" for note in notes)
    now_ms = milliseconds(asked.now)
    if ignored or heard.last_ms is None or heard.last_ms + HEARD_EVERY_MS <= now_ms:
        providers.note_heard(program_id, name, now_ms, ignored)
    return Answer(body=answers.Heard(outcome=_worst(notes).outcome))


def _address(asked: Asked, headers: dict[str, str]) -> str:
    """The address that was called, which Square signs."""
    host, _, path = asked.url.partition("/")
    return f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host') or host}/{path}"


def _worst(notes: list[tell.Noted]) -> tell.Noted:
    """One answer for all that an event told: what the owner must look at comes first."""
    order = ("set_aside", "booked", "known", "ignored")
    return min(notes, key=lambda note: order.index(note.outcome))


def _book(call: Call, fact: Fact) -> tell.Noted:
    if isinstance(fact, facts.Unbookable):
        return tell.Noted("set_aside", fact.reason)
    news = hearing.news_of(call.credential.program_id, fact, milliseconds(call.now))
    if not news:
        return tell.Noted("ignored")
    return _worst([tell.tell(call, one) for one in news])


def _presented(setting: providers.Setting, heard: providers.Heard) -> answers.ProviderAnswer:
    return answers.ProviderAnswer(
        provider=setting.provider,
        secrets=setting.count,
        livemode=setting.livemode,
        account=setting.account,
        url=setting.url,
        last_heard_at=None if heard.last_ms is None else moment_of(heard.last_ms),
        ignored=heard.ignored,
        set_aside=0,
    )


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
        raise Refused(
            "provider_not_found", f"There is no payment provider of this name; use {', '.join(registry.providers())}."
        )
    done = configure.configure(
        asked.call, name, list(body.secrets), livemode=body.livemode, account=body.account, url=body.url
    )
    return Answer(body=_presented(*done))


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
    return Answer(body=answers.Providers(items=[_presented(*row) for row in rows], next_cursor=None))
