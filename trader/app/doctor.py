"""``milkbot doctor``: each thing a trader depends on, looked at once, and the next step where it is wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from trader.app import migrate
from trader.app.conditions import MAX_SKEW_S
from trader.app.halt import HaltFile
from trader.app.wiring import Outside, open_outside, open_store, settings_and_urls
from trader.core.fees import check_fee_type
from trader.domain.cities import CityConfig
from trader.domain.errors import ConfigurationError, MilkbotError, TransientError
from trader.domain.types import MarketType, ReasonCode, TradingMode

DISK_WARN, DISK_FAIL = 0.85, 0.95
BACKUP_FAIL_H = 26
TRADED = (MarketType.HIGH, MarketType.LOW)


class Verdict(StrEnum):
    """What one look found."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"


class Line(NamedTuple):
    """One look: about what, what was found, and what to do unless it passed."""

    verdict: Verdict
    about: str
    found: str
    do: str = ""

    def words(self) -> str:
        text = f"{self.verdict:<5} {self.about:<14} {self.found}"
        return text if self.verdict is Verdict.PASS else f"{text}\n{'':<21}-> {self.do}"


P, W, F = Verdict
Probe = Callable[[], Iterable[Line]]


def examine(env: Mapping[str, str]) -> list[Line]:
    """Look at settings, database, disk, backup, key, hosts, clocks, stations, grid cells, series and fees.

    Sends no order and writes nothing. What cannot be looked at is a line that says so.
    """
    probes: tuple[tuple[str, str, Probe], ...] = (
        ("settings", "correct the variable; docs/settings.md lists all", lambda: _settings(env)),
        ("database", "is Postgres running, DATABASE_URL right, the schema made?", lambda: _database(env)),
        ("schema", "give MIGRATE_DATABASE_URL and run `milkbot migrate up`", lambda: _schema(env)),
        ("outside", "correct the settings first", lambda: _outside(env)),
    )
    return [line for about, do, probe in probes for line in _tried(about, do, probe)]


def cells(env: Mapping[str, str]) -> list[Line]:
    """Resolve each city's grid cell anew and hold its polygon against the station."""

    def look() -> Iterator[Line]:
        with open_outside(settings_and_urls(env, need=())[0]) as outside:
            yield from _cells(outside)

    return _tried("grid cells", "is the weather service reachable?", look)


def _tried(about: str, do: str, probe: Probe) -> list[Line]:
    lines: list[Line] = []
    try:
        lines.extend(probe())
    except MilkbotError as error:
        lines.append(Line(F, about, str(error), do))
    return lines


def _settings(env: Mapping[str, str]) -> Iterator[Line]:
    settings, _ = settings_and_urls(env, need=())
    yield Line(P, "settings", f"mode {settings.mode}, exchange {urlsplit(settings.kalshi_base_url).hostname}")


def _database(env: Mapping[str, str]) -> Iterator[Line]:
    _, urls = settings_and_urls(env, need=("trader",))
    with open_store(env) as store:
        world, last = store.world_now(), store.cycles.newest()
        yield Line(P, "database", f"answers; last cycle {last.cycle_id if last else 'none'}")
    if world:
        yield Line(W, "database", f"belongs to the recorded world {world[0]}", "give the live database's URL")
    role = urlsplit(urls.trader).username
    found = f"the trader connects as {role}"
    is_own = role == "milkbot_trader"
    yield Line(P if is_own else F, "role", found, "the trader's URL must name milkbot_trader")


def _schema(env: Mapping[str, str]) -> Iterator[Line]:
    try:
        _, urls = settings_and_urls(env, need=("owner",))
    except ConfigurationError as error:
        yield Line(W, "schema", f"not looked at: {error}", "run `milkbot migrate status` as the owner")
        return
    rows = migrate.status(urls.owner)
    missing = [row.version for row in rows if row.applied_at is None]
    found = f"{len(rows) - len(missing)} of {len(rows)} migrations applied"
    yield Line(F if missing else P, "schema", found, "run `milkbot migrate up`")


def _machine(outside: Outside) -> Iterator[Line]:
    for path, used in outside.machine.disk_used().items():
        verdict = F if used >= DISK_FAIL else W if used >= DISK_WARN else P
        yield Line(verdict, "disk", f"{used:.0%} of {path} used", "free space, or shorten retention")
    file = outside.settings.halt_file
    stands = HaltFile(file).is_present()
    words = f"{file.name} stands: nothing is traded" if stands else "none"
    yield Line(W if stands else P, "halt file", words, "`milkbot resume` ends it")
    ages = outside.machine.backup_age_h()
    if not ages:
        yield Line(W, "backup", "MILKBOT_STAMP_DIR is not set: not looked at", "set it where backups run")
    for name, age in ages.items():
        is_ok = age is not None and age <= BACKUP_FAIL_H
        words = f"{name}: never" if age is None else f"{name}: {age:.1f} h ago"
        yield Line(P if is_ok else F, "backup", words, "look at the log of the backup service")


def _outside(env: Mapping[str, str]) -> Iterator[Line]:
    settings, _ = settings_and_urls(env, need=())
    with open_outside(settings) as outside:
        yield from _tried("machine", "see docs/OPERATIONS_RUNBOOK.md", lambda: _machine(outside))
        host = urlsplit(settings.kalshi_base_url).hostname
        yield from _tried("exchange", f"is {host} reachable from here?", lambda: _venue(outside))
        yield from _tried("key", "see docs/SECURITY.md, keys", lambda: _key(outside))
        yield from _tried("stations", "is the weather service reachable?", lambda: _stations(outside))
        yield from _cells(outside)
        yield from _tried("series", "is the exchange reachable?", lambda: _series(outside))


def _venue(outside: Outside) -> Iterator[Line]:
    status = outside.market_data.status()
    is_open = status.exchange_active and status.trading_active
    yield Line(P if is_open else W, "exchange", "trades" if is_open else "paused", "wait; it ends by itself")
    if status.skew_s is None:
        yield Line(W, "clock", "the exchange did not tell its time", "compare the machine's clock yourself")
    else:
        is_ok = abs(status.skew_s) <= MAX_SKEW_S
        yield Line(
            P if is_ok else F, "clock", f"{status.skew_s:+.1f} s from the exchange", "set up time sync"
        )


def _key(outside: Outside) -> Iterator[Line]:
    if outside.settings.mode is TradingMode.SHADOW:
        yield Line(P, "key", "SHADOW needs none")
    else:
        yield Line(P, "key", f"a signed read succeeded: {outside.authenticate()}")


def _stations(outside: Outside) -> Iterator[Line]:
    cities: dict[tuple[str, ...], list[str]] = {}
    for view in outside.weather.get_weather(tuple(outside.cities.values())):
        seen = view.snapshot
        latest = f"report of {seen.latest.observed_at:%m-%d %H:%M UTC}" if seen.latest else "no report"
        flags = (
            ("no recent report", seen.is_observation_stale and seen.latest is not None),
            ("no recent forecast", seen.is_forecast_stale),
        )
        said = (latest, *(word for word, flag in flags if flag), *map(str, seen.problems))
        if said == ("no report",) or len(said) > 1:
            cities.setdefault(said, []).append(seen.city_code)
        else:
            yield Line(P, "station", f"{seen.city_code}: {latest}")
    for said, codes in cities.items():  # in one line what is wrong with all of them, as without a network
        words = f"{', '.join(codes)}: {', '.join(said)}"
        yield Line(W, "station", words, "not traded until it reports; see milkbot status")


def _cells(outside: Outside) -> Iterator[Line]:
    def look(city: CityConfig) -> Line | TransientError:
        try:
            return _cell(outside, city)
        except TransientError as error:
            return error
        except MilkbotError as error:
            return Line(F, "grid cell", str(error), "ask again later")

    cities = outside.cities.values()
    with ThreadPoolExecutor(len(cities)) as pool:  # ten times three tries take a while
        looks = list(pool.map(look, cities))
    yield from (line for line in looks if isinstance(line, Line))
    if silent := [error for error in looks if isinstance(error, TransientError)]:
        found = f"{len(silent)} of {len(looks)} not looked at: {silent[0]}"
        yield Line(F, "grid cell", found, "is the weather service reachable? ask again later")


def _cell(outside: Outside, city: CityConfig) -> Line:
    check = outside.weather.resolve_cell(city)
    known = (city.nws_office, city.nws_grid_x, city.nws_grid_y)
    found = f"{city.code}: {check.office}/{check.grid_x},{check.grid_y}, {check.distance_km:g} km away"
    if not check.is_usable:
        return Line(F, "grid cell", found, "its forecast is not used; correct trader/cities.json")
    is_known = known == (check.office, check.grid_x, check.grid_y)
    return Line(P if is_known else W, "grid cell", found, "it moved: correct trader/cities.json")


def _series(outside: Outside) -> Iterator[Line]:
    series = [s for city in outside.cities.values() for kind in TRADED if (s := city.series(kind))]
    view = outside.market_data.look(series)
    listed = {c.ticker.partition("-")[0] for c in view.contracts}
    empty = sorted(set(series) - listed - {r.ticker.partition("-")[0] for r in view.refused})
    found = f"{len(listed)} of {len(series)} with open markets"
    words = f"{found}; none: {', '.join(empty)}" if empty else found
    yield Line(W if empty else P, "series", words, "look for their new names; trader/cities.json")
    if view.refused:
        found = f"{len(view.refused)} markets cannot be read: {view.refused[0].detail}"
        yield Line(F, "payloads", found, "the exchange changed its form; the markets are not traded")
    unproven = sorted({c.event_ticker for c in view.contracts if ReasonCode.RULES_NOT_PROVEN in c.proof})
    words = f"not proven: {', '.join(unproven)}" if unproven else f"{len(view.contracts)} markets proven"
    yield Line(W if unproven else P, "rules", words, "read them on the exchange; they are not traded")
    unknown = sorted({c.fee_type for c in view.contracts if not check_fee_type(c).allowed})
    words = f"unknown: {', '.join(unknown)}" if unknown else "of known kinds"
    yield Line(W if unknown else P, "fees", words, "read the fee page; these events are not traded")
