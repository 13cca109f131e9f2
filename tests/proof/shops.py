"""The programs of the proof: small documents in which every limit is met often."""

from __future__ import annotations

from typing import Any

REWARDS: list[dict[str, Any]] = [
    {
        "id": "sticker",
        "name": "A sticker",
        "kind": "free_product",
        "value": 50,
        "cost": 10,
        "points": 5,
        "valid_days": 9,
    },
    {
        "id": "coffee",
        "name": "A coffee",
        "kind": "free_product",
        "value": 350,
        "cost": 90,
        "points": 40,
        "valid_days": 6,
    },
    {
        "id": "five-off",
        "name": "€5 off",
        "kind": "amount_off",
        "value": 500,
        "cost": 500,
        "points": 90,
        "valid_days": 20,
        "minimum_purchase": 1500,
    },
    {
        "id": "evening",
        "name": "An evening",
        "kind": "experience",
        "value": 0,
        "cost": 900,
        "points": 60,
        "valid_days": 60,
        "stock": 25,
        "per_member": 1,
    },
    {
        "id": "rare",
        "name": "One of two",
        "kind": "experience",
        "value": 0,
        "cost": 100,
        "points": 8,
        "valid_days": 12,
        "stock": 2,
    },
    {
        "id": "gift-5",
        "name": "€5 card",
        "kind": "gift_card",
        "value": 500,
        "cost": 500,
        "points": 100,
        "valid_days": 30,
    },
]


def documents() -> dict[str, dict[str, Any]]:
    """A café whose points count at once and a shop that holds them back for three days."""
    return {
        "proof-cafe": _document("proof-cafe", pending_days=0, months=1, daily_cap=150),
        "proof-shop": _document("proof-shop", pending_days=3, months=2, daily_cap=None),
    }


def _document(program_id: str, *, pending_days: int, months: int, daily_cap: int | None) -> dict[str, Any]:
    return {
        "program_id": program_id,
        "name": program_id,
        "currency": "EUR",
        "time_zone": "Europe/Helsinki",
        "locales": ["en"],
        "enrolment": {"mode": "open", "welcome_points": 50},
        "earning": {
            "points": 3,
            "per_amount": 100,
            "pending_days": pending_days,
            "excluded_categories": ["gift-card"],
            "multipliers": [{"id": "sweet", "name": "Sweet", "categories": ["pastry"], "percent": 200}],
            "check_in": {"points": 2, "per_day": 2},
            "daily_cap": daily_cap,
        },
        "expiry": {"policy": "rolling", "months": months, "notice_days": 7},
        "tiers": None,
        "stamp_cards": [
            {
                "id": "card",
                "name": "Coffee card",
                "categories": ["coffee"],
                "per": "item",
                "required": 10,
                "reward_id": "coffee",
            }
        ],
        "rewards": REWARDS,
        "referral": {
            "advocate_points": 150,
            "friend_points": 75,
            "minimum_purchase": 1500,
            "settle_days": 5,
            "yearly_cap": 3,
        },
        "plans": [],
        "storefront_origins": [],
        "staff": {"adjustment_cap": 500, "purchase_cap": 20000},
    }
