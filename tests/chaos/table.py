"""The table of a run as docs/chaos.md: what was seen, written down without a person in between."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = """# Chaos

Written by `make chaos`; do not edit. {made}

Everything runs on loopback as real processes: Postgres, the trader, the refresh of the warehouse, two page
processes, the API, the watch, nginx in front; the simulator stands for exchange and weather service.
Time is real. Three intervals are shorter than in life, so that a run takes less than an hour: a cycle
every 60 s (in life 300), a refresh every 60 s (300), weather stale after 420 s (900); the page's limits
follow the cycle.
What waits for a cycle takes up to five times as long in life; what the watch tells does not.
A service that ends is started again after the time its unit says.

Seconds count from the beginning of the fault, in the last column from its end.
*Visitor*: a new visitor every few seconds, through TLS and nginx, up to the page's socket; the words are the
page's top line. A visit in which nothing was drawn within three seconds is left out.
*API*: `/v1/health` on loopback. *Orders*: creates that the exchange's own ledger holds.
A fault may be repeated alone, so each row has its own time.

"""
NOTHING = "nothing drawn yet"
COLUMNS = (
    "fault",
    "what the visitor sees",
    "what the operator is told",
    "what trading does",
    "how it recovers",
)


@dataclass(frozen=True)
class Row:
    """One fault as it was lived through. ``problems`` are sentences about what should have been otherwise."""

    name: str
    how: str
    lasted_s: float
    section: str
    visitor: tuple[tuple[float, str], ...]
    health: tuple[tuple[float, str], ...]
    told: tuple[tuple[float, str], ...]
    status: str
    before: int
    before_s: float
    during: int
    last_create_s: float | None
    ends: tuple[tuple[float, str], ...]
    recovery: tuple[tuple[str, float], ...]
    at: str
    problems: tuple[str, ...] = ()


def page(rows: Sequence[Row], made: str) -> str:
    """Return docs/chaos.md of a run; ``made`` says when, where and from what."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    bad = [f"- {row.name}: {problem}" for row in rows for problem in row.problems]
    held = sum(not row.problems for row in rows)
    end = ["", f"{held} of {len(rows)} went as they must."]
    if bad:
        end += ["", "What did not:", "", *bad]
    return HEAD.format(made=made) + "\n".join([*lines, *end, ""])


def _cells(row: Row) -> list[str]:
    lasted = f"for {row.lasted_s:.0f} s" if row.lasted_s else "once"
    link = f"[what to do](OPERATIONS_RUNBOOK.md#{_anchor(row.section)})"
    about = f"**{row.name}**: {row.how}, {lasted}, {row.at} ({link})"
    visitor = [*_steps(_drawn(row.visitor)), *_steps(row.health, "API: ")]
    told = _steps(row.told) or ["nothing: it was over before two looks of the watch"]
    told += [f"`milkbot status`: {_safe(row.status)}"] if row.status else []
    last = "" if row.last_create_s is None else f", the last at {row.last_create_s:.0f} s"
    span = "during the fault" if row.lasted_s else "in the two minutes after it"
    trading = [f"{row.before} orders in the {row.before_s:.0f} s before, {row.during} {span}{last}"]
    trading += _steps(row.ends) or ["no process ended"]
    recovery = [f"{what}: {_after(seconds)}" for what, seconds in row.recovery]
    return [about, *("<br>".join(part) for part in (visitor, told, trading, recovery))]


def _drawn(rows: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Changes of what was drawn: a visit in which nothing was drawn in time says nothing new."""
    kept: list[tuple[float, str]] = []
    for at, words in rows:
        if NOTHING not in words and (not kept or kept[-1][1] != words):
            kept.append((at, words))
    return kept or list(rows[:1])


def _after(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 0.5 else "all the time"


def _steps(rows: Sequence[tuple[float, str]], prefix: str = "") -> list[str]:
    return [f"{at:.0f} s {prefix}{_safe(words)}" for at, words in rows]


def _safe(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ").replace("<", "&lt;")


def _anchor(heading: str) -> str:
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c == "-")
