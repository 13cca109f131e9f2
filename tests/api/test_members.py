"""Members over HTTP: joining, being found, changing what is known, and lists."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.moments import at
from tests.shop import Shop, opened, program


def test_enrolment_gives_the_welcome_points_in_the_same_answer(shop: Shop) -> None:
    answer = shop.call(
        "POST",
        "/members",
        {
            "email": "Ann.Smith@Example.com",
            "phone": "+36 30 123 4567",
            "name": "Ann Smith",
            "external_id": "cust-1",
            "birthday": "1990-02-28",
            "locale": "hu",
            "consent": {"marketing": True},
            "tags": ["vip"],
        },
    )
    assert answer.status == 201
    assert answer["points"] == {"available": 50, "pending": 0, "lifetime": 50}
    assert answer["email"] == "Ann.Smith@Example.com"
    assert answer["phone"] == "+36 30 123 4567"
    assert answer["birthday"] == "1990-02-28"
    assert answer["consent"] == {"marketing": True}
    assert answer["tags"] == ["vip"]
    assert answer["status"] == "active"
    assert answer["stamps"] == [{"card_id": "coffee", "name": "Coffee card", "stamps": 0, "required": 10}]
    entry = shop.ledger(answer["member_id"])[0]
    assert (entry["kind"], entry["points"], entry["sequence"], entry["balance_after"]) == ("bonus", 50, 1, 50)


def test_the_same_identity_again_is_the_same_member_and_no_second_welcome(shop: Shop) -> None:
    first = shop.call("POST", "/members", {"email": "ann@example.com"})
    again = shop.call("POST", "/members", {"email": "ANN@Example.COM", "name": "Somebody"})
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(shop.ledger(first["member_id"])) == 1


@pytest.mark.parametrize("fields", [{"phone": "0036 30 123 4567"}, {"external_id": "c-9"}, {"email": "b@example.com"}])
def test_any_one_identity_is_enough(shop: Shop, fields: dict[str, str]) -> None:
    assert shop.call("POST", "/members", fields).status == 201


def test_no_identity_is_refused(shop: Shop) -> None:
    answer = shop.call("POST", "/members", {"name": "Nobody"})
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_two_identities_of_two_members_are_refused(shop: Shop) -> None:
    shop.enrol(email="a@example.com")
    shop.enrol(phone="+3612345678")
    answer = shop.call("POST", "/members", {"email": "a@example.com", "phone": "+36 1 234 5678"})
    assert (answer.status, answer.code) == (409, "identity_taken")


@pytest.mark.parametrize(
    "query",
    ["email=ANN%40example.com", "phone=" + quote("0036 30 1234567"), "external_id=" + quote("c/1:2+3", safe="")],
)
def test_a_member_is_found_by_each_identity(shop: Shop, query: str) -> None:
    member_id = shop.enrol(email="ann@example.com", phone="+36 30 123 4567", external_id="c/1:2+3")
    answer = shop.call("GET", f"/members?{query}")
    assert (answer.status, answer["member_id"]) == (200, member_id)


def test_a_member_is_found_by_the_card_as_a_person_reads_it_aloud(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    card = shop.member(member_id)["card_code"]
    assert len(card) == 16
    typed = quote(f"{card[:4]}-{card[4:8]} {card[8:]}".lower().replace("0", "o").replace("1", "l"))
    assert shop.call("GET", f"/members?card={typed}")["member_id"] == member_id


def test_an_external_id_is_compared_to_the_letter(shop: Shop) -> None:
    shop.enrol(external_id="Cust")
    answer = shop.call("GET", "/members?external_id=cust")
    assert (answer.status, answer.code) == (404, "member_not_found")


def test_an_unknown_member_is_not_found(shop: Shop) -> None:
    assert shop.call("GET", "/members/mnobody").code == "member_not_found"
    assert shop.call("GET", "/members/mnobody/ledger").code == "member_not_found"
    assert shop.call("GET", "/members/mnobody/vouchers").code == "member_not_found"
    assert shop.redeem("mnobody", "five-off", "k").code == "member_not_found"
    assert shop.adjust("mnobody", 5, "k").code == "member_not_found"


def test_a_member_of_another_program_is_not_found() -> None:
    with opened() as shop:
        member_id = shop.enrol(email="ann@example.com")
        other = Shop(program("corner-cafe", program_id="other-cafe"))
        assert other.call("GET", f"/members/{member_id}").status == 404
        assert other.call("GET", "/members?email=ann%40example.com").status == 404
        assert other.redeem(member_id, "five-off", "k").status == 404
        assert other.call("PATCH", f"/members/{member_id}", {"name": "X"}).status == 404


def test_a_referral_code_is_recorded_and_a_wrong_one_refused(shop: Shop) -> None:
    code = shop.member(shop.enrol(email="ann@example.com"))["referral_code"]
    friend = shop.call("POST", "/members", {"email": "bob@example.com", "referral_code": code.lower()})
    assert friend.status == 201
    wrong = shop.call("POST", "/members", {"email": "eve@example.com", "referral_code": "WRONG"})
    assert (wrong.status, wrong.code) == (422, "referral_code_unknown")
    assert shop.call("GET", "/members?email=eve%40example.com").status == 404


def test_a_changed_email_finds_the_member_and_the_old_one_no_longer(shop: Shop) -> None:
    member_id = shop.enrol(email="old@example.com", phone="+36301234567")
    shop.buy("o1", 5000, member_id)
    changed = shop.call("PATCH", f"/members/{member_id}", {"email": "new@example.com", "name": "Ann"})
    assert (changed.status, changed["email"], changed["name"]) == (200, "new@example.com", "Ann")
    assert changed["points"]["available"] == 100
    assert shop.call("GET", "/members?email=new%40example.com")["member_id"] == member_id
    assert shop.call("GET", "/members?email=old%40example.com").status == 404
    assert shop.call("GET", "/members?phone=%2B36301234567")["member_id"] == member_id
    assert shop.call("POST", "/members", {"email": "old@example.com"})["member_id"] != member_id


def test_an_identity_of_somebody_else_cannot_be_taken_over(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    other = shop.enrol(email="bob@example.com")
    answer = shop.call("PATCH", f"/members/{member_id}", {"email": "BOB@example.com"})
    assert (answer.status, answer.code) == (409, "identity_taken")
    assert shop.call("GET", "/members?email=bob%40example.com")["member_id"] == other


def test_the_last_identity_cannot_be_removed(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    answer = shop.call("PATCH", f"/members/{member_id}", {"email": None})
    assert (answer.status, answer.code) == (422, "identity_required")
    assert shop.call("PATCH", f"/members/{member_id}", {"email": None, "phone": "+36301234567"}).status == 200
    assert shop.call("GET", "/members?email=ann%40example.com").status == 404


def test_a_change_of_case_alone_keeps_the_identity(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    assert shop.call("PATCH", f"/members/{member_id}", {"email": "Ann@Example.com"})["email"] == "Ann@Example.com"
    assert shop.call("GET", "/members?email=ann%40example.com")["member_id"] == member_id


def test_what_a_change_leaves_out_stays(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com", name="Ann", tags=["vip"], birthday="1990-01-01", locale="fi")
    changed = shop.call("PATCH", f"/members/{member_id}", {"locale": "en", "birthday": None})
    assert (changed["name"], changed["tags"], changed["birthday"], changed["locale"]) == ("Ann", ["vip"], None, "en")


def test_the_list_goes_by_name_and_through_pages(shop: Shop) -> None:
    names = ["Émile", "ann Able", "Bob", "Ann Zed", "Zoé"]
    for number, name in enumerate(names):
        shop.enrol(email=f"m{number}@example.com", name=name)
    seen, cursor = [], ""
    while True:
        page = shop.call("GET", f"/members?limit=2{cursor}", key=shop.staff)
        assert page.status == 200
        assert len(page["items"]) <= 2
        seen += [member["name"] for member in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["ann Able", "Ann Zed", "Bob", "Émile", "Zoé"]


@pytest.mark.parametrize("query", ["ann", "ANN", "emi", "ÉMI", "ann%40example.com", "%2B36301234567"])
def test_the_list_is_searched_by_the_start_of_a_name_or_a_whole_identity(shop: Shop, query: str) -> None:
    shop.enrol(email="ann@example.com", phone="+36 30 123 4567", name="Ann")
    shop.enrol(email="emile@example.com", name="Émile")
    page = shop.call("GET", f"/members?query={query}", key=shop.staff)
    expected = "Émile" if query.casefold().startswith(("emi", "émi")) else "Ann"
    assert [member["name"] for member in page["items"]] == [expected]


def test_the_list_is_narrowed_by_tag_and_tier() -> None:
    with opened(program("boutique", enrolment={"mode": "open"})) as shop:
        gold = shop.enrol(email="gold@example.com", tags=["vip"])
        shop.enrol(email="plain@example.com")
        shop.buy("o1", 60000, gold)
        by_tier = shop.call("GET", "/members?tier=gold", key=shop.owner)
        by_tag = shop.call("GET", "/members?tag=vip", key=shop.owner)
        assert [member["member_id"] for member in by_tier["items"]] == [gold]
        assert [member["member_id"] for member in by_tag["items"]] == [gold]
        assert shop.call("GET", "/members?tier=platinum", key=shop.owner)["items"] == []


def test_a_storefront_may_look_one_member_up_but_not_list_them(shop: Shop) -> None:
    shop.enrol(email="ann@example.com")
    assert shop.call("GET", "/members?email=ann%40example.com").status == 200
    answer = shop.call("GET", "/members")
    assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "٣", "", "0000000019999"])
def test_a_limit_outside_one_to_a_hundred_is_refused(shop: Shop, limit: str) -> None:
    answer = shop.call("GET", f"/members?limit={quote(limit)}", key=shop.staff)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize("cursor", ["nonsense", "%23", "1e9"])
def test_a_cursor_that_no_page_gave_is_refused(shop: Shop, cursor: str) -> None:
    member_id = shop.enrol(email="ann@example.com")
    assert shop.call("GET", f"/members?cursor={cursor}", key=shop.staff).code == "invalid_cursor"
    assert shop.call("GET", f"/members/{member_id}/ledger?cursor={cursor}").code == "invalid_cursor"


def test_the_statement_is_newest_first_through_pages(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    for number in range(6):
        shop.buy(f"o{number}", 100, member_id)
    first = shop.call("GET", f"/members/{member_id}/ledger?limit=3")
    second = shop.call("GET", f"/members/{member_id}/ledger?limit=3&cursor={first['next_cursor']}")
    third = shop.call("GET", f"/members/{member_id}/ledger?limit=3&cursor={second['next_cursor']}")
    assert [row["sequence"] for page in (first, second, third) for row in page["items"]] == [7, 6, 5, 4, 3, 2, 1]
    assert third["next_cursor"] is None


def test_invitations_are_asked_for_where_the_program_is_by_invitation() -> None:
    with opened(program("boutique")) as shop:
        answer = shop.call("POST", "/members", {"email": "ann@example.com"})
        assert (answer.status, answer.code) == (422, "invite_required")


def test_nobody_joins_in_the_future(shop: Shop) -> None:
    with at("2026-06-01T12:00:00Z"):
        soon = {"email": "a@example.com", "enrolled_at": "2026-06-01T12:04:00Z"}
        late = {"email": "b@example.com", "enrolled_at": "2026-06-01T12:06:00Z"}
        assert shop.call("POST", "/members", soon).status == 201
        assert shop.call("POST", "/members", late).code == "occurred_in_future"


def test_a_check_in_gives_points_within_the_days_limit(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    path = f"/members/{member_id}/check-ins"
    with at("2026-06-01T20:30:00Z"):  # 23:30 in Helsinki
        first = shop.call("POST", path, idem="a")
        assert (first.status, first["kind"], first["points"]) == (201, "bonus", 2)
        second = shop.call("POST", path, idem="b")
        assert (second.status, second.code) == (422, "check_in_limit")
        assert shop.call("POST", path, idem="a").status == 200
    with at("2026-06-01T21:30:00Z"):  # the next day there, the same in UTC
        assert shop.call("POST", path, {}, idem="c").status == 201
    assert shop.available(member_id) == 54


def test_two_workers_whose_clocks_are_apart_at_midnight_give_no_check_in_more() -> None:
    with opened(program(earning={"points": 1, "per_amount": 100, "check_in": {"points": 2, "per_day": 1}})) as shop:
        with at("2026-06-01T20:58:00Z"):
            ann = shop.enrol(email="midnight@example.com")

        def checked_in(moment: str, idem: str) -> int:
            with at(moment):
                return shop.call("POST", f"/members/{ann}/check-ins", {}, idem=idem).status

        before, after = "2026-06-01T20:58:00Z", "2026-06-01T21:02:00Z"
        assert [checked_in(before, "a"), checked_in(after, "b")] == [201, 201]
        assert [checked_in(before, "c"), checked_in(after, "d")] == [422, 422]


def test_a_check_in_may_give_a_stamp_but_never_the_last_one() -> None:
    earning = {**program()["earning"], "check_in": {"card_id": "coffee", "per_day": 20}}
    with opened(program(earning=earning)) as shop:
        member_id = shop.enrol(email="ann@example.com")
        for number in range(9):
            assert shop.call("POST", f"/members/{member_id}/check-ins", idem=str(number)).status == 201
        answer = shop.call("POST", f"/members/{member_id}/check-ins", idem="last")
        assert (answer.status, answer.code) == (422, "stamp_card_waits")
        assert shop.member(member_id)["stamps"][0]["stamps"] == 9


def test_a_program_without_check_ins_refuses_them() -> None:
    with opened(program("boutique", enrolment={"mode": "open"})) as shop:
        member_id = shop.enrol(email="ann@example.com")
        assert shop.call("POST", f"/members/{member_id}/check-ins", idem="a").code == "check_in_not_offered"


def _adjusted(shop: Shop, member_id: str, points: int, key: str, idem: str) -> int | str:
    body = {"points": points, "reason": "goodwill"}
    answer = shop.call("POST", f"/members/{member_id}/adjustments", body, key=key, idem=idem)
    return answer.code if answer.status >= 400 else int(answer["balance_after"])


def test_staff_adjust_within_the_cap_and_the_owner_beyond_it(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    assert _adjusted(shop, member_id, 500, shop.staff, "a") == 550
    assert _adjusted(shop, member_id, 501, shop.staff, "b") == "staff_cap_exceeded"
    assert _adjusted(shop, member_id, -501, shop.staff, "c") == "staff_cap_exceeded"
    assert _adjusted(shop, member_id, -500, shop.staff, "d") == 50
    assert _adjusted(shop, member_id, 9000, shop.owner, "e") == 9050
    assert _adjusted(shop, member_id, 1, shop.storefront, "f") == "forbidden"


def test_an_adjustment_never_takes_below_zero(shop: Shop) -> None:
    member_id = shop.enrol(email="ann@example.com")
    assert _adjusted(shop, member_id, -51, shop.owner, "a") == "insufficient_points"
    assert _adjusted(shop, member_id, -50, shop.owner, "b") == 0
    assert _adjusted(shop, member_id, 0, shop.owner, "c") == "invalid_request"
    assert shop.differences() == []
