"""The deployed service from outside: what a storefront, a payment provider, an operator and a second deployment see."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import pytest

from tests.e2e.deployed import STACK, Deployed
from tests.payments.senders import SECRET, SENDERS, sample

T = TypeVar("T")


@pytest.fixture(scope="session")
def storefront(deployment: Deployed) -> Iterator[httpx.Client]:
    with deployment.http() as owner:
        made = owner.post("/keys", json={"role": "storefront", "name": "end to end"})
    assert made.status_code == 201, made.text
    with deployment.http(made.json()["key"]) as storefront:
        yield storefront


def enrolled(storefront: httpx.Client, name: str) -> str:
    made = storefront.post("/members", json={"email": f"{name}@example.com", "consent": {"marketing": False}})
    assert made.status_code == 201, made.text
    return str(made.json()["member_id"])


def sale(order_id: str, member_id: str, total: int) -> dict[str, Any]:
    return {"order_id": order_id, "member_id": member_id, "total": total, "currency": "EUR"}


def available(storefront: httpx.Client, member_id: str) -> int:
    return int(storefront.get(f"/members/{member_id}").json()["points"]["available"])


def invoked(deployment: Deployed, function: str, event: dict[str, Any]) -> dict[str, Any]:
    answered = deployment.client("lambda").invoke(
        FunctionName=f"{STACK}-{function}", Payload=json.dumps(event).encode()
    )
    told: dict[str, Any] = json.loads(answered["Payload"].read())
    assert "FunctionError" not in answered, told
    return told


def test_a_member_enrols_and_earns_once_however_often_the_sale_is_told(storefront: httpx.Client) -> None:
    ann = enrolled(storefront, "ann")
    assert available(storefront, ann) == 50
    first = storefront.post("/purchases", json=sale("e2e-1", ann, 1250))
    assert first.status_code == 201, first.text
    again = storefront.post("/purchases", json=sale("e2e-1", ann, 1250))
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert available(storefront, ann) == 50 + 12
    refunded = storefront.post("/purchases/e2e-1/refunds", json={"refund_id": "r-1", "amount": 1250})
    assert refunded.status_code == 201, refunded.text
    assert available(storefront, ann) == 50


def test_a_reward_is_redeemed_and_its_voucher_used_once(storefront: httpx.Client) -> None:
    ben = enrolled(storefront, "ben")
    assert storefront.post("/purchases", json=sale("e2e-2", ben, 10000)).status_code == 201
    made = storefront.post(
        f"/members/{ben}/redemptions", json={"reward_id": "free-coffee"}, headers={"Idempotency-Key": "e2e"}
    )
    assert made.status_code == 201, made.text
    code = made.json()["code"]
    assert storefront.post(f"/vouchers/{code}/use", json={"order_id": "e2e-3"}).status_code == 201
    assert storefront.post(f"/vouchers/{code}/use", json={"order_id": "e2e-3"}).status_code == 200
    other = storefront.post(f"/vouchers/{code}/use", json={"order_id": "e2e-4"})
    assert (other.status_code, other.json()["code"]) == (409, "voucher_settled")
    assert available(storefront, ben) == 50 + 100 - 120


def test_a_payment_provider_is_heard_once_and_a_forger_is_not(deployment: Deployed, storefront: httpx.Client) -> None:
    eve = enrolled(storefront, "eve")
    with deployment.http() as owner:
        set_up = owner.put("/webhooks/stripe", json={"secrets": [SECRET]})
        assert set_up.status_code == 200, set_up.text
    event = json.loads(sample("stripe", "checkout.session.completed"))
    event["created"] = int(time.time())
    event["data"]["object"].update({"created": event["created"], "metadata": {"member_id": eve, "order_id": "e2e-5"}})
    raw = json.dumps(event).encode()
    headers = {"content-type": "application/json", **SENDERS["stripe"].sign(raw, SECRET, datetime.now(UTC))}
    before = available(storefront, eve)
    with httpx.Client(base_url=f"{deployment.address}/v1", timeout=60, trust_env=False) as provider:
        told = [provider.post("/webhooks/stripe/corner-cafe", content=raw, headers=headers) for _ in range(2)]
        forged = provider.post("/webhooks/stripe/corner-cafe", content=raw + b" ", headers=headers)
    assert [(one.status_code, one.json()["outcome"]) for one in told] == [(200, "booked"), (200, "known")]
    assert (forged.status_code, forged.json()["code"]) == (400, "bad_signature")
    points = storefront.get("/purchases/e2e-5").json()["points"]
    assert available(storefront, eve) == before + points > before


def test_errors_keep_their_shape_and_strangers_are_refused(deployment: Deployed) -> None:
    with deployment.http("rk_corner-cafe_" + "0" * 32) as stranger:
        refused = stranger.get("/program")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "unauthorized"


def test_the_program_changes_under_load_and_every_sale_earns_by_one_version_or_the_other(
    deployment: Deployed, storefront: httpx.Client
) -> None:
    members = [enrolled(storefront, f"load{number}") for number in range(4)]
    stop = threading.Event()
    booked: list[tuple[str, int]] = []

    def buy(number: int) -> None:
        sold = 0
        with deployment.http(str(storefront.headers["authorization"]).removeprefix("Bearer ")) as till:
            while not stop.is_set() and sold < 200:
                answer = till.post("/purchases", json=sale(f"load-{number}-{sold}", members[number], 100))
                assert answer.status_code == 201, answer.text
                booked.append((members[number], answer.json()["points"]))
                sold += 1

    with ThreadPoolExecutor(len(members)) as pool:
        tills = [pool.submit(buy, number) for number in range(len(members))]
        try:
            time.sleep(2)
            with deployment.http() as owner:
                read = owner.get("/program").json()
                program = {**read["program"], "earning": {**read["program"]["earning"], "points": 3}}
                changed = owner.put("/program", json={"version": read["version"], "program": program})
                assert changed.status_code == 200, changed.text
            time.sleep(2)
        finally:
            stop.set()
        for till in tills:
            till.result()
    assert {points for _, points in booked} == {1, 3}
    for member in members:
        assert available(storefront, member) == 50 + sum(points for buyer, points in booked if buyer == member)


def test_the_schedule_sends_tasks_and_a_worker_moves_the_member(deployment: Deployed, storefront: httpx.Client) -> None:
    old = enrolled(storefront, "old")
    assert available(storefront, old) == 50
    in_two_years = datetime.now(UTC).replace(month=1, day=1).replace(year=datetime.now(UTC).year + 2)
    event = {"id": "e2e", "time": in_two_years.strftime("%Y-%m-%dT03:00:00Z"), "source": "aws.events", "detail": {}}
    before = {"detail-type": "Scheduled Event", "account": "0", "region": "local", "resources": [], "version": "0"}
    assert invoked(deployment, "due", {**before, **event})["run_id"].startswith("due-")
    seen = eventually(lambda: [one["kind"] for one in ledger(storefront, old)], lambda kinds: "expire" in kinds)
    assert seen.count("expire") == 1
    assert available(storefront, old) == 0


def test_a_task_that_always_fails_ends_among_the_dead_letters(deployment: Deployed) -> None:
    sqs = deployment.client("sqs")
    addresses = {url.rpartition("/")[2]: url for url in sqs.list_queues()["QueueUrls"]}
    work = next(url for name, url in addresses.items() if "WorkQueue" in name)
    dead = next(url for name, url in addresses.items() if "WorkDeadLetters" in name)

    def left(url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())

    assert eventually(lambda: left(work), lambda number: number == 0) == 0
    # Six minutes between the tries are too long for a test.
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=work, MessageBody="this is no task")

    assert eventually(lambda: left(dead), lambda number: number > 0) == 1
    received = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert [one["Body"] for one in received] == ["this is no task"]
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"VisibilityTimeout": "360"})


def ledger(storefront: httpx.Client, member_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = storefront.get(f"/members/{member_id}/ledger").json()["items"]
    return items


def eventually(look: Callable[[], T], fits: Callable[[T], bool], seconds: float = 180) -> T:
    """What is seen when it fits, or when the time is over."""
    deadline = time.monotonic() + seconds
    while not fits(found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def test_every_balance_is_proved_by_the_deployed_reconciliation(deployment: Deployed) -> None:
    found = invoked(deployment, "reconcile", {"program_id": "corner-cafe", "limit": 500})
    assert found["members"] >= 7 and found["entries"] > 20
    assert found["differences"] == []


def test_a_lost_owner_key_is_made_anew_by_the_operator(deployment: Deployed) -> None:
    key = invoked(deployment, "issue-owner-key", {"program_id": "corner-cafe"})["key"]
    with deployment.http(key) as owner:
        assert owner.get("/keys").status_code == 200


def test_a_function_may_not_do_what_its_role_does_not_say(deployment: Deployed) -> None:
    """That the roles are enforced here at all: without its statements a function can do nothing."""
    iam = deployment.client("iam")
    role = deployment.client("lambda").get_function(FunctionName=f"{STACK}-reconcile")["Configuration"]["Role"]
    name = role.rpartition("/")[2]
    kept = iam.get_role_policy(RoleName=name, PolicyName="own")["PolicyDocument"]
    narrowed = {**kept, "Statement": [one for one in kept["Statement"] if "dynamodb:BatchGetItem" not in one["Action"]]}
    assert narrowed != kept
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(narrowed))
    try:
        answered = deployment.client("lambda").invoke(
            FunctionName=f"{STACK}-reconcile", Payload=json.dumps({"program_id": "corner-cafe"}).encode()
        )
        assert "FunctionError" in answered
        assert "AccessDenied" in answered["Payload"].read().decode()
    finally:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(kept))


def test_a_second_deployment_keeps_what_is_there_and_a_rollback_too(
    deployment: Deployed, storefront: httpx.Client
) -> None:
    zoe = enrolled(storefront, "zoe")
    printed = deployment.deploy("--set", "LogDays=60", "--program", "programs/corner-cafe.json")
    assert "is there already" in printed
    groups = deployment.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}-api")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [60]
    # The API's id on this cloud changes with each deployment; on AWS it stays.
    with deployment.http(_key(storefront)) as again:
        assert available(again, zoe) == 50
    deployment.run("rollback")
    with deployment.http(_key(storefront)) as once_more:
        assert available(once_more, zoe) == 50


def _key(client: httpx.Client) -> str:
    return str(client.headers["authorization"]).removeprefix("Bearer ")


def test_taking_it_down_keeps_the_table_unless_told_twice(deployment: Deployed) -> None:
    printed = deployment.run("destroy")
    assert "The table and the secret stay" in printed
    dynamodb = deployment.client("dynamodb")
    assert dynamodb.describe_table(TableName=STACK)["Table"]["TableStatus"] == "ACTIVE"
    assert deployment.client("ssm").get_parameter(Name=f"/{STACK}/secret", WithDecryption=True)["Parameter"]["Value"]
    deployment.run("destroy", "--table", STACK)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName=STACK)
