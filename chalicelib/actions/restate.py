"""One sale on the desk: what its ledger says, moved step by step to what it should say, committed at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from chalicelib.actions import gift_card
from chalicelib.actions.admission import Admitted, Call, final_head
from chalicelib.domain import earning, plan, referral, refunding, restating
from chalicelib.domain.advance import advance
from chalicelib.domain.calendar import local_day, milliseconds, moment_of
from chalicelib.domain.history import Made
from chalicelib.domain.ledger import Entry, Kind
from chalicelib.domain.member import Head
from chalicelib.domain.program import Program
from chalicelib.domain.purchase import Basis, Purchase, Refund, Sale, Stamped, basis_of
from chalicelib.domain.restating import Standing
from chalicelib.domain.voucher import Settled
from chalicelib.store import entries, gift_cards, keys, members, programs, vouchers
from chalicelib.store import stories as kept
from chalicelib.store.keys import Key
from chalicelib.store.table import Row, Write, commit, load


class Desk:
    """``purchase``, ``refunded`` and ``held`` are how the sale stands after the steps so far; ``asked`` is what of
    ``refunded`` the shop asked back itself.

    ``moved`` tells whether any of them reached the ledger. Each member's head is read once and written once.
    """

    def __init__(self, call: Call, admitted: Admitted, asked: Iterable[Key]) -> None:
        self.call, self.admitted = call, admitted
        self.program_id, self.now = admitted.program_id, call.now
        self.found: dict[Key, Row] = dict(admitted.found)
        self.writes: list[Write] = []
        self.moved = False
        self.number = 0
        self.order_id = ""
        self.purchase: Purchase | None = None
        self.refunded = self.held = self.asked = 0
        self._asked = set(asked)
        self._heads: dict[str, tuple[Head, Head]] = {}

    def fetch(self, wanted: Iterable[Key]) -> None:
        """Reads what was not asked for yet, in one round trip."""
        missing = [key for key in wanted if key not in self._asked]
        if missing:
            self._asked.update(missing)
            self.found.update(load(missing))

    def head(self, member_id: str) -> Head | None:
        """A member as time and the steps so far left them; None for one who is gone."""
        key = keys.head(self.program_id, member_id)
        self.fetch([key])
        row = self.found.get(key)
        there = None if row is None else final_head(self.program_id, members.head_of(row))
        if there is None:
            return None
        if there.member_id not in self._heads:
            present, moved = self._advance(there)
            self._heads[there.member_id] = (there, present)
            self._book(moved)
        return self._heads[there.member_id][1]

    def _advance(self, head: Head) -> tuple[Head, list[Made]]:
        return advance(head, self.admitted.program, self.admitted.version, self.now, self.admitted.booked_by)

    def _keep(self, head: Head) -> None:
        self._heads[head.member_id] = (self._heads[head.member_id][0], head)

    def _book(self, made: Iterable[Made]) -> None:
        self.writes.extend(entries.book(self.admitted.program, entry) for entry in made)

    def stand(self, order_id: str, purchase: Purchase, refunded: int, held: int) -> None:
        """Lays a booked sale on the desk."""
        self.order_id, self.purchase, self.refunded, self.held = order_id, purchase, refunded, held

    @property
    def _zone(self) -> str:
        return self.admitted.program.time_zone

    @property
    def _standing(self) -> Standing:
        return Standing(self.purchase, self.refunded, self.held)

    # Steps

    def open(self, order_id: str, sale: Sale, owner: str | None, *, fee: bool, marks: dict[str, Any]) -> Purchase:
        """The first booking of a sale, of nothing gone back yet. Raises what the program's rules refuse."""
        admitted = self.admitted
        fields: dict[str, Any] = {"order_id": order_id, "now": self.now, "booked_by": admitted.booked_by}
        head = None if owner is None or fee else self.head(owner)
        if head is None:
            made = earning.as_guest(admitted.program, admitted.version, sale, **fields)
            made = replace(made, basis=Basis()) if fee else made
        else:
            done = earning.earn(head, admitted.program, admitted.version, sale, **fields)
            made = done.purchase
            self._keep(done.head)
            self.writes.extend(vouchers.issued(admitted.program, voucher) for voucher in done.vouchers)
        self.moved = True
        self.stand(order_id, replace(made, **marks), 0, 0)
        return replace(made, **marks)

    def retell(self, sale: Sale) -> None:
        """The sale as a richer telling has it, for whoever it is booked for."""
        purchase = self.purchase
        assert purchase is not None
        if restating.retold(purchase, sale) == purchase:
            return
        head = None if purchase.member_id is None else self.head(purchase.member_id)
        program = self._program_of(purchase)
        if head is None:
            basis = basis_of(program, sale, moment_of(purchase.occurred_ms), purchase.tier, purchase.plan)
            self.purchase = replace(restating.retold(purchase, sale), basis=basis)
            self.moved = True
            return
        head, reread = restating.reread(head, program, purchase, sale, self.now)
        self._keep(head)
        reread = restating.stamped(program, reread, sale)
        self._move(Standing(reread, self.refunded, self.held), "adjust", "The sale was told in more detail")

    def hand_over(self, owner: str | None, sale: Sale, *, claimed: bool, reason: str) -> str | None:
        """Gives the sale to another buyer, or to nobody. Answers who claims it, where it was nobody's from the first.

        A sale of nobody's is claimed as a person would claim it at the counter: by an entry of its own.
        """
        purchase = self.purchase
        assert purchase is not None
        head = None if owner is None else self.head(owner)
        if purchase.member_id is not None:
            before = self.head(purchase.member_id)
            if before is not None and head is not None and before.member_id == head.member_id:
                return None
            if before is not None:
                self._uncap(before, purchase)
                self._move(Standing(None, self.refunded, self.held), "transfer", reason)
        if head is None:
            self.purchase = nobodys(purchase)
            return None
        head = self.head(head.member_id)
        assert head is not None
        if purchase.member_id is None and not claimed:
            return self._claim(head, purchase, sale)
        tier, program = head.tier.id if head.tier else None, self._program_of(purchase)
        held = plan.on(head, program, local_day(moment_of(purchase.occurred_ms), self._zone))
        empty = replace(nobodys(purchase), member_id=head.member_id, tier=tier, plan=held and held[0])
        head, reread = restating.reread(head, program, empty, sale, self.now)
        self._keep(head)
        self.purchase = None
        reread = restating.stamped(program, replace(reread, sequence=head.sequence + 1), sale)
        self._move(Standing(reread, self.refunded, self.held), "transfer", reason)
        present = self.head(head.member_id)
        assert present is not None
        self._keep(referral.qualify(present, self.admitted.program, reread, self.refunded))
        return None

    def _claim(self, head: Head, purchase: Purchase, sale: Sale) -> str:
        admitted = self.admitted
        done = earning.earn(
            head,
            admitted.program,
            admitted.version,
            replace(sale, occurred_at=moment_of(purchase.occurred_ms)),
            order_id=self.order_id,
            now=self.now,
            booked_by=admitted.booked_by,
        )
        self._keep(done.head)
        self.writes.extend(vouchers.issued(admitted.program, voucher) for voucher in done.vouchers)
        made = replace(
            done.purchase,
            cause=("claim", self.order_id),
            reason="It became known whose purchase it is",
            payment=purchase.payment,
            told_by=purchase.told_by,
            fingerprint=purchase.fingerprint,
            vouchers_used=purchase.vouchers_used,
        )
        self.writes.append(kept.claim(admitted.program, made))
        self.moved = True
        refunded, held = self.refunded, self.held
        self.stand(self.order_id, made, 0, 0)
        if refunded or held:
            self._move(Standing(made, refunded, held), "adjust", "Went back before its buyer was known")
            self.refunded, self.held = refunded, held
        return str(made.member_id)

    def give_back(
        self,
        refunded: int,
        held: int,
        *,
        name: str | None,
        reason: str = "",
        occurred_at: datetime | None = None,
        asked: int | None = None,
        fingerprint: str = "",
    ) -> Refund | None:
        """Moves what went back and what a dispute holds. ``name`` is the refund's own id, ``asked`` its amount.

        Answers the refund's entry where money moved or one was asked for.
        """
        purchase = self.purchase
        assert purchase is not None
        if (refunded, held) == (self.refunded, self.held) and asked is None:
            return None
        self.number += 1
        after = Standing(purchase, refunded, held)
        if refunded == self.refunded and asked is None:
            opened = held > self.held
            self._move(
                after,
                "refund" if opened else "reverse",
                "Held while the payment is disputed" if opened else "The dispute is over",
                counted=False,
            )
            return None
        refund_id = name or f"{self.admitted.booked_by.rpartition(':')[2]}#{self.number}"
        amount = refunded - self.refunded
        entry = refunding.refund_of(
            purchase,
            self.refunded,
            amount,
            refund_id=refund_id,
            occurred_at=occurred_at or self.now,
            now=self.now,
            booked_by=self.admitted.booked_by,
        )
        entry = replace(
            entry,
            kind="refund" if amount >= 0 else "reverse",
            reason=reason or ("" if amount >= 0 else "It did not go through, or the dispute was won"),
            fingerprint=fingerprint,
            asked=asked if asked != amount else None,
        )
        if amount > 0:
            slots = gift_cards.slots(self.program_id, self.order_id)
            self.fetch([*slots, *self._card_ends(purchase), *self._owner_key(purchase)])
            before = (self.refunded, self.asked)
            self.asked += 0 if asked is None else amount
            cards = gift_card.put_back(self.found, self.program_id, purchase, before, (refunded, self.asked))
            entry = replace(entry, cards=tuple(cards))
            self.writes.extend(gift_cards.put_back(self.program_id, sealed, back) for sealed, back in cards)
        made: Refund = self._restate(after, entry)
        self.writes.append(entries.book_refund(self.admitted.program, made))
        self.moved = True
        self.refunded, self.held = refunded, held
        return made

    # Inside

    def _move(self, after: Standing, kind: Kind, reason: str, *, counted: bool = True) -> None:
        """One step as an entry of its own, named by the sale and the count of its corrections."""
        if counted:
            self.number += 1
        ours = after.purchase or self.purchase
        assert ours is not None
        entry = Entry(
            kind=kind,
            cause=("correction", f"{self.order_id}/{self.number}"),
            order_id=self.order_id,
            reason=reason,
            booked_by=self.admitted.booked_by,
            occurred_ms=milliseconds(self.now),
            booked_ms=milliseconds(self.now),
            program_version=ours.program_version,
        )
        made = self._restate(after, entry)
        self.writes.append(kept.correct(self.admitted.program, made, self.order_id, self.number))
        self.moved = True
        self.refunded, self.held = after.refunded, after.held

    def _restate(self, after: Standing, entry: Any) -> Any:
        ours = after.purchase or self.purchase
        assert ours is not None
        owner = ours.member_id
        self.fetch([*self._owner_key(ours), *self._card_ends(ours)])
        head = None if owner is None else self.head(owner)
        if head is None:
            self.purchase = after.purchase
            return entry
        done, made = restating.restate(
            head, self._program_of(ours), self._standing, after, entry, unused=self._unused(ours)
        )
        self._keep(done.head)
        self.purchase = done.purchase
        program = self.admitted.program
        self.writes.extend(vouchers.issued(program, voucher) for voucher in done.issued)
        for origin in done.cancelled:
            end = Settled(
                kind="reverse",
                outcome="cancelled",
                cause=("voucher", origin),
                order_id=ours.order_id,
                reward_id=earning.prize_of(self._program_of(ours), origin),
                member_id=head.member_id,
                reason="The stamps that completed it were taken back",
                booked_by=made.booked_by,
                occurred_ms=made.occurred_ms,
                booked_ms=made.booked_ms,
            )
            sealed = vouchers.sealed_origin(self.program_id, origin)
            self.writes.append(vouchers.settled(program, sealed, end, chained=False))
        return made

    def _owner_key(self, purchase: Purchase) -> list[Key]:
        return [] if purchase.member_id is None else [keys.head(self.program_id, purchase.member_id)]

    def _origins(self, purchase: Purchase) -> list[str]:
        return [
            earning.stamp_origin(str(purchase.order_id), row.card_id, number)
            for row in purchase.stamps
            for number in range(row.completed)
        ]

    def _card_ends(self, purchase: Purchase) -> list[Key]:
        return [
            keys.voucher_settled(self.program_id, vouchers.sealed_origin(self.program_id, origin))
            for origin in self._origins(purchase)
        ]

    def _unused(self, purchase: Purchase) -> frozenset[str]:
        ends = zip(self._origins(purchase), self._card_ends(purchase), strict=True)
        return frozenset(origin for origin, key in ends if key not in self.found)

    def _uncap(self, head: Head, purchase: Purchase) -> None:
        """A sale that is somebody else's counts no more for this member's daily cap."""
        day = local_day(moment_of(purchase.occurred_ms), self.admitted.program.time_zone)
        if day in head.days:
            self._keep(replace(head, days={**head.days, day: max(0, head.days[day] - purchase.points)}))

    def _program_of(self, purchase: Purchase) -> Program:
        """The version that a purchase was booked under: its promises hold."""
        if purchase.program_version == self.admitted.version:
            return self.admitted.program
        key = keys.program_version(self.program_id, purchase.program_version)
        self.fetch([key])
        return programs.written(self.found[key]).program if key in self.found else self.admitted.program

    def commit(self, extra: Iterable[Write] = ()) -> None:
        """All steps in one transaction. Raises Lost."""
        writes = [*extra, *self.writes]
        for before, present in self._heads.values():
            after, late = self._advance(present)
            writes.extend(entries.book(self.admitted.program, entry) for entry in late)
            if after != before:
                writes.append(members.move(self.program_id, before, after))
        commit(writes)


def nobodys(purchase: Purchase) -> Purchase:
    """A purchase that earns for nobody. Cards that it filled keep their count, which names their vouchers."""
    return replace(
        purchase,
        member_id=None,
        points=0,
        status="posted",
        available_on=None,
        expires_on=None,
        basis=Basis(),
        lot=0,
        sequence=0,
        tier=None,
        plan=None,
        tier_change=None,
        stamps=tuple(Stamped(row.card_id, 0, row.required, row.completed) for row in purchase.stamps),
    )
