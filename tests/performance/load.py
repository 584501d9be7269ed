"""A crowd before the page, through the proxy, and the same crowd before a plain app: ``make load``.

Everything is real and local: Postgres, the page's own processes as their unit starts them, nginx with the
installer's configuration (TLS, compression, limits), visitors who speak the framework's protocol. The marts
change every five seconds, prices and clock, so no refresh is free. Visitors and servers share the machine's
cores; their own share is printed. Bounded: a case lasts under a minute, all of it about ten.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.performance import api_load, cold, outage, viewer
from tests.performance.cold import Cold
from tests.performance.stage import ROOT, Case, database, serving, ticking
from tests.performance.viewer import Crowd, Target, percentile
from trader.app.postgres import Urls

HISTORY = ROOT / ".milkbot" / "load.jsonl"

CASES = (
    Case("plain", 1, 1, 0),
    Case("plain", 1, 30, 10),
    Case("plain", 1, 100, 10),
    Case("plain", 1, 100, 0),
    Case("ours", 1, 1, 0),
    Case("ours", 1, 100, 10),
    Case("ours", 1, 100, 0),
    Case("ours", 2, 100, 10),
    Case("ours", 2, 100, 0),
    Case("ours", 2, 300, 15),
    Case("ours", 2, 300, 0),
    Case("ours", 2, 600, 30),
    Case("ours", 2, 1000, 60),
    Case("ours", 2, 1000, 0),
)
QUICK = tuple(c for c in CASES if c.count == 100)


@dataclass(frozen=True)
class Result:
    """Milliseconds at the 50th, 95th and 99th percentile; CPU as share of one core; memory in MB."""

    case: Case
    first_number: tuple[float, float, float]
    load: tuple[float, float, float]
    refresh: tuple[float, float, float]
    refreshes: int
    errors: dict[str, int]
    traces: int
    page_cpu: float
    proxy_cpu: float
    visitors_cpu: float
    memory_mb: float
    received_mb: float


def run(case: Case, urls: Urls) -> Result:
    with tempfile.TemporaryDirectory() as name, serving(case, urls, Path(name)) as (target, pages, proxy):
        before, before_proxy, own = _cpu(pages), _cpu(_family(proxy)), viewer.cpu_seconds()
        crowd, seconds = asyncio.run(_timed(target, case))
        return Result(
            case=case,
            first_number=_three(crowd.first_numbers),
            load=_three(crowd.loads),
            refresh=_three(crowd.refreshes),
            refreshes=len(crowd.refreshes),
            errors={**crowd.errors, **({"never loaded": n} if (n := case.count - len(crowd.loads)) else {})},
            traces=len(crowd.traces),
            page_cpu=(_cpu(pages) - before) / seconds,
            proxy_cpu=(_cpu(_family(proxy)) - before_proxy) / seconds,
            visitors_cpu=(viewer.cpu_seconds() - own) / seconds,
            memory_mb=sum(_resident_mb(pid) for pid in pages),
            received_mb=crowd.received / 1e6,
        )


def cold_visits(urls: Urls) -> list[Cold]:
    """What a browser that was never here waits for and fetches."""
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Case("ours", 2, 1, 0), urls, Path(name)) as (target, _, _),
    ):
        return cold.measure(target.port)


async def _timed(target: Target, case: Case) -> tuple[Crowd, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    crowd = await viewer.come(target, case.count, spread_s=case.spread_s, stay_s=case.stay_s)
    return crowd, loop.time() - began


def _three(values: list[float]) -> tuple[float, float, float]:
    return percentile(values, 50), percentile(values, 95), percentile(values, 99)


def _family(pid: int) -> list[int]:
    """A process and its children: nginx's master and workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _cpu(pids: Sequence[int]) -> float:
    """Seconds of processor time of these processes so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def line(result: Result) -> str:
    """One row of the table in docs/performance.md."""
    case = result.case

    def three(values: tuple[float, float, float]) -> str:
        return " / ".join("-" if v != v else f"{v:,.0f}" for v in values)

    trouble = ", ".join(f"{n} {what}" for what, n in result.errors.items()) or "0"
    return (
        f"| {case.page} | {case.processes} | {case.count:,} {case.arrival} | {three(result.first_number)} "
        f"| {three(result.load)} | {three(result.refresh)} | {result.page_cpu:.2f} + {result.proxy_cpu:.2f} "
        f"+ {result.visitors_cpu:.2f} | {result.memory_mb:,.0f} | {trouble} |"
    )


HEAD = (
    "| page | processes | visitors | first number, ms p50 / p95 / p99 | whole page | refresh "
    "| cores: page + proxy + visitors | memory, MB | errors |\n|---|---|---|---|---|---|---|---|---|"
)


def main(argv: list[str]) -> int:
    """Run the cases, print the table as it grows; 1 when the required figures do not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the cases of 100 visitors")
    cases = QUICK if parser.parse_args(argv).quick else CASES

    sys.stdout.write(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}\n{HEAD}\n")
    results = []
    with database() as urls, ticking(urls.analytics):
        for case in cases:
            results.append(run(case, urls))
            sys.stdout.write(f"{line(results[-1])}\n")
            sys.stdout.flush()
        visits = cold_visits(urls)
        rates = api_load.run(urls)
        sys.stdout.write("\n".join(["", cold.HEAD, *(visit.line() for visit in visits), ""]))
        sys.stdout.write("\n".join(["", api_load.HEAD, *(rate.line() for rate in rates), ""]))
    stopped = outage.run()
    sys.stdout.write(f"\n{stopped.line()}\n")
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as history:
        at = datetime.now(UTC).isoformat()
        history.write(json.dumps({"at": at, "results": [asdict(r) for r in results]}) + "\n")
    problems = [problem for result in results for problem in judge(result)]
    problems += stopped.problems()
    problems += [f"{v.page} cold: {v.first_number_ms:,.0f} ms" for v in visits if v.first_number_ms > 2_000]
    sys.stdout.writelines(f"TOO SLOW {problem}\n" for problem in problems)
    return 1 if problems else 0


def judge(result: Result) -> list[str]:
    """What 100 visitors must get on two cores, and that nobody ever sees a trace."""
    case = result.case
    if case.page != "ours":
        return []
    limits: list[tuple[str, float, float]] = []
    if case.count == 100 and case.processes == 2:
        limits = [
            ("refresh p95", result.refresh[1], 500),
            ("first load p95", result.load[1], 2_000 if case.spread_s else 3_000),
        ]
    problems = [
        f"{case.count} {case.arrival}: expected a {what} of at most {limit:,.0f} ms, found {found:,.0f}"
        for what, found, limit in limits
        if not found <= limit
    ]
    if result.traces:
        problems.append(f"{case.count} {case.arrival}: {result.traces} traces were shown to visitors")
    if limits and result.errors:
        problems.append(f"{case.count} {case.arrival}: {result.errors}")
    return problems


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
