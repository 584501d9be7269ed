"""Settings: safe defaults, every fault named, secrets hidden, no key read that the mode does not need."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.app.config import Settings, expected, load_settings
from trader.app.settings_table import default_of, env_example, settings_table
from trader.app.variables import VARIABLES
from trader.domain.errors import ConfigurationError, shown
from trader.domain.types import TradingMode

DEMO = {"TRADING_MODE": "DEMO", "KALSHI_DEMO_KEY_ID": "demo-key-id-77", "KALSHI_DEMO_KEY_FILE": "demo.pem"}
LIVE = {"TRADING_MODE": "LIVE", "KALSHI_LIVE_KEY_ID": "live-key-id-88", "KALSHI_LIVE_KEY_FILE": "live.pem"}
SHADOW: dict[str, str] = {}
URL = "postgresql://milkbot_trader:p%40ss-word@127.0.0.1:5432/milkbot"


class Watched(Mapping[str, str]):
    """An environment that remembers whose values were read."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_, self.read = values, set[str]()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def refusal(env: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(env)
    return str(caught.value)


@pytest.mark.story("1.3")
def test_mode_is_shadow_when_nothing_is_set() -> None:
    settings = load_settings({})

    assert settings.mode is TradingMode.SHADOW
    assert settings.kalshi_key is None
    assert settings.openmeteo_base_url is None  # its free service forbids commercial use


@pytest.mark.story("1.3")
def test_mode_database_and_key_are_loaded() -> None:
    settings = load_settings({**DEMO, "DATABASE_URL": URL})

    assert settings.mode is TradingMode.DEMO
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert settings.kalshi_key is not None
    assert settings.kalshi_key.key_id.get_secret_value() == "demo-key-id-77"
    assert settings.kalshi_key.key_file == Path("demo.pem")
    assert settings.kalshi_base_url.endswith(".kalshi.co/trade-api/v2")


@pytest.mark.story("1.3")
@pytest.mark.parametrize("missing", ["KALSHI_DEMO_KEY_ID", "KALSHI_DEMO_KEY_FILE"])
@pytest.mark.parametrize("value", [None, ""])
def test_demo_without_its_key_names_the_variable(missing: str, value: str | None) -> None:
    env = {name: text for name, text in DEMO.items() if name != missing}

    message = refusal(env if value is None else {**env, missing: value})

    assert message.startswith(f"{missing}: expected ")
    assert "found nothing" in message
    assert message.endswith("nothing was started")


def test_demo_needs_its_key_also_on_loopback() -> None:
    message = refusal({"TRADING_MODE": "DEMO", "KALSHI_BASE_URL": "http://127.0.0.1:9000/trade-api/v2"})

    assert "KALSHI_DEMO_KEY_ID" in message


def test_a_short_pin_is_refused_in_words_that_fit_a_pin() -> None:
    assert refusal({"PHONE_PIN": "short"}).startswith("PHONE_PIN: expected text of at least 8 characters")


@pytest.mark.story("4.10")
@pytest.mark.parametrize(("env", "kind"), [(SHADOW, None), (DEMO, "DEMO"), (LIVE, "LIVE")])
def test_only_the_key_of_the_mode_is_read(env: dict[str, str], kind: str | None) -> None:
    watched = Watched({**DEMO, **LIVE, **env})
    if kind is None:
        watched.values_["TRADING_MODE"] = "SHADOW"

    load_settings(watched)

    read = {name for name in watched.read if name.startswith(("KALSHI_DEMO", "KALSHI_LIVE"))}
    assert read == (set() if kind is None else {f"KALSHI_{kind}_KEY_ID", f"KALSHI_{kind}_KEY_FILE"})


@pytest.mark.story("4.10")
def test_live_settings_alone_are_readable_because_stopping_must_work() -> None:
    assert load_settings(LIVE).mode is TradingMode.LIVE
    assert "MIN_FORECAST_PAIRS: expected at least 1 in LIVE" in refusal(LIVE | {"MIN_FORECAST_PAIRS": "0"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRADING_MODE", "shadow"),
        ("ORDER_EXPIRY_S", "300"),
        ("ORDER_EXPIRY_S", "0"),
        ("ORDER_EXPIRY_S", "4.5"),
        ("MAX_CITY_EXPOSURE_USD", "-1"),
        ("MAX_CITY_EXPOSURE_USD", "NaN"),
        ("MAX_CITY_EXPOSURE_FRACTION", "1.01"),
        ("MAX_UNCERTAINTY_F", "inf"),
        ("MAX_UNCERTAINTY_F", "nan"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("MILKBOT_PG", "sqlite"),
        ("MILKBOT_API_PORT", "80"),
    ],
)
@pytest.mark.story("1.3")
def test_a_wrong_value_names_variable_expectation_and_value(name: str, value: str) -> None:
    message = refusal({name: value})

    assert message.startswith(f"{name}: expected ")
    assert value.lower() in message.lower().partition("found ")[2]
    assert "nothing was started" in message


def test_every_fault_is_told_at_once() -> None:
    message = refusal({"ORDER_EXPIRY_S": "900", "LOG_LEVEL": "LOUD", "MIN_EDGE_USD": "x"})

    assert [line.partition(":")[0] for line in message.splitlines()] == [
        "LOG_LEVEL",
        "ORDER_EXPIRY_S",
        "MIN_EDGE_USD",
    ]


def test_order_expiry_must_be_shorter_than_the_cycle() -> None:
    message = refusal({"CYCLE_INTERVAL_S": "120", "ORDER_EXPIRY_S": "120"})

    assert message.startswith("ORDER_EXPIRY_S: expected less than CYCLE_INTERVAL_S (120 s), found 120 s")


def test_one_given_limit_leaves_the_others_at_their_defaults() -> None:
    settings = load_settings({"MAX_CITY_EXPOSURE_USD": "50.50"})

    assert settings.risk.city.usd == Decimal("50.50")
    assert settings.risk == Settings.model_fields["risk"].default.model_copy(
        update={"city": settings.risk.city}
    )
    assert settings.risk.city.fraction == Decimal("0.03")


def test_a_misspelt_limit_is_refused_instead_of_ignored() -> None:
    assert refusal({"MAX_CITY_EXPOSRE_USD": "50"}).startswith(
        "MAX_CITY_EXPOSRE_USD: expected MAX_CITY_EXPOSURE_USD"
    )


@pytest.mark.story("3.1")
@pytest.mark.parametrize(
    ("env", "url", "is_allowed"),
    [
        (SHADOW, "https://external-api.kalshi.com/trade-api/v2", True),
        (SHADOW, "https://external-api.demo.kalshi.co/trade-api/v2", False),
        (DEMO, "https://external-api.demo.kalshi.co/trade-api/v2", True),
        (DEMO, "https://demo-api.kalshi.co/trade-api/v2/", True),
        (DEMO, "https://external-api.kalshi.com/trade-api/v2", False),
        (DEMO, "https://api.elections.kalshi.com/trade-api/v2", False),
        (LIVE, "https://external-api.demo.kalshi.co/trade-api/v2", False),
        (LIVE, "https://demo-api.kalshi.co/trade-api/v2", False),
        (DEMO, "http://127.0.0.1:8123/trade-api/v2", True),
        (DEMO, "http://[::1]:8123/trade-api/v2", True),
        (DEMO, "http://localhost:8123/trade-api/v2", True),
        (DEMO, "http://127.0.0.1:8123", False),  # without the path
        (DEMO, "http://demo-api.kalshi.co/trade-api/v2", False),  # without TLS
        (DEMO, "https://demo-api.kalshi.co.evil.example/trade-api/v2", False),
        (DEMO, "https://demo-api.kalshi.co@evil.example/trade-api/v2", False),
        (DEMO, "https://user:pw@demo-api.kalshi.co/trade-api/v2", False),
        (DEMO, "https://127.0.0.1.evil.example/trade-api/v2", False),
        (DEMO, "https://demo-api.kalshi.co:8443/trade-api/v2", False),
        (DEMO, "https://demo-api.kalshi.co/trade-api/v2?x=1", False),
        (DEMO, "http://[::1/trade-api/v2", False),
        (DEMO, "10.0.0.1:80/trade-api/v2", False),
    ],
)
def test_the_exchange_is_loopback_or_a_known_host_of_the_mode(
    env: dict[str, str], url: str, is_allowed: bool
) -> None:
    if is_allowed:
        assert load_settings({**env, "KALSHI_BASE_URL": url}).kalshi_base_url == url.rstrip("/")
    else:
        assert refusal({**env, "KALSHI_BASE_URL": url}).startswith("KALSHI_BASE_URL: expected ")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("NWS_BASE_URL", "https://api.weather.gov", "https://api.weather.gov/points"),
        (
            "OPENMETEO_BASE_URL",
            "https://ensemble-api.open-meteo.com",
            "https://ensemble-api.open-meteo.com/v1",
        ),
        ("OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1", "https://openrouter.example/api/v1"),
    ],
)
def test_other_services_have_known_hosts_too(name: str, good: str, bad: str) -> None:
    assert getattr(load_settings({name: good}), name.lower()) == good
    assert refusal({name: bad}).startswith(f"{name}: expected ")


@pytest.mark.story("1.3")
def test_no_secret_shows_in_repr_or_dump() -> None:
    env = {**DEMO, "DATABASE_URL": URL, "OPENROUTER_API_KEY": "or-key-123456", "LIVE_CONFIRM": "confirm-4711"}
    settings = load_settings(env)

    for text in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()):
        for secret in ("demo-key-id-77", "p%40ss-word", "or-key-123456", "confirm-4711"):
            assert secret not in text
    assert set(settings.secret_values()) == {
        "demo-key-id-77",
        "or-key-123456",
        "confirm-4711",
        "p%40ss-word",
        "p@ss-word",
    }


@pytest.mark.story("1.3")
@pytest.mark.parametrize("name", [v.name for v in VARIABLES if v.path.endswith("database_url")])
@pytest.mark.parametrize(
    "value",
    ["mysql://u:hunter2@h/db", "hunter2", "postgresql://u:hunter2@h", "postgresql://u:hunter2@h:x/db"],
)
def test_a_wrong_database_url_is_named_but_never_shown(name: str, value: str) -> None:
    message = refusal({name: value})

    assert message.startswith(f"{name}: expected postgresql://")
    assert "hunter2" not in message


SECRETS = {
    "a key file's text": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE\n-----END PRIVATE KEY-----",
    "its first line, all that an environment file keeps": "-----BEGIN RSA PRIVATE KEY-----",
    "a key without its lines": "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
    "the key's id": "6b0d6d6e-3c2c-4e5f-9a67-30ab4f0d2c11",
    "a model provider's key": "sk-or-v1-0f0e0d0c0b0a09080706050403020100",
    "a channel's address": "tgram://4711:AAE9-cB8x/12",
    "a channel's address on the web": "https://chat.example/hooks/4711/AAE9cB8xAAE9cB8xAAE9cB8xAAE9",
    "a database's address": "postgresql://u:hunter2@h/db",
}


@pytest.mark.story("8.7")
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("name", [v.name for v in VARIABLES])
def test_a_secret_in_the_wrong_line_is_not_repeated(name: str, secret: str) -> None:
    env = DEMO if "_DEMO_" in name else LIVE if "_LIVE_" in name else SHADOW
    try:
        load_settings({**env, name: secret})
    except ConfigurationError as error:
        message = str(error)
    else:
        message = "taken"

    parts = [part for line in secret.split("\n") for part in line.split("/") if len(part) > 8]
    shown_parts = [part for part in parts if part in message and part not in {"chat.example", "postgresql:"}]
    assert shown_parts == []
    assert "PRIVATE KEY-----" not in message
    assert message != "taken" or "PRIVATE KEY" not in secret


@given(st.text(alphabet="0123456789abcdefABCDEF+-_", min_size=25))
def test_nothing_long_is_repeated_and_its_length_is_told(token: str) -> None:
    for text in (token, f"a/{token}", f"{token}.b"):
        assert shown(text) == f"{len(text)} characters (not shown: they may be a secret)"


@pytest.mark.parametrize(
    "value", ["4.5", "shadow", "-1", "/run/credentials/trader.service/kalshi_key", "it's"]
)
def test_what_is_short_is_repeated_letter_by_letter(value: str) -> None:
    assert shown(value) == repr(value)


def test_a_wrong_host_is_still_shown_because_one_letter_makes_it_wrong() -> None:
    message = refusal({**DEMO, "KALSHI_BASE_URL": "https://external-api.demo.kalshi.com/trade-api/v2"})

    assert message.partition("found ")[2].startswith("https://external-api.demo.kalshi.com/trade-api/v2;")


@given(st.dictionaries(st.sampled_from([v.name for v in VARIABLES]), st.text(max_size=20), max_size=4))
def test_any_text_gives_settings_or_a_configuration_error(env: dict[str, str]) -> None:
    try:
        outcome = f"{load_settings(env).mode} starts"
    except ConfigurationError as error:
        outcome = str(error)
    assert outcome in {"SHADOW starts", "DEMO starts"} or outcome.endswith("; nothing was started")


def test_every_default_is_a_value_its_own_variable_accepts() -> None:
    for variable in VARIABLES:
        if text := default_of(variable):
            assert default_of(variable) == text
            assert expected(variable)
            load_settings({variable.name: text})


def test_every_leaf_of_the_settings_has_a_variable() -> None:
    leaves = set()
    for name, value in load_settings({}):
        if name in {"risk", "gates"}:
            for field, inner in value:
                leaves |= (
                    {f"{name}.{field}.{part}" for part, _ in inner}
                    if hasattr(inner, "limit")
                    else {f"{name}.{field}"}
                )
        else:
            leaves.add(name)

    assert leaves - {"kalshi_key"} == {v.path for v in VARIABLES if not v.path.startswith("kalshi_key.")}


def test_generated_lists_name_every_variable_once() -> None:
    for text, mark in ((settings_table(), "| `{}` |"), (env_example(), "\n#{}=")):
        assert [text.count(mark.format(v.name)) for v in VARIABLES] == [1] * len(VARIABLES)
