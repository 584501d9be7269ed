"""The account's year as a table: every fill, fee, payout and transfer with the cash it moved."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

from trader.core import ledger
from trader.domain.types import TradingMode
from trader.ports.ops_store import OpsStore

EASTERN = ZoneInfo("America/New_York")
COLUMNS = (
    *("time_utc", "kind", "ticker", "side", "action", "qty_contracts", "price_usd", "fee_usd", "cash_usd"),
    "reference",
)


@dataclass(frozen=True)
class Line:
    """One movement of cash. ``cash_usd`` is signed and after fees; the columns before say what it was for."""

    at: datetime
    kind: str
    cash_usd: Decimal
    reference: str
    ticker: str = ""
    side: str = ""
    action: str = ""
    qty: Decimal | None = None
    price_usd: Decimal | None = None
    fee_usd: Decimal | None = None

    def cells(self) -> list[str]:
        numbers = (self.qty, self.price_usd, self.fee_usd, self.cash_usd)
        shown = ["" if number is None else _plain(number) for number in numbers]
        stamp = self.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return [stamp, self.kind, self.ticker, self.side, self.action, *shown, self.reference]


@dataclass(frozen=True)
class Year:
    """Lines of one Eastern calendar year, oldest first, the cash before and after them, and the growth of a
    dollar that was there all along (None before two cycles).
    """

    year: int
    mode: TradingMode
    lines: tuple[Line, ...]
    opening_usd: Decimal
    closing_usd: Decimal
    return_fraction: Decimal | None

    def words(self) -> str:
        """One line for a person: what the cash was and became, and the return that transfers do not touch."""
        growth = "not known" if self.return_fraction is None else f"{100 * self.return_fraction:+.2f} %"
        return (
            f"{self.mode} {self.year}: {len(self.lines)} movements, cash ${self.opening_usd:,.6f} -> "
            f"${self.closing_usd:,.6f}, time-weighted return {growth}"
        )

    def csv(self) -> str:
        out = StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(line.cells() for line in self.lines)
        return out.getvalue()


def year_of(store: OpsStore, mode: TradingMode, year: int) -> Year:
    """Return the year's movements; every earlier one is in ``opening_usd``."""
    opening = closing = Decimal(0)
    lines = []
    for line in sorted(
        _lines(store, mode), key=lambda line: (line.at, line.kind != "START", line.kind, line.reference)
    ):
        found = line.at.astimezone(EASTERN).year
        if found > year:
            break
        closing += line.cash_usd
        if found < year:
            opening = closing
        else:
            lines.append(line)
    points = [
        (point.starting_capital_usd, point.equity_usd)
        for point in store.cycles.equity_history(mode)
        if point.finished_at.astimezone(EASTERN).year == year
    ]
    is_known = len(points) > 1 and all(equity > 0 for _, equity in points)
    growth = ledger.time_weighted_return(points) if is_known else None
    return Year(year, mode, tuple(lines), opening, closing, growth)


def _lines(store: OpsStore, mode: TradingMode) -> Iterator[Line]:
    for event in store.capital.events(mode):
        yield Line(event.occurred_at, event.kind, event.amount_usd, event.ref or event.note)
    fills = store.fills.get(mode)
    orders = {
        order.kalshi_order_id: order
        for order in store.orders.get_many(sorted({fill.kalshi_order_id for fill in fills}))
        if order.kalshi_order_id is not None
    }
    for fill, cash_usd in ledger.cash_flows(fills, orders):
        yield Line(
            at=fill.filled_at,
            kind="FILL",
            cash_usd=cash_usd,
            reference=fill.fill_id,
            ticker=fill.ticker,
            side=fill.side,
            action=orders[fill.kalshi_order_id].action if fill.kalshi_order_id in orders else "",
            qty=fill.qty,
            price_usd=fill.price,
            fee_usd=fill.fee,
        )
    for paid in store.positions.settlements(mode):
        yield Line(
            at=paid.settled_at,
            kind="SETTLEMENT",
            cash_usd=paid.revenue_usd,
            reference=paid.result,
            ticker=paid.ticker,
            qty=paid.yes_qty + paid.no_qty,
        )


def _plain(number: Decimal) -> str:
    text = f"{number.normalize():f}"
    return "0" if text == "-0" else text
