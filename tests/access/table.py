"""Every call with who may make it, and whose objects it names: written by hand, held to the routes by a test."""

from __future__ import annotations

NOBODY = "anybody"

ROWS: dict[str, str] = {
    # the service and what anybody may know
    "GET /health": NOBODY,
    "GET /openapi.json": NOBODY,
    "GET /docs": NOBODY,
    "GET /public/{program_id}": NOBODY,
    "POST /webhooks/{provider}/{program_id}": NOBODY,  # who signs with the provider's secret
    # members
    "POST /members": "storefront staff owner",
    "GET /members": "storefront staff owner",
    "GET /members/{member_id}": "storefront staff owner",
    "PATCH /members/{member_id}": "storefront staff owner",
    "DELETE /members/{member_id}": "owner",
    "GET /members/{member_id}/ledger": "storefront staff owner",
    "GET /members/{member_id}/history": "storefront staff owner",
    "GET /members/{member_id}/vouchers": "storefront staff owner",
    "GET /members/{member_id}/referrals": "storefront staff owner",
    "GET /members/{member_id}/export": "storefront owner",
    "POST /members/{member_id}/adjustments": "staff owner",
    "POST /members/{member_id}/check-ins": "storefront staff owner",
    "POST /members/{member_id}/redemptions": "storefront staff owner",
    "POST /members/{member_id}/merge": "staff owner",
    "POST /members/{member_id}/sessions": "storefront owner",
    "DELETE /members/{member_id}/sessions": "storefront owner",
    # purchases, rewards, vouchers
    "POST /purchases": "storefront staff owner",
    "POST /purchases/estimate": "storefront owner member",
    "GET /purchases/{order_id}": "storefront staff owner",
    "POST /purchases/{order_id}/refunds": "storefront staff owner",
    "POST /purchases/{order_id}/claim": "storefront staff owner",
    "GET /rewards": "storefront staff owner",
    "GET /vouchers/{code}": "storefront staff owner",
    "POST /vouchers/{code}/use": "storefront staff owner",
    "POST /vouchers/{code}/cancel": "storefront staff owner",
    "POST /gift-cards": "storefront staff owner",
    "POST /gift-cards/forget-recipient": "owner",
    # the member's own view
    "GET /me": "member",
    "PATCH /me": "member",
    "GET /me/ledger": "member",
    "GET /me/history": "member",
    "GET /me/rewards": "member",
    "GET /me/vouchers": "member",
    "GET /me/referral": "member",
    "GET /me/export": "member",
    "POST /me/redemptions": "member",
    "DELETE /me/session": "member",
    # the program and its owner
    "GET /program": "storefront staff owner",
    "GET /program/versions": "owner",
    "GET /program/versions/{version}": "storefront staff owner",
    "PUT /program": "owner",
    "POST /program/check": "owner",
    "POST /program/close": "owner",
    "POST /program/backtest": "owner",
    "GET /keys": "owner",
    "POST /keys": "owner",
    "DELETE /keys/{key_id}": "owner",
    "GET /invites": "owner",
    "POST /invites": "owner",
    "DELETE /invites/{code}": "owner",
    "GET /ledger/export": "owner",
    "GET /reports": "owner",
    "GET /reports/{name}": "owner",
    "POST /imports/purchases": "owner",
    "GET /webhooks": "owner",
    "PUT /webhooks/{provider}": "owner",
    "GET /webhooks/set-aside": "owner",
    "POST /webhooks/set-aside/{event_id}/replay": "owner",
    "POST /reconciliations/{provider}": "owner",
}

NO_OBJECT = {"provider", "program_id", "name"}
"""Parts of paths that name nothing of anybody's: a kind of provider, a public program, a report."""
