"""The door into the simulator: the same bytes as over a socket, in virtual time, the same in every run."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from trader.adapters.http import HttpClient
from trader.app.cycle import run_cycle
from trader.domain.errors import TransientError
from trader.domain.types import ReasonCode, Severity, TradingMode, TradingState
from trader.rehearsal.door import Door
from trader.rehearsal.stage import ORIGIN, books_in_memory, set_up
from trader.simulator.faults import Fault, FaultKind
from trader.simulator.server import running
from trader.simulator.world import World

EVENING = datetime(2026, 7, 17, 0, 28, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "path",
    [
        "/trade-api/v2/markets?series_ticker=KXHIGHNY&limit=5",
        "/trade-api/v2/portfolio/balance",
        "/stations/KNYC/observations?limit=3",
        "/points/40.7790,-73.96929",
        "/nowhere",
    ],
)
def test_an_answer_through_the_door_is_the_answer_over_a_socket(tmp_path: Path, path: str) -> None:
    stage = set_up(World.load("july2026"), tmp_path)
    where, _, query = path.partition("?")
    door = Door(stage.simulator, stage.clock, timeout_s=1)

    status, headers, body = door.carry(
        "GET", ORIGIN + where, dict(httpx.QueryParams(query)), {"Accept": "*/*"}, None
    )

    with running(tmp_path / "socket") as server:
        over = httpx.get(f"http://127.0.0.1:{server.port}{path}", headers={"User-Agent": "test"})
    assert (status, body) == (over.status_code, over.content)
    shown = {name: value for name, value in over.headers.items() if name != "content-length"}
    assert headers == shown


def test_a_call_without_answer_costs_virtual_time_only(tmp_path: Path) -> None:
    fault = Fault("read_status", 1, FaultKind.TIMEOUT_BEFORE_ACCEPT)
    stage = set_up(World.load("july2026"), tmp_path, faults=[fault])
    before = stage.clock.now()

    with pytest.raises(TransientError, match="expected an answer within 10"):
        stage.http.send_once("GET", f"{ORIGIN}/trade-api/v2/exchange/status", what="status")

    assert stage.clock.now() - before == timedelta(seconds=10)
    assert fault.fired == 1


def test_two_rehearsals_of_one_seed_trade_the_same_and_their_books_equal_the_exchange(tmp_path: Path) -> None:
    ends = []
    for name in ("one", "two"):
        stage = set_up(World.load("july2026"), tmp_path / name, at=EVENING)
        trader = stage.start(books_in_memory())
        summary = run_cycle(trader, slot="evening", codes=("NYC", "CHI"))
        truth = stage.simulator.exchange.account
        ours = sorted(trader.store.fills.get(TradingMode.DEMO), key=lambda fill: fill.fill_id)
        theirs = sorted(truth.fills, key=lambda fill: fill.fill_id)

        assert summary.orders == len(truth.orders) > 0
        assert [(f.fill_id, f.qty, f.fee) for f in ours] == [(f.fill_id, f.count, f.fee) for f in theirs]
        assert trader.exchange.get_balance().cash_usd == truth.available
        ends.append((summary.model_copy(update={"duration_ms": 0}), ours, truth.cash))

    assert ends[0] == ends[1]


def test_sleeping_moves_the_world_and_an_offset_moves_only_the_trader(tmp_path: Path) -> None:
    stage = set_up(World.load("july2026"), tmp_path, at=EVENING)

    stage.clock.sleep(1.5)
    stage.clock.offset = timedelta(hours=1)

    assert stage.simulator.exchange.clock.now() == EVENING + timedelta(seconds=1.5)
    assert stage.clock.now() == EVENING + timedelta(hours=1, seconds=1.5)
    assert stage.clock.monotonic() == 1.5


def test_without_the_door_nothing_is_reached(tmp_path: Path) -> None:
    stage = set_up(World.load("july2026"), tmp_path)

    with HttpClient(clock=stage.clock, timeout_s=1, attempts=1) as sockets, pytest.raises(TransientError):
        sockets.read(f"{ORIGIN}/trade-api/v2/exchange/status", what="status")


@pytest.mark.story("8.6")
@pytest.mark.parametrize(("offset_s", "side"), [(-60, "behind"), (60, "ahead of")])
def test_clocks_so_far_apart_that_nothing_signed_is_taken_are_told_and_lift_themselves(
    tmp_path: Path, offset_s: int, side: str
) -> None:
    stage = set_up(World.load("july2026"), tmp_path, at=EVENING)
    store = books_in_memory()
    trader = stage.start(store)

    stage.clock.offset = timedelta(seconds=offset_s)
    failed = [run_cycle(trader, slot=f"apart {number}", codes=("NYC",)) for number in range(2)]
    (halted,) = store.risk.states(TradingMode.DEMO, stage.clock.now())
    told = [(e.event_type, e.severity) for e in store.risk.recent_events(10)]
    stage.clock.offset = timedelta(0)
    again = run_cycle(trader, slot="together", codes=("NYC",))

    reason = rf"our clock is (59\.[5-9]|60\.[0-5]) s {side} the exchange's; look: timedatectl"
    assert all(re.search(reason, summary.error or "") for summary in failed)
    assert (halted.scope, halted.reason, halted.state) == (
        *("book", ReasonCode.CLOCK_SKEW_TOO_LARGE),
        TradingState.HALTED,
    )
    assert re.search(reason, halted.note)
    assert told.count((ReasonCode.CLOCK_SKEW_TOO_LARGE, Severity.CRITICAL)) == 1
    assert (again.error, again.orders > 0) == (None, True)
    assert not store.risk.states(TradingMode.DEMO, stage.clock.now())


@pytest.mark.story("8.6")
def test_start_under_a_wrong_clock_gives_up_but_leaves_the_reason(tmp_path: Path) -> None:
    stage = set_up(World.load("july2026"), tmp_path, at=EVENING)
    store = books_in_memory()

    stage.clock.offset = timedelta(minutes=-5)
    for _ in range(2):
        with pytest.raises(TransientError, match=r"our clock is 300\.\d s behind the exchange's"):
            stage.start(store)
    (halted,) = store.risk.states(TradingMode.DEMO, stage.clock.now())
    stage.clock.offset = timedelta(0)
    cycle = run_cycle(stage.start(store), slot="together", codes=("NYC",))

    assert (halted.scope, halted.reason) == ("book", ReasonCode.CLOCK_SKEW_TOO_LARGE)
    assert re.search(r"our clock is 300\.\d s behind the exchange's", halted.note)
    assert len([e for e in store.risk.recent_events(10) if e.severity is Severity.CRITICAL]) == 1
    assert cycle.orders > 0
