"""Published outcomes: stored once, compared with the climate report, and a mismatch halts the city."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.ops_samples import payload
from tests.fakes.desk import MODE, Desk, Failing
from tests.unit.trader.core import builders as b
from trader.adapters.shadow.exchange import ShadowExchange
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.results import settle
from trader.domain.errors import PersistenceError, TransientError
from trader.domain.orders import MarketResult, Settlement
from trader.domain.positions import CapitalEvent
from trader.domain.types import MarketType, PositionStatus, ReasonCode, Side, TradingMode
from trader.ports.weather import ClimateReport

MORNING_AFTER = timedelta(days=1, hours=14)
WINNER = b.contract(84, 85)


def traded(desk: Desk) -> None:
    """A cycle that looked at all six brackets, then the morning after."""
    run_cycle(desk.trader, slot="one", codes=["NYC"])
    desk.clock.advance(MORNING_AFTER.total_seconds())


def report(high_f: int, **changes: Any) -> ClimateReport:
    text = payload(f"CLIMATE REPORT {high_f} {changes}", content_type="text/plain", sha256=f"{high_f:064x}")
    fields: dict[str, Any] = {
        "pil": "CLINYC",
        "city_code": "NYC",
        "climate_date": b.DAY,
        "issued_at": b.NOW + timedelta(days=1, hours=5),
        "status": "final_first",
        "high_f": high_f,
        "low_f": 70,
        "refusal": None,
        "payload": text,
    }
    return ClimateReport(**fields | changes)


def publish(desk: Desk, value: int) -> None:
    desk.markets.published = tuple(
        MarketResult(
            ticker=terms.ticker,
            event_ticker=terms.event_ticker,
            climate_date=b.DAY,
            result="yes" if terms.wins(value) else "no",
            value=value,
            determined_at=b.NOW + timedelta(days=1, hours=12),
        )
        for terms in b.event_contracts()
    )


def halted(desk: Desk) -> list[tuple[str, ReasonCode]]:
    return [(s.scope, s.reason) for s in desk.store.risk.states(MODE, desk.clock.now())]


def test_results_that_agree_with_the_climate_report_are_stored_once_and_halt_nothing(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (report(85),)
    publish(desk, 85)

    assert settle(desk.trader) == 6
    assert halted(desk) == []
    assert desk.store.markets.markets_awaiting_result(desk.clock.now()) == ()
    assert desk.store.weather.first_final("CLINYC", b.DAY, MarketType.HIGH) == 85
    desk.clock.advance(3600)
    assert settle(desk.trader) == 0


def test_a_result_that_differs_from_the_climate_report_halts_the_city_and_leaves_a_trace(desk: Desk) -> None:
    desk.show("CHI")
    traded(desk)
    desk.weather.reports = (report(87),)
    publish(desk, 85)

    assert settle(desk.trader) == 6

    assert halted(desk) == [("city:NYC", ReasonCode.SETTLEMENT_MISMATCH)]
    said = desk.events("SETTLEMENT_MISMATCH")
    assert sorted(said) == [
        f"{b.contract(84, 85).ticker}: expected no from the climate report's 87, found yes",
        f"{b.contract(86, 87).ticker}: expected yes from the climate report's 87, found no",
    ]


def test_the_first_final_report_decides_not_a_preliminary_one_and_not_a_later_correction(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (
        report(81, status="preliminary", issued_at=b.NOW + timedelta(hours=20)),
        report(85),
        report(90, status="final_revised", issued_at=b.NOW + timedelta(days=1, hours=9)),
    )
    publish(desk, 85)

    settle(desk.trader)

    assert halted(desk) == []


def test_a_result_waits_a_day_for_its_report_and_is_then_stored_without_an_opinion_of_ours(
    desk: Desk,
) -> None:
    traded(desk)
    publish(desk, 85)

    assert settle(desk.trader) == 0
    desk.clock.advance(24 * 3600)
    assert settle(desk.trader) == 6
    assert halted(desk) == []


def test_a_result_is_compared_with_the_report_that_came_after_it(desk: Desk) -> None:
    traded(desk)
    publish(desk, 85)
    assert settle(desk.trader) == 0
    desk.weather.reports = (report(80),)
    desk.clock.advance(2 * 3600)

    settle(desk.trader)

    assert halted(desk) == [("city:NYC", ReasonCode.SETTLEMENT_MISMATCH)]


def test_a_value_that_differs_inside_the_same_bracket_is_told_and_halts_nothing(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (report(84),)
    publish(desk, 85)

    assert settle(desk.trader) == 6

    assert halted(desk) == []
    assert f"{WINNER.ticker}: expected the climate report's 84, found 85" in desk.events(
        "SETTLEMENT_VALUE_DIFFERS"
    )


def test_a_result_that_the_exchange_corrects_is_stored_again_and_halts_the_city(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (report(85),)
    publish(desk, 85)
    assert settle(desk.trader) == 6
    desk.show("LAX")
    run_cycle(desk.trader, slot="two", codes=["LAX"])
    desk.clock.advance(timedelta(days=1, hours=14).total_seconds())
    publish(desk, 87)

    settle(desk.trader)

    assert halted(desk) == [("city:NYC", ReasonCode.SETTLEMENT_MISMATCH)]
    said = desk.events("SETTLEMENT_MISMATCH")
    assert f"{WINNER.ticker}: expected the result yes at 85, found no at 87" in said
    standing = {r.ticker: r.result for r in desk.store.markets.results(b.NOW)}
    assert standing[WINNER.ticker] == "no"


def test_a_result_waits_a_day_for_its_value_to_be_named(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (report(85),)
    publish(desk, 85)
    named = desk.markets.published
    desk.markets.published = tuple(r.model_copy(update={"value": None}) for r in named)
    assert settle(desk.trader) == 0
    desk.clock.advance(3600)
    desk.markets.published = named

    assert settle(desk.trader) == 6

    assert halted(desk) == []
    assert {r.value for r in desk.store.markets.results(b.NOW)} == {85}


def test_a_value_that_is_never_named_does_not_keep_a_result_from_being_stored(desk: Desk) -> None:
    traded(desk)
    desk.weather.reports = (report(85),)
    publish(desk, 85)
    named = desk.markets.published
    desk.markets.published = tuple(r.model_copy(update={"value": None}) for r in named)
    assert settle(desk.trader) == 0
    desk.clock.advance(24 * 3600)
    assert settle(desk.trader) == 6
    desk.show("LAX")
    run_cycle(desk.trader, slot="two", codes=["LAX"])
    desk.clock.advance(timedelta(days=1, hours=14).total_seconds())
    desk.markets.published = named

    settle(desk.trader)

    assert halted(desk) == []  # a value named later says nothing new
    assert {r.value for r in desk.store.markets.results(b.NOW)} == {None}


def test_open_markets_are_not_asked_for(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one", codes=["NYC"])
    desk.markets.error = TransientError("must not be asked")

    assert settle(desk.trader) == 0
    assert desk.trader.results_poll.polled_at is None


def test_while_nothing_is_published_results_are_asked_for_at_growing_waits_up_to_six_hours(
    desk: Desk,
) -> None:
    traded(desk)
    asked_at = []
    began = desk.clock.now()
    for _ in range(20 * 12):
        before = desk.trader.results_poll.polled_at
        settle(desk.trader)
        if desk.trader.results_poll.polled_at != before:
            asked_at.append((desk.clock.now() - began) / timedelta(hours=1))
        desk.clock.advance(300)

    assert asked_at == [0, 1, 3, 7, 13, 19]
    publish(desk, 85)
    desk.clock.advance(5 * 3600)
    assert settle(desk.trader) == 6


def test_a_market_that_closed_meanwhile_shortens_the_wait(desk: Desk) -> None:
    desk.show("LAX")  # its day ends three hours after New York's
    run_cycle(desk.trader, slot="one", codes=["NYC", "LAX"])
    desk.clock.advance(28 * 3600)
    for _ in range(5):
        settle(desk.trader)
        desk.clock.advance(1800)
    desk.clock.advance(60)
    desk.weather.reports = (report(85),)
    publish(desk, 85)

    assert settle(desk.trader) == 6


@pytest.mark.parametrize("source", ["markets", "weather"])
def test_a_source_that_does_not_answer_is_tried_again_and_nothing_is_concluded(
    desk: Desk, source: str
) -> None:
    traded(desk)
    publish(desk, 85)
    desk.weather.reports = (report(85),)
    away = getattr(desk, source)
    away.error = TransientError("no answer")

    settle(desk.trader)
    assert halted(desk) == []

    away.error = None
    desk.clock.advance(3600)
    settle(desk.trader)
    assert desk.store.weather.first_final("CLINYC", b.DAY, MarketType.HIGH) == 85
    assert desk.store.markets.markets_awaiting_result(desk.clock.now()) == ()


@pytest.mark.story("4.10")
def test_in_shadow_a_result_pays_the_simulated_account_once_and_closes_the_position(desk: Desk) -> None:
    shadow = ShadowExchange(clock=desk.clock)
    desk.trader.exchange, desk.trader.mode = shadow, TradingMode.SHADOW
    start = CapitalEvent(kind="START", amount_usd=Decimal(5000), occurred_at=b.NOW, mode=TradingMode.SHADOW)
    desk.store.capital.save(start, set_by="test", at=b.NOW)
    traded(desk)
    (bought,) = desk.store.positions.get_all(TradingMode.SHADOW)
    publish(desk, 85)

    settle(desk.trader)
    reconcile(desk.trader)

    (position,) = desk.store.positions.get_all(TradingMode.SHADOW)
    (paid,) = desk.store.positions.settlements(TradingMode.SHADOW)
    assert position.status is PositionStatus.SETTLED
    assert paid.revenue_usd == (bought.qty if bought.ticker == WINNER.ticker else 0)
    assert shadow.get_balance().cash_usd == 5000 + position.realized_pnl_usd
    assert reconcile(desk.trader).breaks == 0


def test_a_pretend_payout_is_booked_before_its_result_is_stored(desk: Desk) -> None:
    """A stored result is not asked for again: a kill between the two would leave the payout unpaid."""
    traded(desk)
    (held, *_) = desk.store.positions.held(MODE)
    desk.weather.reports = (report(85),)
    publish(desk, 85)

    def pay(_: object) -> tuple[Settlement, ...]:
        desk.exchange.settlements = [
            Settlement(
                ticker=held.ticker,
                event_ticker=held.event_ticker,
                result="no",
                yes_qty=held.qty if held.side is Side.YES else Decimal(0),
                no_qty=held.qty if held.side is Side.NO else Decimal(0),
                revenue_usd=Decimal(0) if held.side is Side.YES else held.qty,
                settled_at=desk.clock.now(),
                mode=MODE,
            )
        ]
        return tuple(desk.exchange.settlements)

    desk.exchange.settle = pay  # type: ignore[attr-defined]
    desk.store.markets = Failing(desk.store.markets, "save_result")

    with pytest.raises(PersistenceError):
        settle(desk.trader)

    assert [paid.ticker for paid in desk.store.positions.settlements(MODE)] == [held.ticker]
