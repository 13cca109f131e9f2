"""Conditions on writes: what holds when two decisions were made from the same reading."""

from __future__ import annotations

from tests.guards import RACES, Guard, guard, together

VERSION = guard(
    "A head is rewritten only as it was read",
    "store/members.py",
    "head_row(program_id, msgspec.structs.replace(after, version=before.version + 1)), Row.v == before.version",
    RACES + "two_orders_of_one_member_at_once_both_earn",
    new="head_row(program_id, msgspec.structs.replace(after, version=before.version + 1))",
)
PURCHASE = guard(
    "An order id is booked once",
    "store/entries.py",
    "compared by the next refund\n    return put_new(row)",
    RACES + "two_sales_under_one_guests_order_id_at_once_leave_the_first",
    new="compared by the next refund\n    return Write(row)",
)
REFUND = guard(
    "A refund id is booked once",
    "store/entries.py",
    'return put_new(entry_row(program, key, "REFUND", refund))',
    RACES + "the_same_refund_twice_at_once_is_booked_once",
    new='return Write(entry_row(program, key, "REFUND", refund))',
    covered_by="A purchase's refunded total moves only as it was read",
)
REFUNDED = guard(
    "A purchase's refunded total moves only as it was read",
    "store/entries.py",
    "(Row.n == int(row.n or 0)) & unpaid_since(row) & Row.v",
    RACES + "two_refunds_at_once_never_exceed_the_purchase",
    new="unpaid_since(row) & Row.v",
)
VOUCHER = guard(
    "A redemption issues its voucher once",
    "store/vouchers.py",
    "valid_until + 1)\n    return put_new(row)",
    RACES + "the_same_redemption_twice_at_once_debits_once",
    new="valid_until + 1)\n    return Write(row)",
    covered_by="A head is rewritten only as it was read",
)
SETTLED = guard(
    "A voucher ends once",
    "store/vouchers.py",
    "chained: bool) -> Write:\n    return put_new(",
    RACES + "one_voucher_is_used_by_one_of_two_orders_at_once",
    new="chained: bool) -> Write:\n    return Write(",
)
STOCK = guard(
    "The last one in stock is taken once",
    "store/vouchers.py",
    "return Write(row, free, actions=(Row.n.add(1)",
    RACES + "the_last_one_in_stock_goes_to_one_of_two_members_at_once",
    new="return Write(row, None, actions=(Row.n.add(1)",
)
STOCK_BACK = guard(
    "Stock is not given back below nothing",
    "store/vouchers.py",
    "Write(row, Row.n > 0, actions=(Row.n.add(-1),))",
    "tests/api/test_rewards.py::test_stock_ends_and_a_cancellation_gives_it_back",
    new="Write(row, None, actions=(Row.n.add(-1),))",
    covered_by="A voucher ends once",
)
ENTRY = guard(
    "Any other cause is booked once",
    "store/entries.py",
    'return put_new(entry_row(program, keys.cause(program.program_id, *entry.cause), "ENTRY", entry))',
    "tests/api/test_replays.py::test_the_same_key_with_other_content_is_a_conflict",
    new='return Write(entry_row(program, keys.cause(program.program_id, *entry.cause), "ENTRY", entry))',
    covered_by="A head is rewritten only as it was read",
)
IDENTITY = guard(
    "An identity belongs to one member, from joining on",
    "store/members.py",
    "*(put_new(identity(program_id, kind, value, head.member_id)) for kind, value in identities),",
    RACES + "one_email_enrolled_twice_at_once_is_one_member",
    new="*(Write(identity(program_id, kind, value, head.member_id)) for kind, value in identities),",
)
IDENTITY_CHANGED = guard(
    "An identity belongs to one member, after a change too",
    "actions/change_contact.py",
    "put_new(members.identity(program_id, kind, value, member_id))",
    RACES + "one_email_taken_by_two_members_at_once_goes_to_the_first",
    new="Write(members.identity(program_id, kind, value, member_id))",
)
CONTACT = guard(
    "A contact is rewritten only as it was read",
    "actions/change_contact.py",
    "after, version + 1), Row.v == version)]",
    RACES + "two_changes_of_one_contact_at_once_both_stay",
    new="after, version + 1))]",
)
PROGRAM = guard(
    "A program is rewritten only at the version that was read",
    "store/programs.py",
    "Write(_row(keys.program(program_id), new), Row.v == old.version),",
    RACES + "two_changes_of_the_program_at_once_leave_the_first",
    new="Write(_row(keys.program(program_id), new)),",
    covered_by="A program's version is written once",
)
PROGRAM_VERSION = guard(
    "A program's version is written once",
    "store/programs.py",
    "put_new(_row(keys.program_version(program_id, new.version), new)),",
    RACES + "two_changes_of_the_program_at_once_leave_the_first",
    new="Write(_row(keys.program_version(program_id, new.version), new)),",
    covered_by="A program is rewritten only at the version that was read",
)
PROGRAM_NEW = guard(
    "A program's id is taken once",
    "store/programs.py",
    "put_new(_row(keys.program(new.program.program_id), new)),",
    "tests/api/test_program.py::test_the_operator_creates_a_program_once_and_can_always_issue_an_owner_key",
    new="Write(_row(keys.program(new.program.program_id), new)),",
    covered_by="The first version of a program is written once",
)
PROGRAM_FIRST = guard(
    "The first version of a program is written once",
    "store/programs.py",
    "put_new(_row(keys.program_version(new.program.program_id, new.version), new)),",
    "tests/api/test_program.py::test_the_operator_creates_a_program_once_and_can_always_issue_an_owner_key",
    new="Write(_row(keys.program_version(new.program.program_id, new.version), new)),",
    covered_by="A program's id is taken once",
)
PROGRAM_LISTED = guard(
    "A program is listed once",
    "store/programs.py",
    'put_new(Row(*keys.listed_program(new.program.program_id), t="LISTED")),',
    "tests/api/test_program.py::test_the_operator_creates_a_program_once_and_can_always_issue_an_owner_key",
    new='Write(Row(*keys.listed_program(new.program.program_id), t="LISTED")),',
    covered_by="A program's id is taken once",
)

GUARDS: list[Guard] = [
    VERSION,
    PURCHASE,
    REFUND,
    REFUNDED,
    together(
        "A refund id, and the refunded total as it was read",
        [REFUND, REFUNDED, VERSION],
        RACES + "the_same_refund_twice_at_once_is_booked_once",
    ),
    VOUCHER,
    together(
        "A redemption's voucher once, and the head as it was read",
        [VOUCHER, VERSION],
        RACES + "the_same_redemption_twice_at_once_debits_once",
    ),
    ENTRY,
    SETTLED,
    STOCK,
    STOCK_BACK,
    IDENTITY,
    IDENTITY_CHANGED,
    CONTACT,
    PROGRAM,
    PROGRAM_VERSION,
    together(
        "A program's version as it was read, and once",
        [PROGRAM, PROGRAM_VERSION],
        RACES + "two_changes_of_the_program_at_once_leave_the_first",
    ),
    PROGRAM_NEW,
    PROGRAM_FIRST,
    PROGRAM_LISTED,
    together(
        "A program's id once, its first version once, and listed once",
        [PROGRAM_NEW, PROGRAM_FIRST, PROGRAM_LISTED],
        "tests/api/test_program.py::test_the_operator_creates_a_program_once_and_can_always_issue_an_owner_key",
    ),
]
