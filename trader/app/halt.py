"""Halts: the stored states of the book, and the file that works when the database does not."""

from pathlib import Path

from trader.core.breakers import SELF_LIFTING
from trader.domain.risk import StateChange
from trader.domain.types import ReasonCode, TradingMode, TradingState
from trader.ports.clock import Clock
from trader.ports.ops_store import OpsStore

WORST_FIRST = (TradingState.HALTED, TradingState.REDUCE_ONLY)


class HaltFile:
    """Presence of this file halts all new risk. Its text is shown as the note."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_present(self) -> bool:
        """Whether trading is halted by the file; a file that cannot be looked at counts as present."""
        try:
            return self.path.exists()
        except OSError:
            return True

    def note(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")[:200].strip()
        except OSError:
            return ""

    def write(self, reason: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(reason + "\n", encoding="utf-8")
        self.path.chmod(0o644)  # the watch writes it, too, and the trader shows its text


def states_in_force(
    store: OpsStore, halt_file: HaltFile, mode: TradingMode, clock: Clock
) -> tuple[StateChange, ...]:
    """Return every halt in force. A halt file found for the first time is stored, so that it outlives the
    file.
    """
    stored = store.risk.states(mode, clock.now())
    states = with_file(stored, halt_file, clock)
    for change in states:
        if change not in stored:
            store.risk.save_state(change, mode=mode, at=clock.now())
    return states


def with_file(stored: tuple[StateChange, ...], halt_file: HaltFile, clock: Clock) -> tuple[StateChange, ...]:
    """Return the stored states and, when it is not among them, the halt file's; nothing is written."""
    states = list(stored)
    if halt_file.is_present() and not any(s.reason is ReasonCode.HALT_FILE_PRESENT for s in states):
        states.append(
            StateChange(
                scope="book",
                state=TradingState.HALTED,
                reason=ReasonCode.HALT_FILE_PRESENT,
                note=halt_file.note(),
                set_by="file",
                set_at=clock.now(),
            )
        )
    return tuple(sorted(states, key=lambda s: (s.scope, s.reason, s.set_at)))


def book_state(states: tuple[StateChange, ...]) -> TradingState:
    """The worst state that holds for the whole book."""
    found = {s.state for s in states if s.scope == "book"}
    return next((state for state in WORST_FIRST if state in found), TradingState.ACTIVE)


def resume(
    store: OpsStore, halt_file: HaltFile, mode: TradingMode, clock: Clock, *, by: str, reason: str
) -> list[str]:
    """Lift every book, city and market halt that a person may lift; return what was lifted.

    A halt by the file stays while the file is there. What ends with its cause is not a person's to lift.
    """
    lifted = []
    for state in store.risk.states(mode, clock.now()):
        if state.reason in SELF_LIFTING:
            continue
        if state.reason is ReasonCode.HALT_FILE_PRESENT and halt_file.is_present():
            continue
        store.risk.save_state(
            state.model_copy(
                update={
                    "state": TradingState.ACTIVE,
                    "note": reason,
                    "set_by": by,
                    "set_at": clock.now(),
                    "until": None,
                }
            ),
            mode=mode,
            at=clock.now(),
        )
        lifted.append(f"{state.scope} {state.reason}")
    return lifted
