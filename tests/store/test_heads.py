"""A head comes back from its bytes as it was, whatever its days."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.member import IDLE, NEVER, Head
from chalicelib.store import heads

DAYS = st.sampled_from([IDLE, NEVER]) | st.integers(10_000, 90_000)
COUNTS = st.dictionaries(DAYS, st.integers(-(2**40), 2**40), max_size=8)


@given(lots=COUNTS, lapsed=COUNTS, days=COUNTS, window=COUNTS, pending=st.dictionaries(DAYS, COUNTS, max_size=4))
def test_a_head_is_read_as_it_was_written(
    lots: dict[int, int],
    lapsed: dict[int, int],
    days: dict[int, int],
    window: dict[int, int],
    pending: dict[int, dict[int, int]],
) -> None:
    head = Head(
        member_id="m1", enrolled_ms=1, lots=lots, lapsed=lapsed, days=days, window=window, pending=pending, spent=3
    )
    assert heads.decode(heads.encode(head)) == head


def test_a_further_day_takes_a_byte_beside_its_points() -> None:
    one = Head(member_id="m1", enrolled_ms=1, lots={20_000: 5})
    two = Head(member_id="m1", enrolled_ms=1, lots={20_000: 5, 20_031: 5})
    assert len(heads.encode(two)) == len(heads.encode(one)) + 2
