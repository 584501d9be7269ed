"""The command ``milkbot fit``: what to fit on, and roles of stored sets."""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trader.app.clock import SystemClock
from trader.app.fit import roles
from trader.app.fit.run import fit_history
from trader.app.wiring import open_store, world_clock_from_rows
from trader.core.strategies.extreme import shipped_parameters
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.errors import ConfigurationError
from trader.domain.learned import ParameterSet
from trader.ports.clock import Clock
from trader.ports.ops_store import LearnedRepository

Say = Callable[[str], None]


def fit(arguments: argparse.Namespace, env: Mapping[str, str], say: Say) -> None:
    """Do what the arguments ask. Raises ConfigurationError for what cannot be done; then nothing changes."""
    if arguments.history:
        _history(arguments, say)
        return
    with open_store(env) as store:
        books, clock = store.learned, world_clock_from_rows(store) or SystemClock()
        if arguments.list:
            _list(books, clock, say, as_json=arguments.json)
            return
        if not arguments.by:
            raise ConfigurationError(
                "fit: expected --by with the name of a person, found none; nothing was done"
            )
        say(_role(arguments, books, clock))


def _history(arguments: argparse.Namespace, say: Say) -> None:
    if arguments.until is None:
        raise ConfigurationError(
            "fit --history: expected --until with the day from which nothing is used, found none; "
            "nothing was fitted"
        )
    folder = Path(arguments.history)
    found = fit_history(folder, arguments.until, with_sources=not arguments.general, name=arguments.name)
    text = json.dumps(json.loads(canonical_json(found)), indent=1) + "\n"
    if not arguments.out:
        say(text.rstrip())
        return
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    say(f"{content_hash(found)[:8]} {found.name}: {len(found.fits)} fits, written to {out}")


def _role(arguments: argparse.Namespace, books: LearnedRepository, clock: Clock) -> str:
    by = {"by": arguments.by, "note": arguments.reason}
    if arguments.rollback:
        return f"{roles.roll_back(books, clock, **by)[:8]} is current from the next cycle on"
    if arguments.promote or arguments.withdraw:
        chosen = roles.named(books.sets(), arguments.promote or arguments.withdraw)
        role = "CURRENT" if arguments.promote else "WITHDRAWN"
        sha256 = roles.give_role(books, clock, chosen.parameters, role, **by)
        return f"{sha256[:8]} {'is current from the next cycle on' if arguments.promote else 'is withdrawn'}"
    if arguments.stored:
        parameters = roles.fit_stored(books, arguments.until or clock.now().date(), arguments.name)
    else:
        parameters = _read(Path(arguments.candidate))
    sha256 = roles.give_role(books, clock, parameters, "CANDIDATE", **by)
    return f"{sha256[:8]} {parameters.name}: {len(parameters.fits)} fits, runs beside the current set"


def _read(path: Path) -> ParameterSet:
    try:
        return ParameterSet.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"fit --candidate: expected a parameter set in {path}, found {error}; nothing was stored"
        ) from error


def _list(books: LearnedRepository, clock: Clock, say: Say, *, as_json: bool) -> None:
    sets = books.sets()
    current = content_hash(roles.current_of(sets))
    rows: list[dict[str, Any]] = []
    for s in sets:
        compared = roles.beside(books, s.sha256, current, clock.now().date() - roles.COMPARED)
        rows.append(
            {
                "sha256": s.sha256, "name": s.parameters.name, "role": s.role, "set_by": s.set_by,
                "set_at": s.set_at.isoformat(), "note": s.note, "fits": len(s.parameters.fits),
                "events": compared.events, "crps": compared.own, "crps_current": compared.current,
            }
        )  # fmt: skip
    if not any(s.role == "CURRENT" for s in sets):
        shipped = shipped_parameters()
        rows.append({"sha256": current, "name": shipped.name, "role": "SHIPPED", "fits": len(shipped.fits)})
    for row in rows:
        say(json.dumps(row) if as_json else _line(row))


def _line(row: Mapping[str, Any]) -> str:
    text = f"{row['sha256'][:8]} {row['role']:<9} {row['name']}, {row['fits']} fits"
    if row.get("events"):
        text += f", CRPS {row['crps']} beside {row['crps_current']} on {row['events']} events"
    return f"{text}, by {row['set_by']} {row['note']}".rstrip() if "set_by" in row else text
