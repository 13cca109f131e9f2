"""After erasure nothing in the whole table names the person: neither in clear nor as a hash that could be guessed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from chalicelib.store.table import Row, connection
from tests.moments import at
from tests.people.people import START, claimed, days_later, merged, settle, sold, spent
from tests.shop import Shop, opened, program

HERS = {
    "email": "Zsófia.Kovács+shop@Example-Mail.com",
    "second email": "zsofi-old@example-mail.net",
    "changed email": "Zsofia.New@example-mail.org",
    "unconfirmed email": "Zsofia.Unconfirmed@example-mail.org",
    "phone": "+36 30 987 6543",
    "second phone": "06-20-555 1234",
    "name": "Zsófia Kovács-Nagy",
    "second name": "Zsofi K. Nagy",
    "birthday": "1987-11-23",
    "external id": "customer-4711-zk",
    "recipient": "ZSOFI-OLD@example-mail.net",
    "note": "for the violin teacher of the second floor",
    "tag": "violinist",
    "card": "fp_4242_zsofia",
}


def forms(value: str) -> Iterator[str]:
    """A value as it may stand somewhere: as given, as compared, as searched, and parts of it."""
    given = {value, value.lower(), value.upper(), value.casefold(), value.strip(), quote(value, safe="")}
    if any(letter.isdigit() for letter in value):
        digits = "".join(letter for letter in value if letter.isdigit())
        given |= {
            digits,
            "+" + digits,
            digits.lstrip("0"),
            "+36" + digits.removeprefix("06"),
            digits.removeprefix("36"),
        }
        given |= {"".join(letter for letter in value if letter.isdigit() or letter == "+")}
    if "@" in value:
        local, _, domain = value.casefold().partition("@")
        given |= {local, local.partition("+")[0], f"{local.partition('+')[0]}@{domain}"}
    yield from {form for form in given if len(form) >= 6}


def traces(value: str) -> Iterator[str]:
    """Each form in clear, and each plain hash of it, in hexadecimal and both kinds of base64."""
    for form in forms(value):
        yield form
        for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512):
            digest = kind(form.encode()).digest()
            yield digest.hex()
            yield digest.hex()[:16]
            yield base64.b64encode(digest).decode().rstrip("=")
            yield base64.urlsafe_b64encode(digest).decode().rstrip("=")
            yield base64.b32encode(digest).decode().rstrip("=")


def everything() -> str:
    """The whole table as text: every attribute of every item, heads unpacked too."""
    import msgspec

    connection()
    parts: list[str] = []
    for row in Row.scan():
        for name, value in row.attribute_values.items():
            parts.append(str(msgspec.msgpack.decode(value, strict=False)) if name == "h" else str(value))
    return "\n".join(parts)


def found(text: str, values: dict[str, str]) -> list[str]:
    lowered = text.casefold()
    return [what for what, value in values.items() if any(one.casefold() in lowered for one in traces(value))]


def lived(shop: Shop) -> str:
    """A member in whose life everything was used: two accounts merged, a changed and an unconfirmed address, an invite
    with a note, gift cards meant for her, purchases as a guest, by a card, of a friend, a referral settled."""
    invite = shop.call("POST", "/invites", {"note": HERS["note"]}, key=shop.owner)["code"]
    friend = shop.enrol(email="friend@elsewhere.example", name="Somebody Else")
    code = shop.member(friend)["referral_code"]
    person = {
        "email": HERS["email"],
        "phone": HERS["phone"],
        "name": HERS["name"],
        "birthday": HERS["birthday"],
        "external_id": HERS["external id"],
        "locale": "hu",
        "tags": [HERS["tag"]],
        "consent": {"marketing": True},
        "invite_code": invite,
        "referral_code": code,
    }
    hers = shop.enrol(**person)
    old = shop.enrol(email=HERS["second email"], phone=HERS["second phone"], name=HERS["second name"])
    shop.buy("guest", 900, email=HERS["second email"].upper())
    shop.buy("o1", 3000, email=HERS["email"], payment_fingerprint=HERS["card"])
    shop.buy("o2", 40_000, old, payment_fingerprint=HERS["card"])
    shop.refund("o1", "r", 500)
    claimed(shop, "guest", hers)
    card = sold(shop, 2000, "a", recipient_email=HERS["recipient"])
    sold(shop, 2000, "b", recipient_email=HERS["email"])
    spent(shop, card, "o2", 500)
    shop.redeem(old, "five-off", "k")
    token = shop.call("POST", f"/members/{hers}/sessions")["token"]
    assert shop.call("PATCH", f"/members/{hers}", {"email": HERS["changed email"]}).status == 200
    assert shop.call("PATCH", "/me", {"email": HERS["unconfirmed email"]}, key=token).status == 200
    shop.call("DELETE", "/me/session", key=token)
    settle(shop, hers, 14)
    with at(days_later(15)):
        shop.call("POST", f"/members/{hers}/check-ins", idem="c")
        assert merged(shop, hers, old).status == 201
    with at("2026-11-24T10:00:00+00:00"):
        shop.buy("o3", 500, hers)
    return hers


def test_after_erasure_the_whole_table_holds_no_trace_of_the_person() -> None:
    with at(START), opened(program()) as shop:
        hers = lived(shop)
        before = found(everything(), HERS)
        assert {"changed email", "second email", "phone", "name", "birthday", "recipient", "note", "tag"} <= set(before)
        with at("2026-12-01T10:00:00+00:00"):
            assert shop.call("DELETE", f"/members/{hers}", key=shop.owner).status == 204
            text = everything()
            assert found(text, HERS) == []
            assert "Somebody Else" in text, "others keep theirs"
            assert shop.differences() == []
            again = shop.call("POST", "/members", {"email": HERS["email"]})
            assert again["points"]["available"] == 0, "and yet is not welcomed twice"


def test_the_search_for_traces_finds_what_is_there() -> None:
    """Every kind of trace that the scan looks for is one that it sees."""
    person = {"email": HERS["email"]}
    assert found(f"... {HERS['email'].upper()} ...", person) == ["email"]
    hashed: list[Any] = [hashlib.md5, hashlib.sha1, hashlib.sha256]
    for kind in hashed:
        digest = kind(HERS["email"].casefold().encode())
        assert found(f'"{digest.hexdigest()}"', person) == ["email"]
        assert found(base64.b64encode(digest.digest()).decode(), person) == ["email"]


def test_the_content_of_a_request_is_remembered_by_a_keyed_hash_alone() -> None:
    """A purchase's or a card's fingerprint is over a body that names a person: with the rest of it known, an unkeyed
    hash would let anybody who holds a copy of the table try addresses."""
    from chalicelib.api import requests
    from chalicelib.domain.ledger import fingerprint

    with at(START), opened(program()) as shop:
        body = {"order_id": "o1", "total": 100, "currency": "EUR", "email": "zsofi@example.com"}
        shop.call("POST", "/purchases", body)
        sold(shop, 2000, recipient_email="zsofi@example.com")
        text = everything()
        assert fingerprint(requests.NewPurchase(**body)) not in text  # type: ignore[arg-type]  # the body as it was sent
        assert fingerprint([2000, "zsofi@example.com"]) not in text
