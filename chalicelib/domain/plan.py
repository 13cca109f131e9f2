"""Paid membership: until when a plan is paid, from whatever was told of its subscription in whatever order."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from chalicelib.domain.calendar import local_day, moment_of
from chalicelib.domain.member import Head
from chalicelib.domain.program import Plan, Program

DAY_MS = 86_400_000
KEPT_DAYS = 60
"""So long a plan that has ended stays on the head, for sales that are told late."""

PAYING = ("active", "trialing")
OVERDUE = ("past_due",)

Newness = tuple[float, bool, float, str]


class State(msgspec.Struct, frozen=True, array_like=True):
    """How the subscription stood in one telling. ``newness`` orders tellings; times are milliseconds."""

    newness: Newness
    status: str
    period_end_ms: int | None = None
    cancel_at_ms: int | None = None


class PlanStory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that was told of one subscription. Each part is a set or a greatest value, so no order matters.

    ``owner`` is the member whose head shows it; ``member_ids``, ``customers`` and ``emails`` say whose it may be.
    """

    subscription_id: str
    state: State | None = None
    paid_until_ms: int | None = None
    failed_ms: int | None = None
    ended_ms: int | None = None
    prices: tuple[str, ...] = ()
    priced: Newness = (0.0, False, 0.0, "")
    member_ids: tuple[str, ...] = ()
    customers: tuple[tuple[str, str], ...] = ()
    emails: tuple[tuple[str, str], ...] = ()
    owner: str | None = None


class CustomerStory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who a provider's customer is, and the ids of their subscriptions."""

    member_ids: tuple[str, ...] = ()
    emails: tuple[tuple[str, str], ...] = ()
    subscriptions: tuple[str, ...] = ()


def folded(story: PlanStory, news: PlanStory) -> PlanStory:
    """The story with one more telling in it, which is given as a story of its own."""
    states = [state for state in (story.state, news.state) if state is not None]
    priced = max(story, news, key=lambda one: (one.priced, one.prices))
    ended = [moment for moment in (story.ended_ms, news.ended_ms) if moment is not None]
    return replace(
        story,
        state=max(states, key=lambda state: state.newness, default=None),
        paid_until_ms=_latest(story.paid_until_ms, news.paid_until_ms),
        failed_ms=_latest(story.failed_ms, news.failed_ms),
        ended_ms=min(ended, default=None),
        prices=priced.prices or story.prices or news.prices,
        priced=priced.priced,
        member_ids=tuple(sorted({*story.member_ids, *news.member_ids})),
        customers=tuple(sorted({*story.customers, *news.customers})),
        emails=tuple(sorted({*story.emails, *news.emails})),
    )


def met(customer: CustomerStory, news: PlanStory) -> CustomerStory:
    """What a telling of a subscription, or of the customer alone, adds to what is known of the customer."""
    subscribed = () if not news.subscription_id else (news.subscription_id,)
    return CustomerStory(
        member_ids=tuple(sorted({*customer.member_ids, *news.member_ids})),
        emails=tuple(sorted({*customer.emails, *news.emails})),
        subscriptions=tuple(sorted({*customer.subscriptions, *subscribed})),
    )


def plan_of(program: Program, provider: str, prices: tuple[str, ...]) -> Plan | None:
    """The plan that one of these prices pays for."""
    for plan in program.plans:
        if set(prices) & set(plan.provider_prices.get(provider, [])):
            return plan
    return None


def until(story: PlanStory, plan: Plan, time_zone: str) -> int | None:
    """The last day (number) on which the plan is held; None where it never was paid.

    Paid, it lasts as long as the latest paid invoice says, or the running period of a subscription that is being
    paid; cancelled at the period's end, to that end. While the provider still tries to collect, ``grace_days`` more.
    """
    moments = [story.paid_until_ms]
    state = story.state
    overdue = state is not None and state.status in OVERDUE
    if state is not None and state.status in PAYING:
        moments.append(state.period_end_ms)
    elif state is None and story.failed_ms is not None:
        overdue = story.paid_until_ms is None or story.failed_ms + DAY_MS >= story.paid_until_ms
    paid = _latest(*moments)
    if paid is None:
        return None
    end = paid + (plan.grace_days * DAY_MS if overdue else 0)
    stops = [story.ended_ms, None if state is None else state.cancel_at_ms]
    end = min([end, *(moment for moment in stops if moment is not None)])
    return local_day(moment_of(end), time_zone)


def held(head: Head, name: str, plan_id: str | None, last: int | None, today: int) -> Head:
    """The head with one subscription as it stands now; those that ended long ago are left out."""
    plans = {key: row for key, row in head.plans.items() if key != name and row[1] >= today - KEPT_DAYS}
    if plan_id is not None and last is not None and last >= today - KEPT_DAYS:
        plans[name] = (plan_id, last)
    return head if plans == head.plans else replace(head, plans=dict(sorted(plans.items())))


def ends(head: Head) -> list[int]:
    """The days on which plans are held no more, of those that were not told yet."""
    return [last + 1 for _, last in head.plans.values() if last + 1 > head.plans_told]


def ended(head: Head, program: Program, day: int) -> tuple[Head, list[tuple[Plan, int]]]:
    """Tells what ended up to a day: each plan that nothing pays for any more, and its last day."""
    due = {(last, plan_id) for plan_id, last in head.plans.values() if head.plans_told < last + 1 <= day}
    running = {plan_id for plan_id, last in head.plans.values() if last >= day}
    known = {plan.id: plan for plan in program.plans}
    told = [(known[plan_id], last) for last, plan_id in sorted(due) if plan_id in known and plan_id not in running]
    return (replace(head, plans_told=day) if due else head), told


def on(head: Head, program: Program, day: int) -> tuple[str, int] | None:
    """The plan that a member holds on a day and its last day; of several the one that gives most."""
    percents: Mapping[str, int] = {plan.id: plan.percent for plan in program.plans}
    running = [row for row in head.plans.values() if row[1] >= day and row[0] in percents]
    return max(running, key=lambda row: (percents[row[0]], row[1]), default=None)


def _latest(*moments: int | None) -> int | None:
    return max((moment for moment in moments if moment is not None), default=None)
