"""The exchange's trading fee, exact to the last digit it books.

Source: the exchange's fee schedule effective 2026-07-07 and its fee-rounding page of October 2026. Two
recorded demo fills (0.0175 and 0.0007) and the documented example (0.0050) come out exactly.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

TAKER_RATE = Decimal("0.07")
DIRECT_MEMBER_PRECISION = Decimal("0.0001")
"""Dollars to which a direct member's balance is kept; an account through a broker has 0.01."""

_MODEL_PRECISION = Decimal("0.000001")


def model_fee(qty: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """Return multiplier x 0.07 x C x P x (1 - P) in dollars before any rounding; the same for YES and NO.

    Raises ValueError for a price outside 0 to 1 or a negative quantity or multiplier.
    """
    if not (0 <= price <= 1 and qty >= 0 and multiplier >= 0):
        raise ValueError(
            f"fee: expected price in 0..1, quantity and multiplier from 0, found {price}, {qty}, {multiplier}"
        )
    return multiplier * TAKER_RATE * qty * price * (1 - price)


class FeeAccumulator:
    """Fees of the fills of ONE order; what rounding took too much returns in whole units of ``precision``.

    The exchange charges the model fee rounded up to a millionth and books the balance change rounded down to
    ``precision``; the difference accumulates per order and is rebated when it reaches a unit.
    """

    def __init__(self, multiplier: Decimal, *, precision: Decimal = DIRECT_MEMBER_PRECISION) -> None:
        self._multiplier = multiplier
        self._precision = precision
        self._carried = Decimal(0)

    def charge(self, qty: Decimal, price: Decimal, *, is_buy: bool = True) -> Decimal:
        """Return the next fill's net fee in dollars, from 0. ``price`` is dollars of the filled side."""
        trade = model_fee(qty, price, self._multiplier).quantize(_MODEL_PRECISION, ROUND_CEILING)
        revenue = -qty * price if is_buy else qty * price
        aligned = _floor_to(revenue - trade, self._precision)
        rounding = revenue - trade - aligned
        self._carried += rounding
        rebate = min(_floor_to(self._carried, self._precision), _floor_to(trade + rounding, self._precision))
        self._carried -= rebate
        return trade + rounding - rebate


def trade_fee(
    qty: Decimal, price: Decimal, multiplier: Decimal, *, precision: Decimal = DIRECT_MEMBER_PRECISION
) -> Decimal:
    """Return the taker fee in dollars of an order bought in one fill of ``qty`` contracts at ``price``.

    An order filled in several pieces pays the sum of ``FeeAccumulator.charge`` instead.
    """
    return FeeAccumulator(multiplier, precision=precision).charge(qty, price)


def _floor_to(value: Decimal, unit: Decimal) -> Decimal:
    return (value / unit).to_integral_value(ROUND_FLOOR) * unit
