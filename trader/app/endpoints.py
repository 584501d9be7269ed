"""Which hosts a base URL may name: loopback, or a known host of the mode. A key must never reach another."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from trader.domain.errors import shown
from trader.domain.types import TradingMode


class EndpointProblem(ValueError):
    """A base URL that is not allowed; the message says what was expected and found, not which variable."""


class Service(NamedTuple):
    """Known hosts, the first being the default, and the path a base URL must have there."""

    hosts: dict[TradingMode, tuple[str, ...]]
    path: str
    is_on_by_default: bool = True


def _same(*hosts: str) -> dict[TradingMode, tuple[str, ...]]:
    return dict.fromkeys(TradingMode, hosts)


# Production is .com, demo is .co: one letter apart, so the lists are exact.
# Source: the exchange's API guide, environments.
_KALSHI_LIVE = ("external-api.kalshi.com", "api.elections.kalshi.com")
_KALSHI_DEMO = ("external-api.demo.kalshi.co", "demo-api.kalshi.co")
SERVICES = {
    "kalshi": Service(
        {TradingMode.SHADOW: _KALSHI_LIVE, TradingMode.DEMO: _KALSHI_DEMO, TradingMode.LIVE: _KALSHI_LIVE},
        "/trade-api/v2",
    ),
    "nws": Service(_same("api.weather.gov"), ""),
    # the free service forbids commercial use: nothing is fetched until the operator names it
    "openmeteo": Service(_same("ensemble-api.open-meteo.com"), "", is_on_by_default=False),
    "openrouter": Service(_same("openrouter.ai"), "/api/v1"),
}


def default_endpoint(service: str, mode: TradingMode) -> str | None:
    """Return the base URL used when none is given; None when the service is then off."""
    known = SERVICES[service]
    return f"https://{known.hosts[mode][0]}{known.path}" if known.is_on_by_default else None


def parse_endpoint(service: str, text: str, mode: TradingMode) -> str:
    """Return the base URL without a trailing slash.

    Raises EndpointProblem for a host that is neither loopback nor known in this mode, for plain HTTP beyond
    loopback, for user names, queries and fragments, and for another path than the service's.
    """
    known = SERVICES[service]
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise EndpointProblem(f"expected {describe_endpoint(service, mode)}, found no URL at all") from error
    # a user name or a query may be a key: they are never repeated in the message, nor is what looks like one
    place = f"{host}{f':{port}' if port else ''}{url.path}"
    is_plain = url.scheme in {"http", "https"} and shown(place) == repr(place)
    found = f"{url.scheme}://{place}" if is_plain else shown(text)
    local = is_loopback(host)
    good_host = local or (host in known.hosts[mode] and port in {None, 443})
    good_scheme = url.scheme == "https" or (local and url.scheme == "http")
    extras = url.username is not None or url.password is not None or url.query or url.fragment
    if not (good_host and good_scheme and url.path.rstrip("/") == known.path) or extras:
        more = " with user name, query or fragment" if extras else ""
        raise EndpointProblem(f"expected {describe_endpoint(service, mode)}, found {found}{more}")
    return text.rstrip("/")


def describe_endpoint(service: str, mode: TradingMode | None = None) -> str:
    """Say in words which base URLs are allowed, in one mode or in each."""
    known = SERVICES[service]
    if mode is not None or len(set(known.hosts.values())) == 1:
        hosts = " or ".join(f"https://{host}{known.path}" for host in known.hosts[mode or TradingMode.SHADOW])
        where = f" ({mode})" if mode else ""
        return f"{hosts}{where} or the same path on loopback"
    return "; ".join(
        f"{m}: " + " or ".join(f"https://{h}{known.path}" for h in known.hosts[m]) for m in TradingMode
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
