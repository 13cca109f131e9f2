"""Who may not speak is refused, writes nothing, and leaves one line in the log that tells nothing of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.payments import registry
from chalicelib.store.table import Row
from tests.payments.senders import OTHER_SECRET, SECRET, SENDERS
from tests.payments.till import Till, charge
from tests.shop import Shop, beside, program, send

RAW = json.dumps(charge("pi_1", 5_000, billing_details={"email": "ann@example.com"})).encode()


def signed(raw: bytes = RAW, secret: str = SECRET, age: int = 0) -> dict[str, str]:
    now = datetime.fromtimestamp(int(time.time()), UTC)
    return SENDERS["stripe"].sign(raw, secret, now - timedelta(seconds=age))


def v0() -> dict[str, str]:
    return {name: value.replace("v1=", "v0=") for name, value in signed().items()}


REFUSED: dict[str, tuple[bytes, Callable[[], dict[str, str]]]] = {
    "a tampered byte": (RAW.replace(b"5000", b"9000"), signed),
    "a wrong secret": (RAW, lambda: signed(secret="whsec_" + "x" * 32)),
    "another program's secret": (RAW, lambda: signed(secret=OTHER_SECRET)),
    "an old timestamp": (RAW, lambda: signed(age=301)),
    "a future timestamp": (RAW, lambda: signed(age=-310)),
    "scheme v0": (RAW, v0),
    "no header": (RAW, dict),
    "the same JSON written anew": (json.dumps(json.loads(RAW), separators=(",", ":")).encode(), signed),
}


def stored() -> list[str]:
    return sorted(str(row.attribute_values) for row in Row.scan())


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_writes_nothing_and_is_told_in_one_line(
    shop: Shop, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    till = Till(shop)
    other = beside(program(program_id="other-shop"))
    assert other.call("PUT", "/webhooks/stripe", {"secrets": [OTHER_SECRET]}, key=other.owner).status == 200
    raw, headers = REFUSED[what]
    given = headers()
    before = stored()
    capsys.readouterr()
    reply = till.deliver(raw, given)
    assert (reply.status, reply.code) == (400, "bad_signature")
    (line,) = lines(capsys)
    assert (line["status"], line["outcome"]) == (400, "bad_signature")
    text = json.dumps(line)
    assert not [word for word in (SECRET, OTHER_SECRET, "ann@example.com", "pi_1", *given.values()) if word in text]
    assert stored() == before


def test_a_body_of_a_megabyte_is_refused_before_its_signature_is_looked_at(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    till = Till(shop)
    raw = RAW[:-1] + b" " * 1_048_576 + b"}"
    before = stored()
    capsys.readouterr()
    assert till.deliver(raw, signed(raw)).status == 413
    (line,) = lines(capsys)
    assert line["outcome"] == "request_too_large" and "ann@example.com" not in json.dumps(line)
    assert stored() == before


def test_a_program_that_has_no_such_provider_refuses_like_a_wrong_secret(shop: Shop) -> None:
    path = f"/webhooks/stripe/{shop.program_id}"
    known = send("POST", path, RAW.decode(), signed())
    unknown = send("POST", "/webhooks/stripe/no-such-shop", RAW.decode(), signed())
    assert known.status == unknown.status == 400 and known.body == unknown.body
    assert send("POST", f"/webhooks/paypal/{shop.program_id}", "{}", {}).status == 404


def test_a_good_one_tells_nothing_of_its_body_in_the_log_either(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    till = Till(shop)
    capsys.readouterr()
    assert till.deliver(RAW, signed()).status == 200
    text = capsys.readouterr().out
    assert [json.loads(line)["message"] for line in text.splitlines()] == ["metric", "request"]
    assert not [word for word in (SECRET, "ann@example.com", "pi_1") if word in text]


@pytest.mark.parametrize("provider", registry.providers())
def test_a_cold_webhook_imports_the_code_of_its_own_provider_alone(provider: str) -> None:
    code = (
        "import sys, tests.conftest\n"
        "from tests.shop import opened\n"
        "from tests.payments.till import Till\n"
        "import chalicelib.api.webhooks\n"
        "names = ('shopify', 'square', 'standard', 'stripe')\n"
        "loaded = lambda: {n for n in names if f'chalicelib.payments.{n}' in sys.modules}\n"
        "assert not loaded(), loaded()\n"
        "with opened() as shop:\n"
        f"    Till(shop, {provider!r}).deliver(b'{{}}', {{}})\n"
        "print(*sorted(loaded()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == provider
