"""Reports on what the program gives: points and what they may still cost, rewards, tiers, referrals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from chalicelib.domain.advice import cost_of_a_point
from chalicelib.domain.calendar import day_of
from chalicelib.domain.metric_customers import spent
from chalicelib.domain.metric_facts import ANY
from chalicelib.domain.metric_histories import PURCHASES, sum_of
from chalicelib.domain.metric_report import Book, Rate, Told, months, rate
from chalicelib.domain.metric_sums import Day

_BEGINNING = -(10**9)


def points(book: Book, first: int, last: int) -> Told:
    """Points issued, redeemed, expired and outstanding; what they may still cost; breakage by cohort."""
    whole, ever = book.sums.between(first, last), book.sums.between(_BEGINNING, last)
    outstanding = _balance(ever)
    members = book.people.members(last)
    redeemers = set(book.people.takers(_BEGINNING, last, ANY)) & set(members)
    broken = _breakage(book, last)
    used = rate(broken.denominator - broken.numerator, broken.denominator)
    cost, per = _cost_of_a_point(book, last)
    expected = Fraction(used.numerator, used.denominator) if used.denominator else Fraction(1)
    liability = max(0, outstanding) * Fraction(cost, per or 1) * expected
    rows = [{"month": name, **_flow(book.sums.between(low, high))} for name, low, high in months(first, last)]
    notes = [] if used.denominator else ["No cohort has ended yet: every point is expected to be redeemed."]
    if book.program.expiry.policy == "inactivity":
        notes.append("Points here have no date of their own: breakage is what expired of all that expired or was used.")
    return Told(
        figures={
            **_flow(whole),
            "redemption_rate": rate(whole["redeemed"] - whole["given_back"], _issued(whole)),
            "members_who_redeemed": rate(len(redeemers), len(members)),
            "outstanding": outstanding,
            "pending": ever["pending"],
            "breakage": broken,
            "expected_redemption": used if used.denominator else Rate(1.0, 1, 1),
            "cost_per_point": Rate(cost / per if per else None, cost, per),
            "liability": -(-liability.numerator // liability.denominator),
            "gift_cards_issued": whole["cards_issued"],
            "gift_cards_spent": whole["cards_spent"] - whole["cards_returned"],
            "gift_card_liability": ever["cards_issued"]
            - ever["cards_spent"]
            + ever["cards_returned"]
            - ever["cards_ended"],
            "cohorts": _cohorts(book, last),
        },
        rows=rows,
        notes=notes,
    )


def _issued(day: Day) -> int:
    return day["earned"] + day["bonus"] + day["released"] + day["adjusted_up"]


def _balance(day: Day) -> int:
    taken = day["redeemed"] + day["expired"] + day["taken_back"] + day["adjusted_down"]
    return _issued(day) + day["given_back"] + day["transferred"] - taken


def _flow(day: Day) -> dict[str, int]:
    return {
        "issued": _issued(day),
        "for_purchases": day["earned"] + day["released"],
        "bonuses": day["bonus"],
        "adjusted": day["adjusted_up"] - day["adjusted_down"],
        "redeemed": day["redeemed"],
        "given_back": day["given_back"],
        "taken_back": day["taken_back"],
        "expired": day["expired"],
        "change": _balance(day),
    }


def _breakage(book: Book, last: int) -> Rate:
    """Points expired ÷ points issued, over the cohorts (by last valid day) that have ended."""
    if book.program.expiry.policy == "inactivity":
        ever = book.sums.between(_BEGINNING, last)
        return rate(ever["expired"], ever["expired"] + ever["redeemed"] - ever["given_back"])
    ended = [row for day, row in book.sums.lots.items() if day < last]
    return rate(sum(row[1] for row in ended), sum(row[0] for row in ended))


def _cohorts(book: Book, last: int) -> list[dict[str, Any]]:
    return [
        {
            "usable_until": day_of(day).isoformat(),
            "issued": row[0],
            "expired": row[1],
            "breakage": rate(row[1], row[0]) if day < last else None,
        }
        for day, row in sorted(book.sums.lots.items())
        if any(row)
    ]


def _cost_of_a_point(book: Book, last: int) -> tuple[int, int]:
    """Minor units for points: what the rewards taken cost, by points; before any was, what the catalogue says."""
    taken = [book.sums.reward_between(reward, _BEGINNING, last) for reward in book.sums.rewards]
    points_spent = sum(sums["points"] for sums in taken)
    if points_spent > 0:
        return sum(sums["cost_issued"] for sums in taken if sums["points"]), points_spent
    each = cost_of_a_point(book.program)
    return each.numerator, each.denominator


def rewards(book: Book, first: int, last: int) -> Told:
    """Each reward: issued, used, cancelled, expired, what it cost, days to use, members who took it."""
    known = [reward.id for reward in book.program.rewards]
    names = {reward.id: reward.name for reward in book.program.rewards}
    members = book.people.members(last)
    rows: list[dict[str, Any]] = []
    for reward in [*known, *sorted(set(book.sums.rewards) - set(known))]:
        sums = book.sums.reward_between(reward, first, last)
        takers = set(book.people.takers(first, last, reward))
        rows.append(
            {
                "reward_id": reward,
                "name": names.get(reward),
                **{name: value for name, value in sums.items() if name != "days_to_use"},
                "used_rate": rate(sums["used"], sums["issued"]),
                "days_to_use": rate(sums["days_to_use"], sums["used"]),
                "members": rate(len(takers & set(members)), len(members)),
            }
        )
    totals = ("issued", "points", "cost_issued", "used", "cost_used", "cancelled", "expired")
    return Told(
        figures={name: sum(row[name] for row in rows) for name in totals},
        rows=rows,
    )


def tiers(book: Book, first: int, last: int) -> Told:
    """Members in each tier, how many came and went, and what they bought while in it."""
    levels = [] if book.program.tiers is None else [(level.id, level.name) for level in book.program.tiers.levels]
    counts: dict[str, int] = {}
    for before, after, many in book.sums.moved_between(_BEGINNING, last):
        counts[before] = counts.get(before, 0) - many
        counts[after] = counts.get(after, 0) + many
    moved = list(book.sums.moved_between(first, last))
    total = sum(book.sums.tier_between(tier, first, last)[1] for tier in book.sums.tiers)
    gone = sorted((set(counts) | set(book.sums.tiers)) - {level for level, _ in levels} - {""})
    rows = []
    for level, name in [*levels, *((one, None) for one in gone)]:
        purchases, sales = book.sums.tier_between(level, first, last)
        rows.append(
            {
                "tier": level,
                "name": name,
                "members": counts.get(level, 0),
                "came": sum(many for _, after, many in moved if after == level),
                "left": sum(many for before, _, many in moved if before == level),
                "purchases": purchases,
                "sales": sales,
                "share_of_sales": rate(sales, total),
            }
        )
    return Told(
        figures={
            "members": len(book.people.members(last)),
            "sales": total,
            "moves": [{"from": before or None, "to": after or None, "members": many} for before, after, many in moved],
        },
        rows=rows,
    )


def referrals(book: Book, first: int, last: int) -> Told:
    """Members who came by another's code: how many bought, how many were paid, and what they are worth."""
    members = book.people.members(last)
    groups: dict[str, list[int]] = {"referred": [0, 0, 0, 0, 0], "others": [0, 0, 0, 0, 0]}
    advocates: dict[str, list[int]] = {}
    for member, joining in members.items():
        if not first <= joining.day <= last:
            continue
        history = book.histories.by_buyer.get(member)
        count = sum_of(history, PURCHASES, joining.day, last) if history else 0
        sales = spent(book, member, joining.day, last)
        row = groups["others" if joining.advocate is None else "referred"]
        for at, more in enumerate((1, count > 0, count, sales, last - joining.day + 1)):
            row[at] += more
        if joining.advocate is not None:
            mine = advocates.setdefault(book.people.who(joining.advocate), [0, 0, 0])
            for at, more in enumerate((1, count > 0, sales)):
                mine[at] += more
    paid = [sides for sides in book.people.paid.values() if any(first <= day <= last for day, _ in sides.values())]
    rows = [
        {
            "group": name,
            "joined": row[0],
            "bought": rate(row[1], row[0]),
            "purchases": row[2],
            "sales": row[3],
            "member_days": row[4],
            "purchases_per_30_days": Rate(row[2] * 30 / row[4] if row[4] else None, row[2] * 30, row[4]),
            "sales_per_30_days": Rate(row[3] * 30 / row[4] if row[4] else None, row[3] * 30, row[4]),
        }
        for name, row in groups.items()
    ]
    return Told(
        figures={
            "joined_by_referral": groups["referred"][0],
            "of_them_bought": groups["referred"][1],
            "referrals_paid": len(paid),
            "points_paid": sum(points for sides in paid for day, points in sides.values() if first <= day <= last),
            "advocates": len(advocates),
            "best_advocates": [
                {"member_id": advocate, "joined": row[0], "bought": row[1], "sales": row[2]}
                for advocate, row in sorted(advocates.items(), key=lambda one: (-one[1][0], one[0]))[:20]
            ],
        },
        rows=rows,
    )
