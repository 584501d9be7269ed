"""Why it did not trade: how many prices reached each step, how many fell out before it, and why."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from dashboard import format as fmt
from dashboard.components import reasons as why
from dashboard.rows import FunnelStep

# step: title, hint beside it
_STEPS: Final = {
    "seen": ("Prices looked at", "each bracket, each cycle"),
    "priced": ("We had a forecast", "weather and model fresh"),
    "edge": ("Edge after fees", "ours against theirs"),
    "gates": ("Passed every gate", "spread, size, age, rules"),
    "risk": ("Room under risk limits", "trade, city, cluster, book"),
    "sent": ("Orders sent", ""),
    "filled": ("Orders filled", ""),
    "settled": ("Settled", "the result is known"),
}
_ORDER: Final = "sent"  # from here on a step is an order and no longer a price


def title(step: str) -> tuple[str, str]:
    """Name and hint; a step this page does not know keeps its own name, as plain text."""
    return _STEPS.get(step, (fmt.esc(step), ""))


def as_of_text(steps: Sequence[FunnelStep], today: date | None) -> str:
    """Which weather the counts are about: ``today's weather, 60 min late``."""
    if not steps or today is None:
        return "60 min late"
    day = steps[0].date
    return f"{'today’s weather' if day == today else f'weather of {fmt.day(day, today)}'}, 60 min late"


def reasons(steps: Sequence[FunnelStep]) -> list[tuple[str, int]]:
    """Codes of why prices fell out before an order was sent, most frequent first."""
    counts: dict[str, int] = {}
    for step in steps:
        if step.step == _ORDER:
            break
        for row in step.top_reasons:
            if row.reason:
                counts[row.reason] = counts.get(row.reason, 0) + row.count
    return sorted(((code, n) for code, n in counts.items() if n), key=lambda item: (-item[1], item[0]))


def table(steps: Sequence[FunnelStep], *, has_reasons: bool = False) -> str:
    """One line a step: how many came so far, and how many fewer that is than the step before; below it, if
    asked for, why those fell out.
    """
    most = max((s.count for s in steps), default=0)
    before: FunnelStep | None = None
    body = ""
    for step in steps:
        name, hint = title(step.step)
        lost = before.count - step.count if before else 0
        fell = "" if before is None else f"{fmt.MINUS}{lost:,}" if lost else "0"
        width = 100 * step.count / most if most else 0
        css = ' class="order"' if step.step in {"sent", "filled", "settled"} else ""
        body += (
            f'<tr{css}><th scope="row">{name}{f"<i>{hint}</i>" if hint else ""}'
            f"{_because(before) if has_reasons and before and lost else ''}</th>"
            f'<td class="track" aria-hidden="true"><i style="width:{width:.1f}%"></i></td>'
            f'<td class="n">{step.count:,}</td><td class="n d">{fell}</td></tr>'
        )
        before = step
    return f'<table class="fun"><caption class="sr">Step, how many, how many fewer</caption>{body}</table>'


def _because(step: FunnelStep) -> str:
    """What stopped those that came no further than ``step``."""
    said = ", ".join(f"{row.count:,} {why.words(row.reason)}" for row in step.top_reasons[:4] if row.reason)
    return f'<small class="why1">{said}</small>' if said else ""
