"""Signed routes of the exchange: balance, orders, fills, positions, settlements, create and cancel."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.simulator.account import Account, OrderState
from trader.simulator.envelopes import count, dollars, rfc3339
from trader.simulator.exchange import Exchange
from trader.simulator.http import Answer, Request, Route, answer
from trader.simulator.limits import COSTS, DEFAULT_COST, READ, WRITE
from trader.simulator.market_data import BASE
from trader.simulator.mischief import Mischief
from trader.simulator.order_request import parse_order
from trader.simulator.paging import limit_of, page, seconds_of
from trader.simulator.portfolio_json import (
    event_position_json,
    fill_json,
    milliseconds,
    order_json,
    position_json,
    settlement_json,
    transfer_json,
    whole_cents,
)
from trader.simulator.refusals import bad_query, exchange_error, not_found

_STATUSES = ("resting", "canceled", "executed")
LIVE, ORDERS_LIVE = timedelta(days=91), timedelta(days=14)
"""Older rows are listed under the historical addresses only."""
_V1_GONE = "https://docs.kalshi.com/getting_started/order_direction"


class Portfolio:
    """Serves the one account, newest first, as each kind of read sees it."""

    def __init__(self, exchange: Exchange, mischief: Mischief) -> None:
        self._exchange, self._mischief = exchange, mischief

    def routes(self) -> tuple[Route, ...]:
        reads = (
            ("/portfolio/balance", "read_balance", self.balance),
            ("/portfolio/orders", "read_orders", self.orders),
            ("/portfolio/orders/{order_id}", "read_order", self.order),
            ("/portfolio/fills", "read_fills", self.fills),
            ("/portfolio/positions", "read_positions", self.positions),
            ("/portfolio/settlements", "read_settlements", self.settlements),
            ("/portfolio/deposits", "read_transfers", self.deposits),
            ("/portfolio/withdrawals", "read_transfers", self.withdrawals),
            ("/historical/orders", "read_orders", self.archived_orders),
            ("/historical/fills", "read_fills", self.archived_fills),
            ("/account/limits", "read_limits", self.limits),
        )
        writes = (
            ("POST", "/portfolio/events/orders", "create", self.create),
            ("DELETE", "/portfolio/events/orders", "cancel_all", self.cancel_all),
            ("DELETE", "/portfolio/events/orders/{order_id}", "cancel", self.cancel),
            ("POST", "/portfolio/orders", "create_v1", self.gone),
            ("DELETE", "/portfolio/orders/{order_id}", "cancel_v1", self.gone),
        )
        unsigned = (
            ("/account/endpoint_costs", "read_limits", self.costs),
            ("/exchange/user_data_timestamp", "read_status", self.as_of),
            ("/historical/cutoff", "read_status", self.cutoff),
        )
        return (
            *(Route("GET", BASE + path, name, handler, is_signed=True) for path, name, handler in reads),
            *(Route("GET", BASE + path, name, handler) for path, name, handler in unsigned),
            *(
                Route(method, BASE + path, name, handler, is_signed=True, is_order_path=True)
                for method, path, name, handler in writes
            ),
        )

    def _see(self, operation: str) -> tuple[datetime, Account]:
        now = self._exchange.advance()
        return now, self._mischief.account_for(operation, now)

    def balance(self, _: Request) -> Answer:
        """Available cash: collateral of resting orders is taken off. Positions are valued at their cost."""
        now, account = self._see("read_balance")
        return answer(
            200,
            {
                "balance": whole_cents(account.available),
                "balance_dollars": dollars(account.available),
                "balance_breakdown": [{"exchange_index": 0, "balance": dollars(account.available)}],
                "portfolio_value": whole_cents(account.positions_cost),
                "updated_ts": int(now.timestamp()),
            },
        )

    def as_of(self, _: Request) -> Answer:
        """How fresh the account's lists are."""
        now = self._exchange.advance()
        return answer(200, {"as_of_time": rfc3339(self._mischief.as_of(now))})

    def limits(self, _: Request) -> Answer:
        read, write = (
            {"refill_rate": int(rate), "bucket_capacity": int(most)} for rate, most in (READ, WRITE)
        )
        return answer(200, {"usage_tier": "basic", "read": read, "write": write, "grants": []})

    def costs(self, _: Request) -> Answer:
        paths = {
            "cancel": ("DELETE", "/portfolio/events/orders/:order_id"),
            "cancel_all": ("DELETE", "/portfolio/events/orders"),
            "read_order": ("GET", "/portfolio/orders/:order_id"),
        }
        rows = [
            {"method": method, "path": BASE + path, "cost": COSTS[name]}
            for name, (method, path) in paths.items()
        ]
        return answer(200, {"default_cost": DEFAULT_COST, "endpoint_costs": rows})

    def cutoff(self, _: Request) -> Answer:
        now = self._exchange.advance()
        live = ("market_settled_ts", "trades_created_ts", "market_positions_last_updated_ts")
        shown = {name: rfc3339(now - LIVE) for name in live}
        return answer(200, shown | {"orders_updated_ts": rfc3339(now - ORDERS_LIVE)})

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

    def _orders(self, request: Request, *, is_archive: bool) -> Answer:
        """Closed orders leave the live list two weeks after their last change."""
        now, account = self._see("read_orders")
        status = request.query.get("status", "")
        if status and status not in _STATUSES:
            raise bad_query("GetOrders", "Status", "oneof")
        rows: list[tuple[Any, datetime, Any]] = [
            (order, order.created_at, order_json)
            for order in reversed(account.orders.values())
            if (not status or order.state == status)
            and is_archive is (order.state is not OrderState.RESTING and order.updated_at < now - ORDERS_LIVE)
        ]
        return self._listed(request, "GetOrders", "orders", rows)

    def orders(self, request: Request) -> Answer:
        return self._orders(request, is_archive=False)

    def archived_orders(self, request: Request) -> Answer:
        return self._orders(request, is_archive=True)

    def order(self, request: Request) -> Answer:
        order = self._see("read_order")[1].orders.get(request.params["order_id"])
        if order is None:
            raise not_found()
        return answer(200, {"order": order_json(order)})

    def _fills(self, request: Request, *, is_archive: bool) -> Answer:
        now, account = self._see("read_fills")
        order_id = request.query.get("order_id", "")
        rows: list[tuple[Any, datetime, Any]] = [
            (fill, fill.at, fill_json)
            for fill in reversed(account.fills)
            if (not order_id or fill.order_id == order_id) and is_archive is (fill.at < now - LIVE)
        ]
        return self._listed(request, "GetFills", "fills", rows)

    def fills(self, request: Request) -> Answer:
        return self._fills(request, is_archive=False)

    def archived_fills(self, request: Request) -> Answer:
        return self._fills(request, is_archive=True)

    def settlements(self, request: Request) -> Answer:
        rows: list[tuple[Any, datetime, Any]] = [
            (row, row.at, settlement_json)
            for row in sorted(
                self._see("read_settlements")[1].settlements, key=lambda row: row.at, reverse=True
            )
        ]
        return self._listed(request, "GetSettlements", "settlements", rows)

    def _transfers(self, request: Request, name: str, sign: int) -> Answer:
        account = self._see("read_transfers")[1]
        limit = limit_of(request.query, f"Get{name.title()}", 100, 500)
        listed = [row for row in reversed(account.transfers) if row.is_listed and row.amount * sign > 0]
        chosen, cursor = page(listed, request.query, limit)
        return answer(200, {name: [transfer_json(row) for row in chosen], "cursor": cursor})

    def deposits(self, request: Request) -> Answer:
        return self._transfers(request, "deposits", 1)

    def withdrawals(self, request: Request) -> Answer:
        return self._transfers(request, "withdrawals", -1)

    def positions(self, request: Request) -> Answer:
        (now, account), query = self._see("read_positions"), request.query
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
            for row in account.positions.values()
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
