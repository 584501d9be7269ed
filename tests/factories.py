"""One valid payload of each domain model, as JSON values with fixed dates; no outside world.

``sample_market_snapshot``, ``sample_weather_snapshot`` and ``sample_order_fill`` are the specification's
fixtures; ``PAYLOADS`` has one for every model of story 1.5. Change fields of a copy, never the samples.
"""

from typing import Any, Final

from trader.domain.markets import MarketSnapshot
from trader.domain.orders import Fill, Order
from trader.domain.positions import Position
from trader.domain.risk import HealthStatus, RiskEvent
from trader.domain.signals import Signal
from trader.domain.types import Frozen
from trader.domain.weather import WeatherSnapshot

Payload = dict[str, Any]

sample_market_snapshot: Final[Payload] = {
    "ticker": "KXHIGHNY-26JUL16-B84.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "city_code": "NYC",
    "market_type": "HIGH",
    "climate_date": "2026-07-16",
    "captured_at": "2026-07-16T01:30:00Z",
    "status": "active",
    "yes_bid": "0.41",
    "yes_ask": "0.4275",
    "volume": "1234.50",
    "open_interest": "1000",
    "close_time": "2026-07-17T05:00:00Z",
    "rules_url": "https://example.org/rules.pdf",
    "terms_hash": "a" * 64,
    "book": {
        "captured_at": "2026-07-16T01:30:00Z",
        "yes_bids": [{"price": "0.41", "size": "250.25"}, {"price": "0.40", "size": "10"}],
        "no_bids": [{"price": "0.5725", "size": "80"}],
    },
    "payload_hash": "c" * 64,
}

sample_weather_snapshot: Final[Payload] = {
    "city_code": "NYC",
    "captured_at": "2026-07-16T01:30:00Z",
    "fetched_at": "2026-07-16T01:29:00Z",
    "climate_date": "2026-07-15",
    "latest": {"station": "KNYC", "observed_at": "2026-07-16T00:51:00Z", "temp_f": 80.1},
    "high_so_far_f": 88.0,
    "high_so_far_at": "2026-07-15T19:51:00Z",
    "low_so_far_f": 70.0,
    "low_so_far_at": "2026-07-15T09:51:00Z",
    "seen_max_f": 88.0,
    "seen_min_f": 69.8,
    "hourly": {
        "source": "nws_grid",
        "issued_at": "2026-07-15T23:12:00Z",
        "starts_at": "2026-07-16T01:00:00Z",
        "temps_f": [79.0, 78.0, None, 76.0],
    },
    "months": [
        {
            "location": "NYC",
            "market_type": "RAIN",
            "climate_date": "2026-07-15",
            "is_final": True,
            "amount": {"units": 234},
            "day": {"units": 0, "is_trace": True},
            "issued_at": "2026-07-16T06:17:00Z",
        }
    ],
    "depths": [
        {
            "source": "nws_grid",
            "variable": "RAIN",
            "issued_at": "2026-07-16T00:12:30Z",
            "first": "2026-07-16",
            "units": [25.0, 0.0, 3.5],
        }
    ],
    "forecasts": [
        {
            "source": "openmeteo_gfs_ensemble",
            "variable": "HIGH",
            "climate_date": "2026-07-16",
            "issued_at": "2026-07-15T23:30:00Z",
            "value_f": 85.2,
            "members_f": [84.0, 85.5, 86.1],
        }
    ],
    "is_fetch_stale": False,
    "is_observation_stale": False,
    "is_forecast_stale": False,
    "problems": [],
    "payload_hashes": ["d" * 64],
}

sample_order_fill: Final[Payload] = {
    "fill_id": "5a1b1f9e-9c3f-4d8e-8a53-0a6c5a3c2f11",
    "kalshi_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
    "order_id": 1,
    "ticker": "KXHIGHNY-26JUL16-B84.5",
    "side": "YES",
    "qty": "12.50",
    "price": "0.4275",
    "fee": "0.2142",
    "is_taker": True,
    "filled_at": "2026-07-16T01:30:01.250000Z",
    "mode": "DEMO",
}

sample_signal: Final[Payload] = {
    "ticker": "KXHIGHNY-26JUL16-B84.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "city_code": "NYC",
    "market_type": "HIGH",
    "climate_date": "2026-07-16",
    "strategy_name": "daily_high",
    "strategy_version": "1",
    "p_yes": "0.512345",
    "uncertainty": 2.4,
    "decision": "BUY",
    "side": "YES",
    "price": "0.4275",
    "limit_price": "0.43",
    "fee": "0.01713",
    "edge": "0.067715",
    "qty": "20",
    "reasons": ["EDGE_FOUND", "WITHIN_LIMITS"],
}

sample_order: Final[Payload] = {
    "order_id": 1,
    "client_order_id": "9794931a-0d30-862e-a6b4-f6815da0c49e",
    "intent_key": "e" * 64,
    "kalshi_order_id": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1",
    "mode": "DEMO",
    "ticker": "KXHIGHNY-26JUL16-B84.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "city_code": "NYC",
    "side": "YES",
    "action": "OPEN",
    "status": "PARTIALLY_FILLED",
    "qty": "20",
    "filled_qty": "12.50",
    "booked_qty": "10",
    "limit_price": "0.43",
    "time_in_force": "good_till_canceled",
    "is_post_only": True,
    "expires_at": "2026-07-16T01:34:00Z",
    "absent_at": None,
    "created_at": "2026-07-16T01:30:00Z",
    "updated_at": "2026-07-16T01:30:02Z",
    "sent_at": "2026-07-16T01:30:00Z",
    "signal_id": 7,
    "is_foreign": False,
    "reject_code": None,
}

sample_position: Final[Payload] = {
    "ticker": "KXHIGHNY-26JUL16-B84.5",
    "event_ticker": "KXHIGHNY-26JUL16",
    "city_code": "NYC",
    "mode": "DEMO",
    "side": "YES",
    "qty": "7.5",
    "avg_entry": "0.4275",
    "avg_exit": "0.60",
    "cost_usd": "3.20625",
    "realized_pnl_usd": "0.6483",
    "fees_usd": "0.2142",
    "status": "OPEN",
    "opened_at": "2026-07-16T01:30:01Z",
    "closed_at": None,
}

sample_risk_event: Final[Payload] = {
    "event_type": "DAILY_LOSS_REACHED",
    "severity": "CRITICAL",
    "message": "loss since midnight Eastern 251.00 USD reached the limit 250.00 USD",
    "occurred_at": "2026-07-16T01:30:00Z",
    "payload": {"loss_usd": "251.00", "cities": ["NYC"]},
}

sample_health_status: Final[Payload] = {
    "component": "kalshi_api",
    "status": "ok",
    "last_ok": "2026-07-16T01:30:00Z",
    "message": "books received",
    "checked_at": "2026-07-16T01:30:00Z",
}

PAYLOADS: Final[dict[type[Frozen], Payload]] = {
    WeatherSnapshot: sample_weather_snapshot,
    MarketSnapshot: sample_market_snapshot,
    Signal: sample_signal,
    Order: sample_order,
    Fill: sample_order_fill,
    Position: sample_position,
    RiskEvent: sample_risk_event,
    HealthStatus: sample_health_status,
}
