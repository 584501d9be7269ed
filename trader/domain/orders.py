"""Orders, fills and settlements as our books hold them, and the exchange's three possible answers."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trader.domain.types import (
    Action,
    Frozen,
    Instant,
    Money,
    OrderStatus,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TradingMode,
)

PositiveQuantity = Annotated[Decimal, Field(gt=0, strict=False)]


def bought_terms(side: Side, action: Action, price: Decimal) -> tuple[Side, Decimal]:
    """Return what an order buys and for how many dollars: the exchange nets, so selling YES at p is buying NO
    at 1 - p.
    """
    return (side, price) if action is Action.OPEN else (side.other, 1 - price)


class Order(Frozen):
    """One order. ``limit_price``: dollars per contract of ``side``; ``filled_qty`` never exceeds ``qty``.

    ``booked_qty`` of what is filled has its fills in our books. ``absent_at``: when a complete listing first
    lacked it after its end.
    """

    order_id: int | None = None
    client_order_id: str
    intent_key: str
    kalshi_order_id: str | None = None
    mode: TradingMode
    ticker: str
    event_ticker: str
    city_code: str
    side: Side
    action: Action
    status: OrderStatus
    qty: PositiveQuantity
    filled_qty: Quantity = Decimal(0)
    booked_qty: Quantity = Decimal(0)
    limit_price: Price
    time_in_force: TimeInForce
    is_post_only: bool = False
    expires_at: Instant | None = None
    absent_at: Instant | None = None
    created_at: Instant
    updated_at: Instant
    sent_at: Instant | None = None
    signal_id: int | None = None
    is_foreign: bool = False
    reject_code: str | None = None

    @model_validator(mode="after")
    def _never_overfilled(self) -> "Order":
        if not self.booked_qty <= self.filled_qty <= self.qty:
            raise ValueError(
                f"expected booked at most filled at most {self.qty}, found {self.booked_qty} booked and "
                f"{self.filled_qty} filled"
            )
        return self

    @property
    def open_qty(self) -> Decimal:
        """Contracts that may still fill: zero once closed."""
        return Decimal(0) if self.status.is_closed else self.qty - self.filled_qty

    @property
    def buys(self) -> tuple[Side, Decimal]:
        """The side it buys and the most it pays for it, dollars."""
        return bought_terms(self.side, self.action, self.limit_price)

    @property
    def pending_qty(self) -> Decimal:
        """Contracts that may be or become ours and are in no position yet: open, or filled and not booked."""
        return self.open_qty + self.filled_qty - self.booked_qty


class OrderMove(Frozen):
    """One transition to write, with its evidence; None leaves a field alone.

    ``expected`` is the status from which the caller found it legal; None asks for no check.
    """

    order_id: int
    to: OrderStatus
    evidence: str
    expected: OrderStatus | None = None
    kalshi_order_id: str | None = None
    filled_qty: Quantity | None = None
    sent_at: Instant | None = None
    absent_at: Instant | None = None
    reject_code: str | None = None
    detail: dict[str, Any] = {}


class Fill(Frozen):
    """One execution. ``price`` is dollars per contract of ``side``, ``fee`` dollars for the whole fill."""

    fill_id: str
    kalshi_order_id: str
    order_id: int | None = None
    ticker: str
    side: Side
    qty: PositiveQuantity
    price: Price
    fee: Money
    is_taker: bool
    filled_at: Instant
    mode: TradingMode


class Settlement(Frozen):
    """What the exchange paid for one market. ``revenue_usd`` is the payout; fees came with the fills.

    A correction's revenue is the difference to what was paid before. ``value_usd`` is the price per YES
    contract of a market resolved at a fair price (scalar), None where the exchange does not say.
    """

    ticker: str
    event_ticker: str
    result: Literal["yes", "no", "scalar"]
    value_usd: Price | None = None
    yes_qty: Quantity
    no_qty: Quantity
    revenue_usd: Money
    settled_at: Instant
    mode: TradingMode


class MarketResult(Frozen):
    """A market's published outcome. ``value`` is the official whole value when the exchange names it."""

    ticker: str
    event_ticker: str
    climate_date: date
    result: Literal["yes", "no"]
    value: int | None
    determined_at: Instant


class Accepted(Frozen):
    """The exchange has the order; quantities as it said."""

    outcome: Literal["accepted"] = "accepted"
    kalshi_order_id: str
    filled_qty: Quantity
    remaining_qty: Quantity


class Refused(Frozen):
    """Proof that no order exists (create) or nothing was cancelled. ``code`` is the exchange's."""

    outcome: Literal["refused"] = "refused"
    status: int
    code: str


class Unknown(Frozen):
    """No proof either way: time-out, 5xx, cut connection, unreadable answer, duplicate id. Look up; never
    resend.
    """

    outcome: Literal["unknown"] = "unknown"
    why: str


class Canceled(Frozen):
    """The exchange cancelled what rested of an order: ``reduced_qty`` contracts, the others were filled."""

    outcome: Literal["canceled"] = "canceled"
    kalshi_order_id: str
    reduced_qty: PositiveQuantity


SendOutcome = Accepted | Refused | Unknown
CancelOutcome = Canceled | Refused | Unknown


class VenueOrder(Frozen):
    """An order as the exchange lists it, in our words. ``status`` is resting, canceled or executed."""

    kalshi_order_id: str
    client_order_id: str
    ticker: str
    side: Side
    status: Literal["resting", "canceled", "executed"]
    limit_price: Price
    qty: Quantity
    filled_qty: Quantity
    remaining_qty: Quantity
    created_at: Instant | None
    expires_at: Instant | None


class VenuePosition(Frozen):
    """Signed contracts of one market: positive YES, negative NO. Money in dollars."""

    ticker: str
    position: Annotated[Decimal, Field(strict=False)]
    exposure_usd: Money
    realized_pnl_usd: Money
    fees_usd: Money


class Transfer(Frozen):
    """A deposit (positive) or withdrawal that reached the balance, or came back from it (``is_returned``).

    ``ref`` is the exchange's own name of it. ``fee_usd`` is what the exchange says it charged for it.
    """

    ref: str
    amount_usd: Money
    fee_usd: Money
    applied_at: Instant
    is_returned: bool = False


class Balance(Frozen):
    """Cash in dollars to the last digit the exchange shows."""

    cash_usd: Money
    as_of: Instant
