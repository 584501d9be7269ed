"""``milkbot evaluate``: honest, walk-forward skill of our forecasts against the market on a history
folder."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from json import dumps
from pathlib import Path

from trader.app.evaluate import report
from trader.app.evaluate.lead_table import lead_table
from trader.app.evaluate.loading import load_archive
from trader.app.evaluate.summary import Row, summarise
from trader.core.forecasting.archive import Archive, Instant, parse_instant
from trader.core.forecasting.expert import MIN_PAIRS
from trader.core.forecasting.lookahead import leaks
from trader.core.forecasting.scoring import ScoredDay, Walk, decision_bytes
from trader.domain.cities import CityConfig, load_cities
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType

DONE, FAILED = 0, 1
LOOKAHEAD_CASES = 3
"""Decisions of each city and instant that every run repeats without the later data."""

PROGRESS_DAYS = 20


@dataclass(frozen=True, slots=True)
class Section:
    """One city and instant: its result line and the days behind it."""

    row: Row
    days: tuple[ScoredDay, ...]


def evaluate(
    history: Path,
    date_from: date,
    date_to: date,
    cities: Sequence[str],
    instants: Sequence[str],
    json: bool,
    out_html: Path | None,
    say: Callable[[str], None],
    variable: MarketType = MarketType.HIGH,
) -> int:
    """Score every city (all ten when none is named) and instant from ``date_from`` to ``date_to``, both in.

    ``json`` prints one object a line. Progress goes to stderr. Returns 0, or 1 when the look-ahead
    detector found a decision that later data change. Raises ConfigurationError for an unknown city,
    instant, period or folder.
    """
    known = check_asked(date_from, date_to, cities)
    times = [parse_instant(name) for name in instants]
    archive = load_archive(history, variable)
    codes, sections = list(cities or known), []
    for i, code in enumerate(codes):
        for j, instant in enumerate(times):
            done = i * len(times) + j
            progress = partial(_progress, done, len(codes) * len(times), f"{code} {instant.name}")
            section = evaluate_one(archive, code, instant, date_from, date_to, progress)
            section.row["variable"] = variable
            sections.append(section)
            say(dumps(section.row) if json else report.line(section.row))
    sys.stderr.write("\r" + " " * 70 + "\r")
    if out_html is not None:
        leads = {what: lead_table(history, what) for what in ("highs", "lows")}
        page = report.page([(s.row, s.days) for s in sections], leads, date_from, date_to)
        out_html.parent.mkdir(parents=True, exist_ok=True)
        out_html.write_text(page, encoding="utf-8")
        sys.stderr.write(f"report: {out_html}\n")
    return FAILED if any(s.row["lookahead_leaks"] for s in sections) else DONE


def check_asked(date_from: date, date_to: date, cities: Sequence[str]) -> dict[str, CityConfig]:
    """Return the cities there are. Raises ConfigurationError for an unknown one and a period that ends before
    it begins.
    """
    if date_to < date_from:
        raise ConfigurationError(
            f"--to: expected a day from {date_from}, found {date_to}; nothing was evaluated"
        )
    known = load_cities()
    unknown = [code for code in cities if code not in known]
    if unknown:
        raise ConfigurationError(
            f"--city: expected some of {' '.join(known)}, found {' '.join(unknown)}; nothing was evaluated"
        )
    return known


def evaluate_one(
    archive: Archive,
    city: str,
    instant: Instant,
    date_from: date,
    date_to: date,
    progress: Callable[[float], None] | None = None,
) -> Section:
    """Return one city and instant scored; ``progress`` hears the share done, 0 to 1."""
    walk = Walk(archive, city, instant)
    days = range(date_from.toordinal(), date_to.toordinal() + 1)
    scored = []
    for n, day in enumerate(days):
        if progress is not None and n % PROGRESS_DAYS == 0:
            progress(n / len(days))
        scored.append(walk.score(day))
    row = summarise(city, instant.name, scored, _blocked(archive, city, walk, days))
    spoken = [day for day in days if walk.forecast(day).model is not None]
    step = max(1, len(spoken) // LOOKAHEAD_CASES)
    cases = [(day, instant.second(day)) for day in spoken[step - 1 :: step][:LOOKAHEAD_CASES]]
    found = leaks(lambda a, day: decision_bytes(a, city, instant, day), archive, cases)
    row |= {
        "from": str(date_from),
        "to": str(date_to),
        "lookahead_checked": len(cases),
        "lookahead_leaks": len(found),
    }
    return Section(row, tuple(scored))


def _blocked(archive: Archive, city: str, walk: Walk, days: range) -> str | None:
    if any(walk.forecast(day).model is not None for day in days):
        return None
    sources = [source for code, source in archive.issues if code == city]
    if not sources:
        return f"no forecast of {city} was recorded with the time of its issue"
    return (
        f"no source of {city} ({', '.join(sources)}) had {MIN_PAIRS} forecast-outcome pairs and spoke in time"
    )


def _progress(done: int, of: int, what: str, share: float) -> None:
    filled = int(30 * (done + share) / of)
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {what:<12}")
    sys.stderr.flush()
