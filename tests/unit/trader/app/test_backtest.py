"""What a backtest may conclude from its books."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from trader.app.backtest import Settled, conclude, drawdown, per_position
from trader.ports.ops_store import EquityPoint

START = datetime(2031, 1, 1, tzinfo=UTC)


def positions(*, days: int, a_day: int, pnl: list[str]) -> list[Settled]:
    first = date(2031, 1, 1)
    return [
        Settled(
            f"T-{day}-{n}", "NYC", first + timedelta(days=day), Decimal(pnl[(day * a_day + n) % len(pnl)])
        )
        for day in range(days)
        for n in range(a_day)
    ]


def curve(*equity: int) -> list[EquityPoint]:
    return [
        EquityPoint(
            finished_at=START + timedelta(minutes=n),
            starting_capital_usd=Decimal(5000),
            equity_usd=Decimal(usd),
            peak_profit_usd=None,
        )
        for n, usd in enumerate(equity)
    ]


@pytest.mark.parametrize(
    ("equity", "usd", "share"),
    [((5000, 5200, 4900, 5100), 300, 300 / 5200), ((5000, 4900, 6000, 5850), 150, 0.025), ((5000,), 0, 0.0)],
)
def test_the_deepest_drawdown_is_measured_from_the_peak_before_it(
    equity: tuple[int, ...], usd: int, share: float
) -> None:
    found = drawdown(curve(*equity))

    assert found[0] == usd
    assert found[1] == pytest.approx(share)


@pytest.mark.parametrize(("days", "a_day"), [(29, 10), (49, 2), (30, 3)])
def test_below_thirty_days_or_a_hundred_positions_nothing_is_concluded(days: int, a_day: int) -> None:
    rows = positions(days=days, a_day=a_day, pnl=["5"])

    assert per_position(rows) is None
    said = conclude(rows, None)
    assert said.startswith(f"not enough data: {len(rows)} settled positions on {days} days")
    assert "prove neither an edge nor its absence" in said


@pytest.mark.parametrize(
    ("pnl", "verdict"),
    [
        (["1", "2"], "above zero"),
        (["-1", "-2"], "it loses money"),
        (["10", "-9", "-10", "9.2"], "an edge is not proven"),
    ],
)
def test_the_interval_decides_what_is_said(pnl: list[str], verdict: str) -> None:
    rows = positions(days=40, a_day=3, pnl=pnl)

    estimate = per_position(rows)

    assert estimate is not None
    assert estimate.value == pytest.approx(float(sum(row.pnl_usd for row in rows)) / 120)
    assert verdict in conclude(rows, estimate)


def test_days_are_resampled_whole() -> None:
    """Positions of one day stand or fall together: the interval is as wide as the days differ."""
    together = positions(days=50, a_day=10, pnl=["1"] * 10 + ["-1"] * 10)
    alone = positions(days=500, a_day=1, pnl=["1", "-1"])

    wide, narrow = per_position(together), per_position(alone)

    assert wide is not None
    assert narrow is not None
    assert wide.hi - wide.lo > 2.5 * (narrow.hi - narrow.lo)
