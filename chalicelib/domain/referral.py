"""Referrals: a friend joins with an advocate's code; both gain when the friend's first real purchase has settled.

The state lives on the friend's head. Nothing is paid for accounts that never buy, for oneself, or for a purchase that
was refunded below the minimum before it settled.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.domain import bonus
from chalicelib.domain.calendar import day_of, local_day, moment_of
from chalicelib.domain.ledger import Entry
from chalicelib.domain.member import Contact, Head, Referral
from chalicelib.domain.program import Program
from chalicelib.domain.program import Referral as Rule
from chalicelib.domain.purchase import Purchase

_DOTS_IGNORED = {"gmail.com", "googlemail.com"}
DISPUTE_DAYS = 7
"""So long after a look at a disputed payment it is looked at again."""
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}


class Settled(msgspec.Struct, frozen=True):
    """What settling decided. ``advocate`` is None where only the friend changes; ``entries`` are both sides'."""

    friend: Head
    advocate: Head | None
    entries: tuple[Entry, ...]


def mailbox(email: str) -> str:
    """The mailbox behind an address: without +tag, and without dots where the provider ignores them."""
    text = unicodedata.normalize("NFC", email.strip()).casefold()
    local, _, domain = text.rpartition("@")
    domain = _SAME_DOMAIN.get(domain, domain)
    local = local.partition("+")[0]
    return f"{local.replace('.', '') if domain in _DOTS_IGNORED else local}@{domain}"


def digits(phone: str) -> str:
    """The end of a phone number, which is the same however it is dialled: +36 30 …, 0036 30 … or 06 30 …."""
    return "".join(letter for letter in phone if letter.isdecimal())[-9:].lstrip("0")


def same_person(one: Contact, other: Contact) -> str | None:
    """Why two contacts look like one person (``same_email``, ``same_phone``); None where they do not."""
    if {mailbox(value) for value in _all(one, "email")} & {mailbox(value) for value in _all(other, "email")}:
        return "same_email"
    if {digits(value) for value in _all(one, "phone")} & {digits(value) for value in _all(other, "phone")}:
        return "same_phone"
    return None


def _all(contact: Contact, kind: str) -> Iterable[str]:
    shown = getattr(contact, kind)
    return [*([] if shown is None else [shown]), *(value for known, value in contact.identities() if known == kind)]


def qualify(head: Head, program: Program, purchase: Purchase, refunded: int = 0) -> Head:
    """A friend's purchase of at least the minimum starts the settling time; the first such decides.

    A purchase of a day before the friend joined shows that they were a buyer without any advocate.
    """
    referral, rule = head.referral, program.referral
    if rule is None or referral is None or referral.state not in ("joined", "settling"):
        return head
    day = local_day(moment_of(purchase.occurred_ms), program.time_zone)
    if day < local_day(moment_of(head.enrolled_ms), program.time_zone):
        return refuse(head, "bought_before")
    if referral.state == "settling" or worth(purchase, refunded) < least(rule):
        return head
    return replace(head, referral=_waiting(referral, rule, purchase, program))


def least(rule: Rule) -> int:
    """Minor units of goods that earn which a purchase must reach: something, where the program asks for nothing."""
    return max(1, rule.minimum_purchase)


def worth(purchase: Purchase | None, refunded: int) -> int:
    """What counts of a purchase after its refunds: goods that earn, in minor units."""
    return 0 if purchase is None else purchase.basis.spent(purchase.total, refunded)


def _waiting(referral: Referral, rule: Rule, purchase: Purchase, program: Program) -> Referral:
    day = local_day(moment_of(purchase.occurred_ms), program.time_zone)
    return replace(referral, state="settling", order_id=purchase.order_id, settles_on=day + rule.settle_days)


def together(target: Head, source: Head) -> Referral | None:
    """Who brought the one person whom two accounts turn out to be; both heads are as they were before the merge.

    Whoever was a member already was brought by nobody later, one person is paid for once, and nobody brings themselves.
    """
    older, newer = sorted((target, source), key=lambda head: (head.enrolled_ms, head is source))
    paid = next((head for head in (older, newer) if head.referral is not None and head.referral.state == "paid"), None)
    if paid is not None:
        return paid.referral
    ids = {one for head in (target, source) for one in (head.member_id, *head.merged_from)}
    if older.referral is not None:
        kept, reason = older, "same_member" if older.referral.advocate_id in ids else None
    elif newer.referral is not None:
        kept, reason = newer, "same_member" if newer.referral.advocate_id in ids else "member_before"
    else:
        return None
    return kept.referral if reason is None else refuse(kept, reason).referral


def refuse(friend: Head, reason: str) -> Head:
    """Ends a referral unpaid; the owner sees why. One that was paid stays paid."""
    if friend.referral is None or friend.referral.state == "paid":
        return friend
    return replace(friend, referral=replace(friend.referral, state="refused", reason=reason, settles_on=None))


def settle(
    friend: Head,
    advocate: Head | None,
    program: Program,
    version: int,
    purchase: Purchase | None,
    refunded: int,
    *,
    rule: Rule | None,
    following: Purchase | None,
    disputed: bool,
    refusal: str | None,
    now: datetime,
    booked_by: str,
) -> Settled:
    """Pays both sides, once, when the friend's qualifying purchase has settled; both heads are up to date.

    ``rule`` is the one that the purchase was made under. A purchase refunded below the minimum meanwhile does not
    qualify, and the next may: ``following`` is one that was bought already. Beyond the advocate's yearly cap, or where
    the advocate has left, only the friend is paid. ``refusal`` is why it is not to be paid at all; while the payment
    is ``disputed`` it waits.
    """
    referral = friend.referral
    today = local_day(now, program.time_zone)
    if referral is None or referral.state != "settling" or (referral.settles_on or 0) > today:
        return Settled(friend, None, ())
    if rule is None:
        return Settled(refuse(friend, "not_offered"), None, ())
    if worth(purchase, refunded) < least(rule):
        waiting = replace(referral, state="joined", order_id=None, settles_on=None)
        if following is not None:
            waiting = _waiting(referral, rule, following, program)
        return Settled(replace(friend, referral=waiting), None, ())
    if refusal is not None:
        return Settled(refuse(friend, refusal), None, ())
    if disputed:
        return Settled(replace(friend, referral=replace(referral, settles_on=today + DISPUTE_DAYS)), None, ())
    year = day_of(today).year
    paid_for = 0 if advocate is None or advocate.referrals_paid[0] != year else advocate.referrals_paid[1]
    capped = rule.yearly_cap is not None and paid_for >= rule.yearly_cap
    reason = "advocate_left" if advocate is None else "yearly_cap" if capped else None
    entries = []
    if rule.friend_points:
        friend, entry = _pay(friend, program, version, rule.friend_points, "friend", friend.member_id, now, booked_by)
        entries.append(entry)
    friend = replace(friend, referral=replace(referral, state="paid", reason=reason, settles_on=None))
    if advocate is None or capped:
        return Settled(friend, None, tuple(entries))
    if rule.advocate_points:
        advocate, entry = _pay(
            advocate, program, version, rule.advocate_points, "advocate", friend.member_id, now, booked_by
        )
        entries.append(entry)
    return Settled(friend, replace(advocate, referrals_paid=(year, paid_for + 1)), tuple(entries))


def _pay(
    head: Head, program: Program, version: int, points: int, side: str, friend_id: str, now: datetime, booked_by: str
) -> tuple[Head, Entry]:
    return bonus.give(
        head,
        program,
        version,
        points,
        cause=("referral", f"{friend_id}/{side}"),
        reason="A friend you brought has bought" if side == "advocate" else "You came by a friend's code",
        now=now,
        booked_by=booked_by,
    )
