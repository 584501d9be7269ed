"""What the viewers share: one query result a slot, and the last good one while the database is away."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar

import streamlit as st
from pydantic import ValidationError

from dashboard import queries
from dashboard.bundles import Decisions, Figures, Live, Performance, Skill, TradeFilter, TradePage
from dashboard.db import Database, DatabaseAwayError, MartMissingError, Reader
from dashboard.rows import Anomaly, MarketType, PathHour
from dashboard.settings import load_settings

REFRESH_S: Final = 5
SLOW_REFRESH_S: Final = 60
_MOST_KEPT: Final = 200  # answers of one question with different arguments
NO_HOURS: Final[tuple[PathHour, ...]] = ()
NO_ANOMALIES: Final[tuple[Anomaly, ...]] = ()
_T = TypeVar("_T")
_P = ParamSpec("_P")
_log = logging.getLogger("milkbot.dashboard")


@dataclass(frozen=True)
class Kept(Generic[_T]):
    """Rows, and whether the database was away when they were asked for (then they are the last good ones).

    ``slot`` counts the answers of one keeper: what is drawn from this answer is drawn once and kept under it.
    """

    value: _T
    is_away: bool = False
    slot: int = 0


class Keeper(Generic[_T]):
    """Remembers the last good answer, because the cache drops an entry whose refresh fails."""

    def __init__(self, empty: _T) -> None:
        self._last = empty
        self._was_away = False
        self._slot = 0

    def get(
        self, reading: Callable[[], AbstractContextManager[Reader]], load: Callable[[Reader], _T]
    ) -> Kept[_T]:
        """Ask; on trouble answer with what was there before and say so once in the log."""
        self._slot += 1
        try:
            with reading() as read:
                self._last = load(read)
        except (DatabaseAwayError, ValidationError) as error:
            if not self._was_away:
                _log.warning("read_failed, the last good rows stay: %s", error)
            self._was_away = True
            # before the first deploy there are no marts: that is "no data yet", not a fault
            return Kept(self._last, is_away=not isinstance(error, MartMissingError), slot=self._slot)
        self._was_away = False
        return Kept(self._last, slot=self._slot)


@st.cache_resource(show_spinner=False, on_release=Database.close)
def database() -> Database:
    return Database(load_settings().database_url).open()


class Shared(Protocol[_P, _T]):
    """A loader whose answer all viewers share."""

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> Kept[_T]: ...

    def clear(self) -> None:
        """Let the next call ask again."""


def shared(empty: _T) -> Callable[[Callable[Concatenate[Reader, _P], _T]], Shared[_P, _T]]:
    """Make of a loader the answer all viewers share: asked once in ``REFRESH_S`` for the same arguments, in
    the background once there is one, and never failing. ``empty`` is the answer before the first.
    """

    def decorate(load: Callable[Concatenate[Reader, _P], _T]) -> Shared[_P, _T]:
        def keeper(*_: Any) -> Keeper[_T]:
            return Keeper(empty)

        def ask(*key: Any) -> Kept[_T]:
            return kept(*key).get(database().reading, lambda read: load(read, *key))  # type: ignore[call-arg]  # key is P's

        for function in (keeper, ask):  # the cache tells functions apart by name and text
            function.__qualname__ = f"{load.__qualname__}.{function.__name__}"
        kept = st.cache_resource(show_spinner=False, max_entries=_MOST_KEPT)(keeper)
        return st.cache_resource(  # type: ignore[return-value]  # the same call, cached
            ttl=REFRESH_S, show_spinner=False, refresh_mode="background", max_entries=_MOST_KEPT
        )(ask)

    return decorate


@shared(Live())
def live(read: Reader) -> Live:
    """Page state, board and health."""
    found = queries.live(read)
    # nobody needs to check this page for who reads it
    seen = {"status": "ok", "last_ok": found.page and found.page.as_of, "message": "you are reading it"}
    return replace(
        found,
        health=tuple(
            h.model_copy(update=seen) if h.component == "dashboard" and h.status == "unknown" else h
            for h in found.health
        ),
    )


@shared(Figures())
def figures(read: Reader) -> Figures:
    return queries.figures(read)


@shared(TradePage())
def trade_page(read: Reader, chosen: TradeFilter, limit: int, offset: int) -> TradePage:
    return queries.trade_page(read, chosen, limit, offset)


@shared(Performance())
def performance(read: Reader, span: str) -> Performance:
    return queries.performance(read, span)


@shared(Skill())
def skill(read: Reader) -> Skill:
    return queries.skill(read)


@shared(NO_HOURS)
def path(read: Reader, city: str, kind: MarketType, day: date) -> tuple[PathHour, ...]:
    return queries.path(read, city, kind, day)


@shared(Decisions())
def decisions(read: Reader) -> Decisions:
    return queries.decisions(read)


@shared(NO_ANOMALIES)
def anomalies(read: Reader) -> tuple[Anomaly, ...]:
    return queries.anomalies(read)
