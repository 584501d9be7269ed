"""JSON of the account's orders, fills, positions, settlements and transfers, in the exchange's words."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from trader.simulator.account import Fill, Order, Position, Settlement, Transfer
from trader.simulator.envelopes import count, dollars, rfc3339

_USER_ID = "00000000-0000-0000-0000-000000000000"


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
        "maker_fill_cost_dollars": dollars(order.maker_cost, 6),
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
        "is_taker": fill.is_taker,
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
        "value": whole_cents(row.value),
        "fee_cost": dollars(row.fees, 6),
        "settled_time": rfc3339(row.at),
        "exchange_index": 0,
    }


def transfer_json(row: Transfer) -> dict[str, Any]:
    """A deposit or withdrawal that went through at once; amounts in cents."""
    stamp = int(row.at.timestamp())
    return {
        "id": f"transfer-{row.sequence:08d}",
        "amount_cents": whole_cents(abs(row.amount)),
        "fee_cents": 0,
        "status": "applied",
        "type": "ach",
        "created_ts": stamp,
        "finalized_ts": stamp,
    }
