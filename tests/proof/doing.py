"""What clients do: an operation, each time somebody tells it, and the client that tells it until it is answered."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.proof.line import Crash
from tests.proof.service import Reply, Service
from tests.proof.stage import Stage

LONGEST = 400
"""Tries after which a client gives up, which nothing here explains."""
ANSWERS_LOST = 8
"""Answers that do not reach the client, of a thousand."""


@dataclass(eq=False)
class Op:
    """One thing that somebody wants done. ``asked`` is its content and ``cause`` what names it: the same cause with
    other content is a conflict. ``expected`` is what the model says was told when it was done."""

    kind: str
    program: str
    role: str
    method: str
    path: str
    body: Any
    args: dict[str, Any]
    cause: Any
    idem: str | None = None
    tellings: list[Telling] = field(default_factory=list)
    expected: dict[str, Any] | None = None
    as_of: datetime | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    """What was read off its write, where later answers may say otherwise."""

    @property
    def asked(self) -> str:
        return json.dumps(self.body, sort_keys=True)

    def learned(self, name: str) -> Any:
        """What only the service can know, such as a new id: as it answered."""
        if name in self.seen:
            return self.seen[name]
        for telling in self.tellings:
            if telling.reply is not None and telling.reply.status < 300:
                return telling.reply.body[name]
        raise AssertionError(f"{self.kind} was never answered")

    def told(self, name: str) -> list[Any]:
        try:
            return list(self.learned(name))
        except (AssertionError, KeyError, TypeError):
            return []

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.asked} as {self.role}, key {self.idem}"


@dataclass(eq=False)
class Telling:
    """One time that an operation was told, with as many tries as it took; what counts is the last."""

    op: Op
    reply: Reply | None = None
    now: datetime | None = None
    first: int = -1
    last: int = -1
    tries: int = 0
    by_token: bool = False

    def begin(self) -> None:
        self.first = self.last = -1

    def saw(self, step: int) -> None:
        if self.first < 0:
            self.first = step
        self.last = step


class Client:
    """A correct storefront: it tells again whatever it has no answer to, with the same ids."""

    def __init__(self, stage: Stage, service: Service, keys: dict[tuple[str, str], str]) -> None:
        self.stage, self.service, self.keys = stage, service, keys
        self.told = self.retries = 0
        self.met: Counter[str] = Counter()
        self.faults: list[str] = []
        self.tellings: list[Telling] = []
        self.lossy = True

    def tell(self, op: Op) -> Reply:
        telling = Telling(op)
        op.tellings.append(telling)
        self.tellings.append(telling)
        self.told += 1
        actor = self.stage.actor
        pause = 0.05
        while True:
            if actor is not None:
                actor.doing, actor.now = telling, None
            try:
                path, headers = op.path, self._headers(op)
                if op.role == "member":
                    path, headers = self._as_member(telling, headers)
                telling.begin()
                if actor is not None:
                    actor.now = None
                reply = self.service.call(op.method, path, self._body(op), headers)
            except Crash:
                reply = None
            if reply is not None and self._is_answer(op, reply):
                break
            telling.tries += 1
            assert telling.tries < LONGEST, f"no answer to {op}"
            self.retries += 1
            self.stage.sleep(pause * (1 + self.stage.random.random()))
            pause = min(4.0, pause * 2)
        telling.reply = reply
        if actor is not None:
            telling.now, actor.doing = actor.now, None
        return reply

    def _as_member(self, telling: Telling, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """By a token of the member's own, where the storefront gets one for them."""
        member_id = telling.op.args["member_id"]
        session = self.service.call("POST", f"/members/{member_id}/sessions", {}, headers)
        telling.by_token = session.status == 201
        if not telling.by_token:
            return telling.op.path, headers
        own = f"/me/{telling.op.path.rpartition('/')[2]}"
        return own, {**headers, "authorization": f"Bearer {session.body['token']}"}

    def _is_answer(self, op: Op, reply: Reply) -> bool:
        if reply.status in (429, 503):
            self.stage.sleep(float(reply.retry_after or 0))
            return False
        if reply.status >= 500:
            self.faults.append(f"{op} was answered {reply.status}")
            return False
        if self.lossy and self.stage.random.randrange(1000) < ANSWERS_LOST:
            self.met["answer lost on its way to the client"] += 1
            return False
        return True

    def _body(self, op: Op) -> Any:
        return op.body if op.kind != "tell" else json.dumps(op.body)

    def _headers(self, op: Op) -> dict[str, str]:
        if op.kind == "tell":
            return self.service.signed(json.dumps(op.body))
        role = "storefront" if op.role == "member" else op.role
        headers = {"authorization": f"Bearer {self.keys[op.program, role]}"}
        if op.idem is not None:
            headers["idempotency-key"] = op.idem
        return headers
