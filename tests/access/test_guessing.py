"""Guessing: a voucher's code, a member's token, a key, a signature. It slows down, it is limited, it tells nothing."""

from __future__ import annotations

import ast
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from chalicelib.actions.guessing import FREE, LONGEST_SECONDS
from chalicelib.api.auth import _key
from tests.contract import hold_to_contract
from tests.moments import at
from tests.shop import Reply, Shop, opened, program

NOON = "2026-06-01T12:00:00Z"
CODE = Path(__file__).parent.parent.parent / "chalicelib"


@pytest.fixture
def café() -> Iterator[Shop]:
    with opened(program()) as shop, at(NOON):
        yield shop


def wrong(shop: Shop, number: int, key: str = "") -> Reply:
    return shop.call("GET", f"/vouchers/AAAAA-BBBBB-CCCCC-{number:05d}", key=key)


def test_guessing_vouchers_slows_down_and_is_limited(café: Shop) -> None:
    """After thirty wrong codes each brings a pause, twice the last, up to a minute; a right code waits too."""
    ann = café.enrol(email="ann@example.com")
    café.adjust(ann, 1000, "k")
    right = café.redeem(ann, "five-off", "k")["code"]
    assert {wrong(café, number).status for number in range(FREE + 1)} == {404}
    pauses = []
    second = 0
    for number in range(9):
        with at(f"2026-06-01T12:{second // 60:02d}:{second % 60:02d}Z"):
            refused = café.call("GET", f"/vouchers/{right}")
            assert (refused.status, refused.code) == (429, "too_many_guesses")
            assert refused.headers["Retry-After"] == str(refused["retry_after"])
            pauses.append(refused["retry_after"])
        second += pauses[-1]
        with at(f"2026-06-01T12:{second // 60:02d}:{second % 60:02d}Z"):
            assert wrong(café, 1000 + number).status == 404
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]
    with at("2026-06-01T12:30:00Z"):
        assert café.call("GET", f"/vouchers/{right}")["status"] == "issued"
        assert wrong(café, 2000).status == 404, "ten quiet minutes, and it is forgotten"
        assert café.call("GET", f"/vouchers/{right}").status == 200


def test_every_way_to_try_a_code_counts_and_waits(café: Shop) -> None:
    sale = {"total": 5000, "currency": "EUR", "voucher_codes": ["WRONG-CODE"]}
    ways = [
        ("GET", "/vouchers/AAAAA", None),
        ("POST", "/vouchers/AAAAA/use", {"order_id": "o"}),
        ("POST", "/vouchers/AAAAA/cancel", None),
        ("POST", "/purchases", {"order_id": "o-1", **sale}),
    ]
    codes = [café.call(*ways[number % 4]).code for number in range(FREE + 1)]
    assert set(codes) == {"voucher_not_found", "voucher_unknown"}
    assert café.call("POST", "/vouchers/AAAAA/use", {"order_id": "o"}).code == "too_many_guesses"
    assert café.call("POST", "/vouchers/AAAAA/cancel").code == "too_many_guesses"
    assert café.call("POST", "/purchases", {"order_id": "o-x", **sale}).code == "too_many_guesses"
    assert café.buy("o-y", 5000).status == 201, "a sale without codes waits for nobody"
    assert wrong(café, 0, key=café.staff).status == 404, "another key has tried nothing"


def test_a_person_who_mistypes_waits_for_nothing(café: Shop) -> None:
    assert {wrong(café, number).status for number in range(FREE)} == {404}


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    return json.loads(urlsafe_b64decode(head + "==")), json.loads(urlsafe_b64decode(body + "==")), signature


def _written(*parts: dict[str, Any]) -> str:
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_is_taken_only_as_it_was_signed(café: Shop) -> None:
    """No other algorithm, none at all, another program's or provider's secret, a key of the sender's own choosing."""
    ann = café.enrol(email="ann@example.com")
    token = str(café.call("POST", f"/members/{ann}/sessions")["token"])
    head, claims, signature = _parts(token)
    forged = [
        *(
            f"{_written({**head, 'alg': name}, claims)}.{end}"
            for name in ("none", "None", "NONE", "")
            for end in ("", signature)
        ),
        f"{_written({'typ': 'JWT'}, claims)}.{signature}",
        jwt.encode(claims, _key(), algorithm="HS512"),
        jwt.encode(claims, _key(), algorithm="HS384"),
        jwt.encode(claims, café.owner.ljust(64, "0"), algorithm="HS256"),
        jwt.encode(claims, "whsec_of-some-other-program-entirely!", algorithm="HS256"),
        jwt.encode(claims, "only-for-tests-only-for-tests-only", algorithm="HS256"),
        jwt.encode(
            claims,
            "a-key-that-the-token-brings-along-itself",
            algorithm="HS256",
            headers={
                "jwk": {"kty": "oct", "k": "YS1rZXktdGhhdC10aGUtdG9rZW4tYnJpbmdzLWFsb25nLWl0c2VsZg"},
                "kid": "../../x",
            },
        ),
        token.swapcase(),
        token.replace(".", ".."),
    ]
    for one in forged:
        answer = café.call("GET", "/me", key=one)
        assert answer.status == 401, one


def test_a_token_cannot_be_widened(café: Shop) -> None:
    """Not by words in it either: what it may do is not written in it."""
    ann = café.enrol(email="ann@example.com")
    _, claims, _ = _parts(str(café.call("POST", f"/members/{ann}/sessions")["token"]))
    wide = jwt.encode({**claims, "role": "owner", "roles": ["owner"], "scope": "*"}, _key(), algorithm="HS256")
    assert café.call("GET", "/me", key=wide).status == 200
    for method, path in (("GET", "/keys"), ("GET", f"/members/{ann}"), ("GET", "/program"), ("POST", "/purchases")):
        assert café.call(method, path, {}, key=wide).code == "forbidden"
    for changes in ({"sub": "m0000000000000000"}, {"iss": "other"}, {"iss": ""}, {"sub": ""}, {"sub": 1}, {"ims": "x"}):
        answer = café.call("GET", "/me", key=jwt.encode({**claims, **changes}, _key(), algorithm="HS256"))
        assert (answer.status, answer.code) == (401, "unauthorized"), changes


def test_each_session_is_its_own_and_ends_for_good(café: Shop) -> None:
    ann = café.enrol(email="ann@example.com")
    one, other = (str(café.call("POST", f"/members/{ann}/sessions")["token"]) for _ in range(2))
    assert _parts(one)[1]["jti"] != _parts(other)[1]["jti"]
    assert café.call("DELETE", "/me/session", key=one).status == 204
    for _ in range(2):
        assert café.call("DELETE", "/me/session", key=one).code == "unauthorized"
        assert café.call("GET", "/me", key=one).code == "unauthorized"
    assert café.call("GET", "/me", key=other).status == 200
    with at("2026-06-01T13:00:00Z"):
        assert café.call("GET", "/me", key=other).code == "unauthorized"
    assert café.call("GET", "/me", key=one).code == "unauthorized", "a clock set back brings no token back"


def test_an_invite_for_one_lets_one_in(café: Shop) -> None:
    code = café.call("POST", "/invites", {}, key=café.owner)["code"]
    assert café.call("POST", "/members", {"email": "ann@example.com", "invite_code": code}).status == 201
    assert café.call("POST", "/members", {"email": "bob@example.com", "invite_code": code}).code == "invite_used_up"


def test_secrets_are_compared_in_constant_time_or_looked_up_by_their_hash() -> None:
    """No ``==`` stands beside a signature, digest, secret or token: it would answer sooner the earlier it differs."""
    words = ("signature", "digest", "secret", "token", "hmac")
    found = []
    for room in ("api", "payments", "store", "actions"):
        for path in sorted((CODE / room).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Compare) and any(
                    isinstance(each, ast.Eq | ast.NotEq | ast.In) for each in node.ops
                ):
                    sides = [ast.unparse(side).lower() for side in (node.left, *node.comparators)]
                    if any(word in side.split("(")[0] for side in sides for word in words):
                        found.append(f"{path.name}: {ast.unparse(node)}")
    assert sorted(found) == []
    signing = (CODE / "payments" / "signing.py").read_text()
    assert "compare_digest(wanted, value)" in signing and "found |= " in signing, "and every secret is compared, always"


def test_no_error_repeats_a_secret_or_a_person(café: Shop) -> None:
    """Every answer of every test is held to that (tests/contract.py); here is that the hold holds."""
    hold_to_contract("GET", "/v1/members", 404, "application/problem+json", _problem("There is no such member."))
    for told in (
        café.owner,
        "bob@example.org",
        "+36301234567",
        "ABCDE-12345-FGHJK-67890",
        "Bearer abc",
        "eyJhbGciOiJIUzI1NiJ9.x",
    ):
        with pytest.raises(AssertionError, match="told"):
            hold_to_contract("GET", "/v1/members", 404, "application/problem+json", _problem(f"No {told} here."))


def _problem(detail: str) -> str:
    told = {"type": "/v1/docs#x", "title": "Not Found", "status": 404, "detail": detail, "code": "member_not_found"}
    return json.dumps(told)
