"""Accounting: what a fill, a netting and a payout do to position, cash and profit, to the last digit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import NOW, contract, fill, order, snapshot
from trader.core import ledger
from trader.domain.errors import InvariantViolation
from trader.domain.markets import MarketSnapshot
from trader.domain.orders import Fill, Settlement
from trader.domain.positions import Position
from trader.domain.types import Action, PositionStatus, Side, TradingMode

D = Decimal
CAPITAL = D(5000)


def _mark(bid: str | None, ask: str | None) -> MarketSnapshot:
    changes = {"yes_bid": D(bid) if bid else None, "yes_ask": D(ask) if ask else None}
    return snapshot(contract(82, 83), None, **changes)


def _paid(position: Position, result: str) -> Settlement:
    yes = position.qty if position.side is Side.YES else D(0)
    no = position.qty - yes
    fields = {
        "ticker": position.ticker, "event_ticker": "E", "result": result, "yes_qty": yes, "no_qty": no,
        "revenue_usd": yes if result == "yes" else no, "settled_at": NOW, "mode": TradingMode.DEMO,
    }  # fmt: skip
    return Settlement.model_validate(fields)


def _book(fills: list[Fill]) -> Position | None:
    position = None
    for one in fills:
        position = ledger.apply_fill(position, one, order(qty=D(10**6), side=one.side))
    return position


def test_a_first_fill_opens_a_position_at_its_cost_and_pays_its_fee() -> None:
    position = ledger.apply_fill(None, fill(), order())

    assert (position.side, position.qty, position.cost_usd) == (Side.YES, D(10), D("4.00"))
    assert (position.avg_entry, position.avg_exit) == (D("0.40"), None)
    assert (position.realized_pnl_usd, position.fees_usd) == (D("-0.168"), D("0.168"))
    assert (position.status, position.closed_at) == (PositionStatus.OPEN, None)


def test_buying_the_other_side_closes_at_one_minus_its_price() -> None:
    opened = ledger.apply_fill(None, fill(fee=D(0)), order())

    closed = ledger.apply_fill(
        opened,
        fill(fill_id="f2", side=Side.NO, qty=D(10), price=D("0.45"), fee=D("0.1")),
        order(side=Side.NO),
    )

    # sold at 1 - 0.45 = 0.55 what cost 0.40: 10 x 0.15 - 0.10
    assert (closed.qty, closed.cost_usd, closed.realized_pnl_usd) == (D(0), D(0), D("1.40"))
    assert (closed.status, closed.avg_exit, closed.closed_at) == (PositionStatus.CLOSED, D("0.55"), NOW)


def test_a_larger_opposite_fill_turns_the_position() -> None:
    opened = ledger.apply_fill(None, fill(fee=D(0)), order())
    later = NOW + timedelta(minutes=5)

    turned = ledger.apply_fill(
        opened, fill(side=Side.NO, qty=D(15), price=D("0.45"), fee=D(0), filled_at=later),
        order(side=Side.NO, qty=D(15)),
    )  # fmt: skip

    assert (turned.side, turned.qty, turned.cost_usd) == (Side.NO, D(5), D("2.25"))
    assert (turned.realized_pnl_usd, turned.avg_entry, turned.opened_at) == (D("1.50"), D("0.45"), later)


def test_a_partial_close_releases_its_share_rounded_to_a_millionth() -> None:
    opened = _book([fill(qty=D(1), price=D("0.33"), fee=D(0)), fill(qty=D(2), price=D("0.34"), fee=D(0))])

    part = ledger.apply_fill(
        opened, fill(side=Side.NO, qty=D(1), price=D("0.5"), fee=D(0)), order(side=Side.NO)
    )

    assert part.cost_usd == D("1.01") - D("0.336667")  # a third of 1.01 leaves
    assert part.realized_pnl_usd == D("0.5") - D("0.336667")


def test_a_sale_told_in_the_own_side_is_a_purchase_of_the_other() -> None:
    opened = ledger.apply_fill(None, fill(fee=D(0)), order())
    sale = fill(qty=D(4), price=D("0.55"), fee=D(0))

    reduced = ledger.apply_fill(opened, sale, order(action=Action.REDUCE))

    assert (reduced.side, reduced.qty, reduced.realized_pnl_usd) == (Side.YES, D(6), D("0.60"))
    orders = {"v1": order(action=Action.REDUCE)}
    assert ledger.cash(CAPITAL, [sale], [], orders) == CAPITAL - 4 * D("0.45")


@pytest.mark.parametrize(("result", "realized"), [("yes", "5.832"), ("no", "-4.168")])
def test_a_settlement_pays_a_dollar_for_each_winning_contract(result: str, realized: str) -> None:
    position = ledger.apply_fill(None, fill(), order())

    settled = ledger.apply_settlement(position, _paid(position, result))

    assert (settled.qty, settled.cost_usd, settled.realized_pnl_usd) == (D(0), D(0), D(realized))
    assert (settled.status, settled.avg_exit) == (PositionStatus.SETTLED, D(result == "yes"))


def test_a_fill_that_arrives_after_settlement_changes_cost_but_never_reopens() -> None:
    position = ledger.apply_fill(None, fill(fee=D(0)), order())
    # the exchange already counted 10 more contracts that we had not seen
    paid = _paid(position, "yes").model_copy(update={"yes_qty": D(20), "revenue_usd": D(20)})
    settled = ledger.apply_settlement(position, paid)

    late = ledger.apply_fill(settled, fill(fill_id="f2", fee=D("0.1")), order(qty=D(20)))

    assert (late.status, late.qty) == (PositionStatus.SETTLED, D(0))
    assert late.realized_pnl_usd == D(20) - 4 - 4 - D("0.1")


def test_fills_and_payouts_of_another_market_are_refused() -> None:
    position = ledger.apply_fill(None, fill(), order())

    with pytest.raises(InvariantViolation, match="expected T, found OTHER"):
        ledger.apply_fill(position, fill(ticker="OTHER"), order())
    with pytest.raises(InvariantViolation, match="expected T, found OTHER"):
        ledger.apply_settlement(position, _paid(position, "yes").model_copy(update={"ticker": "OTHER"}))


@pytest.mark.parametrize(
    ("side", "bid", "ask", "value"),
    [
        (Side.YES, "0.30", "0.35", "3.00"),
        (Side.NO, "0.30", "0.35", "6.50"),
        (Side.YES, None, "0.35", "0"),  # a quote stands, nobody bids for our side
        (Side.NO, "0.30", None, "0"),
        (Side.YES, None, None, "4.00"),  # no quote: nothing was learnt, cost stands
    ],
)
def test_positions_are_marked_at_the_side_that_would_buy_them(
    side: Side, bid: str | None, ask: str | None, value: str
) -> None:
    position = ledger.apply_fill(None, fill(side=side), order(side=side))

    assert ledger.liquidation_value(position, _mark(bid, ask)) == D(value)
    assert ledger.unrealized(position, _mark(bid, ask)) == D(value) - 4
    assert ledger.unrealized(position, None) == 0


money = st.integers(1, 99).map(lambda cents: D(cents) / 100)
sizes = st.integers(1, 5000).map(lambda hundredths: D(hundredths) / 100)
trades = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(Side), sizes, money, st.integers(0, 9999)),
    max_size=25,
)


@pytest.mark.story("4.5")
@given(trades, money, money, st.sampled_from(["yes", "no", None]))
def test_capital_plus_profit_is_cash_plus_liquidation_value_exactly(
    done: list[tuple[str, Side, Decimal, Decimal, int]], bid: Decimal, ask: Decimal, result: str | None
) -> None:
    fills = [
        fill(fill_id=f"{i:03}", ticker=t, side=side, qty=qty, price=price, fee=D(fee) / 10**4,
             filled_at=NOW + timedelta(seconds=i))
        for i, (t, side, qty, price, fee) in enumerate(done)
    ]  # fmt: skip
    positions: dict[str, Position] = {}
    for one in fills:
        mine = order(ticker=one.ticker, side=one.side, qty=D(10**6))
        positions[one.ticker] = ledger.apply_fill(positions.get(one.ticker), one, mine)
    settlements = []
    if result and positions.get("A") is not None and positions["A"].qty:
        settlements = [_paid(positions["A"], result)]
        positions["A"] = ledger.apply_settlement(positions["A"], settlements[0])

    cash = ledger.cash(CAPITAL, fills, settlements)
    mark = _mark(str(bid), str(ask))
    realized = sum((p.realized_pnl_usd for p in positions.values()), D(0))
    unrealized = sum((ledger.unrealized(p, mark) for p in positions.values()), D(0))
    value = sum((ledger.liquidation_value(p, mark) for p in positions.values()), D(0))

    assert CAPITAL + realized + unrealized == cash + value
    assert sum(p.fees_usd for p in positions.values()) == sum(f.fee for f in fills)
    net: dict[str, Decimal] = {}
    for one in fills:
        net[one.ticker] = net.get(one.ticker, D(0)) + (one.qty if one.side is Side.YES else -one.qty)
    open_ = {t: ledger.signed_qty(p) for t, p in positions.items() if p.status is not PositionStatus.SETTLED}
    assert open_ == {t: q for t, q in net.items() if t in open_}
