"""What a demo or a status call tells a person."""

from collections.abc import Callable
from decimal import Decimal

from trader.app.context import Trader
from trader.app.money import equity_now
from trader.app.world import SimulatorProcess
from trader.domain.types import OrderStatus, TradingMode

Say = Callable[[str], None]


def print_summary(trader: Trader, simulator: SimulatorProcess, say: Say) -> bool:
    """Print what the demo did; return whether our ledger equals the exchange's to the last digit."""
    store, mode = trader.store, trader.mode
    rows = store.cycles.list()
    tally = store.signals.tally(mode)
    fills = store.fills.get(mode)
    positions = store.positions.get_all(mode)
    settled = store.positions.settlements(mode)
    equity = equity_now(trader)
    orders = store.orders.count(mode)
    say("\nsummary")
    say(f"  mode               {mode}")
    say(f"  cycles             {len(rows)}")
    say(f"  snapshots          {sum(tally.values())}")
    say("  signals")
    for (decision, reason), count in sorted(tally.items(), key=lambda item: (-item[1], item[0])):
        say(f"    {decision:<5}{reason:<26}{count:>7}")
    found = ", ".join(f"{count} {status}" for status, count in sorted(orders.items()) if count)
    say(f"  orders             {found or 'none'}")
    say(f"  fills              {len(fills)}")
    say(f"  settled events     {len({s.event_ticker for s in settled})}")
    say(f"  fees               ${sum((f.fee for f in fills), Decimal(0)):,.4f}")
    say(f"  realised P&L       {_signed(equity.realized_pnl_usd)}")
    say(f"  unrealised P&L     {_signed(equity.unrealized_pnl_usd)}")
    say(f"  equity             ${equity.equity_usd:,.4f}")
    unresolved = orders.get(OrderStatus.UNKNOWN, 0) + orders.get(OrderStatus.SUBMITTING, 0)
    say(f"  unresolved orders  {unresolved}, open positions {sum(p.qty > 0 for p in positions)}")
    return _ledgers_agree(trader, simulator, equity.cash_usd, say) and not unresolved


def _ledgers_agree(trader: Trader, simulator: SimulatorProcess, ours: Decimal, say: Say) -> bool:
    if trader.mode is TradingMode.SHADOW:
        counts = simulator.get("/sim/requests")
        sent = counts["order_path"]
        say(f"  exchange           SHADOW: {sent} requests reached an order path; key file never opened")
        return not sent
    theirs = trader.exchange.get_balance().cash_usd
    sign = "=" if theirs == ours else "≠"
    say(f"  exchange balance   ${theirs:,.6f} {sign} our ledger ${ours:,.6f}")
    return theirs == ours


def _signed(usd: Decimal) -> str:
    return f"{'+' if usd > 0 else '−' if usd < 0 else ''}${abs(usd):,.4f}"
