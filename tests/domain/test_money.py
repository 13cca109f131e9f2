"""Minor units and how an amount is told to people."""

from __future__ import annotations

import pytest

from chalicelib.domain.money import EXPONENTS, exponent, format_amount


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (350, "EUR", "3.50 EUR"),
        (5, "EUR", "0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (-350, "EUR", "-3.50 EUR"),
        (-5, "BHD", "-0.005 BHD"),
        (350, "KRW", "350 KRW"),
        (-350, "KRW", "-350 KRW"),
        (1250, "BHD", "1.250 BHD"),
        (10_000, "CLF", "1.0000 CLF"),
        (10**30 + 1, "HUF", "10000000000000000000000000000.01 HUF"),
    ],
)
def test_an_amount_is_told_with_its_currencys_decimals(amount: int, currency: str, told: str) -> None:
    assert format_amount(amount, currency) == told


def test_the_table_has_the_whole_list_each_code_once() -> None:
    assert len(EXPONENTS) == 165
    assert {decimals: list(EXPONENTS.values()).count(decimals) for decimals in (0, 2, 3, 4)} == {
        0: 17,
        2: 139,
        3: 7,
        4: 2,
    }
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)


@pytest.mark.parametrize("code", ["XAU", "XXX", "HRK", "eur", ""])
def test_what_is_no_currency_with_minor_units_is_unknown(code: str) -> None:
    with pytest.raises(KeyError):
        exponent(code)
