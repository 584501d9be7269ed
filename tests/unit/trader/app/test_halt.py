"""Halts: the file that works without a database, the stored states, and who may lift what."""

from pathlib import Path

import pytest

from tests.fakes.desk import MODE, Desk
from trader.app.halt import HaltFile, book_state, resume, states_in_force
from trader.app.switches import halt_now
from trader.domain.errors import MilkbotError
from trader.domain.types import OrderStatus, ReasonCode, TradingState

R = ReasonCode
NOBODY = "postgresql://milkbot_trader:secretword@127.0.0.1:1/milkbot"
"""A database at a port where nobody listens."""


def in_force(desk: Desk) -> list[tuple[str, ReasonCode, TradingState]]:
    found = states_in_force(desk.store, desk.halt_file, MODE, desk.clock)
    return [(s.scope, s.reason, s.state) for s in found]


def lift(desk: Desk) -> list[str]:
    return resume(desk.store, desk.halt_file, MODE, desk.clock, by="ann", reason="looked at it")


def test_nothing_is_in_force_at_first(desk: Desk) -> None:
    assert in_force(desk) == []
    assert book_state(()) is TradingState.ACTIVE


def test_a_halt_file_is_stored_once_and_outlives_the_file(desk: Desk) -> None:
    desk.halt_file.write("ann: smoke")

    first = in_force(desk)
    desk.halt_file.path.unlink()

    assert first == [("book", R.HALT_FILE_PRESENT, TradingState.HALTED)]
    assert in_force(desk) == first
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    assert (state.note, state.set_by) == ("ann: smoke", "file")


def test_a_halt_file_that_cannot_be_looked_at_counts_as_present(tmp_path: Path) -> None:
    unreadable = HaltFile(tmp_path / ("x" * 300))  # longer than any file name may be

    assert unreadable.is_present()
    assert unreadable.note() == ""


def test_a_halt_file_is_made_with_its_folder(tmp_path: Path) -> None:
    file = HaltFile(tmp_path / "deep" / "HALT")
    assert not file.is_present()

    file.write("stop")

    assert (file.is_present(), file.note()) == (True, "stop")


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([TradingState.REDUCE_ONLY], TradingState.REDUCE_ONLY),
        ([TradingState.REDUCE_ONLY, TradingState.HALTED], TradingState.HALTED),
        ([TradingState.HALTED, TradingState.REDUCE_ONLY], TradingState.HALTED),
    ],
)
def test_the_worst_state_of_the_book_wins(
    desk: Desk, states: list[TradingState], worst: TradingState
) -> None:
    reasons = (R.OPERATOR_HALT, R.DRAWDOWN_REACHED)
    found = tuple(desk.halt(state=s, reason=r) for s, r in zip(states, reasons, strict=False))

    assert book_state(found) is worst


def test_a_city_or_a_market_does_not_halt_the_book(desk: Desk) -> None:
    found = (desk.halt(scope="city:NYC"), desk.halt(scope="market:T"))

    assert book_state(found) is TradingState.ACTIVE


@pytest.mark.parametrize(
    "reason",
    [
        R.OPERATOR_HALT,
        R.DRAWDOWN_REACHED,
        R.ORDER_REJECTS_BURST,
        R.SETTLEMENT_MISMATCH,
        R.RECONCILIATION_BREAK,
    ],
)
def test_a_named_person_lifts_a_halt_with_a_reason(desk: Desk, reason: ReasonCode) -> None:
    desk.halt(reason=reason)
    desk.clock.advance(60)

    assert lift(desk) == [f"book {reason}"]

    assert in_force(desk) == []
    assert desk.store.risk.lifted_at(MODE, reason) == desk.clock.now()
    assert lift(desk) == []


def test_every_scope_is_lifted(desk: Desk) -> None:
    for scope in ("book", "city:NYC", "market:T"):
        desk.halt(scope=scope)

    assert sorted(lift(desk)) == ["book OPERATOR_HALT", "city:NYC OPERATOR_HALT", "market:T OPERATOR_HALT"]


def test_the_halt_files_halt_stays_while_the_file_is_there(desk: Desk) -> None:
    desk.halt_file.write("stop")
    desk.halt()
    assert len(in_force(desk)) == 2

    assert lift(desk) == ["book OPERATOR_HALT"]
    assert in_force(desk) == [("book", R.HALT_FILE_PRESENT, TradingState.HALTED)]

    desk.halt_file.path.unlink()
    assert lift(desk) == ["book HALT_FILE_PRESENT"]
    assert in_force(desk) == []


def test_a_pause_of_the_exchange_is_not_for_a_person_to_lift(desk: Desk) -> None:
    desk.halt(reason=R.EXCHANGE_PAUSED)

    assert lift(desk) == []
    assert len(in_force(desk)) == 1


def test_a_halt_survives_a_restart(desk: Desk) -> None:
    from trader.adapters.memory.store import MemoryOpsStore

    halted = desk.halt()

    assert MemoryOpsStore(same_books_as=desk.store).risk.states(MODE, desk.clock.now()) == (halted,)


# ---- without a database


def env(folder: Path) -> dict[str, str]:
    return {"DATABASE_URL": NOBODY, "DB_TIMEOUT_S": "1", "MILKBOT_DATA_DIR": str(folder)}


def test_halt_with_the_database_away_writes_the_file_first_and_says_that_it_suffices(tmp_path: Path) -> None:
    said = halt_now(env(tmp_path), "smoke", by="ann", reduce_only=False)

    assert (tmp_path / "HALT").read_text() == "ann: smoke\n"
    assert said[0] == f"halt file written: {tmp_path / 'HALT'}"
    assert "the halt file alone halts trading" in said[1]
    assert "secretword" not in " ".join(said)


def test_the_file_of_such_a_halt_stops_a_running_trader(desk: Desk, tmp_path: Path) -> None:
    from tests.fakes.desk import wish

    halt_now(env(tmp_path), "smoke", by="ann", reduce_only=False)

    assert desk.submit(wish()).status is OrderStatus.DENIED
    assert desk.exchange.sent == []


def test_reduce_only_needs_the_database_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(MilkbotError, match="expected"):
        halt_now(env(tmp_path), "careful", by="ann", reduce_only=True)

    assert not (tmp_path / "HALT").exists()
