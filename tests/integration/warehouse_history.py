"""A small hand-written history in ops, and what the trader's own ledger makes of it.

The world's clock stands at NOW. Four traded markets: a won YES, a lost NO, a YES bought in two parts and
sold in part with a share that must be rounded, and fills around the public delay.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from trader.core import ledger
from trader.domain.cities import load_cities
from trader.domain.markets import MarketSnapshot
from trader.domain.orders import Fill, Order, Settlement
from trader.domain.positions import Position
from trader.domain.types import Action, MarketStatus, MarketType, OrderStatus, Side, TimeInForce, TradingMode

D = Decimal
P_YES = D("0.600000")
NOW = datetime(2026, 7, 17, 2, 0, tzinfo=UTC)
CAPITAL = D("5000")
HASH = "a" * 64
MINUTE = timedelta(minutes=1)
BRACKETS = (
    ("83° or below", None, 83),
    ("84° to 85°", 84, 85),
    ("86° to 87°", 86, 87),
    ("88° or above", 88, None),
)


@dataclass(frozen=True)
class Trade:
    """One order with one fill. ``p_yes`` is our probability when decided, None without a signal."""

    name: str
    ticker: str
    side: Side
    action: Action
    qty: D
    price: D
    fee: D
    filled_at: datetime
    p_yes: D | None = P_YES
    recorded_at: datetime | None = None


def ticker_of(city: str, day: int, bracket: int) -> str:
    return f"KXHIGH{city}-26JUL{day}-B{bracket}"


WON, LOST, PART, YOUNG = (
    ticker_of("NYC", 15, 1),
    ticker_of("NYC", 15, 2),
    ticker_of("DEN", 16, 1),
    ticker_of("CHI", 16, 2),
)
_15TH = datetime(2026, 7, 15, 15, 0, tzinfo=UTC)
_16TH = datetime(2026, 7, 16, 15, 0, tzinfo=UTC)
TRADES = (
    Trade("won", WON, Side.YES, Action.OPEN, D(10), D("0.40"), D("0.17"), _15TH),
    Trade("lost", LOST, Side.NO, Action.OPEN, D(5), D("0.70"), D("0.08"), _15TH + MINUTE, D("0.200000")),
    Trade("part 1", PART, Side.YES, Action.OPEN, D(3), D("0.31"), D("0.05"), _16TH),
    Trade("part 2", PART, Side.YES, Action.OPEN, D(4), D("0.30"), D("0.06"), _16TH + MINUTE, None),
    Trade("part sold", PART, Side.YES, Action.REDUCE, D(3), D("0.45"), D("0.06"), _16TH + 5 * MINUTE),
    Trade("60 minutes", YOUNG, Side.YES, Action.OPEN, D(7), D("0.51"), D("0.12"), NOW - 60 * MINUTE),
    Trade(
        "a microsecond less",
        YOUNG,
        Side.YES,
        Action.OPEN,
        D(1),
        D("0.52"),
        D("0.02"),
        NOW - 60 * MINUTE + timedelta(microseconds=1),
    ),
    Trade("59 minutes", YOUNG, Side.YES, Action.OPEN, D(2), D("0.53"), D("0.04"), NOW - 59 * MINUTE),
)
LATE = Trade(
    "learnt late",
    PART,
    Side.NO,
    Action.OPEN,
    D(6),
    D("0.62"),
    D("0.09"),
    _16TH + 3 * MINUTE,
    D("0.500000"),
    NOW,
)
RESULTS = {(15, 1): "yes", (15, 0): "no", (15, 2): "no", (15, 3): "no"}
PAYOUT = D(10)  # WON: ten YES; the five NO of LOST win too, see RESULTS
CYCLES = (
    _15TH,
    _15TH + 2 * MINUTE,
    _16TH + 2 * MINUTE,
    _16TH + 6 * MINUTE,
    NOW - 61 * MINUTE,
    NOW - 30 * MINUTE,
)
QUOTES = {  # at every cycle: nobody bids for the held side of CHI 1, DEN 1 has both sides
    WON: (D("0.55"), D("0.58")),
    LOST: (D("0.10"), None),
    PART: (D("0.44"), D("0.46")),
    YOUNG: (None, D("0.02")),
}
SETTLED_AT = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


def fill_history(url: str, *, world_now: datetime = NOW) -> None:
    """Write the history as the trader's role."""
    with psycopg.connect(url) as connection:
        connection.execute("select ops.ensure_partitions('2026-07-01', 1)")
        _insert(connection, "world_clock", world="testworld", world_now=world_now, updated_at=NOW)
        _reference(connection)
        _insert(
            connection, "epochs", mode="DEMO", account="test", command="demo", version="0", started_at=_15TH
        )
        _insert(
            connection,
            "capital_events",
            mode="DEMO",
            kind="START",
            amount_usd=CAPITAL,
            occurred_at=_15TH - MINUTE,
            set_by="test",
            recorded_at=_15TH - MINUTE,
        )
        for number, at in enumerate(CYCLES, start=1):
            _cycle(connection, number, at)
        for number, trade in enumerate((*TRADES, LATE), start=1):
            order_id = _order(connection, number, trade)
            if trade is not LATE:  # sent, and not known to be filled
                add_fill(connection, order_id, trade)
        for ticker, revenue, yes, no in ((WON, D(10), D(10), D(0)), (LOST, D(5), D(0), D(5))):
            _insert(
                connection,
                "settlements",
                mode="DEMO",
                ticker=ticker,
                event_ticker=ticker[:-3],
                result="yes" if ticker == WON else "no",
                yes_qty=yes,
                no_qty=no,
                revenue_usd=revenue,
                settled_at=SETTLED_AT,
                recorded_at=SETTLED_AT,
                epoch=1,
            )


def _order(connection: psycopg.Connection, number: int, trade: Trade) -> int:
    """Write signal, risk decision and order of one trade in the cycle before it; return the order's id."""
    cycle = max(n for n, at in enumerate(CYCLES, start=1) if at <= trade.filled_at)
    at = CYCLES[cycle - 1]
    signal_id = None
    city, event, day = trade.ticker[6:9], trade.ticker[:-3], int(trade.ticker[15:17])
    if trade.p_yes is not None:
        signal_id = _insert(
            connection,
            "signals",
            "signal_id",
            decided_at=at,
            cycle_id=cycle,
            mode="DEMO",
            ticker=trade.ticker,
            event_ticker=event,
            city_code=city,
            market_type="HIGH",
            climate_date=date(2026, 7, day),
            strategy_name="daily_high",
            strategy_version="1",
            p_yes=trade.p_yes,
            uncertainty=2.0,
            decision="BUY" if trade.side is Side.YES else "SELL",
            side=trade.side,
            price=trade.price,
            limit_price=trade.price,
            fee=D("0.01"),
            edge=D("0.05"),
            qty=trade.qty,
            reasons=["EDGE_FOUND"],
            recorded_at=at,
        )
        _insert(
            connection,
            "risk_decisions",
            cycle_id=cycle,
            decided_at=at,
            ticker=trade.ticker,
            side=trade.side,
            asked_qty=trade.qty,
            allowed_qty=trade.qty,
            reasons=["WITHIN_LIMITS"],
            caps="{}",
            recorded_at=at,
        )
    order_id: int = _insert(
        connection,
        "orders",
        "order_id",
        client_order_id=f"c{number}",
        intent_key=f"i{number}",
        kalshi_order_id=f"k{number}",
        epoch=1,
        cycle_id=cycle,
        mode="DEMO",
        ticker=trade.ticker,
        event_ticker=event,
        city_code=city,
        side=trade.side,
        action=trade.action,
        status="FILLED",
        qty=trade.qty,
        filled_qty=trade.qty,
        limit_price=trade.price,
        worst_usd=1,
        time_in_force="immediate_or_cancel",
        slot=str(number),
        attempt=1,
        strategy_name="daily_high",
        strategy_version="1",
        signal_id=signal_id,
        signal_at=at if signal_id else None,
        created_at=at,
        sent_at=at,
        updated_at=at,
    )
    return order_id


def add_fill(connection: psycopg.Connection, order_id: int, trade: Trade) -> None:
    _insert(
        connection,
        "fills",
        fill_id=trade.name,
        order_id=order_id,
        kalshi_order_id=f"k{order_id}",
        epoch=1,
        mode="DEMO",
        ticker=trade.ticker,
        side=trade.side,
        action=trade.action,
        qty=trade.qty,
        price=trade.price,
        fee=trade.fee,
        is_taker=True,
        filled_at=trade.filled_at,
        recorded_at=trade.recorded_at or trade.filled_at,
    )
    connection.execute(
        "update ops.orders set filled_qty = %(qty)s, booked_qty = %(qty)s where order_id = %(order_id)s",
        {"qty": trade.qty, "order_id": order_id},
    )


def ledger_at(instant: datetime, trades: tuple[Trade, ...] = TRADES) -> tuple[D, D]:
    """Return (realised, unrealised) dollars at an instant as the trader's ledger books the history."""
    positions: dict[str, Position] = {}
    for number, trade in enumerate(sorted(trades, key=lambda t: (t.filled_at, t.name))):
        if trade.filled_at <= instant:
            fill, order = _models(number, trade)
            positions[trade.ticker] = ledger.apply_fill(positions.get(trade.ticker), fill, order)
    if instant >= SETTLED_AT:
        for ticker, revenue, yes, no in ((WON, D(10), D(10), D(0)), (LOST, D(5), D(0), D(5))):
            paid = Settlement(
                ticker=ticker,
                event_ticker=ticker[:-3],
                result="yes" if ticker == WON else "no",
                yes_qty=yes,
                no_qty=no,
                revenue_usd=revenue,
                settled_at=SETTLED_AT,
                mode=TradingMode.DEMO,
            )
            positions[ticker] = ledger.apply_settlement(positions[ticker], paid)
    realized = sum((p.realized_pnl_usd for p in positions.values()), D(0))
    return realized, sum((ledger.unrealized(p, _mark(p.ticker)) for p in positions.values() if p.qty), D(0))


def _models(number: int, trade: Trade) -> tuple[Fill, Order]:
    common: dict[str, Any] = {
        "ticker": trade.ticker,
        "side": trade.side,
        "qty": trade.qty,
        "mode": TradingMode.DEMO,
    }
    fill = Fill(
        fill_id=trade.name,
        kalshi_order_id=f"k{number}",
        price=trade.price,
        fee=trade.fee,
        is_taker=True,
        filled_at=trade.filled_at,
        **common,
    )
    order = Order(
        client_order_id=f"c{number}",
        intent_key=f"i{number}",
        event_ticker=trade.ticker[:-3],
        city_code=trade.ticker[6:9],
        action=trade.action,
        status=OrderStatus.FILLED,
        limit_price=trade.price,
        time_in_force=TimeInForce.IOC,
        created_at=trade.filled_at,
        updated_at=trade.filled_at,
        **common,
    )
    return fill, order


def _mark(ticker: str) -> MarketSnapshot:
    bid, ask = QUOTES[ticker]
    return MarketSnapshot(
        ticker=ticker,
        event_ticker=ticker[:-3],
        city_code=ticker[6:9],
        market_type=MarketType.HIGH,
        climate_date=date(2026, 7, int(ticker[15:17])),
        captured_at=NOW,
        status=MarketStatus.ACTIVE,
        yes_bid=bid,
        yes_ask=ask,
        volume=D(0),
        open_interest=D(0),
        close_time=NOW,
        rules_url="",
        terms_hash=HASH,
        book=None,
    )


def _reference(connection: psycopg.Connection) -> None:
    for position, city in enumerate(load_cities().values()):
        _insert(
            connection,
            "cities",
            city_code=city.code,
            position=position,
            name=city.name,
            timezone=city.timezone,
            std_utc_offset_hours=city.std_utc_offset_hours,
            cluster=city.cluster,
            region=city.region,
            settlement_station=city.settlement_station,
            latitude=city.lat,
            longitude=city.lon,
            updated_at=NOW,
        )
    for city_code, day in (("NYC", 15), ("NYC", 16), ("NYC", 17), ("DEN", 16), ("CHI", 16)):
        for number, (label, lo, hi) in enumerate(BRACKETS):
            _insert(
                connection,
                "contracts",
                ticker=ticker_of(city_code, day, number),
                terms_hash=HASH,
                event_ticker=ticker_of(city_code, day, 0)[:-3],
                series_ticker=f"KXHIGH{city_code}",
                city_code=city_code,
                market_type="HIGH",
                climate_date=date(2026, 7, day),
                label=label,
                lo=lo,
                hi=hi,
                open_time=_15TH,
                close_time=datetime(2026, 7, day + 1, 5, tzinfo=UTC),
                rules_text="r",
                rules_url="u",
                rules_hash=HASH,
                settlement_source="s",
                station="K",
                fee_type="quadratic",
                fee_multiplier=1,
                tick=D("0.01"),
                first_seen_at=_15TH,
            )
    for (day, number), result in RESULTS.items():
        ticker = ticker_of("NYC", day, number)
        _insert(
            connection,
            "market_results",
            ticker=ticker,
            event_ticker=ticker[:-3],
            climate_date=date(2026, 7, day),
            result=result,
            value=85,
            determined_at=SETTLED_AT,
            recorded_at=SETTLED_AT,
        )


def _cycle(connection: psycopg.Connection, number: int, at: datetime) -> None:
    done = [t for t in TRADES if t.filled_at <= at]
    realized, unrealized = ledger_at(at, tuple(done))
    _insert(
        connection,
        "cycles",
        epoch=1,
        mode="DEMO",
        slot=str(number),
        started_at=at,
        decided_at=at,
        finished_at=at,
        starting_capital_usd=CAPITAL,
        cash_usd=0,
        realized_pnl_usd=realized,
        unrealized_pnl_usd=unrealized,
        equity_usd=CAPITAL + realized + unrealized,
    )
    for ticker in (*QUOTES, ticker_of("NYC", 16, 0), ticker_of("NYC", 16, 1)):
        bid, ask = QUOTES.get(
            ticker, (D("0.30"), D("0.32")) if ticker.endswith("B0") else (D("0.60"), D("0.63"))
        )
        book = {"captured_at": at.isoformat(), "yes_bids": [["0.60", "11.00"]], "no_bids": [["0.37", "9.50"]]}
        _insert(
            connection,
            "market_snapshots",
            captured_at=at,
            cycle_id=number,
            ticker=ticker,
            event_ticker=ticker[:-3],
            city_code=ticker[6:9],
            market_type="HIGH",
            climate_date=date(2026, 7, int(ticker[15:17])),
            status="active",
            yes_bid=bid,
            yes_ask=ask,
            volume=100,
            open_interest=50,
            close_time=datetime(2026, 7, int(ticker[15:17]) + 1, 5, tzinfo=UTC),
            rules_url="u",
            terms_hash=HASH,
            book=json.dumps(book),
            recorded_at=at,
        )
    held = {
        "BOOK_MISSING": None,
        "EDGE_TOO_SMALL": D("0.01"),
        "SPREAD_TOO_WIDE": D("0.04"),
        "NO_FORECAST": None,
    }
    for place, (reason, edge) in enumerate(held.items()):
        _insert(
            connection,
            "signals",
            decided_at=at,
            cycle_id=number,
            mode="DEMO",
            ticker=ticker_of("NYC", 16, place),
            event_ticker=ticker_of("NYC", 16, 0)[:-3],
            city_code="NYC",
            market_type="HIGH",
            climate_date=date(2026, 7, 16),
            strategy_name="daily_high",
            strategy_version="1",
            p_yes=None if reason == "NO_FORECAST" else D("0.5"),
            decision="HOLD",
            edge=edge,
            qty=0,
            reasons=[reason],
            recorded_at=at,
        )
    said = {"start": 83, "ppm": [100000, 300000, 400000, 200000], "mean_f": 84.7, "sd_f": 0.9}
    calendar = {"start": 86, "ppm": [1000000], "mean_f": 86.0, "sd_f": 0.1}  # stored beside, never traded
    for strategy, distribution in (("daily_high", said), ("climatology", calendar)):
        _insert(
            connection,
            "predictions",
            decided_at=at,
            cycle_id=number,
            event_ticker=ticker_of("NYC", 16, 0)[:-3],
            city_code="NYC",
            market_type="HIGH",
            climate_date=date(2026, 7, 16),
            strategy_name=strategy,
            strategy_version="1",
            distribution=json.dumps(distribution),
            mean_f=80 + number,
            sd_f=0.9,
            p10_f=83,
            p50_f=85,
            p90_f=86,
            source="ens",
            issued_at=at,
            lead_h=12.0,
            features="{}",
            recorded_at=at,
        )
    _insert(
        connection,
        "weather_snapshots",
        captured_at=at,
        cycle_id=number,
        city_code="NYC",
        fetched_at=at,
        climate_date=date(2026, 7, 16),
        observed_at=at - MINUTE,
        temp_f=81.0,
        high_so_far_f=84.2,
        high_so_far_at=at,
        low_so_far_f=70.1,
        low_so_far_at=at,
        forecasts="[]",
        is_fetch_stale=False,
        is_observation_stale=False,
        is_forecast_stale=False,
        snapshot="{}",
        recorded_at=at,
    )
    for component in ("kalshi_api", "nws_api", "dashboard"):
        status = "degraded" if component == "nws_api" else "ok"
        _insert(
            connection,
            "health_status",
            component=component,
            status=status,
            last_ok=at - 3 * MINUTE,
            message="m",
            checked_at=at,
            recorded_at=at,
        )


def _insert(connection: psycopg.Connection, table: str, returning: str | None = None, **values: Any) -> Any:
    statement = sql.SQL("insert into ops.{} ({}) values ({}) returning {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder(name) for name in values),
        sql.Identifier(returning) if returning else sql.Literal(1),
    )
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None
