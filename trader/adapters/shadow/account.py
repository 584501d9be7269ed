"""The simulated account: cash and one signed position per market, netted as the exchange nets."""

from dataclasses import dataclass
from decimal import Decimal

from trader.domain.orders import Fill, MarketResult, Settlement, VenuePosition
from trader.domain.types import Side, TradingMode

ZERO = Decimal(0)


@dataclass
class Held:
    """Contracts of one market, positive YES and negative NO; money in dollars."""

    count: Decimal = ZERO
    cost_usd: Decimal = ZERO
    realized_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO

    def of(self, side: Side) -> Decimal:
        return max(ZERO, self.count if side is Side.YES else -self.count)


class ShadowAccount:
    """Pure bookkeeping: the same fills and settlements give the same account, in one process or after a
    restart.
    """

    def __init__(self, capital_usd: Decimal) -> None:
        self.cash_usd = capital_usd
        self.held: dict[str, Held] = {}

    def position(self, ticker: str) -> Held:
        return self.held.setdefault(ticker, Held())

    def book(self, fill: Fill) -> None:
        """Pay for a fill; each pair of a YES and a NO that it completes is paid back as one dollar."""
        held = self.position(fill.ticker)
        closing = min(fill.qty, held.of(fill.side.other))
        opening = fill.qty - closing
        if closing:
            released = held.cost_usd * closing / held.of(fill.side.other)
            held.realized_usd += closing * (1 - fill.price) - released
            held.cost_usd -= released
        held.cost_usd += opening * fill.price
        held.count += fill.qty if fill.side is Side.YES else -fill.qty
        held.fees_usd += fill.fee
        self.cash_usd += closing - fill.qty * fill.price - fill.fee

    def pay(self, settlement: Settlement) -> None:
        """Receive a payout and close the position."""
        held = self.position(settlement.ticker)
        held.realized_usd += settlement.revenue_usd - held.cost_usd
        held.count, held.cost_usd = ZERO, ZERO
        self.cash_usd += settlement.revenue_usd

    def owed(self, result: MarketResult, mode: TradingMode) -> Settlement | None:
        """Return what a result pays on the open position, None when none is held."""
        held = self.held.get(result.ticker)
        if held is None or not held.count:
            return None
        return Settlement(
            ticker=result.ticker,
            event_ticker=result.event_ticker,
            result=result.result,
            yes_qty=held.of(Side.YES),
            no_qty=held.of(Side.NO),
            revenue_usd=held.of(Side.YES if result.result == "yes" else Side.NO),
            settled_at=result.determined_at,
            mode=mode,
        )

    def open_positions(self) -> tuple[VenuePosition, ...]:
        return tuple(
            VenuePosition(
                ticker=ticker,
                position=held.count,
                exposure_usd=held.cost_usd,
                realized_pnl_usd=held.realized_usd,
                fees_usd=held.fees_usd,
            )
            for ticker, held in sorted(self.held.items())
            if held.count
        )
