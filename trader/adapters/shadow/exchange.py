"""A simulated account on real quotes: no HTTP client, no key, nothing leaves the machine.

Orders fill at once against the depth last seen, at the resting prices, with the exchange's exact taker fee.
Assumed and stated: no latency, nobody reacts to us, an order that rests never fills (no flow is recorded).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from trader.adapters.shadow.account import ShadowAccount
from trader.domain.constants import STARTING_CAPITAL_USD
from trader.domain.errors import InvariantViolation
from trader.domain.fees import FeeAccumulator, trade_fee
from trader.domain.markets import Contract, Level, MarketSnapshot
from trader.domain.orders import (
    Accepted,
    Balance,
    Canceled,
    CancelOutcome,
    Fill,
    MarketResult,
    Order,
    Refused,
    SendOutcome,
    Settlement,
    Transfer,
    Unknown,
    VenueOrder,
    VenuePosition,
    bought_terms,
)
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, MarketStatus, OrderStatus, Side, TimeInForce, TradingMode
from trader.ports.clock import Clock
from trader.ports.exchange import Fence, MarketView

ZERO = Decimal(0)
_Place = tuple[str, Side, Decimal]


class ShadowExchange:
    """Implements the exchange port for SHADOW. ``see`` shows it markets, ``settle`` published results."""

    mode = TradingMode.SHADOW

    def __init__(
        self,
        *,
        clock: Clock,
        capital_usd: Decimal = STARTING_CAPITAL_USD,
        fills: Sequence[Fill] = (),
        settlements: Sequence[Settlement] = (),
        orders: Sequence[Order] = (),
    ) -> None:
        self._clock = clock
        self._contracts: dict[str, Contract] = {}
        self._snapshots: dict[str, MarketSnapshot] = {}
        # size a level had when we took from it, and how much: a level that has not changed was not refilled
        self._taken: dict[_Place, tuple[Decimal, Decimal]] = {}
        self.restore(capital_usd=capital_usd, fills=fills, settlements=settlements, orders=orders)

    def restore(
        self,
        *,
        capital_usd: Decimal,
        fills: Sequence[Fill] = (),
        settlements: Sequence[Settlement] = (),
        orders: Sequence[Order] = (),
    ) -> None:
        """Rebuild the account from our own books: after a restart they are all that is left of it."""
        self._account = ShadowAccount(capital_usd)
        self._fills: list[Fill] = []
        self._settlements: list[Settlement] = []
        happened: list[tuple[datetime, int, Fill | Settlement]] = [
            *((fill.filled_at, 0, fill) for fill in fills),
            *((row.settled_at, 1, row) for row in settlements),
        ]
        sold = {order.kalshi_order_id for order in orders if order.action is Action.REDUCE}
        for _, _, row in sorted(happened, key=lambda item: item[:2]):
            is_sale = isinstance(row, Fill) and row.kalshi_order_id in sold
            self._book(_bought(row) if is_sale and isinstance(row, Fill) else row)
        self._orders = {row.kalshi_order_id: row for row in map(_listed, orders) if row}
        self._client_ids = {order.client_order_id for order in orders}

    def _book(self, row: Fill | Settlement) -> None:
        if isinstance(row, Fill):
            self._account.book(row)
            self._fills.append(row)
        else:
            self._account.pay(row)
            self._settlements.append(row)

    def see(self, view: MarketView) -> None:
        """Take a new look at the market. What we took from a level stays taken while the level looks the
        same. A market that has closed and is shown no more is forgotten.
        """
        self._expire()
        now = self._clock.now()
        seen = {snapshot.ticker: snapshot for snapshot in view.snapshots}
        self._snapshots = {t: s for t, s in self._snapshots.items() if s.close_time > now} | seen
        contracts = self._contracts | {contract.ticker: contract for contract in view.contracts}
        self._contracts = {t: c for t, c in contracts.items() if t in self._snapshots}
        for snapshot in view.snapshots:
            sizes = {(side, level.price): level.size for side in Side for level in _asks(snapshot, side)}
            for place, (size, _) in tuple(self._taken.items()):
                if place[0] == snapshot.ticker and sizes.get(place[1:]) != size:
                    del self._taken[place]

    def authenticate(self) -> str:
        """Return the simulated account's name; there is nothing to prove."""
        return "shadow"

    def create_order(self, intent: OrderIntent, *, fence: Fence) -> SendOutcome:
        """Fill what the depth last seen gives within the limit. InvariantViolation for another mode.

        The answer names no fill yet: our books are all that a killed process leaves of this account, so an
        order's filled quantity and its fills must enter them in one transaction, which is reconciliation's.
        """
        fence()
        if intent.mode is not self.mode:
            raise InvariantViolation(
                f"order {intent.intent_key}: expected {self.mode}, found {intent.mode}; nothing was simulated"
            )
        if intent.client_order_id in self._client_ids:
            return Unknown(why="order_already_exists")
        refusal = self._refusal(intent)
        if refusal is not None:
            return refusal
        order_id = f"shadow-{intent.client_order_id}"
        filled = ZERO
        for fill in self._match(intent, order_id):
            self._book(fill)
            filled += fill.qty
        is_resting = intent.time_in_force is TimeInForce.GTC and filled < intent.qty
        side, limit = bought_terms(intent.side, intent.action, intent.limit_price)
        self._client_ids.add(intent.client_order_id)
        self._orders[order_id] = VenueOrder(
            kalshi_order_id=order_id,
            client_order_id=intent.client_order_id,
            ticker=intent.ticker,
            side=side,
            status="resting" if is_resting else "executed" if filled == intent.qty else "canceled",
            limit_price=limit,
            qty=intent.qty,
            filled_qty=filled,
            remaining_qty=intent.qty - filled if is_resting else ZERO,
            created_at=self._clock.now(),
            expires_at=intent.expires_at,
        )
        return Accepted(kalshi_order_id=order_id, filled_qty=ZERO, remaining_qty=intent.qty)

    def _refusal(self, intent: OrderIntent) -> Refused | None:
        snapshot = self._snapshots.get(intent.ticker)
        if snapshot is None:
            return Refused(status=404, code="not_found")
        if snapshot.status is not MarketStatus.ACTIVE or snapshot.close_time <= self._clock.now():
            return Refused(status=409, code="market_closed")
        side, limit = bought_terms(intent.side, intent.action, intent.limit_price)
        opening = max(ZERO, intent.qty - self._account.position(intent.ticker).of(side.other))
        if intent.action is Action.OPEN:
            multiplier = self._contracts[intent.ticker].fee_multiplier
            # the fee is highest at the price nearest one half that the order may pay
            fee = trade_fee(intent.qty, min(limit, Decimal("0.5")), multiplier)
            if opening * limit + fee > self._account.cash_usd:
                return Refused(status=400, code="insufficient_balance")
        return None

    def _match(self, intent: OrderIntent, order_id: str) -> Iterable[Fill]:
        """Walk the depth from the best price, one fill a level; a reduction never turns a position round."""
        side, limit = bought_terms(intent.side, intent.action, intent.limit_price)
        left = intent.qty
        if intent.action is Action.REDUCE:
            left = min(left, self._account.position(intent.ticker).of(side.other))
        fees = FeeAccumulator(self._contracts[intent.ticker].fee_multiplier)
        for number, level in enumerate(_asks(self._snapshots[intent.ticker], side)):
            place = (intent.ticker, side, level.price)
            gone = self._taken.get(place, (level.size, ZERO))[1]
            qty = min(left, level.size - gone)
            if level.price > limit or not left:
                return
            if qty <= 0:
                continue
            self._taken[place] = (level.size, gone + qty)
            left -= qty
            yield Fill(
                fill_id=f"{order_id}-{number}",
                kalshi_order_id=order_id,
                ticker=intent.ticker,
                side=side,
                qty=qty,
                price=level.price,
                fee=fees.charge(qty, level.price),
                is_taker=True,
                filled_at=self._clock.now(),
                mode=self.mode,
            )

    def cancel_order(self, kalshi_order_id: str, ticker: str, *, fence: Fence) -> CancelOutcome:
        """Cancel a resting order; anything else is "not found", as on the exchange, which proves nothing."""
        fence()
        self._expire()
        order = self._orders.get(kalshi_order_id)
        if order is None or order.ticker != ticker or order.status != "resting":
            return Unknown(why="not_found")
        self._close(order)
        return Canceled(kalshi_order_id=kalshi_order_id, reduced_qty=order.remaining_qty)

    def data_as_of(self) -> datetime | None:
        return self._clock.now()

    def list_orders(self, since: datetime | None = None) -> tuple[VenueOrder, ...]:
        self._expire()
        return tuple(
            order
            for order in self._orders.values()
            if since is None
            or order.status == "resting"
            or (order.created_at is not None and order.created_at >= since)
        )

    def get_fills(self, since: datetime | None = None) -> tuple[Fill, ...]:
        return tuple(fill for fill in self._fills if since is None or fill.filled_at >= since)

    def get_positions(self) -> tuple[VenuePosition, ...]:
        return self._account.open_positions()

    def get_balance(self) -> Balance:
        return Balance(cash_usd=self._account.cash_usd, as_of=self._clock.now())

    def get_transfers(self) -> tuple[Transfer, ...]:
        """Nobody pays into a pretend account."""
        return ()

    def get_settlements(self, since: datetime | None = None) -> tuple[Settlement, ...]:
        return tuple(row for row in self._settlements if since is None or row.settled_at >= since)

    def settle(self, results: Sequence[MarketResult]) -> tuple[Settlement, ...]:
        """Pay the published results of markets in which a position is held; each market once."""
        paid = []
        for result in results:
            settlement = self._account.owed(result, self.mode)
            if settlement is not None:
                self._book(settlement)
                paid.append(settlement)
        return tuple(paid)

    def _expire(self) -> None:
        now = self._clock.now()
        for order in tuple(self._orders.values()):
            snapshot = self._snapshots.get(order.ticker)
            is_over = order.expires_at is not None and order.expires_at <= now
            if order.status == "resting" and (is_over or (snapshot and snapshot.close_time <= now)):
                self._close(order)

    def _close(self, order: VenueOrder) -> None:
        closed = order.model_copy(update={"status": "canceled", "remaining_qty": ZERO})
        self._orders[order.kalshi_order_id] = closed


def _bought(sale: Fill) -> Fill:
    """Return a sale of our books, told in its order's side, as what it buys."""
    return sale.model_copy(update={"side": sale.side.other, "price": 1 - sale.price})


def _asks(snapshot: MarketSnapshot, side: Side) -> tuple[Level, ...]:
    return snapshot.book.asks(side) if snapshot.book else ()


def _listed(order: Order) -> VenueOrder | None:
    """Return an order of our books as this exchange listed it; one that never got an id was never here."""
    if order.kalshi_order_id is None:
        return None
    is_open = order.status in (OrderStatus.RESTING, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL)
    is_resting = is_open and order.time_in_force is TimeInForce.GTC  # another's fills went with the process
    side, limit = order.buys
    return VenueOrder(
        kalshi_order_id=order.kalshi_order_id,
        client_order_id=order.client_order_id,
        ticker=order.ticker,
        side=side,
        status="resting" if is_resting else "executed" if order.filled_qty == order.qty else "canceled",
        limit_price=limit,
        qty=order.qty,
        filled_qty=order.filled_qty,
        remaining_qty=order.qty - order.filled_qty if is_resting else ZERO,
        created_at=order.created_at,
        expires_at=order.expires_at,
    )
