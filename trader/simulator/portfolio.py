"""Signed routes of the exchange: balance, orders, fills, positions, settlements, create and cancel."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from trader.simulator.account import Fill, Order, Position, Settlement
from trader.simulator.envelopes import count, dollars, rfc3339
from trader.simulator.exchange import Exchange
from trader.simulator.http import Answer, Request, Route, answer
from trader.simulator.market_data import BASE
from trader.simulator.order_request import parse_order
from trader.simulator.paging import limit_of, page, seconds_of
from trader.simulator.refusals import bad_query, exchange_error, not_found

_USER_ID = "00000000-0000-0000-0000-000000000000"
_STATUSES = ("resting", "canceled", "executed")
_V1_GONE = "https://docs.kalshi.com/getting_started/order_direction"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def whole_cents(value: Decimal) -> int:
    """Dollars as integer cents, truncated as the exchange does."""
    return int((value * 100).to_integral_value(ROUND_FLOOR))


def direction(is_bid: bool) -> dict[str, str]:
    """Both spellings of one bit. The deprecated pair shows a bid as buying YES, an ask as selling YES."""
    side, outcome, action = ("bid", "yes", "buy") if is_bid else ("ask", "no", "sell")
    return {"book_side": side, "outcome_side": outcome, "side": "yes", "action": action}


def order_json(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "user_id": _USER_ID,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        **direction(order.is_bid),
        "type": "limit",
        "status": order.state.value,
        "yes_price_dollars": dollars(order.price),
        "no_price_dollars": dollars(1 - order.price),
        "initial_count_fp": count(order.initial),
        "fill_count_fp": count(order.filled),
        "remaining_count_fp": count(order.remaining),
        "taker_fill_cost_dollars": dollars(order.fill_cost, 6),
        "maker_fill_cost_dollars": "0.000000",
        "taker_fees_dollars": dollars(order.fees, 6),
        "maker_fees_dollars": "0.000000",
        "created_time": rfc3339(order.created_at),
        "last_update_time": rfc3339(order.updated_at),
        "expiration_time": rfc3339(order.expires_at) if order.expires_at else None,
        "self_trade_prevention_type": order.self_trade_prevention,
        "cancel_order_on_pause": order.cancel_on_pause,
        "subaccount_number": 0,
        "exchange_index": 0,
    }


def fill_json(fill: Fill) -> dict[str, Any]:
    return {
        "fill_id": fill.fill_id,
        "trade_id": fill.fill_id,
        "order_id": fill.order_id,
        "ticker": fill.ticker,
        "market_ticker": fill.ticker,
        **direction(fill.is_bid),
        "count_fp": count(fill.count),
        "yes_price_dollars": dollars(fill.price),
        "no_price_dollars": dollars(1 - fill.price),
        "is_taker": True,
        "fee_cost": dollars(fill.fee, 6),
        "created_time": rfc3339(fill.at),
        "ts": int(fill.at.timestamp()),
        "subaccount_number": 0,
        "exchange_index": 0,
    }


def position_json(position: Position, now: datetime) -> dict[str, Any]:
    return {
        "ticker": position.ticker,
        "position_fp": count(position.count),
        "market_exposure_dollars": dollars(position.cost, 6),
        "total_traded_dollars": dollars(position.traded_usd, 6),
        "realized_pnl_dollars": dollars(position.realized, 6),
        "fees_paid_dollars": dollars(position.fees, 6),
        "last_updated_ts": rfc3339(position.updated_at or now),
        "exchange_index": 0,
    }


def event_position_json(event: str, rows: Iterable[Position]) -> dict[str, Any]:
    rows = list(rows)
    totals = {
        "total_cost_dollars": [row.traded_usd for row in rows],
        "event_exposure_dollars": [row.cost for row in rows],
        "realized_pnl_dollars": [row.realized for row in rows],
        "fees_paid_dollars": [row.fees for row in rows],
    }
    shares = count(sum((row.traded_count for row in rows), Decimal(0)))
    sums = {name: dollars(sum(values, Decimal(0)), 6) for name, values in totals.items()}
    return {"event_ticker": event, "total_cost_shares_fp": shares, **sums}


def settlement_json(row: Settlement) -> dict[str, Any]:
    held, none = (count(abs(row.count)), dollars(row.cost, 6)), ("0.00", "0.000000")
    yes, no = (held, none) if row.count > 0 else (none, held)
    return {
        "ticker": row.ticker,
        "event_ticker": row.event_ticker,
        "market_result": row.result,
        "yes_count_fp": yes[0],
        "yes_total_cost_dollars": yes[1],
        "no_count_fp": no[0],
        "no_total_cost_dollars": no[1],
        "revenue": whole_cents(row.revenue),
        "value": 100 if row.result == "yes" else 0,
        "fee_cost": dollars(row.fees, 6),
        "settled_time": rfc3339(row.at),
        "exchange_index": 0,
    }


class Portfolio:
    """Serves the one account. Reads are newest first."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._account = exchange, exchange.account

    def routes(self) -> tuple[Route, ...]:
        reads = (
            ("/portfolio/balance", "read_balance", self.balance),
            ("/portfolio/orders", "read_orders", self.orders),
            ("/portfolio/orders/{order_id}", "read_order", self.order),
            ("/portfolio/fills", "read_fills", self.fills),
            ("/portfolio/positions", "read_positions", self.positions),
            ("/portfolio/settlements", "read_settlements", self.settlements),
            ("/account/limits", "read_limits", self.limits),
        )
        writes = (
            ("POST", "/portfolio/events/orders", "create", self.create),
            ("DELETE", "/portfolio/events/orders", "cancel_all", self.cancel_all),
            ("DELETE", "/portfolio/events/orders/{order_id}", "cancel", self.cancel),
            ("POST", "/portfolio/orders", "create_v1", self.gone),
            ("DELETE", "/portfolio/orders/{order_id}", "cancel_v1", self.gone),
        )
        read_routes = (
            Route("GET", BASE + path, name, handler, is_signed=True) for path, name, handler in reads
        )
        write_routes = (
            Route(method, BASE + path, name, handler, is_signed=True, is_order_path=True)
            for method, path, name, handler in writes
        )
        costs = Route("GET", BASE + "/account/endpoint_costs", "read_limits", self.costs)
        return (*read_routes, *write_routes, costs)

    def balance(self, _: Request) -> Answer:
        """Available cash: collateral of resting orders is taken off. Positions are valued at their cost."""
        now = self._exchange.advance()
        available = self._account.available
        return answer(
            200,
            {
                "balance": whole_cents(available),
                "balance_dollars": dollars(available),
                "balance_breakdown": [{"exchange_index": 0, "balance": dollars(available)}],
                "portfolio_value": whole_cents(self._account.positions_cost),
                "updated_ts": int(now.timestamp()),
            },
        )

    def limits(self, _: Request) -> Answer:
        """Recorded numbers. Buckets are not enforced: under a stepped clock they would never refill."""
        read, write = ({"refill_rate": rate, "bucket_capacity": rate} for rate in (200, 100))
        return answer(200, {"usage_tier": "basic", "read": read, "write": write, "grants": []})

    def costs(self, _: Request) -> Answer:
        orders = f"{BASE}/portfolio"
        cheap = (("DELETE", f"{orders}/events/orders/:order_id"), ("GET", f"{orders}/orders/:order_id"))
        rows = [{"method": method, "path": path, "cost": 2} for method, path in cheap]
        return answer(200, {"default_cost": 10, "endpoint_costs": rows})

    def _listed(
        self, request: Request, operation: str, name: str, rows: list[tuple[Any, datetime, Any]]
    ) -> Answer:
        """Page rows of (object, instant, renderer) after the filters that all portfolio lists share."""
        query = request.query
        limit = limit_of(query, operation, 100, 1000)
        earliest, latest = (seconds_of(query, field, operation) for field in ("min_ts", "max_ts"))
        tickers, events = (
            {part for part in query.get(field, "").split(",") if part} for field in ("ticker", "event_ticker")
        )
        kept = [
            (row, render)
            for row, at, render in rows
            if (not tickers or row.ticker in tickers)
            and (not events or row.event_ticker in events)
            and (earliest is None or at >= earliest)
            and (latest is None or at <= latest)
        ]
        chosen, cursor = page(kept, query, limit)
        return answer(200, {name: [render(row) for row, render in chosen], "cursor": cursor})

    def orders(self, request: Request) -> Answer:
        self._exchange.advance()
        status = request.query.get("status", "")
        if status and status not in _STATUSES:
            raise bad_query("GetOrders", "Status", "oneof")
        rows: list[tuple[Any, datetime, Any]] = [
            (order, order.created_at, order_json)
            for order in reversed(self._account.orders.values())
            if not status or order.state == status
        ]
        return self._listed(request, "GetOrders", "orders", rows)

    def order(self, request: Request) -> Answer:
        self._exchange.advance()
        order = self._account.orders.get(request.params["order_id"])
        if order is None:
            raise not_found()
        return answer(200, {"order": order_json(order)})

    def fills(self, request: Request) -> Answer:
        self._exchange.advance()
        order_id = request.query.get("order_id", "")
        rows: list[tuple[Any, datetime, Any]] = [
            (fill, fill.at, fill_json)
            for fill in reversed(self._account.fills)
            if not order_id or fill.order_id == order_id
        ]
        return self._listed(request, "GetFills", "fills", rows)

    def settlements(self, request: Request) -> Answer:
        self._exchange.advance()
        rows: list[tuple[Any, datetime, Any]] = [
            (row, row.at, settlement_json) for row in reversed(self._account.settlements)
        ]
        return self._listed(request, "GetSettlements", "settlements", rows)

    def positions(self, request: Request) -> Answer:
        now, query = self._exchange.advance(), request.query
        limit = limit_of(query, "GetPositions", 100, 1000)
        wanted = query.get("settlement_status", "") or "unsettled"
        if wanted not in ("unsettled", "settled", "all"):
            raise bad_query("GetPositions", "SettlementStatus", "oneof")
        nonzero = {part for part in query.get("count_filter", "").split(",") if part}
        if nonzero - {"position", "total_traded"}:
            raise bad_query("GetPositions", "CountFilter", "oneof")
        tickers = {part for part in query.get("ticker", "").split(",") if part}
        rows = [
            row
            for row in self._account.positions.values()
            if (wanted == "all" or row.is_settled is (wanted == "settled"))
            and (not tickers or row.ticker in tickers)
            and query.get("event_ticker", row.event_ticker) == row.event_ticker
            and (
                not nonzero
                or ("position" in nonzero and row.count)
                or ("total_traded" in nonzero and row.traded_usd)
            )
        ]
        chosen, cursor = page(rows, query, limit)
        events = dict.fromkeys(row.event_ticker for row in chosen)
        grouped = [
            event_position_json(event, (row for row in chosen if row.event_ticker == event))
            for event in events
        ]
        shown = [position_json(row, now) for row in chosen]
        return answer(200, {"market_positions": shown, "event_positions": grouped, "cursor": cursor})

    def create(self, request: Request) -> Answer:
        placed = self._exchange.create(parse_order(request.body, self._exchange.advance()))
        order = placed.order
        body: dict[str, Any] = {
            "order_id": order.order_id,
            "client_order_id": order.client_order_id,
            "fill_count": count(order.filled),
            "remaining_count": count(order.remaining),
            "ts_ms": milliseconds(order.created_at),
        }
        if order.filled:
            paid = sum((fill.price * fill.count for fill in placed.fills), Decimal(0))
            body["average_fill_price"] = dollars(paid / order.filled)
            body["average_fee_paid"] = dollars(order.fees / order.filled)
        return answer(201, body)

    def cancel(self, request: Request) -> Answer:
        order, freed = self._exchange.cancel(request.params["order_id"])
        stamp = milliseconds(order.updated_at)
        return answer(200, {"order_id": order.order_id, "reduced_by": count(freed), "ts_ms": stamp})

    def cancel_all(self, _: Request) -> Answer:
        self._exchange.cancel_all()
        return Answer(204)

    def gone(self, _: Request) -> Answer:
        raise exchange_error(410, "deprecated_v1_order_endpoint", _V1_GONE)
