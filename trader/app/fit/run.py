"""``milkbot fit``: a parameter set from recorded history, with where it comes from."""

import hashlib
from datetime import date
from pathlib import Path

from trader.app.evaluate.loading import load_archive
from trader.app.fit import records
from trader.core.forecasting.fitting import fit_normal, fit_sources, fit_spread
from trader.domain.cities import load_cities
from trader.domain.learned import Normal, ParameterSet, SourceFit, Spread
from trader.domain.types import MarketType

EXTREMES = (MarketType.HIGH, MarketType.LOW)
ERAS = {"2014_2016": 0, "2025": 1}
NARROWEST = 0.7
"""Least factor of the live source's spread. The log gives less, but of one station and half a year; published
errors of the national blend of 2023 to 2025 at four stations are 0.71 to 0.93 of the old record's."""
OPEN_UNTIL_H = {MarketType.HIGH: 10.0, MarketType.LOW: 2.0}


def fit_history(history: Path, until: date, *, with_sources: bool, name: str) -> ParameterSet:
    """Return the set fitted on what the folder held before ``until``.

    ``with_sources`` adds coefficients of every recorded source with enough pairs; the set that ships has
    none, because parameters belong to a source and its sources are not the live ones. Raises
    ConfigurationError when a record is missing.
    """
    cities = load_cities()
    bias_sd_f = round(records.bias_sd(history, cities), 4)
    spreads: dict[MarketType, Spread] = {}
    normals: list[Normal] = []
    sources: list[SourceFit] = []
    notes: dict[str, dict[str, float]] = {}
    for variable in EXTREMES:
        errors = records.errors(history, cities, variable)
        fitted = fit_spread(errors)
        notes[variable.value.lower()] = {n: int((errors.era == era).sum()) for n, era in ERAS.items()}
        newer = fitted.pop("newer_era")
        own = {} if newer == 1.0 else {records.LIVE_SOURCE: max(newer, NARROWEST)}
        spreads[variable] = Spread.model_validate(fitted | {"bias_sd_f": bias_sd_f, "source_factor": own})
        notes[variable.value.lower()]["fitted_live_factor"] = newer
        archive = load_archive(history, variable)
        for code, settled in sorted(archive.settled.items()):
            normal = fit_normal(code, variable, settled, until.toordinal())
            normals += [normal] if normal is not None else []
        if with_sources:
            sources += fit_sources(archive, variable, cities, until.toordinal())
    totals = records.totals(history, cities, until)
    return ParameterSet(
        name=name,
        spreads=spreads,
        fits=tuple(sources),
        normals=tuple(normals),
        totals=totals,
        open_until_h=OPEN_UNTIL_H,
        provenance={
            "spreads": "official minus forecast of the National Weather Service, 2014 to 2016, ten places; "
            "its point log of 2025 for the live source's factor; maximum likelihood of a t, mean of each "
            "place, lead and era removed first",
            "bias": "root mean square of monthly mean errors, gfs_seamless highs, nine cities, 2022 to 2025",
            "normals": "two waves a year, official values of the thirty years before",
            "totals": "wet days and their amounts by month, every recorded day before the end",
            "until": until.isoformat(),
            "counts": notes,
            "inputs_sha256": _digest(history),
        },
    )


def _digest(history: Path) -> str:
    """Return one hash over the recorded forecasts and observations, in a fixed order."""
    whole = hashlib.sha256()
    for folder in ("forecasts", "observations"):
        for path in sorted((history / folder).iterdir()):
            whole.update(f"{folder}/{path.name}\n".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
