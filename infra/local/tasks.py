"""The queue of scheduled work on one machine, and the workers that empty it: the same functions that run on AWS."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalice.local import LambdaContext

Client = Any  # botocore makes its clients at run time; they have no types
Handler = Callable[[dict[str, Any], Any], Any]
NAME, DEAD = "regulars-work", "regulars-work-dead"
TRIES = 5
WORKER_SECONDS = 300
VISIBLE_AFTER_SECONDS = 360


def ensure(client: Client) -> str:
    """Makes the queue and its dead letters unless kept data brought them along; answers the queue's address."""
    dead = client.create_queue(QueueName=DEAD)["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = f'{{"deadLetterTargetArn":"{attributes["QueueArn"]}","maxReceiveCount":"{TRIES}"}}'
    made = client.create_queue(
        QueueName=NAME, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": str(VISIBLE_AFTER_SECONDS)}
    )
    return str(made["QueueUrl"])


def schedule_event(time: datetime) -> dict[str, Any]:
    """What the schedule's rule sends, as of a moment."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "account": "000000000000",
        "region": "local",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resources": [],
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "detail": {},
    }


def queue_event(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What a queue hands to its worker: ``messages`` as they were received."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for message in messages
        ]
    }


def context(name: str) -> LambdaContext:
    """A function's context with its time limit."""
    return LambdaContext(name, memory_size=1024, max_runtime_ms=WORKER_SECONDS * 1000)


def drain(client: Client, address: str, worker: Handler) -> int:
    """Hands every message to the worker until none is left; answers how many it could not work off.

    One that fails comes again at once, up to TRIES times; then the queue itself moves it to the dead letters.
    """
    failures = 0
    while messages := client.receive_message(QueueUrl=address, MaxNumberOfMessages=10).get("Messages", []):
        answer = worker(queue_event(messages), context("work"))
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for message in messages:
            handle = {"QueueUrl": address, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] in failed:
                failures += 1
                client.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                client.delete_message(**handle)
    return failures
