"""The database stops for a minute while fifty people look: ``make load`` runs this last.

Nobody may see a trace or lose the page; everybody is told that the database is away and of when the figures
are; all recover by themselves.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.performance import stage, viewer
from tests.performance.stage import Case, database, serving
from tests.performance.viewer import Crowd, Target, percentile
from trader.app.postgres import ensure_server
from trader.app.postgres.server import stop_server

VISITORS = 50
SPREAD_S, BEFORE_S, AWAY_S, AFTER_S = 5, 12, 60, 30
AWAY, SINCE = "Database away", "Showing what we had at"


@dataclass(frozen=True)
class Outage:
    """What fifty visitors met in the hundred seconds."""

    told: int
    told_since_when: int
    recovered: int
    traces: int
    errors: dict[str, int]
    refreshes: int
    refresh_p95_ms: float

    def line(self) -> str:
        return (
            f"database stopped for {AWAY_S} s under {VISITORS} visitors: {self.told} were told, "
            f"{self.told_since_when} since when, {self.recovered} recovered by themselves, "
            f"{self.traces} traces, {sum(self.errors.values())} errors; {self.refreshes} refreshes, "
            f"p95 {self.refresh_p95_ms:,.0f} ms"
        )

    def problems(self) -> list[str]:
        """Sentences of what should not have been."""
        if (self.told, self.told_since_when, self.recovered) != (VISITORS,) * 3 or self.traces or self.errors:
            return [self.line()]
        return []


def run() -> Outage:
    with (
        database() as urls,
        tempfile.TemporaryDirectory() as name,
        serving(Case("ours", 2, VISITORS, 0), urls, Path(name)) as (target, _, _),
    ):
        crowd = asyncio.run(_while_it_stops(target))
    return Outage(
        told=crowd.words[AWAY],
        told_since_when=crowd.words[SINCE],
        recovered=sum(AWAY not in head for head in crowd.heads),
        traces=len(crowd.traces),
        errors=dict(crowd.errors),
        refreshes=len(crowd.refreshes),
        refresh_p95_ms=percentile(crowd.refreshes, 95),
    )


async def _while_it_stops(target: Target) -> Crowd:
    """The visitors, and the one who stops the server and starts it again."""
    stay_s = BEFORE_S + AWAY_S + AFTER_S
    crowd, _ = await asyncio.gather(
        viewer.come(target, VISITORS, spread_s=SPREAD_S, stay_s=stay_s, watch=(AWAY, SINCE)),
        _stop_and_start(),
    )
    return crowd


async def _stop_and_start() -> None:
    await asyncio.sleep(SPREAD_S + BEFORE_S)
    await asyncio.to_thread(stop_server, stage.HOME)
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(ensure_server, stage.HOME, is_durable=False)
