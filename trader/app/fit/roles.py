"""Parameter sets in our books: fitted on stored pairs, run beside the current one, promoted, rolled back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from trader.app.learning import archive_of
from trader.core.forecasting.fitting import fit_sources
from trader.core.forecasting.scores import crps
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import content_hash
from trader.domain.cities import load_cities
from trader.domain.errors import ConfigurationError
from trader.domain.learned import ParameterSet
from trader.domain.types import EXCLUSIVE_TYPES
from trader.ports.clock import Clock
from trader.ports.ops_store import LearnedRepository, StoredSet

MIN_BESIDE = 30
"""Settled events that a candidate must have been predicted for, beside the current set, before it may replace
it."""
COMPARED = timedelta(days=365)
"""How far back sets are compared."""
STORED_DAYS = 3 * 365
"""Pairs older than this say little of today's models; their weight has fallen below an eighth."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A set's mean CRPS and the current set's, degrees, on the events both were predicted for."""

    events: int
    own: float | None
    current: float | None


def current_of(sets: Sequence[StoredSet]) -> ParameterSet:
    """Return the set in force: the newest given the role, else the one that ships."""
    return next((s.parameters for s in sets if s.role == "CURRENT"), shipped_parameters())


def fit_stored(books: LearnedRepository, until: date, name: str) -> ParameterSet:
    """Return the current set with sources fitted anew on the pairs our books hold from before ``until``.

    A source with too few pairs keeps the coefficients it has. Raises ConfigurationError when no source of any
    city has enough pairs.
    """
    cities, current = load_cities(), current_of(books.sets())
    since = until - timedelta(days=STORED_DAYS)
    issues, outcomes = books.issues(climate_date=since), books.outcomes(since)
    fitted = [
        fit
        for kind in sorted(EXCLUSIVE_TYPES)
        for fit in fit_sources(archive_of(issues, outcomes, kind), kind, cities, until.toordinal())
    ]
    if not fitted:
        raise ConfigurationError(
            f"fit --stored: expected a source with 30 pairs of forecast and outcome, found "
            f"{len(issues)} forecasts and {len(outcomes)} outcomes; nothing was fitted"
        )
    key = ("city_code", "source", "variable", "lead_days")
    new = {tuple(getattr(f, n) for n in key) for f in fitted}
    kept = [f for f in current.fits if tuple(getattr(f, n) for n in key) not in new]
    note = {"fits": f"our own books, {min(i.climate_date for i in issues)} to {until}", "pairs": len(issues)}
    return current.model_copy(
        update={"name": name, "fits": (*kept, *fitted), "provenance": current.provenance | note}
    )


def beside(books: LearnedRepository, sha256: str, current: str, since: date) -> Beside:
    """Compare a set with the current one on settled events that both were predicted for before their day."""
    settled = {(o.city_code, o.variable, o.climate_date): o.value for o in books.outcomes(since)}
    own_by, their_by = (
        {(city, kind, day): d for city, kind, day, d in books.predictions(since, version[:8])}
        for version in (sha256, current)
    )
    both = [
        (crps(distribution, settled[key]), crps(their_by[key], settled[key]))
        for key, distribution in own_by.items()
        if key in settled and key in their_by
    ]
    if not both:
        return Beside(0, None, None)
    own, other = (round(sum(column) / len(both), 4) for column in zip(*both, strict=True))
    return Beside(len(both), own, other)


def give_role(
    books: LearnedRepository, clock: Clock, parameters: ParameterSet, role: str, *, by: str, note: str
) -> str:
    """Give a set a role and return its hash. A promotion needs MIN_BESIDE events beside the current set and a
    mean CRPS no worse than its; raises ConfigurationError otherwise, with both figures.
    """
    sets, sha256 = books.sets(), content_hash(parameters)
    if role == "CURRENT":
        compared = beside(books, sha256, content_hash(current_of(sets)), clock.now().date() - COMPARED)
        if compared.own is None or compared.current is None or compared.events < MIN_BESIDE:
            raise ConfigurationError(
                f"fit --promote: expected {MIN_BESIDE} settled events predicted by {sha256[:8]} beside the "
                f"current set, found {compared.events}; the current set stays"
            )
        if compared.own > compared.current:
            raise ConfigurationError(
                f"fit --promote: expected a CRPS of at most {compared.current} (the current set's), found "
                f"{compared.own} on {compared.events} events; the current set stays"
            )
    return books.save_set(parameters, role=role, set_by=by, note=note, at=clock.now())


def named(sets: Sequence[StoredSet], start: str) -> StoredSet:
    """Return the one stored set whose hash begins so. Raises ConfigurationError for none or several."""
    found = [s for s in sets if s.sha256.startswith(start)]
    if len(found) != 1:
        known = " ".join(s.sha256[:8] for s in sets) or "none"
        raise ConfigurationError(
            f"fit: expected the start of one stored set's hash ({known}), found {start!r}; nothing was done"
        )
    return found[0]


def roll_back(books: LearnedRepository, clock: Clock, *, by: str, note: str) -> str:
    """Make the set that was current before current again; return its hash.

    Without one, the set that ships is. Raises ConfigurationError when none was ever promoted.
    """
    sets = books.sets()
    if not any(s.role == "CURRENT" for s in sets):
        raise ConfigurationError("fit --rollback: expected a promoted set, found none; nothing was done")
    before, withdrawn = books.current_before(), current_of(sets)
    parameters = shipped_parameters() if before is None else named(sets, before).parameters
    books.save_set(withdrawn, role="WITHDRAWN", set_by=by, note=note, at=clock.now())
    return books.save_set(parameters, role="CURRENT", set_by=by, note=note, at=clock.now())
