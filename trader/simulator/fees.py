"""The exchange's fee, written from its published rule and not from the trader's code: a second opinion.

Source: kalshi-api.md 10 (schedule effective 2026-07-07, rounding page of September 2026). Dollars, Decimal.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

TAKER_RATE = Decimal("0.07")
DIRECT = Decimal("0.0001")
"""Balance precision of a direct member; a non-direct member's is 0.01."""
_MICRO = Decimal("0.000001")


def model_fee(count: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """Return the unrounded taker fee for ``count`` contracts at ``price``; the same at 1 - price."""
    return multiplier * TAKER_RATE * count * price * (1 - price)


class FeeAccumulator:
    """Rounding remainders of one order, across its fills."""

    def __init__(self, precision: Decimal = DIRECT) -> None:
        self._precision, self._held = precision, Decimal(0)

    def charge(self, revenue: Decimal, count: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
        """Return the net fee of one fill, never negative.

        ``revenue`` is the fill's signed cash before fees (negative for a purchase). The fee is rounded up
        to a millionth, the cash after it down to the balance precision; what that took is remembered and
        given back in whole units of the precision.
        """
        trade_fee = model_fee(count, price, multiplier).quantize(_MICRO, ROUND_CEILING)
        exact = revenue - trade_fee
        rounding = exact - exact.quantize(self._precision, ROUND_FLOOR)
        self._held += rounding
        whole_units = self._held.quantize(self._precision, ROUND_FLOOR)
        rebate = min(whole_units, (trade_fee + rounding).quantize(self._precision, ROUND_FLOOR))
        self._held -= rebate
        return trade_fee + rounding - rebate
