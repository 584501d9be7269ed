"""The advisor on real Postgres beside a trading trader: its rows appear, and no order can tell."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle as forever
from pathlib import Path

import psycopg
import pytest

from tests.fakes.hostile import TEXTS, answers
from tests.fakes.loopback import Reply, Script, reply, serving
from tests.integration.world import EVENING, settings_for, step, trader_at
from trader.adapters.ops.advice import AdviceRepository
from trader.adapters.ops.pool import Database
from trader.app.advise.wiring import desk_on, open_desk
from trader.app.cycle import run_cycle
from trader.app.postgres import Urls
from trader.app.world import SimulatorProcess
from trader.domain.advice import AnomalyKind
from trader.domain.errors import PersistenceError

LATER = EVENING + timedelta(hours=1, seconds=15)  # the next instant at which books were recorded
HOSTILE = forever(content for text in TEXTS for content in answers(text))


def _hostile(_: object) -> Reply:
    return reply({"choices": [{"message": {"content": next(HOSTILE)}}], "usage": {"cost": 0.00001}})


def _slow(_: object) -> Reply:
    return Reply(200, b"{}" * 400, {"Content-Type": "application/json"}, pause_s=0.01)


def _good(_: object) -> Reply:
    content = json.dumps({"explanation": "The forecast is above the price."})
    return reply({"choices": [{"message": {"content": content}}], "usage": {"cost": 0.001}})


@contextmanager
def advising(script: Script | None, urls: Urls, env: dict[str, str]) -> Iterator[Callable[[], object]]:
    """Yield what runs the advisor once on this database, asking ``script`` when there is one."""
    if script is None:
        yield lambda: None
        return
    with serving(script) as model:
        more = {
            "ADVISOR_DATABASE_URL": urls.advisor,
            "OPENROUTER_API_KEY": "sk-or-canary",
            "OPENROUTER_BASE_URL": f"{model.origin}/api/v1",
            "ADVISOR_TIMEOUT_S": "1",
            "ADVISOR_BUDGET_USD": "5",
        }

        def run() -> object:
            with open_desk(env | more) as desk:
                return desk.run()

        yield run


def decided(urls: Urls) -> list[str]:
    """Every byte that was decided, sent and booked, as stored."""
    tables = {
        "cycles": "cast((slot, inputs_hash, plan_hash, equity_usd) as text)",
        "signals": "cast(t as text)",
        "risk_decisions": "cast(t as text)",
        "orders": "cast(t as text)",
        "order_events": "cast(t as text)",
        "fills": "cast(t as text)",
    }
    with psycopg.connect(urls.owner) as connection:
        return [
            f"{table} {row[0]}"
            for table, what in tables.items()
            for row in connection.execute(f"select {what} from ops.{table} as t order by 1".encode())
        ]


def traded(script: Script | None, urls: Urls, folder: Path) -> list[str]:
    """Two cycles with the advisor at work between them and during the second."""
    with SimulatorProcess(folder, world="july2026") as simulator:
        settings = settings_for(simulator, urls.trader, folder)
        with (
            advising(script, urls, {"MILKBOT_DATA_DIR": str(folder)}) as advise,
            trader_at(simulator, settings, EVENING) as trader,
        ):
            run_cycle(trader, slot="first")
            advise()
            step(simulator, trader, LATER)
            beside = threading.Thread(target=advise)
            beside.start()
            run_cycle(trader, slot="second")
            beside.join()
    return decided(urls)


@pytest.fixture(scope="module")
def undisturbed(
    new_database: Callable[..., Urls], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], Urls]:
    urls = new_database()
    return traded(None, urls, tmp_path_factory.mktemp("off")), urls


@pytest.mark.story("7.2")
@pytest.mark.parametrize("script", [_good, _slow, _hostile], ids=["on", "slow", "hostile"])
def test_orders_are_the_same_bytes_whatever_the_model_says(
    undisturbed: tuple[list[str], Urls], script: Script, database_urls: Urls, tmp_path: Path
) -> None:
    without, _ = undisturbed

    rows = traded(script, database_urls, tmp_path)

    assert sum(row.startswith("orders ") for row in rows) > 0
    assert rows == without
    with psycopg.connect(database_urls.owner) as connection:
        (worded,) = connection.execute("select count(*) from ops.signal_explanations").fetchone() or (0,)
        (calls,) = connection.execute("select count(*) from ops.advisor_calls").fetchone() or (0,)
    assert worded > 0
    assert calls > 0


@pytest.mark.story("7.2")
@pytest.mark.story("7.3")
def test_rules_alone_fill_both_tables_once(
    undisturbed: tuple[list[str], Urls], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, urls = undisturbed
    with open_desk({"ADVISOR_DATABASE_URL": urls.advisor, "MILKBOT_DATA_DIR": str(tmp_path)}) as desk:
        first, again = desk.run(), 0
    with open_desk({"ADVISOR_DATABASE_URL": urls.advisor, "MILKBOT_DATA_DIR": str(tmp_path)}) as desk:
        again = desk.run().explanations

    with psycopg.connect(urls.owner) as connection:
        texts = connection.execute(
            "select e.text, e.author, s.decision from ops.signal_explanations as e "
            "inner join ops.signals as s on (s.decided_at, s.signal_id) = (e.signal_at, e.signal_id)"
        ).fetchall()
        labels = connection.execute("select class, kind, reason, author from ops.anomalies").fetchall()

    assert first.explanations == len(texts) > 0
    assert again == 0
    assert {author for _, author, _ in texts} == {"rules"}
    assert "HOLD" not in {decision for *_, decision in texts}
    assert {kind for _, kind, *_ in labels} <= {str(kind) for kind in AnomalyKind}
    assert all(text for text, *_ in texts)
    assert not [reason for _, _, reason, _ in labels if "Our own forecasts" in reason], "only one is ours"


def test_the_traders_role_cannot_do_the_advisors_work(database_urls: Urls) -> None:
    with (
        Database(database_urls.trader) as database,
        pytest.raises(PersistenceError, match="permission denied"),
    ):
        AdviceRepository(database).spent_usd(EVENING)


def test_advise_needs_no_trading_secret(database_urls: Urls, tmp_path: Path) -> None:
    from trader.app.config import load_settings

    settings = load_settings({"TRADING_MODE": "SHADOW", "MILKBOT_DATA_DIR": str(tmp_path)})

    with desk_on(database_urls.advisor, settings) as desk:
        assert desk.advisor is None
        assert desk.run().explanations == 0
