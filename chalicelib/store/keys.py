"""Every key and index of the one table, and the access patterns that they answer.

| question | how |
|---|---|
| who calls, what does the program promise, what does the member have, was this booked before | one BatchGetItem |
| what happened to this member; what did this guest buy | index ``statement``: ``spk``, ``ssk`` |
| what was booked on this day, in this slice of buyers | index ``journal``: ``jpk``, ``jsk`` |
| whom does time move today | index ``due``: ``dpk``, ``dsk`` |
| who is called Ann | index ``directory``: ``npk``, ``nsk`` |
| what happened by day, who bought when (``store/rollups.py``) | Query of the program's metrics |
| which keys, versions does this program have | Query of the program's partition |

Ids from outside never hold ``#`` (``domain.text.ExternalId``), so no id can reach into another's key.
"""

from __future__ import annotations

import unicodedata
from zlib import crc32

from chalicelib.domain.calendar import day_of

Key = tuple[str, str]

SHARDS = 16
"""Slices of the journal and of the due index. Changing it needs a migration: old days keep their slices."""


def shard(text: str) -> int:
    """The slice in which a buyer's events stand: stable over versions of Python, which ``hash`` is not."""
    return crc32(text.encode()) % SHARDS


def program(program_id: str) -> Key:
    return f"PROGRAM#{program_id}", "CURRENT"


def program_version(program_id: str, version: int) -> Key:
    return f"PROGRAM#{program_id}", f"VERSION#{version:08d}"


def listed_program(program_id: str) -> Key:
    """Where all programs of the deployment are listed, for what runs for each of them."""
    return "PROGRAMS", program_id


def api_key(digest: str) -> Key:
    return f"KEY#{digest}", "KEY"


def api_key_listing(program_id: str, key_id: str) -> Key:
    return f"PROGRAM#{program_id}", f"KEY#{key_id}"


def provider(program_id: str, name: str) -> Key:
    return f"PROGRAM#{program_id}", f"PROVIDER#{name}"


def provider_heard(program_id: str, name: str) -> Key:
    """Apart from the setting: it is written with every webhook or so."""
    return f"P#{program_id}#PROVIDER#{name}", "HEARD"


def origin(text: str, program_id: str) -> Key:
    """A web origin that may call from a browser, asked for by a preflight that names no program."""
    return f"ORIGIN#{text}", f"PROGRAM#{program_id}"


def head(program_id: str, member_id: str) -> Key:
    return f"P#{program_id}#MEMBER#{member_id}", "HEAD"


def contact(program_id: str, member_id: str) -> Key:
    return f"P#{program_id}#MEMBER#{member_id}", "CONTACT"


def identity(program_id: str, kind: str, sealed: str) -> Key:
    return f"P#{program_id}#ID#{kind}#{sealed}", "ID"


def purchase(program_id: str, order_id: str) -> Key:
    return f"P#{program_id}#ORDER#{order_id}", "PURCHASE"


def refund(program_id: str, order_id: str, refund_id: str) -> Key:
    return f"P#{program_id}#ORDER#{order_id}", f"REFUND#{refund_id}"


def cause(program_id: str, cause_type: str, cause_id: str) -> Key:
    return f"P#{program_id}#CAUSE#{cause_type}#{cause_id}", "ENTRY"


def event(program_id: str, what: str, cause_id: str) -> Key:
    """What happened to a member and moved no points, put once."""
    return f"P#{program_id}#CAUSE#{what}#{cause_id}", "EVENT"


def voucher(program_id: str, sealed: str) -> Key:
    return f"P#{program_id}#VOUCHER#{sealed}", "ISSUED"


def voucher_settled(program_id: str, sealed: str) -> Key:
    return f"P#{program_id}#VOUCHER#{sealed}", "SETTLED"


def card_spent(program_id: str, order_id: str, slot: int) -> Key:
    """One of the gift cards that an order was paid with."""
    return f"P#{program_id}#ORDER#{order_id}", f"SPEND#{slot}"


def claimed(program_id: str, order_id: str) -> Key:
    """The entry by which a member claimed a guest's purchase."""
    return f"P#{program_id}#ORDER#{order_id}", "CLAIM"


def story(program_id: str, order_id: str) -> Key:
    """Everything that payment providers told of one sale."""
    return f"P#{program_id}#ORDER#{order_id}", "STORY"


def correction(program_id: str, order_id: str, number: int) -> Key:
    """What a later telling of a sale changed in its points."""
    return f"P#{program_id}#ORDER#{order_id}", f"CORRECTION#{number:06d}"


def invoice(program_id: str, provider_name: str, invoice_id: str) -> Key:
    """Whether an invoice is a paid plan's, and which payments settled it: either may be told first."""
    return f"P#{program_id}#INVOICE#{provider_name}#{invoice_id}", "STORY"


def event_aside(program_id: str, aside_id: str) -> Key:
    """A provider's event that could not be booked. Ids begin with the time that it was told."""
    return f"P#{program_id}#ASIDE#EVENTS", f"EVENT#{aside_id}"


def plan(program_id: str, provider_name: str, subscription_id: str) -> Key:
    """Everything that was told of one subscription to a paid plan."""
    return f"P#{program_id}#PLAN#{provider_name}#{subscription_id}", "STORY"


def customer(program_id: str, provider_name: str, sealed: str) -> Key:
    """Who a provider's customer is, as far as was told, and what they subscribed to: either may be told first."""
    return f"P#{program_id}#CUSTOMER#{provider_name}#{sealed}", "STORY"


def recipient(program_id: str, sealed_email: str, sealed: str) -> Key:
    """Whom a gift card was meant for: found by the person, so that erasing them finds it."""
    return f"P#{program_id}#ID#recipient#{sealed_email}", f"CARD#{sealed}"


def guesses(program_id: str, who: str) -> Key:
    """How many wrong voucher codes a key sent lately, and until when it has to wait."""
    return f"P#{program_id}#GUESSES#{who[:26]}", "COUNT"


def departed(program_id: str, sealed_identity: str) -> Key:
    """That somebody of this identity was a member and was erased: a keyed hash, and gone after a time."""
    return f"P#{program_id}#ID#departed#{sealed_identity}", "GONE"


def invite(program_id: str, sealed: str) -> Key:
    return f"PROGRAM#{program_id}", f"INVITE#{sealed}"


def places(program_id: str) -> Key:
    """How many places of a pilot are taken."""
    return f"P#{program_id}#STOCK#", "PLACES"


def friend(program_id: str, advocate_id: str, friend_id: str) -> Key:
    return f"P#{program_id}#MEMBER#{advocate_id}", f"FRIEND#{friend_id}"


def sessions(program_id: str, member_id: str) -> Key:
    """Since when a member's tokens count."""
    return f"P#{program_id}#MEMBER#{member_id}", "SESSIONS"


def session(program_id: str, session_id: str) -> Key:
    """A token that was ended before its time."""
    return f"P#{program_id}#SESSION#{session_id}", "ENDED"


def stock(program_id: str, reward_id: str) -> Key:
    return f"P#{program_id}#STOCK#{reward_id}", "TAKEN"


def statement_of_member(program_id: str, member_id: str, sequence: int) -> Key:
    """A member's entries sort by their place in the chain, which no clock can disturb."""
    return f"P#{program_id}#MEMBER#{member_id}", f"{sequence:010d}"


def history_of_member(program_id: str, member_id: str, booked_ms: int, what: str) -> Key:
    """Beside the statement: what moved no points, in the order in which it was booked."""
    return f"P#{program_id}#MEMBER#{member_id}#HISTORY", f"{booked_ms:013d}#{what}"


def statement_of_buyer(program_id: str, buyer: str, occurred: str, order_id: str) -> Key:
    """A guest's purchases sort by when they happened."""
    return f"P#{program_id}#BUYER#{buyer}", f"{occurred}#{order_id}"


def journal(program_id: str, booked_day: int, buyer: str, booked_ms: int, what: str) -> Key:
    return f"P#{program_id}#DAY#{day_of(booked_day)}#{shard(buyer):02d}", f"{booked_ms:013d}#{what}"


def journal_slice(program_id: str, booked_day: int, slice_number: int) -> str:
    return f"P#{program_id}#DAY#{day_of(booked_day)}#{slice_number:02d}"


def due(program_id: str, member_id: str, day: int) -> Key:
    return due_slice(shard(member_id)), f"{day_of(day)}#{program_id}#{member_id}"


def rollup(program_id: str, what: str, year: int, slice_number: int, piece: int) -> Key:
    """A piece of what one slice of buyers did in a year; a report reads all slices of its years."""
    return f"P#{program_id}#METRICS", f"{what}#{year:04d}#{slice_number:02d}#{piece:03d}"


def folded(program_id: str, slice_number: int) -> Key:
    """Up to which booked day a slice was folded."""
    return f"P#{program_id}#METRICS", f"FOLDED#{slice_number:02d}"


def booked_facts(program_id: str, year: int, slice_number: int, booked_day: int, piece: int) -> Key:
    """What one booked day of a slice adds to a year; kept apart from the rollups, which are all that reports read."""
    return f"P#{program_id}#METRICS#{year:04d}#{slice_number:02d}", f"BOOKED#{day_of(booked_day)}#{piece:03d}"


def due_voucher(program_id: str, sealed: str, day: int) -> Key:
    return due_slice(shard(sealed)), f"{day_of(day)}#{program_id}#VOUCHER#{sealed}"


def due_slice(number: int) -> str:
    return f"DUE#{number:02d}"


DUE_PROGRAMS = "DUE#PROGRAMS"
"""Programs whose members are to be assessed again, for the owner changed what they are assessed by."""


def due_program(program_id: str, day: int) -> Key:
    return DUE_PROGRAMS, f"{day_of(day)}#{program_id}"


def assessment(program_id: str) -> Key:
    return f"PROGRAM#{program_id}", "ASSESS"


def run(run_id: str) -> Key:
    """A run of a schedule: when and as of when it began."""
    return f"RUN#{run_id}", "RUN"


def run_part(run_id: str, part: str) -> Key:
    return f"RUN#{run_id}", f"PART#{part}"


def set_aside(program_id: str, member_id: str) -> Key:
    """A member whom time could not move, and why."""
    return f"P#{program_id}#ASIDE#TIME", member_id


def directory(program_id: str, name: str | None, member_id: str) -> Key:
    """Members by the start of their name; those without one come last."""
    return f"P#{program_id}#DIRECTORY", f"{fold(name) if name else '~'}#{member_id}"


MOST_FOLDED = 200
"""Letters of a name that are searched. A sort key holds 1,024 bytes, and one sign may fold to eighteen letters."""


def fold(name: str) -> str:
    """A name as it is searched: without case, accents or double spaces. ``#`` and ``~`` are left to the key."""
    flat = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(letter for letter in flat if not unicodedata.combining(letter))
    return " ".join(letters.replace("#", " ").replace("~", " ").split())[:MOST_FOLDED]
