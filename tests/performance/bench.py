"""Budgets as ratios: a job against the primitives it is made of, in one run (``make bench``).

A ratio more than 20 % above the committed baseline fails, and so does a 99th percentile above its limit; each
run is added to ``.milkbot/bench.jsonl``. ``--rebase`` writes the measured ratios as the new baseline. Other
absolute times are printed, never compared. ``--only GROUP`` measures one group of jobs.
"""

import argparse
import json
import sys
import timeit
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.performance import cycle, orders, replayed, simulated, warehouse
from tests.performance.measured import Measured
from trader.app.config import load_settings
from trader.app.logs import redact_event
from trader.domain.canonical import canonical_json

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.json")
HISTORY = ROOT / ".milkbot" / "bench.jsonl"
FOLDER = ROOT / ".milkbot" / "bench"
MAX_REGRESSION = 1.20
Job = Callable[[], object]


def jobs() -> dict[str, tuple[Job, Job]]:
    """Name -> (job, primitive)."""
    settings = load_settings({})
    rows = [
        {"ticker": f"KXHIGHNY-26JUL15-B{i}.5", "price": str(Decimal(i) / 100), "qty": i} for i in range(60)
    ]
    event = {"event": "cycle_finished", "rows": rows, "headers": {"KALSHI-ACCESS-KEY": "x"}}
    pairs = [settings.risk, settings.gates, rows]
    plain = json.loads(canonical_json(pairs))
    return {
        "canonical json against json.dumps": (lambda: canonical_json(pairs), lambda: json.dumps(plain)),
        "redacted event against json.dumps": (
            lambda: redact_event(None, "info", event),
            lambda: json.dumps(event),
        ),
    }


def measure(name: str, job: Job, primitive: Job, *, repeats: int = 30) -> Measured:
    """Time both in turns, so that a slow moment of the machine hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for kind, call in zip(times, (job, primitive), strict=True):
            kind.append(timeit.timeit(call, number=20) / 20)
    return Measured(name, min(times[0]), min(times[1]))


def judge(measured: list[Measured], baseline: dict[str, float]) -> list[str]:
    """Return one sentence for each ratio that regressed or has no baseline."""
    problems = []
    for m in measured:
        if m.job not in baseline:
            problems.append(f"{m.job}: expected a baseline, found none; run with --rebase")
        elif m.ratio > baseline[m.job] * MAX_REGRESSION:
            limit = baseline[m.job] * MAX_REGRESSION
            problems.append(f"{m.job}: expected a ratio of at most {limit:.2f}, found {m.ratio:.2f}")
        if m.max_ratio is not None and m.ratio > m.max_ratio:
            problems.append(
                f"{m.job}: expected at most {m.max_ratio:.1f} x its primitives, found {m.ratio:.2f}"
            )
        if m.p99_s is not None and m.limit_s is not None and m.p99_s > m.limit_s:
            problems.append(f"{m.job}: expected p99 of at most {m.limit_s:.3f} s, found {m.p99_s:.3f} s")
    return problems


GROUPS: dict[str, Callable[[], list[Measured]]] = {
    "plain": lambda: [measure(name, *pair) for name, pair in jobs().items()],
    "cycle": lambda: orders.on_a_server(FOLDER, cycle.measure),
    "orders": lambda: orders.on_a_server(FOLDER, orders.measure),
    "warehouse": lambda: warehouse.measure(FOLDER),
    "simulation": lambda: [simulated.measure()],
    "replay": replayed.measure,
}
"""What ``--only`` may name."""


def main(argv: list[str]) -> int:
    """Measure, print, append to the history and compare; 0 when every budget holds, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rebase", action="store_true", help="write the measured ratios as the new baseline")
    parser.add_argument("--only", action="append", choices=GROUPS, help="measure this group (repeatable)")
    asked = parser.parse_args(argv)
    measured = [found for name in asked.only or GROUPS for found in GROUPS[name]()]
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    if asked.rebase:
        baseline |= {m.job: round(m.ratio, 2) for m in measured}
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n", encoding="utf-8")
    for m in measured:
        p99 = "" if m.p99_s is None else f", p99 {m.p99_s * 1e3:.1f} ms"
        known = f"(baseline {baseline.get(m.job, 0):.2f})"
        sys.stdout.write(f"{m.job:42} {m.job_s * 1e3:9.3f} ms {m.ratio:7.2f} x {known}{p99}\n")
        sys.stdout.writelines(f"    {line}\n" for line in m.notes)
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as history:
        row = {
            "at": datetime.now(UTC).isoformat(),
            "jobs": [{**asdict(m), "ratio": m.ratio} for m in measured],
        }
        history.write(json.dumps(row) + "\n")
    problems = judge(measured, baseline)
    sys.stdout.writelines(f"REGRESSION {problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
