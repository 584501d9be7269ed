"""Selling what is held: where the edge has reversed, and on the operator's order to sell everything."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from trader.core.breakers import in_scope
from trader.core.edge import worst_unit_cost
from trader.core.fees import model_fee
from trader.domain.markets import Contract, Level, MarketSnapshot
from trader.domain.plan import CycleInputs
from trader.domain.positions import Holding
from trader.domain.risk import StateChange
from trader.domain.types import MarketStatus, ReasonCode, Side

ZERO, ONE = Decimal(0), Decimal(1)
REACH_USD = Decimal("0.05")
"""How far below the best bid a flatten sells at most, dollars; valid 0.01 to 0.20. What the book gives within
it is taken, the rest waits for the next look: dumping into an empty book would give away what settlement may
still pay.
"""
FLATTEN = ("operator", "flatten")


@dataclass(frozen=True, slots=True)
class Exit:
    """A wish to sell ``qty`` contracts of the side held at ``limit`` dollars or dearer, and who wishes it.

    ``multiplier`` is the market's fee multiplier; ``strategy`` is name and version.
    """

    ticker: str
    event_ticker: str
    city_code: str
    side: Side
    qty: Decimal
    limit: Decimal
    multiplier: Decimal
    reason: ReasonCode
    strategy: tuple[str, str]

    def under_way(self, held: Holding) -> Holding:
        """Return the order that it becomes, which buys the other side of what is held."""
        bought = {"side": self.side.other, "cost_usd": worst_unit_cost(ONE - self.limit, self.multiplier)}
        return held.model_copy(update={"qty": self.qty, "is_pending": True} | bought)


def flatten(inputs: CycleInputs, states: tuple[StateChange, ...]) -> list[Exit]:
    """Return a sale of every position in a scope that the operator ordered to be sold, as far as its book
    gives a price.
    """
    ordered = [s for s in states if s.reason is ReasonCode.OPERATOR_FLATTEN]
    contracts = {c.ticker: c for c in inputs.contracts}
    snapshots = {s.ticker: s for s in inputs.snapshots}
    exits = []
    for ticker, (side, qty) in sellable(inputs).items():
        contract, market = contracts.get(ticker), snapshots.get(ticker)
        if contract is None or market is None or not in_scope(ordered, ticker, contract.city_code):
            continue
        bids = [b for b in fresh_bids(inputs, market, side) if b.size > 0]
        within = [b for b in bids if b.price >= bids[0].price - REACH_USD]
        depth = sum((b.size for b in within), ZERO)
        if depth:
            exits.append(
                Exit(
                    ticker=ticker,
                    event_ticker=contract.event_ticker,
                    city_code=contract.city_code,
                    side=side,
                    qty=min(qty, depth),
                    limit=within[-1].price,
                    multiplier=contract.fee_multiplier,
                    reason=ReasonCode.OPERATOR_FLATTEN,
                    strategy=FLATTEN,
                )
            )
    return exits


def reversal(
    inputs: CycleInputs,
    contract: Contract,
    market: MarketSnapshot,
    held: tuple[Side, Decimal],
    p_yes: Decimal,
    strategy: tuple[str, str],
) -> Exit | None:
    """Return the sale of what is held (side, contracts) where its edge has reversed by more than costs.

    A contract kept is worth the chance that its side wins; sold, the bid less the fee. Every level of the
    book is taken at which selling brings at least ``gates.min_exit_edge_usd`` dollars more than keeping. The
    price once paid has no part in it. A gain above ``gates.max_edge_usd`` is not believed, as when opening.
    A position is opened at an edge after fees and sold at one, so the same book and the same chance never
    call for both.
    """
    side, qty = held
    bids = [b for b in fresh_bids(inputs, market, side) if b.size > 0]
    if not bids or (market.book is not None and market.book.spread is not None and market.book.spread <= 0):
        return None
    p_win = p_yes if side is Side.YES else ONE - p_yes
    gains = [b.price - model_fee(ONE, b.price, contract.fee_multiplier) - p_win for b in bids]
    if gains[0] > inputs.gates.max_edge_usd:
        return None
    worth = [b for b, gain in zip(bids, gains, strict=True) if gain >= inputs.gates.min_exit_edge_usd]
    if not worth:
        return None
    return Exit(
        ticker=contract.ticker,
        event_ticker=contract.event_ticker,
        city_code=contract.city_code,
        side=side,
        qty=min(qty, sum((b.size for b in worth), ZERO)),
        limit=min(b.price for b in worth),
        multiplier=contract.fee_multiplier,
        reason=ReasonCode.EDGE_REVERSED,
        strategy=strategy,
    )


def without(holdings: Iterable[Holding], sales: Iterable[Exit]) -> tuple[Holding, ...]:
    """Return the holdings as they are once the sales, at most one a market, are filled."""
    left, found = {(sale.ticker, sale.side): sale.qty for sale in sales}, []
    for h in holdings:
        key = (h.ticker, h.side)
        gone = ZERO if h.is_pending else min(left.get(key, ZERO), h.qty)
        left[key] = left.get(key, ZERO) - gone
        if h.qty > gone:
            found.append(h.model_copy(update={"qty": h.qty - gone}) if gone else h)
    return tuple(found)


def sellable(inputs: CycleInputs) -> dict[str, tuple[Side, Decimal]]:
    """Return side and contracts of each position, less what orders under way may sell already."""
    held = {h.ticker: (h.side, h.qty) for h in inputs.holdings if not h.is_pending}
    for pending in inputs.holdings:
        found = held.get(pending.ticker)
        if pending.is_pending and found is not None and pending.side is not found[0]:
            held[pending.ticker] = (found[0], found[1] - pending.qty)
    return {ticker: (side, qty) for ticker, (side, qty) in held.items() if qty > 0}


def fresh_bids(inputs: CycleInputs, market: MarketSnapshot, side: Side) -> tuple[Level, ...]:
    """Return the bids for a side, best first, of an open market whose book is young enough; else none."""
    book, now = market.book, inputs.now
    if book is None or market.status is not MarketStatus.ACTIVE or now >= market.close_time:
        return ()
    age = now - book.captured_at
    if not timedelta(0) <= age <= timedelta(seconds=inputs.gates.max_book_age_s):
        return ()
    return book.yes_bids if side is Side.YES else book.no_bids
