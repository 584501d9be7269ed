"""`milkbot go-live-check`: register the gates, judge them, or override them by hand. It switches nothing.

Runs with the analytics credential: it reads the warehouse's figures and may add approvals, and that is all.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trader.app.clock import SystemClock
from trader.app.gate_file import FILE, read_gates
from trader.app.replay import ReplayResult
from trader.app.wiring import open_approvals
from trader.core.golive import OVERRIDE_WORDS, verdict_of
from trader.domain.errors import ConfigurationError
from trader.domain.golive import GATES, GO_LIVE, REPLAY, Approval, Gate, GateFile, GateRow, Verdict
from trader.ports.approvals import Approvals

Say = Callable[[str], None]


def register(env: Mapping[str, str], *, by: str, say: Say, path: Path = FILE) -> None:
    """Write the gates down before the evidence. Evidence counts from now on, also when done again."""
    gates, sha256 = read_gates(path)
    with _opened(env) as (approvals, now):
        before = approvals.newest(GATES)
        evidence = {"sha256": sha256, **gates.model_dump(mode="json")}
        approvals.save(
            Approval(kind=GATES, verdict="registered", evidence=evidence, given_by=by, given_at=now)
        )
        count = approvals.count(GATES, "registered")
    if before is not None:
        say(f"registered before at {before.given_at:%Y-%m-%d %H:%M UTC}; evidence since then counts no more")
    say(f"registered {len(gates.gates)} gates, sha256 {sha256[:12]}, time {count}; evidence begins now")


def check(env: Mapping[str, str], *, by: str, say: Say, path: Path = FILE) -> Verdict:
    """Print every gate, store the verdict, return it. Raises ConfigurationError when none are registered."""
    gates, sha256 = read_gates(path)
    with _opened(env) as (approvals, now):
        registered = approvals.newest(GATES)
        if registered is None:
            raise ConfigurationError(
                "Go-live check: expected registered gates, found none; nothing was judged. Run "
                "`milkbot go-live-check --register --by NAME` before the evidence is gathered."
            )
        rows = approvals.gates()
        is_same = registered.evidence.get("sha256") == sha256
        verdict: Verdict = verdict_of(rows) if is_same and _covers(rows, gates) else "fail"
        tries = approvals.count(GATES, "registered")
        approvals.save(
            Approval(
                kind=GO_LIVE,
                verdict=verdict,
                evidence={
                    "sha256": registered.evidence.get("sha256"),
                    "registrations": tries,
                    "gates": [row.model_dump(mode="json") for row in rows],
                },
                given_by=by,
                given_at=now,
            )
        )
    for row in rows:
        say(_line(row, next((g for g in gates.gates if g.gate == row.gate), None)))
    if not is_same:
        say("the gates changed after they were registered: fail; register them again and begin anew")
    elif not _covers(rows, gates):
        say("the warehouse has other gates than the file: fail; run `milkbot rollup` and check again")
    since = f"{registered.given_at:%Y-%m-%d}"
    say(
        f"verdict: {verdict.replace('_', ' ')} (evidence since {since}, registered {tries} times); "
        "nothing was switched"
    )
    return verdict


def override(env: Mapping[str, str], *, by: str, reason: str, typed: str, say: Say) -> None:
    """Store that a person goes live without the verdict. Raises ConfigurationError unless typed exactly."""
    if not reason.strip():
        raise ConfigurationError("Override: expected --reason, found none; nothing was stored")
    if typed.strip() != OVERRIDE_WORDS:
        raise ConfigurationError(
            f"Override: expected the words {OVERRIDE_WORDS!r}, found others; nothing was stored"
        )
    with _opened(env) as (approvals, now):
        before = approvals.newest(GO_LIVE)
        evidence = {"typed": typed.strip(), "reason": reason, "verdict_before": before and before.verdict}
        approvals.save(
            Approval(kind=GO_LIVE, verdict="override", evidence=evidence, given_by=by, given_at=now)
        )
    say(f"override by {by} stored: {reason}; nothing was switched")


def record_replay(env: Mapping[str, str], result: ReplayResult, *, since: datetime | None, by: str) -> None:
    """Store what a replay found: evidence of its own kind, with the trader's credential."""
    evidence = {
        "cycles": result.cycles,
        "identical": result.identical,
        "since": since.isoformat() if since else None,
    }
    is_whole = result.cycles > 0 and result.cycles == result.identical
    with open_approvals(env, need="trader") as approvals:
        approvals.save(
            Approval(
                kind=REPLAY,
                verdict="pass" if is_whole else "fail",
                evidence=evidence,
                given_by=by,
                given_at=SystemClock().now(),
            )
        )


@contextmanager
def _opened(env: Mapping[str, str]) -> Iterator[tuple[Approvals, datetime]]:
    with open_approvals(env, need="analytics") as approvals:
        yield approvals, SystemClock().now()


def _covers(rows: tuple[GateRow, ...], gates: GateFile) -> bool:
    """Whether the warehouse judged every gate of the file and no other: a lost row must not help."""
    return [row.gate for row in rows] == [gate.gate for gate in gates.gates]


def _line(row: GateRow, gate: Gate | None) -> str:
    figure = "-" if row.figure is None else f"{row.figure:.4g}"
    interval = f" [{row.lo:.4g}, {row.hi:.4g}]" if row.lo is not None and row.hi is not None else ""
    limit = ""
    if gate is not None:
        words = f"at least {gate.at_least}" if gate.at_least is not None else f"at most {gate.at_most}"
        limit = f"  {gate.bound} {words} {gate.unit}: {gate.words}"
    word = row.verdict.replace("_", " ")
    return f"{word:<15} {row.gate:<12} {figure}{interval}  {row.count} of {row.min_count}{limit}"
