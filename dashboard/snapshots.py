"""What the viewers share: one query result a slot, and the last good one while the database is away."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import streamlit as st
from pydantic import ValidationError

from dashboard import queries
from dashboard.db import Database, DatabaseAwayError, MartMissingError, Reader
from dashboard.queries import Figures, Live, TradeFilter
from dashboard.rows import PublicTrade, StrategyMetric
from dashboard.settings import load_settings

REFRESH_S: Final = 5
SLOW_REFRESH_S: Final = 60
_T = TypeVar("_T")
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


@st.cache_resource(show_spinner=False)
def _keepers() -> tuple[Keeper[Live], Keeper[Figures]]:
    return Keeper(Live()), Keeper(Figures())


@st.cache_resource(ttl=REFRESH_S, show_spinner=False, refresh_mode="background")
def live() -> Kept[Live]:
    """Page state, board and health of this slot."""
    return _keepers()[0].get(database().reading, _read_live)


def _read_live(read: Reader) -> Live:
    """What nobody has checked yet needs no check here: who reads this page knows that it is up."""
    found = queries.live(read)
    seen = {"status": "ok", "last_ok": found.page and found.page.as_of, "message": "you are reading it"}
    return replace(
        found,
        health=tuple(
            h.model_copy(update=seen) if h.component == "dashboard" and h.status == "unknown" else h
            for h in found.health
        ),
    )


@st.cache_resource(ttl=REFRESH_S, show_spinner=False, refresh_mode="background")
def figures() -> Kept[Figures]:
    """Equity, trades, city figures and the funnel of this slot."""
    page = live().value.page
    return _keepers()[1].get(database().reading, lambda read: queries.figures(read, page))


@dataclass(frozen=True)
class TradePage:
    rows: tuple[PublicTrade, ...] = ()
    total: int = 0


@st.cache_resource(show_spinner=False, max_entries=200)
def _trade_keeper(key: tuple[TradeFilter, int, int]) -> Keeper[TradePage]:
    _log.debug("trade_page_first_asked: %s", key)
    return Keeper(TradePage())


@st.cache_resource(ttl=REFRESH_S, show_spinner=False, max_entries=200)
def trade_page(chosen: TradeFilter, limit: int, offset: int) -> Kept[TradePage]:
    """One page of the trades that match, with how many there are."""
    return _trade_keeper((chosen, limit, offset)).get(
        database().reading,
        lambda read: TradePage(
            queries.trades(read, chosen, limit=limit, offset=offset), queries.count_trades(read, chosen)
        ),
    )


@st.cache_resource(show_spinner=False)
def _strategy_keeper() -> Keeper[tuple[StrategyMetric, ...]]:
    return Keeper(())


@st.cache_resource(ttl=REFRESH_S, show_spinner=False)
def strategies() -> Kept[tuple[StrategyMetric, ...]]:
    page = live().value.page
    return _strategy_keeper().get(
        database().reading, lambda read: queries.strategy_metrics(read, page.mode if page else None)
    )
