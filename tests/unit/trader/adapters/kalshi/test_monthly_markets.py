"""Markets of a month's rain or snow. No whole answer of one was recorded: a recorded market's envelope stands
around recorded rules, strikes and tickers.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.samples import sample
from trader.adapters.fields import Fields
from trader.adapters.kalshi import mapping, terms
from trader.core.settlement import fits_together, ladder_ok, result_of
from trader.domain.cities import load_cities
from trader.domain.errors import MalformedPayload
from trader.domain.markets import Contract
from trader.domain.rules_words import NWS, TWC
from trader.domain.types import MarketType, ReasonCode

CITIES = load_cities()
ENVELOPE = sample("kalshi_samples/prod_event_KXHIGHNY-26SEP23_2026-09-22.json")
RAIN, SNOW = MarketType.RAIN, MarketType.SNOW
BY_TWC = "The official and final value used to determine this market as reported by the Weather Company."
BY_NWS = (
    "The official and final value used to determine this market is the total precipitation as reported by "
    "the corresponding NWS Climatological Report (Daily) linked in the rules above."
)
CLOSES = {"CHI": "2026-11-01T06:00:00Z", "NYC": "2026-08-01T03:59:59Z"}
RULES = {
    "KXRAINCHIM-26OCT": (
        "If the total precipitation at CLIORD in Chicago in Oct 2026 is strictly greater than"
    ),
    "KXRAINNYCM-26JUL": (
        "If the total precipitation at Central Park, New York City in Jul 2026 is strictly greater than"
    ),
    "KXCHISNOWM-26OCT": "If the total snowfall in Chicago (O'Hare) in October 2026 is strictly greater than",
}


def market(event: str, inches: str, secondary: str = BY_TWC, **changes: Any) -> dict[str, Any]:
    city = "NYC" if "NYC" in event else "CHI"
    return {name: value for name, value in ENVELOPE["markets"][0].items() if name != "cap_strike"} | {
        "ticker": f"{event}-{inches}",
        "event_ticker": event,
        "strike_type": "greater",
        "floor_strike": Decimal(inches),
        "close_time": CLOSES[city],
        "yes_sub_title": f"Above {inches} inches",
        "rules_primary": f"{RULES[event]} {inches} inches, then the market resolves to Yes.",
        "rules_secondary": secondary,
        **changes,
    }


def event_of(ticker: str, source: str) -> terms.EventTerms:
    fields = ENVELOPE["event"] | {
        "event_ticker": ticker,
        "series_ticker": ticker.partition("-")[0],
        "strike_date": None,
        "settlement_sources": [{"name": source, "url": "https://example.org/rules"}],
    }
    return terms.parse_event(Fields(fields, "event"))


def contract(row: dict[str, Any], kind: MarketType, source: str = TWC) -> Contract:
    event = event_of(row["event_ticker"], source)
    series = terms.SeriesTerms(event.series_ticker, "quadratic", Decimal(1))
    city = CITIES["NYC" if "NYC" in row["event_ticker"] else "CHI"]
    return terms.parse_contract(Fields(row, "market"), event, series, city, kind)


@pytest.mark.story("3.1")
def test_a_ladder_of_rain_is_proven_and_settles_in_hundredths_at_ohare() -> None:
    rungs = [contract(market("KXRAINCHIM-26OCT", str(inches)), RAIN) for inches in (1, 2, 3)]

    assert [(c.lo, c.hi, c.station, c.proof) for c in rungs] == [
        (101, None, "KORD", ()),
        (201, None, "KORD", ()),
        (301, None, "KORD", ()),
    ]
    assert {c.climate_date for c in rungs} == {date(2026, 10, 31)}
    assert rungs[0].close_time == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert ladder_ok(rungs)
    assert fits_together(rungs)
    # strictly greater: 2.00 inches do not beat two inches, 2.01 do
    assert [result_of(c, 200) for c in rungs] == ["yes", "no", "no"]
    assert [result_of(c, 201) for c in rungs] == ["yes", "yes", "no"]


def test_new_yorks_rain_is_central_parks_and_snow_counts_in_tenths() -> None:
    rain = contract(market("KXRAINNYCM-26JUL", "4", BY_NWS), RAIN, "NWS Climatological Report NY")
    snow = contract(market("KXCHISNOWM-26OCT", "8.0"), SNOW)

    assert (rain.station, rain.settlement_source, rain.lo, rain.proof) == ("KNYC", NWS, 401, ())
    assert (snow.station, snow.settlement_source, snow.lo, snow.proof) == ("KORD", TWC, 81, ())


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"floor_strike": 2}, TWC),
        ({"rules_primary": "If the total precipitation at CLIMDW in Chicago in Oct 2026 is wet"}, TWC),
        ({"rules_secondary": ""}, TWC),
        ({}, NWS),
        ({}, "AccuWeather"),
    ],
)
def test_market_whose_rules_strike_and_source_disagree_is_not_proven(
    changes: dict[str, Any], source: str
) -> None:
    found = contract(market("KXRAINCHIM-26OCT", "3", **changes), RAIN, source)

    assert found.proof == (ReasonCode.RULES_NOT_PROVEN,)


@pytest.mark.parametrize(
    "changes",
    [
        {"close_time": "2026-10-31T06:00:00Z"},
        {"close_time": "2026-11-03T06:00:00Z"},
        {"event_ticker": "KXRAINCHIM-26OCT31"},
        {"event_ticker": "KXRAINCHIM-26OKT"},
        {"floor_strike": Decimal("3.005")},
        {"strike_type": "custom"},
    ],
)
def test_market_that_contradicts_its_month_or_unit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedPayload):
        contract(market("KXRAINCHIM-26OCT", "3", **changes), RAIN)


@pytest.mark.parametrize(
    ("event", "written", "units"),
    [
        ("KXRAINNYCM-26JUL", "3.05", 305),
        ("KXRAINNYCM-26JUL", "8.1", 810),
        ("KXRAINNYCM-26JUL", "3.057", None),
        ("KXRAINNYCM-26JUL", "", None),
        ("KXCHISNOWM-26OCT", "12.3", 123),
    ],
)
def test_published_total_is_read_in_units(event: str, written: str, units: int | None) -> None:
    settled = {"status": "finalized", "result": "yes", "settlement_ts": "2026-11-01T14:00:00Z"}
    row = market(event, "1", expiration_value=written, **settled)

    result = mapping.parse_result(Fields(row, "market"), CITIES)

    assert result is not None
    assert result.value == units
    assert result.climate_date == (date(2026, 7, 31) if "NYC" in event else date(2026, 10, 31))


def test_a_partition_is_no_ladder_and_a_ladder_no_partition() -> None:
    rungs = [contract(market("KXRAINCHIM-26OCT", str(inches)), RAIN) for inches in (1, 2)]
    bracket = rungs[0].model_copy(update={"hi": 200})

    assert not ladder_ok([])
    assert not ladder_ok([rungs[0], rungs[0]])
    assert not ladder_ok([bracket, rungs[1]])
    assert not fits_together([rungs[0], rungs[1].model_copy(update={"market_type": MarketType.HIGH})])
