"""Faults of the exchange's own behaviour: others take what rests, money moves, somebody trades by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.types import MarketStatus
from trader.simulator.account import Account, Order
from trader.simulator.agenda import FILL, OTHER, SETTLE
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Fault, FaultKind
from trader.simulator.lifecycle import NO, SCALAR, YES
from trader.simulator.order_request import OrderRequest
from trader.simulator.refusals import Refused

_CENT = Decimal("0.01")
Happening = Callable[[datetime], None]
_LISTED = {FaultKind.DEPOSIT: 1, FaultKind.WITHDRAWAL: -1, FaultKind.CASH_MISSING: -1}


class Mischief:
    """Plans the faults of one exchange; remembers how the account was, for reads that lag."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._faults = exchange, exchange.faults
        self._past: list[tuple[datetime, Account]] = []
        if any(self._faults.of(FaultKind.DRIP_FILLS)):
            exchange.on_rest = self._drip
        if any(self._faults.of(FaultKind.READ_LAG)) or any(self._faults.of(FaultKind.ORDER_HIDDEN)):
            self._past.append((exchange.clock.now(), exchange.account.frozen()))
            exchange.on_change = self._remember
        for fault in self._faults.of(FaultKind.FOREIGN_ORDER):
            exchange.agenda.plan(fault.start, OTHER, self._by_hand(fault))
        for kind, sign in _LISTED.items():
            for fault in self._faults.of(kind):
                exchange.agenda.plan(fault.start, OTHER, self._moving_money(fault, sign))
        for ticker, life in exchange.lifecycle.lives.items():
            if life.pause is not None:
                exchange.agenda.plan(life.pause[0], OTHER, self._counted(FaultKind.MARKET_PAUSE))
            if life.revised_at is not None:
                exchange.agenda.plan(life.revised_at, SETTLE, self._revising(ticker))

    def account_for(self, operation: str, now: datetime) -> Account:
        """The account as a read of ``operation`` sees it: as it is, or as it was a while ago."""
        for kind in (FaultKind.READ_LAG, FaultKind.ORDER_HIDDEN):
            lag = self._faults.on(kind, operation, now)
            if lag is None or (
                kind is FaultKind.ORDER_HIDDEN and operation not in ("read_orders", "read_order")
            ):
                continue
            as_of = now - timedelta(seconds=lag.value)
            shown = [account for at, account in self._past if at <= as_of]
            if shown and shown[-1] is not self._past[-1][1]:
                lag.fired += 1
            return shown[-1] if shown else self._past[0][1]
        return self._exchange.account

    def as_of(self, now: datetime) -> datetime:
        """The instant that the account's slowest list shows."""
        lags = [*self._faults.of(FaultKind.READ_LAG), *self._faults.of(FaultKind.ORDER_HIDDEN)]
        return now - timedelta(
            seconds=max((row.value for row in lags if row.start <= now < row.end), default=0)
        )

    def _remember(self, at: datetime) -> None:
        self._past.append((at, self._exchange.account.frozen()))

    def _drip(self, order: Order) -> None:
        """Plan a few partial takes of what has begun to rest."""
        now = order.created_at
        fault = self._faults.strikes(FaultKind.DRIP_FILLS, order.ticker, now)
        if fault is None:
            return
        at = now
        for _ in range(self._faults.random.choice((1, 2, 3))):
            at += timedelta(seconds=max(0.1, fault.value * self._faults.random.random()))
            share = Decimal(self._faults.random.choice(("0.25", "0.5", "1")))
            self._exchange.agenda.plan(at, FILL, self._taking(order, share))

    def _taking(self, order: Order, share: Decimal) -> Happening:
        def happen(at: datetime) -> None:
            count = min(order.remaining, max(_CENT, (order.remaining * share).quantize(_CENT)))
            if count > 0:
                self._exchange.fill_resting(order, count, at)

        return happen

    def _counted(self, kind: FaultKind) -> Happening:
        def happen(_: datetime) -> None:
            for fault in self._faults.of(kind):
                fault.fired += 1

        return happen

    def _revising(self, ticker: str) -> Happening:
        life = self._exchange.lifecycle.lives[ticker]

        def happen(at: datetime) -> None:
            result = {YES: NO, NO: YES}.get(life.result or "", SCALAR)
            if self._exchange.account.revise(ticker, result, 1 - life.value, at):
                next(self._faults.of(FaultKind.REVISED_SETTLEMENT)).fired += 1

        return happen

    def _moving_money(self, fault: Fault, sign: int) -> Happening:
        def happen(at: datetime) -> None:
            amount = sign * Decimal(str(fault.value)).quantize(_CENT)
            is_listed = fault.kind is not FaultKind.CASH_MISSING
            self._exchange.account.transfer(amount, at, is_listed=is_listed)
            fault.fired += 1

        return happen

    def _by_hand(self, fault: Fault) -> Happening:
        """Buy a few contracts in some open market, now or by a resting bid below it."""

        def happen(at: datetime) -> None:
            exchange, random = self._exchange, self._faults.random
            exchange.books.turn_to(at)
            open_now = [
                row
                for row in exchange.world.markets.values()
                if exchange.status(row, at) is MarketStatus.ACTIVE and exchange.depth(row, at)[1]
            ]
            if not open_now:
                return
            market = random.choice(open_now)
            ask = 100 - exchange.depth(market, at)[1][-1][0]
            rests = random.random() < 0.5 and ask > 3
            request = OrderRequest(
                ticker=market.ticker,
                client_order_id=f"by-hand-{fault.fired}" if random.random() < 0.5 else "",
                is_bid=True,
                count=Decimal(random.randint(1, 5)),
                price=(ask - 2 if rests else ask) * _CENT,
                time_in_force="good_till_canceled" if rests else "immediate_or_cancel",
                self_trade_prevention="taker_at_cross",
                expires_at=None,
                post_only=False,
                reduce_only=False,
                cancel_on_pause=False,
            )
            try:
                exchange.place(request, at, is_foreign=True)
            except Refused:
                return
            fault.fired += 1

        return happen
