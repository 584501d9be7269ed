"""The environment variables Milkbot reads, and no others: name, place in the settings, unit, meaning."""

from typing import NamedTuple


class Variable(NamedTuple):
    """One environment variable. ``path`` is its dotted place in Settings, which holds range and default."""

    name: str
    path: str
    unit: str
    meaning: str


V = Variable
VARIABLES: tuple[Variable, ...] = (
    V(
        "TRADING_MODE",
        "mode",
        "",
        "SHADOW simulates fills and can send nothing, DEMO trades the demo exchange",
    ),
    V(
        "LIVE_CONFIRM",
        "live_confirm",
        "",
        "the sentence that confirms key id and host; LIVE needs `--live` and a verdict besides",
    ),
    V(
        "DATABASE_URL",
        "database_url",
        "",
        "the trader's database URL; alone it serves every role (development)",
    ),
    V("MIGRATE_DATABASE_URL", "migrate_database_url", "", "the owner's database URL: migrations"),
    V("ANALYTICS_DATABASE_URL", "analytics_database_url", "", "dbt's database URL"),
    V("BACKUP_DATABASE_URL", "backup_database_url", "", "the backup's database URL"),
    V("ADVISOR_DATABASE_URL", "advisor_database_url", "", "the advisor's database URL: advisory text only"),
    V("WATCH_DATABASE_URL", "watch_database_url", "", "the watch's database URL: reads ops for alerts"),
    V("DASHBOARD_DATABASE_URL", "dashboard_database_url", "", "the page's and API's read-only database URL"),
    V(
        "PUBLISH_DATABASE_URL",
        "publish_database_url",
        "",
        "the publisher's database URL, on a server of the public's own; unset = the page reads the warehouse",
    ),
    V("MILKBOT_DATA_DIR", "data_dir", "", "folder of the embedded server, of `env` and of the halt file"),
    V("MILKBOT_PG", "postgres", "", "where Postgres comes from when no URL is given"),
    V("DB_POOL_MAX", "db_pool_max", "connections", "most connections one process opens"),
    V("DB_TIMEOUT_S", "db_timeout_s", "s", "wait for a connection, and for one statement"),
    V(
        "KALSHI_DEMO_KEY_ID",
        "kalshi_key.key_id",
        "",
        "id of the demo key; read in DEMO only, and required there",
    ),
    V(
        "KALSHI_DEMO_KEY_FILE",
        "kalshi_key.key_file",
        "",
        "its private key (PEM); read in DEMO only, required there",
    ),
    V(
        "KALSHI_LIVE_KEY_ID",
        "kalshi_key.key_id",
        "",
        "id of the live key; read in LIVE only, and required there",
    ),
    V(
        "KALSHI_LIVE_KEY_FILE",
        "kalshi_key.key_file",
        "",
        "its private key (PEM); read in LIVE only, required there",
    ),
    V("KALSHI_BASE_URL", "kalshi_base_url", "", "loopback or a known host of the mode, with /trade-api/v2"),
    V("NWS_BASE_URL", "nws_base_url", "", "loopback or the weather service, bare origin"),
    V(
        "OPENMETEO_BASE_URL",
        "openmeteo_base_url",
        "",
        "ensemble provider, bare origin; unset = off (no commercial use)",
    ),
    V("OPENROUTER_BASE_URL", "openrouter_base_url", "", "loopback or the advisor's host, with /api/v1"),
    V(
        "OPENROUTER_API_KEY",
        "openrouter_api_key",
        "",
        "key of the language model; unset = the rules' own words",
    ),
    V("ADVISOR_MODEL", "advisor_model", "", "language model that words what the rules found"),
    V("ADVISOR_BUDGET_USD", "advisor_budget_usd", "USD a UTC day", "most the language model may cost"),
    V(
        "ADVISOR_PRICE_USD_PER_MTOK",
        "advisor_price_usd_per_mtok",
        "USD per million tokens",
        "upper bound of the model's price, in or out; reserved before each request",
    ),
    V("ADVISOR_TIMEOUT_S", "advisor_timeout_s", "s", "deadline of one request to the language model"),
    V("ALERT_URLS", "alert_urls", "", "where alerts go: apprise addresses, separated by spaces"),
    V("PHONE_PIN", "phone_pin", "", "word that makes a message from ntfy or Telegram a command; unset = off"),
    V("PING_URL", "ping_url", "", "outside monitor: address before /milkbot-trader and the other slugs"),
    V("EVENING_HOUR_ET", "evening_hour_et", "hour, Eastern", "when the one evening message is sent"),
    V("MILKBOT_DOMAIN", "domain", "", "name of the page; the watch asks its proxy for a handshake"),
    V("MILKBOT_STAMP_DIR", "stamp_dir", "", "folder where the backup notes its last success"),
    V("HTTP_TIMEOUT_S", "http_timeout_s", "s", "deadline of one request"),
    V("LOG_LEVEL", "log_level", "", "least severity that is written"),
    V("LOG_FORMAT", "log_format", "", "for machines or for people; json set by name: results are events too"),
    V("MILKBOT_HALT_FILE", "halt_file", "", "while this file exists no new risk is taken"),
    V("MILKBOT_HEALTH_PORT", "health_port", "port", "the trader's health on loopback"),
    V("MILKBOT_API_PORT", "api_port", "port", "the internal API on loopback"),
    V("MILKBOT_PAGE_PORT", "page_port", "port", "the page on loopback"),
    V("MILKBOT_HTTPS_PORT", "https_port", "port", "the proxy before the page; the watch asks it"),
    V("CYCLE_INTERVAL_S", "cycle_interval_s", "s", "time between two cycles"),
    V(
        "ORDER_EXPIRY_S",
        "order_expiry_s",
        "s",
        "life of a resting order at the exchange; below the cycle interval",
    ),
    V(
        "ORDER_POLICY",
        "order_policy",
        "",
        "take buys what is offered; rest waits at its own price and expires before the next cycle",
    ),
    V(
        "TRADE_MONTHLY",
        "trade_monthly",
        "",
        "whether monthly rain and snow are looked at and traded; off, because nothing proves an edge there",
    ),
    V(
        "MIN_FORECAST_PAIRS",
        "min_forecast_pairs",
        "pairs",
        "stored forecasts with outcome a city, source and lead need",
    ),
    V("STARTING_CAPITAL_USD", "starting_capital_usd", "USD", "capital SHADOW and DEMO begin with"),
    V("MAX_OPEN_RISK_USD", "risk.open_risk.usd", "USD", "worst case of the whole book"),
    V(
        "MAX_OPEN_RISK_FRACTION",
        "risk.open_risk.fraction",
        "of equity",
        "the same; the smaller of both holds",
    ),
    V("MAX_TRADE_RISK_USD", "risk.trade.usd", "USD", "worst case of one trade"),
    V("MAX_TRADE_RISK_FRACTION", "risk.trade.fraction", "of equity", "the same; the smaller of both holds"),
    V("MAX_CITY_EXPOSURE_USD", "risk.city.usd", "USD", "worst case of one city"),
    V("MAX_CITY_EXPOSURE_FRACTION", "risk.city.fraction", "of equity", "the same; the smaller of both holds"),
    V("MAX_CLUSTER_EXPOSURE_USD", "risk.cluster.usd", "USD", "worst case of one cluster of cities"),
    V(
        "MAX_CLUSTER_EXPOSURE_FRACTION",
        "risk.cluster.fraction",
        "of equity",
        "the same; the smaller of both holds",
    ),
    V(
        "MAX_DAILY_LOSS_USD",
        "risk.daily_loss.usd",
        "USD",
        "loss since midnight Eastern that pauses for 24 hours",
    ),
    V(
        "MAX_DAILY_LOSS_FRACTION",
        "risk.daily_loss.fraction",
        "of equity",
        "the same; the smaller of both holds",
    ),
    V("MAX_DRAWDOWN_FRACTION", "risk.drawdown_fraction", "of peak equity", "fall from the peak that halts"),
    V("MAX_ORDER_REJECTS", "risk.rejects_max", "orders", "rejections within the window that halt"),
    V("ORDER_REJECTS_WINDOW_MIN", "risk.rejects_window_min", "min", "the window of these rejections"),
    V("KELLY_FRACTION", "risk.kelly_fraction", "of full Kelly", "share of the Kelly stake that is asked for"),
    V("MAX_TRADE_CONTRACTS", "risk.max_contracts", "contracts", "most contracts one order asks for"),
    V("MAX_SPREAD_USD", "gates.max_spread_usd", "USD per contract", "widest ask minus bid that is traded"),
    V("MAX_EDGE_USD", "gates.max_edge_usd", "USD per contract", "edge above which our forecast is doubted"),
    V("MIN_EDGE_USD", "gates.min_edge_usd", "USD per contract", "least edge after fees that is traded"),
    V(
        "MIN_EXIT_EDGE_USD",
        "gates.min_exit_edge_usd",
        "USD per contract",
        "least gain of selling over holding, after the fee, at which a position is sold",
    ),
    V("MIN_DEPTH_CONTRACTS", "gates.min_depth", "contracts", "least size standing within the limit price"),
    V("MAX_BOOK_AGE_S", "gates.max_book_age_s", "s", "oldest order book a decision may use"),
    V("MAX_FETCH_AGE_S", "gates.max_fetch_age_s", "s", "weather: oldest fetch"),
    V("MAX_OBSERVATION_AGE_S", "gates.max_observation_age_s", "s", "weather: oldest station report"),
    V("MAX_FORECAST_AGE_S", "gates.max_forecast_age_s", "s", "weather: oldest issue of a forecast"),
    V(
        "MAX_UNCERTAINTY_F",
        "gates.max_uncertainty_f",
        "degrees F (sd)",
        "widest predictive spread that is traded",
    ),
    V("MIN_TIME_TO_CLOSE_S", "gates.min_time_to_close_s", "s", "a market nearer to its close is left alone"),
)

DATABASE_FIELDS = (
    "database_url",
    "migrate_database_url",
    "analytics_database_url",
    "dashboard_database_url",
    "backup_database_url",
    "advisor_database_url",
    "watch_database_url",
    "publish_database_url",
)
"""Fields of Settings that hold a database URL, each None when not given."""

SECRET_PATHS = frozenset(
    {
        *DATABASE_FIELDS,
        "openrouter_api_key",
        "live_confirm",
        "kalshi_key.key_id",
        "alert_urls",
        "phone_pin",
        "ping_url",
    }
)
OUR_PREFIXES = (
    "MILKBOT_",
    "KALSHI_",
    "TRADING_",
    "MAX_",
    "MIN_",
    "ORDER_",
    "CYCLE_",
    "KELLY_",
    "STARTING_",
    "LIVE_",
    "ADVISOR_",
    "ALERT_",
    "PHONE_",
    "PING_",
    "EVENING_",
)
