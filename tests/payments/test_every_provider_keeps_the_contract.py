"""One contract for every provider's file: who may speak, and that nothing which was said can do harm."""

from __future__ import annotations

import ast
import base64
import hmac
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from chalicelib.domain.errors import Refused
from chalicelib.payments import registry
from chalicelib.payments.facts import Fact, Unbookable
from tests.payments.senders import (
    NOW,
    OTHER_SECRET,
    SECRET,
    SENDERS,
    URL,
    samples,
    told_in_headers,
)

PROVIDERS = registry.providers()
TIMED = [name for name in PROVIDERS if SENDERS[name].timed]
ROOM = Path(registry.__file__).parent


def body_of(provider: str) -> bytes:
    return samples(provider)[0].read_bytes()


def refused(provider: str, raw: bytes, headers: dict[str, str], secrets: list[str], url: str = URL) -> str:
    with pytest.raises(Refused) as refusal:
        registry.provider(provider).verify(raw, headers, secrets, NOW, url)
    assert SECRET not in str(refusal.value) + repr(refusal.value.facts)
    return refusal.value.code


def test_every_providers_file_is_registered_and_has_a_sender_and_samples_here() -> None:
    files = {path.stem for path in ROOM.glob("*.py") if "\nPROVIDER = " in path.read_text()}
    assert files == set(PROVIDERS) == set(SENDERS)
    assert all(samples(provider) for provider in PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_good_signature_passes_for_every_sample(provider: str) -> None:
    for path in samples(provider):
        raw = path.read_bytes()
        registry.provider(provider).verify(raw, SENDERS[provider].sign(raw, SECRET, NOW), [SECRET], NOW, URL)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_while_rotating_the_old_and_the_new_secret_both_pass(provider: str) -> None:
    raw = body_of(provider)
    for secret in (SECRET, OTHER_SECRET):
        headers = SENDERS[provider].sign(raw, secret, NOW)
        registry.provider(provider).verify(raw, headers, [SECRET, OTHER_SECRET], NOW, URL)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_tampered_byte_anywhere_is_refused(provider: str) -> None:
    raw = body_of(provider)
    headers = SENDERS[provider].sign(raw, SECRET, NOW)
    for place in (0, 1, len(raw) // 2, len(raw) - 2, len(raw) - 1):
        tampered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert refused(provider, tampered, headers, [SECRET]) == "bad_signature"
    assert refused(provider, raw + b" ", headers, [SECRET]) == "bad_signature"
    assert refused(provider, b"", headers, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_json_written_anew_is_refused(provider: str) -> None:
    raw = body_of(provider)
    headers = SENDERS[provider].sign(raw, SECRET, NOW)
    again = json.dumps(json.loads(raw)).encode()
    assert json.loads(again) == json.loads(raw) and again != raw
    assert refused(provider, again, headers, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("secrets", [[OTHER_SECRET], [], [""], ["whsec_"], ["whsec_é!"], [SECRET + "x"]])
def test_another_programs_secret_or_none_at_all_is_refused(provider: str, secrets: list[str]) -> None:
    raw = body_of(provider)
    assert refused(provider, raw, SENDERS[provider].sign(raw, SECRET, NOW), secrets) == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_secret_left_blank_is_nobodys_key(provider: str) -> None:
    """Else whoever guesses that none is set could sign with nothing."""
    raw, seconds = body_of(provider), str(int(NOW.timestamp()))

    def signed(*parts: str) -> bytes:
        return hmac.digest(b"", b"".join(part.encode() for part in parts) + raw, "sha256")

    headers = {
        "shopify": {"x-shopify-hmac-sha256": base64.b64encode(signed()).decode()},
        "square": {"x-square-hmacsha256-signature": base64.b64encode(signed(URL)).decode()},
        "standard": {
            "webhook-id": "msg_1",
            "webhook-timestamp": seconds,
            "webhook-signature": "v1," + base64.b64encode(signed("msg_1.", seconds, ".")).decode(),
        },
        "stripe": {"stripe-signature": f"t={seconds},v1={signed(seconds, '.').hex()}"},
    }[provider]
    for blank in ("", "whsec_"):
        assert refused(provider, raw, headers, [blank]) == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_any_one_of_its_headers_or_with_it_empty_it_is_refused(provider: str) -> None:
    raw = body_of(provider)
    headers = SENDERS[provider].sign(raw, SECRET, NOW)
    for name in headers:
        rest = {other: value for other, value in headers.items() if other != name}
        assert refused(provider, raw, rest, [SECRET]) == "bad_signature"
        assert refused(provider, raw, rest | {name: ""}, [SECRET]) == "bad_signature"
    assert refused(provider, raw, {}, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "hostile", ["é", "\x00", "=", ",", "t=,v1=", "v1,", "t=1" * 5000, "\udcff", "v1," + "A" * 9000]
)
def test_a_hostile_signature_header_is_refused_like_a_wrong_one(provider: str, hostile: str) -> None:
    raw = body_of(provider)
    sender = SENDERS[provider]
    headers = sender.sign(raw, SECRET, NOW) | {sender.signature_header: hostile}
    assert refused(provider, raw, headers, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("provider", TIMED)
def test_a_timestamp_300_seconds_away_passes_and_301_is_refused_on_either_side(provider: str) -> None:
    raw = body_of(provider)
    for seconds in (-300, 300):
        headers = SENDERS[provider].sign(raw, SECRET, NOW + timedelta(seconds=seconds))
        registry.provider(provider).verify(raw, headers, [SECRET], NOW, URL)
    for seconds in (-301, 301, -86_400, 86_400 * 400):
        headers = SENDERS[provider].sign(raw, SECRET, NOW + timedelta(seconds=seconds))
        assert refused(provider, raw, headers, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("provider", TIMED)
def test_a_timestamp_that_was_not_signed_is_refused(provider: str) -> None:
    raw, before = body_of(provider), NOW - timedelta(hours=1)
    old, fresh = str(int(before.timestamp())), str(int(NOW.timestamp()))
    headers = SENDERS[provider].sign(raw, SECRET, before)
    renewed = {name: value.replace(old, fresh) for name, value in headers.items()}
    assert renewed != headers
    assert refused(provider, raw, renewed, [SECRET]) == "bad_signature"


def test_stripes_v0_and_a_header_of_two_times_count_for_nothing() -> None:
    raw = body_of("stripe")
    signed = SENDERS["stripe"].sign(raw, SECRET, NOW)["stripe-signature"]
    registry.provider("stripe").verify(raw, {"stripe-signature": f"{signed},v1=00,v0=11,vX=2"}, [SECRET], NOW, URL)
    for header in (signed.replace("v1=", "v0="), f"t=1,{signed}", f"{signed},t={int(NOW.timestamp())}", signed.upper()):
        assert refused("stripe", raw, {"stripe-signature": header}, [SECRET]) == "bad_signature"


def test_standard_webhooks_take_any_v1_of_several_and_no_other_version() -> None:
    raw = body_of("standard")
    headers = SENDERS["standard"].sign(raw, SECRET, NOW)
    signature = headers["webhook-signature"]
    registry.provider("standard").verify(
        raw, headers | {"webhook-signature": f"v1a,abc v1,def {signature}"}, [SECRET], NOW, URL
    )
    assert refused("standard", raw, headers | {"webhook-signature": "v1a" + signature[2:]}, [SECRET]) == "bad_signature"
    assert refused("standard", raw, headers | {"webhook-id": "msg_another"}, [SECRET]) == "bad_signature"


def test_a_standard_secret_may_leave_out_its_padding_and_prefix() -> None:
    raw = body_of("standard")
    headers = SENDERS["standard"].sign(raw, SECRET, NOW)
    registry.provider("standard").verify(raw, headers, [SECRET.removeprefix("whsec_").rstrip("=")], NOW, URL)


def test_squares_signature_is_of_one_address_only() -> None:
    raw = body_of("square")
    headers = SENDERS["square"].sign(raw, SECRET, NOW)
    assert refused("square", raw, headers, [SECRET], URL + "/") == "bad_signature"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_verifying_never_looks_into_the_body(provider: str) -> None:
    raw = b'{"never": [[[parsed'
    headers = SENDERS[provider].sign(raw, SECRET, NOW)
    registry.provider(provider).verify(raw, headers, [SECRET], NOW, URL)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_sample_is_understood_and_survives_being_kept(provider: str) -> None:
    for path in samples(provider):
        told = registry.provider(provider).translate(path.read_bytes(), told_in_headers(path), {"livemode": True})
        assert told and not any(isinstance(fact, Unbookable) for fact in told), path.name
        assert all(fact.provider == provider and fact.event != "unknown" for fact in told)
        assert msgspec.json.decode(msgspec.json.encode(told), type=list[Fact]) == told


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_body_always_tells_the_same(provider: str) -> None:
    for path in samples(provider):
        raw, headers = path.read_bytes(), told_in_headers(path)
        translate = registry.provider(provider).translate
        kept = {name: headers[name] for name in registry.provider(provider).KEPT_HEADERS if name in headers}
        assert translate(raw, headers, {}) == translate(raw, kept, {})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_personal_datum_stands_in_a_facts_representation(provider: str) -> None:
    for path in samples(provider):
        for fact in registry.provider(provider).translate(path.read_bytes(), told_in_headers(path), {}):
            assert "example.com" not in repr(fact) + repr([fact])


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refusal:
        registry.provider("os")
    assert refusal.value.code == "provider_not_found"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_cold_webhook_imports_no_other_providers_code_and_no_library_of_theirs(provider: str) -> None:
    program = (
        f"import sys; from chalicelib.payments import registry; registry.provider({provider!r}); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in PROVIDERS if f"chalicelib.payments.{name}" in loaded} == {provider}
    assert not {"stripe", "square", "standardwebhooks"} & set(loaded)


def test_a_providers_file_imports_the_domain_msgspec_and_the_standard_library_only() -> None:
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in named:
                inside = module.startswith(("chalicelib.payments", "chalicelib.domain"))
                assert inside or module == "msgspec" or module.split(".")[0] in sys.stdlib_module_names, (path, module)
                assert module.removeprefix("chalicelib.payments.") not in set(PROVIDERS) - {path.stem}
