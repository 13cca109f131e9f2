"""The model's people: two accounts of one person merged, friends paid for, and what a schedule does to members."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tests.proof.model_sales import Sales
from tests.proof.model_things import Member, Outcome, days_after, refused

REMOVES = 6
"""So far up a chain of advocates a ring is looked for."""


class People(Sales):
    """Merges and schedules."""

    def _merge(self, op: Any, program: str, today: date, now: datetime) -> Outcome:
        known = self.done.get(op.cause)
        if known is not None:
            return Outcome(200, facts=known[1]) if known[0] == op.asked else refused(409, "cause_conflict")
        target, source = (self.members.get((program, op.args[name])) for name in ("member_id", "from_member_id"))
        for one in (target, source):
            if one is None:
                return refused(404, "member_not_found")
            if one.merged_into is not None:
                return refused(409, "member_merged", merged_into=one.merged_into)
        assert target is not None and source is not None

        def effect() -> dict[str, Any]:
            target.advance(today)
            source.advance(today)
            balance = source.points.available
            self._bring_together(target, source)
            source.merged_into = target.member_id
            source.post("transfer", "merge", -balance)
            entry = target.post("transfer", "merged", balance)
            told = {name: value for name, value in entry.items() if name != "cause"}
            self._fill_cards(target, today)
            return {"member_id": target.member_id, "from_member_id": source.member_id, "entry": told}

        return Outcome(201, effect=effect)

    def _bring_together(self, target: Member, source: Member) -> None:
        self._agree_on_advocate(target, source)
        target.points.join(source.points)
        for name in ("stamps", "taken", "visits", "capped", "paid_for"):
            mine, theirs = getattr(target, name), getattr(source, name)
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
            theirs.clear()
        target.vouchers += source.vouchers
        target.orders += source.orders
        target.merged_from += [*source.merged_from, source.member_id]
        target.joined, target.since = min((target.joined, target.since), (source.joined, source.since))
        for key, member_id in self.identities.items():
            if key[0] == target.program and member_id == source.member_id:
                self.identities[key] = target.member_id

    @staticmethod
    def _agree_on_advocate(target: Member, source: Member) -> None:
        """Whoever was a member already was brought by nobody later; one person is paid for once, and not by oneself."""
        older, newer = sorted((target, source), key=lambda one: (one.since, one is source))
        ids = {target.member_id, source.member_id, *target.merged_from, *source.merged_from}
        kept = next((one for one in (older, newer) if one.referral == "paid"), None)
        why = None
        if kept is None:
            kept = older if older.referral is not None else newer
            if kept.referral is not None:
                why = "same_member" if kept.advocate in ids else None if kept is older else "member_before"
        names = ("advocate", "referral", "why", "qualified_by", "settles")
        for name, value in [(name, getattr(kept, name)) for name in names]:
            setattr(target, name, value)
        if why is not None:
            target.referral, target.why, target.settles = "refused", why, None
        source.referral = source.advocate = None

    def _fill_cards(self, member: Member, today: date) -> None:
        rules = self.rules[member.program]
        for card in rules.cards:
            while member.stamps.get(card["id"], 0) >= card["required"]:
                member.stamps[card["id"]] -= card["required"]
                self._issue(member.program, rules.rewards[card["reward_id"]], member, today, by_card=True)
                member.post("bonus", "stamp_card")

    # --- what a schedule does

    def move(self, program: str, members: list[str], today: date) -> list[str]:
        """A schedule moved these heads in one transaction; answers what of it is wrong."""
        friend = next((one for one in members if self._is_due(self.members[program, one], today, members)), None)
        if friend is None:
            if len(members) != 1:
                return [f"{members} were moved together without a reason"]
            self.members[program, members[0]].advance(today)
            return []
        moved = self.settle(self.members[program, friend], today)
        return [] if sorted(moved) == sorted(members) else [f"{members} were moved, not {moved}"]

    def _is_due(self, member: Member, today: date, together: list[str]) -> bool:
        due = member.referral == "settling" and member.settles is not None and member.settles <= today
        advocate = self.living(member.program, member.advocate)
        return due and (len(together) == 1 or (advocate is not None and advocate.member_id in together))

    def _unpaid_for(self, friend: Member, advocate: Member) -> str | None:
        """Why a referral is one's own or a ring's: merged accounts can close a circle."""
        if advocate is friend:
            return "same_member"
        above: Member | None = advocate
        for _ in range(REMOVES):
            if above is None or above.advocate is None:
                return None
            above = self.living(friend.program, above.advocate)
            if above is friend:
                return "ring"
        return None

    def settle(self, friend: Member, today: date) -> list[str]:
        """Pays a referral whose purchase has settled; answers whom it moved."""
        rules, order = self.rules[friend.program], friend.qualified_by
        assert order is not None
        rule, advocate = rules.referral, self.living(friend.program, friend.advocate)
        assert advocate is not None
        least = max(1, rule["minimum_purchase"])
        if order.worth(rules, order.refunded) < least:
            friend.advance(today)
            others = sorted(
                (one for one in friend.orders if one is not order and one.worth(rules, one.refunded) >= least),
                key=lambda one: one.happened,
            )
            others = [one for one in others if one.occurred >= friend.joined]
            friend.referral, friend.qualified_by, friend.settles = "joined", None, None
            if others:
                self.wait(friend, others[0])
            return [friend.member_id]
        if (why := self._unpaid_for(friend, advocate)) is not None:
            friend.advance(today)
            friend.referral, friend.why, friend.settles = "refused", why, None
            return [friend.member_id]
        if order.held:
            friend.advance(today)
            friend.settles = days_after(today, 7)
            return [friend.member_id]
        capped = rule["yearly_cap"] is not None and advocate.paid_for.get(today.year, 0) >= rule["yearly_cap"]
        last = rules.last_day(today)
        friend.advance(today)
        friend.points.grant(rule["friend_points"], last)
        friend.post("bonus", "referral", rule["friend_points"], expires_on=last.isoformat())
        friend.referral, friend.settles = "paid", None
        friend.why = "yearly_cap" if capped else None
        if capped:
            return [friend.member_id]
        advocate.advance(today)
        advocate.points.grant(rule["advocate_points"], last)
        advocate.post("bonus", "referral", rule["advocate_points"], expires_on=last.isoformat())
        advocate.paid_for[today.year] = advocate.paid_for.get(today.year, 0) + 1
        return [friend.member_id, advocate.member_id]
