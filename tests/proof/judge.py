"""Holds the service to the model: every write in the order in which the engine took it, every answer, every head."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.proof.doing import Client, Op, Telling
from tests.proof.line import Commit, Line
from tests.proof.model import Model
from tests.proof.model_things import Voucher

READINGS = ("get_member", "get_voucher")
MOST = 25
"""Differences that are told; the rest are counted."""


class Judge:
    """``differences`` are sentences; none when the service did what the model says, in the order it says."""

    def __init__(self, model: Model, line: Line, client: Client) -> None:
        self.model, self.line, self.client = model, line, client
        self.differences: list[str] = []
        self.count = 0
        self.sealed: dict[str, Voucher] = {}
        self.poisoned: set[str] = set()
        self.set_aside: set[str] = set()
        self.checked = {"commits": 0, "answers": 0, "heads": 0, "members": 0, "entries": 0}

    def issued(self, program: str) -> list[Voucher]:
        """Every voucher that was issued, gift cards too."""
        return [voucher for voucher in self.sealed.values() if voucher.program == program]

    def differ(self, text: str) -> None:
        self.count += 1
        if len(self.differences) < MOST:
            self.differences.append(text)

    def replay(self) -> None:
        """Goes through everything since the last quiet point. Each answer that is no first booking is held to the
        states that the service may have read, from its first look to its last."""
        commits, self.line.commits = self.line.commits, []
        tellings, self.client.tellings = self.client.tellings, []
        for text in self.client.faults:
            self.differ(text)
        self.client.faults = []
        done = {id(commit.doing.op) for commit in commits if commit.writes and isinstance(commit.doing, Telling)}
        windows = sorted((one for one in tellings if self._is_looked_up(one, done)), key=lambda one: one.first)
        opened: list[Telling] = []
        why: dict[int, str] = {}
        following: Iterator[Telling | None] = iter(windows)
        upcoming = next(following, None)
        everything: list[Commit | None] = [*commits, None]
        for commit in everything:
            step = 1 << 62 if commit is None else commit.step
            while upcoming is not None and upcoming.first <= step:
                opened.append(upcoming)
                upcoming = next(following, None)
            left = []
            for telling in opened:
                fault = self._fault(telling)
                if fault is None:
                    self.checked["answers"] += 1
                elif telling.last <= step:
                    self.differ(f"{why.get(id(telling), fault)}: {telling.op}")
                else:
                    why[id(telling)] = fault
                    left.append(telling)
            opened = left
            if commit is not None and commit.writes:
                self._take(commit)
        for telling in tellings:
            self._hold_first_answer(telling)

    def _is_looked_up(self, telling: Telling, done: set[int]) -> bool:
        reply = telling.reply
        assert reply is not None
        if telling.first < 0:
            return False  # refused without a look at the table
        return reply.status != 201 and not (id(telling.op) in done and reply.status < 300 and not reply.replayed)

    def _fault(self, telling: Telling) -> str | None:
        reply, now = telling.reply, telling.now
        assert reply is not None and now is not None
        if telling.by_token and reply.status == 401:
            member = self.model.members[telling.op.program, telling.op.args["member_id"]]
            return "a member's token was refused" if member.merged_into is None else None
        try:
            outcome = self.model.decide(telling.op, now)
        except (AssertionError, KeyError) as error:
            return f"the model cannot decide ({error!r}), the service answered {reply.status}"
        if outcome.effect is not None and outcome.status < 300 and telling.op.kind != "tell":
            return f"answered {reply.status} {_code(reply.body)}, while the model lets it happen"
        if reply.status >= 400:
            if (outcome.status, outcome.code) != (reply.status, _code(reply.body)):
                return (
                    f"refused with {reply.status} {_code(reply.body)}, the model says {outcome.status} {outcome.code}"
                )
        elif outcome.status >= 400:
            return f"answered {reply.status}, the model says {outcome.status} {outcome.code}"
        if telling.op.kind == "tell":
            return None
        return _differing(outcome.facts or {}, reply.body)

    def _hold_first_answer(self, telling: Telling) -> None:
        op, reply = telling.op, telling.reply
        assert reply is not None
        if reply.status == 201 and op.expected is None:
            self.differ(f"answered 201, and nothing was written: {op}")
        elif reply.status == 201 and op.expected is not None:
            self.checked["answers"] += 1
            if fault := _differing(op.expected, reply.body):
                self.differ(f"first answer: {fault}: {op}")

    # --- writes

    def _take(self, commit: Commit) -> None:
        writes = [(kind, part) for kind, part in commit.writes if _counts(part)]
        telling = commit.doing
        if not writes or not isinstance(telling, Telling):
            return
        self.checked["commits"] += 1
        op = telling.op
        if op.kind == "work":
            self._by_schedule(op, writes)
        else:
            self._by_client(op, commit, writes)
        for kind, part in writes:
            if kind == "Put" and part["Item"]["sk"]["S"] == "HEAD":
                self._hold_head(part["Item"])

    def _by_client(self, op: Op, commit: Commit, writes: list[tuple[str, dict[str, Any]]]) -> None:
        assert commit.now is not None
        if op.kind == "enrol":
            heads = [part["Item"] for kind, part in writes if kind == "Put" and part["Item"]["sk"]["S"] == "HEAD"]
            op.seen["member_id"] = _named(heads[0])[1]
        try:
            outcome, told = self.model.do(op, commit.now)
        except (AssertionError, KeyError) as error:
            return self.differ(f"the model cannot follow ({error!r}): {op}")
        if outcome.effect is None:
            return self.differ(f"written, while the model says {outcome.status} {outcome.code}: {op}")
        if op.expected is None:
            op.expected = told
        born = [part["Item"]["pk"]["S"] for kind, part in writes if kind == "Put" and _is(part, "VOUCHER")]
        if len(born) != len(self.model.born):
            self.differ(f"{len(born)} vouchers were issued, the model issues {len(self.model.born)}: {op}")
        self.sealed.update(zip(born, self.model.born, strict=False))

    def _by_schedule(self, op: Op, writes: list[tuple[str, dict[str, Any]]]) -> None:
        heads: dict[str, list[str]] = {}
        for kind, part in writes:
            if kind == "Put" and part["Item"]["sk"]["S"] == "HEAD":
                program, member = _named(part["Item"])
                heads.setdefault(program, []).append(member)
            elif kind == "Put" and _is(part, "SETTLED"):
                voucher = self.sealed[part["Item"]["pk"]["S"]]
                assert op.as_of is not None and voucher.last_day is not None
                if voucher.end is not None or voucher.last_day >= self.model.rules[voucher.program].day(op.as_of):
                    self.differ(
                        f"a schedule ended a voucher that was {voucher.end}, to be used until {voucher.last_day}"
                    )
                voucher.end, voucher.ended_with = "expired", voucher.balance or 0
            elif kind == "Put" and _is(part, "ASIDE"):
                self.set_aside.add(part["Item"]["sk"]["S"])
                if part["Item"]["sk"]["S"] not in self.poisoned:
                    self.differ(f"a schedule set aside {part['Item']['d']['S']}")
        assert op.as_of is not None
        for program, members in heads.items():
            for fault in self.model.move(program, members, self.model.rules[program].day(op.as_of)):
                self.differ(fault)

    def _hold_head(self, item: dict[str, Any]) -> None:
        """A head as it was written: its balance, what is held, its place in the chain; and no cover is missing."""
        self.checked["heads"] += 1
        program, member_id = _named(item)
        head = msgspec.msgpack.decode(_bytes(item["h"]["B"]))
        member = self.model.members.get((program, member_id))
        if member is None:
            return self.differ(f"a head was written of {member_id}, whom the model does not know")
        available = sum(head.get("l", [])[1::2]) - head.get("s", 0)
        pending = sum(sum(lots.values()) for lots in head.get("p", [])[1::2])
        stored = (available, pending, head.get("q", 0))
        wanted = (member.points.available, member.points.pending, len(member.chain))
        if stored != wanted:
            self.differ(f"head of {member_id}: available, pending, sequence are {stored}, the model has {wanted}")

    # --- at rest

    def rest(self, members: list[tuple[str, str]]) -> None:
        """Members as the API tells them now: balances, the whole statement, vouchers; and what must add up."""
        for program, member_id in members:
            member = self.model.members[program, member_id]
            self.checked["members"] += 1
            now = self.line.stage.now()
            wanted = member.seen(self.model.rules[program], self.model.rules[program].day(now))
            told = self._read(program, f"/members/{member_id}")
            if fault := _differing(wanted, told):
                self.differ(f"at rest: {fault}: member {member_id}")
            chain = self._pages(program, f"/members/{member_id}/ledger")[::-1]
            self._hold_chain(member_id, chain, member.chain)
            today = self.model.rules[program].day(now)
            # A merged account shows what was issued to itself; whoever it became shows everything.
            theirs = [one for one in member.vouchers if member.merged_into is None or one.member == member_id]
            vouchers = sorted(map(repr, map(_sorted, (one.seen(today) for one in theirs))))
            names = set(theirs[0].seen(today)) if theirs else set()
            found = self._pages(program, f"/members/{member_id}/vouchers")
            listed = sorted(repr(_sorted({name: one[name] for name in names})) for one in found)
            if vouchers != listed:
                self.differ(f"at rest: vouchers of {member_id} are {listed}, the model has {vouchers}")

    def _hold_chain(self, member_id: str, chain: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
        self.checked["entries"] += len(chain)
        if len(chain) != len(wanted):
            self.differ(f"{member_id} has {len(chain)} entries, the model has {len(wanted)}")
        balance = 0
        for place, (entry, model) in enumerate(zip(chain, wanted, strict=False), start=1):
            told = {**entry, "cause": entry["cause"]["type"]}
            if fault := _differing(model, told):
                self.differ(f"entry {place} of {member_id}: {fault}")
                return
            balance += entry["points"] if entry["status"] == "posted" else 0
            if (entry["sequence"], entry["balance_after"]) != (place, balance):
                self.differ(f"entry {place} of {member_id} says {entry['balance_after']}, the sum is {balance}")

    def _read(self, program: str, path: str) -> Any:
        key = self.client.keys[program, "storefront"]
        reply = self.client.service.call("GET", path, None, {"authorization": f"Bearer {key}"})
        if reply.status != 200:
            self.differ(f"at rest: GET {path} was answered {reply.status}")
        return reply.body

    def _pages(self, program: str, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._read(program, f"{path}?limit=100{cursor}")
            if "items" not in page:
                return found
            found.extend(page["items"])
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"


def _counts(part: dict[str, Any]) -> bool:
    """Whether a write concerns the ledger: not the day that a key was last used, nor the records of runs."""
    pk = (part.get("Item") or part["Key"])["pk"]["S"]
    return pk.startswith("P#") and "#PROVIDER#" not in pk and "#METRICS" not in pk and "UpdateExpression" not in part


def _is(part: dict[str, Any], kind: str) -> bool:
    return bool(part["Item"]["t"]["S"] == kind)


def _named(item: dict[str, Any]) -> tuple[str, str]:
    _, program, _, member = item["pk"]["S"].split("#")
    return program, member


def _bytes(held: Any) -> bytes:
    return held if isinstance(held, bytes) else base64.b64decode(held)


def _code(body: Any) -> Any:
    return body.get("code") if isinstance(body, dict) else None


def _sorted(told: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(told.items())


def _differing(wanted: Any, told: Any, where: str = "") -> str | None:
    """The first place where what was told is not what is wanted. Fields that the model does not know are left."""
    if isinstance(wanted, dict) and isinstance(told, dict):
        for name, value in wanted.items():
            if name not in told:
                return f"{where}/{name} is missing"
            if fault := _differing(value, told[name], f"{where}/{name}"):
                return fault
        return None
    if isinstance(wanted, list) and isinstance(told, list):
        if len(wanted) != len(told):
            return f"{where} has {len(told)} items, the model {len(wanted)}"
        for place, (one, other) in enumerate(zip(wanted, told, strict=True)):
            if fault := _differing(one, other, f"{where}/{place}"):
                return fault
        return None
    return None if wanted == told else f"{where} is {told!r}, the model has {wanted!r}"
