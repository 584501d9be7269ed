"""The trader's log in a simulation: the same calls, kept as lines."""

from typing import Any

from tests.simulation.witness import Log

MEASURED = ("duration_ms", "memory_mb")
"""Facts of this machine and moment; everything else repeats with the seed."""


class QuietLog:
    """Takes what a bound logger takes. ``errors`` are the job failures a scheduler would have logged."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.errors: list[str] = []

    def _line(self, level: str, event: str, facts: dict[str, Any]) -> None:
        shown = " ".join(f"{name}={facts[name]}" for name in sorted(facts) if name not in MEASURED)
        self._log.note(level, event, shown)

    def debug(self, event: str, **facts: Any) -> None:
        self._line("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        self._line("info", event, facts)
        if event == "cycle_finished" and facts.get("error"):
            self.errors.append(str(facts["error"]))

    def warning(self, event: str, **facts: Any) -> None:
        self._line("warning", event, facts)
        if event == "job_without_answer":
            self.errors.append(str(facts.get("error")))

    def error(self, event: str, **facts: Any) -> None:
        self._line("error", event, facts)
        if event in ("write_failed", "trader_stopped"):
            self.errors.append(f"{event}: {facts.get('error')}")

    def bind(self, **_: Any) -> "QuietLog":
        return self
