"""What never happens to stored items, by the rule that it breaks; and what each refusal says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chalicelib.domain import audit
from chalicelib.domain.errors import DomainError, Fault, Invalid, Refused, Unavailable
from chalicelib.domain.member import NEVER, Head

BEFORE = Head(member_id="m", enrolled_ms=0, version=4, sequence=7, lots={NEVER: 10}, spent=3, pending={9: {NEVER: 5}})
NEXT = replace(BEFORE, version=5)


@pytest.mark.parametrize(
    ("after", "rule"),
    [
        (None, "head_deleted"),
        (BEFORE, "version_skipped"),
        (replace(BEFORE, version=3), "version_skipped"),
        (replace(BEFORE, version=6), "version_skipped"),
        (replace(NEXT, sequence=6), "chain_shortened"),
        (replace(NEXT, sequence=6, spent=2), "chain_shortened"),
        (replace(NEXT, spent=2), "balance_without_entry"),
        (replace(NEXT, lots={NEVER: 11}), "balance_without_entry"),
        (replace(NEXT, pending={9: {NEVER: 4}}), "balance_without_entry"),
        (replace(NEXT, lots={NEVER: 15}, pending={}), "balance_without_entry"),
    ],
)
def test_a_change_of_a_head_that_no_code_makes_is_named_by_its_rule(after: Head | None, rule: str) -> None:
    assert audit.of_head(BEFORE, after) == rule


@pytest.mark.parametrize(
    "after",
    [
        NEXT,
        replace(NEXT, purchases=9),
        replace(NEXT, lots={NEVER: 8}, spent=1),
        replace(NEXT, sequence=8, spent=2),
        replace(NEXT, sequence=9, pending={}),
    ],
)
def test_a_change_of_a_head_by_the_next_version_breaks_no_rule(after: Head) -> None:
    assert audit.of_head(BEFORE, after) is None


def test_an_entry_is_never_deleted_and_never_edited() -> None:
    assert audit.of_entry("a", None) == "entry_deleted"
    assert audit.of_entry("a", "b") == "entry_edited"
    assert audit.of_entry(None, "b") == "entry_edited"
    assert audit.of_entry("a", "a") is None


FAULTS = [Fault(f"/{name}", f"No {name}.") for name in "abcde"]


@pytest.mark.parametrize(
    ("count", "detail"),
    [
        (1, "/a: No a."),
        (2, "/a: No a.; /b: No b."),
        (3, "/a: No a.; /b: No b.; /c: No c."),
        (4, "/a: No a.; /b: No b.; /c: No c. (and 1 more)"),
        (5, "/a: No a.; /b: No b.; /c: No c. (and 2 more)"),
    ],
)
def test_a_document_is_refused_with_its_first_faults_in_words_and_all_as_data(count: int, detail: str) -> None:
    invalid = Invalid(FAULTS[:count], "invalid_program")
    assert (invalid.code, invalid.detail, str(invalid)) == ("invalid_program", detail, detail)
    assert invalid.faults == FAULTS[:count]
    assert invalid.facts == {}


def test_a_fault_of_the_whole_document_stands_at_a_slash() -> None:
    invalid = Invalid([Fault("", "Too long.")])
    assert (invalid.code, invalid.detail) == ("invalid_request", "/: Too long.")


def test_a_refusal_keeps_its_code_its_sentence_and_its_facts() -> None:
    refused = Refused("too_few_points", "Collect 5 more.", missing=5, held=3)
    assert (refused.code, refused.detail, str(refused)) == ("too_few_points", "Collect 5 more.", "Collect 5 more.")
    assert refused.facts == {"missing": 5, "held": 3}
    assert isinstance(refused, DomainError)


def test_what_was_not_decided_may_be_sent_again() -> None:
    told = Unavailable()
    assert told.code == "unavailable"
    assert told.detail == "Too busy to decide now; nothing was changed. Send the same call again."
    assert str(Unavailable("Later.")) == Unavailable("Later.").detail == "Later."
