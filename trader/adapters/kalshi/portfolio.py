"""The account's JSON in our words, and our orders in the exchange's: one YES book of bids and asks.

With mapping.py this is the only place that knows field names of the exchange (API of October 2026).
A bid buys YES, an ask buys NO at one minus its price; the account nets, so selling YES is buying NO.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, cast

from trader.adapters.fields import Fields
from trader.domain.errors import InvariantViolation, MalformedPayload
from trader.domain.orders import (
    Accepted,
    Balance,
    Canceled,
    Fill,
    Settlement,
    Transfer,
    VenueOrder,
    VenuePosition,
)
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, Side, TimeInForce, TradingMode

_PRICE_STEP, _COUNT_STEP = Decimal("0.0001"), Decimal("0.01")


def create_body(intent: OrderIntent) -> dict[str, Any]:
    """Return the create request. Raises InvariantViolation for a price or quantity the exchange cannot
    express.
    """
    price, qty = intent.limit_price, intent.qty
    if not 0 < price < 1 or price % _PRICE_STEP or qty % _COUNT_STEP or not intent.client_order_id:
        raise InvariantViolation(
            f"order {intent.intent_key}: expected 0 < price < 1 in 0.0001 and contracts in 0.01, "
            f"found {price} and {qty}; nothing was sent"
        )
    # buying YES and selling NO stand on the bid side of the book
    is_bid = (intent.side is Side.YES) == (intent.action is Action.OPEN)
    yes_price = price if intent.side is Side.YES else 1 - price
    body: dict[str, Any] = {
        "ticker": intent.ticker,
        "client_order_id": intent.client_order_id,
        "side": "bid" if is_bid else "ask",
        "count": f"{qty:.2f}",
        "price": f"{yes_price:.4f}",
        "time_in_force": intent.time_in_force.value,
        "self_trade_prevention_type": "taker_at_cross",
    }
    if intent.time_in_force is TimeInForce.IOC:
        # the exchange caps a reduction at the position, so a stale view of it cannot open the other side
        return body | ({"reduce_only": True} if intent.action is Action.REDUCE else {})
    if intent.expires_at is None:
        raise InvariantViolation(
            f"order {intent.intent_key}: expected an expiry on a resting order; nothing was sent"
        )
    expiry = {"expiration_time": int(intent.expires_at.timestamp()), "cancel_order_on_pause": True}
    return body | expiry | ({"post_only": True} if intent.is_post_only else {})


def parse_created(answer: Fields, intent: OrderIntent) -> Accepted:
    """Return the accepted order. Raises MalformedPayload when the answer names no order, or another one."""
    filled, remaining = answer.count("fill_count"), answer.count("remaining_count")
    if answer.has("client_order_id") and answer.text("client_order_id") != intent.client_order_id:
        raise MalformedPayload(f"{answer.what}: expected our client order id, found another")
    if filled + remaining > intent.qty:
        raise MalformedPayload(
            f"{answer.what}: expected at most {intent.qty} contracts, found {filled + remaining}"
        )
    return Accepted(kalshi_order_id=answer.text("order_id"), filled_qty=filled, remaining_qty=remaining)


def parse_canceled(answer: Fields, kalshi_order_id: str) -> Canceled:
    """Return proof that the rest was cancelled, and how much it was."""
    reduced = answer.count("reduced_by")
    if answer.text("order_id") != kalshi_order_id or not reduced:
        raise MalformedPayload(f"{answer.what}: expected a reduction of our order, found another answer")
    return Canceled(kalshi_order_id=kalshi_order_id, reduced_qty=reduced)


def parse_order(order: Fields) -> VenueOrder:
    """Return an order of the account; side and limit are those of the contract it buys, netting included."""
    side = _side(order)
    return VenueOrder(
        kalshi_order_id=order.text("order_id"),
        client_order_id=order.text("client_order_id", allow_empty=True),
        ticker=order.text("ticker"),
        side=side,
        status=cast(
            Literal["resting", "canceled", "executed"],
            order.one_of("status", ("resting", "canceled", "executed")),
        ),
        limit_price=_own_price(order, side),
        qty=order.count("initial_count_fp"),
        filled_qty=order.count("fill_count_fp"),
        remaining_qty=order.count("remaining_count_fp"),
        created_at=order.instant("created_time") if order.has("created_time") else None,
        expires_at=order.instant("expiration_time") if order.has("expiration_time") else None,
    )


def parse_fill(fill: Fields, mode: TradingMode) -> Fill:
    """Return a fill; ``price`` is what a contract of ``side`` cost, ``order_id`` is joined later by the
    order's id.
    """
    side = _side(fill)
    return Fill(
        fill_id=fill.text("fill_id"),
        kalshi_order_id=fill.text("order_id"),
        ticker=fill.text("ticker"),
        side=side,
        qty=_positive(fill, "count_fp"),
        price=_own_price(fill, side),
        fee=fill.decimal("fee_cost"),
        is_taker=fill.flag("is_taker"),
        filled_at=fill.instant("created_time"),
        mode=mode,
    )


def parse_position(position: Fields) -> VenuePosition:
    return VenuePosition(
        ticker=position.text("ticker"),
        position=position.decimal("position_fp"),
        exposure_usd=position.decimal("market_exposure_dollars"),
        realized_pnl_usd=position.decimal("realized_pnl_dollars"),
        fees_usd=position.decimal("fees_paid_dollars"),
    )


def parse_settlement(row: Fields, mode: TradingMode) -> Settlement:
    """Return a payout; one at a fair price has no winner, and its value where the exchange names it.

    The exchange tells whole cents. Fractions of a contract at a fair price come to fractions of a cent: count
    and value give them, where they agree with the cents.
    """
    result = row.one_of("market_result", ("yes", "no", "scalar"))
    value = Decimal(row.whole("value")) / 100 if result == "scalar" and row.has("value") else None
    yes_qty, no_qty = row.count("yes_count_fp"), row.count("no_count_fp")
    revenue = Decimal(row.whole("revenue")) / 100
    if value is not None:
        exact = yes_qty * value + no_qty * (1 - value)
        revenue = exact if abs(exact - revenue) < Decimal("0.01") else revenue
    return Settlement(
        ticker=row.text("ticker"),
        event_ticker=row.text("event_ticker"),
        result=cast(Literal["yes", "no", "scalar"], result),
        value_usd=value,
        yes_qty=yes_qty,
        no_qty=no_qty,
        revenue_usd=revenue,
        settled_at=row.instant("settled_time"),
        mode=mode,
    )


def parse_transfer(row: Fields, *, sign: int) -> Transfer | None:
    """Return a deposit (``sign`` 1) or withdrawal (-1), None while it is pending or when it failed.

    One that was returned keeps its amount: whether it had been applied before, our books know.
    """
    status = row.one_of("status", ("pending", "applied", "failed", "returned"))
    amount, fee = row.whole("amount_cents"), row.whole("fee_cents")
    if amount < 0 or fee < 0:
        raise row.error("amount_cents", "cents from 0")
    if status in ("pending", "failed"):
        return None
    at = row.whole("finalized_ts") if row.has("finalized_ts") else row.whole("created_ts")
    return Transfer(
        ref=f"{'deposit' if sign > 0 else 'withdrawal'} {row.text('id')}",
        amount_usd=sign * Decimal(amount) / 100,
        fee_usd=Decimal(fee) / 100,
        applied_at=datetime.fromtimestamp(at, UTC),
        is_returned=status == "returned",
    )


def parse_balance(answer: Fields) -> Balance:
    """Return cash to the last digit; the whole cents beside it are cut and not used."""
    updated = datetime.fromtimestamp(answer.whole("updated_ts"), UTC)
    return Balance(cash_usd=answer.decimal("balance_dollars"), as_of=updated)


def _side(row: Fields) -> Side:
    """Both current spellings must agree; the deprecated pair of fields is not read."""
    side = Side.YES if row.one_of("book_side", ("bid", "ask")) == "bid" else Side.NO
    if row.one_of("outcome_side", ("yes", "no")) != side.value.lower():
        raise row.error("outcome_side", f"{side.value.lower()} like book_side")
    return side


def _own_price(row: Fields, side: Side) -> Decimal:
    yes, no = row.price("yes_price_dollars"), row.price("no_price_dollars")
    if yes + no != 1:
        raise row.error("no_price_dollars", f"1 minus {yes}")
    return yes if side is Side.YES else no


def _positive(row: Fields, name: str) -> Decimal:
    value = row.count(name)
    if not value:
        raise row.error(name, "more than 0 contracts")
    return value
