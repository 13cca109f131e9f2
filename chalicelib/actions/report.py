"""Reads what a report needs of the rollups, and answers it; writes nothing."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from chalicelib.actions.admission import Admitted, Call, enter
from chalicelib.domain import metric_customers, metric_program, metric_segments, metric_worth
from chalicelib.domain.calendar import day_number, day_of, local_day
from chalicelib.domain.errors import Fault, Invalid, Refused
from chalicelib.domain.metric_baskets import Baskets
from chalicelib.domain.metric_figures import Figures, Shop
from chalicelib.domain.metric_histories import Histories
from chalicelib.domain.metric_people import People
from chalicelib.domain.metric_report import Book, Told
from chalicelib.domain.metric_sums import Sums
from chalicelib.store import rollups

USUAL_DAYS = 365
LONGEST_DAYS = 3_700


class Kind(msgspec.Struct, frozen=True):
    """One report: what makes it, the question it answers, its formula, and which rollups it reads."""

    make: Callable[[Book, int, int], Told]
    question: str
    formula: str
    reads: frozenset[str]
    options: tuple[str, ...] = ()


_SUMS, _PEOPLE = frozenset({"SUMS", "PEOPLE"}), frozenset({"PEOPLE", "BUYERS"})

KINDS: dict[str, Kind] = {
    "participation": Kind(
        metric_customers.participation,
        "How much of what the shop sells is sold to members?",
        "member purchases ÷ all purchases (by count, and by sales) in the window",
        _SUMS,
    ),
    "retention": Kind(
        metric_customers.retention,
        "Do people come back, month after month?",
        "members of cohort c with ≥ 1 purchase in month m ÷ members of cohort c; a cohort is the month of the first "
        "purchase (basis customers) or of joining (basis members). Period: (customers at the end - new) ÷ customers "
        "at the start, a customer being who bought in the 90 days before",
        _PEOPLE,
    ),
    "repeat": Kind(
        metric_customers.repeat,
        "How many buy again, how often, and how soon?",
        "customers with ≥ 2 purchases in the window ÷ customers with ≥ 1; days between purchases: Σ (last - first) ÷ "
        "Σ (purchases - 1)",
        _PEOPLE,
    ),
    "activity": Kind(
        metric_customers.activity,
        "Who is active, who is new, who was lost and who was won back?",
        "members who earned or redeemed in the last 90 days ÷ members; a customer lapses after 90 days without a "
        "purchase",
        _PEOPLE,
    ),
    "top-customers": Kind(
        metric_customers.top_customers,
        "How much do the best customers bring?",
        "sales of the top 20 % of customers ÷ all sales of known customers; the same of margin",
        _PEOPLE,
    ),
    "segments": Kind(
        metric_segments.segments,
        "Which groups of customers are there, by when they last bought, how often and for how much?",
        "a score of 1 to 3 by thirds of the window's customers for recency, frequency and spend; groups by the scores",
        _PEOPLE,
    ),
    "rewards": Kind(
        metric_program.rewards,
        "Which rewards do people take, do they use them, and what do they cost?",
        "days to use: Σ (day used - day issued) ÷ vouchers used; members: members who took it ÷ members",
        _SUMS,
    ),
    "points": Kind(
        metric_program.points,
        "How many points are out, how many come back, and what may they still cost?",
        "redemption rate: points redeemed ÷ points issued; breakage: points expired ÷ points issued, over cohorts "
        "that have ended; liability: outstanding points × cost per point × expected redemption rate (1 - breakage)",
        _SUMS,
    ),
    "referrals": Kind(
        metric_program.referrals,
        "Do members bring friends who buy?",
        "referred members with ≥ 1 purchase ÷ referred members; purchases and sales per 30 days since joining, beside "
        "those who came by themselves",
        _PEOPLE,
    ),
    "tiers": Kind(
        metric_program.tiers,
        "How are members spread over the tiers, who moves, and what do they buy?",
        "members: Σ moves into the tier - Σ moves out of it; sales by the tier held before each purchase",
        _SUMS,
    ),
    "before-after": Kind(
        metric_worth.before_after,
        "Do people buy more since they joined, more than others did over the same dates?",
        "difference of differences per member and 30 days: mean after - mean before × (others' after ÷ others' "
        "before), in equal windows around the day of joining and over the same dates for customers who never joined; "
        "all of them customers before the windows begin; 95 % interval by Welch",
        _PEOPLE,
        ("days",),
    ),
    "baskets": Kind(
        metric_segments.baskets,
        "What is bought together, and who never buys what?",
        "support: baskets with both ÷ baskets; confidence: baskets with both ÷ baskets with the first; lift: "
        "confidence ÷ share of baskets with the second",
        frozenset({"PEOPLE", "BASKETS"}),
    ),
    "worth-it": Kind(
        metric_worth.worth_it,
        "Does the program earn more than it costs: keep, change or stop?",
        "return: (incremental margin - rewards used - messages - running cost) ÷ those costs; incremental margin: "
        "effect per member per 30 days (as in before-after) × member days ÷ 30 × margin rate",
        _SUMS | _PEOPLE,
        ("days", "running_cost", "message_cost"),
    ),
}


class Report(msgspec.Struct, kw_only=True):
    """A report as it is answered: every rate stands beside its numerator and denominator."""

    name: str
    question: str
    formula: str
    window: dict[str, date]
    folded_through: date | None
    currency: str
    figures: dict[str, Any]
    rows: list[dict[str, Any]]
    notes: list[str]


def report(call: Call, name: str, first: date | None, last: date | None, options: dict[str, int]) -> Report:
    """Raises Refused ``report_not_found``, Invalid for a window that cannot be."""
    admitted = enter(call.credential)
    kind = KINDS.get(name)
    if kind is None:
        raise Refused("report_not_found", f"There is no such report; there are {', '.join(sorted(KINDS))}.")
    unknown = sorted(set(options) - set(kind.options))
    if unknown:
        raise Invalid([Fault(f"/{one}", f"The report {name} has no such option; leave it out.") for one in unknown])
    begun, ended = window(admitted, call, first, last)
    through = _through(admitted.program_id)
    told = kind.make(_book(admitted, kind, ended, options), begun, ended)
    notes = list(told.notes)
    if through is None:
        notes.append("Nothing was folded yet: the metrics schedule runs every night.")
    elif through < ended:
        notes.append(f"Counted so far: what was booked until {day_of(through)}.")
    return Report(
        name=name,
        question=kind.question,
        formula=kind.formula,
        window={"from": day_of(begun), "to": day_of(ended)},
        folded_through=None if through is None else day_of(through),
        currency=admitted.program.currency,
        figures=told.figures,
        rows=told.rows,
        notes=notes,
    )


def window(admitted: Admitted, call: Call, first: date | None, last: date | None) -> tuple[int, int]:
    """Day numbers, both included: up to today and a year long where nothing is said."""
    ended = local_day(call.now, admitted.program.time_zone) if last is None else day_number(last)
    begun = ended - USUAL_DAYS + 1 if first is None else day_number(first)
    if begun > ended:
        raise Invalid([Fault("/from", "Must not be after to.")])
    if ended - begun >= LONGEST_DAYS:
        raise Invalid([Fault("/from", f"Ask for at most {LONGEST_DAYS} days at once.")])
    return begun, ended


def _through(program_id: str) -> int | None:
    """The booked day up to which every slice is folded."""
    state = rollups.folded(program_id)
    return min((through for through, _ in state.values()), default=None)


def _book(admitted: Admitted, kind: Kind, last: int, options: dict[str, int]) -> Book:
    program_id, until = admitted.program_id, day_of(last).year

    def blobs(what: str) -> list[bytes]:
        # Points may lapse, and histories begin, outside the window: all years before its end are read.
        return rollups.all_of(program_id, what, 0, until) if what in kind.reads else []

    people = People.read(blobs("PEOPLE"))
    return Book(
        program=admitted.program,
        sums=Sums.read(blobs("SUMS")),
        people=people,
        histories=Histories(blobs("BUYERS"), people.who),
        baskets=[
            (year, msgspec.msgpack.decode(zlib.decompress(data), type=Baskets))
            for year, data in rollups.read_by_year(program_id, "BASKETS", 0, until)
        ]
        if "BASKETS" in kind.reads
        else [],
        options=options,
    )


def shop_figures(admitted: Admitted, call: Call) -> Shop | None:
    """The shop's own average purchase, pace and margin over the last year; None before it has any."""
    today = day_of(local_day(call.now, admitted.program.time_zone))
    data = rollups.read_by_year(admitted.program_id, "FIGURES", today.year - 1, today.year)
    return Figures.read(data).shop(today)
