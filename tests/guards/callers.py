"""Who may call and what they may send: keys, roles, tokens, origins, sizes, unknown fields."""

from __future__ import annotations

from tests.guards import API, Guard, guard, together

CREDENTIALS, ERRORS = API + "credentials.py::test_", API + "errors.py::test_"
ORIGINS, PROGRAM = API + "origins.py::test_", API + "program.py::test_"

WHOLE_TEXT = guard(
    "A key is found by its whole text",
    "actions/admission.py",
    "return hashlib.sha256(key.encode()).hexdigest()",
    PROGRAM + "a_key_of_one_program_does_nothing_in_another",
    new='return hashlib.sha256(key.rpartition("_")[2].encode()).hexdigest()',
    covered_by="A key belongs to one program",
)
ONE_PROGRAM = guard(
    "A key belongs to one program",
    "actions/admission.py",
    "if key.program_id != credential.program_id:",
    PROGRAM + "a_key_of_one_program_does_nothing_in_another",
    covered_by="A key is found by its whole text",
)

GUARDS: list[Guard] = [
    guard(
        "A role does what it is for, and nothing else",
        "actions/admission.py",
        'if role not in credential.roles and not (role == "owner" and credential.roles & set(KEY_ROLES)):',
        CREDENTIALS + "every_call_refuses_the_roles_that_it_does_not_name",
    ),
    guard(
        "An owner is not a member",
        "actions/admission.py",
        'not (role == "owner" and credential.roles & set(KEY_ROLES)):',
        CREDENTIALS + "every_call_refuses_the_roles_that_it_does_not_name",
        new='not (role == "owner"):',
    ),
    guard(
        "An unknown or revoked key is refused",
        "actions/admission.py",
        "if key_key not in found:\n            unauthorized()",
        PROGRAM + "a_revoked_key_is_refused_at_once_and_stays_in_the_list",
        new="if False:\n            unauthorized()",
    ),
    WHOLE_TEXT,
    ONE_PROGRAM,
    together(
        "A key is found by its whole text, and belongs to one program",
        [WHOLE_TEXT, ONE_PROGRAM],
        PROGRAM + "a_key_of_one_program_does_nothing_in_another",
    ),
    guard(
        "A token is signed by this deployment",
        "api/auth.py",
        '"verify_exp": False,',
        CREDENTIALS + "a_forged_token_is_refused",
        new='"verify_exp": False, "verify_signature": False,',
    ),
    guard(
        "A token is for members' calls",
        "api/auth.py",
        "            audience=_AUDIENCE,\n            # The time",
        CREDENTIALS + "a_token_of_this_deployment_made_for_something_else_is_refused",
        new='            audience=[_AUDIENCE, "other"],\n            # The time',
    ),
    guard(
        "A token ends",
        "api/auth.py",
        'claims["exp"] * 1000 <= milliseconds(now)',
        CREDENTIALS + "a_members_token_ends_after_an_hour",
        new="False",
    ),
    guard(
        "A token's member is of the token's program",
        "actions/admission.py",
        'if head_key not in found or members.head_of(found[head_key]).status != "active":',
        CREDENTIALS + "a_token_of_one_program_finds_nobody_in_another",
    ),
    guard(
        "A member's new email finds nobody until it is confirmed",
        "api/me.py",
        "changes_of(asked.body), identify=False)",
        CREDENTIALS + "a_member_changes_their_contact_but_a_new_email_finds_nobody_yet",
        new="changes_of(asked.body), identify=True)",
    ),
    guard(
        "Listing members is for staff and owners",
        "api/members.py",
        'credential=asked.credential.asking("staff", "owner")',
        API + "members.py::test_a_storefront_may_look_one_member_up_but_not_list_them",
        new="credential=asked.credential",
    ),
    guard(
        "Whoever may not call learns nothing about the body",
        "api/door.py",
        "if operation.roles:\n                # Whoever",
        CREDENTIALS + "whoever_may_not_call_learns_nothing_about_the_body",
        new="if False:\n                # Whoever",
    ),
    guard(
        "An Idempotency-Key is asked for",
        "api/door.py",
        'if given is None:\n            raise Refused("idempotency_key_required"',
        ERRORS + "a_call_marked_idempotent_asks_for_its_key",
        new='if False:\n            raise Refused("idempotency_key_required"',
    ),
    guard(
        "Bodies have a largest size",
        "api/door.py",
        "if len(raw) > operation.most_bytes:",
        ERRORS + "a_body_that_is_too_large_is_refused",
    ),
    guard(
        "Unknown query parameters are refused",
        "api/door.py",
        "if unknown:",
        ERRORS + "every_call_refuses_query_parameters_that_it_does_not_know",
    ),
    guard(
        "Unknown fields are refused",
        "api/requests.py",
        "class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):",
        ERRORS + "every_body_refuses_fields_that_it_does_not_know",
        new="class Body(msgspec.Struct, frozen=True, kw_only=True):",
    ),
    guard(
        "A field stands once in an object",
        "domain/reading.py",
        "if len(fields) != len(pairs):",
        ERRORS + "what_is_not_the_json_asked_for_is_refused",
    ),
    guard(
        "An id from outside cannot reach into another's key",
        "domain/text.py",
        'pattern=r"^[A-Za-z0-9._:@+/=-]{1,128}$(?!\\n)",',
        API + "purchases.py::test_ids_may_hold_every_character_that_the_contract_allows",
        new='pattern=r"^[^ ]{1,128}$(?!\\n)",',
    ),
    guard(
        "An answer names an origin of its own program only",
        "api/door.py",
        "programs.origin_is_known(origin) if not program_id else programs.origin_is_allowed(program_id, origin)",
        ORIGINS + "an_answer_names_an_origin_of_its_own_program_only",
        new="programs.origin_is_known(origin)",
    ),
    guard(
        "A preflight answers known origins alone",
        "api/door.py",
        "len(origin) <= 200 and programs.origin_is_known(origin):",
        ORIGINS + "a_preflight_answers_known_origins_alone",
        new="len(origin) <= 200:",
    ),
    guard(
        "A fault of ours tells nothing of itself",
        "api/door.py",
        '"internal_error", "This is our fault; nothing was half done. Send it again later."',
        ERRORS + "a_fault_of_ours_tells_nothing_of_itself",
        new='"internal_error", str(error)',
    ),
]
