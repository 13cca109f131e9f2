"""What was bought, as plain data: all that the driver and the independent computation have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Line:
    """One line of a basket; ``cents`` are the line's, and ``department`` is None where the grocer knew none."""

    sku: str
    department: str | None
    quantity: int
    cents: int


@dataclass(frozen=True)
class Basket:
    """One visit of a household; ``coupons`` are the cents that manufacturers' coupons paid of it."""

    household: int
    basket_id: int
    at: datetime
    lines: tuple[Line, ...]
    coupons: int


@dataclass(frozen=True)
class Receipt:
    """A basket as it was paid. ``itemised``: whoever tells it also tells its lines, as a payment provider does not."""

    basket: Basket
    delivery: int
    tax: int
    voucher: int = 0
    itemised: bool = True

    @property
    def listed(self) -> int:
        return sum(line.cents for line in self.basket.lines)

    @property
    def goods(self) -> int:
        """What was paid for the goods: coupons and a voucher paid the rest."""
        return max(0, self.listed - self.basket.coupons - self.voucher)

    @property
    def total(self) -> int:
        return self.goods + self.delivery + self.tax
