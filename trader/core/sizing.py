"""How many contracts an edge is worth: fractional Kelly of equity, whole contracts."""

from decimal import ROUND_FLOOR, Decimal

from trader.domain.risk import RiskLimits

ZERO = Decimal(0)


def kelly_contracts(p_win: Decimal, cost: Decimal, equity_usd: Decimal, limits: RiskLimits) -> Decimal:
    """Return whole contracts, 0 to ``limits.max_contracts``.

    A contract of ``cost`` dollars (price plus fee) that pays one dollar with probability ``p_win`` has the
    full Kelly stake (p - c) / (1 - c) of equity; ``limits.kelly_fraction`` of it is taken, because the
    probability is itself uncertain and the market is usually the better forecaster.
    """
    if not ZERO < cost < 1 or p_win <= cost or equity_usd <= 0:
        return ZERO
    stake = limits.kelly_fraction * (p_win - cost) / (1 - cost) * equity_usd
    return min(Decimal(limits.max_contracts), (stake / cost).to_integral_value(ROUND_FLOOR))


def to_trade(target: Decimal, held: Decimal, depth: Decimal) -> Decimal:
    """Return whole contracts still missing to the target, no more than ``depth``, never negative."""
    missing = (target - held).to_integral_value(ROUND_FLOOR)
    return max(ZERO, min(missing, depth.to_integral_value(ROUND_FLOOR)))
