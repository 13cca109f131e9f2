"""Guards of gift cards, claims, merging, referrals, joining, payments, time, and of who guesses or dates back."""

from __future__ import annotations

from tests.guards import Guard, guard

CARDS, JOINING = "tests/people/test_gift_cards.py::test_", "tests/people/test_joining.py::test_"
MERGING, REFERRALS = "tests/people/test_merging.py::test_", "tests/people/test_referrals.py::test_"
LEAVING, HOLD = "tests/people/test_leaving.py::test_", "tests/people/test_owners_hold.py::test_"
FRAUD, GUESSING = "tests/abuse/test_fraud.py::test_", "tests/access/test_guessing.py::test_"
SIGNED = "tests/payments/test_every_provider_keeps_the_contract.py::test_"
ORDER = "tests/payments/test_any_order_ends_the_same.py::test_"
TORN = "tests/test_torn_readings.py::test_whoever_reads_a_"
TORN_SALE = TORN + "sale_while_another_moves_it_ends_as_one_after_the_other"
TORN_MEMBER = TORN + "member_while_another_moves_them_ends_as_one_after_the_other"
WALK, FIELDS = "tests/time/test_the_walk.py::test_", "tests/fuzz/test_fields.py::test_"

GUARDS: list[Guard] = [
    # gift cards
    guard(
        "A gift card pays what it has",
        "domain/voucher.py",
        "if amount > balance:",
        CARDS + "a_balance_is_spent_over_many_orders_and_never_below_zero",
    ),
    guard(
        "An order takes its money off a card once",
        "actions/gift_card.py",
        "if spent.sealed == sealed:",
        CARDS + "the_same_order_takes_its_money_once",
    ),
    guard(
        "An order that took another amount before is a conflict",
        "actions/gift_card.py",
        "if spent.amount != amount:",
        CARDS + "the_same_order_takes_its_money_once",
    ),
    guard(
        "Cards never pay more of an order than is left to pay",
        "actions/gift_card.py",
        "if (in_total and amount > left) or (refunded and refunded == total):",
        CARDS + "two_cards_never_pay_more_of_a_booked_order_than_it_cost",
    ),
    guard(
        "Staff sell cards within the cap",
        "actions/gift_card.py",
        "require_staff_cap(admitted, amount)",
        CARDS + "staff_sell_no_more_than_they_may_enter_at_once",
        new="None",
    ),
    guard(
        "A card that paid for something is not cancelled",
        "actions/settle_voucher.py",
        "if held.balance is not None and held.balance != voucher.value:",
        CARDS + "only_an_unspent_card_is_cancelled",
    ),
    guard(
        "A card is asked how much it pays",
        "actions/settle_voucher.py",
        "if amount is None:",
        CARDS + "a_card_is_asked_how_much_it_pays",
    ),
    guard(
        "A refund gives a card back no more than it paid",
        "domain/voucher.py",
        "backs.append(min(paid, max(0, asked - begins)))",
        CARDS + "a_refund_puts_the_money_back_and_the_rest_is_cash",
        new="backs.append(max(0, asked - begins))",
    ),
    # claims and joining
    guard(
        "A receipt is one member's",
        "actions/claim.py",
        "if known.member_id != member_id and not _became(program_id, known.member_id, member_id):",
        JOINING + "a_receipt_is_claimed_once_by_one_member",
    ),
    guard(
        "A member's own purchase is not claimed",
        "actions/claim.py",
        "if guest.member_id is not None:",
        JOINING + "a_members_own_purchase_and_an_old_receipt_are_not_claimed",
    ),
    guard(
        "An old receipt is not claimed",
        "actions/claim.py",
        "if at < call.now - timedelta(days=days):",
        JOINING + "a_members_own_purchase_and_an_old_receipt_are_not_claimed",
    ),
    guard(
        "What went back whole is not claimed",
        "actions/claim.py",
        "if refunded and refunded == guest.total:",
        JOINING + "a_purchase_that_went_back_whole_is_not_claimed",
    ),
    guard(
        "Staff claim within the cap",
        "actions/claim.py",
        "require_staff_cap(admitted, guest.total)",
        JOINING + "staff_claim_no_more_than_they_may_enter_at_once",
        new="None",
    ),
    guard(
        "An invite is used as often as it may be",
        "actions/enrol.py",
        "if int(row.n or 0) >= invite.uses:",
        JOINING + "an_invite_lets_one_person_in_and_a_shared_one_so_many",
    ),
    guard(
        "An invite ends on its day",
        "actions/enrol.py",
        "if invite.expires_on is not None and invite.expires_on < today:",
        JOINING + "an_invite_ends_on_its_day_or_when_the_owner_ends_it",
    ),
    guard(
        "A program by invitation asks for one",
        "actions/enrol.py",
        'elif program.enrolment.mode == "invite":',
        JOINING + "an_invite_lets_one_person_in_and_a_shared_one_so_many",
        new="elif False:",
    ),
    guard(
        "A pilot takes so many",
        "actions/enrol.py",
        "if int(row.n or 0) >= most:",
        JOINING + "a_pilot_takes_so_many_and_ends_on_its_day",
    ),
    guard(
        "Who left is not welcomed again at once",
        "actions/enrol.py",
        "points = 0 if welcomed_before else program.enrolment.welcome_points",
        FRAUD + "joining_leaving_and_joining_again_is_welcomed_once",
        new="points = program.enrolment.welcome_points",
    ),
    # merging
    guard(
        "Nobody is merged with themselves",
        "actions/merge.py",
        "if target_id == source_id:",
        MERGING + "a_circle_is_refused",
    ),
    guard(
        "The same key for another merge is a conflict",
        "actions/merge.py",
        "if known.fingerprint != asked:",
        MERGING + "the_same_merge_again_is_answered_as_the_first_time_forever",
    ),
    guard(
        "Two accounts' rewards are counted together",
        "domain/merging.py",
        "taken={reward: source.taken.get(reward, 0) + target.taken.get(reward, 0) for reward in rewards},",
        FRAUD + "two_accounts_merged_have_the_limits_of_one",
        new="taken=target.taken,",
    ),
    guard(
        "Two accounts' daily caps are counted together",
        "domain/merging.py",
        "days=_sum(target.days, source.days),",
        FRAUD + "two_accounts_merged_have_the_limits_of_one",
        new="days={},",
    ),
    guard(
        "Two accounts' check-ins are counted together",
        "domain/merging.py",
        "check_ins=(day, visits),",
        FRAUD + "two_accounts_merged_have_the_limits_of_one",
        new="check_ins=(0, 0),",
    ),
    # referrals
    guard(
        "One mailbox is one person",
        "domain/referral.py",
        'if {mailbox(value) for value in _all(one, "email")} & {mailbox(value) for value in _all(other, "email")}:',
        FRAUD + "referring_oneself_brings_nothing_however_the_second_account_is_dressed",
    ),
    guard(
        "One phone is one person",
        "domain/referral.py",
        'if {digits(value) for value in _all(one, "phone")} & {digits(value) for value in _all(other, "phone")}:',
        FRAUD + "referring_oneself_brings_nothing_however_the_second_account_is_dressed",
    ),
    guard(
        "One payment card is one person",
        "actions/settle_referral.py",
        "if own and own & {made.payment for made in _purchases(program_id, advocate)}:",
        FRAUD + "referring_oneself_brings_nothing_however_the_second_account_is_dressed",
    ),
    guard(
        "A ring is paid to nobody",
        "actions/settle_referral.py",
        "if _leads_back(program_id, advocate, friend):",
        REFERRALS + "a_ring_that_a_merge_closed_is_refused",
    ),
    guard(
        "A friend's purchase is of the minimum",
        "domain/referral.py",
        'if referral.state == "settling" or worth(purchase, refunded) < least(rule):',
        REFERRALS + "a_purchase_below_the_minimum_starts_nothing",
        new='if referral.state == "settling":',
    ),
    guard(
        "A purchase that went back does not qualify",
        "domain/referral.py",
        "if worth(purchase, refunded) < least(rule):",
        FRAUD + "friends_who_only_split_the_minimum_bring_nothing",
    ),
    guard(
        "An advocate is paid so often a year",
        "domain/referral.py",
        "if advocate is None or capped:",
        REFERRALS + "beyond_the_yearly_cap_only_the_friend_is_paid_and_a_new_year_counts_anew",
        new="if advocate is None:",
    ),
    guard(
        "Who bought before joining was brought by nobody",
        "actions/enrol.py",
        "if reason is None and bought_before(admitted, contact, 0, 1):",
        REFERRALS + "somebody_who_bought_before_joining_is_refused",
    ),
    # payments
    guard(
        "A webhook is signed by the provider's secret",
        "payments/signing.py",
        "if not found:",
        SIGNED + "another_programs_secret_or_none_at_all_is_refused",
    ),
    guard(
        "A webhook's time is at most five minutes away",
        "payments/signing.py",
        "abs(now.timestamp() - int(seconds)) > TOLERANCE_SECONDS",
        SIGNED + "a_timestamp_300_seconds_away_passes_and_301_is_refused_on_either_side",
        new="False",
    ),
    guard(
        "A blank secret signs nothing",
        "payments/stripe.py",
        "for secret in secrets if secret]",
        SIGNED + "a_secret_left_blank_is_nobodys_key",
        new="for secret in secrets]",
    ),
    guard(
        "A sale told by shop and provider under one name is one sale",
        "actions/earn.py",
        "if known is not None:",
        ORDER + "the_shops_own_telling_decides_whether_it_comes_before_or_after_the_providers",
    ),
    # time
    guard(
        "Nobody is moved before midnight in the shop's zone",
        "actions/walk.py",
        "return item.day <= local_day(as_of, known[item.program_id].program.time_zone)",
        WALK + "nobody_is_moved_before_midnight_in_the_programs_own_zone",
        new="return True",
    ),
    guard(
        "One birthday a year",
        "domain/yearly.py",
        "if head.birthday_paid:",
        FRAUD + "a_birthday_that_moves_every_month_comes_once_a_year",
    ),
    # who guesses, dates back, or sends what nobody should
    guard(
        "Who guesses vouchers waits",
        "actions/guessing.py",
        "if left > 0:",
        GUESSING + "guessing_vouchers_slows_down_and_is_limited",
    ),
    guard(
        "A wrong code counts",
        "store/guesses.py",
        "note(Row(*key(program_id, who)), ",
        GUESSING + "every_way_to_try_a_code_counts_and_waits",
        new="str(",
    ),
    guard(
        "Staff date nothing back beyond their days",
        "actions/admission.py",
        'if admitted.role == "staff" and days is not None and at is not None and at < now - timedelta(days=days):',
        FRAUD + "staff_do_not_choose_a_rule_by_dating_a_sale_back",
    ),
    guard(
        "A moment lies in years that every time zone can tell",
        "api/requests.py",
        "if isinstance(moment, datetime) and not EARLIEST <= moment.year <= LATEST:",
        "tests/fuzz/test_found.py::test_a_moment_outside_of_every_calendar_is_refused",
    ),
    guard(
        "Who may not call learns nothing from what the call itself reads",
        "api/door.py",
        "if asked.operation.roles and errors.STATUS.get(error.code) == 400:",
        "tests/fuzz/test_found.py::test_whoever_may_not_call_learns_nothing_from_what_a_handler_reads",
    ),
    guard(
        "Nothing longer than a key may be reaches one",
        "api/door.py",
        "or len(text.encode()) > MOST_PARAMETER",
        "tests/fuzz/test_found.py::test_what_is_too_long_for_a_key_never_reaches_one",
        new="or False",
    ),
    guard(
        "Nothing empty is searched for",
        "store/members.py",
        "if start.strip() and not beginning:",
        "tests/fuzz/test_found.py::test_a_search_for_nothing_that_counts_finds_nobody",
    ),
    # readings torn apart
    Guard(
        name="What cards paid is read after the purchase that counts them",
        cuts=(
            (
                "chalicelib/actions/refund.py",
                "[purchase_key, refund_key, claim_key]",
                "[purchase_key, refund_key, claim_key, *gift_cards.slots(program_id, order_id)]",
            ),
            (
                "chalicelib/actions/refund.py",
                "cards = gift_card.put_back(spends, ",
                "cards = gift_card.put_back(admitted.found, ",
            ),
        ),
        tests=(TORN_SALE + "[told_by_the_shop]",),
    ),
    guard(
        "A claim that came between two items of a reading is seen",
        "actions/tell.py",
        "if booked and self.row is not None and self.claimed != (self.row.m is not None):",
        TORN_SALE + "[a_guests_told_by_both]",
    ),
    guard(
        "What waits for its payment is not read without what it waits for",
        "actions/tell.py",
        'if self.row is not None and self.row.t == "WAITING" and self.story_row is None:',
        TORN_SALE + "[told_by_the_shop]",
    ),
    guard(
        "A story older than the purchase beside it decides nothing",
        "store/stories.py",
        "if version(story) < int(purchase.s or 0):",
        TORN_SALE + "[told_by_the_provider]",
    ),
    guard(
        "A claim commits only what no telling moved",
        "store/entries.py",
        "& Row.m.does_not_exist() & unmoved",
        TORN_SALE + "[told_by_the_provider]",
        new="& Row.m.does_not_exist()",
    ),
    guard(
        "Nobody is refused for what the same call did before",
        "actions/attempt.py",
        "looked = not cause",
        TORN_MEMBER,
        new="looked = True",
    ),
]
