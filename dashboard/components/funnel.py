"""Why it did not trade: how many prices reached each step of a day, and how many fell out before it."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

from dashboard import format as fmt
from dashboard.rows import FunnelStep

# step: title, hint beside it, what to say of those that did not get so far
_STEPS: Final = {
    "seen": ("Prices looked at", "each bracket, each cycle", ""),
    "priced": ("We had a forecast", "weather and model fresh", "had no forecast"),
    "edge": ("Edge after fees", "ours against theirs", "no edge after fees"),
    "gates": ("Passed every gate", "spread, size, age, rules", "stopped at a gate"),
    "risk": ("Room under risk limits", "trade, city, cluster, book", "no room under limits"),
    "sent": ("Orders sent", "", "not sent"),
    "filled": ("Orders filled", "", "not filled"),
    "settled": ("Result known", "", "no result yet"),
}


def words_of(step: str) -> tuple[str, str, str]:
    """Title, hint and loss in words; a step this page does not know keeps its own name, as plain text."""
    return _STEPS.get(step, (fmt.esc(step), "", f"lost at {fmt.esc(step)}"))


def as_of_text(steps: Sequence[FunnelStep], today: date | None) -> str:
    """Which day the counts are of: ``today so far, 60 min late``."""
    if not steps or today is None:
        return "60 min late"
    day = steps[0].date
    return "today so far, 60 min late" if day == today else f"{fmt.day(day, today)}, whole day"


def reasons(steps: Sequence[FunnelStep]) -> list[tuple[str, int]]:
    """Why prices fell out before an order was sent, in words, most frequent first."""
    counts: dict[str, int] = {}
    for step, after in pairwise(steps):
        if step.step == "sent":
            break
        found = [(_plain(r.reason), r.count) for r in step.top_reasons if r.reason]
        for words, count in found or [(words_of(after.step)[2], step.count - after.count)]:
            counts[words] = counts.get(words, 0) + count
    return sorted(((w, n) for w, n in counts.items() if n), key=lambda item: (-item[1], item[0]))


def table(steps: Sequence[FunnelStep]) -> str:
    """One line a step: how many came so far, and how many fewer that is than the step before."""
    most = max((s.count for s in steps), default=0)
    body, before = "", None
    for step in steps:
        name, hint, _ = words_of(step.step)
        lost = "" if before is None else f"{fmt.MINUS}{before - step.count:,}" if before > step.count else "0"
        before = step.count
        width = 100 * step.count / most if most else 0
        body += (
            f'<tr><th scope="row">{name}{f"<i>{hint}</i>" if hint else ""}</th>'
            f'<td class="track" aria-hidden="true"><i style="width:{width:.1f}%"></i></td>'
            f'<td class="n">{step.count:,}</td><td class="n d">{lost}</td></tr>'
        )
    return f'<table class="fun">{body}</table>'


def _plain(code: str) -> str:
    """``SPREAD_TOO_WIDE`` as words; a code is from our own list, escaped all the same."""
    return fmt.esc(code.replace("_", " ").lower())
