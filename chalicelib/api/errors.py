"""The one table from a domain error's code to its HTTP status, and the one shape in which errors are told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from chalice.app import Response

from chalicelib.domain.errors import DomainError, Fault, Invalid, Unavailable

STATUS: dict[str, int] = {
    # the request itself
    "malformed_json": 400,
    "invalid_request": 400,
    "invalid_cursor": 400,
    "idempotency_key_required": 400,
    "bad_signature": 400,
    "request_too_large": 413,
    "invalid_program": 422,
    # who asks
    "unauthorized": 401,
    "forbidden": 403,
    # what is asked for
    "route_not_found": 404,
    "member_not_found": 404,
    "purchase_not_found": 404,
    "reward_not_found": 404,
    "voucher_not_found": 404,
    "key_not_found": 404,
    "version_not_found": 404,
    "provider_not_found": 404,
    "event_not_found": 404,
    "report_not_found": 404,
    "invite_not_found": 404,
    "program_not_found": 404,
    # causes and states
    "cause_conflict": 409,
    "identity_taken": 409,
    "member_merged": 409,
    "voucher_settled": 409,
    "stale_version": 409,
    "program_exists": 409,
    "own_key": 409,
    # the program's rules
    "currency_mismatch": 422,
    "occurred_in_future": 422,
    "staff_cap_exceeded": 422,
    "backdated_too_far": 422,
    "refund_exceeds_purchase": 422,
    "insufficient_points": 422,
    "out_of_stock": 422,
    "limit_reached": 422,
    "tier_too_low": 422,
    "reward_not_available": 422,
    "voucher_unknown": 422,
    "voucher_expired": 422,
    "amount_required": 422,
    "insufficient_balance": 422,
    "amount_exceeds_order": 422,
    "too_many_vouchers": 422,
    "minimum_purchase_not_reached": 422,
    "check_in_not_offered": 422,
    "check_in_limit": 422,
    "stamp_card_waits": 422,
    "referral_code_unknown": 422,
    "invite_required": 422,
    "invite_unknown": 422,
    "invite_used_up": 422,
    "pilot_full": 422,
    "pilot_ended": 422,
    "program_closed": 422,
    "already_claimed": 409,
    "claim_too_late": 422,
    "nothing_to_claim": 422,
    "merge_with_itself": 422,
    "identity_required": 422,
    # ours
    "too_many_guesses": 429,
    "internal_error": 500,
    "unavailable": 503,
}

RETRY_AFTER_SECONDS = 1


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """RFC 9457. ``code`` is stable; ``errors`` lists each fault of an invalid request at its JSON pointer."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] | None = None


def problem(code: str, detail: str, faults: list[Fault] | None = None, facts: dict[str, Any] | None = None) -> Response:
    """An error answer. ``facts`` are the numbers that the caller may want to show, such as ``required``."""
    status = STATUS[code]
    # A relative reference: the page that the service itself serves says what each code means.
    told = Problem(
        type=f"/v1/docs#{code}", title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, errors=faults
    )
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str((facts or {}).get("retry_after", RETRY_AFTER_SECONDS))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {**(facts or {}), **msgspec.to_builtins(told)}
    return Response(body=msgspec.json.encode(body).decode(), status_code=status, headers=headers)


def from_domain(error: DomainError) -> Response:
    """The answer to a refusal. A code that the table lacks would be a fault of ours; a test looks for such."""
    if isinstance(error, Invalid):
        return problem(error.code, error.detail, error.faults)
    if isinstance(error, Unavailable):
        return problem("unavailable", error.detail)
    return problem(error.code, error.detail, facts=error.facts)
