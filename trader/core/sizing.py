"""How many contracts an edge is worth: fractional Kelly of equity, shrunk by what the chance rests on."""

from decimal import ROUND_FLOOR, Decimal

from trader.domain.risk import RiskLimits

ZERO = Decimal(0)
_MICRO = Decimal("0.000001")


def evidence(pairs: float, sd: float, max_sd: float) -> Decimal:
    """Return what a forecast's record counts for, in pairs of forecast and outcome, never negative.

    ``pairs`` are those behind the forecast, ``sd`` its spread, ``max_sd`` the spread above which it is not
    traded, in the same unit. A spread at the limit leaves nothing, half of it three quarters: the share of
    the limit's variance that is left. An assumption, not fitted.
    """
    share = max(0.0, 1.0 - (sd / max_sd) ** 2)
    return Decimal(round(max(0.0, pairs) * share, 6)).quantize(_MICRO)


def shrunk(p_win: Decimal, cost: Decimal, known: Decimal) -> Decimal:
    """Return the share, 0 to 1, of a Kelly stake that is left when ``p_win`` rests on ``known`` pairs.

    edge^2 / (edge^2 + variance of the estimate), with edge = p - c and the variance p (1 - p) / pairs of a
    frequency. Source: Baker and McHale, "Optimal betting under parameter uncertainty", Decision Analysis 10
    (2013), the shrinkage (their equation for small stakes) in a contract's terms, where the odds are 1 / c.
    """
    edge = p_win - cost
    if known <= 0 or edge <= 0:
        return ZERO
    return edge * edge / (edge * edge + p_win * (1 - p_win) / known)


def kelly_contracts(
    p_win: Decimal, cost: Decimal, equity_usd: Decimal, limits: RiskLimits, known: Decimal
) -> Decimal:
    """Return whole contracts, 0 to ``limits.max_contracts``.

    A contract of ``cost`` dollars (price plus fee) that pays one dollar with probability ``p_win`` has the
    full Kelly stake (p - c) / (1 - c) of equity (Kelly, Bell System Technical Journal 35, 1956);
    ``limits.kelly_fraction`` of it is taken, because the market is usually the better forecaster, and of that
    the share that ``shrunk`` leaves for ``known`` pairs of evidence.
    """
    if not ZERO < cost < 1 or p_win <= cost or equity_usd <= 0:
        return ZERO
    fraction = limits.kelly_fraction * shrunk(p_win, cost, known)
    stake = fraction * (p_win - cost) / (1 - cost) * equity_usd
    return min(Decimal(limits.max_contracts), (stake / cost).to_integral_value(ROUND_FLOOR))


def to_trade(target: Decimal, held: Decimal, depth: Decimal) -> Decimal:
    """Return whole contracts still missing to the target, no more than ``depth``, never negative."""
    missing = (target - held).to_integral_value(ROUND_FLOOR)
    return max(ZERO, min(missing, depth.to_integral_value(ROUND_FLOOR)))
