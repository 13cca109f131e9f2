"""Checks of a decision: fingerprints, floors, caps, limits, dates, and what a voucher or a refund may do."""

from __future__ import annotations

from tests.guards import API, Guard, guard

PURCHASES, REFUNDS, REWARDS = API + "purchases.py::test_", API + "refunds.py::test_", API + "rewards.py::test_"
MEMBERS, REPLAYS, PROGRAM = API + "members.py::test_", API + "replays.py::test_", API + "program.py::test_"
ROWS = "tests/test_faults_seen_elsewhere.py::test_"

GUARDS: list[Guard] = [
    guard(
        "The same order with other content is a conflict",
        "actions/earn.py",
        "if (purchase.fingerprint != order.fingerprint) if purchase.told_by is None else not agrees:",
        REPLAYS + "the_same_order_with_other_content_is_a_conflict",
    ),
    guard(
        "An order booked before is answered, not booked",
        "actions/earn.py",
        "if known is not None and not _told_elsewhere(known):",
        ROWS + "row_01_a_retried_or_offline_synced_sale_earns_twice_is_impossible",
    ),
    guard(
        "The same refund with other content is a conflict",
        "actions/refund.py",
        "if known.fingerprint != request.fingerprint and not agrees:",
        REPLAYS + "the_same_refund_with_other_content_is_a_conflict",
    ),
    guard(
        "The same key for another reward is a conflict",
        "actions/redeem.py",
        "if known.fingerprint != asked:",
        REPLAYS + "the_same_key_with_other_content_is_a_conflict",
    ),
    guard(
        "The same key for another adjustment is a conflict",
        "actions/grant.py",
        "if known.fingerprint != asked:",
        REPLAYS + "the_same_key_with_other_content_is_a_conflict",
    ),
    guard(
        "A key is scoped to the member",
        "store/vouchers.py",
        'return mac("idempotency", program_id, call, member_id, idempotency_key)',
        REPLAYS + "an_idempotency_key_is_scoped_to_program_call_and_member",
        new='return mac("idempotency", program_id, call, idempotency_key)',
    ),
    guard(
        "A refund is of what is left",
        "domain/refunding.py",
        "if amount > left:",
        REFUNDS + "more_than_is_left_is_refused_with_what_is_left",
    ),
    guard(
        "A refund never leaves more than was granted",
        "domain/purchase.py",
        "return min(self.points, self.basis.deserved(self.total, refunded)) if self.points else 0",
        REFUNDS + "a_refund_of_capped_points_takes_only_what_the_rest_no_longer_covers",
        new="return self.basis.deserved(self.total, refunded) if self.points else 0",
    ),
    guard(
        "A refund may not lie in the future",
        "actions/refund.py",
        "if request.occurred_at is not None and request.occurred_at > call.now + earning.FUTURE:",
        REFUNDS + "a_refund_may_not_lie_in_the_future",
    ),
    guard(
        "A card's voucher that was used is not cancelled",
        "domain/refunding.py",
        "if count < 0 and origin in unused:",
        REFUNDS + "a_card_goes_below_zero_when_its_voucher_was_used",
        new="if count < 0:",
    ),
    guard(
        "A reward costs points that are there",
        "domain/voucher.py",
        "if available < reward.points:",
        ROWS + "row_07_twenty_redemptions_turn_100_points_into_2000_is_impossible",
    ),
    guard(
        "A reward's limit for each member",
        "domain/voucher.py",
        "if reward.per_member is not None and taken >= reward.per_member:",
        REWARDS + "a_limit_for_each_member_holds_and_a_cancellation_gives_it_back",
    ),
    guard(
        "A reward's stock, as it was read",
        "domain/voucher.py",
        "if reward.stock is not None and stock_taken >= reward.stock:",
        REWARDS + "stock_ends_and_a_cancellation_gives_it_back",
    ),
    guard(
        "A reward's minimum tier",
        "domain/voucher.py",
        "if minimum_rank is not None and tier_rank < minimum_rank:",
        REWARDS + "a_minimum_tier_is_asked_for_and_a_higher_one_serves",
    ),
    guard(
        "A reward's first day",
        "domain/voucher.py",
        "if reward.starts_on is not None and today < day_number(reward.starts_on):",
        REWARDS + "a_reward_has_its_dates_in_the_shops_time",
    ),
    guard(
        "A reward's last day",
        "domain/voucher.py",
        "if reward.ends_on is not None and today > day_number(reward.ends_on):",
        REWARDS + "a_reward_has_its_dates_in_the_shops_time",
    ),
    guard(
        "A settled voucher is used no more",
        "domain/voucher.py",
        "if settled is not None:",
        REWARDS + "a_voucher_is_used_for_one_order_and_the_same_order_again_is_fine",
    ),
    guard(
        "An expired voucher is not used",
        "domain/voucher.py",
        "if voucher.valid_until is not None and voucher.valid_until < today:",
        REWARDS + "an_expired_voucher_is_neither_used_nor_cancelled",
    ),
    guard(
        "A voucher's minimum purchase",
        "domain/voucher.py",
        "if before < voucher.minimum_purchase:",
        REWARDS + "a_voucher_with_a_minimum_asks_for_it_counting_what_it_paid_itself",
    ),
    guard(
        "A cancelled voucher gives back once",
        "actions/settle_voucher.py",
        'if held.settled is not None and held.settled.outcome == "cancelled":',
        ROWS + "row_09_a_cancelled_redemption_gives_the_points_back_once_and_not_twice",
    ),
    guard(
        "A used voucher is not cancelled",
        "actions/settle_voucher.py",
        "if held.settled is not None:",
        REWARDS + "a_used_voucher_cannot_be_cancelled",
    ),
    guard(
        "An expired voucher is not cancelled",
        "actions/settle_voucher.py",
        "if voucher.valid_until is not None and voucher.valid_until < held.today:",
        REWARDS + "an_expired_voucher_is_neither_used_nor_cancelled",
    ),
    guard(
        "An unknown voucher refuses the whole purchase",
        "actions/earn.py",
        'guessing.missed(admitted, call)\n            raise Refused("voucher_unknown"',
        REWARDS + "one_voucher_that_cannot_be_used_refuses_the_whole_purchase",
        new='continue\n            raise Refused("voucher_unknown"',
    ),
    guard(
        "A purchase's vouchers are checked before they are used",
        "actions/earn.py",
        "require_usable(voucher, settled, today, order.sale.total)",
        REWARDS + "one_voucher_that_cannot_be_used_refuses_the_whole_purchase",
        new="pass",
    ),
    guard(
        "An adjustment never takes below zero",
        "domain/bonus.py",
        "if amount < 0 and has + amount < 0:",
        MEMBERS + "an_adjustment_never_takes_below_zero",
    ),
    guard(
        "Staff adjust within the cap",
        "actions/grant.py",
        'if admitted.role == "staff" and cap is not None and abs(amount) > cap:',
        MEMBERS + "staff_adjust_within_the_cap_and_the_owner_beyond_it",
    ),
    guard(
        "Staff enter purchases within the cap",
        "actions/admission.py",
        'if admitted.role == "staff" and cap is not None and amount > cap:',
        PURCHASES + "staff_may_not_enter_more_than_the_programs_cap",
    ),
    guard(
        "Check-ins have a daily limit",
        "domain/bonus.py",
        "if count >= rule.per_day:",
        MEMBERS + "a_check_in_gives_points_within_the_days_limit",
    ),
    guard(
        "A check-in never fills a card",
        "domain/bonus.py",
        "if stamps >= card.required:",
        MEMBERS + "a_check_in_may_give_a_stamp_but_never_the_last_one",
    ),
    guard(
        "The daily cap",
        "domain/earning.py",
        "granted = min(deserved, max(0, cap - days.get(day, 0)))",
        PURCHASES + "the_daily_cap_counts_the_shops_day_of_the_sale",
        new="granted = deserved",
    ),
    guard(
        "One transaction's vouchers",
        "domain/earning.py",
        "if sum(row.completed for row in rows) > MOST_VOUCHERS:",
        PURCHASES + "more_full_cards_than_one_transaction_holds_are_refused_whole",
    ),
    guard(
        "The program's currency",
        "domain/earning.py",
        "if sale.currency != program.currency:",
        PURCHASES + "another_currency_is_refused",
    ),
    guard(
        "A sale may not lie in the future",
        "domain/earning.py",
        "if sale.occurred_at > now + FUTURE:",
        PURCHASES + "a_sale_may_lie_five_minutes_ahead_and_no_more",
    ),
    guard(
        "Excluded categories earn nothing",
        "domain/purchase.py",
        "if category is not None and category in program.earning.excluded_categories:",
        ROWS + "row_17_gift_card_purchases_earn_points_is_impossible",
    ),
    guard(
        "A discount is spread, and what was not listed earns nothing",
        "domain/purchase.py",
        "spread=min(sale.goods, listed),",
        PURCHASES + "the_points_rule_exactly",
        new="spread=listed,",
    ),
    guard(
        "Two identities of two members are not joined",
        "actions/enrol.py",
        "if len(holders) > 1:",
        MEMBERS + "two_identities_of_two_members_are_refused",
    ),
    guard(
        "A wrong referral code is refused",
        "actions/enrol.py",
        "if referral_key is not None and referral_key not in admitted.found:",
        MEMBERS + "a_referral_code_is_recorded_and_a_wrong_one_refused",
    ),
    guard(
        "Another member's identity is not taken over",
        "actions/change_contact.py",
        "if identify and key in admitted.found and admitted.found[key].m != member_id:",
        MEMBERS + "an_identity_of_somebody_else_cannot_be_taken_over",
    ),
    guard(
        "One identity stays",
        "actions/change_contact.py",
        "if not after.identities():",
        MEMBERS + "the_last_identity_cannot_be_removed",
    ),
    guard(
        "A program is changed from the version that was read",
        "actions/govern.py",
        "if old.version != seen_version:",
        PROGRAM + "a_change_of_a_version_that_is_not_the_present_one_is_refused",
    ),
    guard(
        "A program keeps its id",
        "actions/govern.py",
        "if program.program_id != old.program.program_id:",
        PROGRAM + "the_program_id_never_changes",
    ),
    guard(
        "A program keeps its currency once something was booked",
        "actions/govern.py",
        "if program.currency != old.program.currency and not _currency_is_free(call, old):",
        PROGRAM + "the_currency_is_fixed_by_the_first_booking",
    ),
    guard(
        "A key does not revoke itself",
        "actions/govern.py",
        'if admitted.booked_by == f"key:{key_id}":',
        PROGRAM + "a_key_cannot_revoke_itself",
    ),
]
