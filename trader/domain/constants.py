"""Constants fixed by the specification; where SQL needs the same number a test compares them."""

from decimal import Decimal

PUBLIC_TRADE_DELAY_MIN = 60
"""Minutes between a fill and the first instant at which any public relation may show it."""

DASH_REFRESH_SEC = 5
"""Seconds between two refreshes of the public page's live panels, and the life of its query cache."""

WEATHER_CACHE_MIN = 5
"""Minutes for which a city's weather answer is served from the cache."""

MAX_OPEN_RISK_USD = Decimal("500")
MAX_DAILY_LOSS_USD = Decimal("250")
MAX_TRADE_RISK_USD = Decimal("100")
MAX_CITY_EXPOSURE_USD = Decimal("150")
MAX_CLUSTER_EXPOSURE_USD = Decimal("250")
MAX_SPREAD_USD = Decimal("0.03")
STARTING_CAPITAL_USD = Decimal("5000")
LOSS_PAUSE_HOURS = 24
