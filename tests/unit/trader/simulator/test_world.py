import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError
from trader.domain.terms import prove_rules, rules_bounds
from trader.domain.types import MarketStatus, ReasonCode
from trader.simulator.app import Simulator
from trader.simulator.clock import WorldClock
from trader.simulator.envelopes import book_bytes, book_json, market_json, quote_json
from trader.simulator.exchange import Exchange
from trader.simulator.faults import Faults
from trader.simulator.http import Answer, Request
from trader.simulator.lifecycle import Lifecycle
from trader.simulator.world import World, instant


def test_the_world_holds_every_recorded_market_level_and_result(world: World) -> None:
    levels = sum(
        len(side)
        for capture in range(len(world.captures))
        for ticker in world.markets
        for side in world.book(capture, ticker) or ()
    )

    assert (len(world.captures), len(world.markets), len(world.events), len(world.series)) == (
        29,
        1080,
        180,
        20,
    )
    assert levels == 284_870
    assert sum(market.result is not None for market in world.markets.values()) == 456


def test_each_event_partitions_the_whole_degrees_and_at_most_one_bracket_wins(world: World) -> None:
    for rows in world.events.values():
        assert [row.strike_type for row in rows] == ["less", *["between"] * 4, "greater"]
        edges = [(row.floor, row.cap) for row in rows]
        assert edges[0][0] is None
        assert edges[0][1] == edges[1][0]  # less than 82, then 82 to 83
        assert edges[5] == (edges[4][1], None)  # 88 to 89, then greater than 89
        assert all(edges[n][1] is not None and edges[n + 1][0] == (edges[n][1] or 0) + 1 for n in (1, 2, 3))
        assert Counter(row.result for row in rows) in (Counter({None: 6}), Counter(yes=1, no=5))


def test_recorded_results_follow_from_recorded_values_and_equal_the_climate_report(world: World) -> None:
    climate = {(row.city, row.climate_date): row for rows in world.climate.values() for row in rows}
    for market in world.markets.values():
        if market.settled_value is None:
            continue
        value, report = int(market.settled_value), climate[market.city, market.climate_date]
        lo = {"less": -999, "between": market.floor, "greater": (market.floor or 0) + 1}[market.strike_type]
        hi = {"less": (market.cap or 0) - 1, "between": market.cap, "greater": 999}[market.strike_type]
        assert lo is not None
        assert hi is not None
        assert (market.result == "yes") == (lo <= value <= hi)
        assert value == (report.high_f if market.market_type == "HIGH" else report.low_f)


@pytest.mark.parametrize(
    ("offset_s", "is_standing"),
    [(-0.000001, False), (0, True), (29.999999, True), (30, True), (30.000001, False)],
)
def test_a_book_stands_from_its_capture_until_30_seconds_later(
    world: World, offset_s: float, is_standing: bool
) -> None:
    for number, captured_at in enumerate(world.captures):
        found = world.capture_at(captured_at + timedelta(seconds=offset_s))

        assert found == (number if is_standing else None)


def test_cycle_instants_are_sorted_unique_and_see_every_capture_and_settlement(world: World) -> None:
    moments = world.cycle_instants

    assert list(moments) == sorted(set(moments))
    assert {world.capture_at(at) for at in moments} >= set(range(29))
    assert all(
        any(timedelta() < at - paid <= timedelta(minutes=1) for at in moments)
        for paid in world.settlement_instants
    )
    assert world.start <= moments[0]
    assert moments[-1] <= world.end


def test_nothing_of_a_day_without_result_is_ever_determined(world: World) -> None:
    unknown = [market for market in world.markets.values() if market.result is None]

    assert len(unknown) == 624
    assert all(market.determined_at is None and market.settled_at is None for market in unknown)


def test_rules_text_proves_station_variable_date_source_and_bracket_of_every_market(world: World) -> None:
    reasons: set[ReasonCode] = set()
    lives = Lifecycle(world, Faults()).lives
    for market in world.markets.values():
        text = market_json(world, market, lives[market.ticker], MarketStatus.ACTIVE)["rules_primary"]
        city = load_cities()[market.city]
        reasons |= set(
            prove_rules(text, city=city, market_type=market.market_type, climate_date=market.climate_date)
        )
        lo = (market.floor or 0) + 1 if market.strike_type == "greater" else market.floor
        hi = (market.cap or 0) - 1 if market.strike_type == "less" else market.cap
        assert rules_bounds(text) == (lo, hi)

    assert not reasons


def test_loading_is_fast_enough_for_a_command() -> None:
    began = time.perf_counter()

    World.load("july2026")

    assert time.perf_counter() - began < 2  # 0.03 s alone; wide, because the machine is shared


def test_an_unknown_world_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="expected one of july2026, found 'june1999'"):
        World.load("june1999")


def test_an_instant_needs_a_zone() -> None:
    assert instant("2026-07-16T01:29:11-04:00") == datetime(2026, 7, 16, 5, 29, 11, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        instant("2026-07-16T01:29:11")


def test_open_markets_of_a_series_are_all_that_are_active_at_any_hour(world: World) -> None:
    """The list skips old events without looking at them: none of them may be open."""
    clock = WorldClock(world.start, world.end, 0, lambda: 0.0)
    exchange = Exchange(world, clock, Decimal(1), 0)
    simulator = Simulator(exchange, {})
    for hour in range(0, 190, 7):
        now = clock.move_to(world.start + timedelta(hours=hour))
        for series in ("KXHIGHNY", "KXLOWTSFO", "KXHIGHLAX"):
            wanted = {"series_ticker": series, "status": "open", "limit": "1000"}
            answers = [
                simulator.respond(Request("GET", f"/trade-api/v2/{what}", wanted | more, {}, b""))
                for what, more in (("markets", {}), ("events", {"limit": "200"}))
            ]
            markets, events = (json.loads(reply.body) for reply in answers if isinstance(reply, Answer))
            active = {
                row.ticker: row.event_ticker
                for row in world.markets.values()
                if row.series_ticker == series
                and row.created_at <= now
                and exchange.status(row, now) is MarketStatus.ACTIVE
            }
            assert {row["ticker"] for row in markets["markets"]} == set(active)
            assert {row["event_ticker"] for row in events["events"]} == set(active.values())


def test_a_listed_market_is_its_terms_with_the_quote_that_stands(world: World) -> None:
    clock = WorldClock(world.captures[3], world.end, 0, lambda: 0.0)
    exchange = Exchange(world, clock, Decimal(1), 0)
    simulator = Simulator(exchange, {})
    exchange.advance()
    ticker = next(t for t, row in world.markets.items() if all(exchange.depth(row, clock.now())))
    market = world.markets[ticker]

    reply = simulator.respond(Request("GET", f"/trade-api/v2/markets/{ticker}", {}, {}, b""))

    assert isinstance(reply, Answer)
    terms = market_json(world, market, exchange.life(market), MarketStatus.ACTIVE)
    depth = exchange.depth(market, clock.now())
    assert json.loads(reply.body)["market"] == terms | quote_json(depth)
    assert json.loads(book_bytes(depth)) == book_json(depth)
