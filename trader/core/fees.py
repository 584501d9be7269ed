"""What a trade costs beside its price. The exact rounding rule is in ``trader.domain.fees``."""

from decimal import Decimal

from trader.domain.fees import FeeAccumulator, model_fee, trade_fee
from trader.domain.markets import Contract
from trader.domain.types import ReasonCode, Verdict

__all__ = ["FeeAccumulator", "check_fee_type", "maker_fee", "model_fee", "taker_fee", "trade_fee"]

MAKER_RATIO = Decimal("0.25")
"""Maker fees, where a series charges them, are 0.0175 against the taker's 0.07."""

_MAKER_MULTIPLIER = {"quadratic": Decimal(0), "quadratic_with_maker_fees": MAKER_RATIO}


def check_fee_type(contract: Contract) -> Verdict:
    """Allow only series whose fee we can compute to the last digit."""
    if contract.fee_type in _MAKER_MULTIPLIER:
        return Verdict(allowed=True)
    return Verdict(allowed=False, reasons=(ReasonCode.FEE_TYPE_UNKNOWN,))


def taker_fee(qty: Decimal, price: Decimal, multiplier: Decimal) -> Decimal:
    """Return dollars for taking ``qty`` contracts at ``price`` in one fill; several fills never cost more
    than one precision unit (0.0001 dollars) each beyond it.
    """
    return trade_fee(qty, price, multiplier)


def maker_fee(qty: Decimal, price: Decimal, contract: Contract) -> Decimal:
    """Return dollars for being taken: nothing, except where the series charges makers.

    Raises KeyError for a fee type that ``check_fee_type`` refuses.
    """
    return trade_fee(qty, price, contract.fee_multiplier * _MAKER_MULTIPLIER[contract.fee_type])
