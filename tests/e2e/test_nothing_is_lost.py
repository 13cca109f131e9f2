"""Real orders told to the deployed stack while its table is throttled, a slice of it dead and a record poisoned.

What is checked at the end knows nothing of the service: the orders, their refunds, and the points that they are worth.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest
from msgspec.structs import replace

from chalicelib.domain.calendar import day_number
from chalicelib.domain.reconciliation import TURNS, turn
from chalicelib.store import heads, keys
from infra.local.replay import grocer
from infra.local.replay.receipts import Basket
from tests.e2e.between import Between, Trouble, between
from tests.e2e.deployed import STACK, Deployed
from tests.shop import program

T = TypeVar("T")
HOUSEHOLDS, BASKETS, TILLS = 10, 20, 4
PROGRAM = program(
    program_id="grocer",
    currency="USD",
    time_zone="UTC",
    enrolment={"mode": "open"},
    earning={"points": 1, "per_amount": 100, "pending_days": 3},
    expiry={"policy": "none"},
    stamp_cards=[],
    rewards=[],
    referral=None,
)
FUNCTIONS = ("api", "due", "work", "prove", "audit", "reconcile")
AGAIN = 150
"""So often a till tells the same again before it gives up; the trouble ends long before."""


class Life:
    """The grocer's program on the deployed stack: who is a member, what was bought, what went back."""

    def __init__(self, deployment: Deployed, table: Between) -> None:
        self.deployment, self.table = deployment, table
        made = json.loads(invoked(deployment, "create-program", {"program": PROGRAM})[1])
        with deployment.http(made["key"]) as owner:
            self.key = owner.post("/keys", json={"role": "storefront", "name": "tills"}).json()["key"]
        self.members: dict[int, str] = {}
        self.orders: dict[str, tuple[int, int, bool]] = {}
        """Each order: the household, the total in cents, and whether it all went back."""
        self.troubled = 0

    def told(self, till: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        """Told until it is answered, as a till does whose line is bad."""
        for _ in range(AGAIN):
            try:
                answer = till.request(method, path, json=body)
            except httpx.TransportError:
                self.troubled += 1
                continue
            if answer.status_code < 400:
                return answer.json()
            assert answer.status_code in (429, 500, 502, 503, 504), answer.text
            self.troubled += 1
            time.sleep(0.05)
        raise AssertionError(f"{path} was never answered")

    def worth(self, household: int) -> int:
        """A point for each whole dollar of every order that stayed, order by order."""
        return sum(cents // 100 for who, cents, back in self.orders.values() if who == household and not back)


def baskets() -> dict[int, list[Basket]]:
    found: dict[int, list[Basket]] = defaultdict(list)
    for basket in grocer.baskets(HOUSEHOLDS, random.Random(7)):
        if len(found[basket.household]) < BASKETS:
            found[basket.household].append(basket)
    return found


def now_and_then(seed: int) -> Trouble:
    """A quarter of all writes and a tenth of all reads do not go well, each in one of four ways."""
    chance, lock = random.Random(seed), threading.Lock()

    def trouble(operation: str, body: bytes) -> str | None:
        with lock:
            if operation in ("TransactWriteItems", "PutItem", "UpdateItem"):
                return chance.choice(["throttled", "conflict", "away", "lost"]) if chance.random() < 0.25 else None
            return chance.choice(["throttled", "away"]) if chance.random() < 0.1 else None

    return trouble


@pytest.fixture(scope="module")
def life(deployment: Deployed) -> Iterator[Life]:
    """The replay: four tills at once, each order told until it is answered, every tenth goes back."""
    with between(deployment.cloud.endpoint) as table:
        sent_there(deployment, table.address)
        life = Life(deployment, table)
        bought = baskets()

        def household(number: int) -> None:
            with deployment.http(life.key) as till:
                member = life.told(till, "POST", "/members", {"email": f"household-{number}@grocer.example"})
                life.members[number] = member["member_id"]
                for basket in bought[number]:
                    order_id = str(basket.basket_id)
                    total = sum(line.cents for line in basket.lines)
                    sale = {"order_id": order_id, "member_id": member["member_id"], "total": total, "currency": "USD"}
                    back = basket.basket_id % 10 == 0 and total > 0
                    life.orders[order_id] = (number, total, back)
                    life.told(till, "POST", "/purchases", sale)
                    if back:
                        refund = {"refund_id": "all", "amount": total}
                        life.told(till, "POST", f"/purchases/{order_id}/refunds", refund)

        with table.making(now_and_then(7)), ThreadPoolExecutor(TILLS) as pool:
            list(pool.map(household, bought))
        yield life
        sent_there(deployment, None)


def sent_there(deployment: Deployed, address: str | None) -> None:
    """Send every function's requests for the table through another address; None: straight again."""
    functions = deployment.client("lambda")
    for name in FUNCTIONS:
        known = functions.get_function_configuration(FunctionName=f"{STACK}-{name}")["Environment"]["Variables"]
        variables = {key: value for key, value in known.items() if key != "AWS_ENDPOINT_URL_DYNAMODB"}
        if address is not None:
            variables["AWS_ENDPOINT_URL_DYNAMODB"] = address
        functions.update_function_configuration(FunctionName=f"{STACK}-{name}", Environment={"Variables": variables})


def invoked(deployment: Deployed, function: str, event: dict[str, Any]) -> tuple[bool, str]:
    """Whether it ended well, and what it answered."""
    answered = deployment.client("lambda").invoke(
        FunctionName=f"{STACK}-{function}", Payload=json.dumps(event).encode()
    )
    return "FunctionError" not in answered, answered["Payload"].read().decode()


def schedule(name: str, when: datetime) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"{name}{when:%H%M%S}",
        "account": "0",
        "region": "local",
        "resources": ["arn:aws:events:eu-central-1:000000000000:rule/r"],
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {},
    }


def eventually(look: Callable[[], T], fits: Callable[[T], bool], seconds: float = 120) -> T:
    deadline = time.monotonic() + seconds
    while not fits(found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def points(life: Life) -> dict[int, tuple[int, int]]:
    """What each household has, available and pending."""
    with life.deployment.http(life.key) as till:
        told = {number: till.get(f"/members/{member}").json()["points"] for number, member in life.members.items()}
    return {number: (one["available"], one["pending"]) for number, one in told.items()}


def queues(deployment: Deployed) -> tuple[Any, str, str]:
    sqs = deployment.client("sqs")
    addresses = {url.rpartition("/")[2]: url for url in sqs.list_queues()["QueueUrls"]}
    return sqs, *(next(url for name, url in addresses.items() if part in name) for part in ("WorkQ", "WorkDead"))


def waiting(sqs: Any, address: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"]
    return sum(int(number) for number in told.values())


def written(deployment: Deployed, function: str, text: str) -> list[dict[str, Any]]:
    """The lines of a function's log that hold a text."""
    found = deployment.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{STACK}-{function}", filterPattern=f'"{text}"'
    )
    return [json.loads(each["message"]) for each in found["events"] if each["message"].startswith("{")]


def counted(deployment: Deployed, function: str, metric: str) -> list[float]:
    """The values of a metric that a function wrote to its log in CloudWatch's embedded format."""
    values = [line[metric] for line in written(deployment, function, metric) if "_aws" in line]
    return [float(sum(value) if isinstance(value, list) else value) for value in values]


def test_every_order_counts_once_however_the_table_answered(life: Life) -> None:
    made = life.table.made
    assert min(made[kind] for kind in ("throttled", "conflict", "away", "lost")) >= 5, made
    assert len(life.members) == HOUSEHOLDS and len(life.orders) >= 120
    with life.deployment.http(life.key) as till:
        for number, member in life.members.items():
            entries = till.get(f"/members/{member}/ledger?limit=100").json()["items"]
            earned = [entry["order_id"] for entry in entries if entry["kind"] == "earn"]
            assert sorted(earned) == sorted(order for order, (who, _, _) in life.orders.items() if who == number)
            gone_back = [entry["order_id"] for entry in entries if entry["kind"] == "refund"]
            wanted = [order for order, (who, _, back) in life.orders.items() if who == number and back]
            assert sorted(gone_back) == sorted(wanted)
    assert points(life) == {number: (0, life.worth(number)) for number in life.members}


def test_a_dead_slice_and_a_poisoned_record_hold_up_nobody_else_and_nothing_is_lost(life: Life) -> None:
    sqs, work, dead = queues(life.deployment)
    assert eventually(lambda: waiting(sqs, work), lambda number: number == 0) == 0
    with impatient(sqs, work):
        mended(life, sqs, work, dead)


def mended(life: Life, sqs: Any, work: str, dead: str) -> None:
    night = datetime.now(UTC) + timedelta(days=5)
    victim, kept = poisoned(life)
    slices = {number: slice_of(member) for number, member in life.members.items()}
    dead_one = next(number for number in slices.values() if number != slices[victim])
    in_dead_slice = {number for number in slices if slices[number] == dead_one}
    sqs.send_message(QueueUrl=work, MessageBody="this is no task")

    def dead_slice(operation: str, body: bytes) -> str | None:
        return "away" if operation == "Query" and f'"DUE#{dead_one:02d}"'.encode() in body else None

    with life.table.making(dead_slice):
        # The schedule reads the dead slice too, to tell the oldest that is due: it fails, and it had sent its tasks.
        assert invoked(life.deployment, "due", schedule("due", night))[0] is False
        assert eventually(lambda: waiting(sqs, dead), lambda number: number >= 2) == 2
        assert eventually(lambda: waiting(sqs, work), lambda number: number == 0) == 0
    moved = {number: (life.worth(number), 0) for number in life.members}
    held_up = {victim, *in_dead_slice}
    seen = points_but(life, victim)
    assert {number: seen[number] for number in seen if number not in held_up} == {
        number: moved[number] for number in seen if number not in held_up
    }
    assert all(seen[number] == (0, life.worth(number)) for number in in_dead_slice)
    # The slice answers again and its dead letter is given back; the poisoned member is late, and the schedule says so.
    given_back(sqs, dead, work)
    others = {number: has for number, has in moved.items() if number != victim}
    assert eventually(lambda: points_but(life, victim), lambda found: found == others) == others
    assert eventually(lambda: days_late(life.deployment, night), lambda late: late >= 2) >= 2
    healed(life.deployment, kept)
    assert invoked(life.deployment, "due", schedule("due", night + timedelta(hours=2)))[0]
    assert eventually(lambda: points(life), lambda found: found == moved) == moved


def days_late(deployment: Deployed, night: datetime) -> float:
    """What the schedule says of the oldest that is due. A line that this cloud reads late comes with the next run."""
    assert invoked(deployment, "due", schedule("due", night + timedelta(hours=1)))[0]
    return max(counted(deployment, "due", "OldestDueDays"), default=0)


@contextmanager
def impatient(sqs: Any, work: str) -> Iterator[None]:
    """Five tries with six minutes between them are too long for a test: two, and seconds."""
    names = ["VisibilityTimeout", "RedrivePolicy"]
    usual = sqs.get_queue_attributes(QueueUrl=work, AttributeNames=names)["Attributes"]
    policy = {**json.loads(usual["RedrivePolicy"]), "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"VisibilityTimeout": "25", "RedrivePolicy": json.dumps(policy)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=work, Attributes=usual)


def slice_of(member_id: str) -> int:
    return int(keys.due("grocer", member_id, 0)[0].rpartition("#")[2])


def _head(life: Life, member_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"P#grocer#MEMBER#{member_id}"}, "sk": {"S": "HEAD"}}


def poisoned(life: Life) -> tuple[int, Any]:
    """One member's head, written over by another hand with what nobody can read; answers whose, and what it was."""
    victim = min(life.members)
    dynamodb, key = life.deployment.client("dynamodb"), _head(life, life.members[victim])
    item = dynamodb.get_item(TableName=STACK, Key=key)["Item"]
    dynamodb.put_item(TableName=STACK, Item={**item, "h": {"B": b"\xc1"}})
    return victim, item


def healed(deployment: Deployed, victim: Any) -> None:
    deployment.client("dynamodb").put_item(TableName=STACK, Item=victim)


def points_but(life: Life, victim: int) -> dict[int, tuple[int, int]]:
    member = life.members.pop(victim)
    try:
        return points(life)
    finally:
        life.members[victim] = member


def given_back(sqs: Any, dead: str, work: str) -> None:
    """What a redrive does, except that what never was a task is thrown away."""
    for _ in range(2):
        for message in sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", []):
            if message["Body"] != "this is no task":
                sqs.send_message(QueueUrl=work, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    assert waiting(sqs, dead) == 0


def test_what_happened_was_seen_by_the_metrics_that_the_alarms_watch(life: Life) -> None:
    """As far as this cloud has them: those of the functions, and those that the functions write themselves."""
    watch = life.deployment.client("cloudwatch")
    since = datetime.now(UTC) - timedelta(hours=1)
    failed = watch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": f"{STACK}-due"}],
        StartTime=since,
        EndTime=datetime.now(UTC) + timedelta(minutes=5),
        Period=3600,
        Statistics=["Sum"],
    )
    assert sum(each["Sum"] for each in failed["Datapoints"]) >= 1
    # The poisoned member had waited for two days, which is what the alarm asks for.
    assert max(counted(life.deployment, "due", "OldestDueDays")) >= 2
    assert written(life.deployment, "work", "members set aside")
    assert written(life.deployment, "audit", "record unread")
    assert counted(life.deployment, "api", "Refused")
    # An order whose answer was lost on the way was booked, and found there when it was asked again: counted by nobody.
    assert 0 < sum(counted(life.deployment, "api", "Earned")) <= len(life.orders)


def test_a_balance_that_another_hand_wrote_is_seen_by_the_stream_and_by_the_nightly_proof(life: Life) -> None:
    member = next(iter(life.members.values()))
    dynamodb, key = life.deployment.client("dynamodb"), _head(life, member)
    item = dynamodb.get_item(TableName=STACK, Key=key)["Item"]
    head = heads.decode(item["h"]["B"])
    forged = heads.encode(replace(head, spent=head.spent - 500))
    dynamodb.put_item(TableName=STACK, Item={**item, "h": {"B": forged}})
    assert eventually(lambda: written(life.deployment, "audit", "version_skipped"), bool)
    # The night in which it is this member's turn.
    night = next(day for day in (datetime.now(UTC) + timedelta(days=n) for n in range(TURNS)) if its_turn(member, day))

    def proved() -> float:
        # Again and again: a line that this cloud reads late comes with the next.
        assert invoked(life.deployment, "prove", schedule("prove", night))[0]
        return max(counted(life.deployment, "work", "ReconcileDifferences"), default=0)

    found = eventually(proved, bool)
    assert found == 1, written(life.deployment, "work", "ERROR")[-5:]
    dynamodb.put_item(TableName=STACK, Item=item)
    assert json.loads(invoked(life.deployment, "reconcile", {"program_id": "grocer"})[1])["differences"] == []


def its_turn(member_id: str, day: datetime) -> bool:
    return day_number(day.date()) % TURNS == turn(member_id)
