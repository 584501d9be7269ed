"""The one settings object: every tunable with its range and default, read from the environment.

Fails closed: missing or wrong values are one ConfigurationError naming every variable at fault, what was
expected and what was found; nothing has been started by then. Meanings and units: trader/app/variables.py.
"""

import difflib
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from trader.app.endpoints import EndpointProblem, default_endpoint, describe_endpoint, parse_endpoint
from trader.app.variables import DATABASE_FIELDS, OUR_PREFIXES, SECRET_PATHS, VARIABLES, Variable
from trader.domain import constants
from trader.domain.errors import ConfigurationError, shown
from trader.domain.risk import GateLimits, RiskLimits
from trader.domain.types import Frozen, OrderPolicy, TradingMode

Port = Annotated[int, Field(ge=1024, le=65535)]
Dollars = Annotated[Decimal, Field(gt=0, le=1_000_000, strict=False)]


class KalshiKey(Frozen):
    """The key of the one environment this process trades in. The file is opened by the signer, never here."""

    key_id: SecretStr
    key_file: Path


class Settings(Frozen):
    """All settings, validated; ``trader.app.variables`` says what each means.

    Database URLs left out mean the embedded server. The endpoints are set by ``load_settings``, by mode.
    """

    mode: TradingMode = TradingMode.SHADOW
    live_confirm: SecretStr | None = None
    database_url: SecretStr | None = None
    migrate_database_url: SecretStr | None = None
    analytics_database_url: SecretStr | None = None
    dashboard_database_url: SecretStr | None = None
    backup_database_url: SecretStr | None = None
    advisor_database_url: SecretStr | None = None
    watch_database_url: SecretStr | None = None
    publish_database_url: SecretStr | None = None
    data_dir: Path = Path(".milkbot")
    postgres: Literal["embedded", "docker"] = "embedded"
    db_pool_max: Annotated[int, Field(ge=1, le=20)] = 4
    db_timeout_s: Annotated[int, Field(ge=1, le=60)] = 10
    kalshi_key: KalshiKey | None = None
    kalshi_base_url: str
    nws_base_url: str
    openmeteo_base_url: str | None = None
    openrouter_base_url: str
    openrouter_api_key: SecretStr | None = None
    advisor_model: Annotated[
        str, Field(pattern=r"^[\w.-]+(/[\w.:-]+)+$", max_length=100, description="provider/model")
    ] = "openrouter/anthropic/claude-sonnet-4.5"
    advisor_budget_usd: Annotated[Decimal, Field(ge=0, le=100, strict=False)] = Decimal("1.00")
    advisor_price_usd_per_mtok: Annotated[Decimal, Field(gt=0, le=1000, strict=False)] = Decimal("15")
    advisor_timeout_s: Annotated[int, Field(ge=1, le=60)] = 30
    alert_urls: SecretStr | None = None
    phone_pin: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        default=None, description="text of at least 8 characters"
    )
    ping_url: SecretStr | None = None
    evening_hour_et: Annotated[int, Field(ge=0, le=23)] = 20
    domain: str | None = None
    stamp_dir: Path | None = None
    http_timeout_s: Annotated[int, Field(ge=1, le=60)] = 10
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    halt_file: Path
    health_port: Port = 8001
    api_port: Port = 8000
    page_port: Port = 8501
    https_port: Annotated[int, Field(ge=1, le=65535)] = 443
    cycle_interval_s: Annotated[int, Field(ge=60, le=3600)] = 300
    order_expiry_s: Annotated[int, Field(ge=1, le=299)] = 240
    order_policy: OrderPolicy = OrderPolicy.TAKE
    trade_monthly: bool = False
    min_forecast_pairs: Annotated[int, Field(ge=0, le=10_000)] = 30
    starting_capital_usd: Dollars = constants.STARTING_CAPITAL_USD
    risk: RiskLimits = RiskLimits()
    gates: GateLimits = GateLimits()

    def secret_values(self) -> tuple[str, ...]:
        """Every secret text in here, for the log's redaction: keys, confirmations and database passwords."""
        key = self.kalshi_key.key_id if self.kalshi_key else None
        urls = (getattr(self, name) for name in DATABASE_FIELDS)
        passwords = [urlsplit(url.get_secret_value()).password for url in urls if url]
        alone = (key, self.openrouter_api_key, self.live_confirm, self.phone_pin)
        found = [s.get_secret_value() for s in alone if s]
        outside = [s.get_secret_value() for s in (self.alert_urls, self.ping_url) if s]
        for address in " ".join(outside).split():
            rest = address.partition("://")[2]  # tokens stand anywhere in such an address
            found += [address, rest, *(part for part in re.split(r"[/@?&=]", rest) if len(part) >= 8)]
        return tuple(dict.fromkeys([*found, *(form for p in passwords if p for form in (p, unquote(p)))]))


def load_settings(env: Mapping[str, str]) -> Settings:
    """Return validated settings from environment variables; an empty value counts as missing.

    SHADOW reads no key variable at all, DEMO and LIVE only their own.
    Raises ConfigurationError naming each variable at fault (operator; exit code 2).
    """
    problems = _misspelt(env)
    try:
        mode = TradingMode(env.get("TRADING_MODE") or TradingMode.SHADOW)
    except ValueError:
        raise _error([_problem("TRADING_MODE", f"found {shown(env['TRADING_MODE'])}"), *problems]) from None
    values: dict[str, Any] = {"risk": _texts(RiskLimits()), "gates": _texts(GateLimits())}
    for variable in VARIABLES:
        if variable.path.startswith("kalshi_key."):
            if mode is TradingMode.SHADOW or f"_{mode}_" not in variable.name:
                continue
            if not env.get(variable.name):
                problems.append(
                    _problem(variable.name, f"found nothing; {mode} trades with its own key only")
                )
        if text := env.get(variable.name):
            if "PRIVATE KEY-----" in text:  # also where any text would do, such as the name of a file
                problems.append(_problem(variable.name, f"found {shown(text)}"))
            _put(values, variable.path, text)
    problems += _check_endpoints(values, mode) + _check_database_urls(values)
    values.setdefault("halt_file", str(Path(values.get("data_dir", ".milkbot")) / "HALT"))
    if problems:
        raise _error(problems)
    settings = _validate(values, mode)
    if problems := _inconsistent(settings):
        raise _error(problems)
    return settings


def _inconsistent(settings: Settings) -> list[str]:
    """What is wrong although each value alone is in range."""
    problems = []
    if settings.order_expiry_s >= settings.cycle_interval_s:
        problems.append(
            f"ORDER_EXPIRY_S: expected less than CYCLE_INTERVAL_S ({settings.cycle_interval_s} s), "
            f"found {settings.order_expiry_s} s"
        )
    if not math.isfinite(settings.gates.max_uncertainty_f):
        problems.append(_problem("MAX_UNCERTAINTY_F", f"found {settings.gates.max_uncertainty_f}"))
    if settings.mode is TradingMode.LIVE and settings.min_forecast_pairs == 0:
        problems.append("MIN_FORECAST_PAIRS: expected at least 1 in LIVE, found 0")
    return problems


def field_of(variable: Variable) -> FieldInfo:
    """Return the settings field behind a variable, with its type, range and default."""
    model: Any = Settings
    *parents, last = variable.path.split(".")
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        model = next(
            t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and t is not type(None)
        )
    field: FieldInfo = model.model_fields[last]
    return field


def expected(variable: Variable) -> str:
    """Say in words what a variable may be: its kind and range, as the model holds them."""
    if variable.path.endswith("_base_url"):
        return describe_endpoint(variable.path.removesuffix("_base_url"))
    if variable.path in DATABASE_FIELDS:
        return "postgresql://role:password@host:port/database"
    field = field_of(variable)
    kind = next((t for t in get_args(field.annotation) if t is not type(None)), field.annotation)
    if get_origin(field.annotation) is Literal:
        return _listed([str(word) for word in get_args(field.annotation)])
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _listed(list(kind))
    if field.description:
        return field.description
    if kind in (SecretStr, str):
        return "text"
    if kind is bool:
        return "true or false"
    if kind is Path:
        return "a path"
    marks = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [
        f"{word} {getattr(rule, mark)}"
        for rule in field.metadata
        for mark, word in marks.items()
        if getattr(rule, mark, None) is not None
    ]
    noun = "a whole number" if kind is int else "a number"
    return " ".join([noun, ", ".join(bounds)]).strip()


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _validate(values: dict[str, Any], mode: TradingMode) -> Settings:
    try:
        return Settings.model_validate_strings(values)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False):
            path = ".".join(str(part) for part in item["loc"])
            variable = next(v for v in VARIABLES if v.path == path and _is_read_in(v, mode))
            found = (
                "found a value that does not fit" if path in SECRET_PATHS else f"found {shown(item['input'])}"
            )
            problems.append(_problem(variable.name, found))
        # the chained error would quote the input, secrets included
        raise _error(problems) from None


def _is_read_in(variable: Variable, mode: TradingMode) -> bool:
    return not variable.path.startswith("kalshi_key.") or f"_{mode}_" in variable.name


def _check_endpoints(values: dict[str, Any], mode: TradingMode) -> list[str]:
    """Put the endpoint in force into ``values``; return what is wrong with those given."""
    problems = []
    for service in ("kalshi", "nws", "openmeteo", "openrouter"):
        field = f"{service}_base_url"
        try:
            given = values.get(field)
            url = parse_endpoint(service, given, mode) if given else default_endpoint(service, mode)
        except EndpointProblem as problem:
            problems.append(f"{field.upper()}: {problem}")
        else:
            if url is not None:
                values[field] = url
    return problems


def _check_database_urls(values: dict[str, Any]) -> list[str]:
    problems = []
    for field in DATABASE_FIELDS:
        if field not in values:
            continue
        try:
            url = urlsplit(values[field])
            is_good = url.scheme in {"postgresql", "postgres"} and bool(url.path.strip("/")) and url.port != 0
        except ValueError:
            is_good = False
        if not is_good:
            problems.append(
                _problem(field.upper(), "found a value of another form (not shown: it may hold a password)")
            )
    return problems


def _misspelt(env: Mapping[str, str]) -> list[str]:
    """Names that are nearly ours: a misspelt limit must not silently leave the default in force."""
    names = [variable.name for variable in VARIABLES]
    problems = []
    for name in sorted(env):
        if name not in names and name.startswith(OUR_PREFIXES):
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.9)
            problems += [f"{name}: expected {near[0]}, found a name that is no setting"] if near else []
    return problems


def _problem(name: str, found: str) -> str:
    variable = next(v for v in VARIABLES if v.name == name)
    unit = f" ({variable.unit})" if variable.unit else ""
    return f"{name}: expected {expected(variable)}{unit}, {found}"


def _error(problems: list[str]) -> ConfigurationError:
    return ConfigurationError("\n".join(f"{problem}; nothing was started" for problem in problems))


def _texts(model: BaseModel) -> dict[str, Any]:
    """A model's defaults as the nested texts the environment would have given."""
    plain = dict(model)
    return {
        name: _texts(value) if isinstance(value, BaseModel) else str(value) for name, value in plain.items()
    }


def _put(values: dict[str, Any], path: str, text: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = text
