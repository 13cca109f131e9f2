"""Browsers: a preflight and an answer name the program's own origins, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shop import Shop, beside, opened, program

OURS, THEIRS, NOBODYS = "http://127.0.0.1:8000", "https://other.example", "https://evil.example"


@pytest.fixture(scope="module", autouse=True)
def café() -> Iterator[Shop]:
    with opened() as shop:
        yield shop


def allowed(shop: Shop, origin: str, *, key: str = "") -> str | None:
    return shop.call("GET", "/program", key=key, headers={"origin": origin}).headers.get("Access-Control-Allow-Origin")


def test_an_answer_names_an_origin_of_its_own_program_only(café: Shop) -> None:
    other = beside(program(storefront_origins=[THEIRS]))
    assert allowed(café, OURS) == OURS
    assert allowed(other, THEIRS) == THEIRS
    assert allowed(café, THEIRS) is None
    assert allowed(café, NOBODYS) is None
    assert allowed(café, "null") is None


def test_an_error_names_the_origin_too_so_that_the_page_can_read_it(café: Shop) -> None:
    answer = café.call("GET", "/members/nobody", headers={"origin": OURS})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, OURS)
    assert "Idempotent-Replayed" in answer.headers["Access-Control-Expose-Headers"]
    wrong = café.call("GET", "/program", key="rk_corner-cafe_wrong", headers={"origin": OURS})
    assert (wrong.status, wrong.headers["Access-Control-Allow-Origin"]) == (401, OURS)


def test_a_preflight_answers_known_origins_alone(café: Shop) -> None:
    asked = {"origin": OURS, "access-control-request-method": "POST"}
    known = café.call("OPTIONS", "/purchases", key=None, headers=asked)
    assert (known.status, known.body) == (204, "")
    assert known.headers["Access-Control-Allow-Origin"] == OURS
    assert "Idempotency-Key" in known.headers["Access-Control-Allow-Headers"]
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(
        known.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
    )
    for origin in (NOBODYS, "null", "", OURS + "/", OURS.upper(), "x" * 3000):
        unknown = café.call("OPTIONS", "/purchases", key=None, headers={**asked, "origin": origin})
        assert (unknown.status, unknown.headers.get("Access-Control-Allow-Origin")) == (204, None), origin
    assert café.call("OPTIONS", "/purchases", key=None).status == 204


def test_no_answer_lets_credentials_of_a_browser_in_or_names_every_origin(café: Shop) -> None:
    answers = [
        café.call("GET", "/program", headers={"origin": OURS}),
        café.call("OPTIONS", "/program", key=None, headers={"origin": OURS}),
    ]
    for answer in answers:
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Access-Control-Allow-Origin"] != "*"
        assert answer.headers["Vary"] == "Origin"


def test_a_changed_list_of_origins_holds_at_once() -> None:
    shop = beside(program(storefront_origins=["https://old.example"]))
    document = {**program(storefront_origins=["https://new.example"]), "program_id": shop.program_id}
    answer = shop.call("PUT", "/program", {"version": 1, "program": document}, key=shop.owner)
    assert answer.status == 200
    assert allowed(shop, "https://new.example") == "https://new.example"
    assert allowed(shop, "https://old.example") is None


def test_an_origin_that_two_programs_share_stays_with_the_other() -> None:
    shared = "https://shared.example"
    one, two = beside(program(storefront_origins=[shared])), beside(program(storefront_origins=[shared]))
    gone = {**program(storefront_origins=[]), "program_id": one.program_id}
    assert one.call("PUT", "/program", {"version": 1, "program": gone}, key=one.owner).status == 200
    assert allowed(one, shared) is None
    assert allowed(two, shared) == shared
    assert (
        one.call("OPTIONS", "/me", key=None, headers={"origin": shared}).headers["Access-Control-Allow-Origin"]
        == shared
    )
